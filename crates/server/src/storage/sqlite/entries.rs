//! The entry log: appended in batches, listed from the newest, trimmed from the oldest.

use std::borrow::Cow;

use anteroom_core::ids::{RoomId, UserId};
use anteroom_protocol::attempt::{Outcome, Stage};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use uuid::Uuid;

use super::SqliteStorage;
use super::memberships::{generation, numbers};
use super::statements::word;
use crate::storage::{
    EntryCount, EntryQuery, EntryRecord, EntryStore, StorageError, Stored, WallMillis, words,
};

macro_rules! select_entries {
    ($from:literal, $condition:literal) => {
        concat!(
            "SELECT id, at, room_id, user_id, epoch, n, strategy, outcome, code, stage, entry,
                    takeover, offered, attempts, reservation_to_connect, decision FROM ",
            $from,
            " WHERE id < :before AND (:outcome IS NULL OR outcome = :outcome) AND ",
            $condition,
            " ORDER BY id DESC LIMIT :limit"
        )
    };
}

statements! {
    INSERT = "INSERT OR IGNORE INTO entries
                  (id, at, room_id, user_id, epoch, n, strategy, outcome, code, stage, entry,
                   takeover, offered, attempts, reservation_to_connect, decision)
              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    // One statement for each way in, so that the room's or the user's index is what is read. Every one
    // takes the same parameters.
    SELECT = select_entries!("entries", "(:room IS NULL AND :user IS NULL)");
    SELECT_ROOM = select_entries!(
        "entries INDEXED BY entries_room",
        "room_id = :room AND (:user IS NULL OR user_id = :user)"
    );
    SELECT_USER = select_entries!(
        "entries INDEXED BY entries_user",
        "user_id = :user AND :room IS NULL"
    );
    COUNTS = "SELECT at / :width * :width AS begins, outcome, count(*) AS lines
              FROM entries INDEXED BY entries_at WHERE at >= :from GROUP BY begins, outcome";
    OLDEST = "SELECT min(at) FROM entries INDEXED BY entries_at";
    // The newest line that is one too many.
    LAST_TO_GO = "SELECT id FROM entries ORDER BY id DESC LIMIT 1 OFFSET ?1";
    DELETE_OLDEST = "DELETE FROM entries WHERE id IN
                         (SELECT id FROM entries WHERE id <= ?1 ORDER BY id LIMIT ?2)";
}

fn insert(conn: &Connection, record: &EntryRecord) -> Stored<()> {
    let (epoch, n) = record.generation.map(numbers).transpose()?.unzip();
    conn.prepare_cached(INSERT)?.execute(params![
        record.id,
        record.at,
        record.room.map(|room| room.0),
        record.user.map(|user| user.0),
        epoch,
        n,
        record.strategy,
        record.outcome.as_str(),
        record.code.map(|code| code.as_str()),
        record.stage.map(Stage::as_str),
        record.entry.map(words::entry_kind),
        record.takeover,
        record.offered,
        record.attempts,
        record.reservation_to_connect.map(signed),
        record.decision.map(signed),
    ])?;
    Ok(())
}

/// A span as SQLite's signed integer; none that is measured is ever cut.
fn signed(span: u64) -> i64 {
    i64::try_from(span).unwrap_or(i64::MAX)
}

fn read(row: &Row<'_>) -> rusqlite::Result<EntryRecord> {
    let epoch: Option<i64> = row.get("epoch")?;
    let n: Option<i64> = row.get("n")?;
    Ok(EntryRecord {
        id: row.get("id")?,
        at: row.get("at")?,
        room: row.get::<_, Option<i64>>("room_id")?.map(RoomId),
        user: row.get::<_, Option<Uuid>>("user_id")?.map(UserId),
        generation: epoch.zip(n).map(|(epoch, n)| generation(epoch, n)),
        strategy: Cow::Owned(row.get("strategy")?),
        outcome: word(row, "outcome", Outcome::parse)?,
        code: optional(row, "code", words::parse_code)?,
        stage: optional(row, "stage", Stage::parse)?,
        entry: optional(row, "entry", words::parse_entry_kind)?,
        takeover: row.get("takeover")?,
        offered: row.get("offered")?,
        attempts: row.get("attempts")?,
        reservation_to_connect: unsigned(row, "reservation_to_connect")?,
        decision: unsigned(row, "decision")?,
    })
}

fn optional<T>(
    row: &Row<'_>,
    column: &str,
    parse: fn(&str) -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    let is_there = row.get::<_, Option<String>>(column)?.is_some();
    is_there.then(|| word(row, column, parse)).transpose()
}

fn unsigned(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(i64::unsigned_abs))
}

fn read_count(row: &Row<'_>) -> rusqlite::Result<EntryCount> {
    Ok(EntryCount {
        begins: row.get("begins")?,
        outcome: word(row, "outcome", Outcome::parse)?,
        count: row.get::<_, i64>("lines")?.unsigned_abs(),
    })
}

fn select(conn: &Connection, query: &EntryQuery) -> Stored<Vec<EntryRecord>> {
    let sql = match (query.room, query.user) {
        (Some(_), _) => SELECT_ROOM,
        (None, Some(_)) => SELECT_USER,
        (None, None) => SELECT,
    };
    let mut select = conn.prepare_cached(sql)?;
    let rows = select.query_map(
        named_params! {
            ":before": query.before.unwrap_or(Uuid::max()),
            ":outcome": query.outcome.map(Outcome::as_str),
            ":room": query.room.map(|room| room.0),
            ":user": query.user.map(|user| user.0),
            ":limit": count(query.limit)?,
        },
        read,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A count as SQLite's signed integer.
pub(super) fn count(number: usize) -> Stored<i64> {
    i64::try_from(number).map_err(|_| StorageError::Failed("a count beyond all rows".into()))
}

#[async_trait]
impl EntryStore for SqliteStorage {
    async fn add_entries(&self, batch: Vec<EntryRecord>) -> Stored<()> {
        self.write(move |conn| batch.iter().try_for_each(|record| insert(conn, record))).await
    }

    async fn entries(&self, query: EntryQuery) -> Stored<Vec<EntryRecord>> {
        self.read(move |conn| select(conn, &query)).await
    }

    async fn entry_counts(&self, from: WallMillis, width: i64) -> Stored<Vec<EntryCount>> {
        self.read(move |conn| {
            let mut select = conn.prepare_cached(COUNTS)?;
            let given = named_params! { ":from": from, ":width": width.max(1) };
            let counts = select.query_map(given, read_count)?;
            Ok(counts.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn oldest_entry(&self) -> Stored<Option<WallMillis>> {
        self.read(|conn| Ok(conn.prepare_cached(OLDEST)?.query_row([], |row| row.get(0))?)).await
    }

    async fn trim_entries(&self, keep: usize, at_most: usize) -> Stored<usize> {
        let (keep, at_most) = (count(keep)?, count(at_most)?);
        // Found by a reader: walking past the lines to keep is no work for the one who writes.
        let last = self.read(move |conn| {
            let mut find = conn.prepare_cached(LAST_TO_GO)?;
            Ok(find.query_row([keep], |row| row.get::<_, Uuid>(0)).optional()?)
        });
        let Some(last) = last.await? else { return Ok(0) };
        self.write(move |conn| {
            Ok(conn.prepare_cached(DELETE_OLDEST)?.execute(params![last, at_most])?)
        })
        .await
    }
}
