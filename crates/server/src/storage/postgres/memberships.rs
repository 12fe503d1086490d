//! Stays, and the first one that turns a queued room into a row.

use anteroom_core::ids::{Generation, RoomId, UserId};
use deadpool_postgres::{GenericClient, Transaction};
use uuid::Uuid;

use super::ask::{Given, change, row, rows};
use super::error::Step;
use super::{accounts, events, rooms};
use crate::storage::events::{self as told, EndedStay};
use crate::storage::{Entered, MembershipEnd, NewMembership, StorageError, Stored, WallMillis};

/// Ends open stays; with `told`, answers which they were.
macro_rules! end_stays {
    ($set:literal, $which:literal) => {
        concat!("UPDATE memberships SET ", $set, " WHERE left_at IS NULL AND ", $which)
    };
    ($set:literal, $which:literal, told) => {
        concat!(end_stays!($set, $which), " RETURNING room_id, user_id, epoch, n")
    };
}

/// Which stays a statement is about, as its parameters follow the instant and the reason.
macro_rules! all_but {
    ($($told:tt)?) => {
        end_stays!(
            "left_at = $1, left_reason = $2",
            "(room_id, epoch, n) NOT IN
                 (SELECT * FROM unnest($3::bigint[], $4::bigint[], $5::bigint[]))"
            $(, $told)?
        )
    };
}

macro_rules! in_room {
    ($($told:tt)?) => {
        end_stays!("left_at = $1, left_reason = $2", "room_id = $3" $(, $told)?)
    };
}

macro_rules! one {
    ($($told:tt)?) => {
        end_stays!(
            "left_at = $1, left_reason = $2",
            "room_id = $3 AND epoch = $4 AND n = $5"
            $(, $told)?
        )
    };
}

macro_rules! older {
    ($($told:tt)?) => {
        end_stays!(
            "left_at = $1, left_reason = $2",
            "room_id = $3 AND user_id = $6 AND (epoch, n) < ($4, $5)"
            $(, $told)?
        )
    };
}

statements! {
    FOUNDED = "SELECT deployment, epoch FROM meta";
    RAISE_EPOCH = "UPDATE meta SET epoch = epoch + 1 RETURNING epoch";
    END_ALL_BUT = all_but!();
    END_ALL_BUT_TOLD = all_but!(told);
    OPEN_IN_ROOM = "SELECT user_id, epoch, n FROM memberships
                    WHERE room_id = $1 AND left_at IS NULL ORDER BY ordinal";
    END_IN_ROOM = in_room!();
    END_IN_ROOM_TOLD = in_room!(told);
    END_ONE = one!();
    END_ONE_TOLD = one!(told);
    END_OLDER = older!();
    END_OLDER_TOLD = older!(told);
    HAS_OPEN = "SELECT 1 FROM memberships WHERE room_id = $1 AND user_id = $2 AND left_at IS NULL";
    /// Neither closes nor goes before this transaction ends.
    KEEP_ROOM = "SELECT closed_at IS NOT NULL FROM rooms WHERE id = $1 FOR KEY SHARE";
    /// Of two who do this at once the second waits for the first, and finds nothing.
    OPEN_ROOM = "WITH queued AS (DELETE FROM creation_queue WHERE id = $1 RETURNING *)
                 INSERT INTO rooms (id, name, capacity, staff_seats, visibility, key, password_hash,
                                    lifetime, owner_id, created_at, pending_until, opened_at)
                 SELECT id, name, capacity, staff_seats, visibility, key, password_hash,
                        lifetime, owner_id, created_at, pending_until, $2 FROM queued";
    INSERT_STAY = "INSERT INTO memberships (room_id, user_id, epoch, n, entered_at,
                                            left_at, left_reason)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
    WHOSE_STAY = "SELECT user_id,
                         ordinal = (SELECT min(ordinal) FROM memberships WHERE room_id = $1) AS first
                  FROM memberships WHERE room_id = $1 AND epoch = $2 AND n = $3";
}

/// `(epoch, n)` as signed integers.
pub(super) fn numbers(generation: Generation) -> Stored<(i64, i64)> {
    let fit = |number: u64| {
        i64::try_from(number)
            .map_err(|_| StorageError::Failed(format!("{generation} is beyond what is stored")))
    };
    Ok((fit(generation.epoch)?, fit(generation.n)?))
}

pub(super) fn generation(epoch: i64, n: i64) -> Generation {
    Generation { epoch: epoch.unsigned_abs(), n: n.unsigned_abs() }
}

pub(super) async fn founded(on: &impl GenericClient) -> Step<(Uuid, u64)> {
    let row = row(on, FOUNDED, &[]).await?.ok_or_else(nameless)?;
    Ok((row.try_get(0)?, row.try_get::<_, i64>(1)?.unsigned_abs()))
}

pub(super) async fn begin_epoch(on: &impl GenericClient) -> Step<i64> {
    Ok(row(on, RAISE_EPOCH, &[]).await?.ok_or_else(nameless)?.try_get(0)?)
}

fn nameless() -> StorageError {
    StorageError::Failed("the database has lost its name".into())
}

/// The stays that go on, as statements take them: rooms, epochs and numbers.
fn living_numbers(living: &[(RoomId, Generation)]) -> Stored<[Vec<i64>; 3]> {
    let rooms: Vec<i64> = living.iter().map(|(room, _)| room.0).collect();
    let both = living.iter().map(|(_, generation)| numbers(*generation));
    let (epochs, ns): (Vec<i64>, Vec<i64>) = both.collect::<Stored<Vec<_>>>()?.into_iter().unzip();
    Ok([rooms, epochs, ns])
}

pub(super) async fn end_all_but(
    on: &impl GenericClient,
    living: &[(RoomId, Generation)],
    at: WallMillis,
) -> Step<u64> {
    let stopped = MembershipEnd::ServerStopped.as_str();
    let [rooms, epochs, ns] = living_numbers(living)?;
    change(on, END_ALL_BUT, &[&at, &stopped, &rooms, &epochs, &ns]).await
}

/// As [`end_all_but`], and tells of each.
pub(super) async fn end_all_but_told(
    on: &Transaction<'_>,
    living: &[(RoomId, Generation)],
    at: WallMillis,
) -> Step<u64> {
    let stopped = MembershipEnd::ServerStopped;
    let [rooms, epochs, ns] = living_numbers(living)?;
    let given: &Given<'_> = &[&at, &stopped.as_str(), &rooms, &epochs, &ns];
    let ended = end_and_tell(on, (END_ALL_BUT_TOLD, given), (stopped, at)).await?;
    Ok(ended as u64)
}

/// Ends stays by a statement that says which, and tells of each. How many there were.
async fn end_and_tell(
    on: &Transaction<'_>,
    (sql, given): (&'static str, &Given<'_>),
    (end, at): (MembershipEnd, WallMillis),
) -> Step<usize> {
    let ended = rows(on, sql, given).await?;
    let ended: Vec<_> = ended
        .iter()
        .map(|row| {
            let stay = EndedStay {
                room: RoomId(row.try_get("room_id")?),
                user: UserId(row.try_get("user_id")?),
                generation: generation(row.try_get("epoch")?, row.try_get("n")?),
            };
            Ok(told::left(stay, end, at))
        })
        .collect::<Step<_>>()?;
    events::add(on, &ended).await?;
    Ok(ended.len())
}

pub(super) async fn open_in(
    on: &impl GenericClient,
    room: RoomId,
) -> Step<Vec<(UserId, Generation)>> {
    let open = rows(on, OPEN_IN_ROOM, &[&room.0]).await?;
    open.iter()
        .map(|row| Ok((UserId(row.try_get(0)?), generation(row.try_get(1)?, row.try_get(2)?))))
        .collect()
}

pub(super) async fn enter(
    on: &Transaction<'_>,
    entry: &NewMembership,
    tells: bool,
) -> Step<Entered> {
    let (epoch, n) = numbers(entry.generation)?;
    let entered = match keep_room(on, entry.room).await? {
        Some(Room::Closed) => return Ok(Entered::NoRoom),
        Some(Room::Open) => Entered::Joined,
        None if change(on, OPEN_ROOM, &[&entry.room.0, &entry.at]).await? == 1 => Entered::Opened,
        // Somebody opened it in between, or it is neither queued nor open.
        None => match keep_room(on, entry.room).await? {
            Some(Room::Open) => Entered::Joined,
            Some(Room::Closed) | None => return Ok(Entered::NoRoom),
        },
    };
    // Of two entries of one user the later one sees the earlier.
    accounts::lock(on, entry.user).await?;
    if entered == Entered::Joined
        && let Some(answer) = written_before(on, entry).await?
    {
        return Ok(answer);
    }
    let superseded = MembershipEnd::Superseded.as_str();
    let (room, user) = (entry.room.0, entry.user.0);
    if tells && entered == Entered::Opened {
        let opened: Vec<_> = rooms::find(on, entry.room).await?.iter().map(told::opened).collect();
        events::add(on, &opened).await?;
    }
    let older: &Given<'_> = &[&entry.at, &superseded, &room, &epoch, &n, &user];
    if tells {
        let how = (MembershipEnd::Superseded, entry.at);
        end_and_tell(on, (END_OLDER_TOLD, older), how).await?;
    } else {
        change(on, END_OLDER, older).await?;
    }
    // Still one open: a later grant was written first. This stay is history already.
    let overtaken = row(on, HAS_OPEN, &[&room, &user]).await?.is_some();
    let (left_at, left_reason) = overtaken.then_some((entry.at, superseded)).unzip();
    change(on, INSERT_STAY, &[&room, &user, &epoch, &n, &entry.at, &left_at, &left_reason]).await?;
    if tells {
        let own = EndedStay { room: entry.room, user: entry.user, generation: entry.generation };
        let over = left_at.map(|at| told::left(own, MembershipEnd::Superseded, at));
        let all: Vec<_> = std::iter::once(told::entered(entry)).chain(over).collect();
        events::add(on, &all).await?;
    }
    Ok(entered)
}

enum Room {
    Open,
    Closed,
}

async fn keep_room(on: &Transaction<'_>, room: RoomId) -> Step<Option<Room>> {
    let Some(row) = row(on, KEEP_ROOM, &[&room.0]).await? else { return Ok(None) };
    Ok(Some(if row.try_get(0)? { Room::Closed } else { Room::Open }))
}

/// What the same entry was answered before, if it was written before.
async fn written_before(on: &Transaction<'_>, entry: &NewMembership) -> Step<Option<Entered>> {
    let (epoch, n) = numbers(entry.generation)?;
    let Some(row) = row(on, WHOSE_STAY, &[&entry.room.0, &epoch, &n]).await? else {
        return Ok(None);
    };
    if UserId(row.try_get("user_id")?) == entry.user {
        let opened: bool = row.try_get("first")?;
        return Ok(Some(if opened { Entered::Opened } else { Entered::Joined }));
    }
    let whose = format!("{} in room {} belongs to another user", entry.generation, entry.room);
    Err(StorageError::Failed(whose).into())
}

pub(super) async fn end(
    on: &impl GenericClient,
    room: RoomId,
    generation: Generation,
    (end, at): (MembershipEnd, WallMillis),
) -> Step<bool> {
    let (epoch, n) = numbers(generation)?;
    Ok(change(on, END_ONE, &[&at, &end.as_str(), &room.0, &epoch, &n]).await? == 1)
}

/// As [`end`], and tells of it.
pub(super) async fn end_told(
    on: &Transaction<'_>,
    (room, generation): (RoomId, Generation),
    how: (MembershipEnd, WallMillis),
) -> Step<bool> {
    let (epoch, n) = numbers(generation)?;
    let given: &Given<'_> = &[&how.1, &how.0.as_str(), &room.0, &epoch, &n];
    Ok(end_and_tell(on, (END_ONE_TOLD, given), how).await? == 1)
}

pub(super) async fn end_all_in(on: &Transaction<'_>, room: RoomId, at: WallMillis) -> Step<()> {
    let reason = MembershipEnd::RoomClosed.as_str();
    change(on, END_IN_ROOM, &[&at, &reason, &room.0]).await?;
    Ok(())
}

/// As [`end_all_in`], and tells of each.
pub(super) async fn end_all_told(on: &Transaction<'_>, room: RoomId, at: WallMillis) -> Step<()> {
    let how = (MembershipEnd::RoomClosed, at);
    let given: &Given<'_> = &[&at, &how.0.as_str(), &room.0];
    end_and_tell(on, (END_IN_ROOM_TOLD, given), how).await?;
    Ok(())
}
