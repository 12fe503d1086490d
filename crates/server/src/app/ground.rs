//! The ground that everything else stands on: the store, the other nodes, who people are, and which life
//! this is.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::Owner;
use anyhow::Context as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::lease::Lease;
use super::{Ends, parts};
use crate::accounts::Accounts;
use crate::alarms::{Alarms, BEHIND, Rings};
use crate::clock::Clock;
use crate::cluster::{Bus, Heard, Local, RabbitBus, RedisBus};
use crate::config::{self, Config};
use crate::rabbit::Broker;
use crate::rooms::SeatsLife;
use crate::storage::SharedStorage;
use crate::storage::postgres::{PostgresOptions, PostgresStorage};
use crate::storage::sqlite::{SqliteOptions, SqliteStorage};
use crate::sweeper::Deadlines;
use crate::tokens::{Copies, Keys, SecretError, Tokens, TokensConfig};

/// The store, and the token that it cancels when it has failed for good.
pub(crate) async fn open_storage(
    config: &Config,
) -> anyhow::Result<(SharedStorage, CancellationToken)> {
    data_dir(config)?;
    if config.storage.is_postgres() {
        let options = PostgresOptions {
            connections: config.storage.connections,
            timeout: config.storage.timeout.0,
            alone: config.cluster.bus == config::Bus::Local,
            events: config.rabbitmq.events,
            ..PostgresOptions::default()
        };
        let storage = PostgresStorage::open(&config.storage.url, options).await?;
        let fatal = storage.fatal();
        return Ok((Arc::new(storage), fatal));
    }
    let path = sqlite_file(config);
    let options = SqliteOptions { events: config.rabbitmq.events, ..SqliteOptions::default() };
    let storage = SqliteStorage::open(&path, options)?;
    let fatal = storage.fatal();
    Ok((Arc::new(storage), fatal))
}

/// The database in one file, where PostgreSQL is not asked for.
pub(crate) fn sqlite_file(config: &Config) -> PathBuf {
    match config.storage.url.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => Path::new(path.trim_start_matches("//")).to_path_buf(),
        _ => config.server.data_dir.join("anteroom.db"),
    }
}

/// The data directory: nobody's but its owner's where it is made now, and as its owner has it where it is there.
///
/// # Errors
/// It cannot be made.
pub(crate) fn data_dir(config: &Config) -> anyhow::Result<&Path> {
    let dir = &config.server.data_dir;
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("cannot make the data directory {}", dir.display()))?;
    Ok(dir)
}

/// The ledger of the strategy `conditional` in one file.
pub(crate) fn seats_file(config: &Config) -> PathBuf {
    config.server.data_dir.join("seats.db")
}

/// The way to the other nodes, and what comes from them.
pub(super) type Joined = (Arc<dyn Bus>, Option<mpsc::Receiver<Heard>>);

/// The bus, and what arrives on it where there are other nodes.
pub(super) async fn join(config: &Config, stop: &CancellationToken) -> anyhow::Result<Joined> {
    match config.cluster.bus {
        config::Bus::Local => Ok((Arc::new(Local), None)),
        config::Bus::Redis => {
            let config::Redis { url, prefix, timeout } = &config.redis;
            let joined = RedisBus::join(url, prefix, timeout.0, stop.clone());
            let (bus, arriving) = joined.context("redis.url cannot be read")?;
            Ok((Arc::new(bus), Some(arriving)))
        }
        config::Bus::Rabbitmq => {
            let broker = Broker::new(&config.rabbitmq)?;
            let (bus, arriving) = RabbitBus::join(&broker, stop.clone()).await?;
            Ok((Arc::new(bus), Some(arriving)))
        }
    }
}

/// The parts that everything else is made of.
pub(super) struct Ground {
    pub(super) clock: Arc<Clock>,
    pub(super) tokens: Arc<Tokens>,
    pub(super) accounts: Accounts,
    pub(super) deadlines: Arc<Deadlines>,
    pub(super) alarms: Alarms,
    /// Where deadlines are waited for elsewhere.
    pub(super) rings: Option<Rings>,
    pub(super) keys: Keys,
    pub(super) deployment: Uuid,
    /// The life of this node.
    pub(super) owner: Owner,
    pub(super) fatal: CancellationToken,
    pub(super) bus: Arc<dyn Bus>,
    /// Where there are several nodes.
    pub(super) lease: Option<Arc<Lease>>,
    pub(super) seats_life: SeatsLife,
}

pub(super) async fn ground(
    config: &Config,
    storage: &SharedStorage,
    ends: &Ends,
    bus: Arc<dyn Bus>,
) -> anyhow::Result<Ground> {
    let clock = Arc::new(Clock::new());
    let keys = keys_of(config)?;
    let tokens_config = TokensConfig {
        token_ttl: config.auth.token_ttl.0,
        login_life: Some(config.auth.login_life.0).filter(|life| !life.is_zero()),
        logins_per_user: config.auth.logins_per_user,
        is_shared: bus.is_shared(),
        ..TokensConfig::default()
    };
    let tokens = Tokens::new(Arc::clone(storage), &keys, tokens_config);
    let tokens = with_copies(config, tokens)?;
    let accounts = Accounts::new(Arc::clone(storage), tokens.clone(), parts::accounts(config));
    // Begun when the seats are known to be this database's: a start that is refused counts for nothing.
    let (deployment, epoch) = storage.founded().await?;
    // Beside others a number is drawn at once: it is never given again, whoever begins meanwhile.
    let incarnation =
        if bus.is_shared() { storage.begin_epoch().await? } else { epoch.saturating_add(1) };
    let owner = Owner { node: config.cluster.node, incarnation };
    let lease = if bus.is_shared() {
        let (span, with) = (config.cluster.lease.0, (Arc::clone(storage), Arc::clone(&bus)));
        Some(Lease::take(with, owner, span, (ends.fenced.clone(), ends.last.clone())).await?)
    } else {
        None
    };
    let seats_life = match &lease {
        Some(lease) => lease.seats_life(),
        None => SeatsLife::alone(storage.seats_lost(None).await?),
    };
    let (alarms, rings) = parts::alarms(config, &ends.last).await?;
    let behind = rings.as_ref().map_or(Duration::ZERO, |_| BEHIND);
    let deadlines = Arc::new(Deadlines::behind(behind));
    let (tokens, fatal) = (Arc::new(tokens), ends.fatal.clone());
    Ok(Ground {
        clock,
        tokens,
        accounts,
        deadlines,
        alarms,
        rings,
        keys,
        deployment,
        owner,
        fatal,
        bus,
        lease,
        seats_life,
    })
}

/// Keys from the secret that the settings give, or from the generated one.
fn keys_of(config: &Config) -> Result<Keys, SecretError> {
    match config.auth.secret.as_str() {
        "" => Keys::load_or_generate(&config.server.data_dir),
        secret => Keys::from_secret(secret),
    }
}

/// Tokens for a command that works on the store itself. Beside running nodes what they have at hand is called in.
///
/// # Errors
/// No usable secret; redis.url cannot be read.
pub(crate) fn tokens_apart(config: &Config, storage: &SharedStorage) -> anyhow::Result<Tokens> {
    let tokens = Tokens::new(Arc::clone(storage), &keys_of(config)?, TokensConfig::default());
    with_copies(config, tokens)
}

/// Tokens with the copies that all nodes share, where there are several and a Redis.
///
/// # Errors
/// redis.url cannot be read.
fn with_copies(config: &Config, tokens: Tokens) -> anyhow::Result<Tokens> {
    let config::Redis { url, prefix, timeout } = &config.redis;
    if config.cluster.bus == config::Bus::Local || url.is_empty() {
        return Ok(tokens);
    }
    let copies = Copies::at(url, prefix, timeout.0).context("redis.url cannot be read")?;
    Ok(tokens.with(copies))
}
