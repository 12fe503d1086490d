//! The original's log: what each reservation found and left, and when.
//!
//! Lines are kept in memory and written once the server stops by itself, so that no writing lies inside what is
//! timed, as it did in the original; what is read before and after a decision does, and so this log is for judging
//! its four rules and not for speed. `start_ns` is when the verb was called and `enter_ns`, of a baseline, when it
//! had its lock; a real strategy decides inside, and nobody can see where: there the two are the same instant. A
//! decision around which the seats could not be read is left out. All instants are of the system's
//! monotonic clock, so that the logs of several nodes of one machine go together.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anteroom_core::ids::{RoomId, UserId};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::admission::Admission;

/// The variable that names the directory in which each process keeps a log of its own.
#[cfg(feature = "baselines")]
pub(crate) const VARIABLE: &str = "ANTEROOM_RULES_LOG";

/// One decision.
#[derive(Serialize)]
struct Line {
    room: i64,
    user: String,
    start_ns: u64,
    enter_ns: u64,
    leave_ns: u64,
    /// Seats taken before and after, of any kind.
    before: u32,
    after: u32,
    capacity: u32,
    granted: bool,
}

/// What a decision found.
pub(super) struct Entered {
    started_ns: u64,
    at_ns: u64,
    taken: u32,
}

pub(super) struct Log {
    path: PathBuf,
    lines: Mutex<Vec<Line>>,
}

impl Log {
    /// The log that the environment asks for, if it does.
    #[cfg(feature = "baselines")]
    ///
    /// # Errors
    /// It cannot be written there.
    pub(super) fn wanted() -> anyhow::Result<Option<Self>> {
        std::env::var_os(VARIABLE).map(|dir| Self::below(Path::new(&dir))).transpose()
    }

    /// A log of this process in a directory.
    ///
    /// # Errors
    /// It cannot be written there.
    pub(super) fn below(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(format!("{}.jsonl", std::process::id()));
        // Where it cannot be written is better known now than at the end.
        File::create(&path)?;
        Ok(Self { path, lines: Mutex::default() })
    }

    /// A decision begins.
    pub(super) async fn enter(
        &self,
        seats: &dyn Admission,
        room: RoomId,
        started_ns: u64,
    ) -> Option<Entered> {
        let at_ns = now_ns();
        let (taken, _) = taken(seats, room).await?;
        Some(Entered { started_ns, at_ns, taken })
    }

    /// It is made.
    pub(super) async fn leave(
        &self,
        seats: &dyn Admission,
        (room, user): (RoomId, UserId),
        entered: Entered,
        granted: bool,
    ) {
        let Some((after, capacity)) = taken(seats, room).await else { return };
        let line = Line {
            room: room.0,
            user: user.0.to_string(),
            start_ns: entered.started_ns,
            enter_ns: entered.at_ns,
            leave_ns: now_ns(),
            before: entered.taken,
            after,
            capacity,
            granted,
        };
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner));
        let write = || -> anyhow::Result<()> {
            let mut file = BufWriter::new(File::create(&self.path)?);
            for line in lines {
                serde_json::to_writer(&mut file, &line)?;
                file.write_all(b"\n")?;
            }
            Ok(file.flush()?)
        };
        if let Err(error) = write() {
            tracing::error!(event = "rules_log.failed", %error, "the log of decisions is not written");
        }
    }
}

/// How many seats of a room are taken, of how many.
async fn taken(seats: &dyn Admission, room: RoomId) -> Option<(u32, u32)> {
    let seats = seats.seats(room).await.ok()??;
    Some((seats.occupied + seats.reserved + seats.held, seats.capacity))
}

pub(super) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}
