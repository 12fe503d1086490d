//! People: who they are, how they prove it, and what they may change about themselves.
//!
//! Owns the rules about names and passwords and the order in which a sign-in is judged. Every write
//! to an account runs as the only change of that user, so no login starts on a password or a lock
//! that is being changed. Whoever ends logins here gets their ids back and closes what they kept open;
//! sessions, seats and HTTP are not known.

mod admin;
mod common;
mod credentials;
mod ending;
mod error;
mod memory;
pub mod names;
mod password;
mod profile;
mod throttle;
mod view;

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anteroom_core::ids::UserId;
use anteroom_protocol::account::{GuestSignIn, Role, SignIn, SignUp};
use error::Faults;
pub use error::{AccountError, FieldFault};
pub use password::{PasswordConfig, PasswordError, Passwords, acceptable, choosable};
pub use profile::ProfileChanged;
use throttle::Throttle;
pub use throttle::ThrottleConfig;
use tracing::info;
use uuid::Uuid;
pub use view::{own_view, public_view};

use crate::storage::{NewUser, SharedStorage, UserRecord, WallMillis};
use crate::tokens::{IssuedToken, Tokens};

/// Tries to find a free guest name; each has 40 random bits.
const GUEST_NAMES_TRIED: usize = 4;

/// What an operator may set about accounts.
#[derive(Clone, Debug)]
pub struct AccountsConfig {
    /// Whether one may enter with only a name.
    pub guests: bool,
    /// How long an account lives; for ever when `None`.
    pub account_life: Option<Duration>,
    /// After what time a password must be changed; never when `None`.
    pub credentials_life: Option<Duration>,
    /// Failures of sign-in.
    pub throttle: ThrottleConfig,
    /// How much hashing runs at once.
    pub passwords: PasswordConfig,
}

impl Default for AccountsConfig {
    fn default() -> Self {
        Self {
            guests: true,
            account_life: None,
            credentials_life: None,
            throttle: ThrottleConfig::default(),
            passwords: PasswordConfig::default(),
        }
    }
}

/// The accounts of this server. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    storage: SharedStorage,
    tokens: Tokens,
    passwords: Passwords,
    throttle: Arc<Mutex<Throttle>>,
    config: Arc<AccountsConfig>,
    takes_guests: Arc<AtomicBool>,
}

impl Accounts {
    /// Accounts in `storage`, whose logins are `tokens`.
    #[must_use]
    pub fn new(storage: SharedStorage, tokens: Tokens, config: AccountsConfig) -> Self {
        let passwords = Passwords::new(config.passwords);
        let throttle = Arc::new(Mutex::new(Throttle::new(config.throttle)));
        let takes_guests = Arc::new(AtomicBool::new(config.guests));
        Self { storage, tokens, passwords, throttle, config: Arc::new(config), takes_guests }
    }

    /// From now on one may enter with only a name, or may not.
    pub fn take_guests(&self, does: bool) {
        self.takes_guests.store(does, Ordering::Relaxed);
    }

    /// From now on nothing more is tried after so many failures, per account and per address.
    pub fn set_failures(&self, failures: usize) {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner).set_failures(failures);
    }

    /// Hashing under the same bounds, for the passwords of rooms.
    #[must_use]
    pub const fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// Makes an account with the role `user`.
    ///
    /// # Errors
    /// `Invalid` with every unacceptable field, `UsernameTaken`, `Busy`, or the store's.
    pub async fn sign_up(&self, wish: SignUp, now: WallMillis) -> Result<UserRecord, AccountError> {
        let mut faults = Faults::default();
        let username = faults.accept("username", names::username(&wish.username));
        faults.accept("password", choosable(&wish.password));
        let display_name = match &wish.display_name {
            Some(typed) => faults.accept("display_name", names::display_name(typed)),
            None => username.as_ref().map(|name| name.shown.clone()),
        };
        let contact_number = wish.contact_number.as_deref().unwrap_or_default();
        let contact = faults.accept("contact_number", names::contact_number(contact_number));
        let (username, display_name) = faults.or(username.zip(display_name))?;
        let password_hash = self.passwords.hash(wish.password).await?;
        let user = NewUser {
            id: UserId(Uuid::now_v7()),
            username: username.shown,
            username_folded: username.folded,
            display_name,
            password_hash: Some(password_hash),
            password_expires_at: end(self.config.credentials_life, now),
            expires_at: end(self.config.account_life, now),
            contact_number: contact.flatten(),
            roles: vec![Role::User],
            created_at: now,
        };
        // The store's unique index decides who was first.
        let user = self.storage.create_user(user).await?.ok_or(AccountError::UsernameTaken)?;
        info!(event = "auth.signed_up", user = %user.id, "signed up");
        Ok(user)
    }

    /// Starts a login. An unknown user and a wrong password get the same answer in the same time.
    ///
    /// # Errors
    /// Why not; `Locked`, `Expired` and `CredentialsExpired` only after the right password.
    pub async fn sign_in(
        &self,
        wish: SignIn,
        from: IpAddr,
        now: WallMillis,
    ) -> Result<IssuedToken, AccountError> {
        let signed_in = self.try_sign_in(&wish, from, now).await;
        log_sign_in(signed_in)
    }

    /// Makes a guest and starts its login.
    ///
    /// # Errors
    /// `GuestsDisabled`, `Invalid`, or the store's.
    pub async fn guest(
        &self,
        wish: GuestSignIn,
        now: WallMillis,
    ) -> Result<IssuedToken, AccountError> {
        let signed_in = self.try_guest(&wish, now).await;
        log_sign_in(signed_in)
    }

    async fn try_sign_in(
        &self,
        wish: &SignIn,
        from: IpAddr,
        now: WallMillis,
    ) -> Result<IssuedToken, AccountError> {
        let user = self.check("password", wish, from, now).await?;
        if user.password_expires_at.is_some_and(|end| end <= now) {
            return Err(AccountError::CredentialsExpired);
        }
        Ok(self.tokens.issue(&user, now).await?)
    }

    async fn try_guest(
        &self,
        wish: &GuestSignIn,
        now: WallMillis,
    ) -> Result<IssuedToken, AccountError> {
        if !self.takes_guests.load(Ordering::Relaxed) {
            return Err(AccountError::GuestsDisabled);
        }
        let mut faults = Faults::default();
        let display_name = faults.accept("display_name", names::display_name(&wish.display_name));
        let display_name = faults.or(display_name)?;
        for _ in 0..GUEST_NAMES_TRIED {
            let guest = self.new_guest(display_name.clone(), now);
            if let Some(guest) = self.storage.create_user(guest).await? {
                return Ok(self.tokens.issue(&guest, now).await?);
            }
        }
        Err(AccountError::UsernameTaken)
    }

    fn new_guest(&self, display_name: String, now: WallMillis) -> NewUser {
        let random = Uuid::new_v4().simple().to_string();
        let username = format!("{}{}", names::OF_GUESTS, &random[..10]);
        NewUser {
            id: UserId(Uuid::now_v7()),
            username_folded: username.clone(),
            username,
            display_name,
            password_hash: None,
            password_expires_at: None,
            expires_at: end(self.config.account_life, now),
            contact_number: None,
            roles: vec![Role::Guest],
            created_at: now,
        }
    }
}

fn end(life: Option<Duration>, now: WallMillis) -> Option<WallMillis> {
    life.map(|life| now.saturating_add(i64::try_from(life.as_millis()).unwrap_or(i64::MAX)))
}

fn log_sign_in(outcome: Result<IssuedToken, AccountError>) -> Result<IssuedToken, AccountError> {
    match &outcome {
        Ok(issued) => {
            let (user, login) = (issued.user.id, issued.login);
            info!(event = "auth.signed_in", %user, %login, "signed in");
        }
        Err(AccountError::Store(source)) => {
            tracing::warn!(event = "auth.refused", reason = "store_unavailable", %source, "refused");
        }
        Err(error) => info!(event = "auth.refused", reason = error.as_str(), "refused"),
    }
    outcome
}

#[cfg(test)]
mod tests;
