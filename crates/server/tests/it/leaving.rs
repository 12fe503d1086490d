//! Every way to stop sitting in a room: the seat comes back exactly once, at the right time.

use anteroom_client::Event;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::EntryKind;
use anteroom_protocol::{CloseCode, Code};
use serde_json::json;

use crate::harness::{Known as _, TestServer, Wire, alive, ended, refused, within};

#[tokio::test]
async fn behaviour_b22_leaving_frees_the_seat_at_once() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 2).await;
    let (a, b) = (server.user("a").await, server.user("b").await);
    for _ in 0..5 {
        let session = a.enter(room).await.unwrap();
        assert_eq!(session.leave().await.unwrap().code, CloseCode::Normal.status());
        // No waiting: the seat was free before the close was answered.
        let session = b.enter(room).await.unwrap();
        session.leave().await.unwrap();
    }
    assert_eq!(server.balanced(room).await.free, 1);
    let left = server.logged("seat.returned", json!({ "user": a.id(), "cause": "left" }));
    assert_eq!(left.len(), 5);
}

#[tokio::test]
async fn behaviour_b21_a_held_seat_is_kept_for_its_owner_and_for_nobody_else() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.grace", "60s");
    })
    .await;
    let (room, _owner) = server.room(&server.user("owner").await, 2).await;
    let a = server.user("a").await;
    let session = a.enter(room).await.unwrap();
    session.abort();
    server.event("seat.held", json!({ "user": a.id() })).await;
    let seats = server.balanced(room).await;
    assert_eq!((seats.occupied, seats.held, seats.free), (1, 1, 0));
    let b = server.guest("b").await;
    refused(b.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    let back = a.enter(room).await.unwrap();
    assert_eq!(back.welcome().entry, EntryKind::Takeover, "without the secret, but the same user");
    assert_eq!(server.balanced(room).await.held, 0);
}

#[tokio::test]
async fn behaviour_b21_with_no_grace_a_broken_line_frees_the_seat_at_once() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.grace", "0s");
    })
    .await;
    let (room, _owner) = server.room(&server.user("owner").await, 2).await;
    let a = server.user("a").await;
    a.enter(room).await.unwrap().reset();
    server.event("seat.returned", json!({ "user": a.id() })).await;
    assert_eq!(server.balanced(room).await.free, 1);
}

#[tokio::test]
async fn behaviour_b23_a_silent_peer_is_removed_and_a_living_one_is_not() {
    let server = TestServer::start(|cfg| {
        cfg.set("heartbeat.ping", "500ms")
            .set("heartbeat.silence", "2s")
            .set("admission.grace", "300ms");
    })
    .await;
    let (owner, a) = (server.user("owner").await, server.user("a").await);
    let (room, mut living) = server.room(&owner, 3).await;
    let reservation = a.reserve(room, &Reserve::default()).await.unwrap();
    let mut silent = Wire::open(&reservation).await;
    assert!(silent.welcomed().await);
    let stay = json!({ "room": room, "user": a.id() });
    // Reading answers the pings; the silent one is not read, as if its cable were cut.
    let news = async {
        while living.next().await.is_some_and(|event| !matches!(event, Event::Closed(_))) {}
    };
    tokio::select! {
        returned = server.event("seat.returned", stay) => {
            assert_eq!(returned.text("cause"), "grace_expired");
        }
        () = news => panic!("the living session was closed too"),
    }
    let id = &silent.heard().frames[0]["session"];
    let closed = server.event("session.closed", json!({ "session": id })).await;
    assert_eq!(closed.text("clean"), "false");
    alive(&mut living).await;
    assert_eq!(server.balanced(room).await.occupied, 1);
}

#[tokio::test]
async fn one_session_in_all_entering_elsewhere_ends_the_stay_here() {
    let server = TestServer::plain().await;
    let (first, _one) = server.room(&server.user("one").await, 2).await;
    let (second, _two) = server.room(&server.user("two").await, 2).await;
    let a = server.user("a").await;
    let mut here = a.enter(first).await.unwrap();
    let mut there = a.enter(second).await.unwrap();
    assert_eq!(there.welcome().entry, EntryKind::First);
    assert_eq!(ended(&mut here).await.1.code, CloseCode::Replaced.status());
    let moved = server.event("seat.returned", json!({ "room": first, "user": a.id() })).await;
    assert_eq!(moved.text("cause"), "moved");
    assert_eq!(server.balanced(first).await.free, 1);
    assert_eq!(server.balanced(second).await.free, 0);
    assert_eq!(a.presence(a.id()).await.unwrap().rooms, [second]);
    alive(&mut there).await;
}

#[tokio::test]
async fn one_session_per_room_lets_a_user_sit_in_two_rooms() {
    let server = TestServer::start(|cfg| {
        cfg.set("sessions.policy", "one_per_room");
    })
    .await;
    let (first, _one) = server.room(&server.user("one").await, 2).await;
    let (second, _two) = server.room(&server.user("two").await, 2).await;
    let a = server.user("a").await;
    let mut here = a.enter(first).await.unwrap();
    let mut there = a.enter(second).await.unwrap();
    alive(&mut here).await;
    alive(&mut there).await;
    let mut again = a.enter(first).await.unwrap();
    assert_eq!(ended(&mut here).await.1.code, CloseCode::Replaced.status());
    alive(&mut again).await;
    assert_eq!(server.balanced(first).await.free, 0);
}

#[tokio::test]
async fn several_sessions_of_one_user_are_one_seat() {
    let server = TestServer::start(|cfg| {
        cfg.set("sessions.policy", "many")
            .set("sessions.max_per_user", 3)
            .set("auth.logins_per_user", 3)
            .set("admission.grace", "0s");
    })
    .await;
    let (room, _owner) = server.room(&server.user("owner").await, 2).await;
    let a = server.user("a").await;
    let one = a.enter(room).await.unwrap();
    let mut two = a.enter(room).await.unwrap();
    assert_eq!(two.welcome().entry, EntryKind::SecondDevice);
    assert_eq!(server.balanced(room).await.occupied, 2, "two people, three sessions");
    one.abort();
    let closed = json!({ "user": a.id(), "clean": false });
    server.event("session.closed", closed).await;
    alive(&mut two).await;
    assert!(server.logged("seat.returned", json!({ "user": a.id() })).is_empty());
    two.leave().await.unwrap();
    server.event("seat.returned", json!({ "user": a.id() })).await;
    assert_eq!(server.balanced(room).await.free, 1);
}

#[tokio::test]
async fn logging_out_closes_and_gives_the_seat_back_at_once() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 2).await;
    let a = server.user("a").await;
    let mut session = a.enter(room).await.unwrap();
    a.logout().await.unwrap();
    let (words, closed) = ended(&mut session).await;
    assert_eq!(closed.code, CloseCode::LoggedOut.status());
    assert_eq!(words.unwrap().code, Code::LoggedOut);
    let returned = server.event("seat.returned", json!({ "user": a.id() })).await;
    assert_eq!(returned.text("cause"), "logged_out");
    assert_eq!(server.balanced(room).await.free, 1);
    refused(a.me().await, 401, Code::Unauthenticated);
}

#[tokio::test]
async fn a_logout_takes_open_reservations_with_it() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 2).await;
    let a = server.user("a").await;
    let ticket = a.reserve(room, &Reserve::default()).await.unwrap();
    a.logout().await.unwrap();
    assert_eq!(server.seats(room).await.reserved, 0);
    let outcome = a.confirm(&ticket, Default::default()).await;
    assert!(matches!(outcome.err().unwrap().status(), Some(4401 | 4403)));
}

#[tokio::test]
async fn who_is_removed_goes_and_who_is_banned_stays_away() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, _owner) = server.room(&owner, 3).await;
    let a = server.user("a").await;
    let mut session = a.enter(room).await.unwrap();
    refused(a.remove_member(room, owner.id()).await, 403, Code::Forbidden);
    owner.remove_member(room, a.id()).await.unwrap();
    assert_eq!(ended(&mut session).await.1.code, CloseCode::Removed.status());
    server.event("seat.returned", json!({ "user": a.id(), "cause": "removed" })).await;
    let mut session = a.enter(room).await.unwrap();
    owner.ban_member(room, a.id()).await.unwrap();
    assert_eq!(ended(&mut session).await.1.code, CloseCode::Removed.status());
    refused(a.reserve(room, &Reserve::default()).await, 403, Code::Banned);
    assert_eq!(server.balanced(room).await.occupied, 1);
}

#[tokio::test]
async fn closing_a_room_ends_every_session_and_every_seat() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 5).await;
    let mut others = server.fill(room, 2).await;
    let waiting = server.guest("waiting").await;
    let ticket = waiting.reserve(room, &Reserve::default()).await.unwrap();
    refused(waiting.close_room(room).await, 403, Code::Forbidden);
    owner.close_room(room).await.unwrap();
    for session in others.iter_mut().chain([&mut session]) {
        assert_eq!(ended(session).await.1.code, CloseCode::RoomClosed.status());
    }
    let late = waiting.confirm(&ticket, Default::default()).await;
    assert!(matches!(late.err().unwrap().status(), Some(4403 | 4404 | 4410)));
    server.events(3, "seat.returned", json!({ "room": room, "cause": "room_closed" })).await;
    within("ended memberships", server.events(3, "membership.ended", json!({ "room": room })))
        .await;
    assert_eq!(server.open_memberships(room), 0);
    assert_eq!(server.rows("rooms WHERE id = ?1 AND closed_at IS NOT NULL", &[&room]), 1);
    refused(owner.reserve(room, &Reserve::default()).await, 410, Code::RoomClosed);
}

#[tokio::test]
async fn a_room_until_empty_closes_with_its_last_seat_and_not_during_the_grace() {
    use anteroom_protocol::room::{CreateRoom, Lifetime};

    let server = TestServer::start(|cfg| {
        cfg.set("admission.grace", "60s");
    })
    .await;
    let owner = server.user("owner").await;
    let body = CreateRoom {
        name: "Brief".into(),
        capacity: 2,
        lifetime: Lifetime::UntilEmpty,
        ..CreateRoom::default()
    };
    let created = owner.create_room(&body).await.unwrap();
    let room = created.room.id;
    let session = owner.confirm(&created.reservation, Default::default()).await.unwrap();
    session.abort();
    server.event("seat.held", json!({ "room": room })).await;
    let back = owner.enter(room).await.unwrap();
    assert!(
        server.logged("room.closed", json!({ "room": room })).is_empty(),
        "a held seat is a seat"
    );
    back.leave().await.unwrap();
    server.event("room.closed", json!({ "room": room, "cause": "empty" })).await;
}
