//! A copy of the database while it is in use, and putting one back.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, params};

use super::open::{self, OpenError};
use super::soundness;

/// How long another process may hold the database.
const BUSY: Duration = Duration::from_secs(10);
/// What SQLite keeps beside a database.
const BESIDE: &[&str] = &["-wal", "-shm"];

/// Writes everything that is committed in the database at `from` to a new file. Whoever uses the database meanwhile
/// is not kept waiting; what is committed later is not in the copy. Returns once it is on the disk.
///
/// # Errors
/// There is no such database; `to` exists; what was written is not whole.
pub fn back_up(from: &Path, to: &Path) -> Result<(), OpenError> {
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |source| OpenError::File { path, source }
    };
    let conn = open::connect(from, BUSY)?;
    open::refuse_strangers(&conn, from, &open::STORAGE)?;
    // Made here and not by SQLite, which would make it readable for everyone.
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(to).map_err(at(to))?;
    let written = conn.execute("VACUUM INTO ?1", params![to.to_string_lossy()]);
    if let Err(error) = written {
        // It is of no use to anybody.
        let _ = std::fs::remove_file(to);
        return Err(error.into());
    }
    drop(made);
    File::open(to).and_then(|file| file.sync_all()).map_err(at(to))?;
    sync_directory(to).map_err(at(to))?;
    sound(to)
}

/// The database that a copy took the place of.
#[derive(Clone, Debug)]
pub struct Replaced {
    /// Where it is kept.
    pub kept: PathBuf,
    /// The number of the last life of a server on it; 0 where it cannot be read.
    pub epoch: u64,
}

/// Puts a copy in the place of the database at `to`, which is kept beside it. No server may be running on it.
///
/// # Errors
/// The copy is not whole or of a newer release; a server runs. Nothing is changed then.
pub fn put_back(from: &Path, to: &Path) -> Result<Option<Replaced>, OpenError> {
    let _alone = open::lock(to, &open::STORAGE)?;
    sound(from)?;
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| OpenError::File { path, source }
    };
    let new = with_suffix(to, ".restoring");
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .map_err(failed(&new))?;
    let copied = File::open(from).and_then(|mut from| io::copy(&mut from, &mut file));
    copied.and_then(|_| file.sync_all()).map_err(failed(&new))?;
    let replaced = if to.exists() {
        let epoch = last_epoch(to);
        Some(Replaced { kept: set_aside(to).map_err(failed(to))?, epoch })
    } else {
        None
    };
    std::fs::rename(&new, to).and_then(|()| sync_directory(to)).map_err(failed(to))?;
    Ok(replaced)
}

fn last_epoch(path: &Path) -> u64 {
    let read = || -> Result<i64, OpenError> {
        let conn = open::connect(path, BUSY)?;
        Ok(conn.query_row("SELECT epoch FROM meta", [], |row| row.get(0))?)
    };
    read().map_or(0, i64::unsigned_abs)
}

/// Moves a file, with what SQLite keeps beside it if it is a database, to a name that is free; which one.
///
/// # Errors
/// The system's.
pub fn set_aside(file: &Path) -> io::Result<PathBuf> {
    let mut n = 1;
    let kept = loop {
        let name = with_suffix(file, &format!(".before-restore-{n}"));
        if !name.exists() {
            break name;
        }
        n += 1;
    };
    // The log first: a database without its log lacks commits, and a log without its database is nothing.
    for suffix in BESIDE {
        let beside = with_suffix(file, suffix);
        if beside.exists() {
            std::fs::rename(&beside, with_suffix(&kept, suffix))?;
        }
    }
    std::fs::rename(file, &kept)?;
    Ok(kept)
}

/// Removes a database with what SQLite keeps beside it; harmless where there is none.
///
/// # Errors
/// The system's.
pub fn remove(database: &Path) -> io::Result<()> {
    for suffix in BESIDE.iter().chain(&[""]) {
        match std::fs::remove_file(with_suffix(database, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Refuses a file that is not whole, no database of ours, or of a newer release.
fn sound(path: &Path) -> Result<(), OpenError> {
    let conn = open::connect(path, BUSY)?;
    open::refuse_strangers(&conn, path, &open::STORAGE)?;
    if let Some(what) = soundness::damage(&conn)? {
        return Err(OpenError::Damaged { path: path.into(), what });
    }
    Ok(conn.close().map_err(|(_, error): (Connection, _)| error)?)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A new name is durable when its directory is.
fn sync_directory(of: &Path) -> io::Result<()> {
    let parent = of.parent().filter(|it| !it.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new("."))).and_then(|directory| directory.sync_all())
}
