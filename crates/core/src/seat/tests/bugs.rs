//! Bugs that other systems had, by their number in `docs/bugs.md`. Others stand with their subject:
//! `cargo test bug_b` runs them all.

use std::collections::HashSet;

use super::*;

#[test]
fn bug_b01_an_entry_under_way_is_counted() {
    let mut bench = Bench::new(1);
    bench.arrive(1, 1);
    assert_eq!(bench.reserve(ask(2)), Err(ReserveRefusal::RoomFull));
    assert_eq!(bench.seats(), (1, 0, 0, 0, 0));
    bench.abort(1).unwrap();
    assert!(bench.reserve(ask(2)).is_ok());
}

#[test]
fn bug_b01_a_confirm_leaves_no_gap_for_the_line() {
    let mut bench = Bench::new(1);
    let it = bench.reserve(ask(1)).unwrap().reservation;
    bench.wait(ask(2)).unwrap();
    bench.confirm(claim(1, it, 1)).unwrap();
    assert_eq!(bench.offer(2), None, "the place was never free");
    assert_eq!(bench.seats(), (1, 0, 0, 0, 1));
}

#[test]
fn bug_b02_who_sits_and_reserves_again_counts_once() {
    let mut bench = Bench::new(2);
    bench.enter(1, 1);
    bench.reserve(ask(1)).unwrap();
    assert_eq!(bench.seats(), (1, 0, 0, 1, 0));
    assert!(bench.reserve(ask(2)).is_ok(), "there are two seats for two users");
}

#[test]
fn bug_b05_a_wrong_ticket_leaves_the_deadline_running() {
    let mut bench = Bench::new(1);
    let it = bench.reserve(ask(1)).unwrap().reservation;
    let mut step = Step::new(bench.now, &bench.terms, &mut bench.journal);
    assert!(!bench.room.connecting(&mut step, user(1), it.generation, Nonce([0; 16])));
    assert_eq!(bench.room.next_deadline(), Some(it.deadline));
    bench.now = it.deadline;
    bench.expire();
    assert_eq!(bench.seats(), (0, 0, 0, 1, 0));
}

#[test]
fn bug_b05_a_wrong_resume_secret_leaves_the_grace_running() {
    let mut bench = Bench::new(1);
    let part = bench.enter(1, 1);
    let until = bench.now.after(bench.terms.grace);
    assert_eq!(bench.close(part, Parting::Unclean), Closed::Held(until));
    let it = bench.reserve(ask(1)).unwrap().reservation;
    let wrong = Claim { presented: Some(secret(77)), ..claim(1, it, 2) };
    let mut step = Step::new(bench.now, &bench.terms, &mut bench.journal);
    assert_eq!(bench.room.confirm(&mut step, &wrong), Err(ConfirmRefusal::Replaced));
    assert_eq!(bench.room.next_deadline(), Some(until));
    bench.now = until;
    bench.expire();
    assert_eq!(bench.returned(), [(user(1), End::HeldExpired)]);
}

#[test]
fn bug_b07_a_hundred_refreshes_move_no_number() {
    let mut bench = Bench::new(2);
    for s in 1..=100 {
        bench.enter(1, s);
        assert_eq!(bench.seats(), (1, 0, 0, 1, 0), "after {s}");
    }
    assert!(bench.reserve(ask(2)).is_ok());
}

#[test]
fn bug_b07_devices_of_one_user_are_one_seat() {
    let mut bench = Bench::new(2).allowing(3);
    for s in 1..=3 {
        bench.enter(1, s);
    }
    assert_eq!(bench.seats(), (1, 0, 0, 1, 0));
    assert!(bench.reserve(ask(2)).is_ok());
}

#[test]
fn bug_b09_slots_that_were_not_loaded_are_counted() {
    let mut bench = Bench::new(3);
    bench.enter(1, 1);
    bench.enter(2, 2);
    let mut snapshot = bench.room.snapshot();
    snapshot.slots.retain(|slot| slot.user == user(1));
    snapshot.elsewhere.ordinary = 1;
    bench.room = Room::restore(snapshot);
    assert_eq!(bench.seats(), (2, 0, 0, 1, 0));
    assert!(bench.reserve(ask(3)).is_ok());
    assert_eq!(bench.reserve(ask(4)), Err(ReserveRefusal::RoomFull));
}

/// A room with something of everything: 1 sits, 2 has a reservation, 3 is entering, 4 waits.
fn busy() -> (Bench, PartRef, Reservation) {
    let mut bench = Bench::new(3);
    let part = bench.enter(1, 1);
    let it = bench.reserve(ask(2)).unwrap().reservation;
    bench.arrive(3, 3);
    bench.wait(ask(4)).unwrap();
    assert_eq!(bench.attach(4, 1), Attachment::Attached);
    bench.journal.clear();
    (bench, part, it)
}

#[test]
fn bug_b17_every_end_told_twice_changes_nothing_the_second_time() {
    type End = fn(&mut Room, &mut Step<'_>, PartRef, Reservation);
    let ends: [(&str, End); 13] = [
        ("clean close", |room, step, part, _| {
            room.close(step, &part, Parting::Clean);
        }),
        ("unclean close", |room, step, part, _| {
            room.close(step, &part, Parting::Unclean);
        }),
        ("move", |room, step, part, _| {
            room.move_out(step, part.user, part.generation);
        }),
        ("cancel", |room, step, _, _| {
            room.cancel(step, user(2));
        }),
        ("withdraw", |room, step, _, it| {
            room.withdraw(step, user(2), it.generation, it.login);
        }),
        ("abort", |room, step, _, _| {
            let _ = room.abort(step, session(3));
        }),
        ("settle", |room, step, _, _| {
            let _ = room.settle_entry(step, session(3));
        }),
        ("stop waiting", |room, step, _, _| {
            room.stop_waiting(step, user(4));
        }),
        ("stream lost", |room, step, _, _| room.stream_lost(step, user(4), stream(1))),
        ("fence", |room, step, _, _| {
            room.fence(step, HERE);
        }),
        ("log out", |room, step, _, _| {
            room.revoke_login(step, user(1), login(1, 1));
        }),
        ("remove", |room, step, _, _| {
            room.remove(step, user(1));
        }),
        ("close room", |room, step, _, _| {
            room.close_room(step);
        }),
    ];
    for (name, end) in ends {
        let (mut bench, part, it) = busy();
        bench.step(|room, step| end(room, step, part, it));
        let once = (bench.room.snapshot(), std::mem::take(&mut bench.journal));
        bench.step(|room, step| end(room, step, part, it));
        assert_eq!(bench.room.snapshot(), once.0, "{name}");
        assert_eq!(bench.journal, [], "{name}");
    }
}

#[test]
fn bug_b18_no_two_grants_have_one_number() {
    let mut bench = Bench::new(2);
    let mut seen = HashSet::new();
    for round in 0..20 {
        let it = bench.reserve(ask(1 + round % 2)).unwrap().reservation;
        assert!(seen.insert(it.generation), "{:?} again", it.generation);
        bench.step(|room, step| room.cancel(step, user(1 + round % 2)));
    }
}

#[test]
fn bug_b18_a_room_taken_up_again_never_repeats_a_grant() {
    let mut bench = Bench::new(3);
    let before: Vec<Generation> = (1..=2).map(|n| bench.enter(n, n).generation).collect();
    bench.room = Room::restore(bench.room.snapshot());
    bench.room.renew(&RoomSpec { epoch: 2, ..spec(3) });
    let after = bench.reserve(ask(3)).unwrap().reservation.generation;
    assert!(before.iter().all(|it| *it < after), "{before:?} and then {after:?}");
}

#[test]
fn bug_b21_a_room_knows_that_it_was_used_when_it_is_restored() {
    let mut bench = Bench::of(RoomSpec { lifetime: Lifetime::UntilEmpty, ..spec(2) });
    let part = bench.enter(1, 1);
    bench.room = Room::restore(bench.room.snapshot());
    let mut step = Step::new(bench.now, &bench.terms, &mut bench.journal);
    bench.room.close(&mut step, &part, Parting::Clean);
    bench.room = Room::restore(bench.room.snapshot());
    assert_eq!(bench.room.state(), RoomState::Gone);

    let mut unused = Bench::of(RoomSpec { lifetime: Lifetime::UntilEmpty, ..spec(2) });
    let part = unused.enter(1, 1);
    unused.close(part, Parting::Unclean);
    unused.room = Room::restore(unused.room.snapshot());
    unused.pass(10 * SECOND);
    unused.expire();
    assert_eq!(unused.room.state(), RoomState::Gone, "emptied by a deadline after it was restored");
}

#[test]
fn bug_b23_no_release_raises_the_bound() {
    let mut bench = Bench::new(1);
    let part = bench.enter(1, 1);
    let foreign = PartRef { owner: THERE, ..part };
    for _ in 0..3 {
        bench.close(foreign, Parting::Clean);
        bench.step(|room, step| room.cancel(step, user(1)));
        bench.step(|room, step| room.move_out(step, user(2), part.generation));
        let _ = bench.abort(9);
        bench.step(|room, step| room.stop_waiting(step, user(1)));
    }
    assert_eq!(bench.reserve(ask(2)), Err(ReserveRefusal::RoomFull));
    for _ in 0..3 {
        bench.close(part, Parting::Clean);
    }
    assert_eq!(bench.room.seats().capacity, 1);
    assert!(bench.reserve(ask(2)).is_ok());
    assert_eq!(bench.reserve(ask(3)), Err(ReserveRefusal::RoomFull));
}

#[test]
fn bug_b24_a_place_that_expires_is_offered_without_anybody_asking() {
    let mut bench = Bench::new(1);
    let it = bench.reserve(ask(1)).unwrap().reservation;
    bench.wait(ask(2)).unwrap();
    bench.attach(2, 1);
    bench.now = it.deadline;
    let mut step = Step::new(bench.now, &bench.terms, &mut bench.journal);
    bench.room.expire(&mut step);
    assert!(bench.offer(2).is_some());
}
