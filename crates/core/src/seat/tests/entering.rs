//! confirm, settle, abort.

use super::*;

#[test]
fn a_first_entry_begins_a_stay_and_occupies_the_seat() {
    let mut bench = Bench::new(1);
    let it = bench.reserve(ask(1)).unwrap().reservation;
    let confirmed = bench.confirm(claim(1, it, 1)).unwrap();
    assert_eq!(confirmed.entry, Entry::First);
    assert_eq!((confirmed.generation, confirmed.entered), (it.generation, it.generation));
    assert!(confirmed.became_occupied && confirmed.replaced.is_empty());
    assert_eq!(bench.settle(1), Ok(vec![]));
    assert_eq!(bench.seats(), (1, 0, 0, 0, 0));
    assert_eq!(bench.room.next_deadline(), None, "an occupied seat has no deadline");
}

#[test]
fn a_ticket_works_once() {
    let mut bench = Bench::new(2);
    let it = bench.reserve(ask(1)).unwrap().reservation;
    bench.confirm(claim(1, it, 1)).unwrap();
    assert_eq!(bench.confirm(claim(1, it, 2)), Err(ConfirmRefusal::NoReservation));
    assert_eq!(bench.live(1), [session(1)]);
}

#[test]
fn bug_b05_a_wrong_ticket_opens_nothing_and_the_reservation_keeps_its_deadline() {
    let mut bench = Bench::new(2);
    let it = bench.reserve(ask(1)).unwrap().reservation;
    let good = claim(1, it, 1);
    let next = Generation { n: it.generation.n + 1, ..it.generation };
    for wrong in [
        Claim { nonce: Nonce([0; 16]), ..good },
        Claim { generation: next, ..good },
        Claim { login: login(1, 2), ..good },
        Claim { user: user(2), ..good },
    ] {
        assert_eq!(bench.confirm(wrong), Err(ConfirmRefusal::NoReservation));
    }
    assert_eq!(bench.room.next_deadline(), Some(it.deadline), "no credential stops the timer");
    bench.now = it.deadline;
    bench.expire();
    assert_eq!(bench.seats(), (0, 0, 0, 2, 0));
}

#[test]
fn bug_b20_a_late_ticket_is_told_that_it_is_late() {
    let mut bench = Bench::new(1);
    let it = bench.reserve(ask(1)).unwrap().reservation;
    bench.now = it.deadline;
    assert_eq!(bench.confirm(claim(1, it, 1)), Err(ConfirmRefusal::Expired));
    assert_eq!(bench.seats(), (0, 0, 0, 1, 0), "the seat was reclaimed in the same step");
}

#[test]
fn bug_b03_an_aborted_first_entry_returns_the_seat_and_not_the_reservation() {
    let mut bench = Bench::new(1);
    bench.arrive(1, 1);
    assert_eq!(bench.abort(1), Ok(()));
    assert_eq!(bench.seats(), (0, 0, 0, 1, 0));
    assert_eq!(bench.returned(), [(user(1), End::Aborted)]);
    assert_eq!(bench.abort(1), Err(End::Fenced), "an entry is answered once");
}

#[test]
fn an_aborted_takeover_leaves_the_living_session_as_it_was() {
    let mut bench = Bench::new(1);
    let old = bench.enter(1, 1);
    assert_eq!(bench.arrive(1, 2).replaced, [session(1)]);
    bench.abort(2).unwrap();
    assert_eq!(bench.live(1), [session(1)]);
    assert_eq!(bench.returned(), []);
    assert_eq!(bench.close(old, Parting::Clean), Closed::Returned, "it is the same part still");
}

#[test]
fn an_aborted_takeover_of_a_held_seat_leaves_it_held_until_the_same_instant() {
    let mut bench = Bench::new(1);
    let old = bench.enter(1, 1);
    let closed = bench.close(old, Parting::Unclean);
    let until = bench.now.after(bench.terms.grace);
    assert_eq!(closed, Closed::Held(until));
    assert_eq!(bench.arrive(1, 2).entry, Entry::Takeover);
    bench.pass(SECOND);
    bench.abort(2).unwrap();
    assert_eq!(bench.room.slot(user(1)).unwrap().held().unwrap().deadline, until);
    bench.now = until;
    bench.expire();
    assert_eq!(bench.returned(), [(user(1), End::HeldExpired)]);
}

#[test]
fn a_held_seat_whose_grace_passed_during_the_takeover_is_not_restored() {
    let mut bench = Bench::new(1);
    let old = bench.enter(1, 1);
    bench.close(old, Parting::Unclean);
    bench.arrive(1, 2);
    bench.now = bench.now.after(bench.terms.grace);
    bench.expire();
    assert_eq!(bench.live(1), [session(2)], "an entry under way is not timed");
    bench.abort(2).unwrap();
    assert_eq!(bench.seats(), (0, 0, 0, 1, 0));
}

#[test]
fn what_was_replaced_may_end_before_the_entry_is_settled() {
    let mut bench = Bench::new(1);
    let old = bench.enter(1, 1);
    bench.arrive(1, 2);
    assert_eq!(bench.close(old, Parting::Unclean), Closed::Others);
    assert_eq!(bench.close(old, Parting::Unclean), Closed::Stale);
    bench.abort(2).unwrap();
    assert_eq!(bench.seats(), (0, 0, 1, 0, 0), "as if the entry had never been: held");

    bench.arrive(1, 3);
    assert_eq!(bench.settle(3), Ok(vec![]), "nobody is left to be told");
}

#[test]
fn a_second_entry_may_replace_one_that_is_still_under_way() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    bench.arrive(1, 2);
    assert_eq!(bench.arrive(1, 3).replaced, [session(1), session(2)]);
    assert_eq!(bench.settle(3), Ok(vec![session(1), session(2)]));
    assert_eq!(bench.settle(2), Err(End::Replaced), "the overtaken entry learns why");
    assert_eq!(bench.live(1), [session(3)]);
    assert_eq!(bench.room.entries_under_way(), 0);
}

#[test]
fn entries_of_one_user_may_fail_in_any_order() {
    for order in [[2, 3], [3, 2]] {
        let mut bench = Bench::new(1);
        bench.enter(1, 1);
        bench.arrive(1, 2);
        bench.arrive(1, 3);
        for s in order {
            bench.abort(s).unwrap();
        }
        assert_eq!(bench.live(1), [session(1)], "{order:?}");
    }
}

#[test]
fn an_earlier_entry_may_be_settled_inside_a_later_one() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    bench.arrive(1, 2);
    bench.arrive(1, 3);
    assert_eq!(bench.settle(2), Ok(vec![session(1)]));
    bench.abort(3).unwrap();
    assert_eq!(bench.live(1), [session(2)]);
}

#[test]
fn bug_b04_an_entry_whose_user_was_removed_meanwhile_learns_it() {
    let mut bench = Bench::new(1);
    bench.arrive(1, 1);
    bench.step(|room, step| room.remove(step, user(1)));
    assert_eq!(bench.settle(1), Err(End::Removed));
    bench.arrive(1, 2);
    bench.step(|room, step| room.revoke_login(step, user(1), login(1, 1)));
    assert_eq!(bench.abort(2), Err(End::LoggedOut));
    assert_eq!(bench.room.entries_under_way(), 0, "nothing is remembered for longer");
}

#[test]
fn a_login_revoked_during_a_takeover_gives_the_seat_back_to_the_other_login() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    let it = bench.reserve(Ask { login: login(1, 2), ..ask(1) }).unwrap().reservation;
    bench.confirm(claim(1, it, 2)).unwrap();
    bench.step(|room, step| room.revoke_login(step, user(1), login(1, 2)));
    assert_eq!(bench.live(1), [session(1)]);
    assert_eq!(bench.settle(2), Err(End::LoggedOut));
}

#[test]
fn a_stay_keeps_the_generation_of_its_first_entry() {
    let mut bench = Bench::new(1);
    let first = bench.enter(1, 1).generation;
    let second = bench.arrive(1, 2);
    bench.settle(2).unwrap();
    assert_eq!((second.entered, second.became_occupied), (first, false));
    let part =
        PartRef { user: user(1), session: session(2), generation: second.generation, owner: HERE };
    bench.close(part, Parting::Clean);
    let (user, entered, last) = (user(1), first, second.generation);
    let ended = Change::Returned { user, entered, last, settled: true, cause: End::Left };
    assert_eq!(bench.journal.last(), Some(&ended));
}

#[test]
fn a_stay_counts_as_recorded_only_once_an_entry_of_it_was_settled() {
    let mut bench = Bench::new(1);
    let first = bench.reserve(ask(1)).unwrap().reservation;
    assert!(!bench.confirm(claim(1, first, 1)).unwrap().is_recorded);
    let second = bench.reserve(ask(1)).unwrap().reservation;
    let taken = bench.confirm(claim(1, second, 2)).unwrap();
    assert!(!taken.is_recorded, "the first entry is still under way and may fail");
    assert_eq!(taken.entered, first.generation, "one stay, one record");
    assert!(!bench.room.members().next().unwrap().settled);
    bench.settle(2).unwrap();
    assert_eq!(bench.settle(1), Err(End::Replaced));
    assert!(bench.room.members().next().unwrap().settled);
    let third = bench.reserve(ask(1)).unwrap().reservation;
    assert!(bench.confirm(claim(1, third, 3)).unwrap().is_recorded);
}
