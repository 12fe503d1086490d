//! The task that keeps the line to Redis: it alone connects, and it alone inspects.
//!
//! Every new connection is inspected before a script is sent, and so is an old one from time to time,
//! because a server's settings and its role can be changed while it runs. One attempt is under way at
//! a time, however many callers there are, and attempts that fail follow one another ever more slowly.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client};
use tokio::sync::watch;
use tokio::time::timeout;

use super::server::inspect;
use super::{Line, LineError, Named, Open};

/// How long an inspection counts.
const INSPECTED_FOR: Duration = Duration::from_secs(30);
/// Between an attempt that failed and the next one: at first, and at most.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Calls waiting to be written; more wait for a place.
const QUEUE: usize = 1_024;

/// Makes connections to one server and says how the line stands.
#[derive(Clone)]
pub(super) struct Keeper {
    pub(super) client: Client,
    /// Bounds an attempt, and an inspection.
    pub(super) timeout: Duration,
    pub(super) line: Arc<watch::Sender<Line>>,
    pub(super) named: Named,
}

impl Keeper {
    /// Keeps the line, for ever.
    pub(super) async fn keep(self) {
        let mut line = self.line.subscribe();
        let (mut number, mut pause) = (0, PAUSE);
        loop {
            let now = line.borrow_and_update().clone();
            if let Line::Open(open) = now {
                pause = PAUSE;
                number = open.number;
                self.watch_over(open, &mut line).await;
                continue;
            }
            match self.connected(number + 1).await {
                Ok(open) => {
                    if matches!(now, Line::Away(_)) {
                        tracing::info!(event = self.named.back, "Redis answers again");
                    }
                    self.line.send_replace(Line::Open(open));
                }
                Err(error) => {
                    self.leave(error);
                    rest(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    /// A new connection, to a server that may keep seats.
    pub(super) async fn connected(&self, number: u64) -> Result<Open, LineError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUE);
        let connecting = async {
            let connection = self.client.get_multiplexed_async_connection_with_config(&config);
            let mut connection = connection.await?;
            let run = inspected(&mut connection).await?;
            Ok(Open { connection, run, number })
        };
        timeout(self.timeout, connecting).await.unwrap_or(Err(LineError::Silent))
    }

    /// Returns when the connection was given up, or its inspection is due and was made.
    async fn watch_over(&self, mut open: Open, line: &mut watch::Receiver<Line>) {
        let broken = line.wait_for(|line| !matches!(line, Line::Open(_)));
        if timeout(INSPECTED_FOR, broken).await.is_ok() {
            return;
        }
        let inspection = timeout(self.timeout, inspected(&mut open.connection)).await;
        match inspection.unwrap_or(Err(LineError::Silent)) {
            Ok(run) if run == open.run => {}
            // Another life behind the same connection: a proxy in between.
            Ok(_) => drop(self.line.send_replace(Line::Broken)),
            Err(error) => self.leave(error),
        }
    }

    fn leave(&self, error: LineError) {
        self.line.send_if_modified(|line| {
            let is_news = !matches!(line, Line::Away(_));
            if is_news {
                tracing::warn!(event = self.named.away, %error, "Redis cannot be used");
            }
            *line = Line::Away(error.into());
            is_news
        });
    }
}

async fn inspected(connection: &mut MultiplexedConnection) -> Result<Arc<str>, LineError> {
    let info: String = redis::cmd("INFO").query_async(connection).await?;
    Ok(Arc::from(inspect(&info)?))
}

#[expect(clippy::disallowed_methods, reason = "a server that comes back sends no event")]
async fn rest(span: Duration) {
    tokio::time::sleep(span).await;
}
