//! How each transport over HTTP writes what it is given. Pure.

use bytes::Bytes;

use super::callback::Callback;
use super::quote::{quote, without_tags};

/// So many bytes of answer are enough: browsers keep a response that goes on in memory as long as it does.
const RESPONSE_BYTES: usize = 128 << 10;
/// So many of them come at once.
const FRAME_BYTES: usize = 16 << 10;
/// What some browsers want to see before they show anything of a response.
const PRELUDE_BYTES: usize = 2_048;
/// The same for a page.
const PAGE_BYTES: usize = 1_024;

/// A transport whose messages come as answers to requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    XhrStreaming,
    /// One frame for each request.
    Xhr,
    EventSource,
    /// A page that goes on, whose scripts call `parent.…`.
    HtmlFile(Callback),
    /// One frame for each request, as a script that calls the function.
    Jsonp(Callback),
}

impl Transport {
    /// As it is called in paths and logs.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::XhrStreaming => "xhr_streaming",
            Self::Xhr => "xhr",
            Self::EventSource => "eventsource",
            Self::HtmlFile(_) => "htmlfile",
            Self::Jsonp(_) => "jsonp",
        }
    }

    /// The type of the answer.
    pub(crate) const fn content_type(&self) -> &'static str {
        match self {
            Self::XhrStreaming | Self::Xhr | Self::Jsonp(_) => {
                "application/javascript; charset=UTF-8"
            }
            Self::EventSource => "text/event-stream",
            Self::HtmlFile(_) => "text/html; charset=UTF-8",
        }
    }

    /// After so many bytes the answer ends; the client asks anew.
    pub(crate) const fn response_bytes(&self) -> usize {
        match self {
            Self::Xhr | Self::Jsonp(_) => 1,
            Self::XhrStreaming | Self::EventSource | Self::HtmlFile(_) => RESPONSE_BYTES,
        }
    }

    /// Whether an answer may have more than one frame. A script is called once.
    pub(crate) const fn takes_several(&self) -> bool {
        !matches!(self, Self::Jsonp(_))
    }

    /// So many bytes of messages come in one frame, or a few more. Little where the answer goes on, so that
    /// what a client does not read stays where it is counted; all there is where it ends with the frame.
    pub(crate) const fn frame_bytes(&self) -> usize {
        match self {
            Self::Xhr | Self::Jsonp(_) => RESPONSE_BYTES,
            Self::XhrStreaming | Self::EventSource | Self::HtmlFile(_) => FRAME_BYTES,
        }
    }

    /// What the answer begins with.
    pub(crate) fn prelude(&self) -> Option<Bytes> {
        match self {
            Self::Xhr | Self::Jsonp(_) => None,
            Self::XhrStreaming => {
                let mut prelude = vec![b'h'; PRELUDE_BYTES];
                prelude.push(b'\n');
                Some(prelude.into())
            }
            Self::EventSource => Some(Bytes::from_static(b"\r\n")),
            Self::HtmlFile(callback) => Some(page(callback).into()),
        }
    }

    /// One frame, as it stands in the answer.
    pub(crate) fn wrap(&self, mut frame: Vec<u8>) -> Bytes {
        match self {
            Self::XhrStreaming | Self::Xhr => {
                frame.push(b'\n');
                frame.into()
            }
            // No frame has a line break in it: they are quoted.
            Self::EventSource => [b"data: ", &frame[..], b"\r\n\r\n"].concat().into(),
            Self::HtmlFile(_) => {
                [b"<script>\np(", &script(&frame)[..], b");\n</script>\r\n"].concat().into()
            }
            // The comment keeps the answer from being taken for anything but a script.
            Self::Jsonp(callback) => {
                let name = callback.as_str().as_bytes();
                [b"/**/", name, b"(", &script(&frame), b");\r\n"].concat().into()
            }
        }
    }
}

/// A frame as a string of a script, in which nothing can end the script.
fn script(frame: &[u8]) -> Vec<u8> {
    let mut json = Vec::new();
    quote(&String::from_utf8_lossy(frame), &mut json);
    without_tags(&json)
}

fn page(callback: &Callback) -> Vec<u8> {
    let mut page = format!(
        "<!doctype html>\n<html><head>\n  \
         <meta http-equiv=\"X-UA-Compatible\" content=\"IE=edge\" />\n  \
         <meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\" />\n\
         </head><body><h2>Don't panic!</h2>\n  <script>\n    \
         var c = parent.{};\n    c.start();\n    \
         function p(d) {{c.message(d);}};\n    \
         window.onload = function() {{c.stop();}};\n  </script>",
        callback.as_str()
    );
    let missing = PAGE_BYTES.saturating_sub(page.len());
    page.push_str(&" ".repeat(missing));
    page.push_str("\r\n\r\n");
    page.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(transport: &Transport, frame: &str) -> String {
        String::from_utf8(transport.wrap(frame.into()).to_vec()).unwrap()
    }

    fn callback(name: &str) -> Callback {
        Callback::new(Some(name)).unwrap()
    }

    #[test]
    fn each_transport_frames_as_the_protocol_says() {
        let frame = r#"a["x"]"#;
        assert_eq!(wrapped(&Transport::Xhr, frame), "a[\"x\"]\n");
        assert_eq!(wrapped(&Transport::XhrStreaming, frame), "a[\"x\"]\n");
        assert_eq!(wrapped(&Transport::EventSource, frame), "data: a[\"x\"]\r\n\r\n");
        assert_eq!(
            wrapped(&Transport::HtmlFile(callback("_jp.a")), frame),
            "<script>\np(\"a[\\\"x\\\"]\");\n</script>\r\n"
        );
        assert_eq!(
            wrapped(&Transport::Jsonp(callback("_jp.a")), frame),
            "/**/_jp.a(\"a[\\\"x\\\"]\");\r\n"
        );
    }

    #[test]
    fn what_somebody_says_ends_no_script() {
        for transport in [Transport::HtmlFile(callback("x")), Transport::Jsonp(callback("x"))] {
            let said = wrapped(&transport, r#"a["</script><script>steal()</script>"]"#);
            assert!(said.matches("</script>").count() <= 1, "{said}");
            assert!(!said.contains("<script>steal"), "{said}");
        }
    }

    #[test]
    fn preludes_are_as_long_as_browsers_want_them() {
        let prelude = Transport::XhrStreaming.prelude().unwrap();
        assert_eq!(prelude.len(), 2_049);
        assert!(prelude.starts_with(b"hhh") && prelude.ends_with(b"h\n"));
        assert_eq!(&Transport::EventSource.prelude().unwrap()[..], b"\r\n");
        let page = Transport::HtmlFile(callback("_jp.a")).prelude().unwrap();
        assert!(page.len() >= 1_024 && page.ends_with(b"\r\n\r\n"));
        assert!(String::from_utf8_lossy(&page).contains("var c = parent._jp.a;"));
        assert!(Transport::Xhr.prelude().is_none());
    }
}
