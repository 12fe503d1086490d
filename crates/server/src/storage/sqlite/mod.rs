//! The embedded store: one SQLite file, one writer thread with group commit, a few readers.
//!
//! A pool of writers loses to lock errors; one writer that takes all that waits into one transaction
//! pays for one sync instead of many. The queue in front of it is bounded. The modules below hold
//! the statements of one concern each and implement its part of [`crate::storage`].

mod accounts;
mod administrators;
mod audit;
mod changes;
mod backup;
mod bans;
mod entries;
mod error;
mod events;
mod index;
mod keeping;
mod logins;
mod memberships;
mod messages;
mod nodes;
pub(crate) mod open;
pub(crate) mod readers;
mod person;
mod rooms;
mod search;
mod soundness;
mod statements;
pub(crate) mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
pub use backup::{Staged, back_up, copy, hand_over, remove, set_aside, sync_directory};
use bans::Bans;
use events::Outbox;
pub use open::OpenError;
use readers::Readers;
use rusqlite::Connection;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use writer::{Job, Writer, job};

use super::{Storage, StorageError, Stored};
use crate::pace::Pace;

/// Takes as much of the disk as a change does.
const WRITE_NOTHING_NEW: &str = "UPDATE meta SET epoch = epoch";

/// How much the store takes on at once. The defaults suit a machine of a few cores.
#[derive(Clone, Copy, Debug)]
pub struct SqliteOptions {
    /// Connections that read.
    pub readers: usize,
    /// Jobs that may wait for the writer; more are refused.
    pub queue: usize,
    /// Jobs that may share one transaction.
    pub group: usize,
    /// How long another process may hold the database before a job is refused.
    pub busy_timeout: Duration,
    /// How long a job other than an append waits for a place in a full queue, and a read for a
    /// reader.
    pub patience: Duration,
    /// Whether facts leave events for other services.
    pub events: bool,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            readers: 4,
            queue: 1024,
            group: 256,
            busy_timeout: Duration::from_secs(5),
            patience: Duration::from_secs(3),
            events: false,
        }
    }
}

/// The store in one file. Dropping it without [`Storage::close`] finishes what was taken as well, and
/// blocks until it is written.
pub struct SqliteStorage {
    jobs: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Readers,
    bans: Bans,
    fatal: CancellationToken,
    patience: Duration,
    outbox: Outbox,
}

impl SqliteStorage {
    /// Opens the database at `path`, made or migrated as needed. Blocks; meant for the start.
    ///
    /// # Errors
    /// In words for the person who starts the server: see [`OpenError`].
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        let lock = open::lock(path, &open::STORAGE)?;
        let conn = open::writer(path, options.busy_timeout, &open::STORAGE)?;
        let readers = (0..options.readers.max(1))
            .map(|_| open::reader(path, options.busy_timeout))
            .collect::<Result<Vec<_>, _>>()?;
        let bans = Bans::load(&conn)?;
        let (sender, jobs) = mpsc::channel(options.queue.max(1));
        let fatal = CancellationToken::new();
        soundness::look_later(path, &fatal);
        let group = options.group.max(1);
        let writer =
            Writer { conn, jobs, group, fatal: fatal.clone(), lock, lost: Pace::default() };
        let thread = std::thread::Builder::new()
            .name("storage-writer".into())
            .spawn(move || writer.run())
            .map_err(|source| OpenError::File { path: path.into(), source })?;
        Ok(Self {
            jobs: Mutex::new(Some(sender)),
            writer: Mutex::new(Some(thread)),
            readers: Readers::new(readers, options.patience),
            bans,
            fatal,
            patience: options.patience,
            outbox: Outbox::new(options.events),
        })
    }

    /// Cancelled when the disk did not take a commit: what it holds is uncertain, every later call
    /// answers [`StorageError::Unavailable`], and the process should stop.
    #[must_use]
    pub fn fatal(&self) -> CancellationToken {
        self.fatal.clone()
    }

    /// Hands a job to the writer, waiting a little when the queue is full, and waits for its commit.
    async fn write<T, F>(&self, work: F) -> Stored<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Stored<T> + Send + 'static,
    {
        let (job, answer) = job(work);
        let sender = self.sender()?;
        match tokio::time::timeout(self.patience, sender.send(job)).await {
            Ok(Ok(())) => drop(sender),
            Ok(Err(_)) => return Err(closed()),
            Err(_) => return Err(full()),
        }
        answer.await.map_err(|_| closed())?
    }

    /// As [`Self::write`], but a full queue refuses at once: whoever speaks can say it again.
    async fn write_or_refuse<T, F>(&self, work: F) -> Stored<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Stored<T> + Send + 'static,
    {
        let (job, answer) = job(work);
        self.sender()?.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => full(),
            mpsc::error::TrySendError::Closed(_) => closed(),
        })?;
        answer.await.map_err(|_| closed())?
    }

    /// Runs a read.
    async fn read<T, F>(&self, work: F) -> Stored<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Stored<T> + Send + 'static,
    {
        self.alive()?;
        self.readers.read(work).await
    }

    fn alive(&self) -> Stored<()> {
        if self.fatal.is_cancelled() {
            return Err(StorageError::Unavailable("the store stopped after a disk failure".into()));
        }
        Ok(())
    }

    fn sender(&self) -> Stored<mpsc::Sender<Box<dyn Job>>> {
        self.alive()?;
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(closed)
    }

    /// Ends the queue; the writer finishes what is in it. The handle is given out once.
    fn end_queue(&self) -> Option<JoinHandle<()>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn full() -> StorageError {
    StorageError::Unavailable("the queue of the writer is full".into())
}

fn closed() -> StorageError {
    StorageError::Unavailable("the store is closed".into())
}

impl Drop for SqliteStorage {
    fn drop(&mut self) {
        if let Some(thread) = self.end_queue() {
            drop(thread.join());
        }
    }
}

#[async_trait]
impl Storage for SqliteStorage {
    async fn ping(&self) -> Stored<()> {
        // A store that can only read is not ready, so something is written, which changes nothing.
        self.write(|conn| Ok(conn.prepare_cached(WRITE_NOTHING_NEW)?.execute([]).map(drop)?))
            .await?;
        self.read(|conn| Ok(conn.query_row("SELECT epoch FROM meta", [], |_| Ok(()))?)).await
    }

    async fn close(&self) {
        let thread = self.end_queue();
        self.readers.close().await;
        if let Some(thread) = thread {
            drop(tokio::task::spawn_blocking(move || thread.join()).await);
        }
    }
}
