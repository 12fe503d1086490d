//! Stays, and the first one that turns a queued room into a row.

use std::collections::HashSet;

use anteroom_core::ids::{Generation, RoomId, UserId};
use anteroom_core::mutants::{self, Mutant};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::events::Outbox;
use super::rooms;
use crate::mutants::seeded;
use crate::storage::events::{self, EndedStay};
use crate::storage::{Entered, MembershipEnd, NewMembership, StorageError, Stored, WallMillis};

statements! {
    FOUNDED = "SELECT deployment, epoch FROM meta";
    RAISE_EPOCH = "UPDATE meta SET epoch = epoch + 1 RETURNING epoch";
    // The index is named so that a start never reads the whole history of stays.
    END_ALL = "UPDATE memberships INDEXED BY memberships_open SET left_at = ?1, left_reason = ?2
               WHERE left_at IS NULL";
    ALL_OPEN = "SELECT ordinal, room_id, epoch, n, user_id FROM memberships INDEXED BY memberships_open
                WHERE left_at IS NULL";
    END_ORDINAL = "UPDATE memberships SET left_at = ?2, left_reason = ?3 WHERE ordinal = ?1";
    OPEN_IN_ROOM = "SELECT user_id, epoch, n FROM memberships INDEXED BY memberships_open
                    WHERE room_id = ?1 AND left_at IS NULL";
    END_IN_ROOM = "UPDATE memberships INDEXED BY memberships_open SET left_at = ?2, left_reason = ?3
                   WHERE room_id = ?1 AND left_at IS NULL";
    END_ONE = "UPDATE memberships SET left_at = ?4, left_reason = ?5
               WHERE room_id = ?1 AND epoch = ?2 AND n = ?3 AND left_at IS NULL";
    END_OLDER = "UPDATE memberships INDEXED BY memberships_open SET left_at = ?5, left_reason = ?6
                 WHERE room_id = ?1 AND user_id = ?2 AND (epoch, n) < (?3, ?4) AND left_at IS NULL";
    HAS_OPEN = "SELECT 1 FROM memberships INDEXED BY memberships_open
                WHERE room_id = ?1 AND user_id = ?2 AND left_at IS NULL";
    ROOM_CLOSED = "SELECT closed_at IS NOT NULL FROM rooms WHERE id = ?1";
    OPEN_ROOM = "INSERT INTO rooms (id, name, capacity, staff_seats, visibility, key, password_hash,
                                    lifetime, owner_id, created_at, pending_until, opened_at)
                 SELECT id, name, capacity, staff_seats, visibility, key, password_hash,
                        lifetime, owner_id, created_at, pending_until, ?2
                 FROM creation_queue WHERE id = ?1";
    LEAVE_QUEUE = "DELETE FROM creation_queue WHERE id = ?1";
    INSERT_STAY = "INSERT INTO memberships (room_id, user_id, epoch, n, entered_at,
                                            left_at, left_reason)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    WHOSE_STAY = "SELECT user_id,
                         ordinal = (SELECT min(ordinal) FROM memberships WHERE room_id = ?1)
                  FROM memberships WHERE room_id = ?1 AND epoch = ?2 AND n = ?3";
}

/// `(epoch, n)` as SQLite's signed integers.
pub(super) fn numbers(generation: Generation) -> Stored<(i64, i64)> {
    let fit = |number: u64| {
        i64::try_from(number)
            .map_err(|_| StorageError::Failed(format!("{generation} is beyond what is stored")))
    };
    Ok((fit(generation.epoch)?, fit(generation.n)?))
}

pub(super) fn founded(conn: &Connection) -> Stored<(Uuid, u64)> {
    let (name, epoch): ([u8; 16], i64) =
        conn.prepare_cached(FOUNDED)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((Uuid::from_bytes(name), epoch.unsigned_abs()))
}

pub(super) fn begin_epoch(conn: &Connection) -> Stored<u64> {
    let epoch: i64 = conn.prepare_cached(RAISE_EPOCH)?.query_row([], |row| row.get(0))?;
    Ok(epoch.unsigned_abs())
}

/// Ends the open stays of everybody but `living`, and says how many.
pub(super) fn end_all_but(
    (conn, outbox): (&Connection, Outbox),
    living: &HashSet<(RoomId, Generation)>,
    at: WallMillis,
) -> Stored<u64> {
    let stopped = MembershipEnd::ServerStopped.as_str();
    if living.is_empty() && !outbox.is_on() {
        let ended = conn.prepare_cached(END_ALL)?.execute(params![at, stopped])?;
        return Ok(ended as u64);
    }
    let mut select = conn.prepare_cached(ALL_OPEN)?;
    let open = select.query_map([], |row| {
        let (room, generation) = (RoomId(row.get(1)?), generation(row.get(2)?, row.get(3)?));
        Ok((row.get::<_, i64>(0)?, EndedStay { room, user: UserId(row.get(4)?), generation }))
    })?;
    let mut over = Vec::new();
    for stay in open {
        let (ordinal, stay) = stay?;
        let is_over = !living.contains(&(stay.room, stay.generation));
        over.extend(is_over.then_some((ordinal, stay)));
    }
    let mut end = conn.prepare_cached(END_ORDINAL)?;
    for (ordinal, _) in &over {
        end.execute(params![ordinal, at, stopped])?;
    }
    let ended = over.iter().map(|(_, stay)| events::left(*stay, MembershipEnd::ServerStopped, at));
    outbox.add(conn, || ended)?;
    Ok(over.len() as u64)
}

pub(super) fn open_in(conn: &Connection, room: RoomId) -> Stored<Vec<(UserId, Generation)>> {
    let mut select = conn.prepare_cached(OPEN_IN_ROOM)?;
    let open = select.query_map([room.0], |row| {
        Ok((UserId(row.get(0)?), generation(row.get(1)?, row.get(2)?)))
    })?;
    Ok(open.collect::<Result<_, _>>()?)
}

pub(super) fn generation(epoch: i64, n: i64) -> Generation {
    Generation { epoch: epoch.unsigned_abs(), n: n.unsigned_abs() }
}

pub(super) fn enter(conn: &Connection, entry: &NewMembership, outbox: Outbox) -> Stored<Entered> {
    let (epoch, n) = numbers(entry.generation)?;
    let mut closed = conn.prepare_cached(ROOM_CLOSED)?;
    let entered = match closed.query_row([entry.room.0], |row| row.get(0)).optional()? {
        Some(true) => return Ok(Entered::NoRoom),
        Some(false) => match written_before(conn, entry)? {
            Some(answer) => return Ok(answer),
            None => Entered::Joined,
        },
        None if open_room(conn, entry.room, entry.at)? => Entered::Opened,
        None => return Ok(Entered::NoRoom),
    };
    let superseded = MembershipEnd::Superseded.as_str();
    let (room, user) = (entry.room.0, entry.user.0);
    // Looked up only to be told.
    let older = match outbox.is_on() {
        true => open_in(conn, entry.room)?,
        false => Vec::new(),
    };
    conn.prepare_cached(END_OLDER)?.execute(params![room, user, epoch, n, entry.at, superseded])?;
    // Still one open: a later grant was written first. This stay is history already.
    let overtaken = conn.prepare_cached(HAS_OPEN)?.exists(params![room, user])?;
    let left = overtaken.then_some((entry.at, superseded)).unzip();
    conn.prepare_cached(INSERT_STAY)?
        .execute(params![room, user, epoch, n, entry.at, left.0, left.1])?;
    if outbox.is_on() {
        let older =
            older.into_iter().map(|(user, generation)| ended_in(entry.room, user, generation));
        let told = Told { entered, is_over: overtaken, older: older.collect() };
        told.tell((conn, outbox), entry)?;
    }
    Ok(entered)
}

const fn ended_in(room: RoomId, user: UserId, generation: Generation) -> EndedStay {
    EndedStay { room, user, generation }
}

/// What an entry did.
struct Told {
    entered: Entered,
    /// The stay was history already.
    is_over: bool,
    /// Who sat there before.
    older: Vec<EndedStay>,
}

impl Told {
    fn tell(self, (conn, outbox): (&Connection, Outbox), entry: &NewMembership) -> Stored<()> {
        let mut told = Vec::new();
        if self.entered == Entered::Opened {
            told.extend(rooms::find(conn, entry.room)?.as_ref().map(events::opened));
        }
        let is_older =
            |stay: &EndedStay| stay.user == entry.user && stay.generation < entry.generation;
        let older = self.older.into_iter().filter(is_older);
        let superseded = |stay| events::left(stay, MembershipEnd::Superseded, entry.at);
        told.extend(older.map(superseded));
        told.push(events::entered(entry));
        let own = ended_in(entry.room, entry.user, entry.generation);
        told.extend(self.is_over.then(|| superseded(own)));
        outbox.add(conn, || told)
    }
}

/// What the same entry was answered before, if it was written before.
fn written_before(conn: &Connection, entry: &NewMembership) -> Stored<Option<Entered>> {
    let (epoch, n) = numbers(entry.generation)?;
    let mut select = conn.prepare_cached(WHOSE_STAY)?;
    let found = select
        .query_row(params![entry.room.0, epoch, n], |row| {
            Ok((UserId(row.get(0)?), row.get::<_, bool>(1)?))
        })
        .optional()?;
    match found {
        None => Ok(None),
        Some((user, opened)) if user == entry.user => {
            Ok(Some(if opened { Entered::Opened } else { Entered::Joined }))
        }
        Some(_) => Err(StorageError::Failed(format!(
            "{} in room {} belongs to another user",
            entry.generation, entry.room
        ))),
    }
}

/// Moves a room from the creation queue to the rooms. False when it is not queued.
fn open_room(conn: &Connection, id: RoomId, at: WallMillis) -> Stored<bool> {
    let opened = conn.prepare_cached(OPEN_ROOM)?.execute(params![id.0, at])?;
    if opened == 0 && !mutants::on(Mutant::B30RoomOpenedFromNothing) {
        return Ok(false);
    }
    conn.prepare_cached(LEAVE_QUEUE)?.execute([id.0])?;
    Ok(true)
}

pub(super) fn end(
    (conn, outbox): (&Connection, Outbox),
    (room, generation): (RoomId, Generation),
    (end, at): (MembershipEnd, WallMillis),
) -> Stored<bool> {
    let (epoch, n) = numbers(generation)?;
    let mut update = conn.prepare_cached(&seeded("END_ONE", END_ONE))?;
    let ended = update.execute(params![room.0, epoch, n, at, end.as_str()])?;
    if ended == 1 && outbox.is_on() {
        let mut whose = conn.prepare_cached(WHOSE_STAY)?;
        let user = whose.query_row(params![room.0, epoch, n], |row| Ok(UserId(row.get(0)?)))?;
        outbox.add(conn, || [events::left(ended_in(room, user, generation), end, at)])?;
    }
    Ok(ended == 1 || mutants::on(Mutant::B30EndedTwice))
}

pub(super) fn end_all_in(
    (conn, outbox): (&Connection, Outbox),
    room: RoomId,
    at: WallMillis,
) -> Stored<()> {
    let reason = MembershipEnd::RoomClosed;
    let open = match outbox.is_on() {
        true => open_in(conn, room)?,
        false => Vec::new(),
    };
    conn.prepare_cached(END_IN_ROOM)?.execute(params![room.0, at, reason.as_str()])?;
    let ended = open.into_iter().map(|(user, generation)| ended_in(room, user, generation));
    outbox.add(conn, || ended.map(|stay| events::left(stay, reason, at)))
}
