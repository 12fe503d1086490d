//! Telling a quiet room from a dead line: a silent heartbeat earns a `ping`, a second one the end.

use std::time::Duration;

use anteroom_protocol::frame::ClientFrame;
use tokio::time::timeout_at;

use crate::session::{Closed, Event, Session};

/// The next event, or a broken line after two silent heartbeats with a `ping` between them.
pub(crate) async fn read_alive(session: &mut Session, pinged: &mut bool) -> Option<Event> {
    let beat = Duration::from_millis(session.welcome().heartbeat_ms.max(1));
    loop {
        let heard = session.heard_at();
        let deadline = heard + if *pinged { beat * 2 } else { beat };
        if let Ok(event) = timeout_at(deadline, session.next()).await {
            *pinged = false;
            return event;
        }
        if session.heard_at() > heard {
            *pinged = false;
        } else if *pinged {
            let reason = "two heartbeats without a sign of life".into();
            return Some(Event::Closed(Closed { code: 1006, reason }));
        } else {
            *pinged = true;
            // A broken line shows in the read that follows.
            let _ = session.send_frame(&ClientFrame::Ping { nonce: None }).await;
        }
    }
}
