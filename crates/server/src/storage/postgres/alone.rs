//! Keeps a second server off the database: two that know nothing of each other would each give the same
//! seats away.
//!
//! A connection of its own holds a lock in the server. When the connection breaks, the lock is gone with
//! it, and is taken again; when another server was there meanwhile, this one has to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use tokio_postgres::Config;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::error::in_words;
use super::open::{OpenError, connect};

/// "server" in ASCII: the lock of whoever serves.
pub(super) const SERVING: i64 = 0x0000_7365_7276_6572;
/// How often the line is looked after.
const LOOK: Duration = Duration::from_secs(1);

/// How long the server may take to notice that whoever had the lock is no more.
const LINGERING: Duration = Duration::from_secs(2);

const TAKE: &str =
    "SELECT pg_try_advisory_lock($1) AS taken, pg_backend_pid() AS me, epoch FROM meta";
/// The server may not have noticed yet that an older line of ours is cut.
const END_OUR_OLD_LINE: &str = "SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND pid = $1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid = ($2::bigint >> 32)::integer::oid AND objid = ($2::bigint & 4294967295)::oid";
const KEEP_ALIVE: &str = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5;
    SET tcp_keepalives_count = 3; SET statement_timeout = 5000;";

/// The lock, and who looks after it.
pub(super) struct Alone {
    ending: CancellationToken,
    tasks: TaskTracker,
    /// The last epoch that began here; 0 before the first.
    epoch: Arc<AtomicI64>,
}

struct Held {
    line: ClientWrapper,
    backend: i32,
}

/// What came of a try.
enum Taken {
    Held(Held),
    /// Somebody has it.
    Busy,
    /// Nobody has it now, but somebody began on the database.
    Overtaken,
}

impl Alone {
    /// Takes the lock.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when another server has it.
    pub(super) async fn begin(
        address: &Config,
        fatal: CancellationToken,
    ) -> Result<Self, OpenError> {
        let epoch = Arc::new(AtomicI64::new(0));
        let held = tokio::time::timeout(LINGERING, first(address)).await;
        let held = held.unwrap_or(Err(OpenError::InUse))?;
        let (ending, tasks) = (CancellationToken::new(), TaskTracker::new());
        let keeper = Keeper { address: address.clone(), epoch: Arc::clone(&epoch), fatal };
        tasks.spawn(ending.clone().run_until_cancelled_owned(keeper.run(held)));
        tasks.close();
        Ok(Self { ending, tasks, epoch })
    }

    /// From now on an epoch above this one is somebody else's.
    pub(super) fn began(&self, epoch: i64) {
        self.epoch.store(epoch, Ordering::Release);
    }

    /// Gives the lock back.
    pub(super) async fn end(&self) {
        self.ending.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.ending.cancel();
    }
}

struct Keeper {
    address: Config,
    epoch: Arc<AtomicI64>,
    fatal: CancellationToken,
}

impl Keeper {
    async fn run(self, mut held: Held) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            let asked = tokio::time::timeout(LOOK * 5, held.line.simple_query("")).await;
            if matches!(asked, Ok(Ok(_))) {
                continue;
            }
            match self.again(held.backend).await {
                Ok(Taken::Held(now)) => held = now,
                // Away: nobody else can be there either. Tried again at the next look.
                Err(_) => {}
                Ok(Taken::Busy | Taken::Overtaken) => {
                    tracing::error!(
                        event = "storage.overtaken",
                        "another server took the database while the line to it was down"
                    );
                    return self.fatal.cancel();
                }
            }
        }
    }

    /// Takes the lock again after the line was lost.
    async fn again(&self, backend: i32) -> Result<Taken, OpenError> {
        let epoch = self.epoch.load(Ordering::Acquire);
        let first = take(&self.address, epoch).await?;
        if !matches!(first, Taken::Busy) {
            return Ok(first);
        }
        let line = connect(&self.address).await?;
        if line.query(END_OUR_OLD_LINE, &[&backend, &SERVING]).await?.is_empty() {
            return Ok(Taken::Busy);
        }
        // It is ending; whether it has, the next look shows.
        Err(OpenError::InUse)
    }
}

/// Takes the lock as soon as nobody has it.
async fn first(address: &Config) -> Result<Held, OpenError> {
    let mut again = tokio::time::interval(LINGERING / 20);
    loop {
        again.tick().await;
        if let Taken::Held(held) = take(address, 0).await? {
            return Ok(held);
        }
    }
}

async fn take(address: &Config, epoch: i64) -> Result<Taken, OpenError> {
    let line = connect(address).await.map_err(|error| OpenError::Unreachable(in_words(&error)))?;
    line.batch_execute(KEEP_ALIVE).await?;
    let row = line.query_one(TAKE, &[&SERVING]).await?;
    let (is_taken, stands): (bool, i64) = (row.try_get("taken")?, row.try_get("epoch")?);
    if !is_taken {
        return Ok(Taken::Busy);
    }
    if epoch != 0 && stands > epoch {
        return Ok(Taken::Overtaken);
    }
    Ok(Taken::Held(Held { backend: row.try_get("me")?, line }))
}
