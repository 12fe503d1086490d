//! The resume rule, and sessions beside each other.

use super::*;

fn presenting(
    bench: &mut Bench,
    s: u8,
    presented: ResumeHash,
) -> Result<Confirmed, ConfirmRefusal> {
    let it = bench.reserve(ask(1)).unwrap().reservation;
    let confirmed = bench.confirm(Claim { presented: Some(presented), ..claim(1, it, s) })?;
    bench.settle(s).unwrap();
    Ok(confirmed)
}

#[test]
fn a_secret_is_ignored_where_the_user_does_not_sit() {
    let mut bench = Bench::new(1);
    assert_eq!(presenting(&mut bench, 1, secret(77)).unwrap().entry, Entry::First);
}

#[test]
fn the_current_secret_is_a_refresh_of_a_live_and_of_a_held_part() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    let live = presenting(&mut bench, 2, secret(1)).unwrap();
    assert_eq!((live.entry, live.replaced), (Entry::Refresh, vec![session(1)]));
    let part =
        PartRef { user: user(1), session: session(2), generation: live.generation, owner: HERE };
    bench.close(part, Parting::Unclean);
    let held = presenting(&mut bench, 3, secret(2)).unwrap();
    assert_eq!((held.entry, held.replaced), (Entry::Refresh, vec![]));
    assert_eq!(held.entered, live.entered, "the stay goes on");
    assert!(held.became_occupied);
}

#[test]
fn bug_b29_a_stale_tab_cannot_throw_out_the_active_one() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    bench.enter(1, 2);
    let stale = Ask { resume: Some(secret(1)), ..ask(1) };
    assert_eq!(bench.reserve(stale), Err(ReserveRefusal::Replaced), "at the first step");
    let it = bench.reserve(ask(1)).unwrap().reservation;
    assert_eq!(bench.reserve(stale), Err(ReserveRefusal::Replaced), "with a ticket too");
    let late = Claim { presented: Some(secret(1)), ..claim(1, it, 3) };
    assert_eq!(bench.confirm(late), Err(ConfirmRefusal::Replaced), "and at the second");
    assert_eq!(bench.live(1), [session(2)]);
    assert_eq!(bench.room.standing(user(1), bench.now).unwrap().reservation, it);
    bench.confirm(claim(1, it, 3)).unwrap();
}

#[test]
fn a_stale_secret_does_not_take_a_held_seat() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    let part = bench.enter(1, 2);
    bench.close(part, Parting::Unclean);
    assert_eq!(presenting(&mut bench, 3, secret(1)), Err(ConfirmRefusal::Replaced));
    assert_eq!(bench.seats(), (0, 0, 1, 0, 0));
}

#[test]
fn bug_b13_without_a_secret_the_arrival_takes_over() {
    let mut bench = Bench::new(1);
    let part = bench.enter(1, 1);
    assert_eq!(bench.arrive(1, 2).entry, Entry::Takeover);
    assert_eq!(bench.settle(2), Ok(vec![session(1)]));
    assert_eq!(bench.close(part, Parting::Unclean), Closed::Stale);
    assert_eq!(bench.live(1), [session(2)], "the late close of the old session touches nothing");
}

#[test]
fn more_sessions_share_one_seat_up_to_the_policy() {
    let mut bench = Bench::new(1).allowing(2);
    bench.enter(1, 1);
    let second = bench.arrive(1, 2);
    assert_eq!((second.entry, second.became_occupied), (Entry::SecondDevice, false));
    bench.settle(2).unwrap();
    assert_eq!(bench.seats(), (1, 0, 0, 0, 0));
    let third = bench.arrive(1, 3);
    assert_eq!((third.entry, third.replaced), (Entry::Takeover, vec![session(1)]));
    bench.settle(3).unwrap();
    assert_eq!(bench.live(1), [session(2), session(3)]);
}

#[test]
fn a_refresh_replaces_exactly_the_part_whose_secret_it_brings() {
    let mut bench = Bench::new(1).allowing(2);
    bench.enter(1, 1);
    bench.enter(1, 2);
    let refreshed = presenting(&mut bench, 3, secret(2)).unwrap();
    assert_eq!((refreshed.entry, refreshed.replaced), (Entry::Refresh, vec![session(2)]));
    assert_eq!(bench.live(1), [session(1), session(3)]);
}

#[test]
fn a_device_that_lost_its_line_comes_back_beside_the_other() {
    let mut bench = Bench::new(1).allowing(2);
    bench.enter(1, 1);
    let lost = bench.enter(1, 2);
    assert_eq!(bench.close(lost, Parting::Unclean), Closed::Others);
    assert_eq!(presenting(&mut bench, 3, secret(2)).unwrap().entry, Entry::SecondDevice);
    bench.enter(1, 4);
    assert_eq!(bench.live(1), [session(3), session(4)]);
    assert_eq!(presenting(&mut bench, 5, secret(1)), Err(ConfirmRefusal::Replaced), "full");
}

#[test]
fn the_resume_rule_holds_for_an_arrival_in_another_room() {
    let mut bench = Bench::new(1);
    let asked = |bench: &Bench, secret: Option<ResumeHash>| {
        bench.room.lets_move(user(1), secret.as_ref(), &bench.terms)
    };
    assert_eq!(asked(&bench, Some(secret(1))), Ok(()), "nobody of the user sits here");
    let part = bench.enter(1, 1);
    assert_eq!(asked(&bench, Some(secret(1))), Ok(()));
    assert_eq!(asked(&bench, Some(secret(2))), Err(ReserveRefusal::Replaced));
    assert_eq!(asked(&bench, None), Ok(()), "a deliberate move");
    bench.terms.arrivals = Arrivals::RefuseNew;
    assert_eq!(asked(&bench, None), Err(ReserveRefusal::AlreadySeated));
    assert_eq!(asked(&bench, Some(secret(1))), Ok(()));
    bench.close(part, Parting::Unclean);
    assert_eq!(asked(&bench, Some(secret(1))), Ok(()));
    assert_eq!(asked(&bench, Some(secret(2))), Err(ReserveRefusal::Replaced));
    assert_eq!(asked(&bench, None), Ok(()), "nobody is there to be thrown out");
}

#[test]
fn where_newcomers_are_refused_only_the_current_secret_takes_a_living_seat() {
    let mut bench = Bench::new(2);
    bench.terms.arrivals = Arrivals::RefuseNew;
    // The second reservation was made before the first entry: its ticket comes too late.
    let early = bench.reserve(ask(1)).unwrap().reservation;
    bench.confirm(claim(1, early, 1)).unwrap();
    bench.settle(1).unwrap();
    assert_eq!(bench.reserve(ask(1)), Err(ReserveRefusal::AlreadySeated));
    let again = Ask { resume: Some(secret(1)), ..ask(1) };
    let late = bench.reserve(again).unwrap().reservation;
    assert_eq!(bench.confirm(claim(1, late, 2)), Err(ConfirmRefusal::AlreadySeated));
    let presented = Claim { presented: Some(secret(1)), ..claim(1, late, 2) };
    assert_eq!(bench.confirm(presented).unwrap().entry, Entry::Refresh);
    assert_eq!(bench.settle(2), Ok(vec![session(1)]));
}

#[test]
fn who_never_learnt_the_new_secret_comes_back_with_the_former_one() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    let refreshed = |bench: &mut Bench, by: u8, s: u8| {
        let presented = Some(secret(by));
        let it = bench.reserve(Ask { resume: presented, ..ask(1) })?.reservation;
        let claim = Claim { presented, ..claim(1, it, s) };
        let confirmed = bench.confirm(claim).map_err(|_| ReserveRefusal::Replaced)?;
        bench.settle(s).unwrap();
        Ok::<Entry, ReserveRefusal>(confirmed.entry)
    };
    assert_eq!(refreshed(&mut bench, 1, 2), Ok(Entry::Refresh));
    // The line broke before session 2 was told its secret.
    assert_eq!(refreshed(&mut bench, 1, 3), Ok(Entry::Refresh));
    assert_eq!(
        refreshed(&mut bench, 2, 4),
        Err(ReserveRefusal::Replaced),
        "2 was never current again"
    );
    assert!(bench.room.heard(user(1), session(3)));
    assert!(!bench.room.heard(user(1), session(3)), "once");
    assert_eq!(refreshed(&mut bench, 1, 5), Err(ReserveRefusal::Replaced), "3 knows its own");
    assert_eq!(refreshed(&mut bench, 3, 5), Ok(Entry::Refresh));
}
