//! `anteroom user …`: accounts from the command line. The server that runs on this data directory does it, so that
//! whom it concerns is told at once; where none runs, it is done on the store itself.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anteroom_protocol::account::{Role, SignUp, User};
use anteroom_protocol::audit::Act;
use anyhow::Context as _;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::remote::Remote;
use crate::accounts::{AccountError, Accounts, AccountsConfig};
use crate::app::{open_storage, tokens_apart};
use crate::audit::{Audit, Deed};
use crate::clock::Clock;
use crate::config::Config;
use crate::people::{Chunks, export};
use crate::storage::{AccountEnd, LastAdmin, LoginEnd, SharedStorage};
use crate::tokens::Tokens;

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Make an account; the password is read from standard input.
    Add {
        /// The user name.
        username: String,
        /// The name others read.
        #[arg(long)]
        display_name: Option<String>,
    },
    /// Lock an account: its logins end, nobody can sign in.
    Lock {
        /// The user name.
        username: String,
    },
    /// Unlock an account.
    Unlock {
        /// The user name.
        username: String,
    },
    /// Replace an account's roles, e.g. `anteroom user role ann user admin`.
    Role {
        /// The user name.
        username: String,
        /// user, moderator, admin, service
        #[arg(required = true)]
        roles: Vec<String>,
    },
    /// End every login of an account.
    Logout {
        /// The user name.
        username: String,
    },
    /// Write out everything that is stored of a user, as JSON.
    Export {
        /// The user name.
        username: String,
    },
    /// End an account for good; the user name is free then.
    Delete {
        /// The user name.
        username: String,
        /// Delete what they said as well; else it stays and names nobody.
        #[arg(long)]
        messages: bool,
    },
}

impl UserCommand {
    /// Whom it keeps from administering, if they may.
    fn takes_administration_from(&self) -> Option<&str> {
        match self {
            Self::Lock { username } | Self::Delete { username, .. } => Some(username),
            Self::Role { username, roles } => {
                let keeps = roles.iter().any(|role| Role::parse(role) == Some(Role::Admin));
                (!keeps).then_some(username)
            }
            _ => None,
        }
    }
}

/// Runs one command on the store that the configuration names.
pub(super) async fn run(config: &Config, command: UserCommand) -> anyhow::Result<ExitCode> {
    if let Some(server) = Remote::reach(config).await? {
        let takes = match command.takes_administration_from() {
            Some(name) => server.user(name).await?.roles.contains(&Role::Admin),
            None => false,
        };
        say(&through(&server, command).await?);
        if takes {
            tell_left(server.administrators().await);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let (storage, _) = open_storage(config).await?;
    let tokens = tokens_apart(config, &storage)?;
    let accounts = Accounts::new(Arc::clone(&storage), tokens.clone(), AccountsConfig::default());
    let clock = Arc::new(Clock::new());
    let audit = Audit::new(Arc::clone(&storage), Arc::clone(&clock), config.admin.audit_kept);
    let desk = Desk { storage: Arc::clone(&storage), accounts, tokens, audit, clock };
    let done = desk.obey(command).await;
    storage.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

/// Tells it, or why not: what was to be done is done either way.
fn tell_left<E: std::fmt::Display>(counted: Result<u32, E>) {
    match counted {
        Ok(administrators) => say(&left(administrators)),
        Err(error) => eprintln!("how many administrators are left cannot be told: {error}"),
    }
}

/// What is left of administration, after somebody was kept from it.
fn left(administrators: u32) -> String {
    match administrators {
        0 => "no administrator is left; `anteroom user role NAME user admin` makes one".to_owned(),
        1 => "1 administrator is left".to_owned(),
        n => format!("{n} administrators are left"),
    }
}

/// What is to be said, if anything is: an export has said all.
fn say(told: &str) {
    if !told.is_empty() {
        println!("{told}");
    }
}

/// Has the running server do it.
async fn through(server: &Remote, command: UserCommand) -> anyhow::Result<String> {
    let act = async |username: &str, method: Method, act: &str, body: Option<Value>| {
        let user = server.user(username).await?;
        server.api(method, &format!("/admin/users/{}/{act}", user.id), body).await
    };
    match command {
        UserCommand::Add { username, display_name } => {
            let wish =
                SignUp { username, password: password()?, display_name, contact_number: None };
            let user: User = serde_json::from_value(server.control("/users", &wish).await?)?;
            Ok(format!("{} was added ({})", user.username, user.id))
        }
        UserCommand::Lock { username } => {
            act(&username, Method::POST, "lock", None).await?;
            Ok(format!("{username} is locked; every login ended"))
        }
        UserCommand::Unlock { username } => {
            act(&username, Method::POST, "unlock", None).await?;
            Ok(format!("{username} is unlocked"))
        }
        UserCommand::Role { username, roles } => {
            act(&username, Method::PUT, "roles", Some(json!({ "roles": &roles }))).await?;
            Ok(format!("{username} is now {}", roles.join(", ")))
        }
        UserCommand::Export { username } => {
            let user = server.user(&username).await?;
            server.copy(&format!("/admin/users/{}/export", user.id), std::io::stdout()).await?;
            Ok(String::new())
        }
        UserCommand::Delete { username, messages } => {
            let user = server.user(&username).await?;
            let what = if messages { "?messages=delete" } else { "" };
            let path = format!("/admin/users/{}{what}", user.id);
            server.api(Method::DELETE, &path, None).await?;
            Ok(format!("{username} is deleted ({})", user.id))
        }
        UserCommand::Logout { username } => {
            act(&username, Method::POST, "logout", None).await?;
            Ok(format!("every login of {username} ended"))
        }
    }
}

/// From standard input, without the end of its line.
fn password() -> std::io::Result<String> {
    let password = std::io::read_to_string(std::io::stdin())?;
    Ok(password.trim_end_matches(['\r', '\n']).to_owned())
}

/// Everything a command needs.
struct Desk {
    storage: SharedStorage,
    accounts: Accounts,
    tokens: Tokens,
    audit: Audit,
    clock: Arc<Clock>,
}

impl Desk {
    async fn obey(&self, command: UserCommand) -> anyhow::Result<()> {
        let takes = match command.takes_administration_from() {
            Some(name) => self.accounts.find(name).await?.roles.contains(&Role::Admin),
            None => false,
        };
        say(&self.act(command).await?);
        if takes {
            tell_left(self.accounts.administrators(self.clock.wall()).await);
        }
        Ok(())
    }

    async fn act(&self, command: UserCommand) -> anyhow::Result<String> {
        let now = self.clock.wall();
        match command {
            UserCommand::Export { username } => {
                let user = self.accounts.find(&username).await?;
                let deed = Deed::by_command(Act::Export).to(user.id);
                let reading =
                    async { Ok::<_, AccountError>(export(Arc::clone(&self.storage), user, now)) };
                write_out(self.audit.keep(deed, reading).await?).await?;
                Ok(String::new())
            }
            UserCommand::Delete { username, messages } => self.delete(&username, messages).await,
            UserCommand::Add { username, display_name } => self.add(username, display_name).await,
            UserCommand::Lock { username } => {
                let user = self.accounts.find(&username).await?;
                let deed = Deed::by_command(Act::Lock).to(user.id);
                let locking = self.accounts.lock(user.id, now, LastAdmin::MayGo);
                let ended = self.audit.keep(deed, locking).await?;
                Ok(format!("{username} is locked; {} logins ended", ended.len()))
            }
            UserCommand::Unlock { username } => {
                let user = self.accounts.find(&username).await?;
                let deed = Deed::by_command(Act::Unlock).to(user.id);
                self.audit.keep(deed, self.accounts.unlock(user.id, now)).await?;
                Ok(format!("{username} is unlocked"))
            }
            UserCommand::Role { username, roles } => {
                let user = self.accounts.find(&username).await?;
                let parsed: Option<Vec<Role>> =
                    roles.iter().map(|role| Role::parse(role)).collect();
                let parsed = parsed.context("roles are user, moderator, admin and service")?;
                let deed = Deed::by_command(Act::Roles).to(user.id);
                let deed = deed.detail("roles", roles.join(" "));
                let setting = self.accounts.set_roles(user.id, parsed, LastAdmin::MayGo);
                self.audit.keep(deed, setting).await?;
                Ok(format!("{username} is now {}", roles.join(", ")))
            }
            UserCommand::Logout { username } => {
                let user = self.accounts.find(&username).await?;
                let deed = Deed::by_command(Act::Logout).to(user.id);
                let ending = self.tokens.end_all(user.id, LoginEnd::Forced, now);
                let ended = self.audit.keep(deed, ending).await?;
                Ok(format!("{} logins of {username} ended", ended.len()))
            }
        }
    }

    /// What they said goes with the next start of a server, which tells whoever is there.
    async fn delete(&self, username: &str, erase: bool) -> anyhow::Result<String> {
        let user = self.accounts.find(username).await?.id;
        let deed = Deed::by_command(Act::DeleteUser).to(user);
        let end = AccountEnd { user, at: self.clock.wall(), erase, last: LastAdmin::MayGo };
        self.audit.keep(deed, self.accounts.end(end)).await?;
        Ok(format!("{username} is deleted ({user})"))
    }

    async fn add(&self, username: String, shown: Option<String>) -> anyhow::Result<String> {
        let password = password()?;
        let wish = SignUp { username, password, display_name: shown, contact_number: None };
        // Its id is known only afterwards, so the line names it by what was typed.
        let deed = Deed::by_command(Act::AddUser).detail("username", wish.username.clone());
        let making = self.accounts.sign_up(wish, self.clock.wall());
        let user = self.audit.keep(deed, making).await.map_err(in_words)?;
        Ok(format!("{} was added ({})", user.username, user.id))
    }
}

async fn write_out(mut chunks: Chunks) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    while let Some(chunk) = chunks.recv().await {
        out.write_all(&chunk?)?;
    }
    Ok(out.flush()?)
}

/// What is wrong with each field, for a person at a terminal.
fn in_words(error: AccountError) -> anyhow::Error {
    match error {
        AccountError::Invalid(faults) => {
            let told: Vec<String> =
                faults.iter().map(|fault| format!("{}: {}", fault.field, fault.detail)).collect();
            anyhow::anyhow!("{}", told.join("; "))
        }
        other => other.into(),
    }
}
