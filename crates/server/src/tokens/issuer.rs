//! Making tokens: the first of a login, the one that replaces another, and the same one again.
//!
//! Everything here runs inside the only change of its user, so what it reads from the store stands
//! until it is done.

use anteroom_core::ids::LoginId;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use uuid::Uuid;

use super::answers::{AuthError, IssueError, IssuedToken, TokensConfig};
use super::jwt::{Bearer, Jwt, JwtFault, Minted, Stamp, Verified};
use crate::clock::millis;
use crate::storage::{
    LoginEnd, LoginRecord, LoginRefresh, RefreshOutcome, Storage, StorageError, TokenFacts,
    UserRecord, WallMillis,
};

/// Mints under one key and by one configuration.
pub(super) struct Issuer {
    pub(super) jwt: Jwt,
    pub(super) config: TokensConfig,
}

impl Issuer {
    /// Reads a presented token.
    pub(super) fn verify(&self, token: &str, now: WallMillis) -> Result<Verified, AuthError> {
        if token.is_empty() {
            return Err(AuthError::Missing);
        }
        self.jwt.verify(token, now).map_err(|fault| match fault {
            JwtFault::Malformed => AuthError::Malformed,
            JwtFault::Expired => AuthError::Expired,
        })
    }

    /// Starts a login of a user who may have one.
    pub(super) async fn start(
        &self,
        storage: &dyn Storage,
        user: UserRecord,
        now: WallMillis,
    ) -> Result<IssuedToken, IssueError> {
        account_in_force(&user, now).map_err(|fault| match fault {
            AccountFault::Locked => IssueError::Locked,
            AccountFault::Over => IssueError::Expired,
        })?;
        // A login whose time has passed must not keep its place against one that is in use.
        for over in storage.logins(user.id).await? {
            if deadline(&user, &over.current) <= now {
                storage.end_login(over.id, LoginEnd::Superseded, now).await?;
            }
        }
        let id = LoginId(Uuid::now_v7());
        let (minted, facts) = self.mint_new(&user, (id, now), now).ok_or_else(unsigned)?;
        let expires_at = deadline(&user, &facts);
        let login =
            LoginRecord { id, user: user.id, current: facts, previous: None, created_at: now };
        let superseded = storage.start_login(login, self.config.logins_per_user.max(1)).await?;
        Ok(IssuedToken { token: minted.token, login: id, expires_at, superseded, user })
    }

    /// The token that takes the place of the presented one.
    pub(super) async fn replace(
        &self,
        storage: &dyn Storage,
        presented: &Verified,
        now: WallMillis,
    ) -> Result<IssuedToken, AuthError> {
        let id = presented.claims.user();
        let user = storage.user(id).await?.ok_or(AuthError::Revoked)?;
        account_in_force(&user, now)?;
        let login =
            storage.logins(id).await?.into_iter().find(|l| l.id == presented.claims.login());
        let login = login.ok_or(AuthError::Revoked)?;
        if self.end_of(login.created_at).is_some_and(|end| end <= now) {
            return Err(AuthError::Expired);
        }
        if !same(&login.current.signature_hash, &presented.signature_hash) {
            if !was_just_replaced(&login, presented, now) {
                return Err(AuthError::Revoked);
            }
            if let Some(twin) = self.mint_current(&user, &login) {
                return Ok(twin);
            }
            // The name or the roles changed in between: the current token cannot be written again.
        }
        self.mint_over(storage, user, &login, now).await
    }

    /// Puts a new token in the place of the login's current one.
    async fn mint_over(
        &self,
        storage: &dyn Storage,
        user: UserRecord,
        login: &LoginRecord,
        now: WallMillis,
    ) -> Result<IssuedToken, AuthError> {
        let (minted, new) =
            self.mint_new(&user, (login.id, login.created_at), now).ok_or_else(unsigned)?;
        let expires_at = deadline(&user, &new);
        let refresh = LoginRefresh {
            login: login.id,
            expected: login.current.signature_hash,
            new,
            previous_until: now.saturating_add(millis(self.config.refresh_grace)),
        };
        match storage.refresh_login(refresh).await? {
            RefreshOutcome::Refreshed => Ok(IssuedToken {
                token: minted.token,
                login: login.id,
                expires_at,
                superseded: Vec::new(),
                user,
            }),
            RefreshOutcome::Stale(standing) => {
                self.mint_current(&user, &standing).ok_or(AuthError::Revoked)
            }
            RefreshOutcome::Gone => Err(AuthError::Revoked),
        }
    }

    /// When a login that began then is not renewed any more.
    fn end_of(&self, began: WallMillis) -> Option<WallMillis> {
        self.config.login_life.map(|life| began.saturating_add(millis(life)))
    }

    fn mint_new(
        &self,
        user: &UserRecord,
        (login, began): (LoginId, WallMillis),
        now: WallMillis,
    ) -> Option<(Minted, TokenFacts)> {
        let issued_at = now.div_euclid(1000);
        let end = now.saturating_add(millis(self.config.token_ttl));
        let ends = [user.expires_at, self.end_of(began)].into_iter().flatten();
        let end = ends.fold(end, i64::min);
        let expires_at = end.saturating_add(999).div_euclid(1000).max(issued_at.saturating_add(1));
        let stamp = Stamp { jti: Uuid::new_v4(), issued_at, expires_at };
        let minted = self.mint(user, login, stamp)?;
        let signature_hash = minted.signature_hash;
        Some((minted, TokenFacts { signature_hash, jti: stamp.jti, issued_at, expires_at }))
    }

    /// Mints the login's current token once more, if it still comes out the same.
    fn mint_current(&self, user: &UserRecord, login: &LoginRecord) -> Option<IssuedToken> {
        let TokenFacts { signature_hash, jti, issued_at, expires_at } = login.current;
        let minted = self.mint(user, login.id, Stamp { jti, issued_at, expires_at })?;
        same(&minted.signature_hash, &signature_hash).then(|| IssuedToken {
            token: minted.token,
            login: login.id,
            expires_at: deadline(user, &login.current),
            superseded: Vec::new(),
            user: user.clone(),
        })
    }

    fn mint(&self, user: &UserRecord, login: LoginId, stamp: Stamp) -> Option<Minted> {
        let bearer = Bearer { user: user.id, login, name: &user.display_name, roles: &user.roles };
        self.jwt.mint(bearer, stamp)
    }
}

/// What keeps an account from being used at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountFault {
    Locked,
    Over,
}

impl From<AccountFault> for AuthError {
    fn from(fault: AccountFault) -> Self {
        match fault {
            AccountFault::Locked => Self::Revoked,
            AccountFault::Over => Self::Expired,
        }
    }
}

/// Refuses locked accounts and those whose life is over.
pub(crate) fn account_in_force(user: &UserRecord, now: WallMillis) -> Result<(), AccountFault> {
    in_force(user.locked_at.is_some(), user.expires_at, now)
}

/// The same for who has no record at hand.
pub(super) fn in_force(
    is_locked: bool,
    life_ends: Option<WallMillis>,
    now: WallMillis,
) -> Result<(), AccountFault> {
    if is_locked {
        return Err(AccountFault::Locked);
    }
    if life_ends.is_some_and(|end| end <= now) {
        return Err(AccountFault::Over);
    }
    Ok(())
}

fn was_just_replaced(login: &LoginRecord, presented: &Verified, now: WallMillis) -> bool {
    let previous = login.previous.as_ref();
    previous.is_some_and(|(hash, until)| now < *until && same(hash, &presented.signature_hash))
}

/// The end of a token's time, or of the account's life if that comes first.
pub(super) fn deadline(user: &UserRecord, facts: &TokenFacts) -> WallMillis {
    let end = facts.expires_at.saturating_mul(1000);
    user.expires_at.map_or(end, |life| life.min(end))
}

/// Compares without telling by its time where the difference is.
pub(super) fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

fn unsigned() -> StorageError {
    StorageError::Failed("a token could not be signed".into())
}
