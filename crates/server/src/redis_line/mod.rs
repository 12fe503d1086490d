//! A line to Redis: one connection for all calls, made anew by a task of its own when it broke.
//!
//! A call that nobody waits for any more leaves its reply to nobody: replies find their call by
//! order on the connection, and a connection that was given up is not used again.
//!
//! Callers never make a connection and hold nothing while they wait. While the line is being made
//! anew they wait for it, each for as long as it has; once an attempt has failed they are refused at
//! once, until one succeeds ([`keeper`]).

mod keeper;
mod server;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, RedisError};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use keeper::Keeper;
pub(crate) use server::Unfit;

/// Why there is no usable connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    #[error("{0}")]
    Redis(#[from] RedisError),
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("no answer in time")]
    Silent,
}

/// Nothing was asked, or nothing was answered. In words for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Away(pub(crate) String);

impl From<LineError> for Away {
    fn from(error: LineError) -> Self {
        Self(error.to_string())
    }
}

/// The events of a line in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named {
    pub(crate) away: &'static str,
    pub(crate) back: &'static str,
}

/// A connection that was inspected.
#[derive(Clone)]
pub(crate) struct Open {
    pub(crate) connection: MultiplexedConnection,
    /// Names the life of the server process.
    pub(crate) run: Arc<str>,
    pub(crate) number: u64,
}

/// How the line stands.
#[derive(Clone)]
enum Line {
    /// It broke a moment ago, and is being made anew for the first time: worth waiting for.
    Broken,
    /// The last attempt failed, for this reason. Others follow.
    Away(Away),
    /// It can be used.
    Open(Open),
}

/// The line to one Redis server.
pub(crate) struct RedisLine {
    line: Arc<watch::Sender<Line>>,
    keeper: Keeper,
    /// The keeper's task, once it runs.
    task: OnceLock<AbortHandle>,
}

impl RedisLine {
    /// Not connected yet. `timeout` bounds an attempt to connect.
    ///
    /// # Errors
    /// A URL that cannot be read.
    pub(crate) fn new(url: &str, timeout: Duration, named: Named) -> Result<Self, RedisError> {
        let line = Arc::new(watch::Sender::new(Line::Broken));
        let client = Client::open(url)?;
        let keeper = Keeper { client, timeout, line: Arc::clone(&line), named };
        Ok(Self { line, keeper, task: OnceLock::new() })
    }

    /// Connects for the first time.
    ///
    /// # Errors
    /// Nothing usable is there.
    pub(crate) async fn first(&self) -> Result<Open, LineError> {
        self.keeper.connected(0).await
    }

    /// Takes the first connection, and keeps the line from then on.
    pub(crate) fn keep(&self, first: Open) {
        self.line.send_replace(Line::Open(first));
        self.keep_trying();
    }

    /// Makes the first connection when it can, and keeps the line from then on.
    pub(crate) fn keep_trying(&self) {
        self.task.get_or_init(|| tokio::spawn(self.keeper.clone().keep()).abort_handle());
    }

    /// The connection is not used again; other calls that wait on it may still be answered.
    pub(crate) fn give_up(&self, number: u64) {
        self.line.send_if_modified(|line| {
            let is_it = matches!(line, Line::Open(open) if open.number == number);
            if is_it {
                *line = Line::Broken;
            }
            is_it
        });
    }

    /// A call failed with this. Gives the connection up, unless a healthy server refused.
    pub(crate) fn failed(&self, number: u64, error: &RedisError) {
        let is_own = matches!(error.code(), Some("OOM" | "MISCONF" | "BUSY" | "ERR"));
        if !is_own {
            self.give_up(number);
        }
    }

    /// As if the connection in use had failed.
    #[cfg(test)]
    pub(crate) fn give_up_current(&self) {
        self.line.send_replace(Line::Broken);
    }

    /// The connection, by `until` at the latest.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn connection(&self, until: Instant) -> Result<Open, Away> {
        let mut line = self.line.subscribe();
        let settled = line.wait_for(|line| !matches!(line, Line::Broken));
        match timeout_at(until, settled).await {
            Ok(Ok(line)) => match &*line {
                Line::Open(open) => Ok(open.clone()),
                Line::Away(why) => Err(why.clone()),
                Line::Broken => Err(LineError::Silent.into()),
            },
            // The sender lives as long as this does.
            Ok(Err(_)) | Err(_) => Err(LineError::Silent.into()),
        }
    }
}

impl Drop for RedisLine {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}
