//! `anteroom backup` and `anteroom restore`: the facts and the secret, out of a data directory and into one.
//!
//! A backup is older than what happened since. So a restore ends every login, because some of them may have ended
//! since, and goes on counting lives from where the replaced database was.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;

use crate::accounts::names::fold;
use crate::admission::forget;
use crate::app::{data_dir, open_storage, seats_file, sqlite_file, tokens_apart};
use crate::clock::Clock;
use crate::config::{Bus, Config, Strategy};
use crate::storage::sqlite::{
    SqliteOptions, SqliteStorage, Staged, back_up, copy, hand_over, remove, set_aside,
    sync_directory,
};
use crate::storage::{LoginEnd, SharedStorage, UserQuery};
use crate::tokens::{Keys, SECRET_FILE};

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
        let copied = copy(&secret, &to.join(SECRET_FILE));
        copied.context("the secret could not be copied")?;
    }
    // The files, and the directory that they are in.
    sync_directory(&to.join(DATABASE))?;
    sync_directory(to)?;
    println!("{} holds everything that was acknowledged before", to.display());
    Ok(ExitCode::SUCCESS)
}

/// Puts a backup in the place of what is there, or only does what has to follow where the database was put back by
/// other means.
pub(super) async fn restore(config: &Config, from: Option<&Path>) -> anyhow::Result<ExitCode> {
    let ended = match from {
        Some(from) => files(config, from).await?,
        None => {
            let (storage, _) = open_storage(config).await?;
            let ended = after(config, &storage, 0).await;
            storage.close().await;
            forget_seats(config).await?;
            ended?
        }
    };
    println!("restored; {ended} logins ended, and everybody signs in again");
    Ok(ExitCode::SUCCESS)
}

/// Puts the files back; how many logins ended. Everything that has to follow is done to the copy before it takes the place
/// of what is there: a restore that is interrupted leaves one or the other, and never a login of then.
async fn files(config: &Config, from: &Path) -> anyhow::Result<usize> {
    anyhow::ensure!(
        !config.storage.is_postgres(),
        "the facts are in PostgreSQL: put them back with its own tools, then say `anteroom restore`"
    );
    let data_dir = data_dir(config)?;
    let secret = secret_of(from)?;
    let staged = Staged::of(&from.join(DATABASE), &sqlite_file(config))?;
    let storage: SharedStorage =
        Arc::new(SqliteStorage::open(&staged.database, SqliteOptions::default())?);
    let ended = after(config, &storage, staged.epoch).await;
    storage.close().await;
    drop(storage);
    let ended = ended?;
    forget_seats(config).await?;
    if let Some(kept) = staged.put()? {
        println!("what was there is kept as {}", kept.display());
    }
    // After it: every login of the backup has ended, so none misses its secret meanwhile.
    if let Some(secret) = secret {
        put_secret(&secret, data_dir).context("the database is back, and the secret is not")?;
    }
    Ok(ended)
}

/// The secret in a backup, if there is one.
fn secret_of(backup: &Path) -> anyhow::Result<Option<PathBuf>> {
    let secret = backup.join(SECRET_FILE);
    if !secret.exists() {
        return Ok(None);
    }
    // It is read as a server would, before anything gives way to it.
    Keys::load_or_generate(backup).with_context(|| secret.display().to_string())?;
    Ok(Some(secret))
}

fn put_secret(secret: &Path, data_dir: &Path) -> io::Result<()> {
    let own = data_dir.join(SECRET_FILE);
    if std::fs::read(secret)? == std::fs::read(&own).unwrap_or_default() {
        return Ok(());
    }
    let new = data_dir.join(format!("{SECRET_FILE}.restoring"));
    copy(secret, &new)?;
    hand_over(&File::open(&new)?, &own)?;
    if own.exists() {
        set_aside(&own)?;
    }
    std::fs::rename(&new, &own)?;
    sync_directory(&own)
}

/// Whoever sat when the server stopped sits no more: the seats are of another time than the facts.
async fn forget_seats(config: &Config) -> anyhow::Result<()> {
    remove(&seats_file(config))?;
    if config.admission.strategy == Strategy::Redis || config.cluster.bus == Bus::Redis {
        forget(&config.redis).await?;
    }
    Ok(())
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
