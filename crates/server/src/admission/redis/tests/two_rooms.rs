//! Two rooms under one policy, with the bounds of users and addresses: the strategy `redis` against
//! the strategy `semaphore`, over random histories.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anteroom_core::ids::RoomId;
use anteroom_core::seat::{Arrivals, Change, Reserved, SessionPolicy, Terms};
use anteroom_core::time::Millis;
use futures_util::future::{join_all, join3};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::draws::{Draw, Op, Past, draws, user};
use super::ground::Ground;
use super::play::{Outcome, play};
use super::{histories_to_play, spec};
use crate::admission::{Admission, Bounds, Semaphore};
use crate::clock::Clock;
use crate::sweeper::Deadlines;

const START: Millis = Millis(1_763_700_000_000);
const ROOMS: [RoomId; 2] = [RoomId(101), RoomId(102)];
const BOUNDS: Bounds = Bounds { per_user: 1, per_address: Some(2) };

struct Pair<'a> {
    semaphore: Semaphore,
    clock: Arc<Clock>,
    ground: &'a mut Ground,
    past: Past,
}

impl Pair<'_> {
    async fn play(&mut self, now: Millis, op: &Op) {
        self.clock.set(now);
        let redis = &self.ground.redis;
        redis.reading.store(now.0, Ordering::Relaxed);
        let expected = play(&self.semaphore, op).await;
        // What is asked together goes down the line in that order: a look sees what the call in front
        // of it left.
        let snapshots = join_all(ROOMS.map(|room| redis.snapshot(room)));
        let (got, snapshots, seats) =
            join3(play(redis, op), snapshots, redis.seats_of(&ROOMS)).await;
        assert_eq!(got.told(), expected.told(), "{op:?}: redis (left) as semaphore (right)");
        for (room, snapshot) in ROOMS.into_iter().zip(snapshots) {
            assert_eq!(snapshot, self.semaphore.snapshot(room).await, "{op:?}");
        }
        assert_eq!(seats, self.semaphore.seats_of(&ROOMS).await);
        self.remember(op, expected);
    }

    fn remember(&mut self, op: &Op, outcome: Outcome) {
        self.past.tickets.extend(outcome.reserved);
        if let (Op::Attach(room, user, stream), true) = (op, outcome.is_attached) {
            self.past.streams.push((*room, *user, *stream));
        }
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
    async fn drain(&mut self, mut now: Millis) {
        for op in self.past.ends() {
            self.play(now, &op).await;
        }
        for _ in 0..12 {
            now = now.after(Duration::from_secs(10));
            for room in ROOMS {
                self.play(now, &Op::Expire(room)).await;
            }
        }
        let rooms = self.ground.keys().await;
        let of_people = |key: &&String| key.contains("user:") || key.contains("address:");
        assert_eq!(rooms.iter().filter(of_people).count(), 0, "{rooms:?}");
        for room in ROOMS {
            self.play(now, &Op::CloseRoom(room)).await;
        }
        self.ground.end().await.unwrap();
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

async fn played(ground: &mut Ground, (terms, capacity, draws): (Terms, u32, Vec<Draw>)) {
    ground.begin(&terms, BOUNDS, START).await;
    let (clock, deadlines) = (Arc::new(Clock::standing_at(START)), Arc::new(Deadlines::default()));
    let semaphore = Semaphore::new(terms, BOUNDS, Arc::clone(&clock), deadlines);
    for room in ROOMS {
        semaphore.add_room(spec(room.0, capacity)).await.unwrap();
        ground.redis.add_room(spec(room.0, capacity)).await.unwrap();
    }
    let mut pair = Pair { semaphore, clock, ground, past: Past::new(2) };
    let mut now = START;
    for draw in draws {
        now = now.after(Duration::from_millis(draw.after_ms));
        if let Some(op) = pair.past.op(draw) {
            pair.play(now, &op).await;
        }
    }
    for who in (0..4).map(user) {
        for room in ROOMS {
            let of_redis = pair.ground.redis.standing(room, who).await;
            assert_eq!(of_redis, pair.semaphore.standing(room, who).await);
        }
    }
    pair.drain(now).await;
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
    let ground = RefCell::new(runtime.block_on(Ground::new(BOUNDS)));
    let history = (policies(), 1..4_u32, draws());
    let ran = runner.run(&history, |history| {
        runtime.block_on(played(&mut ground.borrow_mut(), history));
        Ok(())
    });
    ran.unwrap_or_else(|fault| panic!("from seed {seed}: {fault}"));
}
