//! The ledger of one room against a plain model of it, over random histories.
//!
//! `PROPTEST_CASES` raises the number of histories.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod apply;
mod model;
mod ops;
mod world;

use std::time::Duration;

use anteroom_core::seat::{Arrivals, Lifetime, RoomSpec, SessionPolicy, Terms};
use anteroom_core::time::Millis;
use proptest::prelude::*;

use world::World;

fn terms(parts: u32, grace_ms: u64, refuse_new: bool) -> Terms {
    Terms {
        reservation_ttl: Duration::from_millis(60),
        offer_ttl: Duration::from_millis(25),
        grace: Duration::from_millis(grace_ms),
        waiter_ttl: Duration::from_millis(40),
        sessions: SessionPolicy::Many(parts),
        arrivals: if refuse_new { Arrivals::RefuseNew } else { Arrivals::ReplaceOld },
    }
}

fn spec() -> impl Strategy<Value = RoomSpec> {
    let pending = prop_oneof![3 => Just(None), 1 => (20..90_u64).prop_map(|at| Some(Millis(at)))];
    (1..4_u32, 0..2_u32, prop::bool::weighted(0.3), pending).prop_map(
        |(capacity, staff_seats, until_empty, pending_until)| RoomSpec {
            lifetime: if until_empty { Lifetime::UntilEmpty } else { Lifetime::Persistent },
            pending_until,
            ..World::spec(capacity, staff_seats)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2 * ProptestConfig::default().cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_ledger_and_the_plain_model_agree_on_every_history(
        spec in spec(),
        parts in prop_oneof![2 => Just(1_u32), 1 => Just(2), 1 => Just(3)],
        grace_ms in prop_oneof![1 => Just(0_u64), 4 => Just(30)],
        refuse_new in prop::bool::weighted(0.25),
        history in ops::history(),
    ) {
        let mut world = World::new(spec, terms(parts, grace_ms, refuse_new));
        for timed in &history {
            world.step(timed);
        }
        world.drain();
    }
}
