//! `anteroom user …`: accounts from the command line. The server that runs on this data directory does it, so that
//! whom it concerns is told at once; where none runs, it is done on the store itself.

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
use crate::storage::LoginEnd;
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
}

/// Runs one command on the store that the configuration names.
pub(super) async fn run(config: &Config, command: UserCommand) -> anyhow::Result<ExitCode> {
    if let Some(server) = Remote::reach(config).await? {
        println!("{}", through(&server, command).await?);
        return Ok(ExitCode::SUCCESS);
    }
    let (storage, _) = open_storage(config).await?;
    let tokens = tokens_apart(config, &storage)?;
    let accounts = Accounts::new(Arc::clone(&storage), tokens.clone(), AccountsConfig::default());
    let clock = Arc::new(Clock::new());
    let audit = Audit::new(Arc::clone(&storage), Arc::clone(&clock), config.admin.audit_kept);
    let told = Desk { accounts, tokens, audit, clock }.act(command).await;
    storage.close().await;
    println!("{}", told?);
    Ok(ExitCode::SUCCESS)
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
    accounts: Accounts,
    tokens: Tokens,
    audit: Audit,
    clock: Arc<Clock>,
}

impl Desk {
    async fn act(&self, command: UserCommand) -> anyhow::Result<String> {
        let now = self.clock.wall();
        match command {
            UserCommand::Add { username, display_name } => self.add(username, display_name).await,
            UserCommand::Lock { username } => {
                let user = self.accounts.find(&username).await?;
                let deed = Deed::by_command(Act::Lock).to(user.id);
                let ended = self.audit.keep(deed, self.accounts.lock(user.id, now)).await?;
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
                self.audit.keep(deed, self.accounts.set_roles(user.id, parsed)).await?;
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
