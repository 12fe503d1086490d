//! What the nodes of one deployment tell each other.
//!
//! One path for one node and for many: whoever has news tells it to its own sessions and to a [`Bus`],
//! which for one node alone goes nowhere. What comes from other nodes is applied where everything is at
//! hand (`app/ears.rs`).
//!
//! A bus is fast and forgets: what it carries may be lost, doubled or come in another order, and nothing
//! that must not be lost depends on it. Durable things of a room carry numbers, and [`Tails`] puts them
//! in order and fetches what is missing from the store. Everything else is a hint to look at what is
//! shared (the store, the seats), and after every interruption all of that is looked at again.
//!
//! Knows nothing of requests and frames' content: encoded frames pass through as bytes, encoded once for
//! all nodes.

#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod local;
mod news;
mod rabbit;
mod redis;
mod tails;
mod telling;
mod wire;

use anteroom_core::ids::RoomId;
use async_trait::async_trait;
use bytes::Bytes;

pub(crate) use local::Local;
pub(crate) use news::{Cause, News};
pub(crate) use rabbit::RabbitBus;
pub(crate) use redis::RedisBus;
pub(crate) use tails::{COMPARED_EVERY, Ground, NotAttended, Tails};

/// The bus cannot be used at this moment. The detail is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bus between the nodes is away: {0}")]
pub(crate) struct Away(pub(crate) String);

/// Durable frames of one room, each with its number, in rising order; encoded for the wire.
pub(crate) type Numbered = Vec<(i64, Bytes)>;

/// What arrives from other nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Something to look at or to pass on.
    News(News),
    /// What a commit of another node made durable in a room that this node attends.
    Published(RoomId, Numbered),
    /// The line was broken, here or there: anything may have been missed.
    Missed,
}

/// The way to the other nodes. Telling never waits and never fails for its caller: what cannot be told
/// now is made up for later ([`Heard::Missed`]).
#[async_trait]
pub(crate) trait Bus: Send + Sync {
    /// Whether there are other nodes at all. Where there are none, what only this process writes may be
    /// kept in its memory.
    fn is_shared(&self) -> bool;

    /// Whether the others can be heard at this moment, as far as this node can tell.
    fn is_up(&self) -> bool;

    /// Tells every other node.
    fn tell(&self, news: News);

    /// Passes on to the nodes that attend a room what a commit made durable there.
    fn publish(&self, room: RoomId, frames: &[(i64, Bytes)]);

    /// From its return on, everything that is published in the room arrives here, as long as the line
    /// holds.
    ///
    /// # Errors
    /// The line is down. It may be asked again.
    async fn attend(&self, room: RoomId) -> Result<(), Away>;

    /// The room is not attended any more.
    async fn leave(&self, room: RoomId);
}
