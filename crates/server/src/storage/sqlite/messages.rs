//! What is said: appended without gaps, read in pages.
//!
//! A batch reads each room's last number once and counts on in memory; a duplicate uses no number. The
//! last number is that of the newest row, so it is written with it. The unique indexes find duplicates, also within the batch. What a change
//! does to a message is in [`super::changes`].

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use anteroom_core::ids::{MessageId, RoomId, UserId};
use async_trait::async_trait;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::events::Outbox;
use super::statements::word;
use super::{SqliteStorage, changes};
use crate::storage::{
    Appended, HistoryPage, LogItem, MessageRecord, MessageStore, NewChange, NewMessage, NewRecord,
    NotTaken, QueuedMessage, StorageError, Stored, events, words,
};

macro_rules! select_message {
    ($condition:literal) => {
        concat!(
            "SELECT m.id AS id, room_id, seq, sender_id,
                    iif(gone_at IS NULL, display_name, NULL) AS display_name, client_id, kind,
                    content_type, content, reply_to, m.created_at AS created_at, updated_at,
                    deleted_at
             FROM messages AS m LEFT JOIN users ON users.id = sender_id
             WHERE ",
            $condition
        )
    };
}
pub(super) use select_message;

statements! {
    LAST_SEQ = "SELECT last_seq FROM last_seqs WHERE room_id = ?1 AND closed_at IS NULL";
    INSERT_MESSAGE = "INSERT INTO messages (row_no, room_id, seq, id, sender_id, client_id, kind,
                                            content_type, content, created_at, reply_to)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                      ON CONFLICT DO NOTHING";
    FIRST_BY_CLIENT_ID = "SELECT id, seq, created_at FROM messages
                          WHERE room_id = ?1 AND sender_id = ?2 AND client_id = ?3";
    FIRST_BY_ID = "SELECT id, seq, created_at FROM messages WHERE room_id = ?1 AND id = ?2";
    PAGE_BEFORE = select_message!("row_no > ?1 AND row_no < ?2 ORDER BY row_no DESC LIMIT ?3");
    PAGE_AFTER = select_message!("row_no > ?1 AND row_no <= ?2 ORDER BY row_no LIMIT ?3");
    MESSAGES_DOWN = select_message!("row_no > ?1 AND row_no < ?2 ORDER BY row_no DESC");
    MESSAGE_AT = select_message!("row_no = ?1");
    MESSAGES_BETWEEN = select_message!("row_no > ?1 AND row_no <= ?2 ORDER BY row_no");
    MESSAGE = select_message!("m.id = ?1");
}

/// A room's numbers end here, as SQLite's rows do in which both room and number stand.
const SEQ_MAX: i64 = u32::MAX as i64;

/// The row of a room's message. Numbers that no room has stand for the nearest one.
pub(super) fn row_of(room: RoomId, seq: i64) -> i64 {
    (room.0 << 32) | seq.clamp(0, SEQ_MAX)
}

/// The number of the message in this row.
pub(super) fn seq_of(row: i64) -> i64 {
    row & SEQ_MAX
}

/// One batch on its way into the store.
struct Append<'c> {
    conn: &'c Connection,
    last_seq: CachedStatement<'c>,
    insert: CachedStatement<'c>,
    /// How far each got; `None`: the room is not open.
    rooms: HashMap<RoomId, Option<i64>>,
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
            NewRecord::Queued(queued) => self.queued(queued),
            NewRecord::Change(change) => self.change(change),
        }
    }

    /// How far a room is; `None` when it is not open.
    fn last(&mut self, room: RoomId) -> Stored<Option<i64>> {
        Ok(match self.rooms.entry(room) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let stored = self.last_seq.query_row([room.0], |row| row.get(0));
                *new.insert(stored.optional()?)
            }
        })
    }

    fn message(&mut self, message: &NewMessage) -> Stored<Appended> {
        let Some(seq) = self.last(message.room)?.map(|last| last + 1) else {
            // A retry of what was stored while the room was open still gets its first answer.
            return Ok(first_outcome(self.conn, message)?.unwrap_or(Appended::NoRoom));
        };
        let added = self.insert.execute(params![
            row_of(message.room, seq),
            message.room.0,
            seq,
            message.id.0,
            message.sender.map(|user| user.0),
            message.client_id,
            words::kind(message.kind),
            message.content_type,
            message.content,
            message.created_at,
            message.reply_to,
        ])?;
        if added == 1 {
            self.rooms.insert(message.room, Some(seq));
            return Ok(Appended::New { seq });
        }
        first_outcome(self.conn, message)?.ok_or_else(|| {
            StorageError::Failed(format!(
                "message {} collides in room {}",
                message.id, message.room
            ))
        })
    }

    /// A file has one server: whoever queued it was an earlier life of this one at most.
    fn queued(&mut self, queued: &QueuedMessage) -> Stored<Appended> {
        let QueuedMessage { message, after, .. } = queued;
        if let Some((sender, after)) = message.sender.zip(after.as_deref())
            && self.last(message.room)?.is_some()
            && first_outcome(self.conn, message)?.is_none()
        {
            let mut before = self.conn.prepare_cached(FIRST_BY_CLIENT_ID)?;
            if !before.exists(params![message.room.0, sender.0, after])? {
                return Ok(Appended::NotTaken(NotTaken::OutOfTurn));
            }
        }
        self.message(message)
    }

    fn change(&mut self, change: &NewChange) -> Stored<Appended> {
        let seq = self.last(change.room)?.map(|last| last + 1);
        let outcome = changes::change(self.conn, change, seq)?;
        if let Appended::Changed(made) = &outcome {
            self.rooms.insert(change.room, Some(made.seq));
        }
        Ok(outcome)
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

fn append(conn: &Connection, batch: &[NewRecord], outbox: Outbox) -> Stored<Vec<Appended>> {
    let mut append = Append::new(conn)?;
    let outcomes: Vec<_> = batch.iter().map(|record| append.one(record)).collect::<Stored<_>>()?;
    outbox.add(conn, || events::of_batch(batch, &outcomes))?;
    Ok(outcomes)
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
        reply_to: row.get("reply_to")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        deleted_at: row.get("deleted_at")?,
    })
}

fn page(conn: &Connection, room: RoomId, page: HistoryPage) -> Stored<Vec<MessageRecord>> {
    let (sql, above, up_to, limit) = match page {
        HistoryPage::Before { seq, limit } => (PAGE_BEFORE, 0, seq, limit),
        HistoryPage::After { seq, limit } => (PAGE_AFTER, seq, SEQ_MAX, limit),
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut select = conn.prepare_cached(sql)?;
    let rows = select.query_map([row_of(room, above), row_of(room, up_to), limit], record)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The message with this number.
pub(super) fn message_at(
    conn: &Connection,
    room: RoomId,
    seq: i64,
) -> Stored<Option<MessageRecord>> {
    let mut select = conn.prepare_cached(MESSAGE_AT)?;
    Ok(select.query_row([row_of(room, seq)], record).optional()?)
}

/// Looks at a room's messages below `before` and above `above`, newest first, until `look` has seen enough. Whether it wanted more.
pub(super) fn each_down(
    conn: &Connection,
    (room, before, above): (RoomId, i64, i64),
    mut look: impl FnMut(MessageRecord) -> bool,
) -> Stored<bool> {
    let mut select = conn.prepare_cached(MESSAGES_DOWN)?;
    for message in select.query_map([row_of(room, above), row_of(room, before)], record)? {
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
    let messages = select.query_map([row_of(room, after), row_of(room, last)], record)?;
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
        let outbox = self.outbox;
        self.write_or_refuse(move |conn| append(conn, &batch, outbox)).await
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
