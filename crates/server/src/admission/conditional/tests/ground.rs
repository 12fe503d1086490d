//! Where histories are played: one file or database for all of them, in memory where the system has such a
//! place. Each begins as on a new one, because the one before it has to leave no row.

use std::path::Path;

use anteroom_core::ids::RoomId;
use anteroom_core::seat::{Seats, Snapshot, Terms};
use anteroom_proof::history::History;
use tokio::runtime::Runtime;

use super::{Conditional, Fixture, GENEROUS, Place, beside};
use crate::admission::conditional::book::Rules;
use crate::admission::conditional::sqlite::Eye;
use crate::admission::{Admission as _, Journal};
use crate::storage::postgres::tests::server::Postgres;

/// A directory of Linux that is on no disk.
const IN_MEMORY: &str = "/dev/shm";

/// Sees what was committed.
enum Sight {
    /// Without a change of threads.
    File(Eye),
    Database(Box<Far>),
}

/// Another node on the database, with a runtime of its own: it looks while a history waits.
struct Far {
    url: String,
    runtime: Runtime,
    seats: Conditional,
}

impl Far {
    fn to(url: &str, it: &Fixture) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let seats = beside(url, (Terms::default(), GENEROUS), (&it.clock, &it.deadlines));
        Self { url: url.to_owned(), runtime, seats }
    }

    fn look(&self, room: RoomId) -> Option<(Snapshot, Seats)> {
        std::thread::scope(|scope| {
            let looking = scope.spawn(|| {
                self.runtime.block_on(async {
                    let snapshot = self.seats.snapshot(room).await.unwrap();
                    snapshot.zip(self.seats.seats(room).await.unwrap())
                })
            });
            looking.join().unwrap()
        })
    }

    fn rows(&self) -> Vec<(String, i64)> {
        let of = |table: &str| {
            let sql = format!("SELECT count(*) FROM seat_{table}");
            (table.to_owned(), Postgres::shared().say(&self.url, &sql).parse::<i64>().unwrap())
        };
        let tables = ["rooms", "slots", "waiters", "entering", "places"];
        tables.into_iter().map(of).filter(|(_, count)| *count > 0).collect()
    }
}

pub(super) struct Ground<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) it: Fixture,
    sight: Sight,
}

impl<'a> Ground<'a> {
    /// A new file.
    pub(super) fn new(runtime: &'a Runtime) -> Self {
        let within = Some(Path::new(IN_MEMORY)).filter(|path| path.is_dir());
        let place = match super::IN_DATABASE.get() {
            true => Place::new(),
            false => {
                Place::File(within.map_or_else(tempfile::tempdir, tempfile::tempdir_in).unwrap())
            }
        };
        let options = super::patient();
        let it = Fixture::within(place, Terms::default(), GENEROUS, options);
        let sight = match &it.place {
            Place::File(_) => Sight::File(Eye::on(&it.path(), options.busy_timeout)),
            Place::Database(url) => Sight::Database(Box::new(Far::to(url, &it))),
        };
        Self { runtime, it, sight }
    }

    /// Makes the strategy one that was just opened, with the room of the history.
    pub(super) fn begin(&mut self, history: &History) {
        self.it.seats.rules = Rules { terms: history.terms, bounds: GENEROUS };
        self.it.clock.set(history.start);
        self.runtime.block_on(self.it.seats.add_room(history.spec)).unwrap();
    }

    /// The whole room, and what is shown of its seats. `None`: there is no such room.
    pub(super) fn look(&self, room: RoomId) -> Option<(Snapshot, Seats)> {
        match &self.sight {
            Sight::File(eye) => eye.look(room),
            Sight::Database(far) => far.look(room),
        }
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
        let left = match &self.sight {
            Sight::File(eye) => eye.rows(),
            Sight::Database(far) => far.rows(),
        };
        if left.is_empty() { Ok(()) } else { Err(format!("rows are left: {left:?}")) }
    }
}
