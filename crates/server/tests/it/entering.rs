//! The two steps of entry and the ways in which each is refused. A refusal changes nothing.

use anteroom_client::{Account, ConfirmOptions, Transport};
use anteroom_protocol::Code;
use anteroom_protocol::account::Role;
use anteroom_protocol::entry::{Reservation, Reserve};
use anteroom_protocol::room::CreateRoom;
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::harness::{Answer, Known as _, TestServer, alive, refused, transport};

fn seat() -> Reserve {
    Reserve::default()
}

#[tokio::test]
async fn behaviour_b01_step_one_counts_a_seat_and_writes_nothing() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let created = server.pending_room(&owner, 3).await;
    let room = created.room.id;
    let a = server.user("a").await;
    let path = format!("/rooms/{room}/reservations");
    let answer = Answer::to(a.request(Method::POST, &path)).await;
    assert_eq!(answer.status, 201, "an empty body is fine: {answer:?}");
    let reservation: Reservation = serde_json::from_str(&answer.body).unwrap();
    assert!(!reservation.seat.takeover);
    assert!((1..=120_000).contains(&reservation.expires_in_ms));
    assert!(reservation.websocket_url.contains(&reservation.ticket));
    let seats = server.seats(room).await;
    assert_eq!((seats.reserved, seats.occupied, seats.free), (2, 0, 1));
    assert_eq!(server.rows("memberships", &[]) + server.rows("rooms", &[]), 0);
    a.cancel(room).await.unwrap();
    assert_eq!(server.seats(room).await.reserved, 1, "a cancelled seat is free at once");
    refused(a.cancel(room).await, 404, Code::NotFound);
    refused(a.confirm(&reservation, ConfirmOptions::default()).await, 4403, Code::NoReservation);
}

#[tokio::test]
async fn behaviour_b03_a_full_room_refuses_at_step_one_with_its_seats() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 1).await;
    let a = server.user("a").await;
    let path = format!("/rooms/{room}/reservations");
    let answer = Answer::to(a.request(Method::POST, &path)).await;
    answer.refuses(409, "room_full");
    let problem = answer.json();
    assert_eq!(problem["seats"]["free"], 0);
    assert_eq!(problem["seats"]["occupied"], 1);
    assert_eq!(problem["waitlist"]["length"], 0);
    let refusal = json!({ "code": "room_full", "step": "reserve" });
    server.event("entry.refused", refusal).await;
    assert!(server.logged("entry.connecting", json!({ "user": a.id() })).is_empty());
}

#[tokio::test]
async fn behaviour_b04_a_room_that_is_not_there_is_not_full() {
    let server = TestServer::plain().await;
    let a = server.user("a").await;
    for room in [0, -1, 1, 999_999, i64::MAX, i64::MIN] {
        refused(a.reserve(room, &seat()).await, 404, Code::RoomNotFound);
    }
    for room in ["x", "1.5", "99999999999999999999", "%00", "101%2F.."] {
        let answer =
            Answer::to(a.request(Method::POST, &format!("/rooms/{room}/reservations"))).await;
        assert!(matches!(answer.status, 400 | 404), "{room}: {answer:?}");
    }
}

#[tokio::test]
async fn behaviour_b08_who_sits_inside_gets_a_ticket_in_a_full_room() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 1).await;
    let reservation = owner.reserve(room, &seat()).await.unwrap();
    assert!(reservation.seat.takeover);
    let seats = server.seats(room).await;
    assert_eq!((seats.occupied, seats.reserved, seats.free), (1, 0, 0), "a slot counts once");
    alive(&mut session).await;
}

#[tokio::test]
async fn behaviour_b13_without_a_ticket_of_ones_own_nobody_enters() {
    let server = TestServer::plain().await;
    let (room, mut owner) = server.room(&server.user("owner").await, 5).await;
    let (a, b) = (server.user("a").await, server.user("b").await);
    let ticket = a.reserve(room, &seat()).await.unwrap();
    let before = server.seats(room).await;

    for (name, wrong) in wrong_tickets(&ticket.ticket) {
        let outcome = server.client().confirm_ticket(&wrong, ConfirmOptions::default()).await;
        let status = outcome.as_ref().err().and_then(|error| error.status());
        assert!(matches!(status, Some(4400 | 4403)), "{name}: {status:?}");
    }
    let bearer = vec![("authorization".into(), format!("Bearer {}", b.token()))];
    let options = ConfirmOptions { headers: bearer, ..ConfirmOptions::default() };
    refused(a.confirm(&ticket, options).await, 4403, Code::NoReservation);
    assert_eq!(server.seats(room).await, before, "no attempt changed anything");
    assert!(server.logged("session.opened", json!({ "user": b.id() })).is_empty());
    assert_eq!(server.open_memberships(room), 1);

    let mut session = a.confirm(&ticket, ConfirmOptions::default()).await.unwrap();
    refused(a.confirm(&ticket, ConfirmOptions::default()).await, 4403, Code::NoReservation);
    alive(&mut session).await;
    alive(&mut owner).await;
    server.event("entry.refused", json!({ "code": "no_reservation", "step": "confirm" })).await;
}

fn wrong_tickets(good: &str) -> Vec<(&'static str, String)> {
    let flipped: String = good
        .char_indices()
        .map(|(at, c)| if at == good.len() / 2 { if c == 'A' { 'B' } else { 'A' } } else { c })
        .collect();
    vec![
        ("empty", String::new()),
        ("a word", "ticket".into()),
        ("one changed", flipped),
        ("cut", good[..good.len() - 1].into()),
        ("longer", format!("{good}A")),
        ("not base64", format!("{good}!*")),
        ("very long", "A".repeat(4_000)),
        ("not ASCII", "입장권".into()),
    ]
}

#[tokio::test]
async fn behaviour_b13_the_upgrade_without_a_ticket_is_refused_in_words() {
    let server = TestServer::plain().await;
    let a = server.user("a").await;
    let (room, _session) = server.room(&a, 5).await;
    let mut reservation = a.reserve(room, &seat()).await.unwrap();
    reservation.websocket_url = "/ws".into();
    let outcome = a.confirm(&reservation, ConfirmOptions::default()).await;
    let error = outcome.err().unwrap();
    assert!(matches!(error.status(), Some(4400 | 4403)), "{error}");
    assert!(!error.to_string().is_empty());
}

#[tokio::test]
async fn a_foreign_origin_and_a_cookie_without_one_are_refused_before_the_upgrade() {
    let server = TestServer::start(|cfg| {
        cfg.set("server.allowed_origins", "https://friend.example");
    })
    .await;
    let a = server.user("a").await;
    let (room, _session) = server.room(&a, 5).await;
    let ticket = a.reserve(room, &seat()).await.unwrap();
    let cookie = vec![("cookie".to_owned(), format!("anteroom_token={}", a.token()))];
    let from = |origin: &str| ConfirmOptions {
        origin: Some(origin.into()),
        headers: cookie.clone(),
        ..ConfirmOptions::default()
    };
    for origin in
        ["https://evil.example", "null", "http://127.0.0.1:1", "https://friend.example.evil"]
    {
        let error = a.confirm(&ticket, from(origin)).await.err().unwrap();
        assert_eq!(error.status(), Some(403), "{origin}: {error}");
    }
    // Event streams of the own site come without one, too.
    if transport() != Transport::EventSource {
        let bare = ConfirmOptions { headers: cookie.clone(), ..ConfirmOptions::default() };
        assert_eq!(a.confirm(&ticket, bare).await.err().unwrap().status(), Some(403));
    }
    a.confirm(&ticket, from(server.base())).await.unwrap();
    let again = a.reserve(room, &seat()).await.unwrap();
    let friend = ConfirmOptions { headers: Vec::new(), ..from("https://friend.example") };
    a.confirm(&again, friend).await.unwrap();
}

#[tokio::test]
async fn behaviour_b09_tickets_are_good_in_any_order() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 10).await;
    let people = server.guests(9).await;
    let mut tickets: Vec<(&Account, Reservation)> = Vec::new();
    for who in &people {
        tickets.push((who, who.reserve(room, &seat()).await.unwrap()));
    }
    let mut sessions = Vec::new();
    for (who, ticket) in tickets.iter().rev() {
        sessions.push(who.confirm(ticket, ConfirmOptions::default()).await.unwrap());
    }
    assert_eq!(server.balanced(room).await.occupied, 10);
}

#[tokio::test]
async fn open_reservations_of_one_user_are_bounded_and_named() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.reservations_per_user", 2);
    })
    .await;
    let owner = server.user("owner").await;
    let mut rooms = Vec::new();
    for _ in 0..3 {
        rooms.push(server.empty_room(&owner, 2).await);
    }
    let a = server.user("a").await;
    a.reserve(rooms[0], &seat()).await.unwrap();
    a.reserve(rooms[1], &seat()).await.unwrap();
    let error = refused(a.reserve(rooms[2], &seat()).await, 409, Code::TooManyReservations);
    let mut named = error.problem().unwrap().rooms.clone().unwrap();
    named.sort_unstable();
    assert_eq!(named, rooms[..2]);
    a.reserve(rooms[1], &seat()).await.unwrap();
    a.cancel(rooms[0]).await.unwrap();
    a.reserve(rooms[2], &seat()).await.unwrap();
}

#[tokio::test]
async fn a_room_with_a_password_asks_for_it_at_the_door() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let body = CreateRoom {
        name: "Quiet".into(),
        capacity: 5,
        password: Some("swordfish".into()),
        ..CreateRoom::default()
    };
    let created = owner.create_room(&body).await.unwrap();
    let room = created.room.id;
    assert!(created.room.has_password);
    let _session = owner.confirm(&created.reservation, ConfirmOptions::default()).await.unwrap();
    let a = server.guest("a").await;
    refused(a.reserve(room, &seat()).await, 403, Code::WrongRoomPassword);
    let with = |password: &str| Reserve { password: Some(password.into()), ..seat() };
    refused(a.reserve(room, &with("sword")).await, 403, Code::WrongRoomPassword);
    assert_eq!(server.seats(room).await.reserved, 0);
    let ticket = a.reserve(room, &with("swordfish")).await.unwrap();
    let session = a.confirm(&ticket, ConfirmOptions::default()).await.unwrap();
    assert_eq!(a.user().unwrap().roles, [Role::Guest]);
    assert_eq!(session.welcome().member_count, 2);
}

#[tokio::test]
async fn bug_b04_connections_that_vanish_during_the_entry_leave_no_seat_behind() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.grace", "200ms").set("admission.reservation_ttl", "2s");
    })
    .await;
    let (room, mut owner) = server.room(&server.user("owner").await, 40).await;
    let address = server.base().strip_prefix("http://").unwrap();
    for (n, who) in server.guests(30).await.iter().enumerate() {
        let ticket = who.reserve(room, &seat()).await.unwrap().ticket;
        let request = format!(
            "GET /ws?ticket={ticket} HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        // Some are cut in the middle of the request, some right behind it.
        let sent = if n % 3 == 0 { &request[..request.len() - n] } else { &request };
        stream.write_all(sent.as_bytes()).await.unwrap();
        if n % 2 == 0 {
            stream.set_zero_linger().unwrap();
        }
        drop(stream);
    }
    server.seats_when(room, |seats, _| seats.free == 39).await;
    alive(&mut owner).await;
    let seats = server.balanced(room).await;
    assert_eq!((seats.occupied, seats.held, seats.reserved), (1, 0, 0));
    assert_eq!(server.open_memberships(room), 1);
}
