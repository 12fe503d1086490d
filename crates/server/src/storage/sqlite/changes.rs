//! Edits and deletes: judged and made inside the transaction that gives them their number.
//!
//! A change is a row with a number and what it did to the message's own row, together or not at all.
//! The words stand in the message only.

use anteroom_core::ids::{MessageId, RoomId, UserId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::statements::word;
use crate::storage::changes::{Judgement, Standing, judge};
use crate::storage::{
    Alteration, Appended, ChangeKind, ChangeRecord, NewChange, NoChange, Stored, words,
};

statements! {
    STANDING = "SELECT room_id, seq, sender_id, kind, content_type, content,
                       updated_at, deleted_at, changed_seq, created_at
                FROM messages WHERE id = ?1";
    IS_STAFF = "SELECT EXISTS (SELECT 1 FROM rooms WHERE id = ?1 AND owner_id = ?2)
                    OR EXISTS (SELECT 1 FROM user_roles
                               WHERE user_id = ?2 AND role IN ('moderator', 'admin'))";
    INSERT_CHANGE = "INSERT INTO changes (room_id, seq, target_seq, kind, actor_id, at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    EDIT = "UPDATE messages SET content = ?3, updated_at = ?4, changed_seq = ?5
            WHERE row_no = (?1 << 32) | ?2";
    DELETE = "UPDATE messages SET content = '', deleted_at = ?3, changed_seq = ?4
              WHERE row_no = (?1 << 32) | ?2";
    CHANGES_BETWEEN = "SELECT c.seq AS seq, target_seq, iif(m.id IS NULL, 'deleted', c.kind) AS kind, at,
                              coalesce(m.id, target_id) AS id, coalesce(content, '') AS content
                       FROM changes AS c
                       LEFT JOIN messages AS m ON m.row_no = (c.room_id << 32) | target_seq
                       WHERE c.room_id = ?1 AND c.seq > ?2 AND c.seq <= ?3 ORDER BY c.seq";
}

/// The message a change is about, and what a repeated change is answered with.
struct Found {
    standing: Standing,
    seq: i64,
    /// The last change of it, or else its own number.
    changed_seq: i64,
    /// When it was last edited, or else said.
    edited_at: i64,
    deleted_at: Option<i64>,
}

fn found(row: &Row<'_>) -> rusqlite::Result<Found> {
    let seq: i64 = row.get("seq")?;
    let created_at: i64 = row.get("created_at")?;
    let deleted_at: Option<i64> = row.get("deleted_at")?;
    let sender: Option<uuid::Uuid> = row.get("sender_id")?;
    Ok(Found {
        standing: Standing {
            room: RoomId(row.get("room_id")?),
            sender: sender.map(UserId),
            kind: word(row, "kind", words::parse_kind)?,
            content_type: row.get("content_type")?,
            content: row.get("content")?,
            is_deleted: deleted_at.is_some(),
        },
        seq,
        changed_seq: row.get::<_, Option<i64>>("changed_seq")?.unwrap_or(seq),
        edited_at: row.get::<_, Option<i64>>("updated_at")?.unwrap_or(created_at),
        deleted_at,
    })
}

/// Makes a change under the number `seq`; without one the room is not open, and only what stands
/// already is answered.
pub(super) fn change(conn: &Connection, ask: &NewChange, seq: Option<i64>) -> Stored<Appended> {
    let mut select = conn.prepare_cached(STANDING)?;
    let Some(found) = select.query_row([ask.target.0], found).optional()? else {
        return Ok(seq.map_or(Appended::NoRoom, |_| Appended::Refused(NoChange::NotFound)));
    };
    let judgement = judge(ask, &found.standing, || is_staff(conn, ask.room, ask.by))?;
    let kind = match (judgement, seq) {
        (Judgement::Stands(kind), _) => return Ok(Appended::Unchanged(standing(ask, found, kind))),
        (_, None) => return Ok(Appended::NoRoom),
        (Judgement::Refuse(why), _) => return Ok(Appended::Refused(why)),
        (Judgement::Make(kind), Some(seq)) => (kind, seq),
    };
    let (kind, seq) = kind;
    let made = ChangeRecord {
        seq,
        target: ask.target,
        target_seq: found.seq,
        kind,
        content: match &ask.what {
            Alteration::Edit(words) => words.clone(),
            Alteration::Delete => String::new(),
        },
        at: ask.at,
    };
    make(conn, ask, &made)?;
    Ok(Appended::Changed(made))
}

fn standing(ask: &NewChange, found: Found, kind: ChangeKind) -> ChangeRecord {
    ChangeRecord {
        seq: found.changed_seq,
        target: ask.target,
        target_seq: found.seq,
        kind,
        content: found.standing.content,
        at: match kind {
            ChangeKind::Edited => found.edited_at,
            ChangeKind::Deleted => found.deleted_at.unwrap_or(found.edited_at),
        },
    }
}

fn make(conn: &Connection, ask: &NewChange, made: &ChangeRecord) -> Stored<()> {
    let room = ask.room.0;
    conn.prepare_cached(INSERT_CHANGE)?.execute(params![
        room,
        made.seq,
        made.target_seq,
        words::change_kind(made.kind),
        ask.by.0,
        made.at,
    ])?;
    match made.kind {
        ChangeKind::Edited => conn.prepare_cached(EDIT)?.execute(params![
            room,
            made.target_seq,
            made.content,
            made.at,
            made.seq
        ])?,
        ChangeKind::Deleted => conn.prepare_cached(DELETE)?.execute(params![
            room,
            made.target_seq,
            made.at,
            made.seq
        ])?,
    };
    Ok(())
}

fn is_staff(conn: &Connection, room: RoomId, user: UserId) -> Stored<bool> {
    let mut select = conn.prepare_cached(IS_STAFF)?;
    Ok(select.query_row(params![room.0, user.0], |row| row.get(0))?)
}

/// The changes of a room above `after` and up to `last`, in their order, with the words that stand now. Of a
/// message that is not kept any more each says that it was deleted.
pub(super) fn between(
    conn: &Connection,
    room: RoomId,
    after: i64,
    last: i64,
) -> Stored<Vec<ChangeRecord>> {
    let mut select = conn.prepare_cached(CHANGES_BETWEEN)?;
    let rows = select.query_map([room.0, after, last], |row| {
        Ok(ChangeRecord {
            seq: row.get("seq")?,
            target: MessageId(row.get("id")?),
            target_seq: row.get("target_seq")?,
            kind: word(row, "kind", words::parse_change_kind)?,
            content: row.get("content")?,
            at: row.get("at")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
