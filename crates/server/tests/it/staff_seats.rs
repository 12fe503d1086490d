//! Seats kept for staff: shown apart, changed while people sit and wait, refused in words.

use anteroom_client::Account;
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::room::{ChangeRoom, CreateRoom, StaffSeats};
use reqwest::Method;
use serde_json::json;

use crate::harness::line::queue;
use crate::harness::{Answer, Known as _, Redis, TestServer, refused, within};

#[tokio::test]
async fn staff_seats_are_kept_for_staff_and_shown_apart() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let body =
        CreateRoom { name: "Kept".into(), capacity: 3, staff_seats: 2, ..CreateRoom::default() };
    let created = owner.create_room(&body).await.unwrap();
    let room = created.room.id;
    let session = owner.confirm(&created.reservation, Default::default()).await.unwrap();
    let seats = server.balanced(room).await;
    let staff = seats.staff.unwrap();
    assert_eq!((staff.capacity, staff.taken, seats.free), (2, 1, 1), "the owner took a staff seat");

    let guest = server.guest("first").await;
    let seated = guest.enter(room).await.unwrap();
    let late = server.guest("second").await;
    refused(late.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    assert_eq!(server.seats(room).await.free, 0, "what is left is for staff only");

    let chief = server.administrator().await;
    let third = chief.enter(room).await.unwrap();
    let seats = server.balanced(room).await;
    assert_eq!((seats.occupied, seats.staff.unwrap().taken), (3, 2));
    let path = format!("/admin/rooms/{room}/seats");
    let seen = Answer::to(chief.request(Method::GET, &path)).await.json();
    let class_of = |user: uuid::Uuid| {
        let slots = seen["slots"].as_array().unwrap();
        let slot = slots.iter().find(|slot| slot["user_id"] == user.to_string()).unwrap();
        (slot["class"].clone(), slot["state"].clone(), slot["sessions"].clone())
    };
    assert_eq!(class_of(owner.id()), (json!("staff"), json!("occupied"), json!(1)));
    assert_eq!(class_of(guest.id()), (json!("ordinary"), json!("occupied"), json!(1)));
    assert_eq!(Answer::to(guest.request(Method::GET, &path)).await.status, 403);
    drop((session, seated, third));

    let wrong = CreateRoom { staff_seats: 4, ..body };
    refused(owner.create_room(&wrong).await, 422, Code::Invalid);
}

fn staff_seats(staff_seats: u32) -> ChangeRoom {
    ChangeRoom { staff_seats: Some(staff_seats), ..ChangeRoom::default() }
}

#[tokio::test]
async fn seats_kept_for_staff_later_throw_nobody_out_and_let_only_staff_in() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let room = server.empty_room(&owner, 4).await;
    let seated = server.fill(room, 2).await;

    let changed = owner.change_room(room, &staff_seats(2)).await.unwrap();
    assert_eq!(changed.seats.staff, Some(StaffSeats { capacity: 2, taken: 0 }));
    assert_eq!((changed.capacity, changed.seats.occupied, changed.seats.free), (4, 2, 0));
    let told = json!({ "room": room, "user": owner.id(), "capacity": 4, "staff_seats": 2 });
    server.event("room.changed", told).await;
    let guest = server.guest("late").await;
    refused(guest.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    let session = owner.enter(room).await.unwrap();
    let seats = server.balanced(room).await;
    assert_eq!((seats.occupied, seats.free), (3, 0));
    assert_eq!(seats.staff, Some(StaffSeats { capacity: 2, taken: 1 }));

    refused(guest.change_room(room, &staff_seats(0)).await, 403, Code::Forbidden);
    let moderated = server.administrator().await.change_room(room, &staff_seats(0)).await.unwrap();
    assert_eq!((moderated.seats.staff, moderated.seats.free), (None, 1));
    drop((seated, session));
}

#[tokio::test]
async fn staff_seats_given_up_go_to_the_line_in_the_same_step() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let room = server.empty_room(&owner, 2).await;
    owner.change_room(room, &staff_seats(2)).await.unwrap();
    let guests = server.guests(2).await;
    for guest in &guests {
        queue(guest, room).await;
    }
    let changed = owner.change_room(room, &staff_seats(1)).await.unwrap();
    assert_eq!((changed.seats.reserved, changed.seats.waiting, changed.seats.free), (1, 1, 0));
    let both = ChangeRoom { capacity: Some(1), staff_seats: Some(0), ..ChangeRoom::default() };
    let changed = owner.change_room(room, &both).await.unwrap();
    assert_eq!(
        (changed.seats.reserved, changed.seats.waiting),
        (1, 1),
        "one seat, and it is given"
    );
    assert_eq!(changed.seats.staff, None);
}

#[tokio::test]
async fn more_staff_seats_than_seats_are_refused_beside_what_the_room_has() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let room = server.empty_room(&owner, 3).await;
    owner.change_room(room, &staff_seats(2)).await.unwrap();
    for wrong in [
        json!({ "staff_seats": 4 }),
        json!({ "capacity": 1 }),
        json!({ "capacity": 5, "staff_seats": 6 }),
    ] {
        let answer = change(&owner, room, &wrong).await;
        answer.refuses(422, "invalid");
        assert_eq!(answer.json()["errors"][0]["field"], "staff_seats", "{wrong}");
    }
    for wrong in [json!({ "staff_seats": -1 }), json!({ "staff_seats": "two" })] {
        change(&owner, room, &wrong).await.refuses(422, "invalid");
    }
    let seats = server.seats(room).await;
    assert_eq!((seats.capacity, seats.free), (3, 1));
    assert_eq!(seats.staff, Some(StaffSeats { capacity: 2, taken: 0 }), "nothing was changed");
}

async fn change(owner: &Account, room: i64, body: &serde_json::Value) -> Answer {
    Answer::to(owner.request(Method::PATCH, &format!("/rooms/{room}")).json(body)).await
}

#[tokio::test]
async fn staff_seats_that_were_changed_are_kept_over_a_restart() {
    let mut server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let room = server.empty_room(&owner, 3).await;
    owner.change_room(room, &staff_seats(2)).await.unwrap();
    server.kill9().await;
    server.restart().await;
    let seats = server.login("owner").await.room(room).await.unwrap().seats;
    assert_eq!(seats.staff, Some(StaffSeats { capacity: 2, taken: 0 }));
    assert_eq!(seats.free, 1);
}

#[tokio::test]
async fn a_change_that_the_seat_store_did_not_hear_is_repeated_as_the_record_has_it_by_then() {
    let redis = Redis::start();
    let server = redis.server(|cfg| _ = cfg.set("redis.timeout", "1s")).await;
    let owner = server.user("owner").await;
    let (room, _session) = server.room(&owner, 4).await;
    redis.sleeps();
    for kept in [3, 2] {
        refused(owner.change_room(room, &staff_seats(kept)).await, 503, Code::Unavailable);
    }
    redis.wakes();
    let wanted = Some(StaffSeats { capacity: 2, taken: 0 });
    within("the size of the record", async {
        while owner.room(room).await.ok().and_then(|room| room.seats.staff) != wanted {}
    })
    .await;
    let guest = server.guest("a").await;
    drop(guest.enter(room).await.unwrap());
    let late = server.guest("b").await;
    refused(late.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
}
