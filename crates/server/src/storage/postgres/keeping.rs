//! Taking away what is older than messages are kept: a little in each transaction.
//!
//! The rows that die are cleared away by the server's own autovacuum, and their space is written again.

use anteroom_core::ids::RoomId;
use async_trait::async_trait;
use deadpool_postgres::{GenericClient, Transaction};

use super::PostgresStorage;
use super::ask::{change, row, rows};
use super::entries::count;
use super::error::Step;
use crate::storage::{KeepingStore, Stored, WallMillis};

statements! {
    GONE = "SELECT gone_seq FROM rooms WHERE id = $1";
    SOME_ROOMS = "SELECT id,
            coalesce((SELECT created_at FROM messages AS m WHERE m.room_id = rooms.id
                      ORDER BY seq LIMIT 1) < $2, false)
            OR coalesce((SELECT at FROM changes AS c WHERE c.room_id = rooms.id
                         ORDER BY seq LIMIT 1) < $2, false)
        FROM rooms WHERE id > $1 ORDER BY id LIMIT $3";
    /// Against whoever speaks there, and whoever else takes away.
    LOCK_ROOM = "SELECT gone_seq FROM rooms WHERE id = $1 FOR NO KEY UPDATE";
    /// Against the indexer, which holds it while it puts words in.
    BEGIN_INDEX = "INSERT INTO indexed (room_id, seq) VALUES ($1, 0) ON CONFLICT DO NOTHING";
    LOCK_INDEX = "SELECT seq FROM indexed WHERE room_id = $1 FOR UPDATE";
    OLDEST = "SELECT seq, at FROM (
            (SELECT seq, created_at AS at FROM messages WHERE room_id = $1 AND seq > $2
             ORDER BY seq LIMIT $3)
            UNION ALL
            (SELECT seq, at FROM changes WHERE room_id = $1 AND seq > $2 ORDER BY seq LIMIT $3)
        ) AS oldest ORDER BY seq LIMIT $3";
    NAME_TARGETS = "UPDATE changes AS c SET target_id = m.id FROM messages AS m
        WHERE m.room_id = $1 AND m.seq = c.target_seq AND c.room_id = $1
          AND c.target_seq > $2 AND c.target_seq <= $3 AND c.seq > $3 AND c.target_id IS NULL";
    FORGET_WORDS = "DELETE FROM found_words WHERE room_id = $1 AND seq > $2 AND seq <= $3";
    FORGET_MESSAGES = "DELETE FROM messages WHERE room_id = $1 AND seq > $2 AND seq <= $3";
    FORGET_CHANGES = "DELETE FROM changes WHERE room_id = $1 AND seq > $2 AND seq <= $3";
    SET_GONE = "UPDATE rooms SET gone_seq = $2 WHERE id = $1";
}

async fn some_rooms(
    on: &impl GenericClient,
    before: WallMillis,
    after: RoomId,
    limit: usize,
) -> Step<(Vec<RoomId>, Option<RoomId>)> {
    let found = rows(on, SOME_ROOMS, &[&after.0, &before, &count(limit)?]).await?;
    let found = found.iter().map(|row| Ok((RoomId(row.try_get(0)?), row.try_get(1)?)));
    let found: Vec<(RoomId, bool)> = found.collect::<Step<_>>()?;
    let next = found.last().map(|(room, _)| *room).filter(|_| found.len() == limit);
    Ok((found.into_iter().filter_map(|(room, is_old)| is_old.then_some(room)).collect(), next))
}

async fn forget(
    on: &Transaction<'_>,
    room: RoomId,
    before: WallMillis,
    at_most: usize,
) -> Step<usize> {
    let Some(locked) = row(on, LOCK_ROOM, &[&room.0]).await? else { return Ok(0) };
    let gone: i64 = locked.try_get(0)?;
    let mut going: Vec<i64> = Vec::new();
    for row in rows(on, OLDEST, &[&room.0, &gone, &count(at_most)?]).await? {
        if row.try_get::<_, WallMillis>(1)? >= before {
            break;
        }
        going.push(row.try_get(0)?);
    }
    let Some(last) = going.last().copied() else { return Ok(0) };
    change(on, BEGIN_INDEX, &[&room.0]).await?;
    row(on, LOCK_INDEX, &[&room.0]).await?;
    change(on, NAME_TARGETS, &[&room.0, &gone, &last]).await?;
    for sql in [FORGET_WORDS, FORGET_MESSAGES, FORGET_CHANGES] {
        change(on, sql, &[&room.0, &gone, &last]).await?;
    }
    change(on, SET_GONE, &[&room.0, &last]).await?;
    Ok(going.len())
}

#[async_trait]
impl KeepingStore for PostgresStorage {
    async fn first_seq(&self, room: RoomId) -> Stored<i64> {
        self.lines
            .run(&room, |line, room| {
                Box::pin(async move {
                    let found = row(line, GONE, &[&room.0]).await?;
                    let gone: Option<i64> = found.map(|row| row.try_get(0)).transpose()?;
                    Ok(gone.unwrap_or(0) + 1)
                })
            })
            .await
    }

    async fn rooms_to_forget(
        &self,
        before: WallMillis,
        after: RoomId,
        limit: usize,
    ) -> Stored<(Vec<RoomId>, Option<RoomId>)> {
        self.lines
            .run(&(before, after, limit), |line, (before, after, limit)| {
                Box::pin(some_rooms(line, *before, *after, *limit))
            })
            .await
    }

    async fn forget(&self, room: RoomId, before: WallMillis, at_most: usize) -> Stored<usize> {
        self.lines
            .write(&(room, before, at_most), |on, (room, before, at_most)| {
                Box::pin(forget(on, *room, *before, *at_most))
            })
            .await
    }
}
