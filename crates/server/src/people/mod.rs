//! People coming and going: what joins accounts, tokens and the sessions that stand under them.
//!
//! Whatever ends a login is durable before its sessions are told; whatever starts one tells the
//! sessions of the login it superseded.

mod export;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::{LoginId, UserId};
use anteroom_protocol::account::{
    DeleteAccount, GuestSignIn, OwnMessages, PasswordChange, ProfileChange, Role, Session, SignIn,
    SignUp,
};
use anteroom_protocol::audit::Act;
use anteroom_protocol::{Code, Timestamp};
pub(crate) use export::{Chunks, export};
use tokio::sync::Notify;

use crate::accounts::{AccountError, Accounts, names};
use crate::audit::{Audit, Deed};
use crate::clock::Clock;
use crate::entry::Entry;
use crate::storage::{AccountEnd, LastAdmin, LoginEnd, SharedStorage, StorageError, UserRecord};
use crate::tokens::{AuthError, Identity, IssuedToken, Tokens};
use crate::view;
use crate::windows::Windows;

/// Over which span newcomers from one address are counted.
const NEWCOMERS_SPAN: Duration = Duration::from_secs(600);
/// Over which span exports of one user's data are counted.
const EXPORTS_SPAN: Duration = Duration::from_secs(3_600);

/// The service behind every account endpoint and page.
pub(crate) struct People {
    pub(crate) accounts: Accounts,
    pub(crate) tokens: Tokens,
    pub(crate) entry: Arc<Entry>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) audit: Arc<Audit>,
    /// Accounts and guests made from one address.
    pub(crate) newcomers: Windows<IpAddr>,
    /// What is stored of one user, read out.
    pub(crate) exports: Windows<UserId>,
    pub(crate) storage: SharedStorage,
    /// An account has ended whose words are to go as well.
    pub(crate) erases: Arc<Notify>,
}

impl People {
    /// Without a bound on how often anything is done until one is set.
    pub(crate) fn new(
        accounts: Accounts,
        tokens: &Tokens,
        (entry, audit): (&Arc<Entry>, &Arc<Audit>),
    ) -> Self {
        Self {
            accounts,
            tokens: tokens.clone(),
            entry: Arc::clone(entry),
            clock: Arc::clone(&entry.clock),
            audit: Arc::clone(audit),
            newcomers: Windows::new(None, NEWCOMERS_SPAN),
            exports: Windows::new(None, EXPORTS_SPAN),
            storage: Arc::clone(&entry.storage),
            erases: Arc::default(),
        }
    }

    /// Makes an account, unless the name is reserved.
    pub(crate) async fn sign_up(
        &self,
        ask: SignUp,
        from: Option<IpAddr>,
    ) -> Result<UserRecord, AccountError> {
        self.admit(from)?;
        if names::is_reserved(&ask.username) {
            return Err(AccountError::UsernameTaken);
        }
        self.accounts.sign_up(ask, self.clock.wall()).await
    }

    /// Makes an account for somebody.
    pub(crate) async fn add(&self, by: &Identity, ask: SignUp) -> Result<UserRecord, AccountError> {
        // Its id is known only afterwards, so the line names it by what was typed.
        let deed = Deed::by(by, Act::AddUser).detail("username", ask.username.clone());
        self.audit.keep(deed, self.accounts.sign_up(ask, self.clock.wall())).await
    }

    fn admit(&self, from: Option<IpAddr>) -> Result<(), AccountError> {
        let admitted = self.newcomers.admit(counted(from), self.clock.now());
        admitted.map_err(|retry_after| AccountError::Throttled { retry_after })
    }

    /// Starts a login.
    pub(crate) async fn sign_in(
        &self,
        username: &str,
        password: &str,
        from: Option<IpAddr>,
    ) -> Result<Session, AccountError> {
        let wish = SignIn { username: username.to_owned(), password: password.to_owned() };
        let issued = self.accounts.sign_in(wish, counted(from), self.clock.wall()).await?;
        Ok(self.started(issued).await)
    }

    /// Makes a guest and starts its login.
    pub(crate) async fn guest(
        &self,
        display_name: &str,
        from: Option<IpAddr>,
    ) -> Result<Session, AccountError> {
        self.admit(from)?;
        let wish = GuestSignIn { display_name: display_name.to_owned() };
        let issued = self.accounts.guest(wish, self.clock.wall()).await?;
        Ok(self.started(issued).await)
    }

    /// A new token of the same login.
    pub(crate) async fn refresh(&self, token: &str) -> Result<Session, AuthError> {
        let issued = self.tokens.refresh(token, self.clock.wall()).await?;
        Ok(session(&issued))
    }

    /// Ends the login: durable first, then its seats, then its connections.
    pub(crate) async fn sign_out(&self, who: &Identity) -> Result<(), AccountError> {
        let (tokens, who, at) = (self.tokens.clone(), who.clone(), self.clock.wall());
        self.ending(who.user, async move {
            tokens.end(who.user, who.login, LoginEnd::LoggedOut, at).await?;
            Ok(((), vec![who.login]))
        })
        .await
    }

    /// The caller's own account.
    pub(crate) async fn profile(&self, who: &Identity) -> Result<UserRecord, AccountError> {
        self.accounts.profile(who.user).await
    }

    /// Changes the caller's own account. A new password ends every other login.
    pub(crate) async fn change_profile(
        &self,
        who: &Identity,
        change: ProfileChange,
        from: Option<IpAddr>,
    ) -> Result<UserRecord, AccountError> {
        let (accounts, who, at) = (self.accounts.clone(), who.clone(), self.clock.wall());
        self.ending(who.user, async move {
            let changed = accounts.change_profile(&who, change, counted(from), at).await?;
            Ok((changed.user, changed.ended))
        })
        .await
    }

    /// Replaces a password; every login that stood under the old one ends.
    pub(crate) async fn change_password(
        &self,
        change: PasswordChange,
        from: Option<IpAddr>,
    ) -> Result<(), AccountError> {
        // Looked up first: once the logins have ended, nothing may keep their sessions from it.
        let user = match self.accounts.find(&change.username).await {
            Ok(user) => Some(user.id),
            Err(AccountError::NoSuchUser) => None,
            Err(error) => return Err(error),
        };
        let (accounts, at) = (self.accounts.clone(), self.clock.wall());
        let work =
            async move { Ok(((), accounts.change_password(change, counted(from), at).await?)) };
        match user {
            Some(user) => self.ending(user, work).await,
            None => work.await.map(|((), _)| ()),
        }
    }

    /// Locks an account: no login of it is good any more, and nothing it kept open stays.
    pub(crate) async fn lock(&self, by: &Identity, user: UserId) -> Result<(), AccountError> {
        let deed = Deed::by(by, Act::Lock).to(user);
        let (accounts, at) = (self.accounts.clone(), self.clock.wall());
        let last = self.last_admin(by);
        let act = self.ending(user, async move { Ok(((), accounts.lock(user, at, last).await?)) });
        self.administer((by, by.user != user), deed, act).await
    }

    /// Unlocks an account; its people log in again.
    pub(crate) async fn unlock(&self, by: &Identity, user: UserId) -> Result<(), AccountError> {
        let deed = Deed::by(by, Act::Unlock).to(user);
        self.administer((by, true), deed, self.accounts.unlock(user, self.clock.wall())).await
    }

    /// Ends every login of a user; how many there were.
    pub(crate) async fn log_out(&self, by: &Identity, user: UserId) -> Result<usize, AccountError> {
        let deed = Deed::by(by, Act::Logout).to(user);
        let (tokens, at) = (self.tokens.clone(), self.clock.wall());
        let act = self.ending(user, async move {
            let ended = tokens.end_all(user, LoginEnd::Forced, at).await?;
            Ok((ended.len(), ended))
        });
        self.administer((by, true), deed, act).await
    }

    /// Replaces a user's roles; they hold from the next request on. Nobody gives up being an
    /// administrator themselves.
    pub(crate) async fn set_roles(
        &self,
        by: &Identity,
        user: UserId,
        roles: Vec<Role>,
    ) -> Result<UserRecord, AccountError> {
        let words: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        let deed = Deed::by(by, Act::Roles).to(user).detail("roles", words.join(" "));
        let keeps_own = by.user != user || roles.contains(&Role::Admin);
        let act = self.accounts.set_roles(user, roles, self.last_admin(by));
        self.administer((by, keeps_own), deed, act).await
    }

    /// Everything that is stored of the caller, so often.
    pub(crate) async fn export_own(&self, who: &Identity) -> Result<Chunks, AccountError> {
        let user = self.accounts.profile(who.user).await?;
        let admitted = self.exports.admit(who.user, self.clock.now());
        admitted.map_err(|retry_after| AccountError::Throttled { retry_after })?;
        Ok(export(Arc::clone(&self.storage), user, self.clock.wall()))
    }

    /// Everything that is stored of somebody.
    pub(crate) async fn export(&self, by: &Identity, user: UserId) -> Result<Chunks, AccountError> {
        let deed = Deed::by(by, Act::Export).to(user);
        let act = async {
            let user = self.accounts.profile(user).await?;
            Ok(export(Arc::clone(&self.storage), user, self.clock.wall()))
        };
        self.administer((by, true), deed, act).await
    }

    /// Ends the caller's account for good. Durable first, then its seats, then its connections.
    pub(crate) async fn delete_own(
        &self,
        who: &Identity,
        ask: DeleteAccount,
        from: Option<IpAddr>,
    ) -> Result<(), AccountError> {
        self.accounts.prove(who, ask.password, counted(from), self.clock.wall()).await?;
        let deed = Deed::by(who, Act::DeleteUser).to(who.user);
        self.audit.keep(deed, self.end(who, who.user, ask.messages)).await
    }

    /// Ends somebody's account for good. Repeating it is harmless.
    pub(crate) async fn delete(
        &self,
        by: &Identity,
        user: UserId,
        messages: OwnMessages,
    ) -> Result<(), AccountError> {
        let deed = Deed::by(by, Act::DeleteUser).to(user);
        self.administer((by, by.user != user), deed, self.end(by, user, messages)).await
    }

    async fn end(
        &self,
        by: &Identity,
        user: UserId,
        messages: OwnMessages,
    ) -> Result<(), AccountError> {
        let erase = messages == OwnMessages::Delete;
        let (accounts, last) = (self.accounts.clone(), self.last_admin(by));
        let how = AccountEnd { user, at: self.clock.wall(), erase, last };
        self.ending(user, async move { Ok(((), accounts.end(how).await?)) }).await?;
        if erase {
            self.erases.notify_one();
        }
        Ok(())
    }

    /// Over the network nobody leaves a server without an administrator. Whoever has its data can make
    /// another one, and so may.
    fn last_admin(&self, by: &Identity) -> LastAdmin {
        if by.is_operator() { LastAdmin::MayGo } else { LastAdmin::Stays(self.clock.wall()) }
    }

    /// Does what administrators alone may do, and keeps it in the trail.
    async fn administer<T>(
        &self,
        (by, is_harmless): (&Identity, bool),
        deed: Deed,
        act: impl Future<Output = Result<T, AccountError>>,
    ) -> Result<T, AccountError> {
        if !by.has(Role::Admin) || !is_harmless {
            self.audit.refused(deed, Code::Forbidden.as_str()).await;
            return Err(AccountError::Forbidden);
        }
        self.audit.keep(deed, act).await
    }

    async fn started(&self, issued: IssuedToken) -> Session {
        for old in &issued.superseded {
            self.entry.login_superseded(issued.user.id, *old, issued.login).await;
        }
        session(&issued)
    }

    /// Has logins end in the store, and then everything that stood under them; to the end, also where whoever asked hangs
    /// up in between.
    async fn ending<T: Send + 'static>(
        &self,
        user: UserId,
        work: impl Future<Output = Result<(T, Vec<LoginId>), AccountError>> + Send + 'static,
    ) -> Result<T, AccountError> {
        let entry = Arc::clone(&self.entry);
        let whole = tokio::spawn(async move {
            let (outcome, ended) = work.await?;
            for login in ended {
                entry.login_ended(user, login).await;
            }
            Ok(outcome)
        });
        whole.await.unwrap_or_else(|error| {
            Err(StorageError::Unavailable(format!("it did not come to its end: {error}")).into())
        })
    }
}

fn session(issued: &IssuedToken) -> Session {
    Session {
        token: issued.token.clone(),
        expires_at: Timestamp(issued.expires_at),
        user: view::user(&issued.user, true),
    }
}

/// A connection without an address (there is none over TCP) is counted with all such.
fn counted(from: Option<IpAddr>) -> IpAddr {
    from.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}
