//! How many sessions a user may have, and who wins when there is one too many.

use anteroom_client::{Account, ConfirmOptions, Error, Session};
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::EntryKind;
use serde_json::json;

use crate::harness::line::queue;
use crate::harness::{Known as _, TestServer, alive, ended, refused};

/// A server where the newcomer is refused.
async fn refusing(policy: &str) -> TestServer {
    TestServer::start(|cfg| {
        cfg.set("sessions.arrivals", "refuse_new").set("sessions.policy", policy);
    })
    .await
}

async fn come_back(account: &Account, room: i64, resume: &str) -> Result<Session, Error> {
    let body = Reserve { resume: Some(resume.into()), ..Reserve::default() };
    let reservation = account.reserve(room, &body).await?;
    let options = ConfirmOptions { resume: Some(resume.into()), ..ConfirmOptions::default() };
    account.confirm(&reservation, options).await
}

#[tokio::test]
async fn where_newcomers_are_refused_a_second_tab_waits_for_the_first_to_go() {
    let server = refusing("one").await;
    let room = server.empty_room(&server.user("owner").await, 3).await;
    let a = server.user("a").await;
    let mut first = a.enter(room).await.unwrap();
    refused(a.reserve(room, &Reserve::default()).await, 409, Code::AlreadySeated);
    alive(&mut first).await;
    assert_eq!(server.seats(room).await.occupied, 1);

    // The same tab reloads: that is no newcomer.
    let resume = first.welcome().resume.clone();
    let mut second = come_back(&a, room, &resume).await.unwrap();
    assert_eq!(second.welcome().entry, EntryKind::Refresh);
    assert_eq!(ended(&mut first).await.1.code, 4409);
    alive(&mut second).await;

    second.leave().await.unwrap();
    a.enter(room).await.unwrap();
}

#[tokio::test]
async fn where_newcomers_are_refused_a_held_seat_can_still_be_taken_over() {
    let server = refusing("one").await;
    let room = server.empty_room(&server.user("owner").await, 3).await;
    let a = server.user("a").await;
    let first = a.enter(room).await.unwrap();
    first.close(1001).await.unwrap();
    server.event("seat.held", json!({ "user": a.id() })).await;
    let second = a.enter(room).await.unwrap();
    assert_eq!(second.welcome().entry, EntryKind::Takeover);
}

#[tokio::test]
async fn where_newcomers_are_refused_another_room_is_refused_as_well() {
    let server = refusing("one").await;
    let owner = server.user("owner").await;
    let (here, there) = (server.empty_room(&owner, 3).await, server.empty_room(&owner, 3).await);
    let a = server.user("a").await;
    let mut first = a.enter(here).await.unwrap();
    refused(a.reserve(there, &Reserve::default()).await, 409, Code::AlreadySeated);
    assert_eq!(server.seats(there).await.reserved, 0);
    alive(&mut first).await;
    // With the secret of the seat there, it is the same client that moves.
    let resume = first.welcome().resume.clone();
    let moved = come_back(&a, there, &resume).await.unwrap();
    assert_eq!(moved.welcome().room.id, there);
    assert_eq!(ended(&mut first).await.1.code, 4409);
    assert_eq!(server.balanced(here).await.occupied, 0);
}

#[tokio::test]
async fn a_ticket_reserved_before_does_not_throw_out_who_sat_down_meanwhile() {
    let server = refusing("one").await;
    let owner = server.user("owner").await;
    let (here, there) = (server.empty_room(&owner, 3).await, server.empty_room(&owner, 3).await);
    let a = server.user("a").await;
    let early = a.reserve(there, &Reserve::default()).await.unwrap();
    let mut first = a.enter(here).await.unwrap();
    let late = a.confirm(&early, ConfirmOptions::default()).await;
    refused(late, 4409, Code::Replaced);
    alive(&mut first).await;
}

#[tokio::test]
async fn one_per_room_allows_another_room_and_no_second_seat() {
    let server = refusing("one_per_room").await;
    let owner = server.user("owner").await;
    let (here, there) = (server.empty_room(&owner, 3).await, server.empty_room(&owner, 3).await);
    let a = server.user("a").await;
    let mut first = a.enter(here).await.unwrap();
    let mut second = a.enter(there).await.unwrap();
    refused(a.reserve(here, &Reserve::default()).await, 409, Code::AlreadySeated);
    alive(&mut first).await;
    alive(&mut second).await;
}

#[tokio::test]
async fn many_devices_share_one_seat_and_one_too_many_is_refused() {
    let server = TestServer::start(|cfg| {
        cfg.set("sessions.policy", "many")
            .set("sessions.max_per_user", "2")
            .set("sessions.arrivals", "refuse_new");
    })
    .await;
    let room = server.empty_room(&server.user("owner").await, 1).await;
    let a = server.user("a").await;
    let mut first = a.enter(room).await.unwrap();
    let mut second = a.enter(room).await.unwrap();
    assert_eq!(second.welcome().entry, EntryKind::SecondDevice);
    refused(a.reserve(room, &Reserve::default()).await, 409, Code::AlreadySeated);
    assert_eq!(server.seats(room).await.occupied, 1, "seats count users");
    alive(&mut first).await;
    alive(&mut second).await;
}

/// Where a user may have several logins, none of them is older in any sense that counts.
#[tokio::test]
async fn logins_that_both_live_take_reservation_and_place_from_each_other() {
    let server = TestServer::start(|cfg| {
        cfg.set("auth.logins_per_user", 2);
    })
    .await;
    let (room, _owner) = server.room(&server.user("owner").await, 2).await;
    let first = server.user("ann").await;
    let second = server.login("ann").await;
    let of_first = first.reserve(room, &Reserve::default()).await.unwrap();
    let of_second = second.reserve(room, &Reserve::default()).await.unwrap();
    let stale = first.confirm(&of_first, ConfirmOptions::default()).await;
    assert_eq!(stale.err().unwrap().status(), Some(4403));
    let again = first.reserve(room, &Reserve::default()).await.unwrap();
    assert_ne!(again.ticket, of_second.ticket);
    assert_eq!(server.seats(room).await.reserved, 1);
    first.cancel(room).await.unwrap();
    let other = server.guest("other").await;
    let _other = other.enter(room).await.unwrap();
    let joined = queue(&first, room).await;
    assert_eq!(queue(&second, room).await.joined_at, joined.joined_at, "the same place");
    assert_eq!(server.seats(room).await.waiting, 1);
}
