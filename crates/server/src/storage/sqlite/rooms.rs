//! The creation queue, rooms and bans. A room keeps its queue number, which is never given again.

use anteroom_core::ids::{Generation, RoomId, UserId};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use uuid::Uuid;

use super::entries::count;
use super::events::Outbox;
use super::statements::word;
use super::{SqliteStorage, memberships};
use crate::storage::{
    BanRecord, Entered, MembershipEnd, NewMembership, NewRoom, QueuedRoom, RoomPatch, RoomRecord,
    RoomStore, StandingRoom, Stored, WallMillis, events, words,
};

macro_rules! columns_of_both {
    () => {
        "id, name, capacity, staff_seats, visibility, key, password_hash, lifetime, owner_id,
         created_at, pending_until"
    };
}

macro_rules! columns_of_rooms {
    () => {
        concat!(
            columns_of_both!(),
            ", opened_at, closed_at,
             (SELECT last_seq FROM last_seqs WHERE room_id = rooms.id) AS last_seq"
        )
    };
}

statements! {
    QUEUE_ROOM = "INSERT INTO creation_queue (name, capacity, staff_seats, visibility, key,
                                              password_hash, lifetime, owner_id, created_at,
                                              pending_until)
                  VALUES (:name, :capacity, :staff_seats, :visibility, :key, :password_hash,
                          :lifetime, :owner, :created_at, :pending_until)
                  RETURNING id";
    QUEUED_ROOMS = concat!("SELECT ", columns_of_both!(), " FROM creation_queue ORDER BY id");
    FORGET_QUEUED = "DELETE FROM creation_queue WHERE id = ?1";
    /// Only entries that came to nothing.
    FORGET_FAILED_STAYS = "DELETE FROM memberships WHERE room_id = ?1
        AND NOT EXISTS (SELECT 1 FROM messages
            WHERE row_no > ?1 << 32 AND row_no < (?1 + 1) << 32)
        AND NOT EXISTS (SELECT 1 FROM memberships
            WHERE room_id = ?1 AND left_reason IS NOT 'entry_failed')";
    FORGET_ROOM = "DELETE FROM rooms WHERE id = ?1 AND closed_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM memberships WHERE room_id = ?1)
        AND NOT EXISTS (SELECT 1 FROM messages
            WHERE row_no > ?1 << 32 AND row_no < (?1 + 1) << 32)";
    OPEN_ROOMS = concat!("SELECT ", columns_of_rooms!(),
                         " FROM rooms WHERE closed_at IS NULL ORDER BY id");
    ROOM = concat!("SELECT ", columns_of_rooms!(), " FROM rooms WHERE id = ?1");
    STANDING_ROOM = concat!(
        "SELECT ", columns_of_rooms!(), " FROM rooms WHERE id = ?1
         UNION ALL
         SELECT ", columns_of_both!(), ", NULL, NULL, NULL FROM creation_queue WHERE id = ?1");
    CLOSE_ROOM = "UPDATE rooms SET closed_at = ?2 WHERE id = ?1 AND closed_at IS NULL";
    CHANGE_ROOM = concat!(
        "UPDATE rooms
         SET name = coalesce(:name, name), capacity = coalesce(:capacity, capacity),
             staff_seats = coalesce(:staff_seats, staff_seats),
             visibility = coalesce(:visibility, visibility),
             key = iif(:visibility IS NULL, key, :key),
             password_hash = iif(:with_password, :password_hash, password_hash)
         WHERE id = :id AND closed_at IS NULL
         RETURNING ", columns_of_rooms!());
    UNBAN = "DELETE FROM bans WHERE room_id = ?1 AND user_id = ?2";
    BANS_OF = "SELECT user_id, username, display_name, banned_by, banned_at
               FROM bans JOIN users ON users.id = user_id
               WHERE room_id = ?1 AND user_id > ?2 ORDER BY user_id LIMIT ?3";
    BAN = "INSERT INTO bans (room_id, user_id, banned_by, banned_at) VALUES (?1, ?2, ?3, ?4)
           ON CONFLICT DO NOTHING";
}

fn described(row: &Row<'_>) -> rusqlite::Result<NewRoom> {
    Ok(NewRoom {
        name: row.get("name")?,
        capacity: row.get("capacity")?,
        staff_seats: row.get("staff_seats")?,
        visibility: word(row, "visibility", words::parse_visibility)?,
        key: row.get("key")?,
        password_hash: row.get("password_hash")?,
        lifetime: word(row, "lifetime", words::parse_lifetime)?,
        owner: UserId(row.get("owner_id")?),
        created_at: row.get("created_at")?,
        pending_until: row.get("pending_until")?,
    })
}

fn queued(row: &Row<'_>) -> rusqlite::Result<QueuedRoom> {
    Ok(QueuedRoom { id: RoomId(row.get("id")?), room: described(row)? })
}

/// The room with this number.
pub(super) fn find(conn: &Connection, id: RoomId) -> Stored<Option<RoomRecord>> {
    Ok(conn.prepare_cached(ROOM)?.query_row([id.0], record).optional()?)
}

fn record(row: &Row<'_>) -> rusqlite::Result<RoomRecord> {
    Ok(RoomRecord {
        id: RoomId(row.get("id")?),
        room: described(row)?,
        opened_at: row.get("opened_at")?,
        closed_at: row.get("closed_at")?,
        last_seq: row.get("last_seq")?,
    })
}

/// The room with this number, wherever it stands.
fn standing(conn: &Connection, id: RoomId) -> Stored<Option<StandingRoom>> {
    let read = |row: &Row<'_>| match row.get::<_, Option<WallMillis>>("opened_at")? {
        Some(_) => record(row).map(StandingRoom::Opened),
        None => queued(row).map(StandingRoom::Queued),
    };
    Ok(conn.prepare_cached(STANDING_ROOM)?.query_row([id.0], read).optional()?)
}

fn queue(conn: &Connection, room: NewRoom) -> Stored<QueuedRoom> {
    let mut insert = conn.prepare_cached(QUEUE_ROOM)?;
    let id = insert.query_row(
        named_params! {
            ":name": room.name,
            ":capacity": room.capacity,
            ":staff_seats": room.staff_seats,
            ":visibility": words::visibility(room.visibility),
            ":key": room.key,
            ":password_hash": room.password_hash,
            ":lifetime": words::lifetime(room.lifetime),
            ":owner": room.owner.0,
            ":created_at": room.created_at,
            ":pending_until": room.pending_until,
        },
        |row| row.get(0),
    )?;
    Ok(QueuedRoom { id: RoomId(id), room })
}

/// Forgets a room that nobody was let into; whether there was one.
fn forget(conn: &Connection, id: RoomId, outbox: Outbox) -> Stored<bool> {
    if conn.prepare_cached(FORGET_QUEUED)?.execute([id.0])? == 1 {
        return Ok(true);
    }
    conn.prepare_cached(FORGET_FAILED_STAYS)?.execute([id.0])?;
    let is_gone = conn.prepare_cached(FORGET_ROOM)?.execute([id.0])? == 1;
    // Of a room that was only queued nobody was told.
    outbox.add(conn, || is_gone.then(|| events::forgotten(id)))?;
    Ok(is_gone)
}

fn close(conn: &Connection, id: RoomId, at: WallMillis, outbox: Outbox) -> Stored<bool> {
    if conn.prepare_cached(CLOSE_ROOM)?.execute(params![id.0, at])? == 0 {
        return Ok(false);
    }
    memberships::end_all_in((conn, outbox), id, at)?;
    outbox.add(conn, || [events::closed(id, at)])?;
    Ok(true)
}

fn change(conn: &Connection, id: RoomId, change: RoomPatch) -> Stored<Option<RoomRecord>> {
    let (visibility, key) = change.visibility.unzip();
    let mut update = conn.prepare_cached(CHANGE_ROOM)?;
    let parameters = named_params! {
        ":id": id.0,
        ":name": change.name,
        ":capacity": change.capacity,
        ":staff_seats": change.staff_seats,
        ":visibility": visibility.map(words::visibility),
        ":key": key.flatten(),
        ":with_password": change.password_hash.is_some(),
        ":password_hash": change.password_hash.flatten(),
    };
    Ok(update.query_row(parameters, record).optional()?)
}

fn all<T>(
    conn: &Connection,
    sql: &str,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Stored<Vec<T>> {
    let mut select = conn.prepare_cached(sql)?;
    let rows = select.query_map([], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn ban_record(row: &Row<'_>) -> rusqlite::Result<BanRecord> {
    Ok(BanRecord {
        user: UserId(row.get("user_id")?),
        username: row.get("username")?,
        display_name: row.get("display_name")?,
        by: UserId(row.get("banned_by")?),
        at: row.get("banned_at")?,
    })
}

#[async_trait]
impl RoomStore for SqliteStorage {
    async fn founded(&self) -> Stored<(Uuid, u64)> {
        self.read(memberships::founded).await
    }

    async fn begin_epoch(&self) -> Stored<u64> {
        self.write(memberships::begin_epoch).await
    }

    async fn end_memberships_but(
        &self,
        living: Vec<(RoomId, Generation)>,
        at: WallMillis,
    ) -> Stored<u64> {
        let (outbox, living) = (self.outbox, living.into_iter().collect());
        self.write(move |conn| memberships::end_all_but((conn, outbox), &living, at)).await
    }

    async fn open_memberships(&self, room: RoomId) -> Stored<Vec<(UserId, Generation)>> {
        self.read(move |conn| memberships::open_in(conn, room)).await
    }

    async fn queue_room(&self, room: NewRoom) -> Stored<QueuedRoom> {
        self.write(move |conn| queue(conn, room)).await
    }

    async fn queued_rooms(&self) -> Stored<Vec<QueuedRoom>> {
        self.read(|conn| all(conn, QUEUED_ROOMS, queued)).await
    }

    async fn forget_pending(&self, id: RoomId) -> Stored<bool> {
        let outbox = self.outbox;
        self.write(move |conn| forget(conn, id, outbox)).await
    }

    async fn open_rooms(&self) -> Stored<Vec<RoomRecord>> {
        self.read(|conn| all(conn, OPEN_ROOMS, record)).await
    }

    async fn room(&self, id: RoomId) -> Stored<Option<RoomRecord>> {
        self.read(move |conn| find(conn, id)).await
    }

    async fn standing_room(&self, id: RoomId) -> Stored<Option<StandingRoom>> {
        self.read(move |conn| standing(conn, id)).await
    }

    async fn enter(&self, entry: NewMembership) -> Stored<Entered> {
        let outbox = self.outbox;
        self.write(move |conn| memberships::enter(conn, &entry, outbox)).await
    }

    async fn end_membership(
        &self,
        room: RoomId,
        generation: Generation,
        end: MembershipEnd,
        at: WallMillis,
    ) -> Stored<bool> {
        let (outbox, stay) = (self.outbox, (room, generation));
        self.write(move |conn| memberships::end((conn, outbox), stay, (end, at))).await
    }

    async fn close_room(&self, id: RoomId, at: WallMillis) -> Stored<bool> {
        let outbox = self.outbox;
        self.write(move |conn| close(conn, id, at, outbox)).await
    }

    async fn change_room(&self, id: RoomId, patch: RoomPatch) -> Stored<Option<RoomRecord>> {
        let outbox = self.outbox;
        self.write(move |conn| {
            let is_empty = patch.is_empty();
            let changed = change(conn, id, patch)?;
            outbox.add(conn, || changed.as_ref().filter(|_| !is_empty).map(events::changed))?;
            Ok(changed)
        })
        .await
    }

    async fn ban(&self, room: RoomId, user: UserId, by: UserId, at: WallMillis) -> Stored<()> {
        // At hand first: a caller that goes away in the middle leaves nobody banned on disk alone.
        // One at a time, so that one that fails takes nothing back that another one wrote.
        let _turn = self.bans.turn().await;
        let is_news = self.bans.add(room, user);
        let outbox = self.outbox;
        let written = self
            .write(move |conn| {
                let mut ban = conn.prepare_cached(BAN)?;
                let is_new = ban.execute(params![room.0, user.0, by.0, at])? == 1;
                outbox.add(conn, || is_new.then(|| events::banned(room, user, by, at)))
            })
            .await;
        if written.is_err() && is_news {
            self.bans.remove(room, user);
        }
        written
    }

    async fn unban(&self, room: RoomId, user: UserId, by: UserId, at: WallMillis) -> Stored<bool> {
        let _turn = self.bans.turn().await;
        let outbox = self.outbox;
        let lifted = self
            .write(move |conn| {
                let was = conn.prepare_cached(UNBAN)?.execute(params![room.0, user.0])? == 1;
                outbox.add(conn, || was.then(|| events::unbanned(room, user, by, at)))?;
                Ok(was)
            })
            .await?;
        // On disk first: whoever is told too early that they may come back would find a shut door again.
        self.bans.remove(room, user);
        Ok(lifted)
    }

    async fn bans(
        &self,
        room: RoomId,
        after: Option<UserId>,
        limit: usize,
    ) -> Stored<Vec<BanRecord>> {
        let after = after.map_or(uuid::Uuid::nil(), |user| user.0);
        self.read(move |conn| {
            let mut select = conn.prepare_cached(BANS_OF)?;
            let rows = select.query_map(params![room.0, after, count(limit)?], ban_record)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn is_banned(&self, room: RoomId, user: UserId) -> Stored<bool> {
        self.alive()?;
        Ok(self.bans.has(room, user))
    }
}
