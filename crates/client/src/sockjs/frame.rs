//! Frames of SockJS taken apart: pieces of an answer in, frames out, however the answer is cut. Pure.

use crate::error::{Error, Result};
use crate::line::Closed;
use crate::transport::Transport;

/// Longest frame that is read, in bytes. Messages that come together are one.
pub(crate) const FRAME_BYTES_MAX: usize = 4 << 20;

/// One frame from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// The session begins.
    Open,
    /// A sign of life.
    Heartbeat,
    /// Texts, in their order.
    Messages(Vec<String>),
    /// The end.
    Close(Closed),
}

impl Frame {
    /// Reads one.
    ///
    /// # Errors
    /// [`Error::Protocol`] for anything else.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let unreadable = |error| Error::Protocol(format!("no frame of SockJS: {error}: {text}"));
        match text.split_at_checked(1) {
            Some(("o", "")) => Ok(Self::Open),
            // Answers begin with many, which fill the buffers of browsers.
            Some(("h", rest)) if rest.bytes().all(|byte| byte == b'h') => Ok(Self::Heartbeat),
            Some(("a", rest)) => serde_json::from_str(rest).map(Self::Messages).map_err(unreadable),
            Some(("c", rest)) => {
                let (code, reason) = serde_json::from_str(rest).map_err(unreadable)?;
                Ok(Self::Close(Closed { code, reason }))
            }
            _ => Err(Error::Protocol(format!("no frame of SockJS: {text}"))),
        }
    }
}

/// One text, as it is sent.
///
/// # Errors
/// None that happens: a text can always be quoted.
pub(crate) fn array(text: &str) -> Result<String> {
    serde_json::to_string(&[text])
        .map_err(|error| Error::Protocol(format!("frame not writable: {error}")))
}

/// Reads one answer.
#[derive(Debug)]
pub(crate) struct Reader {
    is_event_stream: bool,
    unread: Vec<u8>,
}

impl Reader {
    /// At the beginning of an answer of this transport.
    pub(crate) fn new(transport: Transport) -> Self {
        Self { is_event_stream: transport == Transport::EventSource, unread: Vec::new() }
    }

    /// Takes a piece and gives the frames that end in it.
    ///
    /// # Errors
    /// [`Error::Protocol`] for what is no frame, and for one longer than [`FRAME_BYTES_MAX`].
    pub(crate) fn take(&mut self, piece: &[u8]) -> Result<Vec<Frame>> {
        let mut frames = Vec::new();
        for part in piece.split_inclusive(|&byte| byte == b'\n') {
            if self.unread.len() + part.len() > FRAME_BYTES_MAX {
                return Err(Error::Protocol("a frame of SockJS without an end".into()));
            }
            self.unread.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.unread);
                frames.extend(self.line(&line)?);
            }
        }
        Ok(frames)
    }

    /// Whether the answer may end here.
    pub(crate) fn is_whole(&self) -> bool {
        self.unread.is_empty()
    }

    fn line(&self, line: &[u8]) -> Result<Option<Frame>> {
        let line = std::str::from_utf8(line)
            .map_err(|error| Error::Protocol(format!("a frame of SockJS: {error}")))?;
        let line = line.trim_end_matches(['\r', '\n']);
        if !self.is_event_stream {
            return Frame::parse(line).map(Some);
        }
        // What is no data is an empty line, a comment, or of no meaning to anybody here.
        let data = line.strip_prefix("data:").map(|data| data.strip_prefix(' ').unwrap_or(data));
        data.map(Frame::parse).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Vec<Frame> {
        let texts = ["{\"ä\":\"b\\n\"}", "\u{2028}", ""].map(str::to_owned);
        vec![
            Frame::Heartbeat,
            Frame::Open,
            Frame::Messages(texts.to_vec()),
            Frame::Heartbeat,
            Frame::Close(Closed { code: 4409, reason: "replaced".into() }),
        ]
    }

    const ARRAY: &str = r#"a["{\"ä\":\"b\\n\"}","\u2028",""]"#;

    fn read(transport: Transport, answer: &str, size: usize) -> Vec<Frame> {
        let mut reader = Reader::new(transport);
        let pieces = answer.as_bytes().chunks(size);
        let frames = pieces.flat_map(|piece| reader.take(piece).unwrap()).collect();
        assert!(reader.is_whole(), "in pieces of {size}");
        frames
    }

    #[test]
    fn frames_are_the_same_however_an_answer_is_cut() {
        let prelude = "h".repeat(2_048);
        let stream = format!("{prelude}\no\n{ARRAY}\nh\nc[4409,\"replaced\"]\n");
        for size in 1..stream.len() {
            assert_eq!(read(Transport::XhrStreaming, &stream, size), frames(), "{size}");
        }
    }

    #[test]
    fn an_event_stream_has_the_same_frames_as_its_data() {
        let stream = format!(
            "\r\n: hello\r\nretry: 3\r\ndata: h\r\n\r\ndata: o\r\n\r\ndata: {ARRAY}\r\n\r\ndata:h\r\n\r\n\
             data: c[4409,\"replaced\"]\r\n\r\n"
        );
        for size in 1..stream.len() {
            assert_eq!(read(Transport::EventSource, &stream, size), frames(), "{size}");
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for line in ["", "oo", "ho", "x", "a", "a[1]", "a{}", "c", "c[]", "c[70000,\"\"]", "ä"] {
            assert!(Frame::parse(line).is_err(), "{line}");
            let answer = format!("{line}\n");
            assert!(Reader::new(Transport::XhrPolling).take(answer.as_bytes()).is_err(), "{line}");
        }
        let not_utf8 = Reader::new(Transport::XhrPolling).take(b"a[\"\xff\"]\n");
        assert!(not_utf8.is_err());
    }

    #[test]
    fn an_answer_cut_within_a_frame_is_not_whole() {
        let mut reader = Reader::new(Transport::XhrPolling);
        assert!(reader.take(b"a[\"x").unwrap().is_empty());
        assert!(!reader.is_whole());
    }

    #[test]
    fn an_endless_frame_is_refused() {
        let mut reader = Reader::new(Transport::XhrStreaming);
        assert!(reader.take(&vec![b'h'; FRAME_BYTES_MAX]).is_ok());
        assert!(matches!(reader.take(b"h"), Err(Error::Protocol(_))));
    }

    #[test]
    fn a_text_is_sent_as_an_array_of_one() {
        assert_eq!(array("{\"a\":\"ä\n\"}").unwrap(), r#"["{\"a\":\"ä\n\"}"]"#);
    }
}
