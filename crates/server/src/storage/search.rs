//! What is asked of a store that finds what was said.

use std::ops::Range;

use anteroom_core::ids::RoomId;

use super::MessageRecord;
use crate::search::Query;

/// Which messages.
#[derive(Clone, Debug)]
pub struct SearchAsk {
    /// Where.
    pub room: RoomId,
    /// What they must hold.
    pub query: Query,
    /// Below this `seq`, exclusive.
    pub before: i64,
    /// At most so many.
    pub limit: usize,
}

/// A message that was found, in its final state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The message.
    pub message: MessageRecord,
    /// Where its content matches, in bytes, sorted and apart.
    pub hits: Vec<Range<usize>>,
}

/// Some of what was found, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundPage {
    /// The messages.
    pub items: Vec<Found>,
    /// Below which `seq` to go on; `None` when nothing is left.
    pub next: Option<i64>,
}
