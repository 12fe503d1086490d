//! The end of an account: by whoever it is, who proves it once more, or by an administrator.

use std::net::IpAddr;

use anteroom_core::ids::LoginId;
use anteroom_protocol::account::SignIn;
use tracing::info;

use super::error::Faults;
use super::{AccountError, Accounts};
use crate::storage::{AccountEnd, AccountEnded, SharedStorage, WallMillis};
use crate::tokens::{Identity, Otherwise};

impl Accounts {
    /// Goes on only for somebody who knows the password of the account, if it has one.
    ///
    /// # Errors
    /// As [`Accounts::sign_in`], for the field `password`.
    pub async fn prove(
        &self,
        asker: &Identity,
        password: Option<String>,
        from: IpAddr,
        now: WallMillis,
    ) -> Result<(), AccountError> {
        let user = self.profile(asker.user).await?;
        if user.password_hash.is_none() {
            return Ok(());
        }
        let Some(password) = password.filter(|typed| !typed.is_empty()) else {
            let mut faults = Faults::default();
            faults.note("password", "required");
            return faults.none();
        };
        let presented = SignIn { username: user.username, password };
        self.check("password", &presented, from, now).await.map(drop)
    }

    /// Ends an account for good and every login with it; answers which. Repeating it is harmless.
    ///
    /// # Errors
    /// `NoSuchUser`, `LastAdmin`, or the store's.
    pub async fn end(&self, end: AccountEnd) -> Result<Vec<LoginId>, AccountError> {
        let work = move |storage: SharedStorage| async move {
            match storage.end_account(end).await? {
                AccountEnded::Done(ended) => Ok(ended),
                AccountEnded::NoSuchUser => Err(AccountError::NoSuchUser),
                AccountEnded::LastAdmin => Err(AccountError::LastAdmin),
            }
        };
        let ended = self.tokens.standings().change(end.user, Otherwise::WaitOut, work).await?;
        info!(event = "auth.account_deleted", user = %end.user, logins_ended = ended.len(),
            erases = end.erase, "an account has ended");
        Ok(ended)
    }
}
