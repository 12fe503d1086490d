//! The one thread that writes: everything that waits becomes one transaction.
//!
//! Invariants. An answer leaves only after COMMIT returned. Within a group each job stands in its own
//! savepoint, so a job that fails undoes itself and nobody else. Nothing is delayed to fill a group:
//! a group is what piled up while the last one was being synced. A job runs even when its caller has
//! gone away. Knows nothing of what the jobs do.

use std::collections::VecDeque;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::is_fatal_at_commit;
use crate::pace::Pace;
use crate::storage::{StorageError, Stored};

/// A full disk or a broken device makes SQLite roll back more than the statement that met it.
const UNDONE: &str = "the database undid the whole transaction";

/// Work for the writer.
pub(crate) trait Job: Send {
    /// Does the work inside the group's transaction. True when its changes are to be kept.
    fn run(&mut self, conn: &Connection) -> bool;

    /// Answers the caller, after the group's end: its own outcome, or why the group was lost.
    fn settle(self: Box<Self>, lost: Option<&str>);
}

struct Task<T, F> {
    work: Option<F>,
    outcome: Option<Stored<T>>,
    answer: oneshot::Sender<Stored<T>>,
}

/// Makes a job of a closure; the receiver gets the answer.
pub(super) fn job<T, F>(work: F) -> (Box<dyn Job>, oneshot::Receiver<Stored<T>>)
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Stored<T> + Send + 'static,
{
    let (answer, receiver) = oneshot::channel();
    (Box::new(Task { work: Some(work), outcome: None, answer }), receiver)
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Stored<T> + Send,
{
    fn run(&mut self, conn: &Connection) -> bool {
        let Some(work) = self.work.take() else { return false };
        // The connection is whole after a panic: statements reset when dropped, and what they
        // changed is rolled back with the savepoint.
        let outcome = catch_unwind(AssertUnwindSafe(|| work(conn)))
            .unwrap_or_else(|_| Err(StorageError::Failed("the job panicked".into())));
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn settle(self: Box<Self>, lost: Option<&str>) {
        let answer = match (lost, self.outcome) {
            (None, Some(outcome)) => outcome,
            (Some(_), Some(Err(own))) => Err(own),
            (Some(why), _) => Err(StorageError::Unavailable(why.to_owned())),
            (None, None) => Err(StorageError::Unavailable("the job was not run".into())),
        };
        // A caller that went away is no reason to undo anything.
        drop(self.answer.send(answer));
    }
}

/// The writer's side of the store.
pub(crate) struct Writer {
    pub(crate) conn: Connection,
    pub(crate) jobs: mpsc::Receiver<Box<dyn Job>>,
    /// At most so many jobs share a transaction.
    pub(crate) group: usize,
    /// Cancelled once the disk can no longer be trusted.
    pub(crate) fatal: CancellationToken,
    /// Held as long as this thread may write.
    pub(crate) lock: File,
    /// Groups that were lost.
    pub(crate) lost: Pace,
}

impl Writer {
    /// Runs until every sender is gone and the queue is empty, then checkpoints and closes.
    pub(crate) fn run(mut self) {
        let mut taken = Vec::with_capacity(self.group);
        while self.jobs.blocking_recv_many(&mut taken, self.group) > 0 {
            let mut waiting: VecDeque<_> = taken.drain(..).collect();
            while !waiting.is_empty() {
                self.one_group(&mut waiting);
            }
        }
        self.close();
    }

    /// Runs one transaction and answers every job that was in it.
    fn one_group(&mut self, waiting: &mut VecDeque<Box<dyn Job>>) {
        let mut done = Vec::with_capacity(waiting.len());
        let lost = self.transaction(waiting, &mut done).err();
        self.report(lost.as_deref(), done.len());
        for job in done {
            job.settle(lost.as_deref());
        }
    }

    /// Says that groups are lost, and that they no longer are.
    fn report(&mut self, lost: Option<&str>, jobs: usize) {
        let now = Instant::now();
        if let Some(error) = lost {
            if let Some(groups) = self.lost.met(now) {
                tracing::error!(
                    event = "storage.group_lost",
                    jobs,
                    groups,
                    error,
                    "a commit failed"
                );
            }
        } else if self.lost.passed(now) {
            tracing::warn!(event = "storage.resumed", "commits succeed again");
        }
    }

    fn transaction(
        &mut self,
        waiting: &mut VecDeque<Box<dyn Job>>,
        done: &mut Vec<Box<dyn Job>>,
    ) -> Result<(), String> {
        if let Err(why) = self.begin() {
            // Whoever queued up meanwhile would only wait for the same refusal once more.
            done.extend(waiting.drain(..));
            while let Ok(job) = self.jobs.try_recv() {
                done.push(job);
            }
            return Err(why);
        }
        if waiting.len() == 1
            && let Some(mut job) = waiting.pop_front()
        {
            let end = self.alone(&mut *job);
            done.push(job);
            return end;
        }
        while let Some(mut job) = waiting.pop_front() {
            let intact = self.in_savepoint(&mut *job);
            done.push(job);
            if let Err(why) = intact {
                self.roll_back();
                return Err(why);
            }
        }
        self.commit()
    }

    fn begin(&self) -> Result<(), String> {
        if self.fatal.is_cancelled() {
            return Err("the store stopped after a disk failure".into());
        }
        self.execute("BEGIN IMMEDIATE")
    }

    /// Runs a job so that it can be undone alone. `Err` when the whole transaction is lost.
    fn in_savepoint(&self, job: &mut dyn Job) -> Result<(), String> {
        self.execute("SAVEPOINT job")?;
        let keep = job.run(&self.conn);
        if self.conn.is_autocommit() {
            return Err(UNDONE.into());
        }
        if !keep {
            self.execute("ROLLBACK TO job")?;
        }
        self.execute("RELEASE job")
    }

    /// Runs a job that has the transaction to itself, to the transaction's end. It needs no savepoint,
    /// which would make SQLite keep a copy of each page that the job touches.
    fn alone(&self, job: &mut dyn Job) -> Result<(), String> {
        let keep = job.run(&self.conn);
        if self.conn.is_autocommit() {
            return Err(UNDONE.into());
        }
        if keep {
            return self.commit();
        }
        self.roll_back();
        Ok(())
    }

    fn commit(&self) -> Result<(), String> {
        let Err(error) = self.prepared("COMMIT") else { return Ok(()) };
        if is_fatal_at_commit(&error) {
            tracing::error!(
                event = "storage.fatal",
                error = %error,
                "the disk did not take a commit; nothing more is written until a restart"
            );
            self.fatal.cancel();
        }
        self.roll_back();
        Err(error.to_string())
    }

    fn roll_back(&self) {
        if self.conn.is_autocommit() {
            return;
        }
        if let Err(error) = self.execute("ROLLBACK") {
            tracing::error!(event = "storage.rollback", error, "a rollback failed");
        }
    }

    fn execute(&self, sql: &str) -> Result<(), String> {
        self.prepared(sql).map_err(|error| error.to_string())
    }

    fn prepared(&self, sql: &str) -> rusqlite::Result<()> {
        self.conn.prepare_cached(sql)?.execute([]).map(drop)
    }

    fn close(self) {
        let folded = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = folded
            .map_err(|e| e.to_string())
            .and_then(|()| self.conn.close().map_err(|(_, error)| error.to_string()))
        {
            tracing::warn!(event = "storage.close", error, "the database was not closed tidily");
        }
        drop(self.lock);
    }
}
