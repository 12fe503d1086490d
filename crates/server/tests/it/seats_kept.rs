//! Strategy `conditional`: seats and reservations outlive the process.

use anteroom_client::ConfirmOptions;
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::EntryKind;
use serde_json::json;

use crate::harness::{Known as _, TestServer, alive, refused};

async fn conditional(grace: &str) -> TestServer {
    TestServer::start(|settings| {
        settings.set("admission.strategy", "conditional").set("admission.grace", grace);
    })
    .await
}

#[tokio::test]
async fn after_kill_9_a_ticket_still_opens_and_a_seat_is_held_for_who_sat_there() {
    let mut server = conditional("60s").await;
    let owner = server.user("owner").await;
    let (room, session) = server.room(&owner, 2).await;
    let resume = session.welcome().resume.clone();
    let late = server.user("late").await;
    let ticket = late.reserve(room, &Reserve::default()).await.unwrap();
    server.kill9().await;
    server.restart().await;

    let seats = server.seats(room).await;
    assert_eq!((seats.occupied, seats.held, seats.reserved, seats.free), (0, 1, 1, 0));
    assert_eq!(server.open_memberships(room), 1, "the stay goes on");
    let other = server.user("other").await;
    refused(other.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    let client = server.client();
    let late = client.confirm_ticket(&ticket.ticket, ConfirmOptions::default()).await;
    alive(&mut late.unwrap()).await;

    let returned = client.with_token(owner.token());
    let back = Reserve { resume: Some(resume.clone()), ..Reserve::default() };
    let back = returned.reserve(room, &back).await.unwrap();
    let options = ConfirmOptions { resume: Some(resume), ..ConfirmOptions::default() };
    let mut session = returned.confirm(&back, options).await.unwrap();
    assert_eq!(session.welcome().entry, EntryKind::Refresh);
    alive(&mut session).await;
    assert_eq!(server.memberships_of(room, &owner), 1, "one stay over both lives");
    server.event("seat.held", json!({ "user": owner.id() })).await;
}

#[tokio::test]
async fn who_does_not_come_back_after_a_kill_loses_the_seat_at_the_end_of_the_grace() {
    let mut server = conditional("1s").await;
    let owner = server.user("owner").await;
    let (room, _session) = server.room(&owner, 2).await;
    server.kill9().await;
    server.restart().await;
    server.event("seat.returned", json!({ "user": owner.id(), "cause": "grace_expired" })).await;
    server.event("membership.ended", json!({ "user": owner.id() })).await;
    let seats = server.seats(room).await;
    assert_eq!((seats.held, seats.free), (0, 2));
    assert_eq!(server.open_memberships(room), 0);
}

#[tokio::test]
async fn a_database_older_than_its_seats_is_refused_until_they_are_moved_away() {
    let mut server = conditional("60s").await;
    let room = server.empty_room(&server.user("owner").await, 2).await;
    server.stop().await;
    let backup = server.copied_data();
    for _ in 0..2 {
        server.restart().await;
        server.stop().await;
    }
    let file = |dir: &std::path::Path, name: &str| dir.join(name);
    let old = file(backup.path(), "anteroom.db");
    std::fs::copy(old, file(server.data_dir(), "anteroom.db")).unwrap();
    for _ in 0..4 {
        let said = server.refuses_to_restart().await;
        assert!(said.contains("seats.db is of a later life"), "{said}");
    }
    std::fs::remove_file(file(server.data_dir(), "seats.db")).unwrap();
    server.restart().await;
    alive(&mut server.login("owner").await.enter(room).await.unwrap()).await;
}

#[tokio::test]
async fn seats_older_than_the_database_let_nobody_in_twice() {
    let mut server = conditional("1s").await;
    let owner = server.user("owner").await;
    let room = server.empty_room(&owner, 1).await;
    let late = server.user("late").await;
    let ticket = late.reserve(room, &Reserve::default()).await.unwrap().ticket;
    server.stop().await;
    let backup = server.copied_data();
    server.restart().await;
    let entered = server.client().confirm_ticket(&ticket, ConfirmOptions::default()).await;
    entered.unwrap().leave().await.unwrap();
    server.balanced(room).await;
    server.stop().await;
    std::fs::copy(backup.path().join("seats.db"), server.data_dir().join("seats.db")).unwrap();
    server.restart().await;
    let stays = server.rows("memberships WHERE room_id = ?1", &[&room]);
    let again = server.client().confirm_ticket(&ticket, ConfirmOptions::default()).await;
    assert!(again.is_err(), "the ticket was used");
    assert_eq!(server.rows("memberships WHERE room_id = ?1", &[&room]), stays);
    let seats = server.balanced(room).await;
    assert_eq!((seats.occupied, seats.held, seats.reserved, seats.free), (0, 0, 0, 1));
    alive(&mut server.login("owner").await.enter(room).await.unwrap()).await;
}
