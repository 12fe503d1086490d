//! Verbs where more than one room, many users, or a long line are concerned.

use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::RoomId;
use anteroom_core::seat::{
    Arrivals, Ask, Change, Class, End, Lifetime, Parting, ReserveRefusal, RoomSize, RoomSpec,
    Terms, Waiting,
};

use super::{Fixture, GENEROUS, ROOM, address, ask, claim, login, secret, spec, stream, user};
use crate::admission::{
    Admission, Bounds, ConditionalOptions, ConfirmError, Journal, Refusal, WaitError,
};
use crate::sweeper::Due;

const OTHER: RoomId = RoomId(102);

async fn two_rooms() -> Fixture {
    let it = Fixture::new().room(2).await;
    it.seats.add_room(spec(OTHER, 2)).await.unwrap();
    it
}

#[tokio::test]
pub(super) async fn who_enters_another_room_gives_the_former_seat_up_when_the_entry_is_complete() {
    let mut it = two_rooms().await;
    let former = it.enter(ROOM, 1).await;
    let reserved = it.reserve(OTHER, 1).await.unwrap();
    let (part, _) = it.confirm(OTHER, &reserved).await.unwrap();
    assert!(it.seats.is_seated(ROOM, user(1)).await.unwrap(), "not before");
    let mut journal = Journal::new();
    let settled = it.seats.settle(OTHER, user(1), part.session, &mut journal).await;
    assert_eq!(settled, Ok(vec![former.session]));
    assert!(!it.seats.is_seated(ROOM, user(1)).await.unwrap());
    let returned = Change::Returned {
        user: user(1),
        entered: former.generation,
        last: former.generation,
        settled: true,
        cause: End::Moved,
    };
    assert_eq!(journal, [(ROOM, returned)]);
}

#[tokio::test]
pub(super) async fn a_failed_entry_elsewhere_leaves_the_former_place_the_current_one() {
    let mut it = two_rooms().await;
    it.enter(ROOM, 1).await;
    let reserved = it.reserve(OTHER, 1).await.unwrap();
    let (part, _) = it.confirm(OTHER, &reserved).await.unwrap();
    it.seats.abort(OTHER, user(1), part.session, &mut Journal::new()).await.unwrap();
    assert!(it.seats.is_seated(ROOM, user(1)).await.unwrap());
    let stale = Ask { resume: Some(secret(99)), ..ask(1) };
    let refused = it.seats.reserve(OTHER, stale, None, &mut Journal::new()).await;
    assert_eq!(refused, Err(Refusal::Ledger(ReserveRefusal::Replaced)));
}

#[tokio::test]
pub(super) async fn a_newcomer_is_refused_where_the_user_sits_in_another_room() {
    let terms = Terms { arrivals: Arrivals::RefuseNew, ..Terms::default() };
    let mut it = Fixture::with(terms, GENEROUS, ConditionalOptions::default()).room(2).await;
    it.seats.add_room(spec(OTHER, 2)).await.unwrap();
    let early = it.reserve(OTHER, 1).await.unwrap();
    it.enter(ROOM, 1).await;
    let refused = it.reserve(OTHER, 1).await;
    assert_eq!(refused, Err(Refusal::Ledger(ReserveRefusal::AlreadySeated)));
    let mut journal = Journal::new();
    let refused = it.seats.confirm(OTHER, claim(&early, 9), &mut journal).await;
    assert!(matches!(refused, Err(ConfirmError::Ledger(_))), "{refused:?}");
    let refused = it.seats.reserve_party(OTHER, vec![ask(2), ask(1)], &mut journal).await;
    let failed = vec![(user(1), ReserveRefusal::AlreadySeated)];
    assert_eq!(refused, Err(anteroom_core::seat::PartyRefusal { failed }.into()));
    assert_eq!(it.seats.standing(OTHER, user(2)).await.unwrap(), None, "all or none");
}

#[tokio::test]
pub(super) async fn the_end_of_a_login_reaches_every_room() {
    let mut it = two_rooms().await;
    let part = it.enter(ROOM, 1).await;
    it.reserve(OTHER, 2).await.unwrap();
    it.reserve(OTHER, 3).await.unwrap();
    it.seats.wait(OTHER, ask(1), None, &mut Journal::new()).await.unwrap();
    let (mut journal, new) = (Journal::new(), login(7));
    let ended = it.seats.supersede(user(1), login(1), new, &mut journal).await.unwrap();
    assert_eq!(ended, [part.session]);
    let seats = it.seats.seats_of(&[ROOM, OTHER]).await.unwrap();
    assert_eq!((seats[0].unwrap().held, seats[1].unwrap().waiting), (1, 1));
    it.seats.revoke_login(user(1), login(1), &mut journal).await.unwrap();
    assert_eq!(it.seats.seats_of(&[ROOM, OTHER]).await.unwrap(), seats, "it stands under the new");
    it.seats.revoke_login(user(1), new, &mut journal).await.unwrap();
    let seats = it.seats.seats_of(&[ROOM, OTHER]).await.unwrap();
    assert_eq!((seats[0].unwrap().held, seats[1].unwrap().waiting), (0, 0));
}

#[tokio::test]
pub(super) async fn reservations_and_places_in_lines_are_bounded_per_user_and_per_address() {
    let bounds = Bounds { per_user: 2, per_address: Some(3) };
    let it = Fixture::with(Terms::default(), bounds, ConditionalOptions::default());
    for room in 1..=4 {
        it.seats.add_room(spec(RoomId(room), 1)).await.unwrap();
    }
    let mut journal = Journal::new();
    let reserve = async |room: i64, who: u128| {
        it.seats.reserve(RoomId(room), ask(who), address(1), &mut Journal::new()).await
    };
    reserve(1, 1).await.unwrap();
    reserve(2, 2).await.unwrap();
    let waiting = it.seats.wait(RoomId(2), ask(1), address(1), &mut journal).await.unwrap();
    assert!(matches!(waiting, Waiting::InLine { .. }));
    assert!(!reserve(1, 1).await.unwrap().fresh, "asking again takes no second");
    assert_eq!(reserve(3, 1).await, Err(Refusal::TooMany(vec![RoomId(1), RoomId(2)])));
    assert_eq!(reserve(3, 3).await, Err(Refusal::AddressBusy));
    let refused = it.seats.wait(RoomId(2), ask(3), address(1), &mut journal).await;
    assert_eq!(refused, Err(WaitError::AddressBusy));
    it.seats.cancel(RoomId(2), user(2), &mut journal).await.unwrap();
    // The waiter has a reservation instead of a place in the line now, and it counts as before.
    assert_eq!(reserve(3, 1).await, Err(Refusal::TooMany(vec![RoomId(1), RoomId(2)])));
    reserve(3, 3).await.unwrap();
    assert_eq!(reserve(4, 4).await, Err(Refusal::AddressBusy));
    it.pass(Duration::from_secs(120));
    // What is overdue elsewhere counts until it is swept; here it is ended first.
    assert_eq!(reserve(4, 4).await, Err(Refusal::AddressBusy));
    reserve(1, 4).await.unwrap();
    for room in 1..=4 {
        it.seats.expire(RoomId(room), &mut journal).await.unwrap();
    }
    reserve(4, 5).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn as_many_as_there_are_seats_get_one_however_many_ask_at_once() {
    let it = Arc::new(Fixture::new().room(10).await);
    let asked: Vec<_> = (1..=200)
        .map(|who| {
            let it = Arc::clone(&it);
            tokio::spawn(async move { it.reserve(ROOM, who).await })
        })
        .collect();
    let mut given = 0;
    for asked in asked {
        match asked.await.unwrap() {
            Ok(_) => given += 1,
            Err(refusal) => assert_eq!(refusal, Refusal::Ledger(ReserveRefusal::RoomFull)),
        }
    }
    assert_eq!(given, 10);
    assert_eq!(it.seats.seats(ROOM).await.unwrap().unwrap().reserved, 10);
}

#[tokio::test]
pub(super) async fn freed_seats_go_to_the_head_of_a_long_line_also_when_somebody_deep_in_it_asks() {
    let it = Fixture::new().room(3).await;
    let mut journal = Journal::new();
    for who in 1..=3 {
        it.reserve(ROOM, who).await.unwrap();
    }
    for who in 10..300 {
        it.seats.wait(ROOM, ask(who), None, &mut journal).await.unwrap();
        it.seats.stream_attached(ROOM, user(who), stream(1), &mut journal).await.unwrap();
    }
    it.pass(Duration::from_secs(120));
    let staff = Ask { is_staff: true, ..ask(250) };
    let waiting = it.seats.wait(ROOM, staff, None, &mut journal).await.unwrap();
    let Waiting::InLine { position, fresh } = waiting else { panic!("{waiting:?}") };
    assert_eq!((position.ahead, position.position, fresh), (237, 238, false));
    let offered: Vec<_> = journal
        .iter()
        .filter_map(|(_, change)| match change {
            Change::Offered { user, .. } => Some(*user),
            _ => None,
        })
        .collect();
    assert_eq!(offered, [user(10), user(11), user(12)]);
    assert_eq!(it.seats.line(ROOM).await.unwrap().len(), 287);
    assert_eq!(it.seats.position(ROOM, user(250)).await.unwrap(), Some(position));
}

#[tokio::test]
pub(super) async fn a_larger_capacity_is_offered_to_the_line_at_once() {
    let it = Fixture::new().room(1).await;
    let mut journal = Journal::new();
    it.reserve(ROOM, 1).await.unwrap();
    for who in 10..100 {
        it.seats.wait(ROOM, ask(who), None, &mut journal).await.unwrap();
    }
    assert!(it.seats.set_capacity(ROOM, RoomSize::plain(51), &mut journal).await.unwrap());
    let seats = it.seats.seats(ROOM).await.unwrap().unwrap();
    assert_eq!((seats.reserved, seats.waiting, seats.free), (51, 40, 0));
    assert_eq!(it.seats.line(ROOM).await.unwrap()[0], user(60));
    assert!(it.seats.set_capacity(ROOM, RoomSize::plain(5), &mut journal).await.unwrap());
    it.seats.cancel(ROOM, user(1), &mut journal).await.unwrap();
    let seats = it.seats.seats(ROOM).await.unwrap().unwrap();
    assert_eq!((seats.reserved, seats.waiting), (50, 40), "nobody until it is below");
}

#[tokio::test]
pub(super) async fn bug_b24_staff_seats_given_up_are_offered_to_the_line_at_once() {
    let it = Fixture::new();
    it.seats.add_room(RoomSpec { staff_seats: 50, ..spec(ROOM, 51) }).await.unwrap();
    let mut journal = Journal::new();
    it.reserve(ROOM, 1).await.unwrap();
    for who in 10..100 {
        it.seats.wait(ROOM, ask(who), None, &mut journal).await.unwrap();
    }
    let size = RoomSize { capacity: 51, staff_seats: 1 };
    assert!(it.seats.set_capacity(ROOM, size, &mut journal).await.unwrap());
    let seats = it.seats.seats(ROOM).await.unwrap().unwrap();
    assert_eq!((seats.reserved, seats.waiting, seats.free), (50, 41, 0));
    assert_eq!(it.seats.line(ROOM).await.unwrap()[0], user(59));
    let more = RoomSize { capacity: 51, staff_seats: 52 };
    assert!(!it.seats.set_capacity(ROOM, more, &mut journal).await.unwrap());
    assert_eq!(it.seats.seats(ROOM).await.unwrap().unwrap(), seats);
}

#[tokio::test]
pub(super) async fn staff_pass_the_line_to_a_staff_seat_only() {
    let it = Fixture::new();
    it.seats.add_room(RoomSpec { staff_seats: 1, ..spec(ROOM, 3) }).await.unwrap();
    let mut journal = Journal::new();
    for who in 1..=2 {
        it.reserve(ROOM, who).await.unwrap();
    }
    for who in 10..20 {
        it.seats.wait(ROOM, ask(who), None, &mut journal).await.unwrap();
    }
    let staff = Ask { is_staff: true, ..ask(19) };
    let reserved = it.seats.reserve(ROOM, staff, None, &mut journal).await.unwrap();
    assert!(reserved.fresh);
    let slots = it.seats.snapshot(ROOM).await.unwrap().unwrap().slots;
    assert_eq!(slots.iter().filter(|slot| slot.class == Class::Staff).count(), 1);
    let another = Ask { is_staff: true, ..ask(30) };
    let refused = it.seats.reserve(ROOM, another, None, &mut journal).await;
    assert_eq!(refused, Err(Refusal::Ledger(ReserveRefusal::RoomFull)));
}

#[tokio::test]
pub(super) async fn each_step_says_when_the_room_is_due_next() {
    let mut it = Fixture::new().room(1).await;
    let due = |it: &Fixture| it.deadlines.at(Due::Room(ROOM));
    assert_eq!(due(&it), None);
    let part = it.enter(ROOM, 1).await;
    assert_eq!(due(&it), None);
    let now = it.clock.now();
    it.seats.close(ROOM, part, Parting::Unclean, &mut Journal::new()).await.unwrap();
    assert_eq!(due(&it), Some(now.after(Duration::from_secs(10))));
    it.seats.wait(ROOM, ask(2), None, &mut Journal::new()).await.unwrap();
    it.pass(Duration::from_secs(10));
    let now = it.clock.now();
    let mut journal = Journal::new();
    it.seats.expire(ROOM, &mut journal).await.unwrap();
    assert!(matches!(journal[1], (ROOM, Change::Offered { .. })), "{journal:?}");
    assert_eq!(due(&it), Some(now.after(Duration::from_secs(30))));
    it.seats.close_room(ROOM, &mut Journal::new()).await.unwrap();
    assert_eq!(due(&it), None);
    assert_eq!(it.seats.seats(ROOM).await.unwrap(), None, "a room that is gone has no row");
}

#[tokio::test]
pub(super) async fn a_pending_room_is_forgotten_as_a_whole() {
    let it = Fixture::new();
    let until = it.clock.now().after(Duration::from_secs(60));
    let lifetime = Lifetime::UntilEmpty;
    let pending = RoomSpec { pending_until: Some(until), lifetime, ..spec(ROOM, 1) };
    it.seats.add_room(pending).await.unwrap();
    assert_eq!(it.deadlines.at(Due::Room(ROOM)), Some(until));
    it.reserve(ROOM, 1).await.unwrap();
    for who in 2..20 {
        it.seats.wait(ROOM, ask(who), None, &mut Journal::new()).await.unwrap();
        it.seats.stream_attached(ROOM, user(who), stream(1), &mut Journal::new()).await.unwrap();
    }
    assert_eq!(it.deadlines.at(Due::Room(ROOM)), Some(until));
    it.pass(Duration::from_secs(60));
    let mut journal = Journal::new();
    it.seats.expire(ROOM, &mut journal).await.unwrap();
    let gone = journal.iter().filter(|(_, it)| matches!(it, Change::WaiterGone { .. })).count();
    assert!(gone >= 17, "{journal:?}");
    assert_eq!(it.seats.seats(ROOM).await.unwrap(), None);
}

#[tokio::test]
pub(super) async fn a_cut_of_the_capacity_still_offers_what_fell_due_before_it() {
    let it = Fixture::new().room(2).await;
    let mut journal = Journal::new();
    for who in 1..=2 {
        it.reserve(ROOM, who).await.unwrap();
    }
    for who in 3..=5 {
        it.seats.wait(ROOM, ask(who), None, &mut journal).await.unwrap();
        it.seats.stream_attached(ROOM, user(who), stream(1), &mut journal).await.unwrap();
    }
    it.pass(Duration::from_secs(120));
    for capacity in [1, 0] {
        it.seats.set_capacity(ROOM, RoomSize::plain(capacity), &mut journal).await.unwrap();
    }
    let offered = journal.iter().filter(|(_, it)| matches!(it, Change::Offered { .. })).count();
    assert_eq!(offered, 2, "{journal:?}");
    assert_eq!(it.seats.line(ROOM).await.unwrap(), [user(5)]);
}

#[tokio::test]
pub(super) async fn a_slot_that_falls_due_and_is_made_anew_in_one_verb_may_change_its_class() {
    let it = Fixture::new();
    it.seats.add_room(RoomSpec { staff_seats: 1, ..spec(ROOM, 2) }).await.unwrap();
    it.reserve(ROOM, 1).await.unwrap();
    it.pass(Duration::from_secs(120));
    let party = vec![Ask { is_staff: true, ..ask(1) }, ask(2)];
    it.seats.reserve_party(ROOM, party, &mut Journal::new()).await.unwrap();
    let slots = it.seats.snapshot(ROOM).await.unwrap().unwrap().slots;
    let classes: Vec<_> = slots.iter().map(|slot| slot.class).collect();
    assert_eq!(classes, [Class::Staff, Class::Ordinary]);
}

#[tokio::test]
pub(super) async fn bug_b13_giving_one_room_up_leaves_the_seat_in_another() {
    let it = two_rooms().await;
    it.reserve(ROOM, 1).await.unwrap();
    it.reserve(OTHER, 1).await.unwrap();
    let cancelled = it.seats.cancel(ROOM, user(1), &mut Journal::new()).await;
    assert!(cancelled.unwrap().is_some());
    assert!(it.seats.standing(OTHER, user(1)).await.unwrap().is_some());
}

#[tokio::test]
pub(super) async fn bug_b19_a_place_that_expired_is_given_to_whoever_asks() {
    let it = Fixture::new().room(1).await;
    it.reserve(ROOM, 1).await.unwrap();
    let full = Err(Refusal::Ledger(ReserveRefusal::RoomFull));
    assert_eq!(it.reserve(ROOM, 2).await, full);
    it.pass(Terms::default().reservation_ttl);
    assert!(it.reserve(ROOM, 2).await.is_ok(), "nobody has to look before");
}
