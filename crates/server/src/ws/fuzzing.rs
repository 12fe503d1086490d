//! For the fuzz targets: what a text of a client is taken for.

use anteroom_protocol::frame::ClientFrame;

use super::handlers;

/// The frame that a text is, as far as it may be obeyed.
#[must_use]
pub fn client_frame(text: &str, chars_max: usize) -> Option<ClientFrame> {
    let frame: ClientFrame = serde_json::from_str(text).ok()?;
    match &frame {
        ClientFrame::Send(send) => handlers::check(send, chars_max).is_ok().then_some(frame),
        _ => Some(frame),
    }
}
