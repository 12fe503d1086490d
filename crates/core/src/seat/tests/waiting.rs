//! The line in front of a full room.

use super::*;

fn position(bench: &Bench, n: u8) -> Option<usize> {
    bench.room.position(user(n)).map(|it| it.position)
}

#[test]
fn a_freed_seat_goes_to_the_head_of_the_line_and_to_no_newcomer() {
    let mut bench = Bench::new(1);
    let part = bench.enter(1, 1);
    bench.wait(ask(2)).unwrap();
    bench.wait(ask(3)).unwrap();
    assert_eq!((position(&bench, 2), position(&bench, 3)), (Some(1), Some(2)));
    bench.close(part, Parting::Clean);
    let offer = bench.offer(2).unwrap();
    assert!(offer.offered);
    assert_eq!(offer.deadline, bench.now.after(bench.terms.offer_ttl));
    assert_eq!(position(&bench, 3), Some(1));
    assert_eq!(bench.reserve(ask(4)), Err(ReserveRefusal::RoomFull));
    bench.confirm(claim(2, offer, 2)).unwrap();
}

#[test]
fn an_offer_not_taken_goes_to_the_next() {
    let mut bench = Bench::new(1);
    let part = bench.enter(1, 1);
    bench.wait(ask(2)).unwrap();
    bench.wait(ask(3)).unwrap();
    for n in [2, 3] {
        bench.attach(n, 1);
    }
    bench.close(part, Parting::Clean);
    let offer = bench.offer(2).unwrap();
    bench.now = offer.deadline;
    assert_eq!(bench.reserve(ask(4)), Err(ReserveRefusal::RoomFull), "lazily, and in order");
    let (user, generation) = (user(2), offer.generation);
    let outcome = ExpiredOutcome::NeverConnected;
    assert!(bench.journal.contains(&Change::Expired { user, generation, outcome, offered: true }));
    assert!(bench.offer(3).is_some());
}

#[test]
fn joining_while_a_place_is_free_is_an_offer_at_once() {
    let mut bench = Bench::new(1);
    let Ok(Waiting::Reserved(reserved)) = bench.wait(ask(1)) else { panic!("no offer") };
    assert!(reserved.fresh && reserved.reservation.offered);
    let again = bench.wait(ask(1));
    assert_eq!(again, Ok(Waiting::Reserved(Reserved { fresh: false, ..reserved })));
}

#[test]
fn the_place_is_kept_when_asked_again() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    bench.wait(ask(2)).unwrap();
    bench.wait(ask(3)).unwrap();
    let joined = bench.now;
    bench.pass(SECOND);
    let Ok(Waiting::InLine { position, fresh }) = bench.wait(ask(2)) else { panic!("no line") };
    assert_eq!((position, fresh), (Position { position: 1, ahead: 0, joined }, false));
}

#[test]
fn one_who_sits_or_is_held_cannot_wait() {
    let mut bench = Bench::new(1);
    let part = bench.enter(1, 1);
    assert_eq!(bench.wait(ask(1)), Err(WaitRefusal::AlreadySeated));
    bench.close(part, Parting::Unclean);
    assert_eq!(bench.wait(ask(1)), Err(WaitRefusal::AlreadySeated));
}

#[test]
fn bug_b15_a_waiter_whose_stream_stays_away_loses_the_place_and_one_with_a_stream_never_does() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    bench.wait(ask(2)).unwrap();
    bench.wait(ask(3)).unwrap();
    assert_eq!(bench.attach(3, 1), Attachment::Attached);
    bench.pass(30 * SECOND);
    bench.expire();
    assert_eq!((position(&bench, 2), position(&bench, 3)), (None, Some(1)));
    bench.lose(3, 1);
    bench.pass(30 * SECOND);
    bench.expire();
    assert_eq!(position(&bench, 3), None);
    assert_eq!(bench.room.next_deadline(), None);
}

#[test]
fn bug_b13_a_second_stream_keeps_the_place_and_a_stream_of_a_former_place_has_no_say() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    bench.wait(ask(2)).unwrap();
    bench.attach(2, 1);
    bench.step(|room, step| room.stop_waiting(step, user(2)));
    bench.wait(ask(2)).unwrap();
    bench.attach(2, 2);
    bench.attach(2, 3);
    bench.lose(2, 1);
    bench.lose(2, 2);
    bench.pass(600 * SECOND);
    bench.expire();
    assert_eq!(position(&bench, 2), Some(1));
}

#[test]
fn a_stream_attached_or_lost_twice_is_attached_or_lost_once() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    bench.wait(ask(2)).unwrap();
    for _ in 0..2 {
        assert_eq!(bench.attach(2, 1), Attachment::Attached);
    }
    bench.attach(2, 2);
    for _ in 0..2 {
        bench.lose(2, 2);
    }
    bench.pass(600 * SECOND);
    bench.expire();
    assert_eq!(position(&bench, 2), Some(1), "the other stream keeps the place");
    bench.lose(2, 1);
    let away = bench.room.next_deadline();
    bench.pass(10 * SECOND);
    bench.lose(2, 1);
    assert_eq!(bench.room.next_deadline(), away, "the deadline is set once");
    bench.pass(20 * SECOND);
    bench.expire();
    assert_eq!(position(&bench, 2), None);
}

#[test]
fn one_stream_too_many_has_no_say_until_it_asks_when_another_has_ended() {
    let most = crate::limits::STREAMS_MAX as u64;
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    bench.wait(ask(2)).unwrap();
    for n in 0..most {
        assert_eq!(bench.attach(2, n), Attachment::Attached);
    }
    assert_eq!(bench.attach(2, most), Attachment::TooMany);
    assert_eq!(bench.attach(2, 0), Attachment::Attached, "it is there already");
    bench.lose(2, most);
    bench.lose(2, 0);
    assert_eq!(bench.attach(2, most), Attachment::Attached);
    (1..most).for_each(|n| bench.lose(2, n));
    bench.pass(600 * SECOND);
    bench.expire();
    assert_eq!(position(&bench, 2), Some(1));
}

#[test]
fn a_fenced_node_loses_its_streams_and_no_other() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    let there = StreamId { owner: THERE, n: 1 };
    for n in [2, 3] {
        bench.wait(ask(n)).unwrap();
        bench.step(|room, step| room.stream_attached(step, user(n), there));
    }
    bench.attach(3, 1);
    bench.step(|room, step| room.fence(step, THERE));
    bench.pass(30 * SECOND);
    bench.expire();
    assert_eq!((position(&bench, 2), position(&bench, 3)), (None, Some(1)));
}

#[test]
fn bug_b24_one_who_stops_waiting_gets_no_offer() {
    let mut bench = Bench::new(1);
    let part = bench.enter(1, 1);
    bench.wait(ask(2)).unwrap();
    let stop = |bench: &mut Bench| bench.step(|room, step| room.stop_waiting(step, user(2)));
    assert!(stop(&mut bench));
    assert!(!stop(&mut bench));
    bench.close(part, Parting::Clean);
    assert_eq!(bench.offer(2), None);
    assert_eq!(bench.seats(), (0, 0, 0, 1, 0));
}

#[test]
fn bug_b24_every_place_that_a_larger_capacity_brings_is_offered_in_order() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    for n in 2..5 {
        bench.wait(ask(n)).unwrap();
    }
    bench.resize(3, 0);
    let offered: Vec<bool> = (2..5).map(|n| bench.offer(n).is_some()).collect();
    assert_eq!(offered, [true, true, false]);
}

#[test]
fn a_staff_seat_goes_to_staff_past_the_line() {
    let mut bench = Bench::of(RoomSpec { staff_seats: 1, ..spec(2) });
    bench.enter(1, 1);
    bench.wait(ask(2)).unwrap();
    assert!(bench.reserve(staff(3)).is_ok());
    bench.wait(staff(4)).unwrap();
    bench.step(|room, step| room.cancel(step, user(3)));
    assert!(bench.offer(4).is_some(), "the first of the staff who wait");
    assert_eq!(position(&bench, 2), Some(1));
}

#[test]
fn a_removed_or_logged_out_user_loses_the_place_in_the_line() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    for n in 2..5 {
        bench.wait(ask(n)).unwrap();
    }
    bench.step(|room, step| room.remove(step, user(2)));
    bench.step(|room, step| room.revoke_login(step, user(3), login(3, 1)));
    bench.step(|room, step| room.supersede(step, user(4), login(4, 1), login(4, 2)));
    assert_eq!(bench.room.waiters().count(), 1);
    assert_eq!(bench.room.waiters().next().unwrap().login, login(4, 2), "rebound");
}

#[test]
fn the_line_has_a_bound() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    let line = crate::limits::WAITLIST_MAX as u128;
    let mut step = Step::new(bench.now, &bench.terms, &mut bench.journal);
    for n in 0..line {
        let user = UserId(Uuid::from_u128(1_000_000 + n));
        bench.room.wait(&mut step, &Ask { user, ..ask(2) }).unwrap();
    }
    assert_eq!(bench.room.wait(&mut step, &ask(2)), Err(WaitRefusal::LineFull));
    bench.room.check();
}
