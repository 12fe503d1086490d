//! The connections: a few, lent to one call at a time, none of them for ever.
//!
//! Every call is bounded three times over: how many may be there at all, how long one waits for a
//! connection, and how long it has from then on. A call that is cut short takes its connection with it, as
//! nobody knows what is still on its way there; the server undoes what was not committed. While the
//! database is away callers are refused at once, and only now and then one of them tries again.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
    Transaction,
};
use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, TryAcquireError};
use tokio_postgres::NoTls;

use super::error::{Fault, Step, in_words};
use super::{PostgresOptions, closed};
use crate::storage::{StorageError, Stored};

/// How often one call is repeated that lost a race to another transaction.
const TRIES: usize = 5;
/// The first pause between attempts to connect; doubled up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(25);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// What is done on a connection. What it is given comes as an argument, so that it can be done again.
pub(crate) type Work<A, T> = for<'c> fn(&'c mut Object, &'c A) -> BoxFuture<'c, Step<T>>;
/// What is done within a transaction.
pub(crate) type Within<A, T> = for<'c> fn(&'c Transaction<'c>, &'c A) -> BoxFuture<'c, Step<T>>;

pub(crate) struct Lines {
    pool: Pool,
    /// One for each call that runs or waits.
    places: Semaphore,
    count: u32,
    away: Away,
    patience: Duration,
    timeout: Duration,
}

impl Lines {
    pub(crate) fn new(
        address: tokio_postgres::Config,
        options: PostgresOptions,
    ) -> Result<Self, deadpool_postgres::BuildError> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(address, NoTls, recycling);
        let terms = session_terms(options.timeout);
        let pool = Pool::builder(manager)
            .max_size(options.connections.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(options.patience))
            .create_timeout(Some(options.patience))
            .post_create(Hook::async_fn(move |client, _| {
                let terms = terms.clone();
                Box::pin(
                    async move { client.batch_execute(&terms).await.map_err(HookError::Backend) },
                )
            }))
            .build()?;
        let count = u32::try_from(options.queue.max(1)).unwrap_or(u32::MAX);
        Ok(Self {
            pool,
            places: Semaphore::new(count as usize),
            count,
            away: Away::default(),
            patience: options.patience,
            timeout: options.timeout,
        })
    }

    /// Runs `work` on a connection. Each of its statements stands alone.
    pub(crate) async fn run<A: Sync, T: Send>(&self, given: &A, work: Work<A, T>) -> Stored<T> {
        let _place = self.places.try_acquire().map_err(|why| match why {
            TryAcquireError::Closed => closed(),
            TryAcquireError::NoPermits => {
                StorageError::Unavailable("too many calls wait for the database".into())
            }
        })?;
        let mut line = self.line().await?;
        let outcome = tokio::time::timeout(self.timeout, repeated(&mut line, given, work)).await;
        match outcome {
            Ok(Err(fault)) => {
                if fault.broke_the_line() {
                    drop(Object::take(line));
                }
                Err(fault.into())
            }
            Ok(Ok(answer)) => Ok(answer),
            Err(_) => {
                drop(Object::take(line));
                Err(StorageError::Unavailable("the database did not answer in time".into()))
            }
        }
    }

    /// Runs `work` in a transaction, and answers once it is committed.
    pub(crate) async fn write<A: Sync, T: Send>(&self, given: &A, work: Within<A, T>) -> Stored<T> {
        self.run(&(given, work), |line, (given, work)| {
            Box::pin(async move {
                let transaction = line.transaction().await?;
                // Dropped on the way, it is rolled back.
                let outcome = work(&transaction, given).await?;
                transaction.commit().await?;
                Ok(outcome)
            })
        })
        .await
    }

    /// Runs `work` on one snapshot, in which it can change nothing.
    pub(crate) async fn snapshot<A: Sync, T: Send>(
        &self,
        given: &A,
        work: Within<A, T>,
    ) -> Stored<T> {
        self.run(&(given, work), |line, (given, work)| {
            Box::pin(async move {
                let snapshot = line
                    .build_transaction()
                    .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead)
                    .read_only(true)
                    .start()
                    .await?;
                work(&snapshot, given).await
            })
        })
        .await
    }

    /// A connection that answers, as soon as one is free.
    pub(crate) async fn line(&self) -> Stored<Object> {
        if self.away.is_likely() && self.pool.status().available == 0 {
            return Err(StorageError::Unavailable("the database is away".into()));
        }
        let why = match self.pool.get().await {
            Ok(line) => {
                self.away.answered();
                return Ok(line);
            }
            Err(PoolError::Timeout(deadpool_postgres::TimeoutType::Wait)) => {
                return Err(StorageError::Unavailable("every connection is busy".into()));
            }
            Err(PoolError::Closed) => return Err(closed()),
            Err(
                PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)),
            ) => in_words(&error),
            Err(other) => other.to_string(),
        };
        if self.away.failed() {
            tracing::warn!(event = "storage.away", why, "the database cannot be reached");
        }
        Err(StorageError::Unavailable(why))
    }

    /// Waits for running calls, then closes the connections. Later calls are refused.
    pub(crate) async fn close(&self) {
        let all = tokio::time::timeout(self.patience, self.places.acquire_many(self.count)).await;
        if all.is_err() {
            tracing::warn!(event = "storage.calls_late", "calls were still running at the close");
        }
        self.places.close();
        self.pool.close();
    }
}

/// Repeats what lost a race; nothing of it is left then.
async fn repeated<A, T>(line: &mut Object, given: &A, work: Work<A, T>) -> Step<T> {
    for _ in 1..TRIES {
        match work(line, given).await {
            Err(fault) if fault.lost_a_race() => {
                let why = String::from(Why(&fault));
                tracing::debug!(event = "storage.repeated", why, "a transaction is repeated");
            }
            outcome => return outcome,
        }
    }
    work(line, given).await
}

struct Why<'a>(&'a Fault);

impl From<Why<'_>> for String {
    fn from(why: Why<'_>) -> Self {
        match why.0 {
            Fault::Postgres(error) => in_words(error),
            Fault::Ours(error) => error.to_string(),
        }
    }
}

/// What every connection is told first. A commit is answered when it is durable, whatever the server's
/// default is; nothing runs longer than the one who waits for it; and a node that stopped in the middle
/// of a transaction does not hold its locks for ever.
pub(crate) fn session_terms(timeout: Duration) -> String {
    let millis = timeout.as_millis().max(1);
    format!(
        "SELECT set_config('synchronous_commit', 'on', false)
             WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply');
         SET statement_timeout = {millis};
         SET idle_in_transaction_session_timeout = {idle};
         SET default_transaction_isolation = 'read committed';
         SET client_min_messages = 'warning';
         SET jit = off;",
        idle = millis * 2,
    )
}

/// Whether the database was away when somebody last looked.
#[derive(Default)]
struct Away(Mutex<Option<(Duration, Instant)>>);

impl Away {
    /// Until the next attempt is due.
    fn is_likely(&self) -> bool {
        self.state().is_some_and(|(_, until)| Instant::now() < until)
    }

    fn answered(&self) {
        if self.state().take().is_some() {
            tracing::info!(event = "storage.back", "the database answers again");
        }
    }

    /// True for the first failure after a success.
    fn failed(&self) -> bool {
        let mut state = self.state();
        let pause = state.map_or(PAUSE, |(pause, _)| (pause * 2).min(PAUSE_MAX));
        let is_news = state.is_none();
        *state = Some((pause, Instant::now() + pause));
        is_news
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Option<(Duration, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
