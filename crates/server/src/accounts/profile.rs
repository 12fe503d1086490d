//! What users change about themselves.
//!
//! A changed password ends every other login of its user, in the same change that replaces it.

use std::net::IpAddr;

use anteroom_core::ids::{LoginId, UserId};
use anteroom_protocol::account::{PasswordChange, ProfileChange, SignIn};
use tracing::info;

use super::error::Faults;
use super::{AccountError, Accounts, choosable, end, names};
use crate::storage::{LoginEnd, ProfilePatch, SharedStorage, UserRecord, WallMillis};
use crate::tokens::{Identity, Otherwise, account_in_force};

/// A profile after its change.
#[derive(Clone, Debug)]
pub struct ProfileChanged {
    /// As it stands now.
    pub user: UserRecord,
    /// Logins that a changed password ended: what they kept open is to be closed.
    pub ended: Vec<LoginId>,
}

impl Accounts {
    /// The account as it stands.
    ///
    /// # Errors
    /// `NoSuchUser`, or the store's.
    pub async fn profile(&self, user: UserId) -> Result<UserRecord, AccountError> {
        self.storage.user(user).await?.ok_or(AccountError::NoSuchUser)
    }

    /// Changes the fields that are given. A new password needs the one in force and ends every login
    /// but the asker's.
    ///
    /// # Errors
    /// `Invalid` with every unacceptable field, before anything changes; as [`Accounts::sign_in`] for
    /// the password in force.
    pub async fn change_profile(
        &self,
        asker: &Identity,
        change: ProfileChange,
        from: IpAddr,
        now: WallMillis,
    ) -> Result<ProfileChanged, AccountError> {
        let user = self.profile(asker.user).await?;
        let patch = accepted(&change, &user)?;
        let mut ended = Vec::new();
        if let (Some(new), Some(current)) = (change.password, change.current_password) {
            let presented = SignIn { username: user.username, password: current };
            let checked = self.check("current_password", &presented, from, now).await?;
            ended = self.replace_password(checked, new, Some(asker.login), now).await?;
        }
        let id = asker.user;
        let write = move |storage: SharedStorage| async move {
            storage.change_profile(id, patch).await?.ok_or(AccountError::NoSuchUser)
        };
        let user = self.tokens.standings().change(id, Otherwise::Refuse, write).await?;
        Ok(ProfileChanged { user, ended })
    }

    /// Replaces a password by who knows it, also when its time has passed; ends every login and
    /// answers which.
    ///
    /// # Errors
    /// As [`Accounts::sign_in`], except that `CredentialsExpired` is no hindrance.
    pub async fn change_password(
        &self,
        change: PasswordChange,
        from: IpAddr,
        now: WallMillis,
    ) -> Result<Vec<LoginId>, AccountError> {
        let mut faults = Faults::default();
        accept_new(&mut faults, "new_password", &change.new_password, &change.current_password);
        faults.none()?;
        let presented = SignIn { username: change.username, password: change.current_password };
        let checked = self.check("current_password", &presented, from, now).await;
        let checked = checked.inspect_err(|error| {
            info!(event = "auth.refused", reason = error.as_str(), "password not changed");
        })?;
        self.replace_password(checked, change.new_password, None, now).await
    }

    async fn replace_password(
        &self,
        checked: UserRecord,
        new: String,
        keep: Option<LoginId>,
        now: WallMillis,
    ) -> Result<Vec<LoginId>, AccountError> {
        let hash = self.passwords.hash(new).await?;
        let expires_at = end(self.config.credentials_life, now);
        let user = checked.id;
        let replace = move |storage: SharedStorage| async move {
            let record = storage.user(user).await?.ok_or(AccountError::NoSuchUser)?;
            if record.password_hash != checked.password_hash {
                return Err(AccountError::BadCredentials);
            }
            account_in_force(&record, now)?;
            let mut ended = Vec::new();
            // First the logins: cut short, it leaves nobody inside whom the new password keeps out.
            for login in storage.logins(user).await?.into_iter().filter(|l| Some(l.id) != keep) {
                if storage.end_login(login.id, LoginEnd::PasswordChanged, now).await? {
                    ended.push(login.id);
                }
            }
            storage.set_password(user, hash, expires_at).await?;
            Ok(ended)
        };
        let ended = self.tokens.standings().change(user, Otherwise::WaitOut, replace).await?;
        info!(event = "auth.password_changed", %user, logins_ended = ended.len(), "password changed");
        Ok(ended)
    }
}

/// What of the change goes into the profile, if all of the change is acceptable.
fn accepted(change: &ProfileChange, user: &UserRecord) -> Result<ProfilePatch, AccountError> {
    let mut faults = Faults::default();
    let name = change.display_name.as_deref().map(names::display_name);
    let number = change.contact_number.as_deref().map(names::contact_number);
    let patch = ProfilePatch {
        display_name: name.and_then(|name| faults.accept("display_name", name)),
        contact_number: number.and_then(|number| faults.accept("contact_number", number)),
    };
    match (&change.password, &change.current_password) {
        (Some(_), _) if user.password_hash.is_none() => faults.note("password", "not_allowed"),
        (Some(_), None) => faults.note("current_password", "required"),
        (None, Some(_)) => faults.note("password", "required"),
        (Some(new), Some(current)) => accept_new(&mut faults, "password", new, current),
        (None, None) => {}
    }
    faults.none()?;
    Ok(patch)
}

fn accept_new(faults: &mut Faults, field: &'static str, new: &str, current: &str) {
    let accepted = faults.accept(field, choosable(new));
    if accepted.is_some() && new == current {
        faults.note(field, "unchanged");
    }
}
