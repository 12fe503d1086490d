//! Frames of SockJS: `o`, `h`, `a[…]` and `c[…]`, made of the frames that every session is told, and read
//! from what clients send.
//!
//! Pure: bytes in, bytes out. A message is quoted once, however many are told it; who keeps the
//! outcome is [`crate::hub`].

use anteroom_protocol::CloseCode;
use bytes::Bytes;

use super::quote::quote;
use crate::ws::frame::{self, Kind};

/// The first frame of every session.
pub(crate) const OPEN: &[u8] = b"o";
/// What shows both ends that the line stands.
pub(crate) const HEARTBEAT: &[u8] = b"h";
/// What stands in front of each message of a piece, see [`pieces`].
pub(crate) const COMMA: u8 = b',';
/// What whoever asks again is told about a session that ended without a word.
const GONE: (u16, &str) = (3000, "Go away!");
/// What a second receiver is told.
const BUSY: (u16, &str) = (2010, "Another connection still open");

/// The same frames for a WebSocket that speaks SockJS: each text as a message of its own, a close with
/// the words in front that such clients read.
pub(crate) fn framed(plain: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(plain.len() + plain.len() / 4);
    for (kind, whole, payload) in frame::split(plain) {
        match kind {
            Kind::Text => out.extend_from_slice(&frame::text(&array(payload))),
            Kind::Ping => {
                out.extend_from_slice(&frame::text(HEARTBEAT));
                out.extend_from_slice(whole);
            }
            Kind::Close => {
                if let Some((code, reason)) = closing(payload) {
                    out.extend_from_slice(&frame::text(&close(code, reason)));
                }
                out.extend_from_slice(whole);
            }
            Kind::Other => out.extend_from_slice(whole),
        }
    }
    out.into()
}

/// The same frames in the form that waits for a response: each message quoted, with a comma in front,
/// so that pieces joined in whatever way make one array. A heartbeat and a close stand alone.
pub(crate) fn pieces(plain: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(plain.len() + plain.len() / 4);
    for (kind, _, payload) in frame::split(plain) {
        match kind {
            Kind::Text => {
                out.push(COMMA);
                quote(&text(payload), &mut out);
            }
            Kind::Ping => out.extend_from_slice(HEARTBEAT),
            Kind::Close => {
                let (code, reason) = closing(payload).unwrap_or(GONE);
                out.extend_from_slice(&close(code, reason));
            }
            // Nobody pings a server over HTTP, so there is nothing to answer.
            Kind::Other => {}
        }
    }
    out.into()
}

/// The array of such pieces.
pub(crate) fn joined(pieces: &[Bytes]) -> Vec<u8> {
    let len = pieces.iter().map(Bytes::len).sum::<usize>();
    let mut out = Vec::with_capacity(len + 2);
    out.push(b'a');
    pieces.iter().for_each(|piece| out.extend_from_slice(piece));
    match out.get_mut(1) {
        // The first comma makes room for the bracket.
        Some(first) => *first = b'[',
        None => out.push(b'['),
    }
    out.push(b']');
    out
}

/// The close of a session that ended without a word.
pub(crate) fn gone() -> Bytes {
    close(GONE.0, GONE.1).into()
}

/// The close that a second receiver is told, while the first goes on.
pub(crate) fn busy() -> Bytes {
    close(BUSY.0, BUSY.1).into()
}

fn array(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + payload.len() / 4);
    out.extend_from_slice(b"a[");
    quote(&text(payload), &mut out);
    out.push(b']');
    out
}

fn close(code: u16, reason: &str) -> Vec<u8> {
    let mut out = format!("c[{code},").into_bytes();
    quote(reason, &mut out);
    out.push(b']');
    out
}

/// The code of a close and its name; what has no name keeps its words.
fn closing(payload: &[u8]) -> Option<(u16, &str)> {
    let (code, words) = payload.split_first_chunk::<2>()?;
    let code = u16::from_be_bytes(*code);
    let name = CloseCode::from_status(code).and_then(CloseCode::code);
    let words = std::str::from_utf8(words).unwrap_or_default();
    Some((
        code,
        match name {
            Some(name) => name.as_str(),
            None if words.is_empty() => "Normal closure",
            None => words,
        },
    ))
}

/// Every text of this server is UTF-8; what were not would be a fault that a client should see.
fn text(payload: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(payload)
}

/// Why what a client sent is no frame of SockJS. The words are the protocol's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    #[error("Payload expected.")]
    Empty,
    #[error("Broken JSON encoding.")]
    Json,
}

/// The texts in what a client sent at once: an array of strings.
///
/// # Errors
/// It is something else.
pub(crate) fn texts(sent: &str) -> Result<Vec<String>, Broken> {
    if sent.trim().is_empty() {
        return Err(Broken::Empty);
    }
    match serde_json::from_str::<Sent>(sent) {
        Ok(Sent::Many(texts)) => Ok(texts),
        Ok(Sent::One(_)) => Err(Broken::Empty),
        Err(_) => Err(Broken::Json),
    }
}

/// The same over a WebSocket, where one string may stand alone and nothing says nothing.
///
/// # Errors
/// It is something else.
pub(crate) fn socket_texts(sent: &str) -> Result<Vec<String>, Broken> {
    if sent.is_empty() {
        return Ok(Vec::new());
    }
    match serde_json::from_str::<Sent>(sent) {
        Ok(Sent::Many(texts)) => Ok(texts),
        Ok(Sent::One(text)) => Ok(vec![text]),
        Err(_) => Err(Broken::Json),
    }
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Sent {
    Many(Vec<String>),
    One(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    #[test]
    fn pieces_join_to_one_array_wherever_they_are_cut() {
        let three = [frame::text(b"{\"a\":1}"), frame::text(b""), frame::text("방".as_bytes())];
        let whole = pieces(&three.concat());
        assert_eq!(shown(&whole), r#","{\"a\":1}","","방""#);
        assert_eq!(shown(&joined(&[whole])), r#"a["{\"a\":1}","","방"]"#);
        let apart: Vec<Bytes> = three.iter().map(|frame| pieces(frame)).collect();
        assert_eq!(shown(&joined(&apart)), r#"a["{\"a\":1}","","방"]"#);
        assert_eq!(shown(&joined(&[])), "a[]");
    }

    #[test]
    fn over_a_websocket_each_text_is_a_message_and_a_close_is_said_in_front() {
        let out = framed(&[frame::text(b"x"), frame::close(4409, "replaced")].concat());
        let found: Vec<_> = frame::split(&out).map(|(_, _, payload)| shown(payload)).collect();
        assert_eq!(found[..2], [r#"a["x"]"#, r#"c[4409,"replaced"]"#]);
        assert_eq!(out.len() - frame::close(4409, "replaced").len(), {
            frame::text(found[0].as_bytes()).len() + frame::text(found[1].as_bytes()).len()
        });
    }

    #[test]
    fn a_close_says_its_code_and_the_name_of_it() {
        let said = |code, reason| shown(&pieces(&frame::close(code, reason)));
        assert_eq!(said(4508, "slow_consumer"), r#"c[4508,"slow_consumer"]"#);
        assert_eq!(said(1009, "the message is too large"), r#"c[1009,"too_large"]"#);
        assert_eq!(said(1012, ""), r#"c[1012,"restarting"]"#);
        assert_eq!(said(1000, ""), r#"c[1000,"Normal closure"]"#);
        assert_eq!(shown(&gone()), r#"c[3000,"Go away!"]"#);
        assert_eq!(shown(&busy()), r#"c[2010,"Another connection still open"]"#);
    }

    #[test]
    fn a_ping_is_a_heartbeat() {
        assert_eq!(shown(&pieces(&frame::ping(b""))), "h");
        let found: Vec<_> = frame::split(&framed(&frame::ping(b"")))
            .map(|(kind, _, payload)| (kind, shown(payload)))
            .collect();
        assert_eq!(found, [(Kind::Text, "h".into()), (Kind::Ping, String::new())]);
    }

    #[test]
    fn only_arrays_of_strings_are_heard() {
        assert_eq!(texts(r#"["a","b"]"#).unwrap(), ["a", "b"]);
        assert_eq!(texts("[]").unwrap(), [""; 0]);
        for (sent, broken) in [
            ("", Broken::Empty),
            ("  ", Broken::Empty),
            (r#""x""#, Broken::Empty),
            ("[\"x", Broken::Json),
            ("x", Broken::Json),
            ("{}", Broken::Json),
            ("[1]", Broken::Json),
            (r#"["a"]b"#, Broken::Json),
        ] {
            assert_eq!(texts(sent), Err(broken), "{sent}");
        }
        assert_eq!(socket_texts(r#""x""#).unwrap(), ["x"]);
        assert_eq!(socket_texts("").unwrap(), [""; 0]);
        assert_eq!(socket_texts("[\"x"), Err(Broken::Json));
    }
}
