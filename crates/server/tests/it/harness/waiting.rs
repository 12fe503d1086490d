//! Waiting for what a session is told, with an end to the patience.

use std::time::Duration;

use anteroom_client::{Closed, Error, Event, Session};
use anteroom_protocol::Code;
use anteroom_protocol::frame::{Ending, ServerFrame};
use anteroom_protocol::message::Message;

/// How long anything may take before it counts as never. Far above what is needed: it only decides
/// how soon a broken test ends.
pub(crate) const PATIENCE: Duration = Duration::from_secs(45);

/// The outcome of `doing`, unless it never comes.
pub(crate) async fn within<T>(what: &str, doing: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, doing).await {
        Ok(done) => done,
        Err(_) => panic!("waited in vain: {what}"),
    }
}

/// Reads a session to its end: the words before the close, and the close.
pub(crate) async fn ended(session: &mut Session) -> (Option<Ending>, Closed) {
    within("the end of a session", async {
        let mut words = None;
        loop {
            match session.next().await.expect("a session ends with its close") {
                Event::Frame(ServerFrame::Closing(ending)) => words = Some(ending),
                Event::Closed(closed) => return (words, closed),
                _ => {}
            }
        }
    })
    .await
}

/// Shows that a session is alive: what it says is stored.
pub(crate) async fn alive(session: &mut Session) {
    within("an ack for a living session", session.send("still here")).await.unwrap();
}

/// The next message said in the room.
pub(crate) async fn next_message(session: &mut Session) -> Message {
    let wanted = |frame: &ServerFrame| match frame {
        ServerFrame::Message(message) => Some(message.clone()),
        _ => None,
    };
    within("a message", session.wait_for(wanted)).await.unwrap()
}

/// The refusal, which must be this one. `status` is the HTTP status or the close code.
#[track_caller]
pub(crate) fn refused<T>(outcome: Result<T, Error>, status: u16, code: Code) -> Error {
    match outcome {
        Ok(_) => panic!("granted, where {status} {code} was due"),
        Err(error) => {
            let found = (error.status(), error.code());
            assert_eq!(found, (Some(status), Some(code)), "{error}");
            error
        }
    }
}
