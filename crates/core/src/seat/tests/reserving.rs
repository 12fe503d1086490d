//! reserve, reserve a party, connecting, cancel, expire.

use super::*;

#[test]
fn a_seat_is_counted_and_a_full_room_refuses() {
    let mut bench = Bench::new(2);
    assert!(bench.reserve(ask(1)).unwrap().fresh);
    assert!(bench.reserve(ask(2)).unwrap().fresh);
    assert_eq!(bench.reserve(ask(3)), Err(ReserveRefusal::RoomFull));
    assert_eq!(bench.seats(), (0, 2, 0, 0, 0));
}

#[test]
fn bug_b19_asked_again_the_same_reservation_is_answered_and_its_expiry_is_not_extended() {
    let mut bench = Bench::new(2);
    let first = bench.reserve(ask(1)).unwrap();
    bench.pass(60 * SECOND);
    let again = bench.reserve(Ask { nonce: Nonce([9; 16]), ..ask(1) }).unwrap();
    assert_eq!(again, Reserved { fresh: false, ..first });
    assert_eq!(bench.seats(), (0, 1, 0, 1, 0), "no second seat");
}

#[test]
fn under_another_login_a_new_reservation_takes_the_place_of_the_old_one() {
    let mut bench = Bench::new(1);
    let old = bench.reserve(ask(1)).unwrap().reservation;
    bench.pass(SECOND);
    let new = bench.reserve_over(Ask { login: login(1, 2), ..ask(1) }).unwrap();
    assert!(new.fresh && new.reservation.generation > old.generation);
    assert!(new.reservation.deadline > old.deadline);
    assert_eq!(bench.confirm(claim(1, old, 1)), Err(ConfirmRefusal::NoReservation));
    bench.confirm(claim(1, new.reservation, 1)).unwrap();
}

#[test]
fn a_user_who_sits_gets_a_ticket_and_no_second_seat() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    let reserved = bench.reserve(ask(1)).unwrap();
    assert!(reserved.takeover && reserved.fresh);
    assert_eq!(bench.seats(), (1, 0, 0, 0, 0), "counted once, as occupied");
}

#[test]
fn bug_b19_a_reservation_is_gone_at_its_deadline_and_not_before() {
    let mut bench = Bench::new(1);
    let it = bench.reserve(ask(1)).unwrap().reservation;
    assert_eq!(it.deadline, bench.now.after(bench.terms.reservation_ttl));
    assert_eq!(bench.room.next_deadline(), Some(it.deadline));
    bench.now = Millis(it.deadline.0 - 1);
    assert_eq!(bench.reserve(ask(2)), Err(ReserveRefusal::RoomFull));
    bench.now = it.deadline;
    assert!(bench.reserve(ask(2)).is_ok(), "no sweeper is needed");
    let (user, generation) = (user(1), it.generation);
    let outcome = ExpiredOutcome::NeverConnected;
    assert!(bench.journal.contains(&Change::Expired { user, generation, outcome, offered: false }));
}

#[test]
fn tried_and_failed_is_told_from_never_tried() {
    let mut bench = Bench::new(1);
    let it = bench.reserve(ask(1)).unwrap().reservation;
    let connecting = |bench: &mut Bench, nonce| {
        bench.step(|room, step| room.connecting(step, user(1), it.generation, nonce))
    };
    assert!(!connecting(&mut bench, Nonce([0; 16])), "a wrong ticket counts nothing");
    assert!(connecting(&mut bench, it.nonce));
    bench.pass(120 * SECOND);
    bench.expire();
    let outcome = ExpiredOutcome::AfterFailedAttempt;
    let (user, generation) = (user(1), it.generation);
    assert!(bench.journal.contains(&Change::Expired { user, generation, outcome, offered: false }));
}

#[test]
fn a_cancelled_reservation_frees_its_seat_and_opens_nothing() {
    let mut bench = Bench::new(1);
    let it = bench.reserve(ask(1)).unwrap().reservation;
    let cancel = |bench: &mut Bench| bench.step(|room, step| room.cancel(step, user(1)));
    assert_eq!(cancel(&mut bench), Some(it.generation));
    assert_eq!(cancel(&mut bench), None, "twice is told apart");
    assert_eq!(bench.seats(), (0, 0, 0, 1, 0));
    assert_eq!(bench.confirm(claim(1, it, 1)), Err(ConfirmRefusal::NoReservation));
    assert_eq!(bench.returned(), [], "nobody had entered");
}

#[test]
fn a_cancelled_reservation_leaves_the_seat_of_one_who_sits() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    bench.reserve(ask(1)).unwrap();
    bench.step(|room, step| room.cancel(step, user(1)));
    assert_eq!(bench.live(1), [session(1)]);
}

#[test]
fn a_party_is_seated_together_or_not_at_all() {
    let mut bench = Bench::new(3);
    bench.reserve(ask(1)).unwrap();
    let party = |bench: &mut Bench, all: &[u8]| {
        let party: Vec<Ask> = all.iter().map(|n| ask(*n)).collect();
        bench.step(|room, step| room.reserve_party(step, &party))
    };
    let refused = party(&mut bench, &[2, 3, 4]).unwrap_err();
    assert_eq!(refused.failed, [(user(4), ReserveRefusal::RoomFull)]);
    assert_eq!(bench.seats(), (0, 1, 0, 2, 0), "nobody of it was seated");
    let seated = party(&mut bench, &[1, 2, 2, 3]).unwrap();
    let fresh: Vec<bool> = seated.iter().map(|it| it.fresh).collect();
    assert_eq!(fresh, [false, true, false, true], "one seat for each user");
    assert_eq!(bench.seats(), (0, 3, 0, 0, 0));
}

#[test]
fn a_party_does_not_pass_the_line() {
    let mut bench = Bench::of(RoomSpec { staff_seats: 1, ..spec(2) });
    bench.enter(1, 1);
    bench.wait(ask(2)).unwrap();
    let refused = bench.step(|room, step| room.reserve_party(step, &[staff(3)])).unwrap_err();
    assert_eq!(refused.failed, [(user(3), ReserveRefusal::RoomFull)]);
}

#[test]
fn ordinary_users_never_sit_on_staff_seats_and_staff_take_those_first() {
    let mut bench = Bench::of(RoomSpec { staff_seats: 1, ..spec(3) });
    bench.reserve(ask(1)).unwrap();
    bench.reserve(staff(2)).unwrap();
    assert_eq!(bench.room.slot(user(2)).unwrap().class(), Class::Staff);
    bench.reserve(staff(3)).unwrap();
    assert_eq!(bench.room.slot(user(3)).unwrap().class(), Class::Ordinary);
    assert_eq!(bench.reserve(staff(4)), Err(ReserveRefusal::RoomFull));
    bench.step(|room, step| room.cancel(step, user(2)));
    assert_eq!(bench.reserve(ask(4)), Err(ReserveRefusal::RoomFull), "free to staff only");
    assert_eq!(bench.room.seats().free, 0);
    assert_eq!(bench.room.seats().staff, Some(StaffSeats { capacity: 1, taken: 0 }));
    assert!(bench.reserve(staff(5)).is_ok());
}

#[test]
fn bug_b20_a_grant_is_withdrawn_by_its_number_and_login_and_no_other_is_touched() {
    let mut bench = Bench::new(1);
    let it = bench.reserve(ask(1)).unwrap().reservation;
    let later = Generation { n: it.generation.n + 1, ..it.generation };
    for (generation, login) in [(later, it.login), (it.generation, login(1, 2))] {
        let withdrawn = bench.step(|room, step| room.withdraw(step, user(1), generation, login));
        assert!(!withdrawn, "another grant, or rebound to another login");
        assert_eq!(bench.seats(), (0, 1, 0, 0, 0));
    }
    assert!(bench.step(|room, step| room.withdraw(step, user(1), it.generation, it.login)));
    assert_eq!(bench.seats(), (0, 0, 0, 1, 0));
}
