//! For tests: sees what was committed, without a change of threads.

use std::path::Path;
use std::time::Duration;

use anteroom_core::ids::RoomId;
use anteroom_core::seat::{Seats, Snapshot};
use rusqlite::Connection;

use crate::storage::sqlite::open;

/// The tables, each asked for the number of its rows.
const ROWS: &str = "
    SELECT 'rooms', count(*) FROM rooms UNION ALL SELECT 'slots', count(*) FROM slots
    UNION ALL SELECT 'waiters', count(*) FROM waiters
    UNION ALL SELECT 'entering', count(*) FROM entering
    UNION ALL SELECT 'places', count(*) FROM places";

/// A connection of a test's own, which only reads.
pub(in crate::admission::conditional) struct Eye(Connection);

impl Eye {
    pub(in crate::admission::conditional) fn on(path: &Path, busy: Duration) -> Self {
        Self(open::reader(path, busy).unwrap())
    }

    /// The whole room, and what is shown of its seats. `None`: there is no such room.
    pub(in crate::admission::conditional) fn look(
        &self,
        room: RoomId,
    ) -> Option<(Snapshot, Seats)> {
        super::look(&self.0, room).unwrap()
    }

    /// The tables that have rows, and how many.
    pub(in crate::admission::conditional) fn rows(&self) -> Vec<(String, i64)> {
        let mut statement = self.0.prepare_cached(ROWS).unwrap();
        let counted = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let mut rows: Vec<(String, i64)> = counted.map(Result::unwrap).collect();
        rows.retain(|(_, count)| *count > 0);
        rows
    }
}
