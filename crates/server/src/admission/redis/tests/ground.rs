//! Where histories are played: one server, one connection and one set of loaded scripts for all of
//! them. Each begins as on a server of its own, because the one before it has to leave nothing.

use std::sync::atomic::Ordering;

use anteroom_core::ids::RoomId;
use anteroom_core::seat::{Seats, Snapshot, Terms};
use anteroom_core::time::Millis;
use redis::aio::MultiplexedConnection;
use serde_json::json;

use super::store::Store;
use super::{DEPLOYMENT, HERE, connected_at};
use crate::admission::redis::scripts::Verb;
use crate::admission::redis::{Book, Redis, settled};
use crate::admission::{Bounds, Whose};

/// What is left once every room is gone.
const CLOCK: &str = "seats:clock";

pub(super) struct Ground {
    pub(super) redis: Redis,
    /// A connection of the test's own, for what no verb does.
    line: MultiplexedConnection,
    /// What a failed history left is still there.
    is_used: bool,
    /// Ends after the connections.
    _store: Store,
}

impl Ground {
    /// A new server.
    pub(super) async fn new(bounds: Bounds) -> Self {
        // Nobody asks it how long each command took.
        let store = Store::with(&["--save", "", "--appendonly", "no", "--latency-tracking", "no"]);
        let client = redis::Client::open(store.socket_url()).unwrap();
        let line = client.get_multiplexed_async_connection().await.unwrap();
        let redis = connected_at(store.socket_url(), "seats:", Terms::default(), bounds).await;
        Self { redis, line, is_used: true, _store: store }
    }

    /// Makes the strategy one that has just connected, under these terms, to an empty server whose
    /// clock shows `start`.
    pub(super) async fn begin(&mut self, terms: &Terms, bounds: Bounds, start: Millis) {
        if std::mem::replace(&mut self.is_used, true) {
            self.run::<()>(&["FLUSHALL"]).await;
        }
        self.redis.settled = settled(terms, bounds, Whose { deployment: DEPLOYMENT, owner: HERE });
        self.redis.book = Book::default();
        self.redis.told.lock().unwrap().clear();
        self.redis.reading.store(start.0, Ordering::Relaxed);
    }

    /// Ends a history: every room was closed, so no key but the clock may be left.
    ///
    /// # Errors
    /// The keys that are.
    pub(super) async fn end(&mut self) -> Result<(), String> {
        let keys = self.keys().await;
        if keys != [CLOCK] {
            return Err(format!("keys are left: {keys:?}"));
        }
        // The next history begins earlier, and the clock never goes back.
        self.run::<()>(&["DEL", CLOCK]).await;
        self.is_used = false;
        Ok(())
    }

    /// The whole room, and what is shown of its seats. `None`: there is no such room.
    pub(super) async fn look(&self, room: RoomId) -> Option<(Snapshot, Seats)> {
        let id = room.0.to_string();
        let ask = json!({ "room": &id, "rooms": [&id] });
        let mut answer =
            self.redis.ask(Verb::ReadRoomAndSeats, Some(room), &ask, None).await.unwrap();
        if answer.refused.is_some() {
            return None;
        }
        let seats = answer.seats.pop().unwrap().seats().unwrap();
        Some((answer.snapshot(room).unwrap(), seats))
    }

    /// Every key.
    pub(super) async fn keys(&self) -> Vec<String> {
        self.run(&["KEYS", "*"]).await
    }

    /// Runs one command.
    pub(super) async fn run<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        redis::cmd(words[0]).arg(&words[1..]).query_async(&mut self.line.clone()).await.unwrap()
    }
}
