//! Judging a name and a password, in an order that tells nothing to who does not know both.

use std::net::IpAddr;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use anteroom_core::ids::UserId;
use anteroom_core::limits::USERNAME_CHARS_MAX;
use anteroom_protocol::account::SignIn;
use tracing::field::display;
use tracing::info;

use super::error::Faults;
use super::names::{self, NameFault};
use super::password::acceptable;
use super::throttle::{Throttle, Try};
use super::{AccountError, Accounts};
use crate::storage::{UserRecord, WallMillis};
use crate::tokens::account_in_force;

impl Accounts {
    /// The user whose password this is, if the account may be used at all. `field` names the
    /// password's field in the body.
    pub(super) async fn check(
        &self,
        field: &'static str,
        presented: &SignIn,
        from: IpAddr,
        now: WallMillis,
    ) -> Result<UserRecord, AccountError> {
        let folded = foldable(&presented.username).map(names::fold);
        let attempt = Try::new(folded.as_deref().unwrap_or(&presented.username), from);
        self.throttle().check(attempt, now).map_err(throttled)?;
        if acceptable(&presented.password) == Err(NameFault::TooLong) {
            let mut faults = Faults::default();
            faults.note(field, NameFault::TooLong.as_str());
            faults.none()?;
        }
        let user = match &folded {
            Some(folded) => self.storage.user_by_name(folded).await?,
            None => None,
        };
        let known = user.as_ref().map(|user| user.id);
        let stored = user.as_ref().and_then(|user| user.password_hash.clone());
        let right = self.passwords.verify(presented.password.clone(), stored).await?;
        let user = self.settle(attempt, user.filter(|_| right), now);
        let user = user.inspect_err(|_| failed(known, from))?;
        account_in_force(&user, now)?;
        Ok(user)
    }

    /// Counts the outcome, unless others that failed meanwhile have used up what may be told.
    fn settle(
        &self,
        attempt: Try,
        user: Option<UserRecord>,
        now: WallMillis,
    ) -> Result<UserRecord, AccountError> {
        let mut throttle = self.throttle();
        throttle.check(attempt, now).map_err(throttled)?;
        match user {
            Some(user) => {
                throttle.succeeded(attempt, now);
                Ok(user)
            }
            None => {
                throttle.failed(attempt, now);
                Err(AccountError::BadCredentials)
            }
        }
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose password was tried in vain, and from where: an IPv6 address as its network. A name that nobody has is not
/// told, since it may be a password that was typed into the wrong field.
fn failed(user: Option<UserId>, from: IpAddr) {
    let user = user.map(display);
    info!(event = "auth.failed", user, %from, "a password was tried in vain");
}

/// A text short enough to be somebody's user name.
pub(super) fn foldable(username: &str) -> Option<&str> {
    username.chars().nth(USERNAME_CHARS_MAX).is_none().then_some(username)
}

fn throttled(retry_after: Duration) -> AccountError {
    AccountError::Throttled { retry_after }
}
