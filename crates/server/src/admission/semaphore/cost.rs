//! What a seat costs in memory: reserve, confirm, settle, release, at growing numbers of rooms.
//!
//! Not a test that can fail on a clock: it prints figures. Run it with
//! `cargo test --release -p anteroom --lib admission::semaphore::cost -- --ignored --nocapture`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anteroom_core::ids::{LoginId, Nonce, Owner, ResumeHash, RoomId, SessionId, UserId};
use anteroom_core::seat::{Ask, Claim, Lifetime, PartRef, Parting, RoomSpec, SessionPolicy, Terms};
use futures_util::FutureExt as _;
use uuid::Uuid;

use super::Semaphore;
use crate::admission::{Admission, Bounds, Journal};
use crate::clock::Clock;
use crate::sweeper::Deadlines;

const OWNER: Owner = Owner { node: 0, incarnation: 1 };
const CYCLES: u64 = 400_000;

fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("a strategy in memory never waits")
}

fn strategy(rooms: i64, sessions: SessionPolicy) -> Semaphore {
    let terms = Terms { sessions, ..Terms::default() };
    let bounds = Bounds { per_user: 3, per_address: None };
    let (clock, deadlines) = (Arc::new(Clock::new()), Arc::new(Deadlines::default()));
    let strategy = Semaphore::new(terms, bounds, clock, deadlines);
    for room in 0..rooms {
        let spec = RoomSpec {
            id: RoomId(room),
            epoch: 1,
            capacity: 30,
            staff_seats: 0,
            lifetime: Lifetime::Persistent,
            pending_until: None,
        };
        now(strategy.add_room(spec)).unwrap();
    }
    strategy
}

/// One user goes through a room: the four verbs of an entry and its end.
fn cycle(strategy: &Semaphore, room: RoomId, n: u64, journal: &mut Journal) {
    let id = u128::from(n);
    let (user, login) = (UserId(Uuid::from_u128(id)), LoginId(Uuid::from_u128(id)));
    let ask = Ask { user, login, nonce: Nonce([7; 16]), is_staff: false, resume: None, over: None };
    let reserved = now(strategy.reserve(room, ask, None, journal)).unwrap().reservation;
    let session = SessionId(Uuid::from_u128(id));
    let claim = Claim {
        user,
        generation: reserved.generation,
        nonce: reserved.nonce,
        login,
        session,
        owner: OWNER,
        new_resume: ResumeHash([9; 32]),
        presented: None,
    };
    let generation = now(strategy.confirm(room, claim, journal)).unwrap().generation;
    now(strategy.settle(room, user, session, journal)).unwrap();
    let part = PartRef { user, session, generation, owner: OWNER };
    now(strategy.close(room, part, Parting::Clean, journal)).unwrap();
    journal.clear();
}

/// Nanoseconds per cycle, the quickest of five stretches.
fn measured(strategy: &Semaphore, rooms: i64) -> f64 {
    let mut journal = Journal::new();
    let stretch = |journal: &mut Journal| {
        let start = Instant::now();
        for n in 0..CYCLES / 5 {
            // Spread over the rooms without order, so that no cache helps.
            let room = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % rooms.unsigned_abs();
            cycle(strategy, RoomId(i64::try_from(room).unwrap()), n, journal);
        }
        start.elapsed()
    };
    let quickest = (0..5).map(|_| stretch(&mut journal)).min().unwrap_or(Duration::ZERO);
    quickest.as_secs_f64() * 1e9 / ((CYCLES / 5) as f64)
}

#[test]
#[ignore = "prints figures; for a release build"]
fn cost_of_an_entry_and_its_end() {
    let mut table = String::new();
    for (name, policy) in [("one", SessionPolicy::One), ("one_per_room", SessionPolicy::OnePerRoom)]
    {
        for rooms in [10, 1_000, 100_000] {
            let strategy = strategy(rooms, policy);
            measured(&strategy, rooms);
            let each = measured(&strategy, rooms);
            writeln!(table, "{name:<14} {rooms:>8} rooms {each:>8.0} ns").unwrap();
        }
    }
    eprintln!("reserve + confirm + settle + close\n{table}");
}
