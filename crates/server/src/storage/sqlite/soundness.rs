//! Damage that a disk, a copy or a backup did to the file, looked for at the start.
//!
//! SQLite keeps no checksums of pages, so what is looked at is the structure: pages that are not what they
//! should be are found, a letter that became another one within a text is not. The log's frames do have
//! checksums; where it breaks off, the last commits are gone as after a power cut of a disk that lied, and
//! nothing can tell the two apart.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use tokio_util::sync::CancellationToken;

use super::open::{self, OpenError};

/// Up to this size the whole file is looked at before anything is served: it takes a fraction of a second.
/// A larger one is looked at while the server runs, and damage stops it.
const AT_ONCE_MAX: u64 = 128 << 20;

/// Looks a small file through.
///
/// # Errors
/// It is damaged; it was left untouched.
pub(super) fn look(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    if !is_large(path)
        && let Some(what) = damage(conn)?
    {
        return Err(OpenError::Damaged { path: path.into(), what });
    }
    Ok(())
}

/// Looks a large file through on a thread of its own; `fatal` is cancelled where it is damaged.
pub(super) fn look_later(path: &Path, fatal: &CancellationToken) {
    if !is_large(path) {
        return;
    }
    let (path, fatal) = (PathBuf::from(path), fatal.clone());
    let looking = move || {
        let found = open::reader(&path, Duration::from_secs(5)).and_then(|conn| Ok(damage(&conn)?));
        match found {
            Ok(None) => tracing::info!(event = "storage.sound", "the database is whole"),
            Ok(Some(what)) => {
                tracing::error!(
                    event = "storage.damaged",
                    what,
                    "the database is damaged; put a backup in its place"
                );
                fatal.cancel();
            }
            Err(error) => tracing::warn!(event = "storage.not_looked_at", %error,
                "the database could not be looked through"),
        }
    };
    if let Err(error) = std::thread::Builder::new().name("storage-look".into()).spawn(looking) {
        tracing::warn!(event = "storage.not_looked_at", %error, "no thread for it");
    }
}

fn is_large(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.len() > AT_ONCE_MAX)
}

/// The first thing that is wrong.
pub(super) fn damage(conn: &Connection) -> rusqlite::Result<Option<String>> {
    match conn.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)) {
        Ok(said) => Ok(Some(said).filter(|said| said != "ok")),
        Err(rusqlite::Error::SqliteFailure(error, said))
            if error.code == rusqlite::ErrorCode::DatabaseCorrupt =>
        {
            Ok(Some(said.unwrap_or_else(|| error.to_string())))
        }
        Err(error) => Err(error),
    }
}
