//! The way of the lines into the store: in batches, in the background, never waited for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::storage::{EntryRecord, SharedStorage};

/// Lines in one transaction: a batch must not keep messages and memberships waiting for long.
const BATCH_MAX: usize = 256;
/// How long the first line of a batch waits for others. Each batch costs a sync of the disk.
const GATHER: Duration = Duration::from_millis(250);
/// How often a batch is tried.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_millis(500);
/// Lines dropped in one transaction.
const TRIM_BATCH: usize = 256;
/// After so many new lines it is looked whether there are too many; sooner where few are kept.
const TRIM_EVERY: usize = 1_000;

/// Writes lines.
pub(super) struct Writer {
    pub(super) lines: mpsc::Receiver<EntryRecord>,
    pub(super) storage: SharedStorage,
    /// Lines to keep.
    pub(super) keep: usize,
    pub(super) metrics: Arc<Metrics>,
}

impl Writer {
    /// Writes until `stop`, and then what is left.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        self.trim().await;
        let every = (self.keep / 10).clamp(1, TRIM_EVERY);
        let mut new = 0;
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while self.gather(&mut batch, &stop).await {
            new += batch.len();
            self.store(std::mem::take(&mut batch), &stop).await;
            if new >= every {
                new = 0;
                self.trim().await;
            }
        }
    }

    /// Takes the next batch. False when there is none and there will be none.
    async fn gather(&mut self, batch: &mut Vec<EntryRecord>, stop: &CancellationToken) -> bool {
        tokio::select! {
            biased;
            taken = self.lines.recv_many(batch, BATCH_MAX) => {
                if taken == 0 {
                    return false;
                }
            }
            () = stop.cancelled() => self.lines.close(),
        }
        if batch.len() < BATCH_MAX && !stop.is_cancelled() {
            let _ = stop.run_until_cancelled(pause(GATHER)).await;
        }
        while batch.len() < BATCH_MAX
            && let Ok(line) = self.lines.try_recv()
        {
            batch.push(line);
        }
        !batch.is_empty()
    }

    async fn store(&self, batch: Vec<EntryRecord>, stop: &CancellationToken) {
        let lines = batch.len();
        for _ in 0..TRIES {
            match self.storage.add_entries(batch.clone()).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(event = "entry_log.not_stored", lines, %error,
                    "lines of the entry log could not be written"),
            }
            if stop.is_cancelled() {
                break;
            }
            let _ = stop.run_until_cancelled(pause(AGAIN)).await;
        }
        self.metrics.entries_dropped(lines);
    }

    /// Drops the oldest lines beyond those to keep.
    async fn trim(&self) {
        loop {
            match self.storage.trim_entries(self.keep, TRIM_BATCH).await {
                Ok(dropped) if dropped >= TRIM_BATCH => {}
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(event = "entry_log.not_trimmed", %error,
                        "old lines of the entry log could not be dropped");
                    return;
                }
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a batch waits for what may come, not for an event")]
async fn pause(span: Duration) {
    tokio::time::sleep(span).await;
}
