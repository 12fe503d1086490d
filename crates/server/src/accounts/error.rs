//! Why an account did not do what was asked. Knows no HTTP status: the edge has a table for that.

use std::time::Duration;

use super::names::NameFault;
use super::password::PasswordError;
use crate::storage::StorageError;
use crate::tokens::{AccountFault, IssueError};

/// Every refusal and failure of [`super::Accounts`].
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Another account has this user name, or one that folds to it.
    #[error("the user name is taken")]
    UsernameTaken,
    /// Unknown user or wrong password; the two are not told apart.
    #[error("unknown user or wrong password")]
    BadCredentials,
    /// The account was locked by an administrator. Told only to who knows the password.
    #[error("the account is locked")]
    Locked,
    /// The account's life is over. Told only to who knows the password.
    #[error("the account's life is over")]
    Expired,
    /// The password must be changed first. Told only to who knows it.
    #[error("the password must be changed first")]
    CredentialsExpired,
    /// This server takes no guests.
    #[error("no guests here")]
    GuestsDisabled,
    /// Too many failures.
    #[error("too many failures")]
    Throttled {
        /// How long until the next attempt is heard.
        retry_after: Duration,
    },
    /// Values that are not acceptable; at least one.
    #[error("not acceptable: {0:?}")]
    Invalid(Vec<FieldFault>),
    /// Only administrators may do this, and not to their own way in.
    #[error("only administrators may do this, and nobody may lock themselves out")]
    Forbidden,
    /// Nobody would be left who may administer.
    #[error("nobody would be left who may administer")]
    LastAdmin,
    /// No such user.
    #[error("no such user")]
    NoSuchUser,
    /// Too many passwords are being checked; nothing was decided.
    #[error("too many passwords are being checked")]
    Busy,
    /// A password could not be hashed.
    #[error("hashing failed")]
    Hashing,
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StorageError),
}

impl AccountError {
    /// The reason as it is logged.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::UsernameTaken => "username_taken",
            Self::BadCredentials => "bad_credentials",
            Self::Locked => "account_locked",
            Self::Expired => "account_expired",
            Self::CredentialsExpired => "credentials_expired",
            Self::GuestsDisabled => "guests_disabled",
            Self::Throttled { .. } => "throttled",
            Self::Invalid(_) => "invalid",
            Self::Forbidden => "forbidden",
            Self::LastAdmin => "last_admin",
            Self::NoSuchUser => "no_such_user",
            Self::Busy => "busy",
            Self::Hashing => "hashing_failed",
            Self::Store(_) => "store_unavailable",
        }
    }
}

/// One value that is not acceptable. The value itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// The field's name in the body.
    pub field: &'static str,
    /// The stable word.
    pub code: &'static str,
    /// The rule, for people.
    pub detail: &'static str,
}

impl From<AccountFault> for AccountError {
    fn from(fault: AccountFault) -> Self {
        match fault {
            AccountFault::Locked => Self::Locked,
            AccountFault::Over => Self::Expired,
        }
    }
}

impl From<IssueError> for AccountError {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Changed => Self::BadCredentials,
            IssueError::Locked => Self::Locked,
            IssueError::Expired => Self::Expired,
            IssueError::Store(error) => Self::Store(error),
        }
    }
}

impl From<PasswordError> for AccountError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::Busy,
            PasswordError::Failed => Self::Hashing,
        }
    }
}

/// Collects what is wrong with several fields, so that all of it is told at once.
#[derive(Default)]
pub(super) struct Faults(Vec<FieldFault>);

impl Faults {
    /// The accepted value, or `None` and a fault noted under `field`.
    pub(super) fn accept<T>(
        &mut self,
        field: &'static str,
        checked: Result<T, NameFault>,
    ) -> Option<T> {
        checked.map_err(|fault| self.note(field, fault.as_str())).ok()
    }

    pub(super) fn note(&mut self, field: &'static str, code: &'static str) {
        self.0.push(FieldFault { field, code, detail: rule(field) });
    }

    /// Goes on only if nothing was wrong.
    pub(super) fn none(self) -> Result<(), AccountError> {
        self.or(Some(()))
    }

    /// What was accepted, if nothing was wrong.
    pub(super) fn or<T>(self, accepted: Option<T>) -> Result<T, AccountError> {
        accepted.filter(|_| self.0.is_empty()).ok_or(AccountError::Invalid(self.0))
    }
}

fn rule(field: &str) -> &'static str {
    match field {
        "username" => "3 to 32 letters, digits, '_', '.' or '-'",
        "display_name" => "1 to 40 visible characters",
        "contact_number" => "up to 40 digits and the signs between them",
        "current_password" => "the password in force",
        "roles" => "at least one",
        _ => {
            "8 to 128 characters, not the password in force, and none that everybody guesses first"
        }
    }
}
