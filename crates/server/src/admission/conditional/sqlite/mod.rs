//! The SQLite driver of the strategy: statements and rows, and one thread that decides.
//!
//! Its calls block, so they run on the thread that owns the connection, and answer with futures that
//! are ready.

mod job;
mod load;
mod read;
mod rows;
mod write;

#[cfg(test)]
mod eye;
#[cfg(test)]
mod faults;

use std::future::{Ready, ready};
use std::net::IpAddr;

use anteroom_core::ids::{Generation, RoomId, SessionId, UserId};
use anteroom_core::place::Place;
use anteroom_core::seat::{Header, PlaceNo};
use anteroom_core::time::Millis;
use rusqlite::{Connection, Params};
use uuid::Uuid;

#[cfg(test)]
pub(super) use eye::Eye;
pub(crate) use job::Options;
pub(super) use job::Store;
#[cfg(test)]
use read::look;

use self::load::{all, count, one};
use super::difference::Difference;
use super::scope::{Loaded, Scope};
use super::transaction::{Fault, Fetched, Transaction};
use super::words::int;
use crate::admission::Whose;

const ROOMS: &str = "SELECT id FROM rooms ORDER BY id";
const INHABITED: &str = "
    SELECT room FROM slots UNION SELECT room FROM waiters UNION SELECT room FROM entering
    ORDER BY room";
const ROOMS_OF: &str = "
    SELECT room FROM slots WHERE user = ?1 UNION SELECT room FROM waiters WHERE user = ?1
    ORDER BY room";
const OPEN_OF: &str = "
    SELECT room FROM slots WHERE user = ?1 AND reserved_n IS NOT NULL
    UNION SELECT room FROM waiters WHERE user = ?1
    ORDER BY room";
const OPEN_FROM: &str = "
    SELECT (SELECT count(*) FROM slots WHERE address = ?1)
         + (SELECT count(*) FROM waiters WHERE address = ?1)";
const AHEAD: &str = "SELECT count(*) FROM waiters WHERE room = ?1 AND place < ?2";
const SLOT_DUE: &str =
    "SELECT due FROM slots WHERE room = ?1 AND due IS NOT NULL ORDER BY due LIMIT 1";
const WAITER_DUE: &str = "
    SELECT away_deadline FROM waiters WHERE room = ?1 AND away_deadline IS NOT NULL
    ORDER BY away_deadline LIMIT 1";

const BELONGS: &str = "SELECT deployment, life FROM belongs";
const BEGIN: &str = "
    INSERT INTO belongs (one, deployment, life) VALUES (1, ?1, ?2)
    ON CONFLICT DO UPDATE SET deployment = ?1, life = ?2";

const PLACE: &str = "SELECT * FROM places WHERE user = ?1 ORDER BY ugen DESC LIMIT 1";
const TAKE_PLACE: &str = "
    INSERT INTO places (user, ugen, room, epoch, n, session)
    SELECT ?1, coalesce(max(ugen), 0) + 1, ?2, ?3, ?4, ?5 FROM places WHERE user = ?1";
const FORMER_PLACES: &str = "
    SELECT * FROM places WHERE user = ?1
        AND ugen < (SELECT max(ugen) FROM places WHERE user = ?1 AND session = ?2)
    ORDER BY ugen";
const FORGET_FORMER: &str = "DELETE FROM places WHERE user = ?1 AND ugen <= ?2";
const FORGET_PLACE: &str = "DELETE FROM places WHERE user = ?1 AND session = ?2";
const FORGET_STAY: &str =
    "DELETE FROM places WHERE user = ?1 AND room = ?2 AND (epoch, n) <= (?3, ?4)";
const FORGET_PLACES: &str = "DELETE FROM places";
const FORGET_LOST_PLACES: &str = "DELETE FROM places WHERE room NOT IN (SELECT id FROM rooms)";

/// What goes with a room, the row of the room last.
const DROP_ROOM: [&str; 4] = [
    "DELETE FROM entering WHERE room = ?1",
    "DELETE FROM waiters WHERE room = ?1",
    "DELETE FROM slots WHERE room = ?1",
    "DELETE FROM rooms WHERE id = ?1",
];

/// Whose seats these are, and the last life that began on them; `None` before the first.
pub(super) fn belongs(conn: &Connection) -> rusqlite::Result<Option<(Uuid, u64)>> {
    one(conn, BELONGS, [], |row| {
        Ok((Uuid::from_bytes(row.get(0)?), row.get::<_, i64>(1)?.unsigned_abs()))
    })
}

/// A transaction that the thread of the store has begun.
pub(super) struct SqliteTransaction<'a>(pub(super) &'a Connection);

impl SqliteTransaction<'_> {
    fn rooms_by(&self, sql: &str, params: impl Params) -> Ready<Fetched<Vec<RoomId>>> {
        ready(all(self.0, sql, params, |row| row.get(0).map(RoomId)).map_err(Fault::from))
    }

    fn run(&self, sql: &str, params: impl Params) -> Fetched<usize> {
        Ok(self.0.prepare_cached(sql)?.execute(params)?)
    }

    fn earliest(&self, room: RoomId) -> Fetched<Option<Millis>> {
        let mut earliest = None;
        for sql in [SLOT_DUE, WAITER_DUE] {
            let due = one(self.0, sql, [room.0], |row| row.get::<_, i64>(0))?;
            let due = due.and_then(|due| u64::try_from(due).ok()).map(Millis);
            earliest = earliest.into_iter().chain(due).min();
        }
        Ok(earliest)
    }

    fn settle(&self, user: UserId, session: SessionId) -> Fetched<Vec<Place>> {
        let former = all(self.0, FORMER_PLACES, (user.0, session.0), rows::place)?;
        if let Some(last) = former.last() {
            self.run(FORGET_FORMER, (user.0, int(last.ugen)))?;
        }
        Ok(former)
    }
}

impl Transaction for SqliteTransaction<'_> {
    fn load(
        &mut self,
        room: RoomId,
        scope: &Scope,
        now: Millis,
    ) -> impl Future<Output = Fetched<Option<Loaded>>> + Send {
        ready(load::load(self.0, room, scope, now).map_err(Fault::from))
    }

    fn write(&mut self, difference: &Difference) -> impl Future<Output = Fetched<()>> + Send {
        ready(write::write(self.0, difference))
    }

    fn add(&mut self, header: &Header) -> impl Future<Output = Fetched<()>> + Send {
        ready(write::add(self.0, header))
    }

    fn drop_room(&mut self, room: RoomId) -> impl Future<Output = Fetched<()>> + Send {
        ready(DROP_ROOM.iter().try_for_each(|sql| self.run(sql, [room.0]).map(drop)))
    }

    fn next_deadline(
        &mut self,
        room: RoomId,
    ) -> impl Future<Output = Fetched<Option<Millis>>> + Send {
        ready(self.earliest(room))
    }

    fn ahead(
        &mut self,
        room: RoomId,
        place: PlaceNo,
    ) -> impl Future<Output = Fetched<usize>> + Send {
        ready(count(self.0, AHEAD, (room.0, int(place.0))).map_err(Fault::from))
    }

    fn rooms(&mut self) -> impl Future<Output = Fetched<Vec<RoomId>>> + Send {
        self.rooms_by(ROOMS, [])
    }

    /// One process owns the file, so nobody else knows of rooms in it.
    fn strangers(&mut self, kept: &[RoomId]) -> impl Future<Output = Fetched<Vec<RoomId>>> + Send {
        let all = all(self.0, ROOMS, [], |row| row.get(0).map(RoomId)).map_err(Fault::from);
        ready(all.map(|mut rooms| {
            rooms.retain(|room| !kept.contains(room));
            rooms
        }))
    }

    fn inhabited(&mut self) -> impl Future<Output = Fetched<Vec<RoomId>>> + Send {
        self.rooms_by(INHABITED, [])
    }

    fn rooms_of(&mut self, user: UserId) -> impl Future<Output = Fetched<Vec<RoomId>>> + Send {
        self.rooms_by(ROOMS_OF, [user.0])
    }

    fn open_of(&mut self, user: UserId) -> impl Future<Output = Fetched<Vec<RoomId>>> + Send {
        self.rooms_by(OPEN_OF, [user.0])
    }

    fn open_from(&mut self, address: IpAddr) -> impl Future<Output = Fetched<usize>> + Send {
        ready(count(self.0, OPEN_FROM, [rows::octets(address)]).map_err(Fault::from))
    }

    fn current_place(
        &mut self,
        user: UserId,
    ) -> impl Future<Output = Fetched<Option<Place>>> + Send {
        ready(one(self.0, PLACE, [user.0], rows::place).map_err(Fault::from))
    }

    fn take_place(
        &mut self,
        user: UserId,
        room: RoomId,
        generation: Generation,
        session: SessionId,
    ) -> impl Future<Output = Fetched<()>> + Send {
        let params = (user.0, room.0, int(generation.epoch), int(generation.n), session.0);
        ready(self.run(TAKE_PLACE, params).map(drop))
    }

    fn settle_places(
        &mut self,
        user: UserId,
        session: SessionId,
    ) -> impl Future<Output = Fetched<Vec<Place>>> + Send {
        ready(self.settle(user, session))
    }

    fn forget_place(
        &mut self,
        user: UserId,
        session: SessionId,
    ) -> impl Future<Output = Fetched<()>> + Send {
        ready(self.run(FORGET_PLACE, (user.0, session.0)).map(drop))
    }

    fn forget_stay(
        &mut self,
        user: UserId,
        room: RoomId,
        last: Generation,
    ) -> impl Future<Output = Fetched<()>> + Send {
        let params = (user.0, room.0, int(last.epoch), int(last.n));
        ready(self.run(FORGET_STAY, params).map(drop))
    }

    fn begin(&mut self, whose: &Whose) -> impl Future<Output = Fetched<()>> + Send {
        let Whose { deployment, owner } = whose;
        ready(self.run(BEGIN, (deployment.as_bytes(), int(owner.incarnation))).map(drop))
    }

    fn forget_places(&mut self) -> impl Future<Output = Fetched<()>> + Send {
        ready(self.run(FORGET_PLACES, []).map(drop))
    }

    fn forget_lost_places(&mut self) -> impl Future<Output = Fetched<()>> + Send {
        ready(self.run(FORGET_LOST_PLACES, []).map(drop))
    }
}
