//! Finding what was said: the index proposes, the words that stand now decide.
//!
//! A search reads one snapshot. What the index has not reached yet is read from the log itself, and so are
//! the older messages that were changed since; the rest comes from the index. All of it goes down by
//! number, so a search stops as soon as its page is full.

use std::collections::BTreeSet;

use anteroom_core::ids::RoomId;
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::messages::{each_down, message_at, row_of, seq_of};
use super::{SqliteStorage, index};
use crate::search::{Phrase, Query};
use crate::storage::search::{Filling, TAIL_MAX};
use crate::storage::{FoundPage, SearchAsk, SearchStore, Stored};

statements! {
    HOW_FAR = "SELECT last_seq, coalesce(indexed.seq, 0)
               FROM last_seqs LEFT JOIN indexed USING (room_id) WHERE room_id = ?1";
    TARGETS_ABOVE = "SELECT DISTINCT target_seq FROM changes WHERE room_id = ?1 AND seq > ?2";
    HITS = "SELECT rowid FROM found_words
            WHERE found_words MATCH ?1 AND rowid > ?2 AND rowid < ?3 ORDER BY rowid DESC";
}

fn search(conn: &Connection, ask: &SearchAsk) -> Stored<FoundPage> {
    // One snapshot for all of it; dropped, it ends.
    let snapshot = conn.unchecked_transaction()?;
    let mut filling = Filling::new(ask);
    let far = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
    let far = snapshot.prepare_cached(HOW_FAR)?.query_row([ask.room.0], far).optional()?;
    let Some((last, indexed)) = far.filter(|_| !ask.query.phrases().is_empty()) else {
        return Ok(filling.page);
    };
    let from = indexed.max(last - TAIL_MAX);
    let tail = (ask.room, ask.before, from);
    if each_down(&snapshot, tail, |message| filling.look(message))? {
        older(&snapshot, &mut filling, from)?;
    }
    Ok(filling.page)
}

/// What is up to `from`: the hits of the index, and what was changed since it was written.
fn older(conn: &Connection, filling: &mut Filling<'_>, from: i64) -> Stored<()> {
    let room = filling.ask.room;
    let below = filling.ask.before.min(from.saturating_add(1));
    let mut changed = conn.prepare_cached(TARGETS_ABOVE)?;
    let changed = changed.query_map([room.0, from], |row| row.get(0))?;
    let mut changed: BTreeSet<i64> = changed.collect::<Result<_, _>>()?;
    changed.retain(|seq| *seq < below);
    let mut hits = conn.prepare_cached(HITS)?;
    let (floor, ceiling) = (row_of(room, 0), row_of(room, below));
    let mut hits = hits
        .query_map(params![expression(&filling.ask.query), floor, ceiling], |row| row.get(0))?
        .map(|row| row.map(seq_of));
    let mut hit = hits.next().transpose()?;
    loop {
        let seq = match (hit, changed.last().copied()) {
            (None, None) => return Ok(()),
            (hit, changed) => hit.max(changed).unwrap_or_default(),
        };
        changed.remove(&seq);
        if hit == Some(seq) {
            hit = hits.next().transpose()?;
        }
        if let Some(message) = message_at(conn, room, seq)?
            && !filling.look(message)
        {
            return Ok(());
        }
    }
}

/// The query in the language of the index. The words hold nothing that means anything there.
fn expression(query: &Query) -> String {
    let phrase = |phrase: &Phrase| {
        let star = if phrase.is_open { " *" } else { "" };
        format!("\"{}\"{star}", phrase.words.join(" "))
    };
    query.phrases().iter().map(phrase).collect::<Vec<_>>().join(" AND ")
}

#[async_trait]
impl SearchStore for SqliteStorage {
    async fn search(&self, ask: SearchAsk) -> Stored<FoundPage> {
        self.read(move |conn| search(conn, &ask)).await
    }

    async fn unindexed_rooms(&self) -> Stored<Vec<RoomId>> {
        self.read(index::behind).await
    }

    async fn index(&self, rooms: Vec<RoomId>, at_most: usize) -> Stored<Vec<RoomId>> {
        let (step, left) = self.read(move |conn| index::gather(conn, rooms, at_most)).await?;
        if !step.is_empty() {
            self.write(move |conn| index::write(conn, &step)).await?;
        }
        Ok(left)
    }
}
