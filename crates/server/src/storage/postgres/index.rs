//! The index of words: brought forward in steps, behind the log and never within an append.
//!
//! A step reads what is new and cuts it into words; then it puts them in and moves the rooms' positions, in
//! one transaction. A room that another node brought forward meanwhile is left alone. What is changed
//! between the two has a number above the position, so the next step and every search see to it.

use std::collections::{BTreeMap, HashMap};

use anteroom_core::ids::RoomId;
use deadpool_postgres::{GenericClient, Transaction};

use super::ask::{change, rows};
use super::error::Step;
use super::messages::log;
use crate::search::index_words;
use crate::storage::LogItem;

statements! {
    BEHIND = "SELECT id FROM rooms LEFT JOIN indexed ON room_id = id
              WHERE last_seq > coalesce(indexed.seq, 0) ORDER BY id";
    POSITIONS = "SELECT id, last_seq, coalesce(indexed.seq, 0)
                 FROM rooms LEFT JOIN indexed ON room_id = id WHERE id = ANY ($1)";
    BEGIN = "INSERT INTO indexed (room_id, seq)
             SELECT room_id, 0 FROM unnest($1::bigint[]) AS asked (room_id) ORDER BY room_id
             ON CONFLICT DO NOTHING";
    LOCK = "SELECT room_id, seq FROM indexed WHERE room_id = ANY ($1) ORDER BY room_id FOR UPDATE";
    GONE = "SELECT id, gone_seq FROM rooms WHERE id = ANY ($1)";
    SET_POSITIONS = "UPDATE indexed SET seq = now.seq
                     FROM unnest($1::bigint[], $2::bigint[]) AS now (room_id, seq)
                     WHERE indexed.room_id = now.room_id";
    FORGET_WORDS = "DELETE FROM found_words AS f
                    USING unnest($1::bigint[], $2::bigint[]) AS gone (room_id, seq)
                    WHERE f.room_id = gone.room_id AND f.seq = gone.seq";
    SET_WORDS = "INSERT INTO found_words (room_id, seq, words)
                 SELECT room_id, seq, array_to_tsvector(string_to_array(words, ' '))
                 FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS new (room_id, seq, words)
                 ON CONFLICT (room_id, seq) DO UPDATE SET words = excluded.words";
}

/// What one room's part of a step puts in.
pub(super) struct Part {
    room: RoomId,
    /// The position it goes on from, and the one it leads to.
    from: i64,
    to: i64,
    /// Words by message; `None` where nothing is to be found any more.
    words: BTreeMap<i64, Option<String>>,
}

/// A word as the index has it: with its room in front, and nothing in it that would have to be quoted.
pub(super) fn in_room(room: RoomId, word: &str) -> String {
    format!("{room}.{word}")
}

/// Rooms in which something is not indexed yet.
pub(super) async fn behind(on: &impl GenericClient) -> Step<Vec<RoomId>> {
    rows(on, BEHIND, &[]).await?.iter().map(|row| Ok(RoomId(row.try_get(0)?))).collect()
}

/// Reads up to `at_most` durable things of these rooms that are not indexed yet, and which rooms will
/// still not be done with after them.
pub(super) async fn gather(
    on: &impl GenericClient,
    rooms: &[RoomId],
    at_most: usize,
) -> Step<(Vec<Part>, Vec<RoomId>)> {
    let (mut parts, mut left) = (Vec::new(), Vec::new());
    let mut budget = i64::try_from(at_most).unwrap_or(i64::MAX);
    let positions = positions(on, rooms).await?;
    for room in rooms.iter().copied() {
        if budget <= 0 {
            left.push(room);
            continue;
        }
        let position = positions.get(&room).copied().filter(|(last, from)| last > from);
        let Some((last, from)) = position else { continue };
        let to = last.min(from.saturating_add(budget));
        budget -= to - from;
        if to < last {
            left.push(room);
        }
        let items = log(on, room, from, to).await?;
        let words = items.into_iter().map(|item| words_of(room, item)).collect();
        parts.push(Part { room, from, to, words });
    }
    Ok((parts, left))
}

/// How far the rooms are, and their index.
async fn positions(
    on: &impl GenericClient,
    rooms_asked: &[RoomId],
) -> Step<HashMap<RoomId, (i64, i64)>> {
    let ids: Vec<i64> = rooms_asked.iter().map(|room| room.0).collect();
    let found = rows(on, POSITIONS, &[&ids]).await?;
    found
        .iter()
        .map(|row| Ok((RoomId(row.try_get(0)?), (row.try_get(1)?, row.try_get(2)?))))
        .collect()
}

/// The message that an item is about, and its words as they stand.
fn words_of(room: RoomId, item: LogItem) -> (i64, Option<String>) {
    let (seq, content) = match item {
        LogItem::Message(message) if message.deleted_at.is_some() => (message.seq, String::new()),
        LogItem::Message(message) => (message.seq, message.content),
        LogItem::Change(change) => (change.target_seq, change.content),
    };
    let words = index_words(&content);
    let all: Vec<String> =
        words.split(' ').filter(|it| !it.is_empty()).map(|word| in_room(room, word)).collect();
    (seq, Some(all.join(" ")).filter(|words| !words.is_empty()))
}

/// Puts a step in. A room that somebody else brought forward meanwhile is left alone.
pub(super) async fn write(on: &Transaction<'_>, step: &[Part]) -> Step<()> {
    let rooms_asked: Vec<i64> = step.iter().map(|part| part.room.0).collect();
    change(on, BEGIN, &[&rooms_asked]).await?;
    let stand = rows(on, LOCK, &[&rooms_asked]).await?;
    let stand = stand.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let stand: HashMap<i64, i64> = stand.collect::<Step<_>>()?;
    // Read under the lock that whoever takes messages away holds as well: no words are left of what went
    // since it was read.
    let kept = rows(on, GONE, &[&rooms_asked]).await?;
    let kept = kept.iter().map(|row| Ok((row.try_get(0)?, row.try_get::<_, i64>(1)? + 1)));
    let kept: HashMap<i64, i64> = kept.collect::<Step<_>>()?;
    let (mut moved, mut gone) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    let mut new = (Vec::new(), Vec::new(), Vec::new());
    for part in step.iter().filter(|part| stand.get(&part.room.0) == Some(&part.from)) {
        moved.0.push(part.room.0);
        moved.1.push(part.to);
        let kept_from = kept.get(&part.room.0).copied().unwrap_or(1);
        for (seq, words) in part.words.range(kept_from..) {
            if let Some(words) = words {
                new.0.push(part.room.0);
                new.1.push(*seq);
                new.2.push(&**words);
            } else if *seq <= part.from {
                gone.0.push(part.room.0);
                gone.1.push(*seq);
            }
        }
    }
    if !gone.0.is_empty() {
        change(on, FORGET_WORDS, &[&gone.0, &gone.1]).await?;
    }
    if !new.0.is_empty() {
        change(on, SET_WORDS, &[&new.0, &new.1, &new.2]).await?;
    }
    change(on, SET_POSITIONS, &[&moved.0, &moved.1]).await?;
    Ok(())
}
