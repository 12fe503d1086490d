//! What the configuration means for single parts.

use std::sync::Arc;

use anteroom_core::seat::{Arrivals, SessionPolicy, Terms};

use tokio_util::sync::CancellationToken;

use super::ground::{Ground, seats_file};
use crate::accounts::{AccountsConfig, PasswordConfig, ThrottleConfig};
use crate::admission::{self, Admission, Bounds, Whose};
use crate::alarms::{Alarms, Rings, Spans};
use crate::audit::Audit;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::rabbit::Broker;
use crate::readiness::Readiness;
use crate::storage::SharedStorage;
use crate::ws::Bounds as ConnectionBounds;

/// The seat strategy, over the store that the configuration names.
///
/// # Errors
/// What keeps it from deciding, in words.
pub(super) async fn strategy(
    config: &Config,
    ground: &Ground,
    whose: Whose,
) -> anyhow::Result<Arc<dyn Admission>> {
    let settings = &config.admission;
    let terms = Terms {
        reservation_ttl: settings.reservation_ttl.0,
        offer_ttl: settings.offer_ttl.0,
        grace: settings.grace.0,
        waiter_ttl: settings.waiter_ttl.0,
        sessions: match config.sessions.policy {
            config::SessionPolicy::One => SessionPolicy::One,
            config::SessionPolicy::OnePerRoom => SessionPolicy::OnePerRoom,
            config::SessionPolicy::Many => {
                SessionPolicy::Many(u32::try_from(config.sessions.max_per_user).unwrap_or(u32::MAX))
            }
        },
        arrivals: match config.sessions.arrivals {
            config::Arrivals::ReplaceOld => Arrivals::ReplaceOld,
            config::Arrivals::RefuseNew => Arrivals::RefuseNew,
        },
    };
    let bounds = Bounds {
        per_user: settings.reservations_per_user,
        per_address: config.limits.bound(config.limits.reservations_per_address),
    };
    #[cfg(feature = "baselines")]
    if let Some(discipline) = baseline(settings.strategy) {
        tracing::warn!(
            event = "strategy.baseline",
            strategy = settings.strategy.as_str(),
            "for experiments only: this strategy does not keep what people are promised"
        );
        let (clock, deadlines) = (Arc::clone(&ground.clock), Arc::clone(&ground.deadlines));
        let ledgers = admission::Semaphore::new(terms, bounds, clock, deadlines);
        let specimen = admission::Specimen::baseline(ledgers, discipline);
        return Ok(Arc::new(specimen.logged()?));
    }
    let seats = real(config, ground, whose, (terms, bounds)).await?;
    #[cfg(feature = "baselines")]
    let seats = Arc::new(admission::Specimen::real(seats).logged()?);
    Ok(seats)
}

/// What a baseline of the experiment is kept apart by; nothing for a real strategy.
#[cfg(feature = "baselines")]
fn baseline(strategy: config::Strategy) -> Option<admission::Discipline> {
    use admission::Discipline;
    use config::Strategy;
    Some(match strategy {
        Strategy::BaselineUnlocked => Discipline::Unlocked,
        Strategy::BaselineGlobalLock => Discipline::Global { fair: false },
        Strategy::BaselineGlobalLockFair => Discipline::Global { fair: true },
        Strategy::BaselineRoomLock => Discipline::PerRoom { fair: false },
        Strategy::BaselineRoomLockFair => Discipline::PerRoom { fair: true },
        Strategy::Semaphore | Strategy::Conditional | Strategy::Redis => return None,
    })
}

/// One of the strategies that keep the promise.
async fn real(
    config: &Config,
    ground: &Ground,
    whose: Whose,
    (terms, bounds): (Terms, Bounds),
) -> anyhow::Result<Arc<dyn Admission>> {
    let (clock, deadlines) = (Arc::clone(&ground.clock), Arc::clone(&ground.deadlines));
    match config.admission.strategy {
        config::Strategy::Redis => {
            let terms = (&terms, bounds);
            let redis = admission::Redis::connect(&config.redis, terms, whose, clock, deadlines);
            Ok(Arc::new(redis.await?))
        }
        config::Strategy::Conditional if config.storage.is_postgres() => {
            let options = admission::ConditionalPostgresOptions {
                connections: config.storage.connections,
                ..admission::ConditionalPostgresOptions::default()
            };
            let (url, terms) = (&config.storage.url, (terms, bounds));
            let life = (config.cluster.bus != config::Bus::Local).then_some(whose.owner);
            let with = (clock, deadlines);
            let seats = admission::Conditional::beside(url, options, terms, with, life);
            Ok(Arc::new(seats.await?))
        }
        config::Strategy::Conditional => {
            let seats = admission::Conditional::open(
                &seats_file(config),
                admission::ConditionalOptions::default(),
                ground.fatal.clone(),
                (terms, bounds),
                clock,
                deadlines,
            )?;
            Ok(Arc::new(seats.belonging_to(whose).await?))
        }
        config::Strategy::Semaphore => {
            Ok(Arc::new(admission::Semaphore::new(terms, bounds, clock, deadlines)))
        }
        #[cfg(feature = "baselines")]
        other => anyhow::bail!("{} is a baseline", other.as_str()),
    }
}

/// Where deadlines are waited for, if that is not here.
///
/// # Errors
/// RabbitMQ is there and cannot be used.
pub(super) async fn alarms(
    config: &Config,
    stop: &CancellationToken,
) -> anyhow::Result<(Alarms, Option<Rings>)> {
    let settings = &config.admission;
    if settings.deadlines == config::DeadlinePath::Local {
        return Ok((Alarms::default(), None));
    }
    let spans = Spans {
        reservation: settings.reservation_ttl.0,
        offer: settings.offer_ttl.0,
        grace: settings.grace.0,
        waiter: settings.waiter_ttl.0,
        pending: settings.pending_room_ttl.0,
    };
    let broker = Broker::new(&config.rabbitmq)?;
    let (alarms, rings) = Alarms::on(&broker, spans, stop.clone()).await?;
    Ok((alarms, Some(rings)))
}

pub(super) fn accounts(config: &Config) -> AccountsConfig {
    let some = |span: config::Span| Some(span.0).filter(|span| !span.is_zero());
    let mut passwords = PasswordConfig::default();
    if config.auth.hashing_max > 0 {
        passwords.at_once = config.auth.hashing_max;
    }
    AccountsConfig {
        guests: config.auth.guests,
        account_life: some(config.auth.account_life),
        credentials_life: some(config.auth.credentials_life),
        throttle: ThrottleConfig {
            enabled: config.limits.enabled,
            failures: config.limits.login_failures,
            ..ThrottleConfig::default()
        },
        passwords,
    }
}

pub(super) fn connections(config: &Config) -> ConnectionBounds {
    let limits = &config.limits;
    ConnectionBounds {
        frame_bytes: limits.frame_bytes.0,
        outbound_bytes: limits.outbound_bytes.0,
        content_chars_max: config.messages.content_chars_max,
        bad_frames: limits.bound(limits.bad_frames),
        frames_per_10s: limits.bound(limits.frames_per_10s),
        ping: config.heartbeat.ping.0,
        silence: config.heartbeat.silence.0,
    }
}

/// The audit trail, in the store of the facts.
pub(super) fn audit(config: &Config, storage: &SharedStorage, clock: &Arc<Clock>) -> Arc<Audit> {
    Arc::new(Audit::new(Arc::clone(storage), Arc::clone(clock), config.admin.audit_kept))
}

/// What this node stands on, by name.
pub(super) fn readiness(config: &Config) -> Readiness {
    let facts = if config.storage.is_postgres() { "postgresql" } else { "sqlite" };
    let bus = match config.cluster.bus {
        config::Bus::Local => None,
        config::Bus::Redis => Some("redis"),
        config::Bus::Rabbitmq => Some("rabbitmq"),
    };
    Readiness::new(Clock::new().wall(), (facts, config.admission.strategy.as_str()), bus)
}

/// Scheme and authority of a URL, as browsers write an origin.
pub(super) fn origin_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next().filter(|authority| !authority.is_empty())?;
    Some(format!("{scheme}://{authority}"))
}
