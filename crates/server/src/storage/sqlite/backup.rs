//! A copy of the database while it is in use, and putting one back.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
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

/// A copy of a backup that is to take the place of a database, in a directory of its own beside it. Until
/// [`Staged::put`] nothing has changed; whoever stages holds the database, so that no server starts on it meanwhile.
#[derive(Debug)]
pub struct Staged {
    to: PathBuf,
    dir: PathBuf,
    /// The copy, to be opened and changed like any database.
    pub database: PathBuf,
    /// The last life of a server on the database that will be replaced; 0 where it cannot be read.
    pub epoch: u64,
    _alone: File,
}

impl Staged {
    /// Copies the backup at `from`, to be put in the place of the database at `to`.
    ///
    /// # Errors
    /// The backup is not whole, or of a newer release that this one cannot work with; a server runs on `to`.
    pub fn of(from: &Path, to: &Path) -> Result<Self, OpenError> {
        let alone = open::lock(to, &open::STORAGE)?;
        sound(from)?;
        hand_over(&alone, to).map_err(at(to))?;
        let dir = with_suffix(to, ".restoring");
        // What a restore that was interrupted has left.
        gone(std::fs::remove_dir_all(&dir)).map_err(at(&dir))?;
        DirBuilder::new().mode(0o700).create(&dir).map_err(at(&dir))?;
        let database = dir.join("anteroom.db");
        copy(from, &database)
            .and_then(|()| File::open(&database))
            .and_then(|file| hand_over(&file, to))
            .map_err(at(&database))?;
        let epoch = if to.exists() { last_epoch(to) } else { 0 };
        Ok(Self { to: to.into(), dir, database, epoch, _alone: alone })
    }

    /// Puts the copy, with all that was done to it, in the place of the database, in one step. The database that was
    /// there is kept under another name, which is answered.
    ///
    /// # Errors
    /// Something uses the copy; the system's.
    pub fn put(self) -> Result<Option<PathBuf>, OpenError> {
        let Self { to, dir, database, .. } = &self;
        let conn = open::connect(database, BUSY)?;
        // Everything into the one file.
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        conn.close().map_err(|(_, error): (Connection, _)| error)?;
        File::open(database).and_then(|file| file.sync_all()).map_err(at(database))?;
        let kept = if to.exists() { Some(set_aside(to).map_err(at(to))?) } else { None };
        remove_beside(to)
            .and_then(|()| std::fs::rename(database, to))
            .and_then(|()| sync_directory(to))
            .map_err(at(to))?;
        std::fs::remove_dir_all(dir).map_err(at(dir))?;
        Ok(kept)
    }
}

/// Copies a file that only its owner may read; on the disk when this returns, under a name that is not yet.
///
/// # Errors
/// The system's.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(to)?;
    io::copy(&mut File::open(from)?, &mut file)?;
    file.sync_all()
}

fn last_epoch(path: &Path) -> u64 {
    let read = || -> Result<i64, OpenError> {
        let conn = open::connect(path, BUSY)?;
        Ok(conn.query_row("SELECT epoch FROM meta", [], |row| row.get(0))?)
    };
    read().map_or(0, i64::unsigned_abs)
}

/// Hands a file that root made to whoever owns the directory that `beside` is in: a server that is somebody else has to
/// read it.
///
/// # Errors
/// The system's.
pub fn hand_over(file: &File, beside: &Path) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let owner = directory_of(beside).metadata()?;
    std::os::unix::fs::fchown(file, Some(owner.uid()), Some(owner.gid()))
}

/// Keeps a file under a name that is free as well; which one. What SQLite keeps beside a database goes there.
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
    // All of it stays where it is until something takes its place: at no moment is there nothing.
    for suffix in BESIDE.iter().chain(&[""]) {
        let there = with_suffix(file, suffix);
        if there.exists() {
            std::fs::hard_link(&there, with_suffix(&kept, suffix))?;
        }
    }
    Ok(kept)
}

/// Removes a database with what SQLite keeps beside it; harmless where there is none.
///
/// # Errors
/// The system's.
pub fn remove(database: &Path) -> io::Result<()> {
    remove_beside(database)?;
    gone(std::fs::remove_file(database))
}

/// What SQLite left beside a database would be taken for a part of the one that comes in its place.
fn remove_beside(database: &Path) -> io::Result<()> {
    BESIDE.iter().try_for_each(|suffix| gone(std::fs::remove_file(with_suffix(database, suffix))))
}

/// What is not there need not be removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
}

/// Refuses a file that is not whole, no database of ours, or of a newer release that this one cannot work with.
fn sound(path: &Path) -> Result<(), OpenError> {
    let conn = open::connect(path, BUSY)?;
    open::refuse_strangers(&conn, path, &open::STORAGE)?;
    if let Some(what) = soundness::damage(&conn)? {
        return Err(OpenError::Damaged { path: path.into(), what });
    }
    Ok(conn.close().map_err(|(_, error): (Connection, _)| error)?)
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_path_buf();
    move |source| OpenError::File { path, source }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A new name is durable when its directory is.
///
/// # Errors
/// The system's.
pub fn sync_directory(of: &Path) -> io::Result<()> {
    File::open(directory_of(of)).and_then(|directory| directory.sync_all())
}

fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
