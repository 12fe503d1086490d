//! What is said: appended without gaps, read in pages.
//!
//! A batch reads each room's last number once, counts on in memory and writes it back once; a
//! duplicate uses no number. The unique indexes find duplicates, also within the batch. What a change
//! does to a message is in [`super::changes`].

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use anteroom_core::ids::{MessageId, RoomId, UserId};
use async_trait::async_trait;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::statements::word;
use super::{SqliteStorage, changes};
use crate::storage::{
    Appended, HistoryPage, LogItem, MessageRecord, MessageStore, NewChange, NewMessage, NewRecord,
    StorageError, Stored, words,
};

macro_rules! select_message {
    ($condition:literal) => {
        concat!(
            "SELECT m.id AS id, room_id, seq, sender_id, display_name, client_id, kind,
                    content_type, content, m.created_at AS created_at, updated_at, deleted_at
             FROM messages AS m LEFT JOIN users ON users.id = sender_id
             WHERE ",
            $condition
        )
    };
}

statements! {
    LAST_SEQ = "SELECT last_seq FROM rooms WHERE id = ?1 AND closed_at IS NULL";
    SET_LAST_SEQ = "UPDATE rooms SET last_seq = ?2 WHERE id = ?1";
    INSERT_MESSAGE = "INSERT INTO messages (room_id, seq, id, sender_id, client_id, kind,
                                            content_type, content, created_at)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                      ON CONFLICT DO NOTHING";
    FIRST_BY_CLIENT_ID = "SELECT id, seq, created_at FROM messages
                          WHERE room_id = ?1 AND sender_id = ?2 AND client_id = ?3";
    FIRST_BY_ID = "SELECT id, seq, created_at FROM messages WHERE room_id = ?1 AND id = ?2";
    PAGE_BEFORE = select_message!("room_id = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3");
    PAGE_AFTER = select_message!("room_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3");
    MESSAGES_DOWN =
        select_message!("room_id = ?1 AND seq < ?2 AND seq > ?3 ORDER BY seq DESC");
    MESSAGE_AT = select_message!("room_id = ?1 AND seq = ?2");
    MESSAGES_BETWEEN = select_message!("room_id = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq");
    MESSAGE = select_message!("m.id = ?1");
}

/// How far a room got within this batch.
struct Count {
    stored: i64,
    now: i64,
}

/// One batch on its way into the store.
struct Append<'c> {
    conn: &'c Connection,
    last_seq: CachedStatement<'c>,
    insert: CachedStatement<'c>,
    /// `None`: the room is not open.
    rooms: HashMap<RoomId, Option<Count>>,
}

impl<'c> Append<'c> {
    fn new(conn: &'c Connection) -> Stored<Self> {
        Ok(Self {
            conn,
            last_seq: conn.prepare_cached(LAST_SEQ)?,
            insert: conn.prepare_cached(INSERT_MESSAGE)?,
            rooms: HashMap::new(),
        })
    }

    fn one(&mut self, record: &NewRecord) -> Stored<Appended> {
        match record {
            NewRecord::Message(message) => self.message(message),
            NewRecord::Change(change) => self.change(change),
        }
    }

    /// How far a room is; `None` when it is not open.
    fn count(&mut self, room: RoomId) -> Stored<Option<&mut Count>> {
        Ok(match self.rooms.entry(room) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let stored = self.last_seq.query_row([room.0], |row| row.get(0));
                new.insert(stored.optional()?.map(|seq| Count { stored: seq, now: seq }))
            }
        }
        .as_mut())
    }

    fn message(&mut self, message: &NewMessage) -> Stored<Appended> {
        let Some(seq) = self.count(message.room)?.map(|count| count.now + 1) else {
            // A retry of what was stored while the room was open still gets its first answer.
            return Ok(first_outcome(self.conn, message)?.unwrap_or(Appended::NoRoom));
        };
        let added = self.insert.execute(params![
            message.room.0,
            seq,
            message.id.0,
            message.sender.map(|user| user.0),
            message.client_id,
            words::kind(message.kind),
            message.content_type,
            message.content,
            message.created_at,
        ])?;
        if added == 1 {
            self.counted(message.room, seq);
            return Ok(Appended::New { seq });
        }
        first_outcome(self.conn, message)?.ok_or_else(|| {
            StorageError::Failed(format!(
                "message {} collides in room {}",
                message.id, message.room
            ))
        })
    }

    fn change(&mut self, change: &NewChange) -> Stored<Appended> {
        let seq = self.count(change.room)?.map(|count| count.now + 1);
        let outcome = changes::change(self.conn, change, seq)?;
        if let Appended::Changed(made) = &outcome {
            self.counted(change.room, made.seq);
        }
        Ok(outcome)
    }

    fn counted(&mut self, room: RoomId, seq: i64) {
        if let Some(Some(count)) = self.rooms.get_mut(&room) {
            count.now = seq;
        }
    }

    fn finish(self) -> Stored<()> {
        let mut update = self.conn.prepare_cached(SET_LAST_SEQ)?;
        for (room, count) in &self.rooms {
            if let Some(count) = count
                && count.now != count.stored
            {
                update.execute([room.0, count.now])?;
            }
        }
        Ok(())
    }
}

/// What the first copy of this message got: the same sender's `client_id`, or the same message again.
fn first_outcome(conn: &Connection, message: &NewMessage) -> Stored<Option<Appended>> {
    let duplicate = |row: &Row<'_>| {
        Ok(Appended::Duplicate {
            id: MessageId(row.get(0)?),
            seq: row.get(1)?,
            created_at: row.get(2)?,
        })
    };
    if let (Some(sender), Some(client_id)) = (message.sender, &message.client_id) {
        let mut select = conn.prepare_cached(FIRST_BY_CLIENT_ID)?;
        let key = params![message.room.0, sender.0, client_id];
        if let Some(found) = select.query_row(key, duplicate).optional()? {
            return Ok(Some(found));
        }
    }
    let mut select = conn.prepare_cached(FIRST_BY_ID)?;
    Ok(select.query_row(params![message.room.0, message.id.0], duplicate).optional()?)
}

fn append(conn: &Connection, batch: &[NewRecord]) -> Stored<Vec<Appended>> {
    let mut append = Append::new(conn)?;
    let answers = batch.iter().map(|record| append.one(record)).collect::<Stored<_>>()?;
    append.finish()?;
    Ok(answers)
}

pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<MessageRecord> {
    let sender: Option<uuid::Uuid> = row.get("sender_id")?;
    let name: Option<String> = row.get("display_name")?;
    Ok(MessageRecord {
        id: MessageId(row.get("id")?),
        room: RoomId(row.get("room_id")?),
        seq: row.get("seq")?,
        sender: sender.map(UserId).zip(name),
        client_id: row.get("client_id")?,
        kind: word(row, "kind", words::parse_kind)?,
        content_type: row.get("content_type")?,
        content: row.get("content")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        deleted_at: row.get("deleted_at")?,
    })
}

fn page(conn: &Connection, room: RoomId, page: HistoryPage) -> Stored<Vec<MessageRecord>> {
    let (sql, seq, limit) = match page {
        HistoryPage::Before { seq, limit } => (PAGE_BEFORE, seq, limit),
        HistoryPage::After { seq, limit } => (PAGE_AFTER, seq, limit),
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut select = conn.prepare_cached(sql)?;
    let rows = select.query_map([room.0, seq, limit], record)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The message with this number.
pub(super) fn message_at(
    conn: &Connection,
    room: RoomId,
    seq: i64,
) -> Stored<Option<MessageRecord>> {
    let mut select = conn.prepare_cached(MESSAGE_AT)?;
    Ok(select.query_row([room.0, seq], record).optional()?)
}

/// Looks at a room's messages below `before` and above `above`, newest first, until `look` has seen enough. Whether it wanted more.
pub(super) fn each_down(
    conn: &Connection,
    (room, before, above): (RoomId, i64, i64),
    mut look: impl FnMut(MessageRecord) -> bool,
) -> Stored<bool> {
    let mut select = conn.prepare_cached(MESSAGES_DOWN)?;
    for message in select.query_map([room.0, before, above], record)? {
        if !look(message?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Both kinds are read by number and joined; what is said after the first of the two reads is above
/// `last`, and what is changed meanwhile is only newer.
pub(super) fn log(conn: &Connection, room: RoomId, after: i64, last: i64) -> Stored<Vec<LogItem>> {
    let mut select = conn.prepare_cached(MESSAGES_BETWEEN)?;
    let messages = select.query_map([room.0, after, last], record)?;
    let mut items: Vec<LogItem> =
        messages.map(|message| message.map(LogItem::Message)).collect::<Result<_, _>>()?;
    let changes = changes::between(conn, room, after, last)?;
    if !changes.is_empty() {
        items.extend(changes.into_iter().map(LogItem::Change));
        items.sort_by_key(LogItem::seq);
    }
    Ok(items)
}

#[async_trait]
impl MessageStore for SqliteStorage {
    async fn record(&self, batch: Vec<NewRecord>) -> Stored<Vec<Appended>> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.write_or_refuse(move |conn| append(conn, &batch)).await
    }

    async fn messages(&self, room: RoomId, wanted: HistoryPage) -> Stored<Vec<MessageRecord>> {
        self.read(move |conn| page(conn, room, wanted)).await
    }

    async fn log(&self, room: RoomId, after: i64, last: i64) -> Stored<Vec<LogItem>> {
        self.read(move |conn| log(conn, room, after, last)).await
    }

    async fn message(&self, id: MessageId) -> Stored<Option<MessageRecord>> {
        self.read(move |conn| {
            Ok(conn.prepare_cached(MESSAGE)?.query_row([id.0], record).optional()?)
        })
        .await
    }
}
