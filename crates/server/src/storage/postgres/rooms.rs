//! The creation queue, rooms and bans. A room keeps its queue number, which is never given again.

use anteroom_core::ids::{Generation, RoomId, UserId};
use async_trait::async_trait;
use deadpool_postgres::{GenericClient, Transaction};
use tokio_postgres::Row;
use uuid::Uuid;

use super::ask::{change, row, rows, whole, word};
use super::entries::count;
use super::error::Step;
use super::{PostgresStorage, bans, events, memberships, nodes};
use crate::storage::events as told;
use crate::storage::{
    BanRecord, Entered, MembershipEnd, NewMembership, NewRoom, QueuedRoom, RoomPatch, RoomRecord,
    RoomStore, StandingRoom, StorageError, Stored, WallMillis, words,
};

macro_rules! columns_of_both {
    () => {
        "id, name, capacity, staff_seats, visibility, key, password_hash, lifetime, owner_id,
         created_at, pending_until"
    };
}

macro_rules! columns_of_rooms {
    () => {
        concat!(columns_of_both!(), ", opened_at, closed_at, last_seq")
    };
}

statements! {
    QUEUE_ROOM = "INSERT INTO creation_queue (name, capacity, staff_seats, visibility, key,
                                              password_hash, lifetime, owner_id, created_at,
                                              pending_until)
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                  RETURNING id";
    QUEUED_ROOMS = concat!("SELECT ", columns_of_both!(), " FROM creation_queue ORDER BY id");
    FORGET_QUEUED = "DELETE FROM creation_queue WHERE id = $1";
    /// Against everybody who enters or speaks in it.
    HAVE_ALONE = "SELECT closed_at IS NULL FROM rooms WHERE id = $1 FOR UPDATE";
    /// Only entries that came to nothing.
    FORGET_FAILED_STAYS = "DELETE FROM memberships WHERE room_id = $1
        AND NOT EXISTS (SELECT FROM messages WHERE room_id = $1)
        AND NOT EXISTS (SELECT FROM memberships
            WHERE room_id = $1 AND left_reason IS DISTINCT FROM 'entry_failed')";
    FORGET_ROOM = "DELETE FROM rooms WHERE id = $1 AND closed_at IS NULL
        AND NOT EXISTS (SELECT FROM memberships WHERE room_id = $1)
        AND NOT EXISTS (SELECT FROM messages WHERE room_id = $1)";
    OPEN_ROOMS = concat!("SELECT ", columns_of_rooms!(),
                         " FROM rooms WHERE closed_at IS NULL ORDER BY id");
    ROOM = concat!("SELECT ", columns_of_rooms!(), " FROM rooms WHERE id = $1");
    STANDING_ROOM = concat!(
        "SELECT ", columns_of_rooms!(), " FROM rooms WHERE id = $1
         UNION ALL
         SELECT ", columns_of_both!(), ", NULL, NULL, NULL FROM creation_queue WHERE id = $1");
    CLOSE_ROOM = "UPDATE rooms SET closed_at = $2 WHERE id = $1";
    CHANGE_ROOM = concat!(
        "UPDATE rooms
         SET name = coalesce($2, name), capacity = coalesce($3, capacity),
             staff_seats = coalesce($4, staff_seats), visibility = coalesce($5, visibility),
             key = CASE WHEN $5 IS NULL THEN key ELSE $6 END,
             password_hash = CASE WHEN $7 THEN $8 ELSE password_hash END
         WHERE id = $1 AND closed_at IS NULL
         RETURNING ", columns_of_rooms!());
}

fn described(row: &Row) -> Step<NewRoom> {
    Ok(NewRoom {
        name: row.try_get("name")?,
        capacity: whole(row, "capacity")?,
        staff_seats: whole(row, "staff_seats")?,
        visibility: word(row, "visibility", words::parse_visibility)?,
        key: row.try_get("key")?,
        password_hash: row.try_get("password_hash")?,
        lifetime: word(row, "lifetime", words::parse_lifetime)?,
        owner: UserId(row.try_get("owner_id")?),
        created_at: row.try_get("created_at")?,
        pending_until: row.try_get("pending_until")?,
    })
}

fn queued(row: &Row) -> Step<QueuedRoom> {
    Ok(QueuedRoom { id: RoomId(row.try_get("id")?), room: described(row)? })
}

/// The room with this number.
pub(super) async fn find(on: &impl GenericClient, id: RoomId) -> Step<Option<RoomRecord>> {
    row(on, ROOM, &[&id.0]).await?.as_ref().map(record).transpose()
}

fn record(row: &Row) -> Step<RoomRecord> {
    Ok(RoomRecord {
        id: RoomId(row.try_get("id")?),
        room: described(row)?,
        opened_at: row.try_get("opened_at")?,
        closed_at: row.try_get("closed_at")?,
        last_seq: row.try_get("last_seq")?,
    })
}

/// The room with this number, wherever it stands.
async fn standing(on: &impl GenericClient, id: RoomId) -> Step<Option<StandingRoom>> {
    let Some(found) = row(on, STANDING_ROOM, &[&id.0]).await? else { return Ok(None) };
    Ok(Some(match found.try_get::<_, Option<WallMillis>>("opened_at")? {
        Some(_) => StandingRoom::Opened(record(&found)?),
        None => StandingRoom::Queued(queued(&found)?),
    }))
}

async fn queue(on: &impl GenericClient, room: &NewRoom) -> Step<RoomId> {
    let added = row(
        on,
        QUEUE_ROOM,
        &[
            &room.name,
            &i64::from(room.capacity),
            &i64::from(room.staff_seats),
            &words::visibility(room.visibility),
            &room.key,
            &room.password_hash,
            &words::lifetime(room.lifetime),
            &room.owner.0,
            &room.created_at,
            &room.pending_until,
        ],
    )
    .await?;
    let added = added.ok_or_else(|| StorageError::Failed("no number was given".into()))?;
    Ok(RoomId(added.try_get(0)?))
}

async fn change_room(
    on: &impl GenericClient,
    id: RoomId,
    patch: &RoomPatch,
) -> Step<Option<RoomRecord>> {
    let (visibility, key) = patch.visibility.as_ref().map(|(it, key)| (*it, key)).unzip();
    let changed = row(
        on,
        CHANGE_ROOM,
        &[
            &id.0,
            &patch.name,
            &patch.capacity.map(i64::from),
            &patch.staff_seats.map(i64::from),
            &visibility.map(words::visibility),
            &key.and_then(Option::as_deref),
            &patch.password_hash.is_some(),
            &patch.password_hash.as_ref().and_then(Option::as_deref),
        ],
    )
    .await?;
    changed.as_ref().map(record).transpose()
}

/// Takes a room for this transaction alone; whether it is there and open.
async fn have_alone(on: &Transaction<'_>, id: RoomId) -> Step<bool> {
    let is_open = row(on, HAVE_ALONE, &[&id.0]).await?;
    Ok(is_open.map(|row| row.try_get(0)).transpose()?.unwrap_or(false))
}

async fn change_told(
    on: &Transaction<'_>,
    id: RoomId,
    patch: &RoomPatch,
) -> Step<Option<RoomRecord>> {
    let changed = change_room(on, id, patch).await?;
    if let Some(room) = changed.as_ref().filter(|_| !patch.is_empty()) {
        events::add(on, &[told::changed(room)]).await?;
    }
    Ok(changed)
}

async fn forget(on: &Transaction<'_>, id: RoomId, tells: bool) -> Step<bool> {
    if change(on, FORGET_QUEUED, &[&id.0]).await? == 1 {
        return Ok(true);
    }
    if !have_alone(on, id).await? {
        return Ok(false);
    }
    change(on, FORGET_FAILED_STAYS, &[&id.0]).await?;
    let is_gone = change(on, FORGET_ROOM, &[&id.0]).await? == 1;
    // Of a room that was only queued nobody was told.
    if is_gone && tells {
        events::add(on, &[told::forgotten(id)]).await?;
    }
    Ok(is_gone)
}

async fn close(on: &Transaction<'_>, id: RoomId, at: WallMillis, tells: bool) -> Step<bool> {
    if !have_alone(on, id).await? {
        return Ok(false);
    }
    change(on, CLOSE_ROOM, &[&id.0, &at]).await?;
    if tells {
        memberships::end_all_told(on, id, at).await?;
        events::add(on, &[told::closed(id, at)]).await?;
    } else {
        memberships::end_all_in(on, id, at).await?;
    }
    Ok(true)
}

#[async_trait]
impl RoomStore for PostgresStorage {
    async fn founded(&self) -> Stored<(Uuid, u64)> {
        self.lines.run(&(), |line, ()| Box::pin(memberships::founded(line))).await
    }

    async fn begin_epoch(&self) -> Stored<u64> {
        let epoch =
            self.lines.run(&(), |line, ()| Box::pin(memberships::begin_epoch(line))).await?;
        if let Some(alone) = &self.alone {
            alone.began(epoch);
        }
        Ok(epoch.unsigned_abs())
    }

    async fn end_memberships_but(
        &self,
        living: Vec<(RoomId, Generation)>,
        at: WallMillis,
    ) -> Stored<u64> {
        if self.tells {
            return self
                .lines
                .write(&(living, at), |on, (living, at)| {
                    Box::pin(memberships::end_all_but_told(on, living, *at))
                })
                .await;
        }
        self.lines
            .run(&(living, at), |line, (living, at)| {
                Box::pin(memberships::end_all_but(line, living, *at))
            })
            .await
    }

    async fn open_memberships(&self, room: RoomId) -> Stored<Vec<(UserId, Generation)>> {
        self.lines.run(&room, |line, room| Box::pin(memberships::open_in(line, *room))).await
    }

    async fn queue_room(&self, room: NewRoom) -> Stored<QueuedRoom> {
        let id = self.lines.run(&room, |line, room| Box::pin(queue(line, room))).await?;
        Ok(QueuedRoom { id, room })
    }

    async fn queued_rooms(&self) -> Stored<Vec<QueuedRoom>> {
        self.lines
            .run(&(), |line, ()| {
                Box::pin(async move {
                    rows(line, QUEUED_ROOMS, &[]).await?.iter().map(queued).collect()
                })
            })
            .await
    }

    async fn forget_pending(&self, id: RoomId) -> Stored<bool> {
        self.lines
            .write(&(id, self.tells), |on, (id, tells)| Box::pin(forget(on, *id, *tells)))
            .await
    }

    async fn open_rooms(&self) -> Stored<Vec<RoomRecord>> {
        self.lines
            .run(&(), |line, ()| {
                Box::pin(
                    async move { rows(line, OPEN_ROOMS, &[]).await?.iter().map(record).collect() },
                )
            })
            .await
    }

    async fn room(&self, id: RoomId) -> Stored<Option<RoomRecord>> {
        self.lines.run(&id, |line, id| Box::pin(find(line, *id))).await
    }

    async fn standing_room(&self, id: RoomId) -> Stored<Option<StandingRoom>> {
        self.lines.run(&id, |line, id| Box::pin(standing(line, *id))).await
    }

    async fn enter(&self, entry: NewMembership) -> Stored<Entered> {
        let me = self.me.get().copied();
        self.lines
            .write(&(entry, me, self.tells), |on, (entry, me, tells)| {
                Box::pin(async move {
                    nodes::holds(on, *me).await?;
                    memberships::enter(on, entry, *tells).await
                })
            })
            .await
    }

    async fn end_membership(
        &self,
        room: RoomId,
        generation: Generation,
        end: MembershipEnd,
        at: WallMillis,
    ) -> Stored<bool> {
        if self.tells {
            let given = ((room, generation), (end, at));
            return self
                .lines
                .write(&given, |on, (stay, how)| Box::pin(memberships::end_told(on, *stay, *how)))
                .await;
        }
        self.lines
            .run(&(room, generation, end, at), |line, (room, generation, end, at)| {
                Box::pin(memberships::end(line, *room, *generation, (*end, *at)))
            })
            .await
    }

    async fn close_room(&self, id: RoomId, at: WallMillis) -> Stored<bool> {
        self.lines
            .write(&(id, at, self.tells), |on, (id, at, tells)| {
                Box::pin(close(on, *id, *at, *tells))
            })
            .await
    }

    async fn change_room(&self, id: RoomId, patch: RoomPatch) -> Stored<Option<RoomRecord>> {
        if self.tells {
            return self
                .lines
                .write(&(id, patch), |on, (id, patch)| Box::pin(change_told(on, *id, patch)))
                .await;
        }
        self.lines
            .run(&(id, patch), |line, (id, patch)| Box::pin(change_room(line, *id, patch)))
            .await
    }

    async fn ban(&self, room: RoomId, user: UserId, by: UserId, at: WallMillis) -> Stored<()> {
        let given = (room, user, by, at);
        if self.tells {
            let told = self.lines.write(&given, |on, given| Box::pin(bans::ban_told(on, *given)));
            return told.await;
        }
        self.lines
            .run(&given, |on, given| Box::pin(async move { bans::ban(on, *given).await.map(drop) }))
            .await
    }

    async fn unban(&self, room: RoomId, user: UserId, by: UserId, at: WallMillis) -> Stored<bool> {
        let given = ((room, user, by, at), self.tells);
        self.lines
            .write(&given, |on, (given, tells)| Box::pin(bans::unban(on, *given, *tells)))
            .await
    }

    async fn bans(
        &self,
        room: RoomId,
        after: Option<UserId>,
        limit: usize,
    ) -> Stored<Vec<BanRecord>> {
        let given = (room.0, after.map_or(Uuid::nil(), |user| user.0), count(limit)?);
        self.lines.run(&given, |on, given| Box::pin(bans::of_room(on, *given))).await
    }

    async fn is_banned(&self, room: RoomId, user: UserId) -> Stored<bool> {
        self.lines
            .run(&(room, user), |on, (room, user)| Box::pin(bans::is_banned(on, *room, *user)))
            .await
    }
}
