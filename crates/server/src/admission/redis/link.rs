//! The line to Redis: one connection for all calls, made anew by a task of its own when it broke.
//!
//! A call that nobody waits for any more leaves its reply to nobody: replies find their call by
//! order on the connection, and a connection that was given up is not used again.
//!
//! Callers never make a connection and hold nothing while they wait. While the line is being made
//! anew they wait for it, each for as long as it has; once an attempt has failed they are refused at
//! once, until one succeeds ([`super::keeper`]).

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, ErrorKind, RedisError, ServerErrorKind};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::keeper::Keeper;
use super::scripts::{ALL, Verb};
use super::server::Unfit;
use crate::admission::{Decided, Unavailable};
use crate::mutants::seeded;

/// Why there is no usable connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("{0}")]
    Redis(#[from] RedisError),
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("no answer in time")]
    Silent,
}

impl From<LinkError> for Unavailable {
    fn from(error: LinkError) -> Self {
        Self(error.to_string())
    }
}

/// A connection that was inspected.
#[derive(Clone)]
pub(super) struct Open {
    pub(super) connection: MultiplexedConnection,
    /// Names the life of the server process.
    pub(super) run: Arc<str>,
    pub(super) number: u64,
}

/// How the line stands.
#[derive(Clone)]
pub(super) enum Line {
    /// It broke a moment ago, and is being made anew for the first time: worth waiting for.
    Broken,
    /// The last attempt failed, for this reason. Others follow.
    Away(Unavailable),
    /// It can be used.
    Open(Open),
}

/// The line to one Redis server.
pub(super) struct Link {
    line: Arc<watch::Sender<Line>>,
    keeper: Keeper,
    /// Hashes of the scripts, in the order of [`ALL`]; set once connected.
    hashes: OnceLock<Vec<String>>,
    /// The keeper's task, once it runs.
    task: OnceLock<AbortHandle>,
}

impl Link {
    /// Not connected yet. `timeout` bounds an attempt to connect.
    ///
    /// # Errors
    /// A URL that cannot be read.
    pub(super) fn new(url: &str, timeout: Duration) -> Result<Self, RedisError> {
        let line = Arc::new(watch::Sender::new(Line::Broken));
        let keeper = Keeper { client: Client::open(url)?, timeout, line: Arc::clone(&line) };
        Ok(Self { line, keeper, hashes: OnceLock::new(), task: OnceLock::new() })
    }

    /// Connects, loads the scripts, and keeps the line from then on.
    pub(super) async fn start(&self) -> Result<(), LinkError> {
        let mut open = self.keeper.connected(0).await?;
        let mut pipeline = redis::pipe();
        for verb in ALL {
            pipeline.cmd("SCRIPT").arg("LOAD").arg(&*seeded("lua", verb.text()));
        }
        let hashes: Vec<String> = pipeline.query_async(&mut open.connection).await?;
        // A second start finds the same hashes: they are of the texts.
        let _ = self.hashes.set(hashes);
        self.line.send_replace(Line::Open(open));
        self.task.get_or_init(|| tokio::spawn(self.keeper.clone().keep()).abort_handle());
        Ok(())
    }

    /// Runs a script, and answers by `until` at the latest. `call` is told which run of the server it
    /// will be asked of.
    pub(super) async fn run(
        &self,
        verb: Verb,
        until: Instant,
        call: impl Fn(&str) -> String,
        (prefix, ask): (&str, &str),
    ) -> Decided<(String, Arc<str>)> {
        let open = self.connection(until).await?;
        let words = [prefix, &call(&open.run), ask];
        let (number, run) = (open.number, Arc::clone(&open.run));
        let error = match timeout_at(until, self.eval(open.connection, verb, words)).await {
            Ok(Ok(text)) => return Ok((text, run)),
            Ok(Err(error)) => {
                // A refusal by a healthy server says nothing against the connection.
                let is_own = matches!(error.code(), Some("OOM" | "MISCONF" | "BUSY" | "ERR"));
                if !is_own {
                    self.give_up(number);
                }
                LinkError::from(error)
            }
            Err(_) => {
                self.give_up(number);
                LinkError::Silent
            }
        };
        Err(error.into())
    }

    async fn eval(
        &self,
        mut connection: MultiplexedConnection,
        verb: Verb,
        words: [&str; 3],
    ) -> Result<String, RedisError> {
        let place = ALL.iter().position(|it| *it == verb);
        let hash = place.and_then(|at| self.hashes.get()?.get(at));
        let hash = hash.map_or("", String::as_str);
        let [prefix, call, ask] = words;
        let mut command = redis::cmd("EVALSHA");
        command.arg(hash).arg(1).arg(prefix).arg(call).arg(ask);
        match command.query_async(&mut connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                let mut load = redis::cmd("SCRIPT");
                load.arg("LOAD").arg(&*seeded("lua", verb.text()));
                let () = load.query_async(&mut connection).await?;
                command.query_async(&mut connection).await
            }
            answer => answer,
        }
    }

    /// The connection is not used again; other calls that wait on it may still be answered.
    fn give_up(&self, number: u64) {
        self.line.send_if_modified(|line| {
            let is_it = matches!(line, Line::Open(open) if open.number == number);
            if is_it {
                *line = Line::Broken;
            }
            is_it
        });
    }

    /// As if the connection in use had failed.
    #[cfg(test)]
    pub(super) fn give_up_current(&self) {
        self.line.send_replace(Line::Broken);
    }

    async fn connection(&self, until: Instant) -> Decided<Open> {
        let mut line = self.line.subscribe();
        let settled = line.wait_for(|line| !matches!(line, Line::Broken));
        match timeout_at(until, settled).await {
            Ok(Ok(line)) => match &*line {
                Line::Open(open) => Ok(open.clone()),
                Line::Away(why) => Err(why.clone()),
                Line::Broken => Err(LinkError::Silent.into()),
            },
            // The sender lives as long as this does.
            Ok(Err(_)) | Err(_) => Err(LinkError::Silent.into()),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}
