//! A few connections that only read, shared by everybody.
//!
//! A read that begins after a write was answered sees it: the answer comes after the commit. At most
//! as many reads run as there are connections; more wait, but not for ever.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::storage::{StorageError, Stored};

type Idle = Arc<Mutex<Vec<Connection>>>;

pub(crate) struct Readers {
    idle: Idle,
    /// One permit per connection: who has one finds a connection idle.
    permits: Arc<Semaphore>,
    count: u32,
    patience: Duration,
}

/// A borrowed connection; goes back also when the read panics.
struct Borrowed {
    conn: Option<Connection>,
    idle: Idle,
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
        }
    }
}

impl Readers {
    pub(crate) fn new(connections: Vec<Connection>, patience: Duration) -> Self {
        let count = u32::try_from(connections.len()).unwrap_or(u32::MAX);
        Self {
            permits: Arc::new(Semaphore::new(connections.len())),
            idle: Arc::new(Mutex::new(connections)),
            count,
            patience,
        }
    }

    /// Runs `work` on an idle connection, away from the async threads.
    pub(crate) async fn read<T, F>(&self, work: F) -> Stored<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Stored<T> + Send + 'static,
    {
        let permit = tokio::time::timeout(self.patience, self.permits.clone().acquire_owned())
            .await
            .map_err(|_| StorageError::Unavailable("all readers are busy".into()))?
            .map_err(|_| StorageError::Unavailable("the store is closed".into()))?;
        let idle = Arc::clone(&self.idle);
        let read = move || {
            let conn = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            // Declared after the permit, so dropped before it: the connection is back first.
            let _permit = permit;
            let borrowed = Borrowed { conn, idle };
            match &borrowed.conn {
                Some(conn) => work(conn),
                None => Err(StorageError::Failed("no reader is idle".into())),
            }
        };
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|error| StorageError::Failed(format!("a read ended early: {error}")))?
    }

    /// Waits for running reads, then closes the connections. Later reads are refused.
    pub(super) async fn close(&self) {
        let all = tokio::time::timeout(self.patience, self.permits.acquire_many(self.count)).await;
        if all.is_err() {
            tracing::warn!(event = "storage.readers_late", "reads were still running at the close");
        }
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
