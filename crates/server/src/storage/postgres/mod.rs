//! The store on PostgreSQL: a few connections to a database that several nodes may share.
//!
//! What SQLite gets from one writer comes from row locks here. Their order is the same everywhere, so that
//! nobody waits in a circle: rooms by number, then users, then what hangs on them.
//!
//! - Whatever gives numbers in a room locks the room's row against others that do (`FOR NO KEY UPDATE`).
//! - Whoever enters keeps the row from going or closing meanwhile (`FOR KEY SHARE`), and shares it with all
//!   others who enter and speak.
//! - What closes or forgets a room has the row alone (`FOR UPDATE`).
//! - What takes administration away waits for whatever else does, before it locks any row (`administrators`).
//!
//! Statements run under `READ COMMITTED`: each one sees what was committed before it began, and so what
//! the lock before it waited for. The modules below hold the statements of one concern each.

mod accounts;
mod administrators;
mod alone;
mod audit;
mod bans;
pub(crate) mod ask;
mod batch;
mod changes;
mod entries;
pub(crate) mod error;
mod events;
mod index;
mod keeping;
pub(crate) mod lines;
mod logins;
mod memberships;
mod messages;
pub(crate) mod nodes;
pub(crate) mod open;
mod person;
mod rooms;
mod search;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::OnceLock;
use std::time::Duration;

use alone::Alone;
use anteroom_core::ids::Owner;
use async_trait::async_trait;
use lines::Lines;
pub use open::OpenError;
use tokio_util::sync::CancellationToken;

use super::{Storage, StorageError, Stored};

/// How much the store takes on at once, and how long it waits.
#[derive(Clone, Copy, Debug)]
pub struct PostgresOptions {
    /// Connections at once.
    pub connections: usize,
    /// Calls that may run or wait at once; more are refused.
    pub queue: usize,
    /// How long a call waits for a connection.
    pub patience: Duration,
    /// How long a call has once it has one.
    pub timeout: Duration,
    /// Whether other servers are kept off the database.
    pub alone: bool,
    /// Whether facts leave events for other services.
    pub events: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            connections: 8,
            queue: 1024,
            patience: Duration::from_secs(3),
            timeout: Duration::from_secs(5),
            alone: true,
            events: false,
        }
    }
}

/// The store in one database.
pub struct PostgresStorage {
    pub(crate) lines: Lines,
    alone: Option<Alone>,
    /// Which life of which node this is, where there are several.
    me: OnceLock<Owner>,
    /// Whether facts leave events for other services.
    tells: bool,
    fatal: CancellationToken,
}

impl PostgresStorage {
    /// Opens the database that `url` names, made or migrated as needed.
    ///
    /// # Errors
    /// In words for the person who starts the server: see [`OpenError`].
    pub async fn open(url: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        let address = open::address(url, options.patience)?;
        let fatal = CancellationToken::new();
        open::prepare(&address, &open::FACTS).await?;
        let alone = match options.alone {
            true => Some(Alone::begin(&address, fatal.clone()).await?),
            false => None,
        };
        let lines = Lines::new(address, options).map_err(|why| OpenError::Pool(why.to_string()))?;
        Ok(Self { lines, alone, me: OnceLock::new(), tells: options.events, fatal })
    }

    /// Cancelled when another server took the database while the line to it was down: the process should
    /// stop.
    #[must_use]
    pub fn fatal(&self) -> CancellationToken {
        self.fatal.clone()
    }
}

fn closed() -> StorageError {
    StorageError::Unavailable("the store is closed".into())
}

#[async_trait]
impl Storage for PostgresStorage {
    async fn ping(&self) -> Stored<()> {
        // Read in a transaction that could write: a server that can only read is not ready.
        self.lines.run(&(), |line, ()| Box::pin(open::can_write(line))).await
    }

    async fn close(&self) {
        self.lines.close().await;
        if let Some(alone) = &self.alone {
            alone.end().await;
        }
    }
}
