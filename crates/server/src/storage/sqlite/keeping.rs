//! Taking away what is older than messages are kept: a little in each transaction.
//!
//! The pages that become free stay with the file, and are written again by what is said next.

use anteroom_core::ids::RoomId;
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::SqliteStorage;
use super::entries::count;
use super::messages::row_of;
use crate::storage::{KeepingStore, Stored, WallMillis};

statements! {
    GONE = "SELECT gone_seq FROM rooms WHERE id = ?1";
    SOME_ROOMS = "SELECT id,
            coalesce((SELECT created_at FROM messages
                      WHERE row_no > rooms.id << 32 AND row_no < (rooms.id + 1) << 32
                      ORDER BY row_no LIMIT 1) < ?2, 0)
            OR coalesce((SELECT at FROM changes WHERE room_id = rooms.id ORDER BY seq LIMIT 1) < ?2, 0)
        FROM rooms WHERE id > ?1 ORDER BY id LIMIT ?3";
    OLDEST = "SELECT seq, at FROM (
            SELECT * FROM (SELECT seq, created_at AS at FROM messages
                           WHERE row_no > ?1 AND row_no <= ?2 ORDER BY row_no LIMIT ?5)
            UNION ALL
            SELECT * FROM (SELECT seq, at FROM changes WHERE room_id = ?3 AND seq > ?4
                           ORDER BY seq LIMIT ?5)
        ) ORDER BY seq LIMIT ?5";
    NAME_TARGETS = "UPDATE changes
        SET target_id = (SELECT id FROM messages WHERE row_no = (?1 << 32) | target_seq)
        WHERE room_id = ?1 AND target_seq > ?2 AND target_seq <= ?3 AND seq > ?3 AND target_id IS NULL";
    FORGET_WORDS = "DELETE FROM found_words WHERE rowid = ?1";
    FORGET_MESSAGES = "DELETE FROM messages WHERE row_no > ?1 AND row_no <= ?2";
    FORGET_CHANGES = "DELETE FROM changes WHERE room_id = ?1 AND seq > ?2 AND seq <= ?3";
    SET_GONE = "UPDATE rooms SET gone_seq = ?2, seq_floor = max(seq_floor, ?2) WHERE id = ?1";
}

fn gone(conn: &Connection, room: RoomId) -> Stored<Option<i64>> {
    Ok(conn.prepare_cached(GONE)?.query_row([room.0], |row| row.get(0)).optional()?)
}

fn rooms(
    conn: &Connection,
    before: WallMillis,
    after: RoomId,
    limit: usize,
) -> Stored<(Vec<RoomId>, Option<RoomId>)> {
    let mut select = conn.prepare_cached(SOME_ROOMS)?;
    let rows = select.query_map(params![after.0, before, count(limit)?], |row| {
        Ok((RoomId(row.get(0)?), row.get::<_, bool>(1)?))
    })?;
    let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
    let next = rows.last().map(|(room, _)| *room).filter(|_| rows.len() == limit);
    Ok((rows.into_iter().filter_map(|(room, is_old)| is_old.then_some(room)).collect(), next))
}

/// The numbers that go.
fn oldest(
    conn: &Connection,
    (room, gone): (RoomId, i64),
    before: WallMillis,
    at_most: usize,
) -> Stored<Vec<i64>> {
    let mut select = conn.prepare_cached(OLDEST)?;
    let range = (row_of(room, gone), row_of(room, i64::MAX));
    let given = params![range.0, range.1, room.0, gone, count(at_most)?];
    let mut going = Vec::new();
    for row in select.query_map(given, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))? {
        let (seq, at) = row?;
        if at >= before {
            break;
        }
        going.push(seq);
    }
    Ok(going)
}

fn forget(conn: &Connection, room: RoomId, before: WallMillis, at_most: usize) -> Stored<usize> {
    let Some(gone) = gone(conn, room)? else { return Ok(0) };
    let going = oldest(conn, (room, gone), before, at_most)?;
    let Some(last) = going.last().copied() else { return Ok(0) };
    conn.prepare_cached(NAME_TARGETS)?.execute([room.0, gone, last])?;
    let mut forget_words = conn.prepare_cached(FORGET_WORDS)?;
    for seq in &going {
        forget_words.execute([row_of(room, *seq)])?;
    }
    conn.prepare_cached(FORGET_MESSAGES)?.execute([row_of(room, gone), row_of(room, last)])?;
    conn.prepare_cached(FORGET_CHANGES)?.execute([room.0, gone, last])?;
    conn.prepare_cached(SET_GONE)?.execute([room.0, last])?;
    Ok(going.len())
}

#[async_trait]
impl KeepingStore for SqliteStorage {
    async fn first_seq(&self, room: RoomId) -> Stored<i64> {
        Ok(self.read(move |conn| gone(conn, room)).await?.unwrap_or(0) + 1)
    }

    async fn rooms_to_forget(
        &self,
        before: WallMillis,
        after: RoomId,
        limit: usize,
    ) -> Stored<(Vec<RoomId>, Option<RoomId>)> {
        self.read(move |conn| rooms(conn, before, after, limit)).await
    }

    async fn forget(&self, room: RoomId, before: WallMillis, at_most: usize) -> Stored<usize> {
        self.write(move |conn| forget(conn, room, before, at_most)).await
    }
}
