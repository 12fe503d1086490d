//! From a path to a database that is ours, of our version, durable and locked against a second server.
//!
//! Nothing is written to a file before it is known to be ours or empty.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior};

use super::soundness;

/// What a database file is known by, how it is founded, and how surely it keeps a commit.
pub(crate) struct Form {
    /// Tells our files from those of other programs, and from one another.
    pub(crate) application_id: i32,
    /// Every migration, in order; the number of a migration is its place here, from 1.
    pub(crate) migrations: &'static [&'static str],
    /// The oldest version whose programs can work on the newest one: everything since only adds to it.
    pub(crate) compatible_from: usize,
    /// The file, next to the database, whose lock keeps a second server out.
    pub(crate) lock_file: &'static str,
    /// When a commit is synced.
    pub(crate) synchronous: Synchronous,
}

/// When a commit is synced.
#[derive(Clone, Copy)]
pub(crate) enum Synchronous {
    /// Before it is answered: it survives a power cut.
    Full,
    /// Later: it survives the end of the process; a power cut may undo the last ones.
    Normal,
}

/// The store of accounts, rooms and messages.
pub(super) const STORAGE: Form = Form {
    // "Ante" in ASCII.
    application_id: 0x416e_7465,
    migrations: &[
        include_str!("../../../migrations/sqlite/0001_founding.sql"),
        include_str!("../../../migrations/sqlite/0002_entries.sql"),
        include_str!("../../../migrations/sqlite/0003_deployment.sql"),
        include_str!("../../../migrations/sqlite/0004_changes.sql"),
        include_str!("../../../migrations/sqlite/0005_search.sql"),
        include_str!("../../../migrations/sqlite/0006_numbers.sql"),
        include_str!("../../../migrations/sqlite/0007_nodes.sql"),
        include_str!("../../../migrations/sqlite/0008_seats_life.sql"),
        include_str!("../../../migrations/sqlite/0009_events.sql"),
        include_str!("../../../migrations/sqlite/0010_replies.sql"),
        include_str!("../../../migrations/sqlite/0011_administration.sql"),
        include_str!("../../../migrations/sqlite/0012_keeping.sql"),
        include_str!("../../../migrations/sqlite/0013_account_ends.sql"),
    ],
    compatible_from: 13,
    lock_file: "anteroom.lock",
    synchronous: Synchronous::Full,
};

const CACHED_STATEMENTS: usize = 96;

/// What each version noted about older programs. A file of a release that noted nothing lacks the table.
const NOTES: &str = "CREATE TABLE IF NOT EXISTS anteroom_schema
    (number INTEGER PRIMARY KEY, compatible_from INTEGER NOT NULL) STRICT";
const IS_NOTED: &str = "SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'anteroom_schema'";
const NOTE: &str = "INSERT INTO anteroom_schema (number, compatible_from) VALUES (?1, ?2)";
const COMPATIBLE_FROM: &str = "SELECT compatible_from FROM anteroom_schema WHERE number = ?1";

/// Why the database was not opened. Written for the person who starts the server.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server holds the lock.
    #[error("another server is using this data directory (lock file {0})")]
    InUse(PathBuf),
    /// A database of another program.
    #[error("{0} is a database of another application; it was left untouched")]
    Foreign(PathBuf),
    /// Written by a newer release, which did not say that this one can work on it.
    #[error(
        "{path} was written by a newer release: its schema version is {found}, this program knows \
         {known}; it was left untouched"
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema version.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// The file system cannot do write-ahead logging.
    #[error("write-ahead logging is not possible on this file system (journal mode stayed {0})")]
    NoWal(String),
    /// A migration did not apply; nothing of it was kept.
    #[error("migration {number} did not apply and was undone: {source}")]
    Migration {
        /// Which one.
        number: usize,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file is not what was written to it.
    #[error(
        "{path} is damaged ({what}); it was left untouched. Put a backup in its place, or let `sqlite3` \
         recover from a copy what can be recovered"
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// The first thing that is wrong.
        what: String,
    },
    /// The files could not be made or opened.
    #[error("cannot open {path}: {source}")]
    File {
        /// Which file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Anything else SQLite refuses, such as a file that is no database.
    #[error("cannot use the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// Takes the lock next to the database. It is held until the file is dropped.
pub(crate) fn lock(database: &Path, form: &Form) -> Result<File, OpenError> {
    let path = database.with_file_name(form.lock_file);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)
            .map_err(|source| OpenError::File { path: parent.into(), source })?;
    }
    let file = private_file(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path)),
        Err(TryLockError::Error(source)) => Err(OpenError::File { path, source }),
    }
}

/// Opens the connection that writes, founding or migrating the database first.
pub(crate) fn writer(path: &Path, busy: Duration, form: &Form) -> Result<Connection, OpenError> {
    // Made here and not by SQLite, which would make it readable for everyone; its -wal and -shm
    // files take over the mode.
    drop(private_file(path)?);
    let mut conn = connect(path, busy)?;
    refuse_strangers(&conn, path, form)?;
    let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenError::NoWal(mode));
    }
    conn.execute_batch(match form.synchronous {
        Synchronous::Full => "PRAGMA synchronous = FULL;",
        Synchronous::Normal => "PRAGMA synchronous = NORMAL;",
    })?;
    // The journal limit gives a burst's space back.
    conn.execute_batch(
        "PRAGMA foreign_keys = ON;
         PRAGMA wal_autocheckpoint = 2000;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA cache_size = -16384;",
    )?;
    soundness::look(&conn, path)?;
    migrate(&mut conn, form)?;
    Ok(conn)
}

/// Opens a connection that cannot write.
pub(crate) fn reader(path: &Path, busy: Duration) -> Result<Connection, OpenError> {
    let conn = connect(path, busy)?;
    conn.execute_batch("PRAGMA cache_size = -2048; PRAGMA query_only = ON;")?;
    Ok(conn)
}

pub(super) fn connect(path: &Path, busy: Duration) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(busy)?;
    conn.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    conn.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;")?;
    Ok(conn)
}

fn private_file(path: &Path) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| OpenError::File { path: path.into(), source })
}

pub(super) fn refuse_strangers(
    conn: &Connection,
    path: &Path,
    form: &Form,
) -> Result<(), OpenError> {
    let known = form.migrations.len();
    let id: i32 = conn.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let things: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let found = schema_version(conn)?;
    let empty = id == 0 && things == 0 && found == 0;
    if id != form.application_id && !empty {
        return Err(OpenError::Foreign(path.into()));
    }
    if found > known && compatible_from(conn, found)? > known {
        return Err(OpenError::Newer { path: path.into(), found, known });
    }
    Ok(())
}

fn schema_version(conn: &Connection) -> Result<usize, rusqlite::Error> {
    let version: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    // A negative version was never ours; the largest number is refused as newer.
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

/// The oldest version whose programs can work on this one, as the program that made it noted.
pub(super) fn compatible_from(conn: &Connection, version: usize) -> Result<usize, rusqlite::Error> {
    let is_noted: bool = conn.query_row(IS_NOTED, [], |row| row.get(0))?;
    if !is_noted {
        return Ok(version);
    }
    let noted: Option<i64> =
        conn.query_row(COMPATIBLE_FROM, [number(version)], |row| row.get(0)).optional()?;
    Ok(noted.and_then(|it| usize::try_from(it).ok()).unwrap_or(version))
}

fn number(version: usize) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

/// Applies what is missing, each migration in a transaction that also raises the version.
pub(super) fn migrate(conn: &mut Connection, form: &Form) -> Result<(), OpenError> {
    let done = schema_version(conn)?;
    let known = form.migrations.len();
    if done > known {
        tracing::info!(
            event = "storage.newer",
            found = done,
            known,
            "a newer release migrated the database; this program can work on it"
        );
    }
    for (index, sql) in form.migrations.iter().enumerate().skip(done) {
        let number = index + 1;
        apply(conn, form, sql, number).map_err(|source| OpenError::Migration { number, source })?;
        tracing::info!(event = "storage.migrated", number, "the database schema was migrated");
    }
    Ok(())
}

fn apply(
    conn: &mut Connection,
    form: &Form,
    sql: &str,
    version: usize,
) -> Result<(), rusqlite::Error> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(sql)?;
    transaction.execute_batch(NOTES)?;
    let compatible_from = form.compatible_from.min(version);
    transaction.execute(NOTE, [number(version), number(compatible_from)])?;
    let application_id = form.application_id;
    transaction.execute_batch(&format!(
        "PRAGMA application_id = {application_id}; PRAGMA user_version = {version};"
    ))?;
    transaction.commit()
}

#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
