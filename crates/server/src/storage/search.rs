//! What is asked of a store that finds what was said, and how a page of it fills.

use std::ops::Range;

use anteroom_core::ids::RoomId;

use super::MessageRecord;
use crate::search::Query;

/// Newest durable things of a room that a search reads where the index has not reached them.
pub(super) const TAIL_MAX: i64 = 5_000;
/// Messages that one search looks at; then it answers what it has, and where to go on.
const LOOKED_AT_MAX: usize = 10_000;

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

/// A page that is being filled, from the top down.
pub(super) struct Filling<'a> {
    pub(super) ask: &'a SearchAsk,
    pub(super) page: FoundPage,
    looked_at: usize,
}

impl<'a> Filling<'a> {
    /// An empty one.
    pub(super) fn new(ask: &'a SearchAsk) -> Self {
        Self { ask, page: FoundPage::default(), looked_at: 0 }
    }

    /// Judges one message; false when the page is full.
    pub(super) fn look(&mut self, message: MessageRecord) -> bool {
        self.looked_at += 1;
        let seq = message.seq;
        let hits = match message.deleted_at {
            None => self.ask.query.find(&message.content),
            Some(_) => None,
        };
        if let Some(hits) = hits {
            if self.page.items.len() == self.ask.limit {
                // One more than is shown tells that a page follows.
                self.page.next = self.page.items.last().map(|last| last.message.seq);
                return false;
            }
            self.page.items.push(Found { message, hits });
        }
        if self.looked_at >= LOOKED_AT_MAX {
            self.page.next = Some(seq);
            return false;
        }
        true
    }
}
