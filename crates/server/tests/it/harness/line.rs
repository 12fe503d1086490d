//! People in line, and what their streams tell them.

use anteroom_client::{Account, LineEvent, LineStream};
use anteroom_protocol::Code;
use anteroom_protocol::entry::{Position, Reservation, Wait, Waiting};

use super::waiting::within;

/// Takes a place in the line, which must have one to take.
pub(crate) async fn queue(account: &Account, room: i64) -> Position {
    match account.wait(room, &Wait::default()).await.unwrap() {
        Waiting::InLine(position) => position,
        Waiting::Offered { .. } => panic!("offered a seat, where a place in the line was due"),
    }
}

/// Takes a place in the line and opens a stream on it, which has told the position once.
pub(crate) async fn stand(account: &Account, room: i64) -> LineStream {
    let joined = queue(account, room).await;
    let mut stream = account.watch_line(room).await.unwrap();
    let first = position(&mut stream).await;
    assert!(first.position <= joined.position, "{first:?} after {joined:?}");
    stream
}

/// The next event, which must be a position.
pub(crate) async fn position(stream: &mut LineStream) -> Position {
    match next(stream).await {
        LineEvent::Position(position) => position,
        other => panic!("instead of a position came {other:?}"),
    }
}

/// Reads until the stream tells this position.
pub(crate) async fn reaches(stream: &mut LineStream, wanted: u32) {
    while position(stream).await.position != wanted {}
}

/// Reads until the offer, which must be the last.
pub(crate) async fn offer(stream: &mut LineStream) -> Reservation {
    match last(stream).await {
        LineEvent::Offer(offer) => offer,
        other => panic!("instead of an offer came {other:?}"),
    }
}

/// Reads until the place is gone, which must be the last.
pub(crate) async fn gone(stream: &mut LineStream) -> Code {
    match last(stream).await {
        LineEvent::Gone(code) => code,
        other => panic!("instead of the end came {other:?}"),
    }
}

async fn last(stream: &mut LineStream) -> LineEvent {
    loop {
        match next(stream).await {
            LineEvent::Position(_) => {}
            last => {
                let after = within("the end of a stream", stream.next()).await.unwrap();
                assert!(after.is_none(), "{after:?} after {last:?}");
                return last;
            }
        }
    }
}

async fn next(stream: &mut LineStream) -> LineEvent {
    let event = within("a word about the line", stream.next()).await.unwrap();
    event.expect("a stream ends with an offer, or with the reason")
}
