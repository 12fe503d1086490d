//! The line in front of a full room, as the contract says it, line by line.

use anteroom_client::{Account, Awaited};
use anteroom_protocol::Code;
use anteroom_protocol::entry::{Reserve, Wait, Waiting};
use anteroom_protocol::frame::EntryKind;
use anteroom_protocol::room::{CreateRoom, Visibility};
use reqwest::Method;
use serde_json::json;

use crate::harness::line::{offer, queue, reaches, stand};
use crate::harness::{Answer, Known as _, PASSWORD, TestServer, alive, refused, within};

async fn ask(account: &Account, room: i64) -> Answer {
    Answer::to(account.request(Method::POST, &format!("/rooms/{room}/waitlist"))).await
}

async fn current(method: Method, account: &Account, room: i64) -> Answer {
    Answer::to(account.request(method, &format!("/rooms/{room}/waitlist/current"))).await
}

#[tokio::test]
async fn who_joins_is_told_the_place_and_keeps_it_when_asking_again() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 1).await;
    let (a, b, c) = (server.user("a").await, server.user("b").await, server.user("c").await);
    let first = ask(&a, room).await;
    assert_eq!(first.status, 201, "{first:?}");
    let place = first.json();
    assert_eq!((&place["position"], &place["ahead"]), (&json!(1), &json!(0)), "{place}");
    assert!(place["joined_at"].is_string(), "{place}");
    assert!(place["estimated_wait_ms"].is_null(), "nobody can know yet: {place}");
    assert_eq!(ask(&b, room).await.json()["position"], 2);
    let again = ask(&a, room).await;
    assert_eq!((again.status, again.json()), (200, place));

    let full = refused(c.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    let problem = full.problem().unwrap();
    assert_eq!(problem.seats.unwrap().waiting, 2);
    let waitlist = problem.waitlist.unwrap();
    assert_eq!((waitlist.length, waitlist.allowed), (2, true));
    assert_eq!(server.seats(room).await.waiting, 2);
    // One who waits is told the same: there is no second way past the line.
    refused(a.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    assert_eq!(queue(&a, room).await.position, 1);
}

#[tokio::test]
async fn the_line_has_the_guards_of_a_reservation() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (a, banned) = (server.user("a").await, server.user("banned").await);
    let body = CreateRoom {
        name: "Guarded".into(),
        capacity: 1,
        password: Some(PASSWORD.into()),
        visibility: Visibility::Unlisted,
        ..CreateRoom::default()
    };
    let created = owner.create_room(&body).await.unwrap();
    let (room, key) = (created.room.id, created.room.key);
    let _owner = owner.confirm(&created.reservation, Default::default()).await.unwrap();
    owner.ban_member(room, banned.id()).await.unwrap();
    let ask =
        |password: Option<&str>| Wait { password: password.map(str::to_owned), key: key.clone() };
    refused(a.wait(room, &Wait::default()).await, 404, Code::RoomNotFound);
    refused(a.wait(room, &ask(None)).await, 403, Code::WrongRoomPassword);
    refused(a.wait(room, &ask(Some("guessed"))).await, 403, Code::WrongRoomPassword);
    refused(banned.wait(room, &ask(Some(PASSWORD))).await, 403, Code::Banned);
    refused(owner.wait(room, &ask(None)).await, 409, Code::AlreadySeated);
    let joined = a.wait(room, &ask(Some(PASSWORD))).await.unwrap();
    assert!(matches!(joined, Waiting::InLine(it) if it.position == 1));
    refused(a.wait(999_999, &Wait::default()).await, 404, Code::RoomNotFound);
    owner.close_room(room).await.unwrap();
    refused(a.wait(room, &ask(Some(PASSWORD))).await, 410, Code::RoomClosed);
    let nobody = crate::harness::http_client().post(server.client().api_url("/rooms/1/waitlist"));
    Answer::to(nobody).await.refuses(401, "unauthenticated");
    let strange = a.request(Method::POST, &format!("/rooms/{room}/waitlist"));
    Answer::to(strange.json(&json!({ "resume": "x" }))).await.refuses(400, "bad_request");
}

#[tokio::test]
async fn places_in_lines_count_as_open_reservations() {
    let server = TestServer::plain().await;
    let mut rooms = Vec::new();
    let mut seated = Vec::new();
    for name in ["one", "two", "three", "four"] {
        let (room, session) = server.room(&server.user(name).await, 1).await;
        rooms.push(room);
        seated.push(session);
    }
    let a = server.user("a").await;
    for room in &rooms[..3] {
        queue(&a, *room).await;
    }
    let error = refused(a.wait(rooms[3], &Wait::default()).await, 409, Code::TooManyReservations);
    assert_eq!(error.problem().unwrap().rooms.as_deref(), Some(&rooms[..3]));
    a.stop_waiting(rooms[0]).await.unwrap();
    queue(&a, rooms[3]).await;
}

#[tokio::test]
async fn the_stream_tells_positions_then_the_offer_and_ends() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, session) = server.room(&owner, 1).await;
    let (a, b) = (server.user("a").await, server.user("b").await);
    let mut head = stand(&a, room).await;
    let mut second = stand(&b, room).await;
    session.leave().await.unwrap();
    let offered = offer(&mut head).await;
    assert_eq!(offered.room_id, room);
    assert!(offered.websocket_url.starts_with("ws://"), "{}", offered.websocket_url);
    assert!(offered.expires_in_ms > 25_000 && offered.expires_in_ms <= 30_000, "{offered:?}");
    reaches(&mut second, 1).await;
    // However it is asked for, it is the same offer, and nobody else's.
    let again = a.reserve(room, &Reserve::default()).await.unwrap();
    assert_eq!(again.ticket, offered.ticket);
    let Waiting::Offered { offer: same } = a.wait(room, &Wait::default()).await.unwrap() else {
        panic!("in line, with an offer in hand")
    };
    assert_eq!(same.ticket, offered.ticket);
    let mut resumed = a.watch_line(room).await.unwrap();
    assert_eq!(offer(&mut resumed).await.ticket, offered.ticket);
    refused(owner.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);

    let mut entered = a.confirm(&offered, Default::default()).await.unwrap();
    assert_eq!(entered.welcome().entry, EntryKind::First);
    alive(&mut entered).await;
    current(Method::GET, &a, room).await.refuses(404, "not_waiting");
    entered.leave().await.unwrap();
    offer(&mut second).await;
}

#[tokio::test]
async fn who_joins_while_a_place_is_free_has_it_at_once() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 2).await;
    let a = server.user("a").await;
    let first = ask(&a, room).await;
    assert_eq!(first.status, 201, "{first:?}");
    let offer = &first.json()["offer"];
    assert_eq!(offer["room_id"], room);
    let url = offer["websocket_url"].as_str().unwrap();
    assert!(url.starts_with("ws://") && url.contains(offer["ticket"].as_str().unwrap()), "{url}");
    let again = ask(&a, room).await;
    assert_eq!((again.status, &again.json()["offer"]["ticket"]), (200, &offer["ticket"]));
    assert_eq!(server.seats(room).await.reserved, 1);
    let _a = a.enter(room).await.unwrap();
    ask(&a, room).await.refuses(409, "already_seated");
}

#[tokio::test]
async fn neither_waiting_nor_offered_is_404_and_leaving_the_line_is_204_once() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, session) = server.room(&owner, 1).await;
    let a = server.user("a").await;
    for method in [Method::GET, Method::DELETE] {
        current(method, &a, room).await.refuses(404, "not_waiting");
    }
    current(Method::GET, &a, 999_999).await.refuses(404, "room_not_found");
    queue(&a, room).await;
    assert_eq!(current(Method::DELETE, &a, room).await.status, 204);
    current(Method::DELETE, &a, room).await.refuses(404, "not_waiting");
    assert_eq!(server.seats(room).await.waiting, 0);
    // An offer is declined as a reservation is.
    let mut stream = stand(&a, room).await;
    session.leave().await.unwrap();
    offer(&mut stream).await;
    current(Method::DELETE, &a, room).await.refuses(404, "not_waiting");
    a.cancel(room).await.unwrap();
    current(Method::GET, &a, room).await.refuses(404, "not_waiting");
    assert_eq!(server.seats(room).await.free, 1);
    owner.close_room(room).await.unwrap();
    current(Method::GET, &a, room).await.refuses(410, "room_closed");
}

#[tokio::test]
async fn a_declined_offer_and_one_not_taken_go_to_the_next_in_line() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.offer_ttl", "1s");
    })
    .await;
    let (room, session) = server.room(&server.user("owner").await, 1).await;
    let people = server.guests(4).await;
    let mut streams = Vec::new();
    for who in &people {
        streams.push(stand(who, room).await);
    }
    session.leave().await.unwrap();
    offer(&mut streams[0]).await;
    people[0].cancel(room).await.unwrap();
    // Nobody takes the second one; the third is asked when its time is over.
    let lapsed = offer(&mut streams[1]).await;
    let taken = offer(&mut streams[2]).await;
    refused(people[1].confirm(&lapsed, Default::default()).await, 4408, Code::ReservationExpired);
    let _third = people[2].confirm(&taken, Default::default()).await.unwrap();
    let expired = server.event("reservation.expired", json!({ "user": people[1].id() })).await;
    assert_eq!(
        (expired.text("offered"), expired.text("outcome")),
        ("true".into(), "expired_never_connected".into())
    );
    reaches(&mut streams[3], 1).await;
}

#[tokio::test]
async fn a_refresh_in_a_full_room_with_a_line_costs_nobody_the_seat() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 2).await;
    let (a, waiter) = (server.user("a").await, server.user("waiter").await);
    let old = a.enter(room).await.unwrap();
    let mut stream = stand(&waiter, room).await;
    let resume = old.welcome().resume.clone();
    old.close(1001).await.unwrap();
    server.event("seat.held", json!({ "user": a.id() })).await;
    refused(a.wait(room, &Wait::default()).await, 409, Code::AlreadySeated);
    let ask = Reserve { resume: Some(resume.clone()), ..Reserve::default() };
    let ticket = a.reserve(room, &ask).await.unwrap();
    let options = anteroom_client::ConfirmOptions { resume: Some(resume), ..Default::default() };
    let new = a.confirm(&ticket, options).await.unwrap();
    assert_eq!(new.welcome().entry, EntryKind::Refresh);
    assert_eq!(queue(&waiter, room).await.position, 1, "and nobody passed anybody");
    new.leave().await.unwrap();
    offer(&mut stream).await;
}

#[tokio::test]
async fn while_anyone_waits_a_newcomer_is_told_full_whatever_is_free() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, session) = server.room(&owner, 3).await;
    let mut seated = server.fill(room, 2).await;
    let people = server.guests(4).await;
    let mut streams = Vec::new();
    for who in &people[..3] {
        streams.push(stand(who, room).await);
    }
    session.leave().await.unwrap();
    seated.remove(0).leave().await.unwrap();
    for stream in &mut streams[..2] {
        offer(stream).await;
    }
    // Two seats are offered and not sat on; the third waiter is the one who may have the next.
    refused(people[3].reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    refused(people[2].reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    people[0].cancel(room).await.unwrap();
    refused(people[3].reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    offer(&mut streams[2]).await;
}

#[tokio::test]
async fn a_program_waits_with_one_call_and_comes_back_to_its_place() {
    let server = TestServer::plain().await;
    let (room, session) = server.room(&server.user("owner").await, 1).await;
    let (a, b) = (server.user("a").await, server.user("b").await);
    let mut waiting = b.wait_for_seat(room, Wait::default());
    let mut stream = stand(&a, room).await;
    let Ok(Awaited::Position(behind)) = waiting.next().await else { panic!("not in line") };
    assert_eq!((behind.position, behind.ahead), (2, 1));
    let leaver = a.wait_for_seat(room, Wait::default());
    leaver.leave().await.unwrap();
    assert_eq!(crate::harness::line::gone(&mut stream).await, Code::NotWaiting);
    let awaited = within("the head of the line", waiting.next()).await.unwrap();
    assert!(matches!(awaited, Awaited::Position(it) if it.position == 1), "{awaited:?}");
    session.leave().await.unwrap();
    let Ok(Awaited::Seat(seat)) = within("a seat", waiting.next()).await else { panic!("no seat") };
    b.confirm(&seat, Default::default()).await.unwrap();
}
