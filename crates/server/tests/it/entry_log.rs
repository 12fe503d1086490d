//! The entry log: each outcome once, by really causing it, and nothing that opens anything in it.

use anteroom_client::{Account, ConfirmOptions};
use anteroom_protocol::Code;
use anteroom_protocol::attempt::{Attempt, Outcome, Stage};
use anteroom_protocol::entry::{Reservation, Reserve};
use anteroom_protocol::frame::EntryKind;
use anteroom_protocol::room::{ChangeRoom, CreateRoom};
use reqwest::Method;
use serde_json::json;

use crate::harness::line::{offer, queue, stand};
use crate::harness::{Answer, Known as _, PASSWORD, TestServer, Wire, refused, within};

/// A server whose reservations and held seats are over soon.
async fn hasty() -> TestServer {
    TestServer::start(|cfg| {
        cfg.set("admission.reservation_ttl", "1500ms").set("admission.grace", "200ms");
    })
    .await
}

fn of(account: &Account, outcome: Outcome) -> String {
    format!("user={}&outcome={}", account.id(), outcome.as_str())
}

/// The line says whose attempt it was, and at which reservation.
#[track_caller]
fn is_about(line: &Attempt, room: i64, account: &Account, reservation: &Reservation) {
    assert_eq!(line.room_id, Some(room), "{line:?}");
    assert_eq!(line.user_id, Some(account.id()), "{line:?}");
    assert_eq!(line.generation.as_deref(), Some(&*reservation.seat.generation), "{line:?}");
    assert_eq!(line.strategy, "semaphore", "{line:?}");
}

fn with_resume(resume: &str) -> Reserve {
    Reserve { resume: Some(resume.into()), ..Reserve::default() }
}

#[tokio::test]
async fn entries_are_told_with_their_kind_and_how_long_they_took() {
    let server = TestServer::start(|cfg| {
        cfg.set("sessions.policy", "many");
    })
    .await;
    let chief = server.administrator().await;
    let a = server.user("a").await;
    let created = server.pending_room(&a, 3).await;
    let (room, first) = (created.room.id, created.reservation);
    let session = a.confirm(&first, ConfirmOptions::default()).await.unwrap();
    let line = server.entry(&chief, &of(&a, Outcome::Entered)).await;
    is_about(&line, room, &a, &first);
    assert_eq!((line.entry, line.takeover, line.offered), (Some(EntryKind::First), false, false));
    assert_eq!((line.attempts, line.code, line.stage), (1, None, None));
    assert!(line.reservation_to_connect_ms.is_some() && line.decision_us.is_some(), "{line:?}");

    let resume = session.welcome().resume.clone();
    session.reset();
    let again = a.reserve(room, &with_resume(&resume)).await.unwrap();
    let options = ConfirmOptions { resume: Some(resume), ..ConfirmOptions::default() };
    let _session = a.confirm(&again, options).await.unwrap();
    let line = server.entry(&chief, &of(&a, Outcome::Entered)).await;
    is_about(&line, room, &a, &again);
    assert_eq!((line.entry, line.takeover), (Some(EntryKind::Refresh), true));

    let beside = a.reserve(room, &Reserve::default()).await.unwrap();
    let _beside = a.confirm(&beside, ConfirmOptions::default()).await.unwrap();
    let line = server.entry(&chief, &of(&a, Outcome::Entered)).await;
    assert_eq!((line.entry, line.takeover), (Some(EntryKind::SecondDevice), true));
    assert_eq!(server.entries(&chief, &format!("user={}", a.id())).await.items.len(), 3);
}

#[tokio::test]
async fn a_takeover_is_told_as_one() {
    let server = TestServer::plain().await;
    let chief = server.administrator().await;
    let a = server.user("a").await;
    let (room, _first) = server.room(&a, 3).await;
    let _second = a.enter(room).await.unwrap();
    let line = server.entry(&chief, &of(&a, Outcome::Entered)).await;
    assert_eq!((line.entry, line.takeover), (Some(EntryKind::Takeover), true));
}

/// Asks once and expects this refusal, in the answer and in the log.
async fn refuses(
    server: &TestServer,
    chief: &Account,
    a: &Account,
    ask: (i64, &Reserve),
    code: Code,
) {
    let (room, body) = ask;
    let count = async || {
        server.entries(chief, &format!("{}&room={room}", of(a, Outcome::Refused))).await.items
    };
    let before = count().await.len();
    let error = a.reserve(room, body).await.unwrap_err();
    assert_eq!(error.code(), Some(code), "{error}");
    let lines = count().await;
    assert_eq!(lines.len(), before + 1, "{code}: {lines:?}");
    let line = &lines[0];
    assert_eq!((line.code, line.stage), (Some(code), Some(Stage::Reserve)), "{line:?}");
    assert_eq!((line.generation.as_deref(), line.attempts), (None, 0), "{line:?}");
    let was_asked = matches!(code, Code::RoomFull | Code::Replaced | Code::TooManyReservations);
    assert_eq!(line.decision_us.is_some(), was_asked, "the strategy: {line:?}");
}

#[tokio::test]
async fn refusals_of_a_seat_are_told_with_their_code() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.reservations_per_user", 1);
    })
    .await;
    let chief = server.administrator().await;
    let (owner, a) = (server.user("owner").await, server.user("a").await);
    let (full, sitting) = server.room(&owner, 1).await;
    let plain = Reserve::default();
    refuses(&server, &chief, &a, (full, &plain), Code::RoomFull).await;
    let stale = with_resume("a-secret-of-another-life");
    refuses(&server, &chief, &owner, (full, &stale), Code::Replaced).await;
    refuses(&server, &chief, &a, (999_999, &plain), Code::RoomNotFound).await;

    let body = CreateRoom {
        name: "Locked".into(),
        capacity: 3,
        password: Some("open sesame".into()),
        ..CreateRoom::default()
    };
    let locked = owner.create_room(&body).await.unwrap();
    let _moved = owner.confirm(&locked.reservation, ConfirmOptions::default()).await.unwrap();
    let room = locked.room.id;
    let wrong = Reserve { password: Some("open barley".into()), ..Reserve::default() };
    refuses(&server, &chief, &a, (room, &wrong), Code::WrongRoomPassword).await;

    let held = a.reserve(full, &plain).await.unwrap();
    let right = Reserve { password: Some("open sesame".into()), ..Reserve::default() };
    refuses(&server, &chief, &a, (room, &right), Code::TooManyReservations).await;
    owner.ban_member(full, a.id()).await.unwrap();
    let line = server.entry(&chief, &of(&a, Outcome::Removed)).await;
    is_about(&line, full, &a, &held);
    refuses(&server, &chief, &a, (full, &plain), Code::Banned).await;
    owner.close_room(full).await.unwrap();
    refuses(&server, &chief, &a, (full, &plain), Code::RoomClosed).await;
    drop(sitting);
}

#[tokio::test]
async fn a_store_that_is_away_is_told_as_such() {
    let server = TestServer::plain().await;
    let chief = server.administrator().await;
    let a = server.user("a").await;
    // Whether a room that is not open was ever there is the store's to tell.
    server.alter_store("ALTER TABLE rooms RENAME TO rooms_away");
    a.reserve(999, &Reserve::default()).await.unwrap_err();
    let line = server.entry(&chief, &of(&a, Outcome::Refused)).await;
    assert_eq!((line.code, line.stage), (Some(Code::Unavailable), Some(Stage::Reserve)));
}

#[tokio::test]
async fn reservations_that_end_without_an_entry_are_told_with_the_reason() {
    let server = TestServer::start(|cfg| {
        cfg.set("auth.logins_per_user", 2).set("admission.reservations_per_user", 9);
    })
    .await;
    let chief = server.administrator().await;
    let owner = server.user("owner").await;
    let room = server.empty_room(&owner, 9).await;
    let reserve =
        async |account: &Account| account.reserve(room, &Reserve::default()).await.unwrap();

    let a = server.user("a").await;
    let reservation = reserve(&a).await;
    a.cancel(room).await.unwrap();
    is_about(&server.entry(&chief, &of(&a, Outcome::Cancelled)).await, room, &a, &reservation);

    let b = server.user("b").await;
    let reservation = reserve(&b).await;
    let elsewhere = server.login("b").await;
    let newer = reserve(&elsewhere).await;
    is_about(&server.entry(&chief, &of(&b, Outcome::Superseded)).await, room, &b, &reservation);
    elsewhere.logout().await.unwrap();
    is_about(&server.entry(&chief, &of(&b, Outcome::Revoked)).await, room, &b, &newer);

    let c = server.user("c").await;
    let reservation = reserve(&c).await;
    owner.remove_member(room, c.id()).await.unwrap();
    is_about(&server.entry(&chief, &of(&c, Outcome::Removed)).await, room, &c, &reservation);

    let d = server.user("d").await;
    let reservation = reserve(&d).await;
    assert_eq!(reserve(&d).await.seat, reservation.seat, "asked again, one attempt");
    owner.close_room(room).await.unwrap();
    is_about(&server.entry(&chief, &of(&d, Outcome::RoomClosed)).await, room, &d, &reservation);
    for one in [&a, &c, &d] {
        let lines = server.entries(&chief, &format!("user={}", one.id())).await.items;
        assert_eq!(lines.len(), 1, "one outcome each: {lines:?}");
    }
}

#[tokio::test]
async fn deadlines_are_told_apart_by_whether_anybody_had_come() {
    let server = hasty().await;
    let chief = server.administrator().await;
    let (a, b) = (server.user("a").await, server.user("b").await);
    let room = server.empty_room(&server.user("owner").await, 9).await;
    let never = a.reserve(room, &Reserve::default()).await.unwrap();
    let line = server.entry(&chief, &of(&a, Outcome::ExpiredNeverConnected)).await;
    is_about(&line, room, &a, &never);
    assert_eq!(line.attempts, 0);

    let mut sitting = b.enter(room).await.unwrap();
    let tried = b.reserve(room, &Reserve::default()).await.unwrap();
    let stale = ConfirmOptions { resume: Some("stale".into()), ..ConfirmOptions::default() };
    refused(b.confirm(&tried, stale.clone()).await, 4409, Code::Replaced);
    refused(b.confirm(&tried, stale).await, 4409, Code::Replaced);
    let line = server.entry(&chief, &of(&b, Outcome::ExpiredAfterFailedAttempt)).await;
    is_about(&line, room, &b, &tried);
    assert_eq!((line.attempts, line.takeover), (2, true));
    let tickets = server.entries(&chief, &of(&b, Outcome::TicketRefused)).await.items;
    assert_eq!(tickets.len(), 2, "each beside the one outcome: {tickets:?}");
    crate::harness::alive(&mut sitting).await;
}

#[tokio::test]
async fn tickets_that_open_nothing_name_what_they_prove_and_no_more() {
    let server = hasty().await;
    let chief = server.administrator().await;
    let (a, b) = (server.user("a").await, server.user("b").await);
    let room = server.empty_room(&server.user("owner").await, 9).await;
    let outcome = Outcome::TicketRefused;
    let newest = async |query: &str| server.entries(&chief, query).await.items.remove(0);

    let forged = a.client().confirm_ticket(&"A".repeat(151), ConfirmOptions::default()).await;
    refused(forged, 4403, Code::NoReservation);
    let line = newest("outcome=ticket_refused").await;
    assert_eq!((line.room_id, line.user_id, line.generation), (None, None, None), "nobody");
    assert_eq!((line.code, line.stage), (Some(Code::NoReservation), Some(Stage::Confirm)));

    let used = a.reserve(room, &Reserve::default()).await.unwrap();
    let sitting = a.confirm(&used, ConfirmOptions::default()).await.unwrap();
    refused(a.confirm(&used, ConfirmOptions::default()).await, 4403, Code::NoReservation);
    let line = newest(&of(&a, outcome)).await;
    is_about(&line, room, &a, &used);
    assert_eq!(line.code, Some(Code::NoReservation));

    let late = b.reserve(room, &Reserve::default()).await.unwrap();
    let bearer = ("authorization".to_owned(), format!("Bearer {}", a.token()));
    let beside = ConfirmOptions { headers: vec![bearer], ..ConfirmOptions::default() };
    let stolen = server.client().confirm_ticket(&late.ticket, beside).await;
    refused(stolen, 4403, Code::NoReservation);
    let line = newest(&of(&a, outcome)).await;
    assert_eq!((line.room_id, line.user_id), (Some(room), Some(a.id())), "who presented it");
    assert_eq!(line.generation, None, "and not whose it is");

    server.entry(&chief, &of(&b, Outcome::ExpiredNeverConnected)).await;
    refused(b.confirm(&late, ConfirmOptions::default()).await, 4408, Code::ReservationExpired);
    let line = newest(&of(&b, outcome)).await;
    is_about(&line, room, &b, &late);
    assert_eq!(line.code, Some(Code::ReservationExpired));
    drop(sitting);
}

#[tokio::test]
async fn an_entry_that_is_undone_is_told_with_the_stage() {
    let server = TestServer::plain().await;
    server.expect_error("entry.failed");
    let chief = server.administrator().await;
    let owner = server.user("owner").await;
    let (room, _inside) = server.room(&owner, 5).await;
    let a = server.user("a").await;
    server.break_store("INSERT ON memberships");
    let reservation = a.reserve(room, &Reserve::default()).await.unwrap();
    let failed = a.confirm(&reservation, ConfirmOptions::default()).await;
    refused(failed, 4500, Code::EntryFailed);
    server.mend_store();
    let line = server.entry(&chief, &of(&a, Outcome::Failed)).await;
    is_about(&line, room, &a, &reservation);
    assert_eq!((line.stage, line.code), (Some(Stage::Persist), Some(Code::EntryFailed)));

    let b = server.user("b").await;
    let reservation = b.reserve(room, &Reserve::default()).await.unwrap();
    assert_eq!(server.seats(room).await.reserved, 1);
    let held = server.hold_store();
    let wire = Wire::open(&reservation).await;
    within("a confirmed ticket", async {
        while server.seats(room).await.occupied < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    owner.remove_member(room, b.id()).await.unwrap();
    drop(held);
    assert_eq!(wire.until_end().await.last_words(), Ok("removed"));
    let line = server.entry(&chief, &of(&b, Outcome::Failed)).await;
    is_about(&line, room, &b, &reservation);
    assert_eq!((line.stage, line.code), (Some(Stage::Settle), Some(Code::Removed)));
    for one in [&a, &b] {
        let lines = server.entries(&chief, &format!("user={}", one.id())).await.items;
        assert_eq!(lines.len(), 1, "one outcome each: {lines:?}");
    }
}

#[tokio::test]
async fn offers_are_told_as_such_and_waiting_alone_is_no_attempt() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.offer_ttl", "4s").set("admission.waiter_ttl", "1s");
    })
    .await;
    let chief = server.administrator().await;
    let (room, owner) = server.room(&server.user("owner").await, 1).await;
    let (idle, away, a) =
        (server.user("idle").await, server.user("away").await, server.user("a").await);
    let _unread = stand(&idle, room).await;
    // Nobody listens for this one: the place goes before a seat is free.
    queue(&away, room).await;
    let mut stream = stand(&a, room).await;
    let gone = "anteroom_seat_reclaimed_total{cause=\"waiter_away\"}";
    within("a place without a stream", async {
        while server.metrics().await.value(gone) < 1.0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(server.entries(&chief, &format!("user={}", away.id())).await.items, []);

    owner.leave().await.unwrap();
    let line = server.entry(&chief, &of(&idle, Outcome::ExpiredNeverConnected)).await;
    assert_eq!((line.offered, line.attempts, line.room_id), (true, 0, Some(room)));
    let offered = offer(&mut stream).await;
    let _sitting = a.confirm(&offered, ConfirmOptions::default()).await.unwrap();
    let line = server.entry(&chief, &of(&a, Outcome::Entered)).await;
    is_about(&line, room, &a, &offered);
    assert_eq!((line.entry, line.offered), (Some(EntryKind::First), true));
    let metrics = server.metrics().await;
    assert_eq!(metrics.value("anteroom_seat_reclaimed_total{cause=\"offer\"}"), 1.0);
    assert_eq!(metrics.value("anteroom_seat_reclaimed_total{cause=\"never_connected\"}"), 0.0);
    assert_eq!(metrics.value(gone), 1.0);
}

#[tokio::test]
async fn a_party_is_told_one_by_one() {
    let server = TestServer::plain().await;
    let chief = server.administrator().await;
    let room = server.empty_room(&server.user("owner").await, 2).await;
    let (a, b, banned) =
        (server.user("a").await, server.user("b").await, server.user("banned").await);
    chief.ban_member(room, banned.id()).await.unwrap();
    let service = server.user("matchmaker").await;
    let role = "INSERT INTO user_roles SELECT id, 'service' FROM users WHERE username = ?1";
    assert_eq!(server.change_rows(role, &[&"matchmaker"]), 1);
    drop(service);
    let service = server.login("matchmaker").await;
    let ask = async |users: &[uuid::Uuid]| {
        let path = format!("/rooms/{room}/reservations");
        Answer::to(service.request(Method::POST, &path).json(&json!({ "users": users }))).await
    };
    let answer = ask(&[a.id(), banned.id(), uuid::Uuid::from_u128(5)]).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    let lines = server.entries(&chief, "").await.items;
    let refused: Vec<_> = lines.iter().filter(|line| line.outcome == Outcome::Refused).collect();
    assert_eq!(refused.len(), 1, "who stood in the way and exists: {refused:?}");
    assert_eq!((refused[0].user_id, refused[0].code), (Some(banned.id()), Some(Code::Banned)));

    assert_eq!(ask(&[a.id(), b.id()]).await.status, 201);
    a.cancel(room).await.unwrap();
    let line = server.entry(&chief, &of(&a, Outcome::Cancelled)).await;
    assert!(line.decision_us.is_some(), "the party's: {line:?}");
}

#[tokio::test]
async fn the_log_is_for_administrators_and_comes_in_pages() {
    let server = TestServer::plain().await;
    let chief = server.administrator().await;
    let owner = server.user("owner").await;
    let (room, _inside) = server.room(&owner, 1).await;
    for guest in server.guests(5).await {
        refused(guest.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    }
    let query = format!("room={room}&outcome=refused&limit=2");
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.entries(&chief, &format!("{query}{cursor}")).await;
        all.extend(page.items.into_iter().map(|line| line.id));
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let whole = server.entries(&chief, &format!("room={room}&outcome=refused")).await;
    assert_eq!(all, whole.items.iter().map(|line| line.id).collect::<Vec<_>>());
    assert_eq!(all.len(), 5);
    assert!(all.is_sorted_by(|newer, older| newer > older), "newest first");

    let ask = async |who: &Account, query: &str| {
        Answer::to(who.request(Method::GET, &format!("/admin/entries?{query}"))).await
    };
    ask(&owner, "").await.refuses(403, "forbidden");
    for wrong in ["room=x", "user=x", "outcome=granted", "cursor=x", "limit=0", "limit=201"] {
        ask(&chief, wrong).await.refuses(422, "invalid");
    }
    let role = "INSERT INTO user_roles SELECT id, 'moderator' FROM users WHERE username = ?1";
    assert_eq!(server.change_rows(role, &[&"owner"]), 1);
    assert_eq!(ask(&server.login("owner").await, "").await.status, 200);
}

#[tokio::test]
async fn the_log_outlives_a_crash_and_keeps_to_its_bound() {
    let mut server = TestServer::start(|cfg| {
        cfg.set("admission.entry_log", 3).set("admission.entry_log_rows", 20);
    })
    .await;
    let chief = server.administrator().await;
    let a = server.user("a").await;
    let (room, _inside) = server.room(&server.user("owner").await, 1).await;
    for _ in 0..40 {
        refused(a.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    }
    within("a trimmed log", async {
        let newest = async || server.entries(&chief, "limit=1").await.items.remove(0).id;
        let newest = newest().await;
        let is_stored = || server.rows("entries WHERE id = ?1", &[&newest]) == 1;
        while !is_stored() || server.rows("entries", &[]) > 22 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let before = server.entries(&chief, "").await.items;
    server.kill9().await;
    server.restart().await;
    let chief = server.login("overseer").await;
    let after = server.entries(&chief, "").await.items;
    let kept = after.len();
    assert!((20..=22).contains(&kept), "{kept}");
    assert_eq!(after, before[..kept]);
}

#[tokio::test]
async fn nothing_that_opens_anything_is_in_the_log_or_the_metrics() {
    let server = hasty().await;
    let chief = server.administrator().await;
    let owner = server.user("owner").await;
    let (room, _inside) = server.room(&owner, 5).await;
    let change = ChangeRoom { password: Some("open sesame".into()), ..ChangeRoom::default() };
    owner.change_room(room, &change).await.unwrap();
    let a = server.user("a").await;
    let wrong = Reserve { password: Some("open barley".into()), ..Reserve::default() };
    refused(a.reserve(room, &wrong).await, 403, Code::WrongRoomPassword);
    let right = Reserve { password: Some("open sesame".into()), ..Reserve::default() };
    let reservation = a.reserve(room, &right).await.unwrap();
    let session = a.confirm(&reservation, ConfirmOptions::default()).await.unwrap();
    let resume = session.welcome().resume.clone();
    refused(a.confirm(&reservation, ConfirmOptions::default()).await, 4403, Code::NoReservation);
    let stale = with_resume("a-stale-secret");
    refused(a.reserve(room, &stale).await, 409, Code::Replaced);
    let token = a.token().to_string();
    server.entry(&chief, &of(&a, Outcome::TicketRefused)).await;
    within("stored lines", async {
        while server.rows("entries WHERE user_id = ?1", &[&a.id()]) < 4 {
            tokio::task::yield_now().await;
        }
    })
    .await;

    let shown = Answer::to(chief.request(Method::GET, "/admin/entries")).await.body;
    let metrics = server.metrics().await.text;
    let stored = server.table_as_text("entries");
    assert!(shown.contains("ticket_refused") && stored.contains("ticket_refused"));
    let ticket = &reservation.ticket;
    let secrets = [
        ticket.as_str(),
        &ticket[ticket.len() - 60..],
        &token,
        &resume,
        "a-stale-secret",
        "open sesame",
        "open barley",
        PASSWORD,
        "127.0.0.1",
    ];
    for secret in secrets {
        for (place, text) in [("log", &shown), ("metrics", &metrics), ("table", &stored)] {
            assert!(!text.contains(secret), "{secret:?} is in the {place}: {text}");
        }
    }
}
