//! Settings that cannot work together, refused in words.

use std::time::Duration;

use super::{Bus, Config, ConfigError, DeadlinePath, Pipeline, Strategy};

/// Each is a queue with a log of its own on the broker.
const SHARDS_MAX: u32 = 256;
/// A name on RabbitMQ has at most 255 bytes.
const PREFIX_MAX: usize = 64;
/// What was said a moment ago is still asked for: by a sender who repeats it, and by nodes that missed it.
const KEEP_MIN: Duration = Duration::from_secs(3_600);

impl Config {
    /// Refuses settings that cannot work together, in words.
    ///
    /// # Errors
    /// The first contradiction found.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = |text: &str| Err(ConfigError::Contradiction(text.to_owned()));
        if !self.auth.secret.is_empty() && self.auth.secret.chars().count() < 32 {
            return wrong("auth.secret must have at least 32 characters");
        }
        let is_sqlite = self.storage.url.is_empty() || self.storage.url.starts_with("sqlite:");
        if !is_sqlite && !self.storage.is_postgres() {
            return wrong("storage.url must start with `sqlite:` or `postgres://`");
        }
        if self.storage.connections == 0 || self.storage.timeout.0.is_zero() {
            return wrong("storage.connections and storage.timeout must not be 0");
        }
        if !(1..=PREFIX_MAX).contains(&self.rabbitmq.prefix.len())
            || self.rabbitmq.timeout.0.is_zero()
        {
            return wrong(
                "rabbitmq.prefix must have 1 to 64 bytes, and rabbitmq.timeout must not be 0",
            );
        }
        if self.rabbitmq.url.is_empty() && self.rabbitmq.events {
            return wrong("rabbitmq.events = true needs rabbitmq.url");
        }
        if self.rabbitmq.url.is_empty() && self.messages.pipeline == Pipeline::Queued {
            return wrong("messages.pipeline = \"queued\" needs rabbitmq.url");
        }
        if !(1..=SHARDS_MAX).contains(&self.messages.shards) {
            return wrong("messages.shards must be from 1 to 256");
        }
        let keep = self.messages.keep.0;
        if !keep.is_zero() && keep < KEEP_MIN {
            return wrong("messages.keep must be 0 or at least 1h");
        }
        if self.server.admin_address().is_err() {
            return wrong("server.admin_listen must be an address and a port, like 127.0.0.1:9090");
        }
        if self.heartbeat.silence.0 <= self.heartbeat.ping.0 {
            return wrong("heartbeat.silence must be longer than heartbeat.ping");
        }
        if self.auth.logins_per_user == 0 || self.sessions.max_per_user == 0 {
            return wrong("auth.logins_per_user and sessions.max_per_user must be at least 1");
        }
        if self.admin.audit_kept == 0 {
            return wrong("admin.audit_kept must be at least 1");
        }
        if self.auth.token_ttl.0 < Duration::from_secs(1) {
            return wrong("auth.token_ttl must be at least 1s");
        }
        if self.admission.reservation_ttl.0.is_zero() || self.admission.offer_ttl.0.is_zero() {
            return wrong("admission.reservation_ttl and admission.offer_ttl must not be 0");
        }
        if self.admission.deadlines == DeadlinePath::Rabbitmq && self.rabbitmq.url.is_empty() {
            return wrong("admission.deadlines = \"rabbitmq\" needs rabbitmq.url = \"amqp://…\"");
        }
        if self.admission.waiter_ttl.0.is_zero() {
            return wrong("admission.waiter_ttl must not be 0");
        }
        if self.tls.certificate.is_empty() != self.tls.key.is_empty() {
            return wrong("tls.certificate and tls.key are given together, or neither is");
        }
        self.traces.check()?;
        self.check_secrets()?;
        self.check_strategy()
    }

    /// Whether the strategy can keep its promise with the rest of the settings.
    fn check_strategy(&self) -> Result<(), ConfigError> {
        let wrong = |text: &str| Err(ConfigError::Contradiction(text.to_owned()));
        let is_clustered = self.cluster.bus != Bus::Local;
        match self.admission.strategy {
            Strategy::Semaphore if is_clustered => wrong(
                "admission.strategy = \"semaphore\" decides in the memory of one node; with \
                 cluster.bus other than \"local\" choose \"redis\", or \"conditional\" on PostgreSQL",
            ),
            Strategy::Conditional if is_clustered && !self.storage.is_postgres() => wrong(
                "admission.strategy = \"conditional\" on SQLite serves one node; with cluster.bus \
                 other than \"local\" it needs storage.url = \"postgres://…\"",
            ),
            Strategy::Redis if self.redis.url.is_empty() => {
                wrong("admission.strategy = \"redis\" needs redis.url")
            }
            _ if self.cluster.bus == Bus::Rabbitmq && self.rabbitmq.url.is_empty() => {
                wrong("cluster.bus = \"rabbitmq\" needs rabbitmq.url = \"amqp://…\"")
            }
            _ if is_clustered && self.cluster.node == 0 => {
                wrong("cluster.node must be a number from 1 that no other node has")
            }
            _ if is_clustered && self.cluster.lease.0 < Duration::from_secs(1) => {
                wrong("cluster.lease must be at least 1s")
            }
            _ if is_clustered && self.auth.secret.is_empty() => {
                wrong("auth.secret must be given, the same on every node, where there are several")
            }
            _ if is_clustered && !self.storage.url.starts_with("postgres") => wrong(
                "several nodes need one store: storage.url = \"postgres://…\" with cluster.bus \
                 other than \"local\"",
            ),
            Strategy::Semaphore | Strategy::Conditional | Strategy::Redis => Ok(()),
            #[cfg(feature = "baselines")]
            _ => Ok(()),
        }
    }
}
