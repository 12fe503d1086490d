//! Which logins are alive. "Oldest" is by the order of the rows, not by a clock that may step back.

use anteroom_core::ids::{LoginId, UserId};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::SqliteStorage;
use super::events::Outbox;
use crate::storage::{
    AuthStore, LoginEnd, LoginRecord, LoginRefresh, RefreshOutcome, StorageError, Stored,
    TokenFacts, WallMillis, events,
};

macro_rules! select_login {
    ($condition:literal) => {
        concat!(
            "SELECT id, user_id, signature_hash, jti, issued_at, expires_at, previous_hash,
                    previous_until, created_at
             FROM logins WHERE ended_at IS NULL AND ",
            $condition
        )
    };
}

statements! {
    IS_THERE = "SELECT 1 FROM users WHERE id = ?1 AND gone_at IS NULL";
    INSERT_LOGIN = "INSERT INTO logins (id, user_id, signature_hash, jti, issued_at, expires_at,
                                        previous_hash, previous_until, created_at)
                    VALUES (:id, :user, :signature_hash, :jti, :issued_at, :expires_at,
                            :previous_hash, :previous_until, :created_at)
                    ON CONFLICT (id) DO NOTHING";
    LIVE_IDS = "SELECT id FROM logins WHERE user_id = ?1 AND ended_at IS NULL ORDER BY ordinal";
    LIVE_LOGINS = select_login!("user_id = ?1 ORDER BY ordinal");
    LIVE_LOGIN = select_login!("id = ?1");
    REFRESH = "UPDATE logins
               SET previous_hash = signature_hash, previous_until = :previous_until,
                   signature_hash = :signature_hash, jti = :jti, issued_at = :issued_at,
                   expires_at = :expires_at
               WHERE id = :id AND ended_at IS NULL AND signature_hash = :expected";
    LOGIN_END = "SELECT end_reason FROM logins WHERE id = ?1 AND ended_at IS NOT NULL";
    END_LOGIN = "UPDATE logins SET ended_at = ?2, end_reason = ?3
                 WHERE id = ?1 AND ended_at IS NULL";
    WHOSE = "SELECT user_id FROM logins WHERE id = ?1";
}

fn record(row: &Row<'_>) -> rusqlite::Result<LoginRecord> {
    let hash: Option<[u8; 32]> = row.get("previous_hash")?;
    let until: Option<WallMillis> = row.get("previous_until")?;
    Ok(LoginRecord {
        id: LoginId(row.get("id")?),
        user: UserId(row.get("user_id")?),
        current: TokenFacts {
            signature_hash: row.get("signature_hash")?,
            jti: row.get("jti")?,
            issued_at: row.get("issued_at")?,
            expires_at: row.get("expires_at")?,
        },
        previous: hash.zip(until),
        created_at: row.get("created_at")?,
    })
}

fn live_ids(conn: &Connection, user: UserId) -> Stored<Vec<LoginId>> {
    let mut select = conn.prepare_cached(LIVE_IDS)?;
    let ids = select.query_map([user.0], |row| row.get(0).map(LoginId))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

fn end(conn: &Connection, login: LoginId, reason: LoginEnd, at: WallMillis) -> Stored<bool> {
    let mut update = conn.prepare_cached(END_LOGIN)?;
    Ok(update.execute(params![login.0, at, reason.as_str()])? == 1)
}

/// Tells which of a user's logins ended.
fn tell(
    (conn, outbox): (&Connection, Outbox),
    user: UserId,
    ended: &[LoginId],
    (reason, at): (LoginEnd, WallMillis),
) -> Stored<()> {
    outbox.add(conn, || ended.iter().map(move |it| events::login_ended(user, *it, reason, at)))
}

/// As [`end`], where nobody says whose login it is.
fn end_one(
    (conn, outbox): (&Connection, Outbox),
    login: LoginId,
    reason: LoginEnd,
    at: WallMillis,
) -> Stored<bool> {
    let has_ended = end(conn, login, reason, at)?;
    if has_ended && outbox.is_on() {
        let user = conn.prepare_cached(WHOSE)?.query_row([login.0], |row| row.get(0))?;
        tell((conn, outbox), UserId(user), &[login], (reason, at))?;
    }
    Ok(has_ended)
}

/// Ends every living login of a user.
pub(super) fn end_every(
    conn: &Connection,
    user: UserId,
    (reason, at): (LoginEnd, WallMillis),
    outbox: Outbox,
) -> Stored<Vec<LoginId>> {
    let ids = live_ids(conn, user)?;
    for id in &ids {
        end(conn, *id, reason, at)?;
    }
    tell((conn, outbox), user, &ids, (reason, at))?;
    Ok(ids)
}

fn start(
    conn: &Connection,
    login: &LoginRecord,
    keep: usize,
    outbox: Outbox,
) -> Stored<Vec<LoginId>> {
    let user = conn.prepare_cached(IS_THERE)?.query_row([login.user.0], |_| Ok(())).optional()?;
    if user.is_none() {
        // The password was right before it ended: nothing may be good under it any more.
        return Err(StorageError::Unavailable("the account has ended meanwhile".into()));
    }
    conn.prepare_cached(INSERT_LOGIN)?.execute(named_params! {
        ":id": login.id.0,
        ":user": login.user.0,
        ":signature_hash": login.current.signature_hash,
        ":jti": login.current.jti,
        ":issued_at": login.current.issued_at,
        ":expires_at": login.current.expires_at,
        ":previous_hash": login.previous.map(|(hash, _)| hash),
        ":previous_until": login.previous.map(|(_, until)| until),
        ":created_at": login.created_at,
    })?;
    let mut surplus = live_ids(conn, login.user)?;
    surplus.truncate(surplus.len().saturating_sub(keep));
    for id in &surplus {
        end(conn, *id, LoginEnd::Superseded, login.created_at)?;
    }
    let how = (LoginEnd::Superseded, login.created_at);
    tell((conn, outbox), login.user, &surplus, how)?;
    Ok(surplus)
}

fn refresh(conn: &Connection, refresh: &LoginRefresh) -> Stored<RefreshOutcome> {
    let replaced = conn.prepare_cached(REFRESH)?.execute(named_params! {
        ":id": refresh.login.0,
        ":expected": refresh.expected,
        ":previous_until": refresh.previous_until,
        ":signature_hash": refresh.new.signature_hash,
        ":jti": refresh.new.jti,
        ":issued_at": refresh.new.issued_at,
        ":expires_at": refresh.new.expires_at,
    })?;
    if replaced == 1 {
        return Ok(RefreshOutcome::Refreshed);
    }
    let mut select = conn.prepare_cached(LIVE_LOGIN)?;
    let standing = select.query_row([refresh.login.0], record).optional()?;
    Ok(standing.map_or(RefreshOutcome::Gone, RefreshOutcome::Stale))
}

#[async_trait]
impl AuthStore for SqliteStorage {
    async fn start_login(&self, login: LoginRecord, keep: usize) -> Stored<Vec<LoginId>> {
        let outbox = self.outbox;
        self.write(move |conn| start(conn, &login, keep, outbox)).await
    }

    async fn refresh_login(&self, wanted: LoginRefresh) -> Stored<RefreshOutcome> {
        self.write(move |conn| refresh(conn, &wanted)).await
    }

    async fn logins(&self, user: UserId) -> Stored<Vec<LoginRecord>> {
        self.read(move |conn| {
            let mut select = conn.prepare_cached(LIVE_LOGINS)?;
            let logins = select.query_map([user.0], record)?;
            Ok(logins.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn login_end(&self, login: LoginId) -> Stored<Option<LoginEnd>> {
        self.read(move |conn| {
            let mut select = conn.prepare_cached(LOGIN_END)?;
            let reason: Option<String> =
                select.query_row([login.0], |row| row.get(0)).optional()?;
            let all = LoginEnd::ALL.into_iter();
            Ok(reason.and_then(|word| all.clone().find(|it| it.as_str() == word)))
        })
        .await
    }

    async fn end_login(&self, login: LoginId, reason: LoginEnd, at: WallMillis) -> Stored<bool> {
        let outbox = self.outbox;
        self.write(move |conn| end_one((conn, outbox), login, reason, at)).await
    }

    async fn end_logins(
        &self,
        user: UserId,
        reason: LoginEnd,
        at: WallMillis,
    ) -> Stored<Vec<LoginId>> {
        let outbox = self.outbox;
        self.write(move |conn| end_every(conn, user, (reason, at), outbox)).await
    }
}
