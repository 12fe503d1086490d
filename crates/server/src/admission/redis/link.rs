//! The line to Redis: one connection for all calls, made anew when it broke.
//!
//! A call that nobody waits for any more leaves its reply to nobody: replies find their call by
//! order on the connection, and a connection that was given up is not used again. Every new
//! connection is inspected before a script is sent, and so is an old one from time to time, because
//! a server's settings can be changed while it runs.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, ServerErrorKind};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::scripts::{ALL, Verb};
use super::server::{Unfit, inspect};
use crate::admission::{Decided, Unavailable};
use crate::mutants::seeded;

/// How long an inspection counts.
const INSPECTED_FOR: Duration = Duration::from_secs(30);
/// Calls waiting to be written; more wait for a place.
const QUEUE: usize = 1_024;

/// Why there is no usable connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("{0}")]
    Redis(#[from] RedisError),
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

impl From<LinkError> for Unavailable {
    fn from(error: LinkError) -> Self {
        Self(error.to_string())
    }
}

#[derive(Clone)]
struct Open {
    connection: MultiplexedConnection,
    /// Names the life of the server process.
    run: Arc<str>,
    inspected: Instant,
    number: u64,
}

/// The line to one Redis server.
pub(super) struct Link {
    client: Client,
    timeout: Duration,
    open: Mutex<(u64, Option<Open>)>,
    /// Hashes of the scripts, in the order of [`ALL`]; set once connected.
    hashes: std::sync::OnceLock<Vec<String>>,
}

impl Link {
    /// Not connected yet.
    ///
    /// # Errors
    /// A URL that cannot be read.
    pub(super) fn new(url: &str, timeout: Duration) -> Result<Self, RedisError> {
        let (open, hashes) = Default::default();
        Ok(Self { client: Client::open(url)?, timeout, open, hashes })
    }

    /// Connects and loads the scripts.
    pub(super) async fn start(&self) -> Result<(), LinkError> {
        let mut open = self.connection().await?;
        let mut pipeline = redis::pipe();
        for verb in ALL {
            pipeline.cmd("SCRIPT").arg("LOAD").arg(&*seeded("lua", verb.text()));
        }
        let hashes: Vec<String> = pipeline.query_async(&mut open.connection).await?;
        // A second start finds the same hashes: they are of the texts.
        let _ = self.hashes.set(hashes);
        Ok(())
    }

    /// Runs a script. `call` is told which run of the server it will be asked of. The caller bounds
    /// the time.
    pub(super) async fn run(
        &self,
        verb: Verb,
        prefix: &str,
        call: impl Fn(&str) -> String,
        ask: &str,
    ) -> Decided<(String, Arc<str>)> {
        let open = self.connection().await?;
        let answer = self.eval(open.clone(), verb, prefix, &call(&open.run), ask).await;
        match answer {
            Ok(text) => Ok((text, open.run)),
            Err(error) => {
                // A refusal by a healthy server says nothing against the connection.
                let is_own = matches!(error.code(), Some("OOM" | "MISCONF" | "BUSY" | "ERR"));
                if !is_own {
                    self.give_up(open.number).await;
                }
                Err(LinkError::from(error).into())
            }
        }
    }

    async fn eval(
        &self,
        mut open: Open,
        verb: Verb,
        prefix: &str,
        call: &str,
        ask: &str,
    ) -> Result<String, RedisError> {
        let place = ALL.iter().position(|it| *it == verb);
        let hash = place.and_then(|at| self.hashes.get()?.get(at));
        let hash = hash.map_or("", String::as_str);
        let mut command = redis::cmd("EVALSHA");
        command.arg(hash).arg(1).arg(prefix).arg(call).arg(ask);
        match command.query_async(&mut open.connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                let mut load = redis::cmd("SCRIPT");
                load.arg("LOAD").arg(&*seeded("lua", verb.text()));
                let () = load.query_async(&mut open.connection).await?;
                command.query_async(&mut open.connection).await
            }
            answer => answer,
        }
    }

    /// The connection in use is not used again; calls that wait on it may still be answered.
    pub(super) fn give_up_current(&self) {
        // Where it is locked, somebody is making a new one.
        if let Ok(mut open) = self.open.try_lock() {
            open.1 = None;
        }
    }

    async fn give_up(&self, number: u64) {
        let mut open = self.open.lock().await;
        open.1.take_if(|it| it.number == number);
    }

    async fn connection(&self) -> Result<Open, LinkError> {
        let mut slot = self.open.lock().await;
        if let Some(open) = slot.1.as_mut() {
            if open.inspected.elapsed() < INSPECTED_FOR {
                return Ok(open.clone());
            }
            match inspected(&mut open.connection).await {
                Ok(run) if *run == *open.run => {
                    open.inspected = Instant::now();
                    return Ok(open.clone());
                }
                Ok(_) => slot.1 = None,
                Err(error) => {
                    slot.1 = None;
                    return Err(error);
                }
            }
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUE);
        let mut connection =
            self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let run = inspected(&mut connection).await?;
        slot.0 += 1;
        let open = Open { connection, run, inspected: Instant::now(), number: slot.0 };
        slot.1 = Some(open.clone());
        Ok(open)
    }
}

async fn inspected(connection: &mut MultiplexedConnection) -> Result<Arc<str>, LinkError> {
    let info: String = redis::cmd("INFO").query_async(connection).await?;
    Ok(Arc::from(inspect(&info)?))
}
