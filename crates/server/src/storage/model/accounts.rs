//! Users and their logins.

use anteroom_core::ids::{LoginId, UserId};
use anteroom_protocol::account::Role;

use super::WallMillis;

/// A user to be added.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Chosen by the caller.
    pub id: UserId,
    /// As it was typed.
    pub username: String,
    /// The form that is unique.
    pub username_folded: String,
    /// What others read.
    pub display_name: String,
    /// PHC string; `None` for guests.
    pub password_hash: Option<String>,
    /// When the password must be changed.
    pub password_expires_at: Option<WallMillis>,
    /// When the account's life ends.
    pub expires_at: Option<WallMillis>,
    /// Optional.
    pub contact_number: Option<String>,
    /// At least one.
    pub roles: Vec<Role>,
    /// Now.
    pub created_at: WallMillis,
}

/// A user as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// The user.
    pub id: UserId,
    /// As it was typed.
    pub username: String,
    /// What others read.
    pub display_name: String,
    /// PHC string; `None` for guests.
    pub password_hash: Option<String>,
    /// When the password must be changed.
    pub password_expires_at: Option<WallMillis>,
    /// When the account's life ends.
    pub expires_at: Option<WallMillis>,
    /// Since when an administrator keeps it locked.
    pub locked_at: Option<WallMillis>,
    /// Optional.
    pub contact_number: Option<String>,
    /// Sorted, at least one.
    pub roles: Vec<Role>,
    /// When it was made.
    pub created_at: WallMillis,
}

/// What becomes of a change that would leave nobody who may administer: no administrator whose account is
/// neither locked nor at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastAdmin {
    /// It is refused; whose account is at its end is judged by this time.
    Stays(WallMillis),
    /// It is made all the same.
    MayGo,
}

/// What became of a change of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountChanged {
    /// It is made, or was before.
    Done,
    /// There is no such account.
    NoSuchUser,
    /// Nobody would be left who may administer; nothing is changed.
    LastAdmin,
}

/// Which users, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserQuery {
    /// How the folded name begins.
    pub prefix: String,
    /// From behind this folded name.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// Profile fields to change.
#[derive(Clone, Debug, Default)]
pub struct ProfilePatch {
    /// New display name.
    pub display_name: Option<String>,
    /// `Some(None)` removes it.
    pub contact_number: Option<Option<String>>,
}

/// What identifies a token without being one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFacts {
    /// SHA-256 of the signature part.
    pub signature_hash: [u8; 32],
    /// The token's own id; with the times it lets the same token be minted again.
    pub jti: uuid::Uuid,
    /// Seconds since the Unix epoch.
    pub issued_at: i64,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
}

/// A login and the token that is good for it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRecord {
    /// The login.
    pub id: LoginId,
    /// Whose.
    pub user: UserId,
    /// The token in force.
    pub current: TokenFacts,
    /// The hash of the token that the last refresh replaced, and until when it may still be
    /// answered with the current one (wall-clock milliseconds).
    pub previous: Option<([u8; 32], WallMillis)>,
    /// When the login began.
    pub created_at: WallMillis,
}

/// A token that takes the place of another.
#[derive(Clone, Debug)]
pub struct LoginRefresh {
    /// Which login.
    pub login: LoginId,
    /// The signature hash that must still be current.
    pub expected: [u8; 32],
    /// The token that takes over.
    pub new: TokenFacts,
    /// Until when the replaced one is remembered.
    pub previous_until: WallMillis,
}

/// What became of a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// The new token is in force.
    Refreshed,
    /// Another refresh came first; here is how the login stands now.
    Stale(LoginRecord),
    /// The login is not alive.
    Gone,
}

/// Why a login ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginEnd {
    /// The user logged out.
    LoggedOut,
    /// A newer login took its place.
    Superseded,
    /// An administrator ended it.
    Forced,
    /// The account was locked.
    Locked,
    /// The password was changed.
    PasswordChanged,
}

impl LoginEnd {
    /// Every way a login ends.
    pub const ALL: [Self; 5] =
        [Self::LoggedOut, Self::Superseded, Self::Forced, Self::Locked, Self::PasswordChanged];

    /// As it is stored and logged.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged_out",
            Self::Superseded => "superseded",
            Self::Forced => "forced",
            Self::Locked => "locked",
            Self::PasswordChanged => "password_changed",
        }
    }
}
