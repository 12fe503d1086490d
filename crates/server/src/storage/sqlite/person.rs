//! What the store has of one person, and how an account ends.
//!
//! No index leads from a person to what hangs on them: every message and every entry would have to write it.
//! So tables are read from their beginning, a stretch at a time.

use anteroom_core::ids::{LoginId, RoomId, UserId};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::administrators::must_stay;
use super::entries::count;
use super::messages::{record, row_of, select_message, seq_of};
use super::{SqliteStorage, logins};
use crate::storage::{
    AccountEnd, AccountEnded, Erasure, LoginEnd, MessageRecord, OwnBan, OwnRoom, PastLogin,
    PastStay, PersonStore, Stored, Stretch, WallMillis,
};

statements! {
    LOGINS_END = "SELECT max(ordinal), count(*) FROM
                  (SELECT ordinal FROM logins WHERE ordinal > ?1 ORDER BY ordinal LIMIT ?2)";
    LOGINS = "SELECT id, created_at, ended_at, end_reason FROM logins
              WHERE ordinal > ?1 AND ordinal <= ?2 AND user_id = ?3 ORDER BY ordinal";
    STAYS_END = "SELECT max(ordinal), count(*) FROM
                 (SELECT ordinal FROM memberships WHERE ordinal > ?1 ORDER BY ordinal LIMIT ?2)";
    STAYS = "SELECT room_id, entered_at, left_at, left_reason FROM memberships
             WHERE ordinal > ?1 AND ordinal <= ?2 AND user_id = ?3 ORDER BY ordinal";
    ROOMS_END = "SELECT max(id), count(*) FROM
                 (SELECT id FROM rooms WHERE id > ?1 ORDER BY id LIMIT ?2)";
    ROOMS = "SELECT id, name, created_at, closed_at FROM rooms
             WHERE id > ?1 AND id <= ?2 AND owner_id = ?3 ORDER BY id";
    BANS_END = "SELECT max(room_id), count(*) FROM
                (SELECT room_id FROM bans WHERE room_id > ?1 ORDER BY room_id LIMIT ?2)";
    BANS = "SELECT room_id, banned_at FROM bans
            WHERE room_id > ?1 AND room_id <= ?2 AND user_id = ?3 ORDER BY room_id";
    MESSAGES_END = "SELECT max(row_no), count(*) FROM
                    (SELECT row_no FROM messages WHERE row_no > ?1 AND row_no <= ?2
                     ORDER BY row_no LIMIT ?3)";
    MESSAGES = select_message!("row_no > ?1 AND row_no <= ?2 AND sender_id = ?3 ORDER BY row_no");
    IS_GONE = "SELECT gone_at IS NOT NULL FROM users WHERE id = ?1";
    ENDED_WITH_IT = "SELECT logins.id FROM logins JOIN users ON users.id = user_id
                     WHERE user_id = ?1 AND ended_at = gone_at ORDER BY ordinal";
    END_ACCOUNT = "UPDATE users
        SET username = ?3, username_folded = ?3, display_name = '–', password_hash = NULL,
            password_expires_at = NULL, contact_number = NULL, locked_at = ?2, gone_at = ?2
        WHERE id = ?1";
    ERASE_LATER = "UPDATE users SET erases = 1 WHERE id = ?1";
    DELETE_ROLES = "DELETE FROM user_roles WHERE user_id = ?1";
    PLAIN_ROLE = "INSERT INTO user_roles (user_id, role) VALUES (?1, 'user')";
    ERASURES = "SELECT id, gone_at FROM users INDEXED BY users_erasing WHERE erases = 1
                ORDER BY id LIMIT ?1";
    ERASED = "UPDATE users SET erases = 0 WHERE id = ?1";
    ROOM_IS_CLOSED = "SELECT closed_at IS NOT NULL FROM rooms WHERE id = ?1";
    SAID_BY = "SELECT row_no, deleted_at IS NULL FROM messages
               WHERE row_no > ?1 AND row_no <= ?2 AND sender_id = ?3";
    EMPTY_MESSAGE = "UPDATE messages SET content = '', deleted_at = ?2 WHERE row_no = ?1";
    FORGET_WORDS = "DELETE FROM found_words WHERE rowid = ?1";
}

/// One stretch: where it ends, and what it holds.
fn stretch<T>(
    conn: &Connection,
    (end, items): (&str, &str),
    (user, after, width): (UserId, i64, usize),
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Stored<Stretch<T>> {
    let wide = count(width)?;
    let mut end = conn.prepare_cached(end)?;
    let (last, rows) = end.query_row([after, wide], |row| {
        Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?))
    })?;
    let Some(last) = last else { return Ok(Stretch { items: Vec::new(), next: None }) };
    let mut select = conn.prepare_cached(items)?;
    let items = select.query_map(params![after, last, user.0], read)?;
    let items = items.collect::<Result<_, _>>()?;
    Ok(Stretch { items, next: (rows == wide).then_some(last) })
}

/// When something ended, and why.
fn ended(row: &Row<'_>) -> rusqlite::Result<Option<(WallMillis, String)>> {
    let (at, why): (Option<WallMillis>, Option<String>) = (row.get(2)?, row.get(3)?);
    Ok(at.zip(why))
}

fn login(row: &Row<'_>) -> rusqlite::Result<PastLogin> {
    Ok(PastLogin { id: LoginId(row.get(0)?), created_at: row.get(1)?, ended: ended(row)? })
}

fn stay(row: &Row<'_>) -> rusqlite::Result<PastStay> {
    Ok(PastStay { room: RoomId(row.get(0)?), entered_at: row.get(1)?, left: ended(row)? })
}

fn room(row: &Row<'_>) -> rusqlite::Result<OwnRoom> {
    Ok(OwnRoom {
        id: RoomId(row.get(0)?),
        name: row.get(1)?,
        created_at: row.get(2)?,
        closed_at: row.get(3)?,
    })
}

/// The last row of a stretch of a room's messages, and whether more follow.
fn messages_end(
    conn: &Connection,
    (room, after): (RoomId, i64),
    width: usize,
) -> Stored<Option<(i64, bool)>> {
    let wide = count(width)?;
    let mut end = conn.prepare_cached(MESSAGES_END)?;
    let range = params![row_of(room, after), row_of(room, i64::MAX), wide];
    let (last, rows): (Option<i64>, i64) =
        end.query_row(range, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(last.map(|last| (last, rows == wide)))
}

fn messages(
    conn: &Connection,
    user: UserId,
    (room, after): (RoomId, i64),
    width: usize,
) -> Stored<Stretch<MessageRecord>> {
    let Some((last, goes_on)) = messages_end(conn, (room, after), width)? else {
        return Ok(Stretch { items: Vec::new(), next: None });
    };
    let mut select = conn.prepare_cached(MESSAGES)?;
    let items = select.query_map(params![row_of(room, after), last, user.0], record)?;
    let items = items.collect::<Result<_, _>>()?;
    Ok(Stretch { items, next: goes_on.then(|| seq_of(last)) })
}

fn end(conn: &Connection, end: AccountEnd, outbox: super::events::Outbox) -> Stored<AccountEnded> {
    let user = end.user.0;
    let is_gone: Option<bool> =
        conn.prepare_cached(IS_GONE)?.query_row([user], |row| row.get(0)).optional()?;
    let Some(is_gone) = is_gone else { return Ok(AccountEnded::NoSuchUser) };
    if !is_gone && must_stay(conn, end.user, end.last)? {
        return Ok(AccountEnded::LastAdmin);
    }
    if end.erase {
        conn.prepare_cached(ERASE_LATER)?.execute([user])?;
    }
    if is_gone {
        // Whoever asked first may not have come to tell those whom it concerns.
        let mut select = conn.prepare_cached(ENDED_WITH_IT)?;
        let ended = select.query_map([user], |row| Ok(LoginId(row.get(0)?)))?;
        return Ok(AccountEnded::Done(ended.collect::<Result<_, _>>()?));
    }
    let ended = logins::end_every(conn, end.user, (LoginEnd::LoggedOut, end.at), outbox)?;
    let name = crate::storage::tombstone(end.user);
    conn.prepare_cached(END_ACCOUNT)?.execute(params![user, end.at, name])?;
    conn.prepare_cached(DELETE_ROLES)?.execute([user])?;
    conn.prepare_cached(PLAIN_ROLE)?.execute([user])?;
    outbox.add(conn, || [crate::storage::events::account_deleted(end)])?;
    Ok(AccountEnded::Done(ended))
}

/// Empties what somebody said in a stretch of a closed room, where no change can be made any more.
fn erase_closed(
    conn: &Connection,
    (user, at): (UserId, WallMillis),
    (room, after): (RoomId, i64),
    width: usize,
) -> Stored<(usize, Option<i64>)> {
    let mut closed = conn.prepare_cached(ROOM_IS_CLOSED)?;
    if closed.query_row([room.0], |row| row.get(0)).optional()? != Some(true) {
        return Ok((0, None));
    }
    let Some((last, goes_on)) = messages_end(conn, (room, after), width)? else {
        return Ok((0, None));
    };
    let mut select = conn.prepare_cached(SAID_BY)?;
    let rows = select.query_map(params![row_of(room, after), last, user.0], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let rows: Vec<(i64, bool)> = rows.collect::<Result<_, _>>()?;
    let mut emptied = 0;
    for (row, has_words) in rows {
        if has_words {
            emptied += 1;
            conn.prepare_cached(EMPTY_MESSAGE)?.execute([row, at])?;
        }
        // Those of a message emptied before as well: whoever was putting them in just then may have come after.
        conn.prepare_cached(FORGET_WORDS)?.execute([row])?;
    }
    Ok((emptied, goes_on.then(|| seq_of(last))))
}

#[async_trait]
impl PersonStore for SqliteStorage {
    async fn logins_of(&self, user: UserId, after: i64, n: usize) -> Stored<Stretch<PastLogin>> {
        self.read(move |conn| stretch(conn, (LOGINS_END, LOGINS), (user, after, n), login)).await
    }

    async fn stays_of(&self, user: UserId, after: i64, n: usize) -> Stored<Stretch<PastStay>> {
        self.read(move |conn| stretch(conn, (STAYS_END, STAYS), (user, after, n), stay)).await
    }

    async fn rooms_of(&self, user: UserId, after: i64, n: usize) -> Stored<Stretch<OwnRoom>> {
        self.read(move |conn| stretch(conn, (ROOMS_END, ROOMS), (user, after, n), room)).await
    }

    async fn bans_of(&self, user: UserId, after: i64, n: usize) -> Stored<Stretch<OwnBan>> {
        let read = |row: &Row<'_>| Ok(OwnBan { room: RoomId(row.get(0)?), at: row.get(1)? });
        self.read(move |conn| stretch(conn, (BANS_END, BANS), (user, after, n), read)).await
    }

    async fn messages_of(
        &self,
        user: UserId,
        room: RoomId,
        after: i64,
        n: usize,
    ) -> Stored<Stretch<MessageRecord>> {
        self.read(move |conn| messages(conn, user, (room, after), n)).await
    }

    async fn end_account(&self, how: AccountEnd) -> Stored<AccountEnded> {
        let outbox = self.outbox;
        self.write(move |conn| end(conn, how, outbox)).await
    }

    async fn erasures(&self, limit: usize) -> Stored<Vec<Erasure>> {
        self.read(move |conn| {
            let mut select = conn.prepare_cached(ERASURES)?;
            let rows = select.query_map([count(limit)?], |row| {
                Ok(Erasure { user: UserId(row.get(0)?), since: row.get(1)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn erased(&self, user: UserId) -> Stored<()> {
        self.write(move |conn| Ok(conn.prepare_cached(ERASED)?.execute([user.0]).map(drop)?)).await
    }

    async fn erase_closed(
        &self,
        (user, at): (UserId, WallMillis),
        room: RoomId,
        after: i64,
        n: usize,
    ) -> Stored<(usize, Option<i64>)> {
        self.write(move |conn| erase_closed(conn, (user, at), (room, after), n)).await
    }
}
