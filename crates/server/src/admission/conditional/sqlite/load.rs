//! Reading the part of a room that a step can touch.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use anteroom_core::ids::{RoomId, UserId};
use anteroom_core::seat::{
    Class, Elsewhere, EntryImage, Header, Lifetime, PlaceNo, RoomState, SlotImage, Snapshot, Waiter,
};
use anteroom_core::time::Millis;
use rusqlite::{Connection, OptionalExtension as _, Params, Result, Row};

use super::rows;
use crate::admission::conditional::scope::{Loaded, Scope, Taken};
use crate::admission::conditional::words::int;
use crate::mutants::seeded;

const HEADER: &str = "SELECT * FROM rooms WHERE id = ?1";
const SLOTS: &str = "SELECT * FROM slots WHERE room = ?1";
const SLOT: &str = "SELECT * FROM slots WHERE room = ?1 AND user = ?2";
const SLOTS_DUE: &str = "SELECT * FROM slots WHERE room = ?1 AND due <= ?2";
const SLOTS_BY_CLASS: &str = "SELECT class, count(*) FROM slots WHERE room = ?1 GROUP BY class";
const SLOTS_UP_TO: &str = "SELECT count(*) FROM (SELECT 1 FROM slots WHERE room = ?1 LIMIT ?2)";
const WAITERS: &str = "SELECT * FROM waiters WHERE room = ?1";
const WAITER: &str = "SELECT * FROM waiters WHERE room = ?1 AND user = ?2";
const WAITERS_DUE: &str = "SELECT * FROM waiters WHERE room = ?1 AND away_deadline <= ?2";
const WAITERS_HEAD: &str = "SELECT * FROM waiters WHERE room = ?1 ORDER BY place LIMIT ?2";
const WAITERS_STAFF: &str =
    "SELECT * FROM waiters WHERE room = ?1 AND is_staff = 1 ORDER BY place LIMIT ?2";
const WAITERS_UP_TO: &str = "SELECT count(*) FROM (SELECT 1 FROM waiters WHERE room = ?1 LIMIT ?2)";
const ENTERING: &str = "SELECT * FROM entering WHERE room = ?1";
const ENTERING_OF: &str = "SELECT * FROM entering WHERE room = ?1 AND user = ?2";
const ENTERING_COUNT: &str = "SELECT count(*) FROM entering WHERE room = ?1";

pub(super) fn all<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    conn.prepare_cached(&seeded("seats", sql))?.query_map(params, read)?.collect()
}

pub(super) fn one<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    conn.prepare_cached(&seeded("seats", sql))?.query_row(params, read).optional()
}

pub(super) fn count(conn: &Connection, sql: &str, params: impl Params) -> Result<usize> {
    let count = one(conn, sql, params, |row| row.get::<_, i64>(0))?.unwrap_or(0);
    Ok(usize::try_from(count).unwrap_or(0))
}

pub(super) fn header(conn: &Connection, room: RoomId) -> Result<Option<Header>> {
    one(conn, HEADER, [room.0], rows::header)
}

/// See [`Scope`].
pub(super) fn load(
    conn: &Connection,
    room: RoomId,
    scope: &Scope,
    now: Millis,
) -> Result<Option<Loaded>> {
    let Some(header) = header(conn, room)? else { return Ok(None) };
    if scope.wants_all(&header) {
        return whole(conn, header).map(Some);
    }
    let mut part = Part { conn, room, slots: BTreeMap::new(), line: BTreeMap::new() };
    for user in &scope.users {
        part.add_slots(SLOT, (room.0, user.0))?;
        part.add_waiters(WAITER, (room.0, user.0))?;
    }
    part.add_slots(SLOTS_DUE, (room.0, int(now.0)))?;
    part.add_waiters(WAITERS_DUE, (room.0, int(now.0)))?;
    part.complete(header, scope, now).map(Some)
}

/// A room that is being read.
struct Part<'a> {
    conn: &'a Connection,
    room: RoomId,
    slots: BTreeMap<UserId, (SlotImage, Option<IpAddr>)>,
    line: BTreeMap<PlaceNo, (Waiter, Option<IpAddr>)>,
}

impl Part<'_> {
    fn add_slots(&mut self, sql: &str, params: impl Params) -> Result<()> {
        let found = all(self.conn, sql, params, rows::slot)?;
        self.slots.extend(found.into_iter().map(|slot| (slot.0.user, slot)));
        Ok(())
    }

    fn add_waiters(&mut self, sql: &str, params: impl Params) -> Result<usize> {
        let found = all(self.conn, sql, params, rows::waiter)?;
        let number = found.len();
        self.line.extend(found.into_iter().map(|waiter| (waiter.0.place, waiter)));
        Ok(number)
    }

    /// Reads as much of the line as can be offered a place, counts the rest, and puts it together.
    fn complete(mut self, header: Header, scope: &Scope, now: Millis) -> Result<Loaded> {
        let (conn, room) = (self.conn, self.room);
        let slots: Vec<SlotImage> = self.slots.values().map(|it| it.0.clone()).collect();
        let someone_waits = !self.line.is_empty() || count(conn, WAITERS_UP_TO, (room.0, 1))? > 0;
        let taken = self.taken(scope.counts_slots(&slots, someone_waits, now))?;
        if someone_waits {
            let to_come = scope.places_to_come(&header, taken, slots.len());
            let leaving = self.line.len();
            let of_staff = match to_come.staff {
                0 => 0,
                // Staff at the head can also be given an ordinary place.
                staff => {
                    let number = staff + to_come.ordinary + leaving;
                    self.add_waiters(WAITERS_STAFF, (room.0, limit(number)))?
                }
            };
            let number = to_come.ordinary + of_staff + leaving;
            self.add_waiters(WAITERS_HEAD, (room.0, limit(number)))?;
        }
        let waiting = if someone_waits {
            let bound = scope.counts_waiters_to(self.line.len());
            count(conn, WAITERS_UP_TO, (room.0, limit(bound)))?
        } else {
            0
        };
        let entering = self.entering(scope)?;
        let loaded = Taken::among(&slots);
        let elsewhere = Elsewhere {
            ordinary: taken.ordinary.saturating_sub(loaded.ordinary),
            staff: taken.staff.saturating_sub(loaded.staff),
            waiting: waiting.saturating_sub(self.line.len()),
            entering: match (header.state, header.lifetime) {
                // Only a room that is closing, or will be in this step, asks how many there are.
                (RoomState::Open, Lifetime::Persistent) => 0,
                _ => count(conn, ENTERING_COUNT, [room.0])?.saturating_sub(entering.len()),
            },
        };
        Ok(assembled(
            header,
            self.slots.into_values(),
            self.line.into_values(),
            entering,
            elsewhere,
        ))
    }

    /// How many slots the room has: all of them by class, or at least whether there are others than
    /// those that are loaded.
    fn taken(&self, is_exact: bool) -> Result<Taken> {
        let loaded: Vec<SlotImage> = self.slots.values().map(|it| it.0.clone()).collect();
        let mut taken = Taken::among(&loaded);
        if !is_exact {
            let number = count(self.conn, SLOTS_UP_TO, (self.room.0, limit(loaded.len() + 1)))?;
            taken.ordinary += number.saturating_sub(loaded.len());
            return Ok(taken);
        }
        taken = Taken::default();
        let by_class = all(self.conn, SLOTS_BY_CLASS, [self.room.0], |row| {
            Ok((rows::class(row)?, row.get::<_, i64>(1)?))
        })?;
        for (class, number) in by_class {
            let number = usize::try_from(number).unwrap_or(0);
            match class {
                Class::Ordinary => taken.ordinary = number,
                Class::Staff => taken.staff = number,
            }
        }
        Ok(taken)
    }

    fn entering(&self, scope: &Scope) -> Result<Vec<EntryImage>> {
        let users: HashSet<UserId> = scope.users.iter().chain(self.slots.keys()).copied().collect();
        let mut entering = Vec::new();
        for user in users {
            entering.extend(all(self.conn, ENTERING_OF, (self.room.0, user.0), rows::entry)?);
        }
        Ok(entering)
    }
}

/// All of a room.
pub(super) fn whole(conn: &Connection, header: Header) -> Result<Loaded> {
    let id = header.id.0;
    let slots = all(conn, SLOTS, [id], rows::slot)?;
    let line = all(conn, WAITERS, [id], rows::waiter)?;
    let entering = all(conn, ENTERING, [id], rows::entry)?;
    let (slots, line) = (slots.into_iter(), line.into_iter());
    Ok(assembled(header, slots, line, entering, Elsewhere::default()))
}

fn assembled(
    header: Header,
    slots: impl Iterator<Item = (SlotImage, Option<IpAddr>)>,
    line: impl Iterator<Item = (Waiter, Option<IpAddr>)>,
    entering: Vec<EntryImage>,
    elsewhere: Elsewhere,
) -> Loaded {
    let mut addresses = HashMap::new();
    let mut note = |user: UserId, address: Option<IpAddr>| {
        addresses.extend(address.map(|address| (user, address)));
    };
    let slots = slots.inspect(|(slot, address)| note(slot.user, *address));
    let slots = slots.map(|(slot, _)| slot).collect();
    let line = line.inspect(|(waiter, address)| note(waiter.user, *address));
    let line = line.map(|(waiter, _)| waiter).collect();
    let mut snapshot = Snapshot { header, slots, line, entering, elsewhere };
    snapshot.sort();
    Loaded { snapshot, addresses }
}

fn limit(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
