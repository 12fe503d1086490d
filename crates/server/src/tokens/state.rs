//! Which tokens are good: logins begin, are refreshed, and end.
//!
//! A token opens something only while its signature is the one stored for its login, compared on
//! every call, so an ended or replaced token is refused at once. Nothing here knows of HTTP, sockets
//! or seats: whoever ends a login closes what it kept open.

use std::sync::Arc;

use anteroom_core::ids::{LoginId, UserId};
use tracing::info;

use super::answers::{AuthError, Identity, IssueError, IssuedToken, TokensConfig};
use super::copies::Copies;
use super::issuer::{Issuer, same};
use super::jwt::Jwt;
use super::keys::Keys;
use super::standing::{Otherwise, Standings};
use crate::storage::{LoginEnd, SharedStorage, Stored, UserRecord, WallMillis};

/// The tokens of this server. Cheap to clone.
#[derive(Clone)]
pub struct Tokens {
    issuer: Arc<Issuer>,
    standings: Standings,
}

impl Tokens {
    /// Tokens under `keys`, whose logins live in `storage`.
    #[must_use]
    pub fn new(storage: SharedStorage, keys: &Keys, config: TokensConfig) -> Self {
        let standings = Standings::new(storage, config.cached_users, !config.is_shared);
        let issuer = Arc::new(Issuer { jwt: Jwt::new(keys), config });
        Self { issuer, standings }
    }

    /// The same, with how users stand at hand for all nodes in Redis.
    #[must_use]
    pub(crate) fn with(self, copies: Arc<Copies>) -> Self {
        Self { standings: self.standings.with(copies), ..self }
    }

    /// Starts a login for a user whose credentials were just checked, and ends the oldest beyond
    /// what is allowed.
    ///
    /// # Errors
    /// When the account is locked, over, or not the one that was checked any more.
    pub async fn issue(
        &self,
        checked: &UserRecord,
        now: WallMillis,
    ) -> Result<IssuedToken, IssueError> {
        let issuer = Arc::clone(&self.issuer);
        let (user, password_hash) = (checked.id, checked.password_hash.clone());
        let start = move |storage: SharedStorage| async move {
            let record = storage.user(user).await?.ok_or(IssueError::Changed)?;
            if record.password_hash != password_hash {
                return Err(IssueError::Changed);
            }
            issuer.start(&*storage, record, now).await
        };
        let issued = self.standings.change(user, Otherwise::Refuse, start).await?;
        for login in &issued.superseded {
            info!(event = "auth.superseded", %user, %login, "a newer login took its place");
        }
        Ok(issued)
    }

    /// Who asks with this token.
    ///
    /// # Errors
    /// Why it opens nothing; `StoreUnavailable` when that could not be found out.
    pub async fn authenticate(&self, token: &str, now: WallMillis) -> Result<Identity, AuthError> {
        let identity = self.identify(token, now).await;
        log_refusal(&identity);
        identity
    }

    /// A new token of the same login. The old one stops working, except that within the grace it is
    /// answered with the very same new one: two tabs may refresh at once.
    ///
    /// # Errors
    /// As [`Tokens::authenticate`].
    pub async fn refresh(&self, token: &str, now: WallMillis) -> Result<IssuedToken, AuthError> {
        let issued = self.exchange(token, now).await;
        log_refusal(&issued);
        issued
    }

    /// Ends a login; false when it was not alive. Its token is refused from here on.
    ///
    /// # Errors
    /// When the store did not do it: the login may still be alive.
    pub async fn end(
        &self,
        user: UserId,
        login: LoginId,
        reason: LoginEnd,
        now: WallMillis,
    ) -> Stored<bool> {
        let end = move |storage: SharedStorage| async move {
            storage.end_login(login, reason, now).await
        };
        let ended = self.standings.change(user, Otherwise::WaitOut, end).await?;
        if ended {
            log_end(user, login, reason);
        }
        Ok(ended)
    }

    /// Ends all logins of a user and answers which.
    ///
    /// # Errors
    /// When the store did not do it: all may still be alive.
    pub async fn end_all(
        &self,
        user: UserId,
        reason: LoginEnd,
        now: WallMillis,
    ) -> Stored<Vec<LoginId>> {
        let end = move |storage: SharedStorage| async move {
            storage.end_logins(user, reason, now).await
        };
        let ended = self.standings.change(user, Otherwise::WaitOut, end).await?;
        for login in &ended {
            log_end(user, *login, reason);
        }
        Ok(ended)
    }

    /// Until when the login lives unless it is refreshed; `None` when it is not alive.
    ///
    /// # Errors
    /// When the store cannot tell.
    pub async fn login_deadline(
        &self,
        user: UserId,
        login: LoginId,
        now: WallMillis,
    ) -> Stored<Option<WallMillis>> {
        let Some(standing) = self.standings.read(user).await? else { return Ok(None) };
        if standing.in_force(now).is_err() {
            return Ok(None);
        }
        let ends = standing.login(login).map(|login| login.ends);
        Ok(ends.filter(|ends| *ends > now))
    }

    /// The name by which others read the user; `None` when there is no such user.
    ///
    /// # Errors
    /// When the store cannot tell.
    pub async fn display_name(&self, user: UserId) -> Stored<Option<Arc<str>>> {
        let standing = self.standings.read(user).await?;
        Ok(standing.map(|standing| Arc::clone(&standing.name)))
    }

    /// Whether the login is alive.
    ///
    /// # Errors
    /// When the store cannot tell.
    pub async fn is_live(&self, user: UserId, login: LoginId, now: WallMillis) -> Stored<bool> {
        Ok(self.login_deadline(user, login, now).await?.is_some())
    }

    /// The way every write to an account has to go.
    pub(crate) fn standings(&self) -> &Standings {
        &self.standings
    }

    async fn identify(&self, token: &str, now: WallMillis) -> Result<Identity, AuthError> {
        let presented = self.issuer.verify(token, now)?;
        let user = presented.claims.user();
        let standing = self.standings.read(user).await?.ok_or(AuthError::Revoked)?;
        standing.in_force(now)?;
        let login = standing.login(presented.claims.login()).ok_or(AuthError::Revoked)?;
        if !same(&login.signature_hash, &presented.signature_hash) {
            return Err(AuthError::Revoked);
        }
        Ok(Identity {
            user,
            login: login.id,
            name: standing.name.to_string(),
            roles: standing.roles(),
            expires_at: login.ends,
        })
    }

    async fn exchange(&self, token: &str, now: WallMillis) -> Result<IssuedToken, AuthError> {
        let presented = self.issuer.verify(token, now)?;
        let user = presented.claims.user();
        let issuer = Arc::clone(&self.issuer);
        let replace = move |storage: SharedStorage| async move {
            issuer.replace(&*storage, &presented, now).await
        };
        // Not refused: an old token must not end chats because Redis is away.
        self.standings.change(user, Otherwise::WaitOut, replace).await
    }
}

fn log_refusal<T>(outcome: &Result<T, AuthError>) {
    match outcome {
        Ok(_) | Err(AuthError::Missing) => {}
        Err(error @ AuthError::StoreUnavailable(source)) => {
            tracing::warn!(event = "auth.refused", reason = error.as_str(), %source, "refused");
        }
        Err(error) => info!(event = "auth.refused", reason = error.as_str(), "refused"),
    }
}

fn log_end(user: UserId, login: LoginId, reason: LoginEnd) {
    info!(event = "auth.logged_out", %user, %login, reason = reason.as_str(), "login ended");
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
