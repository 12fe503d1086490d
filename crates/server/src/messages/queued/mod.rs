//! The queued pipeline: messages go through a broker on their way to the store.
//!
//! Whoever takes a message from its sender (the origin) publishes it to the queue of the room's shard; the
//! one node that has that queue at the moment (the taker) stores what waits there as one batch and tells the
//! rooms; the origin then acknowledges. The queue decides nothing:
//!
//! - **The origin answers for what it took.** Until it learns what became of a message it keeps it
//!   ([`Pending`]). Whatever goes wrong with the broker, it gives everything it keeps to the store itself, in
//!   its order ([`Pipeline`]); copies in the queue then are duplicates of what is stored under the same
//!   `client_id`.
//! - **The store knows the order.** Each message names what its session said before it and has no answer for
//!   yet, and is not stored before that; and nothing is stored for an origin that is fenced. So a copy that
//!   comes late, twice or first is harmless.
//! - **A taker keeps nothing.** What it cannot store it drops, and tells the origin, as far as it can.
//!
//! Edits and deletes go to the store directly: they name what was acknowledged, and a second copy of one
//! would undo a later one.

mod pending;
mod pipeline;
mod record;
mod taker;

pub(crate) use pending::Pending;
pub(crate) use pipeline::Pipeline;
pub(crate) use record::Record;
pub(super) use record::{Became, Report};
pub(super) use taker::Settle;
pub(crate) use taker::{Reporter, Taker, listen};

/// The queue in which a node learns what became of its messages elsewhere, behind the prefix.
pub(crate) const REPORTS: &str = "messages.reports";

/// The name of a shard's queue, behind the prefix.
pub(crate) fn queue_of(shard: u32) -> String {
    format!("messages.{shard}")
}
