//! Bugs that other systems had, by their number in `docs/bugs.md`, held against the scripts one by
//! one: the random histories would find each too, but would not say which it is.

use std::sync::atomic::Ordering;

use anteroom_core::ids::{Nonce, Owner, ResumeHash, RoomId, SessionId, StreamId};
use anteroom_core::seat::{
    Ask, Attachment, Change, Claim, Closed, ConfirmRefusal, PartRef, Parting, ReserveRefusal,
    Rival, RivalClaim, RoomSize, SessionPolicy, Terms,
};
use uuid::Uuid;

use super::people::{ask, claim, enter, part, reserve};
use super::store::Store;
use super::{HERE, connected, spec, unbounded};
use crate::admission::redis::Redis;
use crate::admission::{Admission as _, Bounds, ConfirmError, Journal, Refusal};

const ROOM: RoomId = RoomId(101);
const START: u64 = 1_763_712_000_000;

async fn with_room(store: &Store, capacity: u32, terms: Terms) -> Redis {
    let seats = connected(store, "seats:", terms, unbounded()).await;
    seats.reading.store(START, Ordering::Relaxed);
    seats.add_room(spec(ROOM.0, capacity)).await.unwrap();
    seats
}

fn full<T>() -> Result<T, Refusal> {
    Err(Refusal::Ledger(ReserveRefusal::RoomFull))
}

#[tokio::test]
async fn bug_b03_a_refused_reservation_takes_no_place_in_the_scripts_bounds() {
    let store = Store::start();
    let one = Bounds { per_user: 1, per_address: None };
    let seats = connected(&store, "seats:", Terms::default(), one).await;
    let other = RoomId(102);
    for room in [ROOM, other] {
        seats.add_room(spec(room.0, 1)).await.unwrap();
    }
    reserve(&seats, ROOM, 1).await.unwrap();
    assert_eq!(reserve(&seats, ROOM, 2).await, full());
    assert!(reserve(&seats, other, 2).await.is_ok(), "the user holds nothing yet");
}

#[tokio::test]
async fn bug_b05_a_wrong_ticket_opens_nothing_by_script() {
    let store = Store::start();
    let seats = with_room(&store, 1, Terms::default()).await;
    let good = claim(&reserve(&seats, ROOM, 1).await.unwrap());
    let foreign = ask(2).login;
    for wrong in [Claim { nonce: Nonce([0; 16]), ..good }, Claim { login: foreign, ..good }] {
        let refused = seats.confirm(ROOM, wrong, &mut Journal::new()).await;
        assert_eq!(refused, Err(ConfirmError::Ledger(ConfirmRefusal::NoReservation)));
    }
    assert!(seats.confirm(ROOM, good, &mut Journal::new()).await.is_ok(), "nothing was used up");
}

#[tokio::test]
async fn bug_b06_a_closing_room_reserves_nothing_by_script() {
    let store = Store::start();
    let seats = with_room(&store, 3, Terms::default()).await;
    let entering = claim(&reserve(&seats, ROOM, 1).await.unwrap());
    seats.confirm(ROOM, entering, &mut Journal::new()).await.unwrap();
    seats.close_room(ROOM, &mut Journal::new()).await.unwrap();
    let closed = Err(Refusal::Ledger(ReserveRefusal::Closed));
    assert_eq!(reserve(&seats, ROOM, 2).await, closed);
}

#[tokio::test]
async fn bug_b09_the_scripts_give_no_seat_beyond_the_last() {
    let store = Store::start();
    let seats = with_room(&store, 2, Terms::default()).await;
    enter(&seats, ROOM, 1).await;
    reserve(&seats, ROOM, 2).await.unwrap();
    assert_eq!(reserve(&seats, ROOM, 3).await, full());
}

#[tokio::test]
async fn bug_b13_a_late_request_by_script_takes_nothing_of_another_login() {
    let store = Store::start();
    let seats = with_room(&store, 2, Terms::default()).await;
    let stands = reserve(&seats, ROOM, 1).await.unwrap().reservation;
    let late = Ask { login: ask(9).login, ..ask(1) };
    let claim = RivalClaim::Reservation(stands.generation);
    let rival = Rival { login: stands.login, claim };
    let refused = seats.reserve(ROOM, late, None, &mut Journal::new()).await;
    assert_eq!(refused, Err(Refusal::Ledger(ReserveRefusal::Contested(rival))));
    let kept = seats.standing(ROOM, late.user).await.unwrap().unwrap();
    assert_eq!(kept.reservation, stands);
    let named = Ask { over: Some(rival), ..late };
    let taken = seats.reserve(ROOM, named, None, &mut Journal::new()).await.unwrap();
    assert_eq!((taken.fresh, taken.reservation.login), (true, late.login));
}

#[tokio::test]
async fn bug_b13_the_end_of_a_stream_by_script_takes_no_other_off() {
    let store = Store::start();
    let seats = with_room(&store, 1, Terms::default()).await;
    reserve(&seats, ROOM, 1).await.unwrap();
    let journal = &mut Journal::new();
    seats.wait(ROOM, ask(2), None, journal).await.unwrap();
    let stream = |n| StreamId { owner: HERE, n };
    let user = ask(2).user;
    for n in [1, 2, 2] {
        let attached = seats.stream_attached(ROOM, user, stream(n), journal).await;
        assert_eq!(attached, Ok(Attachment::Attached));
    }
    for n in [1, 1, 7] {
        seats.stream_lost(ROOM, user, stream(n), journal).await.unwrap();
    }
    let line = seats.snapshot(ROOM).await.unwrap().unwrap().line;
    assert_eq!(line[0].streams, [stream(2)].into_iter().collect());
    assert_eq!(line[0].away_deadline, None);
}

#[tokio::test]
async fn bug_b13_a_close_by_script_ends_the_part_it_names_and_no_other() {
    let store = Store::start();
    let terms = Terms { sessions: SessionPolicy::Many(2), ..Terms::default() };
    let seats = with_room(&store, 1, terms).await;
    let first = enter(&seats, ROOM, 1).await;
    let beside = SessionId(Uuid::from_u128(7));
    let second = Claim { session: beside, ..claim(&reserve(&seats, ROOM, 1).await.unwrap()) };
    seats.confirm(ROOM, second, &mut Journal::new()).await.unwrap();
    seats.settle(ROOM, second.user, beside, &mut Journal::new()).await.unwrap();
    let restarted = Owner { incarnation: HERE.incarnation + 1, ..HERE };
    for wrong in [
        PartRef { generation: second.generation, ..first },
        PartRef { owner: restarted, ..first },
        PartRef { session: SessionId(Uuid::from_u128(8)), ..first },
    ] {
        let closed = seats.close(ROOM, wrong, Parting::Clean, &mut Journal::new()).await;
        assert_eq!(closed, Ok(Closed::Stale));
    }
    let closed = seats.close(ROOM, first, Parting::Clean, &mut Journal::new()).await;
    assert_eq!(closed, Ok(Closed::Others), "the other device sits on");
    let closed = seats.close(ROOM, part(&second), Parting::Clean, &mut Journal::new()).await;
    assert_eq!(closed, Ok(Closed::Returned));
}

#[tokio::test]
async fn bug_b18_no_two_grants_of_the_scripts_have_one_number() {
    let store = Store::start();
    let seats = with_room(&store, 5, Terms::default()).await;
    let mut numbers = Vec::new();
    for n in 1..=5 {
        numbers.push(reserve(&seats, ROOM, n).await.unwrap().reservation.generation);
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

#[tokio::test]
async fn bug_b19_a_reservation_by_script_is_gone_at_its_deadline_and_not_before() {
    let store = Store::start();
    let seats = with_room(&store, 1, Terms::default()).await;
    let deadline = reserve(&seats, ROOM, 1).await.unwrap().reservation.deadline;
    assert_eq!(seats.deadlines.len(), 1, "and somebody will look");
    seats.reading.store(deadline.0 - 1, Ordering::Relaxed);
    assert_eq!(reserve(&seats, ROOM, 2).await, full());
    seats.reading.store(deadline.0, Ordering::Relaxed);
    assert!(reserve(&seats, ROOM, 2).await.is_ok());
}

#[tokio::test]
async fn bug_b24_every_place_that_a_larger_capacity_brings_is_offered_by_script() {
    let store = Store::start();
    let seats = with_room(&store, 1, Terms::default()).await;
    enter(&seats, ROOM, 1).await;
    for n in 2..5 {
        seats.wait(ROOM, ask(n), None, &mut Journal::new()).await.unwrap();
    }
    let mut journal = Journal::new();
    assert_eq!(seats.set_capacity(ROOM, RoomSize::plain(3), &mut journal).await, Ok(true));
    let offered = journal.iter().filter(|(_, it)| matches!(it, Change::Offered { .. })).count();
    assert_eq!(offered, 2);
    assert_eq!(seats.line(ROOM).await.unwrap(), [ask(4).user]);
}

#[tokio::test]
async fn bug_b09_staff_seats_given_up_are_offered_by_script() {
    let store = Store::start();
    let seats = with_room(&store, 3, Terms::default()).await;
    let kept = |staff_seats| RoomSize { capacity: 3, staff_seats };
    let mut journal = Journal::new();
    assert_eq!(seats.set_capacity(ROOM, kept(4), &mut journal).await, Ok(false), "too many");
    assert_eq!(seats.set_capacity(ROOM, kept(2), &mut journal).await, Ok(true));
    enter(&seats, ROOM, 1).await;
    for n in 2..5 {
        seats.wait(ROOM, ask(n), None, &mut Journal::new()).await.unwrap();
    }
    assert_eq!(seats.set_capacity(ROOM, kept(1), &mut journal).await, Ok(true));
    assert_eq!(seats.line(ROOM).await.unwrap(), [ask(3).user, ask(4).user]);
    let staff = Ask { is_staff: true, ..ask(9) };
    assert!(seats.reserve(ROOM, staff, None, &mut journal).await.unwrap().fresh);
    assert_eq!(reserve(&seats, ROOM, 8).await, full());
}

#[tokio::test]
async fn bug_b29_a_stale_secret_takes_no_seat_by_script() {
    let store = Store::start();
    let seats = with_room(&store, 1, Terms::default()).await;
    enter(&seats, ROOM, 1).await;
    let stale = Ask { resume: Some(ResumeHash([1; 32])), ..ask(1) };
    let refused = seats.reserve(ROOM, stale, None, &mut Journal::new()).await;
    assert_eq!(refused, Err(Refusal::Ledger(ReserveRefusal::Replaced)));
    assert!(seats.is_seated(ROOM, stale.user).await.unwrap());
}

#[tokio::test]
async fn a_room_that_was_opened_is_not_pending_again_for_a_node_that_read_it_before() {
    let store = Store::start();
    let seats = with_room(&store, 2, Terms::default()).await;
    let sits = enter(&seats, ROOM, 1).await;
    let late = anteroom_core::time::Millis(START + 1_000);
    let read_before =
        anteroom_core::seat::RoomSpec { epoch: 8, pending_until: Some(late), ..spec(ROOM.0, 2) };
    seats.add_room(read_before).await.unwrap();
    let journal = &mut Journal::new();
    seats.close(ROOM, sits, Parting::Unclean, journal).await.unwrap();
    seats.reading.store(late.0, Ordering::Relaxed);
    seats.expire(ROOM, journal).await.unwrap();
    assert_eq!(seats.seats(ROOM).await.unwrap().unwrap().held, 1, "the room and its people stay");
}
