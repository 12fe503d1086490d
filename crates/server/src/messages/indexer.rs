//! Keeps the store's index of words up with the log, without standing in the log's way.
//!
//! Rooms in which something was said are marked, and wait in a line: what a step did not come to is first
//! in the next, and a room that takes a whole step for itself is last. One task brings them forward in small steps: never sooner
//! than [`COALESCE`] after the first mark, so that a busy server writes few and full steps, and each step
//! only when no commit was made for [`QUIET`], or none such came for [`QUIET_WAIT_MAX`]. A search does not
//! depend on it: what is not indexed yet is read from the log.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anteroom_core::ids::RoomId;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::storage::{SharedStorage, StorageError};

/// From the first mark to the first step.
const COALESCE: Duration = Duration::from_secs(1);
/// So long without a commit is a quiet log.
const QUIET: Duration = Duration::from_millis(20);
/// A step is not put off for longer.
const QUIET_WAIT_MAX: Duration = Duration::from_millis(250);
/// Durable things in one step: some milliseconds of the writer.
const STEP: usize = 256;
/// Rooms in one step.
const ROOMS: usize = 256;
/// After a store that was away.
const AGAIN: Duration = Duration::from_secs(2);

/// The marked rooms, each once, in the order in which they are brought forward.
#[derive(Debug, Default)]
struct Line {
    order: VecDeque<RoomId>,
    waiting: HashSet<RoomId>,
}

impl Line {
    /// At the end, if it does not wait already.
    fn mark(&mut self, room: RoomId) {
        if self.waiting.insert(room) {
            self.order.push_back(room);
        }
    }

    /// The first rooms, up to what one step takes.
    fn take(&mut self) -> Vec<RoomId> {
        let taken: Vec<_> = self.order.drain(..ROOMS.min(self.order.len())).collect();
        for room in &taken {
            self.waiting.remove(room);
        }
        taken
    }

    /// What a step left of those it took, in their order. The first is the one at which it ended, which
    /// had its turn; the others had none, and come before whatever was marked meanwhile.
    fn left(&mut self, rooms: &[RoomId]) {
        let Some((served, passed_over)) = rooms.split_first() else { return };
        self.order.retain(|room| !passed_over.contains(room));
        for room in passed_over.iter().rev() {
            self.waiting.insert(*room);
            self.order.push_front(*room);
        }
        self.mark(*served);
    }
}

/// The marked rooms. The mutex is a leaf.
#[derive(Debug, Default)]
pub(crate) struct Indexer {
    marked: Mutex<Line>,
    commits: AtomicU64,
    wake: Notify,
}

impl Indexer {
    fn lock(&self) -> MutexGuard<'_, Line> {
        self.marked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A commit made something durable in these rooms.
    pub(crate) fn committed(&self, rooms: impl Iterator<Item = RoomId>) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.mark(rooms);
    }

    fn mark(&self, rooms: impl Iterator<Item = RoomId>) {
        let mut marked = self.lock();
        let was_empty = marked.order.is_empty();
        rooms.for_each(|room| marked.mark(room));
        let is_first = was_empty && !marked.order.is_empty();
        drop(marked);
        if is_first {
            self.wake.notify_one();
        }
    }

    /// Indexes what is marked, for ever; first what an earlier life left.
    pub(crate) async fn run(&self, storage: &SharedStorage) {
        loop {
            match storage.unindexed_rooms().await {
                Ok(rooms) => break self.mark(rooms.into_iter()),
                Err(error) => put_off(&error).await,
            }
        }
        loop {
            self.wake.notified().await;
            pause(COALESCE).await;
            while let Some(rooms) = self.take() {
                self.quiet().await;
                match storage.index(rooms.clone(), STEP).await {
                    Ok(left) => self.lock().left(&left),
                    Err(error) => {
                        self.mark(rooms.into_iter());
                        put_off(&error).await;
                    }
                }
            }
        }
    }

    fn take(&self) -> Option<Vec<RoomId>> {
        Some(self.lock().take()).filter(|rooms| !rooms.is_empty())
    }

    /// Waits until nothing was committed for a moment, but not for ever.
    async fn quiet(&self) {
        let until = Instant::now() + QUIET_WAIT_MAX;
        loop {
            let before = self.commits.load(Ordering::Relaxed);
            pause(QUIET).await;
            if self.commits.load(Ordering::Relaxed) == before || Instant::now() >= until {
                return;
            }
        }
    }
}

async fn put_off(error: &StorageError) {
    tracing::warn!(event = "search.put_off", %error, "the index of words will be brought up later");
    pause(AGAIN).await;
}

#[expect(clippy::disallowed_methods, reason = "waits for nothing to happen, which is no event")]
async fn pause(span: Duration) {
    tokio::time::sleep(span).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_that_is_flooded_keeps_no_other_from_being_indexed() {
        let mut line = Line::default();
        let flooded = [RoomId(1), RoomId(2)];
        let quiet: Vec<_> = (10..1_000).map(RoomId).collect();
        flooded.iter().chain(&quiet).for_each(|room| line.mark(*room));
        let mut indexed = HashSet::new();
        // A step that comes to a flooded room ends there, and it is marked again at once.
        for _ in 0..20 {
            let mut left = line.take();
            while let Some(room) = left.first().copied().filter(|room| !flooded.contains(room)) {
                indexed.insert(room);
                left.remove(0);
            }
            flooded.iter().for_each(|room| line.mark(*room));
            line.left(&left);
        }
        assert_eq!(indexed.len(), quiet.len(), "each had its turn");
        let mut waiting: Vec<_> = line.order.iter().copied().collect();
        waiting.sort_unstable();
        assert_eq!(waiting, flooded, "each waits once");
        assert_eq!(line.waiting.len(), 2);
    }
}
