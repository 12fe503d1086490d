//! Stays, and the first one that turns a queued room into a row.

use anteroom_core::ids::{Generation, RoomId, UserId};
use deadpool_postgres::{GenericClient, Transaction};
use uuid::Uuid;

use super::accounts;
use super::ask::{change, row, rows};
use super::error::Step;
use crate::storage::{Entered, MembershipEnd, NewMembership, StorageError, Stored, WallMillis};

statements! {
    FOUNDED = "SELECT deployment, epoch FROM meta";
    RAISE_EPOCH = "UPDATE meta SET epoch = epoch + 1 RETURNING epoch";
    END_ALL_BUT = "UPDATE memberships SET left_at = $1, left_reason = $2
                   WHERE left_at IS NULL
                     AND (room_id, epoch, n) NOT IN
                         (SELECT * FROM unnest($3::bigint[], $4::bigint[], $5::bigint[]))";
    OPEN_IN_ROOM = "SELECT user_id, epoch, n FROM memberships
                    WHERE room_id = $1 AND left_at IS NULL ORDER BY ordinal";
    END_IN_ROOM = "UPDATE memberships SET left_at = $2, left_reason = $3
                   WHERE room_id = $1 AND left_at IS NULL";
    END_ONE = "UPDATE memberships SET left_at = $4, left_reason = $5
               WHERE room_id = $1 AND epoch = $2 AND n = $3 AND left_at IS NULL";
    END_OLDER = "UPDATE memberships SET left_at = $5, left_reason = $6
                 WHERE room_id = $1 AND user_id = $2 AND (epoch, n) < ($3, $4) AND left_at IS NULL";
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

pub(super) async fn end_all_but(
    on: &impl GenericClient,
    living: &[(RoomId, Generation)],
    at: WallMillis,
) -> Step<u64> {
    let rooms: Vec<i64> = living.iter().map(|(room, _)| room.0).collect();
    let both = living.iter().map(|(_, generation)| numbers(*generation));
    let (epochs, ns): (Vec<i64>, Vec<i64>) = both.collect::<Stored<Vec<_>>>()?.into_iter().unzip();
    let stopped = MembershipEnd::ServerStopped.as_str();
    change(on, END_ALL_BUT, &[&at, &stopped, &rooms, &epochs, &ns]).await
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

pub(super) async fn enter(on: &Transaction<'_>, entry: &NewMembership) -> Step<Entered> {
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
    change(on, END_OLDER, &[&room, &user, &epoch, &n, &entry.at, &superseded]).await?;
    // Still one open: a later grant was written first. This stay is history already.
    let overtaken = row(on, HAS_OPEN, &[&room, &user]).await?.is_some();
    let (left_at, left_reason) = overtaken.then_some((entry.at, superseded)).unzip();
    change(on, INSERT_STAY, &[&room, &user, &epoch, &n, &entry.at, &left_at, &left_reason]).await?;
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
    Ok(change(on, END_ONE, &[&room.0, &epoch, &n, &at, &end.as_str()]).await? == 1)
}

pub(super) async fn end_all_in(on: &Transaction<'_>, room: RoomId, at: WallMillis) -> Step<()> {
    let reason = MembershipEnd::RoomClosed.as_str();
    change(on, END_IN_ROOM, &[&room.0, &at, &reason]).await?;
    Ok(())
}
