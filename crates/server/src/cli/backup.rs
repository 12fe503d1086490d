//! `anteroom backup` and `anteroom restore`: the facts and the secret, out of a data directory and into one.
//!
//! A backup is older than what happened since. So a restore ends every login, because some of them may have ended
//! since, and goes on counting lives from where the replaced database was.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::accounts::names::fold;
use crate::app::{data_dir, open_storage, seats_file, sqlite_file, tokens_apart};
use crate::clock::Clock;
use crate::config::Config;
use crate::storage::sqlite::{back_up, put_back, remove, set_aside};
use crate::storage::{LoginEnd, SharedStorage, UserQuery};
use crate::tokens::SECRET_FILE;

/// The name of the database in a backup, whatever it is called where it is used.
const DATABASE: &str = "anteroom.db";
/// Users looked at in one step.
const PAGE: usize = 200;

/// Writes a backup into a new directory, while the server runs.
pub(super) fn backup(config: &Config, to: &Path) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        !config.storage.is_postgres(),
        "the facts are in PostgreSQL: `pg_dump` or a backup of the whole database server copies them; \
         auth.secret is in your settings"
    );
    let database = sqlite_file(config);
    anyhow::ensure!(database.exists(), "there is no database at {}", database.display());
    let made = DirBuilder::new().mode(0o700).create(to);
    made.with_context(|| format!("cannot make the directory {}", to.display()))?;
    back_up(&database, &to.join(DATABASE))?;
    let secret = config.server.data_dir.join(SECRET_FILE);
    if config.auth.secret.is_empty() && secret.exists() {
        // Takes the mode of the file with it.
        std::fs::copy(&secret, to.join(SECRET_FILE)).context("the secret could not be copied")?;
    }
    println!("{} holds everything that was acknowledged before", to.display());
    Ok(ExitCode::SUCCESS)
}

/// Puts a backup in the place of what is there, or only does what has to follow where the database was put back by
/// other means.
pub(super) async fn restore(config: &Config, from: Option<&Path>) -> anyhow::Result<ExitCode> {
    let past = match from {
        Some(from) => files(config, from)?,
        None => 0,
    };
    let (storage, _) = open_storage(config).await?;
    let done = after(config, &storage, past).await;
    storage.close().await;
    println!("restored; {} logins ended, so everybody signs in again", done?);
    Ok(ExitCode::SUCCESS)
}

/// Puts the files back; the last life on the database that was replaced.
fn files(config: &Config, from: &Path) -> anyhow::Result<u64> {
    anyhow::ensure!(
        !config.storage.is_postgres(),
        "the facts are in PostgreSQL: put them back with its own tools, then say `anteroom restore`"
    );
    let (database, data_dir) = (sqlite_file(config), data_dir(config)?);
    let replaced = put_back(&from.join(DATABASE), &database)?;
    let past = replaced.as_ref().map_or(0, |it| it.epoch);
    if let Some(replaced) = replaced {
        println!("what was there is kept as {}", replaced.kept.display());
    }
    let (secret, own) = (from.join(SECRET_FILE), data_dir.join(SECRET_FILE));
    if secret.exists() && std::fs::read(&secret).ok() != std::fs::read(&own).ok() {
        if own.exists() {
            set_aside(&own)?;
        }
        std::fs::copy(&secret, &own).context("the secret could not be put back")?;
    }
    // Whoever sat when the server stopped sits no more, and the ledger is of another time than the facts.
    remove(&seats_file(config))?;
    Ok(past)
}

/// What has to follow: no login of then, and no life of a number that was there already. How many logins ended.
async fn after(config: &Config, storage: &SharedStorage, past: u64) -> anyhow::Result<usize> {
    let (tokens, now) = (tokens_apart(config, storage)?, Clock::new().wall());
    let (mut ended, mut query) = (0, UserQuery { prefix: String::new(), after: None, limit: PAGE });
    loop {
        let users = storage.users(query.clone()).await?;
        for user in &users {
            if !storage.logins(user.id).await?.is_empty() {
                ended += tokens.end_all(user.id, LoginEnd::Forced, now).await?.len();
            }
        }
        let Some(last) = users.last().filter(|_| users.len() == PAGE) else { break };
        query.after = Some(fold(&last.username));
    }
    while storage.begin_epoch().await? < past {}
    Ok(ended)
}
