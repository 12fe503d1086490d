//! The index of words: brought forward in steps, behind the log and never within an append.
//!
//! A step reads what is new from a snapshot and cuts it into words away from the writer; the writer only
//! puts them in and moves the rooms' positions, in one transaction. What is changed between the two has a
//! number above the position, so the next step and every search see to it.

use std::collections::BTreeMap;

use anteroom_core::ids::RoomId;
use rusqlite::{Connection, OptionalExtension, params};

use super::messages::{log, row_of};
use crate::search::index_words;
use crate::storage::{LogItem, Stored};

statements! {
    BEHIND = "SELECT room_id FROM last_seqs LEFT JOIN indexed USING (room_id)
              WHERE last_seq > coalesce(indexed.seq, 0) ORDER BY room_id";
    ROOM_POSITION = "SELECT last_seq, coalesce(indexed.seq, 0)
                     FROM last_seqs LEFT JOIN indexed USING (room_id) WHERE room_id = ?1";
    POSITION = "SELECT coalesce(indexed.seq, 0), gone_seq
                FROM rooms LEFT JOIN indexed ON room_id = id WHERE id = ?1";
    SET_POSITION = "INSERT INTO indexed (room_id, seq) VALUES (?1, ?2)
                    ON CONFLICT (room_id) DO UPDATE SET seq = excluded.seq";
    FORGET_WORDS = "DELETE FROM found_words WHERE rowid = ?1";
    ADD_WORDS = "INSERT INTO found_words (rowid, words) VALUES (?1, ?2)";
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

/// Rooms in which something is not indexed yet.
pub(super) fn behind(conn: &Connection) -> Stored<Vec<RoomId>> {
    let mut select = conn.prepare_cached(BEHIND)?;
    let rows = select.query_map([], |row| row.get(0).map(RoomId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Reads up to `at_most` durable things of these rooms that are not indexed yet, and which rooms will
/// still not be done with after them.
pub(super) fn gather(
    conn: &Connection,
    rooms: Vec<RoomId>,
    at_most: usize,
) -> Stored<(Vec<Part>, Vec<RoomId>)> {
    let (mut parts, mut left) = (Vec::new(), Vec::new());
    let mut budget = i64::try_from(at_most).unwrap_or(i64::MAX);
    for room in rooms {
        if budget <= 0 {
            left.push(room);
            continue;
        }
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let position = conn.prepare_cached(ROOM_POSITION)?.query_row([room.0], read).optional()?;
        let Some((last, from)) = position.filter(|(last, from)| last > from) else { continue };
        let to = last.min(from.saturating_add(budget));
        budget -= to - from;
        if to < last {
            left.push(room);
        }
        let words = log(conn, room, from, to)?.into_iter().map(words_of).collect();
        parts.push(Part { room, from, to, words });
    }
    Ok((parts, left))
}

/// The message that an item is about, and its words as they stand.
fn words_of(item: LogItem) -> (i64, Option<String>) {
    let (seq, content) = match item {
        LogItem::Message(message) if message.deleted_at.is_some() => (message.seq, String::new()),
        LogItem::Message(message) => (message.seq, message.content),
        LogItem::Change(change) => (change.target_seq, change.content),
    };
    (seq, Some(index_words(&content)).filter(|words| !words.is_empty()))
}

/// Puts a step in. A room that somebody else brought forward meanwhile is left alone.
pub(super) fn write(conn: &Connection, step: &[Part]) -> Stored<()> {
    let mut position = conn.prepare_cached(POSITION)?;
    let mut forget = conn.prepare_cached(FORGET_WORDS)?;
    let mut add = conn.prepare_cached(ADD_WORDS)?;
    for part in step {
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let stands = position.query_row([part.room.0], read).optional()?;
        let Some((_, gone)) = stands.filter(|(stands, _)| *stands == part.from) else { continue };
        // What went since it was read leaves no words behind.
        for (seq, words) in part.words.range(gone + 1..) {
            let row = row_of(part.room, *seq);
            if *seq <= part.from {
                forget.execute([row])?;
            }
            if let Some(words) = words {
                add.execute(params![row, words])?;
            }
        }
        conn.prepare_cached(SET_POSITION)?.execute([part.room.0, part.to])?;
    }
    Ok(())
}
