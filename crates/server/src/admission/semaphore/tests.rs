//! What only shows in this strategy's own books: quotas, whereabouts, deadlines, ledgers that stay.

use std::time::Duration;

use anteroom_core::ids::{LoginId, Nonce};
use anteroom_core::seat::{Ask, Lifetime, Reserved, RoomSpec};
use uuid::Uuid;

use super::*;
use crate::admission::{Admission, Refusal};

fn strategy(per_user: usize) -> Semaphore {
    let bounds = Bounds { per_user, per_address: None };
    let terms = Terms { grace: Duration::ZERO, ..Terms::default() };
    Semaphore::new(terms, bounds, Arc::new(Clock::new()), Arc::new(Deadlines::default()))
}

fn spec(room: i64, capacity: u32) -> RoomSpec {
    RoomSpec {
        id: RoomId(room),
        epoch: 1,
        capacity,
        staff_seats: 0,
        lifetime: Lifetime::Persistent,
        pending_until: None,
    }
}

fn ask(n: u128) -> Ask {
    let (user, login) = (UserId(Uuid::from_u128(n)), LoginId(Uuid::from_u128(n)));
    Ask { user, login, nonce: Nonce(n.to_be_bytes()), is_staff: false, resume: None, over: None }
}

async fn reserve(seats: &Semaphore, room: i64, n: u128) -> Result<Reserved, Refusal> {
    seats.reserve(RoomId(room), ask(n), None, &mut Journal::new()).await
}

#[tokio::test]
async fn bug_b03_a_refused_reservation_takes_no_place_in_the_quota() {
    let seats = strategy(1);
    seats.add_room(spec(101, 1)).await.unwrap();
    seats.add_room(spec(102, 1)).await.unwrap();
    reserve(&seats, 101, 1).await.unwrap();
    let full = Err(Refusal::Ledger(ReserveRefusal::RoomFull));
    assert_eq!(reserve(&seats, 101, 2).await, full);
    assert!(reserve(&seats, 102, 2).await.is_ok(), "the user holds nothing yet");
}

#[tokio::test]
async fn bug_b09_a_room_added_again_keeps_its_ledger() {
    let seats = strategy(3);
    for times in 0..3 {
        seats.add_room(spec(101, 1)).await.unwrap();
        let refused = reserve(&seats, 101, 1 + times).await.is_err();
        assert_eq!(refused, times > 0, "one seat, whoever asks for it after {times} more");
        assert_eq!(seats.seats(RoomId(101)).await.unwrap().unwrap().reserved, 1);
    }
}

#[tokio::test]
async fn bug_b22_nothing_is_kept_of_rooms_and_users_that_are_gone() {
    let seats = strategy(3);
    for room in 101..110 {
        seats.add_room(spec(room, 3)).await.unwrap();
        for n in 0..5 {
            let _ = reserve(&seats, room, n).await;
        }
        seats.cancel(RoomId(room), ask(0).user, &mut Journal::new()).await.unwrap();
        seats.close_room(RoomId(room), &mut Journal::new()).await.unwrap();
    }
    assert_eq!(seats.rooms.read().unwrap().len(), 0, "ledgers");
    assert_eq!(lock(&seats.whereabouts).len(), 0, "users");
    assert_eq!((seats.quota.open_count(), seats.deadlines.len()), (0, 0));
    assert!(lock(&seats.places).is_empty());
}
