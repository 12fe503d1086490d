//! Finding what was said: the index proposes, the words that stand now decide.
//!
//! A search reads one snapshot. What the index has not reached yet is read from the log itself, and so are
//! the older messages that were changed since; the rest comes from the index. All of it goes down by
//! number, so a search stops as soon as its page is full. The index is asked for the words alone; whether
//! they stand side by side is seen in the text.

use std::collections::BTreeSet;

use anteroom_core::ids::RoomId;
use async_trait::async_trait;
use deadpool_postgres::Transaction;

use super::ask::{row, rows};
use super::error::Step;
use super::messages::{at, down};
use super::{PostgresStorage, index};
use crate::search::Query;
use crate::storage::search::{Filling, TAIL_MAX};
use crate::storage::{FoundPage, SearchAsk, SearchStore, Stored};

/// Messages that are fetched at once.
const FETCHED: i64 = 256;
/// Of the newest rows of the index, so many are read one by one: a word that is in every second message
/// fills its page from them, where the index would first collect all of its places.
const TOP: i64 = 2_000;

statements! {
    HOW_FAR = "SELECT last_seq, coalesce(indexed.seq, 0)
               FROM rooms LEFT JOIN indexed ON room_id = id WHERE id = $1";
    TARGETS_ABOVE = "SELECT DISTINCT target_seq FROM changes WHERE room_id = $1 AND seq > $2";
    HITS_AT_THE_TOP = "WITH top AS MATERIALIZED (
                           SELECT seq, words FROM found_words WHERE room_id = $1 AND seq < $2
                           ORDER BY seq DESC LIMIT $4)
                       SELECT (SELECT min(seq) FROM top) AS lowest,
                              ARRAY(SELECT seq FROM top WHERE words @@ CAST($3::text AS tsquery)) AS hits";
    // Each word says its room, so only the words are looked for: by the room's own key the server would
    // rather read the whole room.
    HITS = "WITH hits AS MATERIALIZED (
                SELECT seq FROM found_words WHERE words @@ CAST($2::text AS tsquery) AND seq < $1)
            SELECT seq FROM hits ORDER BY seq DESC LIMIT $3";
}

async fn search(on: &Transaction<'_>, ask: &SearchAsk) -> Step<FoundPage> {
    let mut filling = Filling::new(ask);
    let far = row(on, HOW_FAR, &[&ask.room.0]).await?;
    let Some(far) = far.filter(|_| !ask.query.phrases().is_empty()) else {
        return Ok(filling.page);
    };
    let (last, indexed): (i64, i64) = (far.try_get(0)?, far.try_get(1)?);
    let from = indexed.max(last - TAIL_MAX);
    if tail(on, &mut filling, from).await? {
        older(on, &mut filling, from).await?;
    }
    Ok(filling.page)
}

/// What is above `from`. Whether the page wants more.
async fn tail(on: &Transaction<'_>, filling: &mut Filling<'_>, from: i64) -> Step<bool> {
    let mut before = filling.ask.before;
    loop {
        let some = down(on, filling.ask.room, (before, from), FETCHED).await?;
        let Some(lowest) = some.last().map(|message| message.seq) else { return Ok(true) };
        for message in some {
            if !filling.look(message) {
                return Ok(false);
            }
        }
        before = lowest;
    }
}

/// What is up to `from`: the hits of the index, and what was changed since it was written.
async fn older(on: &Transaction<'_>, filling: &mut Filling<'_>, from: i64) -> Step<()> {
    let room = filling.ask.room;
    let mut below = filling.ask.before.min(from.saturating_add(1));
    let changed = rows(on, TARGETS_ABOVE, &[&room.0, &from]).await?;
    let changed = changed.iter().map(|row| Ok(row.try_get(0)?));
    let changed: BTreeSet<i64> = changed.collect::<Step<_>>()?;
    let words = expression(room, &filling.ask.query);
    let mut is_top = true;
    while below > 0 {
        let (hits, lowest) = match is_top {
            true => top(on, room, below, &words).await?,
            false => some_hits(on, below, &words).await?,
        };
        is_top = false;
        let candidates: BTreeSet<i64> =
            hits.into_iter().chain(changed.range(lowest..below).copied()).collect();
        let candidates: Vec<i64> = candidates.into_iter().rev().collect();
        for some in candidates.chunks(FETCHED as usize) {
            for message in at(on, room, some).await? {
                if !filling.look(message) {
                    return Ok(());
                }
            }
        }
        below = lowest;
    }
    Ok(())
}

/// Hits below a number among the newest rows of the index, and how far down that was all; 0 for all.
async fn top(on: &Transaction<'_>, room: RoomId, below: i64, words: &str) -> Step<(Vec<i64>, i64)> {
    let Some(row) = row(on, HITS_AT_THE_TOP, &[&room.0, &below, &words, &TOP]).await? else {
        return Ok((Vec::new(), 0));
    };
    Ok((row.try_get("hits")?, row.try_get::<_, Option<i64>>("lowest")?.unwrap_or(0)))
}

/// The newest hits below a number, and how far down that was all; 0 for all.
async fn some_hits(on: &Transaction<'_>, below: i64, words: &str) -> Step<(Vec<i64>, i64)> {
    let hits = rows(on, HITS, &[&below, &words, &FETCHED]).await?;
    let hits = hits.iter().map(|row| Ok(row.try_get(0)?)).collect::<Step<Vec<i64>>>()?;
    let is_all = hits.len() < FETCHED as usize;
    let lowest = hits.last().copied().filter(|_| !is_all).unwrap_or(0);
    Ok((hits, lowest))
}

/// The query in the language of the index. The words hold nothing that means anything there.
fn expression(room: RoomId, query: &Query) -> String {
    let mut all = BTreeSet::new();
    for phrase in query.phrases() {
        for (n, word) in phrase.words.iter().enumerate() {
            let is_open = phrase.is_open && n + 1 == phrase.words.len();
            all.insert(format!(
                "'{}'{}",
                index::in_room(room, word),
                if is_open { ":*" } else { "" }
            ));
        }
    }
    all.into_iter().collect::<Vec<_>>().join(" & ")
}

#[async_trait]
impl SearchStore for PostgresStorage {
    async fn search(&self, ask: SearchAsk) -> Stored<FoundPage> {
        self.lines.snapshot(&ask, |on, ask| Box::pin(search(on, ask))).await
    }

    async fn unindexed_rooms(&self) -> Stored<Vec<RoomId>> {
        self.lines.run(&(), |line, ()| Box::pin(index::behind(line))).await
    }

    async fn index(&self, rooms: Vec<RoomId>, at_most: usize) -> Stored<Vec<RoomId>> {
        let (step, left) = self
            .lines
            .run(&(rooms, at_most), |line, (rooms, at_most)| {
                Box::pin(index::gather(line, rooms, *at_most))
            })
            .await?;
        if !step.is_empty() {
            self.lines.write(&step, |on, step| Box::pin(index::write(on, step))).await?;
        }
        Ok(left)
    }
}
