//! Two logins of one user.

use super::*;

fn second() -> Ask {
    Ask { login: login(1, 2), nonce: Nonce([200; 16]), ..ask(1) }
}

fn rival(login: LoginId, claim: RivalClaim) -> Rival {
    Rival { login, claim }
}

#[test]
fn bug_b13_a_request_in_flight_under_a_superseded_login_takes_nothing_of_the_new_one() {
    let mut bench = Bench::new(1);
    let it = bench.reserve(ask(1)).unwrap().reservation;
    bench.step(|room, step| room.supersede(step, user(1), login(1, 1), login(1, 2)));
    let stands = bench.room.standing(user(1), bench.now).unwrap();
    let other = rival(login(1, 2), RivalClaim::Reservation(it.generation));
    for _ in 0..2 {
        assert_eq!(bench.reserve(ask(1)), Err(ReserveRefusal::Contested(other)));
        assert_eq!(bench.wait(ask(1)), Err(WaitRefusal::Contested(other)));
    }
    let party = bench.step(|room, step| room.reserve_party(step, &[ask(1)]));
    assert_eq!(party.unwrap_err().failed, [(user(1), ReserveRefusal::Contested(other))]);
    assert_eq!(bench.room.standing(user(1), bench.now), Some(stands));
    assert!(!bench.reserve(second()).unwrap().fresh, "its own is answered as it stands");
}

#[test]
fn a_place_in_the_line_is_taken_over_by_name_only() {
    let mut bench = Bench::new(1);
    bench.enter(9, 9);
    bench.wait(ask(1)).unwrap();
    bench.wait(ask(2)).unwrap();
    let other = rival(login(1, 1), RivalClaim::Place(PlaceNo(1)));
    assert_eq!(bench.wait(second()), Err(WaitRefusal::Contested(other)));
    assert_eq!(bench.room.waiters().next().unwrap().login, login(1, 1));
    let taken = bench.wait(Ask { over: Some(other), ..second() }).unwrap();
    assert!(matches!(taken, Waiting::InLine { position, fresh: false } if position.position == 1));
    assert_eq!(bench.room.waiters().next().unwrap().login, login(1, 2));
    assert_eq!(bench.wait(Ask { over: Some(other), ..second() }).unwrap(), taken, "it is its own");
}

#[test]
fn a_staff_seat_taken_past_the_line_costs_no_other_login_its_place() {
    let mut bench = Bench::of(RoomSpec { staff_seats: 1, ..spec(2) });
    bench.enter(9, 9);
    bench.wait(ask(1)).unwrap();
    let staff = Ask { is_staff: true, ..second() };
    let other = rival(login(1, 1), RivalClaim::Place(PlaceNo(1)));
    assert_eq!(bench.reserve(staff), Err(ReserveRefusal::Contested(other)));
    assert_eq!(bench.room.waiters().count(), 1);
    assert!(bench.reserve(Ask { over: Some(other), ..staff }).unwrap().fresh);
    assert_eq!(bench.room.waiters().count(), 0);
}

#[test]
fn what_is_named_is_that_very_thing_under_that_very_login() {
    let mut bench = Bench::new(1);
    let first = bench.reserve(ask(1)).unwrap().reservation.generation;
    let seen = rival(login(1, 1), RivalClaim::Reservation(first));
    let late = Ask { over: Some(seen), ..second() };
    // Meanwhile the same login gave it back and asked anew: that one nobody has seen.
    bench.step(|room, step| room.cancel(step, user(1)));
    let it = bench.reserve(ask(1)).unwrap().reservation.generation;
    let newer = rival(login(1, 1), RivalClaim::Reservation(it));
    assert_eq!(bench.reserve(late), Err(ReserveRefusal::Contested(newer)));
    // Or a third login took it over.
    bench.step(|room, step| room.supersede(step, user(1), login(1, 1), login(1, 3)));
    let named = Ask { over: Some(newer), ..second() };
    let third = rival(login(1, 3), RivalClaim::Reservation(it));
    assert_eq!(bench.reserve(named), Err(ReserveRefusal::Contested(third)));
}

#[test]
fn what_is_over_stands_in_nobodys_way() {
    let mut bench = Bench::new(1);
    let it = bench.reserve(ask(1)).unwrap().reservation;
    bench.now = it.deadline;
    assert!(bench.reserve(second()).unwrap().fresh);
}
