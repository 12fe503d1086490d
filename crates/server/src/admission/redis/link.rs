//! The scripts on a line to Redis ([`crate::redis_line`]).

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, ServerErrorKind};
use tokio::time::{Instant, timeout_at};

use super::scripts::{ALL, Verb};
use crate::admission::{Decided, Unavailable};
use crate::mutants::seeded;
use crate::redis_line::{Away, LineError, Named, RedisLine};

/// What the log calls it.
const NAMED: Named = Named { away: "seat_store.away", back: "seat_store.back" };

impl From<Away> for Unavailable {
    fn from(Away(why): Away) -> Self {
        Self(why)
    }
}

/// The line to one Redis server, and what is run there.
pub(super) struct Link {
    line: RedisLine,
    /// Hashes of the scripts, in the order of [`ALL`]; set once connected.
    hashes: OnceLock<Vec<String>>,
}

impl Link {
    /// Not connected yet. `timeout` bounds an attempt to connect.
    ///
    /// # Errors
    /// A URL that cannot be read.
    pub(super) fn new(url: &str, timeout: Duration) -> Result<Self, RedisError> {
        Ok(Self { line: RedisLine::new(url, timeout, NAMED)?, hashes: OnceLock::new() })
    }

    /// Connects, loads the scripts, and keeps the line from then on.
    pub(super) async fn start(&self) -> Result<(), LineError> {
        let mut open = self.line.first().await?;
        let mut pipeline = redis::pipe();
        for verb in ALL {
            pipeline.cmd("SCRIPT").arg("LOAD").arg(&*seeded("lua", verb.text()));
        }
        let hashes: Vec<String> = pipeline.query_async(&mut open.connection).await?;
        // A second start finds the same hashes: they are of the texts.
        let _ = self.hashes.set(hashes);
        self.line.keep(open);
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
        let open = self.line.connection(until).await?;
        let words = [prefix, &call(&open.run), ask];
        let (number, run) = (open.number, Arc::clone(&open.run));
        let error = match timeout_at(until, self.eval(open.connection, verb, words)).await {
            Ok(Ok(text)) => return Ok((text, run)),
            Ok(Err(error)) => {
                self.line.failed(number, &error);
                LineError::from(error)
            }
            Err(_) => {
                self.line.give_up(number);
                LineError::Silent
            }
        };
        Err(Away::from(error).into())
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

    /// As if the connection in use had failed.
    #[cfg(test)]
    pub(super) fn give_up_current(&self) {
        self.line.give_up_current();
    }
}
