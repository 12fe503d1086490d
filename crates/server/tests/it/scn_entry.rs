//! The founding scenarios SCN-ENTRY-001 to 007, each assertion of each, log lines included.

use anteroom_client::{ConfirmOptions, Event};
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::EntryKind;
use anteroom_protocol::{CloseCode, Code};
use serde_json::json;

use crate::harness::{Known, TestServer, alive, ended, lacks_websocket, refused, within};
use crate::tokens::with_flipped_bit;

/// A seat is reserved, nobody connects: the deadline takes it back.
#[tokio::test]
async fn scn_entry_001_a_reservation_nobody_confirms_is_reclaimed_at_its_deadline() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.reservation_ttl", "3s");
    })
    .await;
    let owner = server.user("owner").await;
    let (room, _owner) = server.room(&owner, 10).await;
    let _others = server.fill(room, 8).await;
    let [a, late]: [_; 2] = server.guests(2).await.try_into().unwrap();
    let reserved = a.reserve(room, &Reserve::default()).await.unwrap();
    let seats = server.seats(room).await;
    assert_eq!((seats.occupied, seats.reserved, seats.free), (9, 1, 0), "counted from step 1 on");
    assert_eq!(server.memberships_of(room, &a), 0, "and nothing durable of it");
    refused(late.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);

    let stay = json!({ "room": room, "user": a.id() });
    let expired = server.event("reservation.expired", stay.clone()).await;
    assert_eq!(expired.text("outcome"), "expired_never_connected");
    assert_eq!(expired.text("generation"), reserved.seat.generation);
    let late_by = expired.at_ms() - reserved.expires_at.0;
    assert!((-50..2_000).contains(&late_by), "reclaimed {late_by} ms after the deadline");

    let seats = server.seats(room).await;
    assert_eq!((seats.occupied, seats.reserved, seats.free), (9, 0, 1), "the seat is back");
    let late_ticket = a.confirm(&reserved, ConfirmOptions::default()).await;
    refused(late_ticket, CloseCode::ReservationExpired.status(), Code::ReservationExpired);
    let mut taken = late.enter(room).await.unwrap();
    alive(&mut taken).await;
    assert_eq!(server.logged("reservation.expired", stay).len(), 1, "reclaimed exactly once");
    assert_eq!(server.balanced(room).await.occupied, 10);
}

/// The connection makes the entry a fact: a row, a session, a line in the log, in that order.
#[tokio::test]
async fn scn_entry_002_connecting_persists_the_membership_and_registers_the_session() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, _owner) = server.room(&owner, 10).await;
    let a = server.user("a").await;
    let reserved = a.reserve(room, &Reserve::default()).await.unwrap();
    assert_eq!(server.memberships_of(room, &a), 0, "not before the connection");
    assert!(!a.presence(a.id()).await.unwrap().online);
    assert!(server.logged("entry.confirmed", json!({ "user": a.id() })).is_empty());

    let session = a.confirm(&reserved, ConfirmOptions::default()).await.unwrap();
    assert_eq!(session.welcome().entry, EntryKind::First);
    assert_eq!(session.welcome().you.id, a.id());
    assert_eq!(server.memberships_of(room, &a), 1, "the row is there when `welcome` comes");
    let presence = a.presence(a.id()).await.unwrap();
    assert!(presence.online);
    assert_eq!((presence.sessions, presence.rooms), (1, vec![room]), "and the session registered");

    let id = session.welcome().session;
    let confirmed = server.event("entry.confirmed", json!({ "room": room, "user": a.id() })).await;
    assert_eq!(confirmed.text("session"), id.to_string());
    assert_eq!(confirmed.text("generation"), reserved.seat.generation);
    assert_eq!(confirmed.text("entry"), "first");
    assert!(confirmed.text("waited_ms").parse::<u64>().is_ok(), "{confirmed}");
    server.event("session.opened", json!({ "session": id, "user": a.id(), "room": room })).await;
    let connecting = server.event("entry.connecting", json!({ "user": a.id() })).await;
    let step1 = server.event("entry.reserved", json!({ "user": a.id() })).await;
    assert!(step1.index < connecting.index && connecting.index < confirmed.index);
}

/// The same user connects again: the old session is told and ends, the new one has the seat.
#[tokio::test]
async fn scn_entry_003_a_second_connection_of_a_user_ends_the_first_and_keeps_the_seat() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, _owner) = server.room(&owner, 2).await;
    let a = server.user("a").await;
    let mut first = a.enter(room).await.unwrap();
    let seats = server.seats(room).await;
    assert_eq!(seats.free, 0);

    let reserved = a.reserve(room, &Reserve::default()).await.unwrap();
    assert!(reserved.seat.takeover, "the room is full, and still the user has a seat in it");
    let mut second = a.confirm(&reserved, ConfirmOptions::default()).await.unwrap();
    assert_eq!(second.welcome().entry, EntryKind::Takeover);
    let (words, closed) = ended(&mut first).await;
    assert_eq!(closed.code, CloseCode::Replaced.status());
    let words = words.expect("told before it is closed");
    assert_eq!((words.code, words.status), (Code::Replaced, closed.code));
    assert!(!words.detail.is_empty(), "in words");

    let (old, new) = (first.welcome().session, second.welcome().session);
    server.event("session.replaced", json!({ "session": old, "by": new, "room": room })).await;
    server.event("session.closed", json!({ "session": old, "code": closed.code })).await;
    assert_eq!(a.presence(a.id()).await.unwrap().sessions, 1, "only the newest is registered");
    alive(&mut second).await;
    assert_eq!(server.balanced(room).await, seats, "the seats never moved");
    assert_eq!(server.memberships_of(room, &a), 1);
    assert!(server.logged("seat.returned", json!({ "user": a.id() })).is_empty());
}

/// As 003, with an old connection that is dead and says nothing any more.
#[tokio::test]
async fn scn_entry_003_a_dead_first_connection_does_not_hold_up_the_second() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, _owner) = server.room(&owner, 2).await;
    let a = server.user("a").await;
    let silent = a.enter(room).await.unwrap();
    // Nobody reads `silent`: it neither answers the close nor goes away.
    let mut second = a.enter(room).await.unwrap();
    assert_eq!(second.welcome().entry, EntryKind::Takeover);
    alive(&mut second).await;
    let reset = a.enter(room);
    silent.reset();
    let mut third = reset.await.unwrap();
    alive(&mut third).await;
    assert_eq!(server.balanced(room).await.occupied, 2);
}

/// A room is asked for: it stands in the queue alone, and its creator's seat is counted.
#[tokio::test]
async fn scn_entry_004_a_pending_room_is_in_the_queue_and_nowhere_else() {
    let server = TestServer::plain().await;
    let a = server.user("a").await;
    let room = server.pending_room(&a, 10).await.room.id;
    assert_eq!(server.rows("creation_queue WHERE id = ?1", &[&room]), 1, "in the queue");
    assert_eq!(server.rows("rooms WHERE id = ?1", &[&room]), 0, "and nowhere else");
    assert_eq!(server.seats(room).await.reserved, 1);
}

/// Nobody connects: it is forgotten, and its seat with it.
#[tokio::test]
async fn scn_entry_004_a_pending_room_nobody_enters_is_forgotten_with_its_reservation() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.pending_room_ttl", "4s").set("admission.reservations_per_user", 1);
    })
    .await;
    let a = server.user("a").await;
    let created = server.pending_room(&a, 10).await;
    let room = created.room.id;

    let gone = server.event("room.pending_expired", json!({ "room": room })).await;
    let stay = json!({ "room": room, "user": a.id() });
    let expired = server.event("reservation.expired", stay.clone()).await;
    assert_eq!(expired.text("outcome"), "expired_never_connected");
    assert!(gone.at_ms() >= created.reservation.expires_at.0, "the reservation ends with the room");
    refused(a.room(room).await, 404, Code::RoomNotFound);
    no_longer_queued(&server, room).await;
    assert_eq!(server.rows("rooms WHERE id = ?1", &[&room]), 0, "no row without an entry");
    let late = a.confirm(&created.reservation, ConfirmOptions::default()).await;
    let status = late.as_ref().err().and_then(|error| error.status());
    assert!(matches!(status, Some(4404 | 4408)), "told in words: {late:?}", late = late.err());
    // The user holds nothing any more: the one reservation allowed is free again.
    server.pending_room(&a, 10).await;
    assert_eq!(server.logged("reservation.expired", stay).len(), 1);
}

/// As 004, while the store forgets nothing: the seats are gone, and so is the room, for whoever asks.
#[tokio::test]
async fn scn_entry_004_a_room_that_was_given_up_is_not_found_before_its_record_is_forgotten() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.pending_room_ttl", "1s");
    })
    .await;
    let a = server.user("a").await;
    // The store is mended from outside while the server tries again and again: the two may meet in it.
    server.expect_error("storage.group_lost");
    server.break_store("DELETE ON creation_queue");
    let room = server.pending_room(&a, 10).await.room.id;
    server.event("room.pending_expired", json!({ "room": room })).await;
    // Of several nodes each is asked at least once.
    for _ in 0..6 {
        refused(a.room(room).await, 404, Code::RoomNotFound);
        refused(a.reserve(room, &Reserve::default()).await, 404, Code::RoomNotFound);
    }
    assert_eq!(server.rows("creation_queue WHERE id = ?1", &[&room]), 1, "the record stands");
    server.mend_store();
    no_longer_queued(&server, room).await;
}

async fn no_longer_queued(server: &TestServer, room: i64) {
    within("an empty queue", async {
        while server.rows("creation_queue WHERE id = ?1", &[&room]) > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// The line breaks: the session goes at once, the seat after the grace, exactly once.
#[tokio::test]
async fn scn_entry_005_a_broken_connection_gives_the_seat_back_after_the_grace() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.grace", "1500ms");
    })
    .await;
    let owner = server.user("owner").await;
    let (room, _owner) = server.room(&owner, 2).await;
    let a = server.user("a").await;
    let session = a.enter(room).await.unwrap();
    let (id, stay) = (session.welcome().session, json!({ "room": room, "user": a.id() }));
    session.abort();

    let closed = server.event("session.closed", json!({ "session": id })).await;
    assert_eq!(closed.text("clean"), "false");
    let held = server.event("seat.held", stay.clone()).await;
    let returned = server.event("seat.returned", stay.clone()).await;
    assert_eq!(returned.text("cause"), "grace_expired");
    assert!(closed.index < returned.index && held.index < returned.index);
    let until: i64 = held.text("until_ms").parse().unwrap();
    assert!(returned.at_ms() >= until, "not before the grace is over");

    let presence = a.presence(a.id()).await.unwrap();
    assert_eq!((presence.online, presence.sessions), (false, 0), "the session is gone");
    let over = server.event("membership.ended", stay.clone()).await;
    assert_eq!(over.text("reason"), "grace_expired");
    assert_eq!(server.memberships_of(room, &a), 0);
    let mut next = server.guest("next").await.enter(room).await.unwrap();
    alive(&mut next).await;
    assert_eq!(server.balanced(room).await.occupied, 2, "the seat can be granted again");
    assert_eq!(server.logged("seat.returned", stay).len(), 1, "exactly once");
}

/// As 005, by `ws.close()`: a clean end gives the seat back at once.
#[tokio::test]
async fn scn_entry_005_a_clean_close_gives_the_seat_back_at_once() {
    if lacks_websocket("a clean close", "there is no close frame; only `leave` is a clean end") {
        return;
    }
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, _owner) = server.room(&owner, 2).await;
    let a = server.user("a").await;
    let session = a.enter(room).await.unwrap();
    let id = session.welcome().session;
    session.close(1000).await.unwrap();
    let closed = server.event("session.closed", json!({ "session": id })).await;
    assert_eq!((closed.text("clean"), closed.text("code")), ("true".into(), "1000".into()));
    let stay = json!({ "room": room, "user": a.id() });
    assert_eq!(server.event("seat.returned", stay.clone()).await.text("cause"), "left");
    assert_eq!(server.balanced(room).await.free, 1);
    assert!(server.logged("seat.held", stay).is_empty(), "nothing was held");
}

/// The store fails while the entry is made: everything is undone and said.
#[tokio::test]
async fn scn_entry_006_a_failure_inside_the_entry_returns_the_seat_and_closes() {
    let server = TestServer::plain().await;
    server.expect_error("entry.failed");
    let owner = server.user("owner").await;
    let (room, mut inside) = server.room(&owner, 2).await;
    let a = server.user("a").await;
    server.break_store("INSERT ON memberships");
    let outcome = a.enter(room).await;
    let error = refused(outcome, CloseCode::EntryFailed.status(), Code::EntryFailed);
    assert!(!error.to_string().contains("injected"), "no inner detail is told: {error}");

    let stay = json!({ "room": room, "user": a.id() });
    let failed = server.event("entry.failed", stay.clone()).await;
    let returned = server.event("seat.returned", stay.clone()).await;
    let session = json!({ "session": failed.text("session") });
    let closed = server.event("session.closed", session.clone()).await;
    assert_eq!(returned.text("cause"), "entry_failed");
    assert_eq!(returned.text("generation"), failed.text("generation"));
    assert_eq!(closed.text("code"), "4500");
    assert!(failed.index < returned.index && returned.index < closed.index, "in that order");
    assert!(!failed.text("stage").is_empty(), "{failed}");
    assert!(server.logged("session.opened", session).is_empty(), "no session was registered");
    assert!(server.logged("entry.confirmed", stay.clone()).is_empty());
    assert!(!a.presence(a.id()).await.unwrap().online);
    assert_eq!(server.memberships_of(room, &a), 0, "no row");
    let seats = server.balanced(room).await;
    assert_eq!((seats.occupied, seats.reserved, seats.held, seats.free), (1, 0, 0, 1));

    server.mend_store();
    let mut retried = a.enter(room).await.unwrap();
    alive(&mut retried).await;
    alive(&mut inside).await;
    assert_eq!(server.logged("seat.returned", stay).len(), 1, "exactly once");
    assert_eq!(server.balanced(room).await.occupied, 2);
}

/// As 006, in a room nobody has entered yet: no room row comes of it.
#[tokio::test]
async fn scn_entry_006_a_failed_first_entry_makes_no_room() {
    let server = TestServer::plain().await;
    server.expect_error("entry.failed");
    let a = server.user("a").await;
    let created = server.pending_room(&a, 5).await;
    let room = created.room.id;
    server.break_store("INSERT ON memberships");
    let outcome = a.confirm(&created.reservation, ConfirmOptions::default()).await;
    refused(outcome, CloseCode::EntryFailed.status(), Code::EntryFailed);
    assert_eq!(server.rows("rooms WHERE id = ?1", &[&room]), 0, "row and membership, or neither");
    assert_eq!(server.rows("creation_queue WHERE id = ?1", &[&room]), 1, "it is still pending");
    server.mend_store();
    let mut session = a.enter(room).await.unwrap();
    alive(&mut session).await;
    assert_eq!(server.rows("rooms WHERE id = ?1", &[&room]), 1);
}

/// A token that is over, forged or superseded opens nothing, and the refusal is in words.
#[tokio::test]
async fn scn_entry_007_an_expired_token_is_refused_everywhere_and_closes_its_session() {
    let server = TestServer::start(|cfg| {
        cfg.set("auth.token_ttl", "4s");
    })
    .await;
    let a = server.user("a").await;
    let (room, mut session) = server.room(&a, 5).await;
    // The session ends when the login does, which is the instant the token is over.
    let (words, closed) = ended(&mut session).await;
    assert_eq!(closed.code, CloseCode::Unauthenticated.status());
    assert_eq!(words.expect("in words").code, Code::Unauthenticated);
    refuses_everywhere(&server, &a, room).await;
}

#[tokio::test]
async fn scn_entry_007_a_forged_token_is_refused_everywhere() {
    let server = TestServer::plain().await;
    let a = server.user("a").await;
    let (room, mut session) = server.room(&a, 5).await;
    let forged = server.client().with_token(with_flipped_bit(&a.token()));
    refuses_everywhere(&server, &forged, room).await;
    alive(&mut session).await;
    a.me().await.unwrap();
}

#[tokio::test]
async fn scn_entry_007_a_superseded_token_is_refused_everywhere_and_closes_its_session() {
    let server = TestServer::plain().await;
    let old = server.user("a").await;
    let (room, mut session) = server.room(&old, 5).await;
    let new = server.login("a").await;
    let (words, closed) = ended(&mut session).await;
    assert_eq!(closed.code, CloseCode::Unauthenticated.status());
    assert_eq!(words.expect("in words").code, Code::Unauthenticated);
    server.event("auth.superseded", json!({ "user": new.id() })).await;
    refuses_everywhere(&server, &old, room).await;
    let mut back = new.enter(room).await.unwrap();
    assert_eq!(back.welcome().entry, EntryKind::Takeover, "the seat was kept for the grace");
    alive(&mut back).await;
    assert!(back.next().await.is_some_and(|event| matches!(event, Event::Frame(_))));
}

/// API: 401 with words. Page: the way to the login. Nothing is done for who asks.
async fn refuses_everywhere(server: &TestServer, account: &anteroom_client::Account, room: i64) {
    use crate::harness::Answer;
    use reqwest::Method;

    let mark = server.mark();
    for (method, path) in [
        (Method::GET, "/me".to_owned()),
        (Method::GET, "/rooms".to_owned()),
        (Method::POST, "/sessions/refresh".to_owned()),
        (Method::POST, format!("/rooms/{room}/reservations")),
        (Method::GET, format!("/rooms/{room}/messages")),
    ] {
        Answer::to(account.request(method, &path)).await.refuses(401, "unauthenticated");
    }
    server.event_since(mark, "auth.refused", json!({})).await;
    assert!(server.seats(room).await.reserved == 0, "nobody is taken for the owner of that token");

    let mut browser = server.browser_of(account, "en");
    let answer = browser.get("/profile").await;
    assert!(matches!(answer.status, 302 | 303), "{answer:?}");
    let login = answer.header("location").to_owned();
    assert!(login.starts_with("/login"), "{login}");
    let page = browser.get(&login).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Log in"), "a page with words and a way on");
    assert_eq!(browser.cookie("anteroom_token"), None, "the dead cookie is dropped");
}
