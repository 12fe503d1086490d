//! The strategy under every order of its locks that a random schedule finds.
//!
//! Several threads drive one strategy through its verbs; at each lock a scheduler decides who goes
//! on, and a deadlock is a failure. After each schedule the books must agree. Run it with
//! `cargo test -p anteroom --features schedules --lib schedules`; `ANTEROOM_SCHEDULES` raises the
//! number of schedules.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anteroom_core::ids::{LoginId, Nonce, Owner, ResumeHash, RoomId, SessionId, UserId};
use anteroom_core::seat::{
    Ask, Claim, Lifetime, PartRef, Parting, Room, RoomSpec, SessionPolicy, Terms,
};
use anteroom_core::time::Millis;
use futures_util::FutureExt as _;
use shuttle::thread;
use uuid::Uuid;

use super::Semaphore;
use crate::admission::{Admission, Bounds, Journal};
use crate::clock::Clock;
use crate::sweeper::Deadlines;

const HERE: Owner = Owner { node: 0, incarnation: 1 };
const ROOMS: [RoomId; 2] = [RoomId(1), RoomId(2)];
const SCHEDULES: usize = 1_500;

fn schedules() -> usize {
    let wanted = std::env::var("ANTEROOM_SCHEDULES").ok().map(|text| text.parse().unwrap());
    wanted.unwrap_or(SCHEDULES)
}

fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("a strategy in memory never waits")
}

fn strategy(sessions: SessionPolicy) -> Arc<Semaphore> {
    let terms = Terms { sessions, grace: Duration::ZERO, ..Terms::default() };
    let bounds = Bounds { per_user: 2, per_address: None };
    let clock = Arc::new(Clock::standing_at(Millis(1_000)));
    let seats = Semaphore::new(terms, bounds, clock, Arc::new(Deadlines::default()));
    for id in ROOMS {
        let spec = RoomSpec {
            id,
            epoch: 1,
            capacity: 1,
            staff_seats: 0,
            lifetime: Lifetime::Persistent,
            pending_until: None,
        };
        now(seats.add_room(spec)).unwrap();
    }
    Arc::new(seats)
}

/// One seat for two who look first and then act, as no strategy may: how many have it in the end.
fn taken_by_two_who_look_first() -> u32 {
    let seats = strategy(SessionPolicy::OnePerRoom);
    let threads: Vec<_> = (1..=2)
        .map(|user| {
            let seats = Arc::clone(&seats);
            thread::spawn(move || {
                let (user, login) = (UserId(Uuid::from_u128(user)), LoginId(Uuid::from_u128(user)));
                let nonce = Nonce(user.0.into_bytes());
                let ask = Ask { user, login, nonce, is_staff: false, resume: None, over: None };
                // Where a scheduler decides at every lock, the two locks are the gap.
                let nothing = std::future::ready(());
                now(seats.check_then_act(ROOMS[0], ask, &mut Journal::new(), nothing)).is_ok()
            })
        })
        .collect();
    let answers = threads.into_iter().map(|thread| thread.join().unwrap());
    let granted = answers.filter(|is_granted| *is_granted).count();
    let reserved = now(seats.seats(ROOMS[0])).unwrap().unwrap().reserved;
    assert_eq!(granted, reserved as usize, "what was promised is what is counted");
    reserved
}

/// One user, one tab: comes in where there is a place, and goes again.
fn come_and_go(seats: &Semaphore, user: u128, tab: u128, room: RoomId) {
    let mut journal = Journal::new();
    let (user, login) = (UserId(Uuid::from_u128(user)), LoginId(Uuid::from_u128(user)));
    let nonce = Nonce(tab.to_be_bytes());
    let ask = Ask { user, login, nonce, is_staff: false, resume: None, over: None };
    let Ok(reserved) = now(seats.reserve(room, ask, None, &mut journal)) else { return };
    let session = SessionId(Uuid::from_u128(tab));
    let claim = Claim {
        user,
        generation: reserved.reservation.generation,
        nonce: reserved.reservation.nonce,
        login,
        session,
        owner: HERE,
        new_resume: ResumeHash([7; 32]),
        presented: None,
    };
    let Ok(confirmed) = now(seats.confirm(room, claim, &mut journal)) else { return };
    let held = now(seats.seats(room)).unwrap().unwrap();
    assert!(held.occupied + held.held + held.reserved <= 1, "one seat is one seat");
    if tab.is_multiple_of(3) {
        now(seats.abort(room, user, session, &mut journal)).unwrap();
        return;
    }
    let _ = now(seats.settle(room, user, session, &mut journal));
    let part = PartRef { user, session, generation: confirmed.generation, owner: HERE };
    now(seats.close(room, part, Parting::Clean, &mut journal)).unwrap();
}

/// What is left must be nothing but reservations that nobody used, and the books agree on them.
fn settled(seats: &Semaphore) {
    let mut journal = Journal::new();
    for room in ROOMS {
        let snapshot = now(seats.snapshot(room)).unwrap().unwrap();
        Room::restore(snapshot.clone()).check();
        assert!(snapshot.entering.is_empty(), "an entry was left under way");
        assert!(
            snapshot.slots.iter().all(|slot| slot.sitting.live.is_empty()),
            "a ghost sits there"
        );
        for slot in snapshot.slots {
            now(seats.cancel(room, slot.user, &mut journal)).unwrap();
        }
        let counted = now(seats.seats(room)).unwrap().unwrap();
        assert_eq!((counted.free, counted.occupied, counted.reserved), (1, 0, 0), "a seat leaked");
    }
    assert!(super::lock(&seats.places).is_empty(), "a place was left behind");
    assert!(super::lock(&seats.whereabouts).is_empty(), "somebody is believed somewhere");
    assert_eq!(seats.quota.open_count(), 0, "a reservation is still counted");
}

fn all_orders(policy: SessionPolicy) {
    let test = move || {
        let seats = strategy(policy);
        let visits = [(1, 11, 0), (1, 12, 1), (2, 21, 0), (2, 22, 1), (3, 31, 0)];
        let mut threads: Vec<_> = visits
            .into_iter()
            .map(|(user, tab, room)| {
                let seats = Arc::clone(&seats);
                thread::spawn(move || come_and_go(&seats, user, tab, ROOMS[room]))
            })
            .collect();
        threads.push({
            let seats = Arc::clone(&seats);
            thread::spawn(move || {
                let (user, login) = (UserId(Uuid::from_u128(2)), LoginId(Uuid::from_u128(2)));
                now(seats.revoke_login(user, login, &mut Journal::new())).unwrap();
                for room in ROOMS {
                    now(seats.expire(room, &mut Journal::new())).unwrap();
                }
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        settled(&seats);
    };
    shuttle::check_random(test, schedules() / 2);
    shuttle::check_pct(test, schedules() / 2, 3);
}

#[test]
fn schedules_of_users_who_may_sit_once_in_all() {
    all_orders(SessionPolicy::One);
}

#[test]
fn schedules_of_users_who_may_sit_once_in_each_room() {
    all_orders(SessionPolicy::OnePerRoom);
}

/// The schedules can fail: a look and an act under two locks instead of one are told apart from one
/// step, in either way of drawing them, well within the number of schedules that the others run.
#[test]
fn schedules_convict_whoever_looks_first_and_then_acts() {
    let most = |run: fn(Arc<AtomicU32>)| {
        let most = Arc::new(AtomicU32::new(0));
        run(Arc::clone(&most));
        most.load(Ordering::Relaxed)
    };
    let random = most(|most| {
        let look = move || {
            most.fetch_max(taken_by_two_who_look_first(), Ordering::Relaxed);
        };
        shuttle::check_random(look, 100);
    });
    let pct = most(|most| {
        let look = move || {
            most.fetch_max(taken_by_two_who_look_first(), Ordering::Relaxed);
        };
        shuttle::check_pct(look, 100, 3);
    });
    assert_eq!((random, pct), (2, 2), "one seat was taken twice in some schedule");
}
