//! What administrators do to accounts. Whether the asker is one was decided before.

use anteroom_core::ids::{LoginId, UserId};
use anteroom_protocol::account::Role;
use tracing::info;

use super::credentials::foldable;
use super::error::Faults;
use super::{AccountError, Accounts, names};
use crate::storage::{
    AccountChanged, LastAdmin, LoginEnd, SharedStorage, UserQuery, UserRecord, WallMillis,
};
use crate::tokens::Otherwise;

impl Accounts {
    /// The user with this name, however it is written.
    ///
    /// # Errors
    /// `NoSuchUser`, or the store's.
    pub async fn find(&self, username: &str) -> Result<UserRecord, AccountError> {
        let folded = names::fold(foldable(username).ok_or(AccountError::NoSuchUser)?);
        self.storage.user_by_name(&folded).await?.ok_or(AccountError::NoSuchUser)
    }

    /// Accounts whose names begin so, however it is written, in the order of their folded names, from
    /// behind the name `after`.
    ///
    /// # Errors
    /// The store's.
    pub async fn search(
        &self,
        beginning: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<UserRecord>, AccountError> {
        // Longer than any name: nobody's.
        let Some(beginning) = foldable(beginning.trim()) else { return Ok(Vec::new()) };
        let query = UserQuery {
            prefix: names::fold(beginning),
            after: after.and_then(foldable).map(names::fold),
            limit,
        };
        Ok(self.storage.users(query).await?)
    }

    /// Locks an account and ends its logins; answers which. Repeating it is harmless.
    ///
    /// # Errors
    /// `NoSuchUser`, `LastAdmin`, or the store's: then the account may be locked with logins that are
    /// still listed, but none of them opens anything.
    pub async fn lock(
        &self,
        user: UserId,
        now: WallMillis,
        last: LastAdmin,
    ) -> Result<Vec<LoginId>, AccountError> {
        let lock = move |storage: SharedStorage| async move {
            changed(storage.set_locked(user, Some(now), last).await?)?;
            Ok::<_, AccountError>(storage.end_logins(user, LoginEnd::Locked, now).await?)
        };
        let ended = self.tokens.standings().change(user, Otherwise::WaitOut, lock).await?;
        info!(event = "auth.locked", %user, logins_ended = ended.len(), "account locked");
        Ok(ended)
    }

    /// Unlocks an account. No login of before comes back.
    ///
    /// # Errors
    /// `NoSuchUser`, or the store's.
    pub async fn unlock(&self, user: UserId, now: WallMillis) -> Result<(), AccountError> {
        let unlock = move |storage: SharedStorage| async move {
            let record = storage.user(user).await?.ok_or(AccountError::NoSuchUser)?;
            if record.locked_at.is_some() {
                // A lock that was cut short may have left some.
                storage.end_logins(user, LoginEnd::Locked, now).await?;
                changed(storage.set_locked(user, None, LastAdmin::MayGo).await?)?;
            }
            Ok::<_, AccountError>(())
        };
        self.tokens.standings().change(user, Otherwise::Refuse, unlock).await?;
        info!(event = "auth.unlocked", %user, "account unlocked");
        Ok(())
    }

    /// Replaces the roles; in force with the next request of that user.
    ///
    /// # Errors
    /// `Invalid` when there is none, `NoSuchUser`, `LastAdmin`, or the store's.
    pub async fn set_roles(
        &self,
        user: UserId,
        mut roles: Vec<Role>,
        last: LastAdmin,
    ) -> Result<UserRecord, AccountError> {
        if roles.is_empty() {
            let mut faults = Faults::default();
            faults.note("roles", names::NameFault::Required.as_str());
            faults.none()?;
        }
        roles.sort_unstable();
        roles.dedup();
        let names: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
        let names = names.join(" ");
        let set = move |storage: SharedStorage| async move {
            changed(storage.set_roles(user, roles, last).await?)?;
            storage.user(user).await?.ok_or(AccountError::NoSuchUser)
        };
        let record = self.tokens.standings().change(user, Otherwise::WaitOut, set).await?;
        info!(event = "auth.roles_changed", %user, roles = names, "roles changed");
        Ok(record)
    }

    /// How many could log in and administer.
    ///
    /// # Errors
    /// The store's.
    pub async fn administrators(&self, now: WallMillis) -> Result<u32, AccountError> {
        Ok(self.storage.administrators(now).await?)
    }
}

fn changed(came: AccountChanged) -> Result<(), AccountError> {
    match came {
        AccountChanged::Done => Ok(()),
        AccountChanged::NoSuchUser => Err(AccountError::NoSuchUser),
        AccountChanged::LastAdmin => Err(AccountError::LastAdmin),
    }
}
