//! What a client says: a frame that may be obeyed reads back from what it is written as, and within its bounds.

use anteroom::fuzzing::ws::client_frame;
use anteroom_protocol::frame::ClientFrame;
use serde::de::IgnoredAny;
use serde_json::to_value;

const CHARS_MAX: usize = 40;

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(frame) = client_frame(text, CHARS_MAX) else { return };
    let value = to_value(&frame).expect("a frame has text for keys");
    let again = client_frame(&value.to_string(), CHARS_MAX).expect("what was taken is taken again");
    assert_eq!(to_value(&again).expect("as before"), value);
    if let ClientFrame::Send(send) = frame {
        assert!((1..=64).contains(&send.client_id.chars().count()), "{send:?}");
        assert!((1..=CHARS_MAX).contains(&send.content.chars().count()), "{send:?}");
        assert!(!send.client_id.contains('\0') && !send.content.contains('\0'), "{send:?}");
        match send.content_type.as_deref() {
            None | Some("text/plain") => {}
            Some("application/json") => {
                let is_json = serde_json::from_str::<IgnoredAny>(&send.content);
                assert!(is_json.is_ok(), "{send:?}");
            }
            Some(other) => panic!("{other} was taken"),
        }
    }
}
