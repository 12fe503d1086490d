//! What the store has of one person, and how an account ends.
//!
//! No index leads from a person to what hangs on them: every message and every entry would have to write it.
//! So tables are read from their beginning, a stretch at a time.

use anteroom_core::ids::{LoginId, RoomId, UserId};
use async_trait::async_trait;
use deadpool_postgres::{GenericClient, Transaction};
use tokio_postgres::Row;

use super::administrators::{must_stay, one_after_the_other};
use super::ask::{change, row, rows};
use super::entries::count;
use super::error::Step;
use super::messages::{record, select_message};
use super::{PostgresStorage, events, logins};
use crate::storage::events as told;
use crate::storage::{
    AccountEnd, AccountEnded, Erasure, LoginEnd, MessageRecord, OwnBan, OwnRoom, PastLogin,
    PastStay, PersonStore, Stored, Stretch, WallMillis,
};

statements! {
    LOGINS_END = "SELECT max(ordinal), count(*) FROM
                  (SELECT ordinal FROM logins WHERE ordinal > $1 ORDER BY ordinal LIMIT $2) AS stretch";
    LOGINS = "SELECT id, created_at, ended_at, end_reason FROM logins
              WHERE ordinal > $1 AND ordinal <= $2 AND user_id = $3 ORDER BY ordinal";
    STAYS_END = "SELECT max(ordinal), count(*) FROM
                 (SELECT ordinal FROM memberships WHERE ordinal > $1 ORDER BY ordinal LIMIT $2) AS stretch";
    STAYS = "SELECT room_id, entered_at, left_at, left_reason FROM memberships
             WHERE ordinal > $1 AND ordinal <= $2 AND user_id = $3 ORDER BY ordinal";
    ROOMS_END = "SELECT max(id), count(*) FROM
                 (SELECT id FROM rooms WHERE id > $1 ORDER BY id LIMIT $2) AS stretch";
    ROOMS = "SELECT id, name, created_at, closed_at FROM rooms
             WHERE id > $1 AND id <= $2 AND owner_id = $3 ORDER BY id";
    BANS_END = "SELECT max(room_id), count(*) FROM
                (SELECT room_id FROM bans WHERE room_id > $1 ORDER BY room_id LIMIT $2) AS stretch";
    BANS = "SELECT room_id, banned_at FROM bans
            WHERE room_id > $1 AND room_id <= $2 AND user_id = $3 ORDER BY room_id";
    MESSAGES_END = "SELECT max(seq), count(*) FROM
                    (SELECT seq FROM messages WHERE room_id = $1 AND seq > $2
                     ORDER BY seq LIMIT $3) AS stretch";
    MESSAGES =
        select_message!("room_id = $1 AND seq > $2 AND seq <= $3 AND sender_id = $4 ORDER BY seq");
    LOCK_USER = "SELECT gone_at IS NOT NULL AS is_gone FROM users WHERE id = $1 FOR NO KEY UPDATE";
    ENDED_WITH_IT = "SELECT logins.id FROM logins JOIN users ON users.id = user_id
                     WHERE user_id = $1 AND ended_at = gone_at ORDER BY ordinal";
    END_ACCOUNT = "UPDATE users
        SET username = $3, username_folded = $3, display_name = '–', password_hash = NULL,
            password_expires_at = NULL, contact_number = NULL, locked_at = $2, gone_at = $2
        WHERE id = $1";
    ERASE_LATER = "UPDATE users SET erases = true WHERE id = $1";
    DELETE_ROLES = "DELETE FROM user_roles WHERE user_id = $1";
    PLAIN_ROLE = "INSERT INTO user_roles (user_id, role) VALUES ($1, 'user')";
    ERASURES = "SELECT id, gone_at FROM users WHERE erases ORDER BY id LIMIT $1";
    ERASED = "UPDATE users SET erases = false WHERE id = $1";
    /// Against whoever takes messages away there.
    LOCK_CLOSED = "SELECT id FROM rooms WHERE id = $1 AND closed_at IS NOT NULL FOR NO KEY UPDATE";
    EMPTY_MESSAGES = "UPDATE messages SET content = '', deleted_at = $5
        WHERE room_id = $1 AND seq > $2 AND seq <= $3 AND sender_id = $4 AND deleted_at IS NULL";
    /// Those of a message emptied before as well: whoever was putting them in just then may have come after.
    FORGET_WORDS = "DELETE FROM found_words WHERE room_id = $1 AND seq IN
        (SELECT seq FROM messages WHERE room_id = $1 AND seq > $2 AND seq <= $3 AND sender_id = $4)";
}

/// What a stretch is asked for: whose, behind what, and how much is looked at.
type Asked = (UserId, i64, usize);

/// One stretch: where it ends, and what it holds.
async fn stretch<T>(
    on: &impl GenericClient,
    (end, items): (&'static str, &'static str),
    (user, after, width): Asked,
    read: fn(&Row) -> Step<T>,
) -> Step<Stretch<T>> {
    let wide = count(width)?;
    let Some((last, is_full)) = ends(row(on, end, &[&after, &wide]).await?, wide)? else {
        return Ok(Stretch { items: Vec::new(), next: None });
    };
    let items = rows(on, items, &[&after, &last, &user.0]).await?;
    let items = items.iter().map(read).collect::<Step<_>>()?;
    Ok(Stretch { items, next: is_full.then_some(last) })
}

/// The last number of a stretch, and whether it is as long as it may be; `None` where it is empty.
fn ends(row: Option<Row>, wide: i64) -> Step<Option<(i64, bool)>> {
    let Some(row) = row else { return Ok(None) };
    let (last, rows): (Option<i64>, i64) = (row.try_get(0)?, row.try_get(1)?);
    Ok(last.map(|last| (last, rows == wide)))
}

/// When something ended, and why.
fn ended(row: &Row) -> Step<Option<(WallMillis, String)>> {
    let (at, why): (Option<WallMillis>, Option<String>) = (row.try_get(2)?, row.try_get(3)?);
    Ok(at.zip(why))
}

fn login(row: &Row) -> Step<PastLogin> {
    let id = LoginId(row.try_get(0)?);
    Ok(PastLogin { id, created_at: row.try_get(1)?, ended: ended(row)? })
}

fn stay(row: &Row) -> Step<PastStay> {
    let room = RoomId(row.try_get(0)?);
    Ok(PastStay { room, entered_at: row.try_get(1)?, left: ended(row)? })
}

fn room(row: &Row) -> Step<OwnRoom> {
    Ok(OwnRoom {
        id: RoomId(row.try_get(0)?),
        name: row.try_get(1)?,
        created_at: row.try_get(2)?,
        closed_at: row.try_get(3)?,
    })
}

fn ban(row: &Row) -> Step<OwnBan> {
    Ok(OwnBan { room: RoomId(row.try_get(0)?), at: row.try_get(1)? })
}

async fn messages(
    on: &impl GenericClient,
    room: RoomId,
    (user, after, width): Asked,
) -> Step<Stretch<MessageRecord>> {
    let wide = count(width)?;
    let end = row(on, MESSAGES_END, &[&room.0, &after, &wide]).await?;
    let Some((last, is_full)) = ends(end, wide)? else {
        return Ok(Stretch { items: Vec::new(), next: None });
    };
    let items = rows(on, MESSAGES, &[&room.0, &after, &last, &user.0]).await?;
    let items = items.iter().map(record).collect::<Step<_>>()?;
    Ok(Stretch { items, next: is_full.then_some(last) })
}

async fn end(on: &Transaction<'_>, end: AccountEnd, tells: bool) -> Step<AccountEnded> {
    let user = end.user.0;
    one_after_the_other(on).await?;
    let Some(found) = row(on, LOCK_USER, &[&user]).await? else {
        return Ok(AccountEnded::NoSuchUser);
    };
    let is_gone: bool = found.try_get("is_gone")?;
    if !is_gone && must_stay(on, end.user, end.last).await? {
        return Ok(AccountEnded::LastAdmin);
    }
    if end.erase {
        change(on, ERASE_LATER, &[&user]).await?;
    }
    if is_gone {
        // Whoever asked first may not have come to tell those whom it concerns.
        let ended = rows(on, ENDED_WITH_IT, &[&user]).await?;
        let ended = ended.iter().map(|row| Ok(LoginId(row.try_get(0)?)));
        return Ok(AccountEnded::Done(ended.collect::<Step<_>>()?));
    }
    let ended = logins::end_every(on, end.user, (LoginEnd::LoggedOut, end.at), tells).await?;
    let name = crate::storage::tombstone(end.user);
    change(on, END_ACCOUNT, &[&user, &end.at, &name]).await?;
    change(on, DELETE_ROLES, &[&user]).await?;
    change(on, PLAIN_ROLE, &[&user]).await?;
    if tells {
        events::add(on, &[told::account_deleted(end)]).await?;
    }
    Ok(AccountEnded::Done(ended))
}

/// Empties what somebody said in a stretch of a closed room, where no change can be made any more.
async fn erase_closed(
    on: &Transaction<'_>,
    room: RoomId,
    (user, after, width): Asked,
    at: WallMillis,
) -> Step<(usize, Option<i64>)> {
    let wide = count(width)?;
    if row(on, LOCK_CLOSED, &[&room.0]).await?.is_none() {
        return Ok((0, None));
    }
    let end = row(on, MESSAGES_END, &[&room.0, &after, &wide]).await?;
    let Some((last, is_full)) = ends(end, wide)? else { return Ok((0, None)) };
    let given: &super::ask::Given<'_> = &[&room.0, &after, &last, &user.0, &at];
    let emptied = usize::try_from(change(on, EMPTY_MESSAGES, given).await?).unwrap_or(usize::MAX);
    change(on, FORGET_WORDS, &[&room.0, &after, &last, &user.0]).await?;
    Ok((emptied, is_full.then_some(last)))
}

#[async_trait]
impl PersonStore for PostgresStorage {
    async fn logins_of(&self, user: UserId, after: i64, n: usize) -> Stored<Stretch<PastLogin>> {
        self.lines
            .run(&(user, after, n), |line, asked| {
                Box::pin(stretch(line, (LOGINS_END, LOGINS), *asked, login))
            })
            .await
    }

    async fn stays_of(&self, user: UserId, after: i64, n: usize) -> Stored<Stretch<PastStay>> {
        self.lines
            .run(&(user, after, n), |line, asked| {
                Box::pin(stretch(line, (STAYS_END, STAYS), *asked, stay))
            })
            .await
    }

    async fn rooms_of(&self, user: UserId, after: i64, n: usize) -> Stored<Stretch<OwnRoom>> {
        self.lines
            .run(&(user, after, n), |line, asked| {
                Box::pin(stretch(line, (ROOMS_END, ROOMS), *asked, room))
            })
            .await
    }

    async fn bans_of(&self, user: UserId, after: i64, n: usize) -> Stored<Stretch<OwnBan>> {
        self.lines
            .run(&(user, after, n), |line, asked| {
                Box::pin(stretch(line, (BANS_END, BANS), *asked, ban))
            })
            .await
    }

    async fn messages_of(
        &self,
        user: UserId,
        room: RoomId,
        after: i64,
        n: usize,
    ) -> Stored<Stretch<MessageRecord>> {
        self.lines
            .run(&(room, (user, after, n)), |line, (room, asked)| {
                Box::pin(messages(line, *room, *asked))
            })
            .await
    }

    async fn end_account(&self, how: AccountEnd) -> Stored<AccountEnded> {
        self.lines
            .write(&(how, self.tells), |on, (how, tells)| Box::pin(end(on, *how, *tells)))
            .await
    }

    async fn erasures(&self, limit: usize) -> Stored<Vec<Erasure>> {
        self.lines
            .run(&count(limit)?, |line, limit| {
                Box::pin(async move {
                    let found = rows(line, ERASURES, &[limit]).await?;
                    let erasure = |row: &Row| {
                        Ok(Erasure { user: UserId(row.try_get(0)?), since: row.try_get(1)? })
                    };
                    found.iter().map(erasure).collect()
                })
            })
            .await
    }

    async fn erased(&self, user: UserId) -> Stored<()> {
        self.lines
            .run(&user, |line, user| {
                Box::pin(async move { change(line, ERASED, &[&user.0]).await.map(drop) })
            })
            .await
    }

    async fn erase_closed(
        &self,
        (user, at): (UserId, WallMillis),
        room: RoomId,
        after: i64,
        n: usize,
    ) -> Stored<(usize, Option<i64>)> {
        self.lines
            .write(&(room, (user, after, n), at), |on, (room, asked, at)| {
                Box::pin(erase_closed(on, *room, *asked, *at))
            })
            .await
    }
}
