//! Several rooms under the policy of one session in all: the strategy against the one in memory,
//! whose places, whereabouts and quota are kept by other means.
//!
//! `ANTEROOM_HISTORIES` raises the number of histories, `ANTEROOM_SEED` says from which seed on.

mod call;
mod driver;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::RoomId;
use anteroom_core::seat::{Arrivals, SessionPolicy, Terms};
use anteroom_core::time::Millis;

use self::call::apply;
use self::driver::Driver;
use super::{Fixture, START, login, user};
use crate::admission::{Admission, Bounds, Journal, Semaphore};
use crate::sweeper::{Deadlines, Due};

const USERS: u64 = 4;
const ROOMS: u64 = 3;
const EVENTS: usize = 80;

/// Everything that can be asked of the rooms.
async fn shown(seats: &dyn Admission, deadlines: &Deadlines, rooms: &[RoomId]) -> String {
    let mut shown = format!("{:?}", seats.seats_of(rooms).await);
    for room in rooms.iter().copied() {
        shown += &format!("\n{room} {:?}", seats.snapshot(room).await);
        shown += &format!(" {:?} {:?}", seats.members(room).await, seats.line(room).await);
        shown += &format!(" {:?}", deadlines.at(Due::Room(room)));
        for who in 0..USERS {
            let user = user(who.into());
            shown += &format!(
                "\n  {user:?} {:?} {:?} {:?} {:?} {:?}",
                seats.is_seated(room, user).await,
                seats.stay(room, user).await,
                seats.has_slot(room, user, login(who.into())).await,
                seats.standing(room, user).await,
                seats.position(room, user).await,
            );
        }
    }
    shown + &format!("\n{:?}", seats.entries_under_way().await)
}

fn told(journal: &Journal) -> Vec<String> {
    let mut told: Vec<_> = journal.iter().map(|(room, it)| format!("{room} {it:?}")).collect();
    told.sort_unstable();
    told
}

/// What a history saw: one in which nobody ever moved has shown nothing.
#[derive(Debug, Default)]
struct Seen {
    moved: u64,
    refused_elsewhere: u64,
    over_quota: u64,
    offered: u64,
}

impl Seen {
    fn is_everything(&self) -> bool {
        let Self { moved, refused_elsewhere, over_quota, offered } = *self;
        moved > 0 && refused_elsewhere > 0 && over_quota > 0 && offered > 0
    }
}

async fn play(seed: u64, seen: &mut Seen) {
    let mut driver = Driver::new(seed);
    let terms = Terms {
        reservation_ttl: Duration::from_millis(60),
        offer_ttl: Duration::from_millis(25),
        grace: Duration::from_millis(30),
        waiter_ttl: Duration::from_millis(40),
        sessions: [SessionPolicy::One, SessionPolicy::OnePerRoom][usize::from(driver.draw(8) == 0)],
        arrivals: [Arrivals::ReplaceOld, Arrivals::RefuseNew][usize::from(driver.draw(4) == 0)],
    };
    let bounds = Bounds { per_user: 2, per_address: Some(3) };
    let it = Fixture::with(terms, bounds, super::patient());
    let memory_deadlines = Arc::new(Deadlines::default());
    let memory =
        Semaphore::new(terms, bounds, Arc::clone(&it.clock), Arc::clone(&memory_deadlines));
    let mut now = START;
    let mut calls = vec![];
    for at in 0..EVENTS {
        while driver.rooms.len() < usize::try_from(ROOMS).unwrap() {
            let spec = driver.spec();
            memory.add_room(spec).await.unwrap();
            it.seats.add_room(spec).await.unwrap();
            driver.rooms.push(spec.id);
        }
        now = Millis(now.0 + if driver.draw(10) == 0 { driver.draw(70) } else { driver.draw(4) });
        it.clock.set(now);
        let Some(call) = driver.call() else { continue };
        let expected = apply(&memory, &call).await;
        let came = apply(&it.seats, &call).await;
        calls.push((now, call.clone()));
        let why = || format!("seed {seed}, event {at}, {terms:?}, {calls:#?}");
        assert_eq!(came.answer, expected.answer, "the answer; {}", why());
        // Rooms that nothing is due in for the call are not looked at by one of the two.
        let rooms = driver.rooms.clone();
        let (mut its, mut theirs) = (came.journal.clone(), expected.journal.clone());
        for room in &rooms {
            it.seats.expire(*room, &mut its).await.unwrap();
            memory.expire(*room, &mut theirs).await.unwrap();
        }
        assert_eq!(told(&its), told(&theirs), "the journal; {}", why());
        let stands = shown(&it.seats, &it.deadlines, &rooms).await;
        assert_eq!(stands, shown(&memory, &memory_deadlines, &rooms).await, "{}", why());
        seen.over_quota += u64::from(came.answer.contains("TooMany"));
        seen.over_quota += u64::from(came.answer.contains("AddressBusy"));
        seen.refused_elsewhere += u64::from(came.answer.contains("Replaced"));
        let its = told(&its);
        seen.moved += u64::try_from(its.iter().filter(|it| it.contains("Moved")).count()).unwrap();
        seen.offered += u64::from(its.iter().any(|it| it.contains("Offered")));
        driver.learn(&call, &came);
        let mut standing = vec![];
        for room in rooms {
            if memory.seats(room).await.unwrap().is_some() {
                standing.push(room);
            }
        }
        driver.rooms = standing;
    }
}

#[tokio::test]
pub(super) async fn users_who_move_between_rooms_are_kept_as_in_memory() {
    let number = |name| std::env::var(name).ok().map(|it| it.parse::<u64>().expect("a number"));
    let count =
        number("ANTEROOM_HISTORIES").unwrap_or(if super::IN_DATABASE.get() { 8 } else { 40 });
    let seed = number("ANTEROOM_SEED").unwrap_or_else(|| RandomState::new().hash_one(()));
    let mut seen = Seen::default();
    let mut played = 0;
    // At least so many, and more where something has not come up yet.
    while played < count || (!seen.is_everything() && played < 20 * count) {
        play(seed.wrapping_add(played), &mut seen).await;
        played += 1;
    }
    println!("{seen:?} in {played} histories from seed {seed}");
    assert!(seen.is_everything(), "{seen:?}");
}
