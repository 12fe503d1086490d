//! Which logins are alive. "Oldest" is by the order of the rows, not by a clock that may step back. The
//! user's row is locked where it matters which came first.

use anteroom_core::ids::{LoginId, UserId};
use async_trait::async_trait;
use deadpool_postgres::{GenericClient, Transaction};
use tokio_postgres::Row;

use super::ask::{change, row, rows};
use super::error::Step;
use super::{PostgresStorage, accounts, events};
use crate::storage::events as told;
use crate::storage::{
    AuthStore, LoginEnd, LoginRecord, LoginRefresh, RefreshOutcome, StorageError, Stored,
    TokenFacts, WallMillis,
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
    INSERT_LOGIN = "INSERT INTO logins (id, user_id, signature_hash, jti, issued_at, expires_at,
                                        previous_hash, previous_until, created_at)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                    ON CONFLICT (id) DO NOTHING";
    LIVE_IDS = "SELECT id FROM logins WHERE user_id = $1 AND ended_at IS NULL ORDER BY ordinal";
    LIVE_LOGINS = select_login!("user_id = $1 ORDER BY ordinal");
    LIVE_LOGIN = select_login!("id = $1");
    REFRESH = "UPDATE logins
               SET previous_hash = signature_hash, previous_until = $3, signature_hash = $4,
                   jti = $5, issued_at = $6, expires_at = $7
               WHERE id = $1 AND ended_at IS NULL AND signature_hash = $2";
    LOGIN_END = "SELECT end_reason FROM logins WHERE id = $1 AND ended_at IS NOT NULL";
    END_LOGIN = "UPDATE logins SET ended_at = $2, end_reason = $3
                 WHERE id = $1 AND ended_at IS NULL";
    END_LOGIN_OF = "UPDATE logins SET ended_at = $2, end_reason = $3
                    WHERE id = $1 AND ended_at IS NULL RETURNING user_id";
    END_LOGINS = "UPDATE logins SET ended_at = $2, end_reason = $3
                  WHERE id = ANY ($1) AND ended_at IS NULL";
}

fn hash(row: &Row, column: &str) -> Step<Option<[u8; 32]>> {
    let bytes: Option<&[u8]> = row.try_get(column)?;
    let exactly = |bytes: &[u8]| {
        bytes.try_into().map_err(|_| StorageError::Failed(format!("{column} is no hash")).into())
    };
    bytes.map(exactly).transpose()
}

fn record(row: &Row) -> Step<LoginRecord> {
    let until: Option<WallMillis> = row.try_get("previous_until")?;
    Ok(LoginRecord {
        id: LoginId(row.try_get("id")?),
        user: UserId(row.try_get("user_id")?),
        current: TokenFacts {
            signature_hash: hash(row, "signature_hash")?.unwrap_or_default(),
            jti: row.try_get("jti")?,
            issued_at: row.try_get("issued_at")?,
            expires_at: row.try_get("expires_at")?,
        },
        previous: hash(row, "previous_hash")?.zip(until),
        created_at: row.try_get("created_at")?,
    })
}

async fn live_ids(on: &impl GenericClient, user: UserId) -> Step<Vec<LoginId>> {
    let ids = rows(on, LIVE_IDS, &[&user.0]).await?;
    ids.iter().map(|row| Ok(LoginId(row.try_get(0)?))).collect()
}

async fn end_all(
    on: &Transaction<'_>,
    ids: &[LoginId],
    reason: LoginEnd,
    at: WallMillis,
) -> Step<()> {
    if !ids.is_empty() {
        let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.0).collect();
        change(on, END_LOGINS, &[&ids, &at, &reason.as_str()]).await?;
    }
    Ok(())
}

/// Tells which of a user's logins ended.
async fn tell(
    on: &Transaction<'_>,
    user: UserId,
    ended: &[LoginId],
    (reason, at): (LoginEnd, WallMillis),
) -> Step<()> {
    let all: Vec<_> =
        ended.iter().map(|login| told::login_ended(user, *login, reason, at)).collect();
    events::add(on, &all).await
}

async fn end_told(
    on: &Transaction<'_>,
    (login, reason, at): (LoginId, LoginEnd, WallMillis),
) -> Step<bool> {
    let ended = row(on, END_LOGIN_OF, &[&login.0, &at, &reason.as_str()]).await?;
    let Some(ended) = ended else { return Ok(false) };
    tell(on, UserId(ended.try_get(0)?), &[login], (reason, at)).await?;
    Ok(true)
}

/// Ends every living login of a user.
pub(super) async fn end_every(
    on: &Transaction<'_>,
    user: UserId,
    (reason, at): (LoginEnd, WallMillis),
    tells: bool,
) -> Step<Vec<LoginId>> {
    accounts::lock(on, user).await?;
    let ids = live_ids(on, user).await?;
    end_all(on, &ids, reason, at).await?;
    if tells {
        tell(on, user, &ids, (reason, at)).await?;
    }
    Ok(ids)
}

async fn start(
    on: &Transaction<'_>,
    login: &LoginRecord,
    (keep, tells): (usize, bool),
) -> Step<Vec<LoginId>> {
    if !accounts::lock(on, login.user).await? {
        return Err(StorageError::Unavailable("the account has ended meanwhile".into()).into());
    }
    let (previous_hash, previous_until) = login.previous.unzip();
    change(
        on,
        INSERT_LOGIN,
        &[
            &login.id.0,
            &login.user.0,
            &login.current.signature_hash.as_slice(),
            &login.current.jti,
            &login.current.issued_at,
            &login.current.expires_at,
            &previous_hash.as_ref().map(<[u8; 32]>::as_slice),
            &previous_until,
            &login.created_at,
        ],
    )
    .await?;
    let mut surplus = live_ids(on, login.user).await?;
    surplus.truncate(surplus.len().saturating_sub(keep));
    end_all(on, &surplus, LoginEnd::Superseded, login.created_at).await?;
    if tells {
        tell(on, login.user, &surplus, (LoginEnd::Superseded, login.created_at)).await?;
    }
    Ok(surplus)
}

/// Two that replace the same token wait for each other at its row; the later one finds it replaced.
async fn refresh(on: &impl GenericClient, refresh: &LoginRefresh) -> Step<RefreshOutcome> {
    let replaced = change(
        on,
        REFRESH,
        &[
            &refresh.login.0,
            &refresh.expected.as_slice(),
            &refresh.previous_until,
            &refresh.new.signature_hash.as_slice(),
            &refresh.new.jti,
            &refresh.new.issued_at,
            &refresh.new.expires_at,
        ],
    )
    .await?;
    if replaced == 1 {
        return Ok(RefreshOutcome::Refreshed);
    }
    let standing = row(on, LIVE_LOGIN, &[&refresh.login.0]).await?;
    let standing = standing.as_ref().map(record).transpose()?;
    Ok(standing.map_or(RefreshOutcome::Gone, RefreshOutcome::Stale))
}

async fn end_of(on: &impl GenericClient, login: LoginId) -> Step<Option<LoginEnd>> {
    let Some(row) = row(on, LOGIN_END, &[&login.0]).await? else { return Ok(None) };
    let word: &str = row.try_get(0)?;
    Ok(LoginEnd::ALL.into_iter().find(|it| it.as_str() == word))
}

#[async_trait]
impl AuthStore for PostgresStorage {
    async fn start_login(&self, login: LoginRecord, keep: usize) -> Stored<Vec<LoginId>> {
        self.lines
            .write(&(login, (keep, self.tells)), |on, (login, how)| {
                Box::pin(start(on, login, *how))
            })
            .await
    }

    async fn refresh_login(&self, wanted: LoginRefresh) -> Stored<RefreshOutcome> {
        self.lines.run(&wanted, |line, wanted| Box::pin(refresh(line, wanted))).await
    }

    async fn logins(&self, user: UserId) -> Stored<Vec<LoginRecord>> {
        self.lines
            .run(&user, |line, user| {
                Box::pin(async move {
                    rows(line, LIVE_LOGINS, &[&user.0]).await?.iter().map(record).collect()
                })
            })
            .await
    }

    async fn login_end(&self, login: LoginId) -> Stored<Option<LoginEnd>> {
        self.lines.run(&login, |line, login| Box::pin(end_of(line, *login))).await
    }

    async fn end_login(&self, login: LoginId, reason: LoginEnd, at: WallMillis) -> Stored<bool> {
        if self.tells {
            let given = (login, reason, at);
            return self.lines.write(&given, |on, given| Box::pin(end_told(on, *given))).await;
        }
        self.lines
            .run(&(login, reason, at), |line, (login, reason, at)| {
                Box::pin(async move {
                    Ok(change(line, END_LOGIN, &[&login.0, at, &reason.as_str()]).await? == 1)
                })
            })
            .await
    }

    async fn end_logins(
        &self,
        user: UserId,
        reason: LoginEnd,
        at: WallMillis,
    ) -> Stored<Vec<LoginId>> {
        self.lines
            .write(&(user, (reason, at), self.tells), |on, (user, how, tells)| {
                Box::pin(end_every(on, *user, *how, *tells))
            })
            .await
    }
}
