//! What is set about tokens, and what is answered about them.

use std::time::Duration;

use anteroom_core::ids::{LoginId, UserId};
use anteroom_protocol::account::Role;
use uuid::Uuid;

use crate::storage::{StorageError, UserRecord, WallMillis};

/// What an operator may set about tokens.
#[derive(Clone, Debug)]
pub struct TokensConfig {
    /// How long a token is good; rounded up to whole seconds.
    pub token_ttl: Duration,
    /// How long a login may be renewed, from its sign-in on; `None` for ever.
    pub login_life: Option<Duration>,
    /// Live logins a user may have; a newer one ends the oldest. At least 1.
    pub logins_per_user: usize,
    /// How long a token that a refresh replaced may still be refreshed itself.
    pub refresh_grace: Duration,
    /// Users whose standing is kept at hand.
    pub cached_users: usize,
    /// Other nodes write to the same store: nobody's standing is kept at hand.
    pub is_shared: bool,
}

impl Default for TokensConfig {
    fn default() -> Self {
        Self {
            token_ttl: Duration::from_secs(30 * 60),
            login_life: None,
            logins_per_user: 1,
            refresh_grace: Duration::from_secs(10),
            cached_users: 20_000,
            is_shared: false,
        }
    }
}

/// Who asks, as a good token tells it. Name and roles are those of now, not those of the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// The login the token belongs to.
    pub login: LoginId,
    /// The display name.
    pub name: String,
    /// Sorted, at least one.
    pub roles: Vec<Role>,
    /// When this token stops working.
    pub expires_at: WallMillis,
}

impl Identity {
    /// Whoever gives commands on the server's own machine: an administrator without an account.
    #[must_use]
    pub fn operator() -> Self {
        Self {
            user: UserId(Uuid::nil()),
            login: LoginId(Uuid::nil()),
            name: String::new(),
            roles: vec![Role::Admin],
            expires_at: WallMillis::MAX,
        }
    }

    /// Whether it is that one.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.user.0.is_nil()
    }

    /// Whether the user has this role now.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// A token to be handed to its user.
#[derive(Clone)]
pub struct IssuedToken {
    /// The secret text.
    pub token: String,
    /// The login it belongs to.
    pub login: LoginId,
    /// When it stops working.
    pub expires_at: WallMillis,
    /// Logins that ended to make room for this one: what they kept open is to be closed.
    pub superseded: Vec<LoginId>,
    /// Whose it is.
    pub user: UserRecord,
}

impl std::fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IssuedToken({:?}, ..)", self.login)
    }
}

/// Why a token opens nothing.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// There is none.
    #[error("no token")]
    Missing,
    /// Not a token of this server.
    #[error("not a token of this server")]
    Malformed,
    /// Its time, or the account's, has passed.
    #[error("the token's time has passed")]
    Expired,
    /// Its login ended, a refresh replaced it, or the account is locked or gone.
    #[error("the token was revoked")]
    Revoked,
    /// It could not be checked.
    #[error(transparent)]
    StoreUnavailable(#[from] StorageError),
}

impl AuthError {
    /// The reason as it is logged.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Malformed => "token_malformed",
            Self::Expired => "token_expired",
            Self::Revoked => "token_revoked",
            Self::StoreUnavailable(_) => "store_unavailable",
        }
    }
}

/// Why no login was started.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The account is gone, or its password is no longer the one that was checked.
    #[error("the account changed meanwhile")]
    Changed,
    /// An administrator keeps it locked.
    #[error("the account is locked")]
    Locked,
    /// Its life is over.
    #[error("the account's life is over")]
    Expired,
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StorageError),
}
