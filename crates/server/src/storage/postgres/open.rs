//! From a URL to a database that is ours, of our version, and durable.
//!
//! Nothing is written to a database before it is known to be ours or empty. Several nodes may start at
//! once: one migrates, the others wait for it.

use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Object, Transaction};
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls};

use super::ask::row;
use super::error::{Step, in_words};
use crate::storage::StorageError;

/// A part of the database that is founded and migrated as one.
pub(crate) struct Schema {
    /// The table that its versions are in.
    pub(crate) table: &'static str,
    /// Whether the database is empty, or not ours, where that table is missing.
    pub(crate) is_first: bool,
    /// Every migration, in order; the number of a migration is its place here, from 1.
    pub(crate) migrations: &'static [&'static str],
    /// The oldest version whose programs can work on the newest one: everything since only adds to it.
    pub(crate) compatible_from: usize,
}

/// Accounts, rooms and messages.
pub(crate) const FACTS: Schema = Schema {
    table: "anteroom_schema",
    is_first: true,
    migrations: MIGRATIONS,
    compatible_from: 13,
};

const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/postgres/0001_founding.sql"),
    include_str!("../../../migrations/postgres/0002_entries.sql"),
    include_str!("../../../migrations/postgres/0003_deployment.sql"),
    include_str!("../../../migrations/postgres/0004_changes.sql"),
    include_str!("../../../migrations/postgres/0005_search.sql"),
    include_str!("../../../migrations/postgres/0006_numbers.sql"),
    include_str!("../../../migrations/postgres/0007_nodes.sql"),
    include_str!("../../../migrations/postgres/0008_seats_life.sql"),
    include_str!("../../../migrations/postgres/0009_events.sql"),
    include_str!("../../../migrations/postgres/0010_replies.sql"),
    include_str!("../../../migrations/postgres/0011_administration.sql"),
    include_str!("../../../migrations/postgres/0012_keeping.sql"),
    include_str!("../../../migrations/postgres/0013_account_ends.sql"),
];

/// The oldest server that is taken, as it writes its version.
const VERSION_MIN: i32 = 140_000;
/// Who waits for a table keeps everybody out of it who comes later: rather not for long, and again.
const LOCKS_WITHIN: &str = "SET LOCAL lock_timeout = '2s'";
/// Between two attempts at a migration whose tables are in use.
const LOCKS_AGAIN: Duration = Duration::from_secs(3);
/// "anteroom" in ASCII: the lock that migrations are made under.
const MIGRATING: i64 = 0x616e_7465_726f_6f6d;

statements! {
    CAN_WRITE = "SELECT NOT current_setting('transaction_read_only')::boolean AS can_write FROM meta";
}

const TERMS: &str = "SELECT current_setting('server_version_num')::integer AS version,
    current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
    current_setting('server_encoding') AS encoding";
const IS_NOTED: &str = "SELECT EXISTS (SELECT FROM pg_attribute
    WHERE attrelid = to_regclass($1) AND attname = 'compatible_from' AND NOT attisdropped)";
const IS_THERE: &str = "SELECT to_regclass($1) IS NOT NULL";
const STRANGERS: &str = "SELECT count(*) FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')";

impl Schema {
    fn version(&self) -> String {
        format!("SELECT coalesce(max(number), 0) FROM {}", self.table)
    }

    fn founding(&self) -> String {
        let columns = "number integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now()";
        format!("CREATE TABLE {} ({columns}, compatible_from integer)", self.table)
    }

    /// A table of a release that noted nothing about older programs. It goes on writing there.
    fn notes(&self) -> String {
        format!("ALTER TABLE {} ADD COLUMN IF NOT EXISTS compatible_from integer", self.table)
    }

    fn applied(&self) -> String {
        format!("INSERT INTO {} (number, compatible_from) VALUES ($1, $2)", self.table)
    }

    fn noted(&self) -> String {
        let newest = "ORDER BY number DESC LIMIT 1";
        format!("SELECT coalesce(compatible_from, number) FROM {} {newest}", self.table)
    }

    /// The oldest version whose programs can work on the one that is there, as the program that made it noted.
    async fn works_for(
        &self,
        within: &Transaction<'_>,
        version: usize,
    ) -> Result<usize, OpenError> {
        let is_noted: bool = within.query_one(IS_NOTED, &[&self.table]).await?.try_get(0)?;
        if !is_noted {
            return Ok(version);
        }
        let noted: i32 = within.query_one(&self.noted(), &[]).await?.try_get(0)?;
        Ok(usize::try_from(noted).unwrap_or(version))
    }
}

/// Why the database was not opened. Written for the person who starts the server; holds no password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not the address of a database.
    #[error("storage.url is no address of a PostgreSQL database ({0})")]
    Address(String),
    /// Encryption was asked for.
    #[error(
        "storage.url asks for an encrypted connection (sslmode), which this program cannot make yet; \
         use sslmode=disable on a network that is yours, or a tunnel"
    )]
    Encrypted,
    /// Nobody answers there, or it lets us not in.
    #[error("cannot reach the database: {0}")]
    Unreachable(String),
    /// An older server.
    #[error("the database server is of version {0}; at least PostgreSQL 14 is needed")]
    TooOld(i32),
    /// A server that does not keep what it has confirmed.
    #[error(
        "the database server runs with {0} = off: what it has confirmed may be gone after a power cut; \
         switch it on"
    )]
    NotDurable(&'static str),
    /// A database that cannot hold every text.
    #[error("the database has the encoding {0}; UTF8 is needed")]
    Encoding(String),
    /// A database of another program.
    #[error("the database holds tables of another application; it was left untouched")]
    Foreign,
    /// Written by a newer release, which did not say that this one can work on it.
    #[error(
        "the database was written by a newer release: its schema version is {found}, this program knows \
         {known}; it was left untouched"
    )]
    Newer {
        /// Its schema version.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// A migration did not apply; nothing of it was kept.
    #[error("migration {number} did not apply and was undone: {why}")]
    Migration {
        /// Which one.
        number: usize,
        /// What the server said.
        why: String,
    },
    /// Another server works on it.
    #[error("another server is using this database")]
    InUse,
    /// The connections cannot be kept.
    #[error("cannot keep connections to the database: {0}")]
    Pool(String),
    /// Anything else the server refuses.
    #[error("cannot use the database: {0}")]
    Postgres(String),
}

impl From<tokio_postgres::Error> for OpenError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(in_words(&error))
    }
}

/// Reads the address, and adds to it what every connection shares.
pub(crate) fn address(url: &str, patience: Duration) -> Result<Config, OpenError> {
    let asks_for_tls = ["sslmode=require", "sslmode=verify-ca", "sslmode=verify-full"];
    if asks_for_tls.iter().any(|it| url.contains(it)) {
        return Err(OpenError::Encrypted);
    }
    let mut address: Config = url.parse().map_err(|error| OpenError::Address(in_words(&error)))?;
    if address.get_ssl_mode() == SslMode::Require {
        return Err(OpenError::Encrypted);
    }
    if address.get_hosts().is_empty() && address.get_hostaddrs().is_empty() {
        return Err(OpenError::Address("it names no host".into()));
    }
    // Of several hosts the one that takes writes is meant, and of one that has become a standby none.
    address.target_session_attrs(TargetSessionAttrs::ReadWrite);
    address.connect_timeout(patience);
    address.keepalives_idle(Duration::from_secs(10));
    address.keepalives_interval(Duration::from_secs(5));
    address.keepalives_retries(3);
    if address.get_application_name().is_none() {
        address.application_name("anteroom");
    }
    Ok(address)
}

/// One connection beside the pool. It ends with its owner.
pub(crate) async fn connect(address: &Config) -> Result<ClientWrapper, tokio_postgres::Error> {
    let (client, connection) = address.connect(NoTls).await?;
    let running = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(event = "storage.line_lost", why = in_words(&error), "a line broke");
        }
    });
    Ok(ClientWrapper::new(client, running))
}

/// Looks at the server and brings the schema to our version.
pub(crate) async fn prepare(address: &Config, schema: &Schema) -> Result<(), OpenError> {
    let mut line =
        connect(address).await.map_err(|error| OpenError::Unreachable(in_words(&error)))?;
    inspect(&line).await?;
    while migrate_once(&mut line, schema).await? {}
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a table that is free again sends no event")]
async fn again_later() {
    tokio::time::sleep(LOCKS_AGAIN).await;
}

async fn inspect(line: &ClientWrapper) -> Result<(), OpenError> {
    let terms = line.query_one(TERMS, &[]).await?;
    let version: i32 = terms.try_get("version")?;
    if version < VERSION_MIN {
        return Err(OpenError::TooOld(version));
    }
    for name in ["fsync", "full_page_writes"] {
        if terms.try_get::<_, &str>(name)? != "on" {
            return Err(OpenError::NotDurable(name));
        }
    }
    let encoding: String = terms.try_get("encoding")?;
    if encoding != "UTF8" {
        return Err(OpenError::Encoding(encoding));
    }
    Ok(())
}

/// Applies the next migration, in a transaction that also raises the version. False when none is left.
async fn migrate_once(line: &mut ClientWrapper, schema: &Schema) -> Result<bool, OpenError> {
    let transaction = line.transaction().await?;
    // Waits for whoever else is migrating, and then sees what they did.
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATING]).await?;
    let is_there: bool = transaction.query_one(IS_THERE, &[&schema.table]).await?.try_get(0)?;
    let done = if is_there {
        let done: i32 = transaction.query_one(&schema.version(), &[]).await?.try_get(0)?;
        usize::try_from(done).unwrap_or(usize::MAX)
    } else {
        let strangers: i64 = transaction.query_one(STRANGERS, &[]).await?.try_get(0)?;
        if strangers > 0 && schema.is_first {
            return Err(OpenError::Foreign);
        }
        0
    };
    let known = schema.migrations.len();
    if done > known {
        if schema.works_for(&transaction, done).await? > known {
            return Err(OpenError::Newer { found: done, known });
        }
        tracing::info!(
            event = "storage.newer",
            found = done,
            known,
            "a newer release migrated the database; this program can work on it"
        );
    }
    let Some(sql) = schema.migrations.get(done) else {
        // Said, and not left to the end of the line: others wait for the lock.
        transaction.rollback().await?;
        return Ok(false);
    };
    let number = done + 1;
    let applied = async {
        if !is_there {
            transaction.batch_execute(&schema.founding()).await?;
        }
        transaction.batch_execute(LOCKS_WITHIN).await?;
        transaction.batch_execute(&schema.notes()).await?;
        transaction.batch_execute(sql).await?;
        let of = |version: usize| i32::try_from(version).unwrap_or(i32::MAX);
        let compatible_from = of(schema.compatible_from.min(number));
        transaction.execute(&schema.applied(), &[&of(number), &compatible_from]).await?;
        transaction.commit().await
    };
    let applied: Result<(), tokio_postgres::Error> = applied.await;
    if let Err(error) = &applied
        && error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE)
    {
        tracing::warn!(
            event = "storage.migration_waits",
            number,
            "a table is in use that a migration changes; it is tried again"
        );
        again_later().await;
        return Ok(true);
    }
    applied.map_err(|error| OpenError::Migration { number, why: in_words(&error) })?;
    tracing::info!(event = "storage.migrated", number, "the database schema was migrated");
    Ok(true)
}

/// Whether what is asked for could be written now.
pub(crate) async fn can_write(line: &mut Object) -> Step<()> {
    let answer = row(line, CAN_WRITE, &[]).await?;
    let can_write = answer.map(|row| row.try_get("can_write")).transpose()?;
    if can_write == Some(true) {
        return Ok(());
    }
    Err(StorageError::Unavailable("the database takes no writes".into()).into())
}
