//! The entry log: appended in batches, listed from the newest, trimmed from the oldest.

use std::borrow::Cow;

use anteroom_core::ids::{RoomId, UserId};
use anteroom_protocol::attempt::{Outcome, Stage};
use async_trait::async_trait;
use deadpool_postgres::GenericClient;
use tokio_postgres::Row;
use uuid::Uuid;

use super::PostgresStorage;
use super::ask::{Given, change, optional_word, row, rows, whole, word};
use super::error::Step;
use super::memberships::{generation, numbers};
use crate::storage::{
    EntryCount, EntryQuery, EntryRecord, EntryStore, StorageError, Stored, WallMillis, words,
};

macro_rules! select_entries {
    ($condition:literal) => {
        concat!(
            "SELECT id, at, room_id, user_id, epoch, n, strategy, outcome, code, stage, entry,
                    takeover, offered, attempts, reservation_to_connect, decision
             FROM entries WHERE id < $1 AND ($2::text IS NULL OR outcome = $2) AND ",
            $condition,
            " ORDER BY id DESC LIMIT $5"
        )
    };
}

statements! {
    INSERT = "INSERT INTO entries
                  (id, at, room_id, user_id, epoch, n, strategy, outcome, code, stage, entry,
                   takeover, offered, attempts, reservation_to_connect, decision)
              SELECT * FROM unnest(
                  $1::uuid[], $2::bigint[], $3::bigint[], $4::uuid[], $5::bigint[], $6::bigint[],
                  $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::boolean[],
                  $13::boolean[], $14::bigint[], $15::bigint[], $16::bigint[])
              ON CONFLICT DO NOTHING";
    // One statement for each way in, so that the room's or the user's index is what is read. Every one
    // takes the same parameters.
    SELECT = select_entries!("$3::bigint IS NULL AND $4::uuid IS NULL");
    SELECT_ROOM = select_entries!("room_id = $3 AND ($4::uuid IS NULL OR user_id = $4)");
    SELECT_USER = select_entries!("user_id = $4 AND $3::bigint IS NULL");
    COUNTS = "SELECT at / $2 * $2 AS begins, outcome, count(*) AS lines
              FROM entries WHERE at >= $1 GROUP BY 1, 2";
    OLDEST = "SELECT min(at) AS oldest FROM entries";
    // The newest line that is one too many.
    LAST_TO_GO = "SELECT id FROM entries ORDER BY id DESC LIMIT 1 OFFSET $1";
    DELETE_OLDEST = "DELETE FROM entries WHERE id IN
                         (SELECT id FROM entries WHERE id <= $1 ORDER BY id LIMIT $2)";
}

async fn insert(on: &impl GenericClient, batch: &[EntryRecord]) -> Step<()> {
    let of = |record: &EntryRecord| record.generation.map(numbers).transpose();
    let generations: Vec<Option<(i64, i64)>> = batch.iter().map(of).collect::<Stored<_>>()?;
    let given: &Given<'_> = &[
        &batch.iter().map(|it| it.id).collect::<Vec<_>>(),
        &batch.iter().map(|it| it.at).collect::<Vec<_>>(),
        &batch.iter().map(|it| it.room.map(|room| room.0)).collect::<Vec<_>>(),
        &batch.iter().map(|it| it.user.map(|user| user.0)).collect::<Vec<_>>(),
        &generations.iter().map(|it| it.map(|(epoch, _)| epoch)).collect::<Vec<_>>(),
        &generations.iter().map(|it| it.map(|(_, n)| n)).collect::<Vec<_>>(),
        &batch.iter().map(|it| &*it.strategy).collect::<Vec<_>>(),
        &batch.iter().map(|it| it.outcome.as_str()).collect::<Vec<_>>(),
        &batch.iter().map(|it| it.code.map(|code| code.as_str())).collect::<Vec<_>>(),
        &batch.iter().map(|it| it.stage.map(Stage::as_str)).collect::<Vec<_>>(),
        &batch.iter().map(|it| it.entry.map(words::entry_kind)).collect::<Vec<_>>(),
        &batch.iter().map(|it| it.takeover).collect::<Vec<_>>(),
        &batch.iter().map(|it| it.offered).collect::<Vec<_>>(),
        &batch.iter().map(|it| i64::from(it.attempts)).collect::<Vec<_>>(),
        &batch.iter().map(|it| it.reservation_to_connect.map(signed)).collect::<Vec<_>>(),
        &batch.iter().map(|it| it.decision.map(signed)).collect::<Vec<_>>(),
    ];
    change(on, INSERT, given).await?;
    Ok(())
}

/// A span as a signed integer; none that is measured is ever cut.
fn signed(span: u64) -> i64 {
    i64::try_from(span).unwrap_or(i64::MAX)
}

fn read(row: &Row) -> Step<EntryRecord> {
    let epoch: Option<i64> = row.try_get("epoch")?;
    let n: Option<i64> = row.try_get("n")?;
    let span = |column| row.try_get::<_, Option<i64>>(column);
    Ok(EntryRecord {
        id: row.try_get("id")?,
        at: row.try_get("at")?,
        room: row.try_get::<_, Option<i64>>("room_id")?.map(RoomId),
        user: row.try_get::<_, Option<Uuid>>("user_id")?.map(UserId),
        generation: epoch.zip(n).map(|(epoch, n)| generation(epoch, n)),
        strategy: Cow::Owned(row.try_get("strategy")?),
        outcome: word(row, "outcome", Outcome::parse)?,
        code: optional_word(row, "code", words::parse_code)?,
        stage: optional_word(row, "stage", Stage::parse)?,
        entry: optional_word(row, "entry", words::parse_entry_kind)?,
        takeover: row.try_get("takeover")?,
        offered: row.try_get("offered")?,
        attempts: whole(row, "attempts")?,
        reservation_to_connect: span("reservation_to_connect")?.map(i64::unsigned_abs),
        decision: span("decision")?.map(i64::unsigned_abs),
    })
}

fn read_count(row: &Row) -> Step<EntryCount> {
    Ok(EntryCount {
        begins: row.try_get("begins")?,
        outcome: word(row, "outcome", Outcome::parse)?,
        count: whole(row, "lines")?,
    })
}

async fn select(on: &impl GenericClient, query: &EntryQuery) -> Step<Vec<EntryRecord>> {
    let sql = match (query.room, query.user) {
        (Some(_), _) => SELECT_ROOM,
        (None, Some(_)) => SELECT_USER,
        (None, None) => SELECT,
    };
    let given: &Given<'_> = &[
        &query.before.unwrap_or(Uuid::max()),
        &query.outcome.map(Outcome::as_str),
        &query.room.map(|room| room.0),
        &query.user.map(|user| user.0),
        &count(query.limit)?,
    ];
    rows(on, sql, given).await?.iter().map(read).collect()
}

/// A count as a signed integer.
pub(super) fn count(number: usize) -> Stored<i64> {
    i64::try_from(number).map_err(|_| StorageError::Failed("a count beyond all rows".into()))
}

async fn trim(on: &impl GenericClient, keep: i64, at_most: i64) -> Step<usize> {
    let Some(last) = row(on, LAST_TO_GO, &[&keep]).await? else { return Ok(0) };
    let last: Uuid = last.try_get(0)?;
    let dropped = change(on, DELETE_OLDEST, &[&last, &at_most]).await?;
    Ok(usize::try_from(dropped).unwrap_or(usize::MAX))
}

#[async_trait]
impl EntryStore for PostgresStorage {
    async fn add_entries(&self, batch: Vec<EntryRecord>) -> Stored<()> {
        self.lines.run(&batch, |line, batch| Box::pin(insert(line, batch))).await
    }

    async fn entries(&self, query: EntryQuery) -> Stored<Vec<EntryRecord>> {
        self.lines.run(&query, |line, query| Box::pin(select(line, query))).await
    }

    async fn entry_counts(&self, from: WallMillis, width: i64) -> Stored<Vec<EntryCount>> {
        self.lines
            .run(&(from, width.max(1)), |line, (from, width)| {
                Box::pin(async move {
                    rows(line, COUNTS, &[from, width]).await?.iter().map(read_count).collect()
                })
            })
            .await
    }

    async fn oldest_entry(&self) -> Stored<Option<WallMillis>> {
        self.lines
            .run(&(), |line, ()| {
                Box::pin(async move {
                    let row = row(line, OLDEST, &[]).await?;
                    Ok(row.map(|row| row.try_get("oldest")).transpose()?.flatten())
                })
            })
            .await
    }

    async fn trim_entries(&self, keep: usize, at_most: usize) -> Stored<usize> {
        let both = (count(keep)?, count(at_most)?);
        self.lines.run(&both, |line, (keep, at_most)| Box::pin(trim(line, *keep, *at_most))).await
    }
}
