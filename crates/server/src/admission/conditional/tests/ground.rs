//! Where histories are played: one file for all of them, in memory where the system has such a place.
//! Each begins as on a new file, because the one before it has to leave no row.

use std::path::Path;

use anteroom_core::ids::RoomId;
use anteroom_core::seat::{Seats, Snapshot, Terms};
use anteroom_proof::history::History;
use tokio::runtime::Runtime;

use super::{Fixture, GENEROUS};
use crate::admission::conditional::book::Rules;
use crate::admission::conditional::sqlite::Eye;
use crate::admission::{Admission as _, Journal};

/// A directory of Linux that is on no disk.
const IN_MEMORY: &str = "/dev/shm";
pub(super) struct Ground<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) it: Fixture,
    /// Sees what was committed, without a change of threads.
    eye: Eye,
}

impl<'a> Ground<'a> {
    /// A new file.
    pub(super) fn new(runtime: &'a Runtime) -> Self {
        let within = Some(Path::new(IN_MEMORY)).filter(|path| path.is_dir());
        let dir = within.map_or_else(tempfile::tempdir, tempfile::tempdir_in).unwrap();
        let options = super::patient();
        let it = Fixture::within(dir, Terms::default(), GENEROUS, options);
        let eye = Eye::on(&it.path(), options.busy_timeout);
        Self { runtime, it, eye }
    }

    /// Makes the strategy one that was just opened, with the room of the history.
    pub(super) fn begin(&mut self, history: &History) {
        self.it.seats.rules = Rules { terms: history.terms, bounds: GENEROUS };
        self.it.clock.set(history.start);
        self.runtime.block_on(self.it.seats.add_room(history.spec)).unwrap();
    }

    /// The whole room, and what is shown of its seats. `None`: there is no such room.
    pub(super) fn look(&self, room: RoomId) -> Option<(Snapshot, Seats)> {
        self.eye.look(room)
    }

    /// The same as the strategy's callers are told.
    pub(super) fn ask(&self, room: RoomId) -> Option<(Snapshot, Seats)> {
        let seats = &self.it.seats;
        self.runtime.block_on(async {
            seats.snapshot(room).await.unwrap().zip(seats.seats(room).await.unwrap())
        })
    }

    /// Closes the room at the end of a history, which leaves no row of it.
    ///
    /// # Errors
    /// Where rows are left.
    pub(super) fn end(&self, room: RoomId) -> Result<(), String> {
        let mut journal = Journal::new();
        self.runtime.block_on(self.it.seats.close_room(room, &mut journal)).unwrap();
        let left = self.eye.rows();
        if left.is_empty() { Ok(()) } else { Err(format!("rows are left: {left:?}")) }
    }
}
