//! close, move out, fence, supersede, revoke, remove.

use super::*;

#[test]
fn a_clean_close_frees_the_seat_at_once_and_only_once() {
    let mut bench = Bench::new(1);
    let part = bench.enter(1, 1);
    assert_eq!(bench.close(part, Parting::Clean), Closed::Returned);
    assert_eq!(bench.close(part, Parting::Clean), Closed::Stale);
    assert_eq!(bench.returned(), [(user(1), End::Left)]);
    assert_eq!(bench.seats(), (0, 0, 0, 1, 0));
}

#[test]
fn bug_b19_an_unclean_close_holds_the_seat_for_the_grace() {
    let mut bench = Bench::new(1);
    let part = bench.enter(1, 1);
    let until = bench.now.after(bench.terms.grace);
    assert_eq!(bench.close(part, Parting::Unclean), Closed::Held(until));
    assert!(bench.journal.contains(&Change::Held { user: user(1), until }));
    bench.now = Millis(until.0 - 1);
    assert_eq!(bench.reserve(ask(2)), Err(ReserveRefusal::RoomFull));
    bench.now = until;
    assert!(bench.reserve(ask(2)).is_ok());
    assert_eq!(bench.returned(), [(user(1), End::HeldExpired)]);
}

#[test]
fn without_grace_an_unclean_close_frees_the_seat_at_once() {
    let mut bench = Bench::new(1);
    bench.terms.grace = Duration::ZERO;
    let part = bench.enter(1, 1);
    assert_eq!(bench.close(part, Parting::Unclean), Closed::Returned);
    assert_eq!(bench.returned(), [(user(1), End::Lost)]);
}

#[test]
fn bug_b13_a_close_that_names_another_part_is_stale() {
    let mut bench = Bench::new(1);
    let part = bench.enter(1, 1);
    let generation = Generation { epoch: 2, ..part.generation };
    for wrong in [
        PartRef { session: session(9), ..part },
        PartRef { generation, ..part },
        PartRef { owner: THERE, ..part },
        PartRef { owner: Owner { incarnation: 2, ..HERE }, ..part },
        PartRef { user: user(2), ..part },
    ] {
        assert_eq!(bench.close(wrong, Parting::Clean), Closed::Stale);
    }
    assert_eq!(bench.live(1), [session(1)]);
}

#[test]
fn bug_b13_the_close_of_a_reload_may_come_in_any_order_and_never_costs_the_seat() {
    for close_after in 0..3 {
        let mut bench = Bench::new(1);
        let old = bench.enter(1, 1);
        let closes = |bench: &mut Bench, at| {
            if at == close_after {
                bench.close(old, Parting::Unclean);
                assert_eq!(bench.reserve(ask(2)), Err(ReserveRefusal::RoomFull));
            }
        };
        closes(&mut bench, 0);
        let it = bench.reserve(ask(1)).unwrap().reservation;
        closes(&mut bench, 1);
        bench.confirm(Claim { presented: Some(secret(1)), ..claim(1, it, 2) }).unwrap();
        bench.settle(2).unwrap();
        closes(&mut bench, 2);
        assert_eq!(bench.live(1), [session(2)]);
        assert_eq!(bench.returned(), [], "it is one stay");
    }
}

#[test]
fn of_several_sessions_only_the_last_leaves_the_seat_held() {
    let mut bench = Bench::new(1).allowing(2);
    let first = bench.enter(1, 1);
    let second = bench.enter(1, 2);
    assert_eq!(bench.close(first, Parting::Unclean), Closed::Others);
    assert!(matches!(bench.close(second, Parting::Unclean), Closed::Held(_)));
}

#[test]
fn a_stay_ends_when_its_user_leaves_though_a_reservation_keeps_the_place() {
    let mut bench = Bench::new(1);
    let part = bench.enter(1, 1);
    let it = bench.reserve(ask(1)).unwrap().reservation;
    assert_eq!(bench.close(part, Parting::Clean), Closed::Returned);
    assert_eq!(bench.seats(), (0, 1, 0, 0, 0), "counted, as reserved");
    let again = bench.confirm(claim(1, it, 2)).unwrap();
    assert_eq!((again.entry, again.entered), (Entry::First, it.generation), "a new stay");
}

#[test]
fn bug_b13_moving_to_another_room_gives_up_the_part_it_names_live_or_held() {
    let mut bench = Bench::new(1);
    let old = bench.enter(1, 1);
    let part = bench.enter(1, 2);
    let move_out = |bench: &mut Bench, generation| {
        bench.step(|room, step| room.move_out(step, user(1), generation))
    };
    assert!(!move_out(&mut bench, old.generation), "a former part is not there to move");
    bench.close(part, Parting::Unclean);
    assert!(move_out(&mut bench, part.generation));
    assert_eq!(bench.returned(), [(user(1), End::Moved)]);
}

#[test]
fn bug_b14_a_fenced_node_loses_its_parts_and_no_other() {
    let mut bench = Bench::new(3);
    bench.enter(1, 1);
    for (n, settled) in [(2, true), (3, false)] {
        let it = bench.reserve(ask(n)).unwrap().reservation;
        bench.confirm(Claim { owner: THERE, ..claim(n, it, n) }).unwrap();
        if settled {
            bench.settle(n).unwrap();
        }
    }
    let restarted = Owner { incarnation: 2, ..THERE };
    assert_eq!(bench.step(|room, step| room.fence(step, restarted)), [], "another life of it");
    let ended = bench.step(|room, step| room.fence(step, THERE));
    assert_eq!(ended, [session(2), session(3)]);
    assert_eq!(bench.seats(), (1, 0, 1, 1, 0), "one held; the entry under way is undone");
    assert_eq!(bench.returned(), [(user(3), End::Fenced)]);
    assert_eq!(bench.room.entries_under_way(), 0, "the dead node need not ask");
    assert_eq!(bench.settle(3), Err(End::Fenced), "and if it wakes up, it learns it");
}

#[test]
fn a_newer_login_finds_the_seat_held_and_its_reservation_rebound() {
    let mut bench = Bench::new(2);
    bench.enter(1, 1);
    let it = bench.reserve(ask(1)).unwrap().reservation;
    let (old, new) = (login(1, 1), login(1, 2));
    let closed = bench.step(|room, step| room.supersede(step, user(1), old, new));
    assert_eq!(closed, [session(1)]);
    assert_eq!(bench.seats(), (0, 0, 1, 1, 0));
    assert_eq!(bench.confirm(claim(1, it, 2)), Err(ConfirmRefusal::NoReservation));
    let again = bench.reserve(Ask { login: new, ..ask(1) }).unwrap();
    assert_eq!((again.fresh, again.reservation.generation), (false, it.generation));
    bench.confirm(claim(1, again.reservation, 2)).unwrap();
    assert_eq!(bench.settle(2), Ok(vec![]));
}

#[test]
fn a_held_seat_follows_the_newer_login_and_goes_with_it() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    bench.step(|room, step| room.supersede(step, user(1), login(1, 1), login(1, 2)));
    bench.step(|room, step| room.revoke_login(step, user(1), login(1, 1)));
    assert_eq!(bench.seats().2, 1, "the old login has nothing here any more");
    bench.step(|room, step| room.revoke_login(step, user(1), login(1, 2)));
    assert_eq!(bench.returned(), [(user(1), End::LoggedOut)]);
}

#[test]
fn a_revoked_login_keeps_nothing_and_other_logins_keep_all() {
    let mut bench = Bench::new(1).allowing(2);
    bench.enter(1, 1);
    let it = bench.reserve(Ask { login: login(1, 2), ..ask(1) }).unwrap().reservation;
    bench.confirm(claim(1, it, 2)).unwrap();
    bench.settle(2).unwrap();
    bench.reserve(ask(1)).unwrap();
    let ended = bench.step(|room, step| room.revoke_login(step, user(1), login(1, 1)));
    assert_eq!(ended, [session(1)]);
    assert_eq!(bench.live(1), [session(2)]);
    assert_eq!(bench.room.standing(user(1), bench.now), None);
}

#[test]
fn a_removed_user_has_no_grace() {
    let mut bench = Bench::new(1);
    bench.enter(1, 1);
    bench.reserve(ask(1)).unwrap();
    assert_eq!(bench.step(|room, step| room.remove(step, user(1))), [session(1)]);
    assert_eq!(bench.seats(), (0, 0, 0, 1, 0));
    assert_eq!(bench.returned(), [(user(1), End::Removed)]);
}
