//! Accounts and sign-in.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// What a user is allowed to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Has an account.
    User,
    /// Has only a name, until the login ends.
    Guest,
    /// May remove people from any room and read its history.
    Moderator,
    /// May do everything.
    Admin,
    /// A program that reserves on behalf of others.
    Service,
}

impl Role {
    /// The role as it stands on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Guest => "guest",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
            Self::Service => "service",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::User, Self::Guest, Self::Moderator, Self::Admin, Self::Service]
            .into_iter()
            .find(|role| role.as_str() == text)
    }
}

/// What a token says, and is worth now, as `anteroom token check` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedToken {
    /// Whose it is.
    pub user_id: Uuid,
    /// The login it belongs to.
    pub login: Uuid,
    /// The display name.
    pub name: String,
    /// The roles of now, not those that it says.
    pub roles: Vec<Role>,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// `DELETE /me`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeleteAccount {
    /// The password in force. Guests have none, and leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// What becomes of what the user said; kept when absent.
    #[serde(default)]
    pub messages: OwnMessages,
}

/// What becomes of what a user said once the account is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OwnMessages {
    /// It stays, and names nobody.
    #[default]
    Keep,
    /// It is deleted as well.
    Delete,
}

/// A user as others may see one; the owner alone also gets `contact_number`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct User {
    /// Never changes.
    pub id: Uuid,
    /// Unique without regard to case; guests have a generated one.
    pub username: String,
    /// What others read.
    pub display_name: String,
    /// At least one.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub roles: Vec<Role>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Only in the owner's own view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_number: Option<String>,
}

/// `POST /users`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// 3 to 32 characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 3, max = 32)))]
    pub username: String,
    /// 8 to 128 characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 8, max = 128)))]
    pub password: String,
    /// The user name when absent.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 40)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Optional.
    #[cfg_attr(feature = "schema", schemars(length(max = 40)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_number: Option<String>,
}

/// `POST /sessions`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The account's name.
    pub username: String,
    /// Its password.
    #[cfg_attr(feature = "schema", schemars(length(max = 128)))]
    pub password: String,
}

/// `POST /sessions/guest`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GuestSignIn {
    /// What others read.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 40)))]
    pub display_name: String,
}

/// The answer to every sign-in and refresh.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Session {
    /// The bearer token.
    pub token: String,
    /// When it stops working unless refreshed.
    pub expires_at: Timestamp,
    /// Who signed in.
    pub user: User,
}

/// `PATCH /me`. Absent fields stay as they are; an empty `contact_number` removes it.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProfileChange {
    /// New display name.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 40)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// New contact number.
    #[cfg_attr(feature = "schema", schemars(length(max = 40)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_number: Option<String>,
    /// New password; needs `current_password`.
    #[cfg_attr(feature = "schema", schemars(length(min = 8, max = 128)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The password in force.
    #[cfg_attr(feature = "schema", schemars(length(max = 128)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_password: Option<String>,
}

/// `POST /users/password`: also the way out of `credentials_expired`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The account's name.
    pub username: String,
    /// The password in force.
    #[cfg_attr(feature = "schema", schemars(length(max = 128)))]
    pub current_password: String,
    /// The one that replaces it.
    #[cfg_attr(feature = "schema", schemars(length(min = 8, max = 128)))]
    pub new_password: String,
}

/// `{user}`: the answer to sign-up, `GET /me` and `PATCH /me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UserAnswer {
    /// The user.
    pub user: User,
}

/// `GET /users/{id}/presence`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PresenceAnswer {
    /// At least one live session.
    pub online: bool,
    /// How many live sessions.
    pub sessions: usize,
    /// The rooms they are in.
    pub rooms: Vec<i64>,
}

macro_rules! redacted_debug {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

// These carry passwords or tokens: a stray `{:?}` must not print them.
redacted_debug!(SignUp, SignIn, Session, ProfileChange, PasswordChange);
