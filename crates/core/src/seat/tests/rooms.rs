//! Pending rooms, rooms that live until empty, closing, and the capacity.

use super::*;

fn pending(capacity: u32) -> (Bench, Millis) {
    let until = Millis(1_000_000 + 120 * SECOND);
    (Bench::of(RoomSpec { pending_until: Some(until), ..spec(capacity) }), until)
}

#[test]
fn a_pending_room_nobody_entered_goes_with_all_its_reservations_in_one_step() {
    let (mut bench, until) = pending(2);
    assert_eq!(bench.room.next_deadline(), Some(until));
    let first = bench.reserve(ask(1)).unwrap().reservation;
    bench.pass(60 * SECOND);
    let second = bench.reserve(ask(2)).unwrap().reservation;
    assert_eq!((first.deadline, second.deadline), (until, until), "none outlasts the room");
    bench.wait(ask(3)).unwrap();
    bench.attach(3, 1);
    bench.now = until;
    assert_eq!(bench.confirm(claim(1, first, 1)), Err(ConfirmRefusal::Expired));
    assert_eq!(bench.room.state(), RoomState::Gone);
    assert_eq!(bench.offer(3), None, "no offer from a room that is over");
    assert!(bench.journal.contains(&Change::Closed { cause: CloseCause::PendingExpired }));
    assert_eq!(bench.reserve(ask(1)), Err(ReserveRefusal::Gone));
}

#[test]
fn a_pending_room_opens_with_the_first_entry_that_is_settled() {
    let (mut bench, until) = pending(2);
    bench.arrive(1, 1);
    assert_eq!(bench.room.pending_until(), Some(until), "a confirm alone does not open it");
    bench.settle(1).unwrap();
    assert_eq!(bench.room.pending_until(), None);
    assert!(bench.journal.contains(&Change::Opened));
    bench.now = until.after(Duration::from_secs(1));
    bench.expire();
    assert_eq!(bench.room.state(), RoomState::Open);
}

#[test]
fn bug_b06_a_pending_room_waits_for_the_entry_that_is_under_way() {
    let (mut bench, until) = pending(1);
    bench.arrive(1, 1);
    bench.now = until;
    bench.expire();
    assert_eq!(bench.room.state(), RoomState::Open);
    assert_eq!(bench.room.next_deadline(), None, "no deadline in the past to spin on");
    bench.abort(1).unwrap();
    assert_eq!(bench.room.state(), RoomState::Gone);
}

#[test]
fn a_pending_room_stays_when_its_first_entry_fails_in_time() {
    let (mut bench, until) = pending(1);
    bench.arrive(1, 1);
    bench.abort(1).unwrap();
    assert_eq!(bench.room.pending_until(), Some(until));
    bench.enter(1, 2);
    assert_eq!(bench.seats(), (1, 0, 0, 0, 0));
}

#[test]
fn bug_b21_a_room_that_lives_until_empty_goes_with_its_last_seat() {
    let mut bench = Bench::of(RoomSpec { lifetime: Lifetime::UntilEmpty, ..spec(2) });
    bench.expire();
    assert_eq!(bench.room.state(), RoomState::Open, "it was never used");
    let part = bench.enter(1, 1);
    bench.reserve(ask(2)).unwrap();
    bench.close(part, Parting::Unclean);
    bench.step(|room, step| room.cancel(step, user(2)));
    assert_eq!(bench.room.state(), RoomState::Open, "a held seat is not empty");
    bench.pass(10 * SECOND);
    bench.expire();
    assert_eq!(bench.room.state(), RoomState::Gone);
    assert_eq!(bench.journal.last(), Some(&Change::Closed { cause: CloseCause::Empty }));
}

#[test]
fn a_room_that_lives_until_empty_stays_for_those_who_wait() {
    let mut bench = Bench::of(RoomSpec { lifetime: Lifetime::UntilEmpty, ..spec(1) });
    let part = bench.enter(1, 1);
    bench.wait(ask(2)).unwrap();
    bench.close(part, Parting::Clean);
    assert_eq!(bench.seats(), (0, 1, 0, 0, 0), "the offer");
    bench.pass(30 * SECOND);
    bench.expire();
    assert_eq!(bench.room.state(), RoomState::Gone);
}

#[test]
fn bug_b06_a_closed_room_ends_everybody_and_refuses_all_steps() {
    let mut bench = Bench::new(3);
    bench.enter(1, 1);
    let part = bench.enter(2, 2);
    bench.close(part, Parting::Unclean);
    let it = bench.reserve(ask(3)).unwrap().reservation;
    bench.wait(ask(4)).unwrap();
    assert_eq!(bench.step(|room, step| room.close_room(step)), [session(1)]);
    assert_eq!(bench.room.state(), RoomState::Gone);
    assert_eq!(bench.seats(), (0, 0, 0, 3, 0));
    assert_eq!(bench.room.next_deadline(), None);
    assert_eq!(bench.returned(), [(user(1), End::RoomClosed), (user(2), End::RoomClosed)]);
    assert_eq!(bench.confirm(claim(3, it, 3)), Err(ConfirmRefusal::RoomClosed));
    assert_eq!(bench.wait(ask(5)), Err(WaitRefusal::Gone));
    assert_eq!(bench.step(|room, step| room.close_room(step)), []);
}

#[test]
fn bug_b06_a_closing_room_is_gone_once_the_entries_under_way_have_learnt_it() {
    let mut bench = Bench::new(2);
    bench.arrive(1, 1);
    bench.step(|room, step| room.close_room(step));
    assert_eq!(bench.room.state(), RoomState::Closing);
    assert_eq!(bench.reserve(ask(2)), Err(ReserveRefusal::Closed));
    assert_eq!(bench.wait(ask(2)), Err(WaitRefusal::Closed));
    assert_eq!(bench.settle(1), Err(End::RoomClosed));
    assert_eq!(bench.room.state(), RoomState::Gone);
}

#[test]
fn a_smaller_capacity_throws_nobody_out_and_lets_nobody_in_until_below() {
    let mut bench = Bench::new(3);
    let parts: Vec<PartRef> = (1..4).map(|n| bench.enter(n, n)).collect();
    bench.resize(2, 0);
    assert_eq!(bench.seats(), (3, 0, 0, 0, 0));
    bench.close(parts[0], Parting::Clean);
    assert_eq!(bench.reserve(ask(4)), Err(ReserveRefusal::RoomFull));
    bench.close(parts[1], Parting::Clean);
    assert!(bench.reserve(ask(4)).is_ok());
}

#[test]
fn after_a_cut_even_a_free_staff_seat_waits_until_the_room_is_below() {
    let mut bench = Bench::of(RoomSpec { staff_seats: 1, ..spec(4) });
    for n in 1..4 {
        bench.enter(n, n);
    }
    bench.resize(3, 1);
    assert_eq!(bench.reserve(staff(5)), Err(ReserveRefusal::RoomFull));
}

#[test]
fn a_capacity_out_of_range_is_refused_and_so_are_more_staff_seats_than_seats() {
    let mut bench = Bench::of(RoomSpec { staff_seats: 1, ..spec(2) });
    let before = bench.room.seats();
    for (capacity, staff_seats) in [(0, 0), (crate::limits::CAPACITY_MAX + 1, 0), (3, 4)] {
        let size = RoomSize { capacity, staff_seats };
        let answer = bench.step(|room, step| room.set_capacity(step, size));
        assert_eq!(answer, Err(BadCapacity));
    }
    assert_eq!(bench.room.seats(), before);
}

#[test]
fn bug_b09_seats_kept_for_staff_from_now_on_let_no_ordinary_newcomer_in() {
    let mut bench = Bench::new(4);
    let parts: Vec<PartRef> = (1..4).map(|n| bench.enter(n, n)).collect();
    bench.resize(4, 2);
    let seats = bench.room.seats();
    assert_eq!((seats.occupied, seats.free), (3, 0), "three sit on two ordinary seats");
    assert_eq!(seats.staff, Some(StaffSeats { capacity: 2, taken: 0 }));
    assert_eq!(bench.reserve(ask(5)), Err(ReserveRefusal::RoomFull));
    assert!(bench.reserve(staff(6)).is_ok());
    assert_eq!(bench.reserve(staff(7)), Err(ReserveRefusal::RoomFull), "four seats are taken");
    bench.close(parts[0], Parting::Clean);
    assert_eq!(bench.reserve(ask(5)), Err(ReserveRefusal::RoomFull), "two sit on two");
    bench.close(parts[1], Parting::Clean);
    assert!(bench.reserve(ask(5)).is_ok());
}

#[test]
fn fewer_staff_seats_are_offered_to_the_line_in_the_same_step() {
    let mut bench = Bench::of(RoomSpec { staff_seats: 2, ..spec(3) });
    bench.enter(1, 1);
    for who in 4..7 {
        bench.wait(ask(who)).unwrap();
    }
    let offered = |bench: &Bench| [4, 5, 6].map(|who| bench.offer(who).is_some());
    assert_eq!(bench.seats(), (1, 0, 0, 0, 3));
    bench.resize(3, 1);
    assert_eq!(offered(&bench), [true, false, false], "the first in line");
    bench.resize(4, 0);
    assert_eq!(offered(&bench), [true, true, true]);
    assert_eq!(bench.seats(), (1, 3, 0, 0, 0));
}

#[test]
fn who_sits_on_a_staff_seat_stays_when_there_is_none_any_more() {
    let mut bench = Bench::of(RoomSpec { staff_seats: 1, ..spec(2) });
    let it = bench.reserve(staff(1)).unwrap().reservation;
    bench.confirm(claim(1, it, 1)).unwrap();
    bench.settle(1).unwrap();
    bench.resize(2, 0);
    assert_eq!(bench.room.seats().staff, None);
    assert_eq!(bench.seats(), (1, 0, 0, 1, 0), "the room has one seat left, not two");
    assert!(bench.reserve(ask(2)).is_ok());
    assert_eq!(bench.reserve(ask(3)), Err(ReserveRefusal::RoomFull));
}

#[test]
fn members_are_those_who_sit_or_are_held() {
    let mut bench = Bench::new(3);
    let since = bench.now;
    let entered = bench.enter(1, 1).generation;
    bench.pass(SECOND);
    let part = bench.enter(2, 2);
    bench.close(part, Parting::Unclean);
    bench.reserve(ask(3)).unwrap();
    let mut members: Vec<Member> = bench.room.members().collect();
    members.sort_by_key(|member| member.since);
    let (user_1, state) = (user(1), SlotState::Occupied);
    let expected = Member { user: user_1, entered, since, settled: true, state };
    assert_eq!(members[0], expected);
    assert_eq!((members[1].user, members[1].state), (user(2), SlotState::Held));
    assert_eq!(members.len(), 2);
    assert!(bench.room.is_seated(user(2)) && !bench.room.is_seated(user(3)));
}
