//! The PostgreSQL driver of the strategy: the seats beside the facts, for several nodes at once.
//!
//! A verb is one transaction that holds the rows of the rooms it works on, so of two nodes that step in one
//! room the second waits for the first, and reads what it left. What crosses rooms (quota, policy `one`)
//! is kept apart by a lock for each user whom a verb names. Locks are taken in one order: users, then
//! rooms, each by number. A verb that finds out late what it needs does not wait for it: it begins anew,
//! with all of it locked from the start ([`locks`]).
//!
//! A commit is durable before it is answered: seats that a crash of the database would forget are taken by
//! people who sit there still.

mod job;
mod load;
mod locks;
mod read;
mod rows;
mod write;

use std::net::IpAddr;

use anteroom_core::ids::{Generation, RoomId, SessionId, UserId};
use anteroom_core::place::Place;
use anteroom_core::seat::{Header, PlaceNo};
use anteroom_core::time::Millis;
use deadpool_postgres::Transaction as Within;

pub(crate) use job::Options;
pub(super) use job::Store;
pub(super) use locks::Locks;

use self::write::Wrong;
use super::difference::Difference;
use super::scope::{Loaded, Scope};
use super::transaction::{Fault, Fetched, Transaction};
use super::words::int;
use crate::admission::Whose;
use crate::storage::StorageError;
use crate::storage::postgres::ask::{Given, change, row, rows as all};
use crate::storage::postgres::error;
use crate::storage::statements::statements;

statements! {
    ROOMS = "SELECT id FROM seat_rooms ORDER BY id";
    /// Those that nobody asked for and nobody opened: a room that another node made is none of them.
    STRANGERS = "
        SELECT id FROM seat_rooms AS s WHERE id <> ALL ($1)
            AND NOT EXISTS (SELECT FROM creation_queue AS q WHERE q.id = s.id)
            AND NOT EXISTS (SELECT FROM rooms AS r WHERE r.id = s.id AND r.closed_at IS NULL)
        ORDER BY id";
    INHABITED = "
        SELECT room FROM seat_slots UNION SELECT room FROM seat_waiters
        UNION SELECT room FROM seat_entering ORDER BY room";
    ROOMS_OF = "
        SELECT room FROM seat_slots WHERE user_id = $1
        UNION SELECT room FROM seat_waiters WHERE user_id = $1 ORDER BY room";
    OPEN_OF = "
        SELECT room FROM seat_slots WHERE user_id = $1 AND reserved_n IS NOT NULL
        UNION SELECT room FROM seat_waiters WHERE user_id = $1 ORDER BY room";
    OPEN_FROM = "
        SELECT (SELECT count(*) FROM seat_slots WHERE address = $1)
             + (SELECT count(*) FROM seat_waiters WHERE address = $1)";
    AHEAD = "SELECT count(*) FROM seat_waiters WHERE room = $1 AND place < $2";
    NEXT_DUE = "
        SELECT least((SELECT min(due) FROM seat_slots WHERE room = $1 AND due IS NOT NULL),
                     (SELECT min(away_deadline) FROM seat_waiters
                      WHERE room = $1 AND away_deadline IS NOT NULL))";
    PLACE = "SELECT * FROM seat_places WHERE user_id = $1 ORDER BY ugen DESC LIMIT 1";
    TAKE_PLACE = "
        INSERT INTO seat_places (user_id, ugen, room, epoch, n, session)
        SELECT $1::uuid, coalesce(max(ugen), 0) + 1, $2::bigint, $3::bigint, $4::bigint, $5::uuid
        FROM seat_places WHERE user_id = $1";
    FORMER_PLACES = "
        SELECT * FROM seat_places WHERE user_id = $1
            AND ugen < (SELECT max(ugen) FROM seat_places WHERE user_id = $1 AND session = $2)
        ORDER BY ugen";
    FORGET_FORMER = "DELETE FROM seat_places WHERE user_id = $1 AND ugen <= $2";
    FORGET_PLACE = "DELETE FROM seat_places WHERE user_id = $1 AND session = $2";
    FORGET_STAY = "
        DELETE FROM seat_places WHERE user_id = $1 AND room = $2 AND (epoch, n) <= ($3, $4)";
    FORGET_PLACES = "DELETE FROM seat_places";
    FORGET_LOST_PLACES =
        "DELETE FROM seat_places WHERE room NOT IN (SELECT id FROM seat_rooms)";
    DROP_ENTERING = "DELETE FROM seat_entering WHERE room = $1";
    DROP_WAITERS = "DELETE FROM seat_waiters WHERE room = $1";
    DROP_SLOTS = "DELETE FROM seat_slots WHERE room = $1";
    DROP_ROOM = "DELETE FROM seat_rooms WHERE id = $1";
}

/// A transaction of a verb, and the locks that it holds.
pub(super) struct PostgresTransaction<'a> {
    on: &'a Within<'a>,
    locks: Locks,
    /// Another transaction was in the way: it may go through when it is begun anew.
    is_late: bool,
}

impl<'a> PostgresTransaction<'a> {
    /// Begins with what is known to be needed locked.
    async fn begin(on: &'a Within<'a>, needed: &Locks) -> Result<Self, error::Fault> {
        let locks = Locks::take(on, needed).await?;
        Ok(Self { on, locks, is_late: false })
    }

    /// Notes whether it is worth while to begin anew.
    fn fault(&mut self, fault: error::Fault) -> Fault {
        self.is_late |= fault.lost_a_race();
        Fault::Store(StorageError::from(fault).to_string())
    }

    fn wrong(&mut self, wrong: Wrong) -> Fault {
        match wrong {
            Wrong::Store(fault) => self.fault(fault),
            Wrong::Seats(fault) => fault,
        }
    }

    async fn run(&mut self, sql: &'static str, given: &Given<'_>) -> Fetched<()> {
        change(self.on, sql, given).await.map(drop).map_err(|fault| self.fault(fault))
    }

    async fn rooms_by(&mut self, sql: &'static str, given: &Given<'_>) -> Fetched<Vec<RoomId>> {
        let found = all(self.on, sql, given).await;
        found.and_then(|found| rows::rooms(&found)).map_err(|fault| self.fault(fault))
    }

    async fn count(&mut self, sql: &'static str, given: &Given<'_>) -> Fetched<usize> {
        let found = row(self.on, sql, given).await;
        let counted = found.and_then(|row| row.as_ref().map_or(Ok(0), rows::count));
        counted.map_err(|fault| self.fault(fault))
    }

    async fn places(&mut self, sql: &'static str, given: &Given<'_>) -> Fetched<Vec<Place>> {
        let found = all(self.on, sql, given).await;
        let places = found.and_then(|found| found.iter().map(rows::place).collect());
        places.map_err(|fault| self.fault(fault))
    }

    /// Holds these users against verbs that name them elsewhere.
    async fn hold_users(&mut self, users: &[UserId]) -> Fetched<()> {
        match self.locks.users(self.on, users).await {
            Ok(true) => Ok(()),
            Ok(false) => self.late(),
            Err(fault) => Err(self.fault(fault)),
        }
    }

    /// Holds a room; its row, if there is one.
    async fn hold_room(&mut self, room: RoomId) -> Fetched<Option<Header>> {
        let found = match self.locks.room(self.on, room).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => return self.late(),
            Err(fault) => Err(fault),
        };
        let header = found.and_then(|row| row.as_ref().map(rows::header).transpose());
        header.map_err(|fault| self.fault(fault))
    }

    fn late<T>(&mut self) -> Fetched<T> {
        self.is_late = true;
        Err(Fault::Store("another verb has what this one needs as well".into()))
    }
}

impl Transaction for PostgresTransaction<'_> {
    async fn load(&mut self, room: RoomId, scope: &Scope, now: Millis) -> Fetched<Option<Loaded>> {
        self.hold_users(&scope.users).await?;
        let Some(header) = self.hold_room(room).await? else { return Ok(None) };
        let loaded = load::load(self.on, header, scope, now).await;
        loaded.map(Some).map_err(|fault| self.fault(fault))
    }

    async fn write(&mut self, difference: &Difference) -> Fetched<()> {
        write::write(self.on, difference).await.map_err(|wrong| self.wrong(wrong))
    }

    async fn add(&mut self, header: &Header) -> Fetched<()> {
        match write::add(self.on, header).await {
            Ok(true) => Ok(()),
            // Another node added it since this one looked.
            Ok(false) => self.late(),
            Err(wrong) => Err(self.wrong(wrong)),
        }
    }

    async fn drop_room(&mut self, room: RoomId) -> Fetched<()> {
        self.hold_room(room).await?;
        for sql in [DROP_ENTERING, DROP_WAITERS, DROP_SLOTS, DROP_ROOM] {
            self.run(sql, &[&room.0]).await?;
        }
        Ok(())
    }

    async fn next_deadline(&mut self, room: RoomId) -> Fetched<Option<Millis>> {
        let due = row(self.on, NEXT_DUE, &[&room.0]).await;
        let due =
            due.and_then(|row| Ok(row.map(|row| row.try_get::<_, Option<i64>>(0)).transpose()?));
        let due = due.map_err(|fault| self.fault(fault))?.flatten();
        Ok(due.and_then(|due| u64::try_from(due).ok()).map(Millis))
    }

    async fn ahead(&mut self, room: RoomId, place: PlaceNo) -> Fetched<usize> {
        self.count(AHEAD, &[&room.0, &int(place.0)]).await
    }

    async fn rooms(&mut self) -> Fetched<Vec<RoomId>> {
        self.rooms_by(ROOMS, &[]).await
    }

    async fn strangers(&mut self, kept: &[RoomId]) -> Fetched<Vec<RoomId>> {
        let kept: Vec<i64> = kept.iter().map(|room| room.0).collect();
        self.rooms_by(STRANGERS, &[&kept]).await
    }

    async fn inhabited(&mut self) -> Fetched<Vec<RoomId>> {
        self.rooms_by(INHABITED, &[]).await
    }

    async fn rooms_of(&mut self, user: UserId) -> Fetched<Vec<RoomId>> {
        self.hold_users(&[user]).await?;
        self.rooms_by(ROOMS_OF, &[&user.0]).await
    }

    async fn open_of(&mut self, user: UserId) -> Fetched<Vec<RoomId>> {
        self.hold_users(&[user]).await?;
        self.rooms_by(OPEN_OF, &[&user.0]).await
    }

    async fn open_from(&mut self, address: IpAddr) -> Fetched<usize> {
        self.count(OPEN_FROM, &[&address]).await
    }

    async fn current_place(&mut self, user: UserId) -> Fetched<Option<Place>> {
        self.hold_users(&[user]).await?;
        Ok(self.places(PLACE, &[&user.0]).await?.pop())
    }

    async fn take_place(
        &mut self,
        user: UserId,
        room: RoomId,
        generation: Generation,
        session: SessionId,
    ) -> Fetched<()> {
        self.hold_users(&[user]).await?;
        let (epoch, n) = (int(generation.epoch), int(generation.n));
        self.run(TAKE_PLACE, &[&user.0, &room.0, &epoch, &n, &session.0]).await
    }

    async fn settle_places(&mut self, user: UserId, session: SessionId) -> Fetched<Vec<Place>> {
        self.hold_users(&[user]).await?;
        let former = self.places(FORMER_PLACES, &[&user.0, &session.0]).await?;
        if let Some(last) = former.last() {
            self.run(FORGET_FORMER, &[&user.0, &int(last.ugen)]).await?;
        }
        Ok(former)
    }

    async fn forget_place(&mut self, user: UserId, session: SessionId) -> Fetched<()> {
        self.run(FORGET_PLACE, &[&user.0, &session.0]).await
    }

    async fn forget_stay(&mut self, user: UserId, room: RoomId, last: Generation) -> Fetched<()> {
        let (epoch, n) = (int(last.epoch), int(last.n));
        self.run(FORGET_STAY, &[&user.0, &room.0, &epoch, &n]).await
    }

    /// The seats are in the database that they belong to.
    async fn begin(&mut self, _: &Whose) -> Fetched<()> {
        Ok(())
    }

    async fn forget_places(&mut self) -> Fetched<()> {
        self.run(FORGET_PLACES, &[]).await
    }

    async fn forget_lost_places(&mut self) -> Fetched<()> {
        self.run(FORGET_LOST_PLACES, &[]).await
    }
}

/// Every statement, by its name.
#[cfg(test)]
pub(super) fn statements() -> Vec<(&'static str, &'static str)> {
    [ALL, load::ALL, locks::ALL, read::ALL, write::ALL].concat()
}
