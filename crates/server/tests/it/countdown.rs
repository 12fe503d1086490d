//! Seats that are kept for somebody who is not there: until when, as the room, the lobby and their owner are told.

use anteroom_client::{Account, Session};
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::ServerFrame;
use anteroom_protocol::room::{OwnSeat, OwnSeatState, Seats};
use reqwest::Method;

use crate::harness::{Answer, TestServer, within};

const RESERVED_MS: u64 = 90_000;
const HELD_MS: u64 = 40_000;

async fn server() -> TestServer {
    TestServer::start(|settings| {
        settings.set("admission.reservation_ttl", "90s").set("admission.grace", "40s");
    })
    .await
}

/// The seats that the room is told of once they are like this.
async fn told(session: &mut Session, like: impl Fn(&Seats) -> bool) -> Seats {
    let told = |frame: &ServerFrame| match frame {
        ServerFrame::Seats(seats) if like(seats) => Some(*seats),
        _ => None,
    };
    within("seats", session.wait_for(told)).await.unwrap()
}

/// What an account has in a room; `None` is 404.
async fn own(account: &Account, room: i64) -> Option<OwnSeat> {
    let path = format!("/rooms/{room}/seats/current");
    let answer = Answer::to(account.request(Method::GET, &path)).await;
    if answer.status == 404 {
        answer.refuses(404, "not_found");
        return None;
    }
    assert_eq!(answer.status, 200, "{answer:?}");
    Some(serde_json::from_str(&answer.body).unwrap())
}

/// That a countdown runs from a span: it began a moment ago.
fn runs_from(ms: Option<u64>, span: u64) {
    let left = ms.expect("a countdown");
    assert!(left <= span && left > span - 30_000, "{left} of {span} ms");
}

#[tokio::test]
async fn a_room_is_told_when_the_first_of_the_kept_seats_goes_back() {
    let server = server().await;
    let (room, mut owner) = server.room(&server.user("owner").await, 4).await;
    let a = server.user("a").await;
    assert_eq!(own(&a, room).await, None);
    a.reserve(room, &Reserve::default()).await.unwrap();
    let seats = told(&mut owner, |seats| seats.reserved == 1).await;
    runs_from(seats.frees_in_ms, RESERVED_MS);
    let mine = own(&a, room).await.unwrap();
    assert_eq!(mine.state, OwnSeatState::Reserved);
    runs_from(mine.expires_in_ms, RESERVED_MS);

    // One held for a shorter time goes back first.
    let b = server.user("b").await;
    let session = b.enter(room).await.unwrap();
    assert_eq!(
        own(&b, room).await,
        Some(OwnSeat { state: OwnSeatState::Occupied, expires_in_ms: None })
    );
    drop(session);
    let seats = told(&mut owner, |seats| seats.held == 1).await;
    runs_from(seats.frees_in_ms, HELD_MS);
    let mine = own(&b, room).await.unwrap();
    assert_eq!(mine.state, OwnSeatState::Held);
    runs_from(mine.expires_in_ms, HELD_MS);

    // Who comes later is told as much; and with nobody awaited there is no countdown.
    let back = b.enter(room).await.unwrap();
    told(&mut owner, |seats| (seats.held, seats.occupied) == (0, 2)).await;
    a.cancel(room).await.unwrap();
    let seats = told(&mut owner, |seats| seats.reserved == 0 && seats.occupied == 2).await;
    assert_eq!(seats.frees_in_ms, None);
    back.leave().await.unwrap();
    assert_eq!(own(&a, room).await, None);
}

#[tokio::test]
async fn a_large_room_is_told_numbers_alone() {
    let server = server().await;
    let (room, mut owner) = server.room(&server.user("owner").await, 61).await;
    server.user("a").await.reserve(room, &Reserve::default()).await.unwrap();
    let seats = told(&mut owner, |seats| seats.reserved == 1).await;
    assert_eq!(seats.frees_in_ms, None);
}
