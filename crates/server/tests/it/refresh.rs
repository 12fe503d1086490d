//! The same user comes back: refresh, second tab, stale tab. The seat and its owner stay, whatever
//! order the old connection's end and the new one's beginning take.

use anteroom_client::{Account, ConfirmOptions, Error, Session};
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::{EntryKind, ServerFrame};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Known as _, TestServer, alive, ended, lacks_websocket, refused, within};

async fn come_back(account: &Account, room: i64, resume: &str) -> Result<Session, Error> {
    let body = Reserve { resume: Some(resume.into()), ..Reserve::default() };
    let reservation = account.reserve(room, &body).await?;
    let options = ConfirmOptions { resume: Some(resume.into()), ..ConfirmOptions::default() };
    account.confirm(&reservation, options).await
}

/// Asserts that the others were told of nobody coming or going but those in `joined`.
async fn saw_nobody_move(observer: &mut Session, user: uuid::Uuid) {
    alive(observer).await;
    // What was told before that ack is queued in order; look at all of it.
    let moved = |frame: &ServerFrame| match frame {
        ServerFrame::Presence(presence) => {
            let came = presence.joined.iter().any(|who| who.id == user);
            (came || presence.left.contains(&user)).then_some(())
        }
        _ => None,
    };
    let ping = observer.send_raw_text(r#"{"type":"ping","nonce":"end"}"#).await;
    ping.unwrap();
    let outcome = within(
        "a pong",
        observer.wait_for(|frame| match frame {
            ServerFrame::Pong { .. } => Some(false),
            frame => moved(frame).map(|()| true),
        }),
    )
    .await;
    assert!(!outcome.unwrap(), "somebody was told of {user} moving");
}

/// Reads what has been told so far, so that only later news is looked at.
async fn caught_up(observer: &mut Session, user: uuid::Uuid) {
    let joined = |frame: &ServerFrame| match frame {
        ServerFrame::Presence(presence) => {
            presence.joined.iter().any(|who| who.id == user).then_some(())
        }
        _ => None,
    };
    within("news of an arrival", observer.wait_for(joined)).await.unwrap();
}

#[tokio::test]
async fn behaviour_b20_refresh_in_a_full_room_old_closed_first() {
    let server = TestServer::plain().await;
    let (room, mut observer) = server.room(&server.user("owner").await, 2).await;
    let a = server.user("a").await;
    let old = a.enter(room).await.unwrap();
    caught_up(&mut observer, a.id()).await;
    let (id, resume) = (old.welcome().session, old.welcome().resume.clone());
    old.close(1001).await.unwrap();
    server.event("session.closed", json!({ "session": id })).await;
    server.event("seat.held", json!({ "user": a.id() })).await;
    assert_eq!(server.seats(room).await.held, 1);
    let other = server.guest("other").await;
    refused(other.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);

    let mut new = come_back(&a, room, &resume).await.unwrap();
    assert_eq!(new.welcome().entry, EntryKind::Refresh);
    assert_ne!(new.welcome().resume, resume, "each session has a secret of its own");
    alive(&mut new).await;
    let seats = server.balanced(room).await;
    assert_eq!((seats.occupied, seats.held, seats.free), (2, 0, 0));
    saw_nobody_move(&mut observer, a.id()).await;
    assert_eq!(server.memberships_of(room, &a), 1, "the same stay goes on");
}

#[tokio::test]
async fn behaviour_b20_refresh_in_a_full_room_new_opened_first() {
    let server = TestServer::plain().await;
    let (room, mut observer) = server.room(&server.user("owner").await, 2).await;
    let a = server.user("a").await;
    let mut old = a.enter(room).await.unwrap();
    caught_up(&mut observer, a.id()).await;
    let resume = old.welcome().resume.clone();

    let mut new = come_back(&a, room, &resume).await.unwrap();
    assert_eq!(new.welcome().entry, EntryKind::Refresh);
    let other = server.guest("other").await;
    refused(other.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    assert_eq!(ended(&mut old).await.1.code, 4409);
    let id = old.welcome().session;
    old.abort();
    server.event("session.closed", json!({ "session": id })).await;
    alive(&mut new).await;
    let seats = server.balanced(room).await;
    assert_eq!((seats.occupied, seats.held, seats.free), (2, 0, 0));
    saw_nobody_move(&mut observer, a.id()).await;
    assert!(server.logged("seat.returned", json!({ "user": a.id() })).is_empty());
    assert!(server.logged("seat.held", json!({ "user": a.id() })).is_empty());
}

#[tokio::test]
async fn bug_b13_the_late_close_of_a_replaced_session_does_not_touch_the_new_one() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.grace", "0s");
    })
    .await;
    let (room, _owner) = server.room(&server.user("owner").await, 2).await;
    let a = server.user("a").await;
    let old = a.enter(room).await.unwrap();
    let id = old.welcome().session;
    let mut new = a.enter(room).await.unwrap();
    alive(&mut new).await;
    // With no grace, a close counted for the new session would free the seat at once.
    old.reset();
    server.event("session.closed", json!({ "session": id })).await;
    alive(&mut new).await;
    let seats = server.balanced(room).await;
    assert_eq!((seats.occupied, seats.free), (2, 0));
    assert_eq!(a.presence(a.id()).await.unwrap().sessions, 1);
    assert!(server.logged("seat.returned", json!({ "user": a.id() })).is_empty());
}

#[tokio::test]
async fn behaviour_b25_a_stale_resume_is_refused_and_changes_nothing() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 2).await;
    let a = server.user("a").await;
    let mut living = a.enter(room).await.unwrap();
    let before = server.balanced(room).await;
    // At step 1, and again at step 2 with a ticket that was asked for without it.
    for stale in ["x", "AAAAAAAAAAAAAAAAAAAAAA"] {
        let body = Reserve { resume: Some(stale.into()), ..Reserve::default() };
        refused(a.reserve(room, &body).await, 409, Code::Replaced);
    }
    let ticket = a.reserve(room, &Reserve::default()).await.unwrap();
    let options = || ConfirmOptions { resume: Some("stale".into()), ..ConfirmOptions::default() };
    for _ in 0..5 {
        refused(a.confirm(&ticket, options()).await, 4409, Code::Replaced);
    }
    alive(&mut living).await;
    assert_eq!(server.seats(room).await.occupied, before.occupied);
    let again = a.reserve(room, &Reserve::default()).await.unwrap();
    assert_eq!(again.ticket, ticket.ticket, "the ticket stands as it was");
    let taken = a.confirm(&ticket, ConfirmOptions::default()).await.unwrap();
    assert_eq!(taken.welcome().entry, EntryKind::Takeover, "and is still good");
}

#[tokio::test]
async fn behaviour_b24_a_resume_from_before_leaving_begins_a_new_stay() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 2).await;
    let a = server.user("a").await;
    let old = a.enter(room).await.unwrap();
    let resume = old.welcome().resume.clone();
    old.leave().await.unwrap();
    let new = come_back(&a, room, &resume).await.unwrap();
    assert_eq!(new.welcome().entry, EntryKind::First);
    assert_eq!(server.rows("memberships WHERE room_id = ?1", &[&room]), 3, "owner, and two stays");
}

#[tokio::test]
async fn bug_b29_a_replaced_tab_that_comes_back_by_itself_does_not_throw_out_the_active_one() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 2).await;
    let a = server.user("a").await;
    let mut first = a.enter(room).await.unwrap();
    let stale = first.welcome().resume.clone();
    let mut second = a.enter(room).await.unwrap();
    assert_eq!(ended(&mut first).await.1.code, 4409);
    refused(come_back(&a, room, &stale).await, 409, Code::Replaced);
    alive(&mut second).await;
}

#[tokio::test]
async fn behaviour_b06_an_attempt_that_failed_is_told_from_one_never_made() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.reservation_ttl", "2s");
    })
    .await;
    let (room, _owner) = server.room(&server.user("owner").await, 5).await;
    let (never, tried) = (server.user("never").await, server.user("tried").await);
    let _sitting = tried.enter(room).await.unwrap();
    never.reserve(room, &Reserve::default()).await.unwrap();
    let ticket = tried.reserve(room, &Reserve::default()).await.unwrap();
    let options = ConfirmOptions { resume: Some("stale".into()), ..ConfirmOptions::default() };
    refused(tried.confirm(&ticket, options).await, 4409, Code::Replaced);
    for (who, outcome) in
        [(&never, "expired_never_connected"), (&tried, "expired_after_failed_attempt")]
    {
        let expired = server.event("reservation.expired", json!({ "user": who.id() })).await;
        assert_eq!(expired.text("outcome"), outcome);
    }
    let seats = server.balanced(room).await;
    assert_eq!((seats.occupied, seats.reserved), (2, 0), "who sat there still does");
}

/// The line can break after the entry is a fact and before `welcome` arrives. The client then has
/// only the secret it came with; nobody replaced it, so it must not be told that somebody did.
#[tokio::test]
async fn who_lost_the_welcome_of_a_refresh_comes_back_with_the_former_secret() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 2).await;
    let a = server.user("a").await;
    let first = a.enter(room).await.unwrap();
    let former = first.welcome().resume.clone();
    first.abort();
    server.event("seat.held", json!({ "user": a.id() })).await;
    let mark = server.mark();
    let unheard = come_back(&a, room, &former).await.unwrap();
    // Not a byte is answered: as if `welcome` had never arrived.
    unheard.abort();
    server.event_since(mark, "seat.held", json!({ "user": a.id() })).await;

    let mut back = come_back(&a, room, &former).await.unwrap();
    assert_eq!(back.welcome().entry, EntryKind::Refresh);
    alive(&mut back).await;
    // Heard once, the session has a secret of its own, and the former one is stale.
    refused(come_back(&a, room, &former).await, 409, Code::Replaced);
    alive(&mut back).await;
}

/// A pong or a ping comes from below the client: it does not show that the `welcome`, and with it the
/// new secret, was ever read.
#[tokio::test]
async fn the_former_secret_is_good_until_the_client_itself_has_spoken() {
    if lacks_websocket("a client whose pongs are not its own words", "nothing is below the client")
    {
        return;
    }
    let server = TestServer::plain().await;
    let (room, _observer) = server.room(&server.user("owner").await, 2).await;
    let a = server.user("a").await;
    let first = a.enter(room).await.unwrap();
    let former = first.welcome().resume.clone();
    let mut second = come_back(&a, room, &former).await.unwrap();
    let socket = second.socket_mut().expect("a WebSocket");
    socket.send(Message::Ping("below".into())).await.unwrap();
    let pong = async { while !matches!(socket.next().await, Some(Ok(Message::Pong(_)))) {} };
    within("a pong", pong).await;
    let mut third = come_back(&a, room, &former).await.unwrap();
    assert_eq!(third.welcome().entry, EntryKind::Refresh, "as if its welcome had been lost");
    alive(&mut third).await;
    let late = come_back(&a, room, &former).await.err().and_then(|error| error.code());
    assert_eq!(late, Some(Code::Replaced), "whoever spoke has read the new one");
    alive(&mut third).await;
}
