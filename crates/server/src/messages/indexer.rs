//! Keeps the store's index of words up with the log, without standing in the log's way.
//!
//! Rooms in which something was said are marked. One task brings them forward in small steps: never sooner
//! than [`COALESCE`] after the first mark, so that a busy server writes few and full steps, and each step
//! only when no commit was made for [`QUIET`], or none such came for [`QUIET_WAIT_MAX`]. A search does not
//! depend on it: what is not indexed yet is read from the log.

use std::collections::BTreeSet;
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

/// The marked rooms. The mutex is a leaf.
#[derive(Debug, Default)]
pub(crate) struct Indexer {
    marked: Mutex<BTreeSet<RoomId>>,
    commits: AtomicU64,
    wake: Notify,
}

impl Indexer {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<RoomId>> {
        self.marked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A commit made something durable in these rooms.
    pub(crate) fn committed(&self, rooms: impl Iterator<Item = RoomId>) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.mark(rooms);
    }

    fn mark(&self, rooms: impl Iterator<Item = RoomId>) {
        let mut marked = self.lock();
        let was_empty = marked.is_empty();
        marked.extend(rooms);
        let is_first = was_empty && !marked.is_empty();
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
                    Ok(left) => self.mark(left.into_iter()),
                    Err(error) => {
                        self.mark(rooms.into_iter());
                        put_off(&error).await;
                    }
                }
            }
        }
    }

    fn take(&self) -> Option<Vec<RoomId>> {
        let mut marked = self.lock();
        let rooms: Vec<RoomId> = marked.iter().copied().take(ROOMS).collect();
        for room in &rooms {
            marked.remove(room);
        }
        Some(rooms).filter(|rooms| !rooms.is_empty())
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
