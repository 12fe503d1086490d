//! Two rooms under one policy, with the bounds of users and addresses: the strategy `redis` against
//! the strategy `semaphore`, over random histories.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anteroom_core::ids::RoomId;
use anteroom_core::seat::{Arrivals, Change, Reserved, SessionPolicy, Terms};
use anteroom_core::time::Millis;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::draws::{Draw, Op, Past, draws, user};
use super::play::{Outcome, play};
use super::store::Store;
use super::{connected, histories_to_play, spec};
use crate::admission::redis::Redis;
use crate::admission::{Admission, Bounds, Semaphore};
use crate::clock::Clock;
use crate::sweeper::Deadlines;

const START: Millis = Millis(1_763_700_000_000);
const ROOMS: [RoomId; 2] = [RoomId(101), RoomId(102)];
const BOUNDS: Bounds = Bounds { per_user: 1, per_address: Some(2) };

struct Pair {
    semaphore: Semaphore,
    clock: Arc<Clock>,
    redis: Redis,
    past: Past,
}

impl Pair {
    async fn play(&mut self, now: Millis, op: &Op) {
        self.clock.set(now);
        self.redis.reading.store(now.0, Ordering::Relaxed);
        let expected = play(&self.semaphore, op).await;
        let got = play(&self.redis, op).await;
        assert_eq!(got.told(), expected.told(), "{op:?}: redis (left) as semaphore (right)");
        for room in ROOMS {
            let snapshot = self.semaphore.snapshot(room).await.unwrap();
            assert_eq!(self.redis.snapshot(room).await, Ok(snapshot), "{op:?}");
        }
        assert_eq!(self.redis.seats_of(&ROOMS).await, self.semaphore.seats_of(&ROOMS).await);
        self.remember(op, expected);
    }

    fn remember(&mut self, op: &Op, outcome: Outcome) {
        self.past.tickets.extend(outcome.reserved);
        self.past.streams.extend(outcome.place);
        if let (Op::Confirm(room, claim), true) = (op, outcome.is_confirmed) {
            self.past.entered(*room, claim);
        }
        for (room, change) in outcome.journal {
            if let Change::Offered { user, reservation } = change {
                let reserved = Reserved { user, reservation, takeover: false, fresh: true };
                self.past.tickets.push((room, reserved));
            }
        }
    }

    /// Ends everything in both; what is left in the store is its clock.
    async fn drain(&mut self, mut now: Millis, store: &Store) {
        for op in self.past.ends() {
            self.play(now, &op).await;
        }
        for _ in 0..12 {
            now = now.after(Duration::from_secs(10));
            for room in ROOMS {
                self.play(now, &Op::Expire(room)).await;
            }
        }
        let rooms: Vec<String> = store.keys().await;
        let of_people = |key: &&String| key.contains("user:") || key.contains("address:");
        assert_eq!(rooms.iter().filter(of_people).count(), 0, "{rooms:?}");
        for room in ROOMS {
            self.play(now, &Op::CloseRoom(room)).await;
        }
        assert_eq!(store.keys().await, ["seats:clock"], "no key of a room is left");
    }
}

fn policies() -> impl Strategy<Value = Terms> {
    let sessions = prop_oneof![
        4 => Just(SessionPolicy::One),
        1 => Just(SessionPolicy::OnePerRoom),
        1 => Just(SessionPolicy::Many(2)),
    ];
    let grace = prop_oneof![1 => Just(0_u64), 4 => Just(30)];
    (sessions, grace, prop::bool::weighted(0.25)).prop_map(|(sessions, grace, refuse)| Terms {
        reservation_ttl: Duration::from_millis(60),
        offer_ttl: Duration::from_millis(25),
        grace: Duration::from_millis(grace),
        waiter_ttl: Duration::from_millis(40),
        sessions,
        arrivals: if refuse { Arrivals::RefuseNew } else { Arrivals::ReplaceOld },
    })
}

async fn played(store: &Store, (terms, capacity, draws): (Terms, u32, Vec<Draw>)) {
    // What a failed history left is not the next one's.
    store.command::<()>(&["FLUSHALL"]).await;
    let (clock, deadlines) = (Arc::new(Clock::standing_at(START)), Arc::new(Deadlines::default()));
    let semaphore = Semaphore::new(terms, BOUNDS, Arc::clone(&clock), deadlines);
    let redis = connected(store, "seats:", terms, BOUNDS).await;
    redis.reading.store(START.0, Ordering::Relaxed);
    for room in ROOMS {
        semaphore.add_room(spec(room.0, capacity)).await.unwrap();
        redis.add_room(spec(room.0, capacity)).await.unwrap();
    }
    let mut pair = Pair { semaphore, clock, redis, past: Past::new(2) };
    let mut now = START;
    for draw in draws {
        now = now.after(Duration::from_millis(draw.after_ms));
        if let Some(op) = pair.past.op(draw) {
            pair.play(now, &op).await;
        }
    }
    for who in (0..4).map(user) {
        for room in ROOMS {
            let (of_redis, of_semaphore) =
                (pair.redis.standing(room, who).await, pair.semaphore.standing(room, who).await);
            assert_eq!(of_redis, of_semaphore);
        }
    }
    pair.drain(now, store).await;
}

#[test]
fn both_strategies_agree_on_every_history_of_two_rooms() {
    let (seed, count) = histories_to_play(24);
    let mut bytes = [7; 16];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: u32::try_from(count).unwrap(),
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::XorShift, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = Store::start();
    let history = (policies(), 1..4_u32, draws());
    let ran = runner.run(&history, |history| {
        runtime.block_on(played(&store, history));
        Ok(())
    });
    ran.unwrap_or_else(|fault| panic!("from seed {seed}: {fault}"));
}
