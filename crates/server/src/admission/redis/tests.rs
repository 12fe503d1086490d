//! The strategy against a real Redis, started by each test.
//!
//! `ANTEROOM_HISTORIES` raises how many random histories are played, `ANTEROOM_SEED` says from which
//! seed on; without it every run draws others.

mod bugs;
mod cost;
mod draws;
mod faults;
mod ground;
mod lines;
mod one_room;
mod people;
mod play;
mod relay;
mod roles;
pub(crate) mod store;
mod two_rooms;
mod whose;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::{Owner, RoomId};
use anteroom_core::seat::{Lifetime, RoomSpec, Terms};
use uuid::Uuid;

use self::store::Store;
use super::Redis;
use crate::admission::{Bounds, Whose};
use crate::clock::Clock;
use crate::config;
use crate::sweeper::Deadlines;

/// The node that the strategy under test runs on.
const HERE: Owner = Owner { node: 90, incarnation: 1 };
/// The database that the seats under test belong to.
const DEPLOYMENT: Uuid = Uuid::from_u128(0xa);
const TIMEOUT: Duration = Duration::from_secs(5);

fn unbounded() -> Bounds {
    Bounds { per_user: usize::MAX, per_address: None }
}

fn spec(room: i64, capacity: u32) -> RoomSpec {
    RoomSpec {
        id: RoomId(room),
        epoch: 7,
        capacity,
        staff_seats: 0,
        lifetime: Lifetime::Persistent,
        pending_until: None,
    }
}

fn settings(url: String, prefix: &str, timeout: Duration) -> config::Redis {
    config::Redis { url, prefix: prefix.to_owned(), timeout: config::Span(timeout) }
}

/// A strategy on a store, with a clock of its own.
async fn connected(store: &Store, prefix: &str, terms: Terms, bounds: Bounds) -> Redis {
    connected_at(store.url(), prefix, terms, bounds).await
}

async fn connected_at(url: String, prefix: &str, terms: Terms, bounds: Bounds) -> Redis {
    let settings = settings(url, prefix, TIMEOUT);
    let (clock, deadlines) = (Arc::new(Clock::new()), Arc::new(Deadlines::default()));
    let whose = Whose { deployment: DEPLOYMENT, owner: HERE };
    Redis::connect(&settings, (&terms, bounds), whose, clock, deadlines).await.unwrap()
}

/// The seed of the first random history, and how many of them a test plays.
fn histories_to_play(count: u64) -> (u64, u64) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let seed = number("ANTEROOM_SEED").unwrap_or_else(|| RandomState::new().hash_one(()));
    (seed, number("ANTEROOM_HISTORIES").unwrap_or(count))
}
