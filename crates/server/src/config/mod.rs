//! What an operator may set, and how the parts are merged.
//!
//! Built-in defaults < `anteroom.toml` (or `--config FILE`) < environment < flags. The environment
//! name of a key is its path in capitals with `ANTEROOM_` in front and `__` between the levels. An
//! unknown key is an error that names the nearest known one. Each section is passed on to the part
//! that needs it; nobody holds the whole.

mod check;
mod example;
mod load;
mod network;
mod reload;
mod secrets;
mod section;
mod sections;
mod strategy;
mod traces;
mod units;

pub use example::example;
pub use load::{ConfigError, Overrides, load};
pub use network::Network;
pub use reload::{Changes, changes, is_reloaded};
use section::section;
pub use sections::*;
use serde::{Deserialize, Serialize};
pub use strategy::Strategy;
pub use traces::Collector;
pub use units::{Size, Span};

section! {
    /// Every setting.
    Config {
        /// Where the server listens and what it takes for its own.
        server: Server = Server::default(),
        /// TLS of its own; without it the server speaks plain HTTP, and a proxy may stand in front.
        tls: Tls = Tls::default(),
        /// Where facts are kept.
        storage: StorageSettings = StorageSettings::default(),
        /// How seats are given.
        admission: Admission = Admission::default(),
        /// How many sessions a user may have.
        sessions: Sessions = Sessions::default(),
        /// How several nodes stand together.
        cluster: Cluster = Cluster::default(),
        /// Where Redis is, for those parts that use it.
        redis: Redis = Redis::default(),
        /// Where RabbitMQ is, for those parts that use it.
        rabbitmq: Rabbitmq = Rabbitmq::default(),
        /// Accounts and tokens.
        auth: Auth = Auth::default(),
        /// What is kept of administration.
        admin: Admin = Admin::default(),
        /// What may be said.
        messages: Messages = Messages::default(),
        /// When a silent line counts as dead.
        heartbeat: Heartbeat = Heartbeat::default(),
        /// Bounds against flooding and hoarding. An address of IPv6 counts as its network of 64 bits.
        limits: Limits = Limits::default(),
        /// What is written to standard error.
        log: Log = Log::default(),
        /// What is told to a collector of traces (OpenTelemetry).
        traces: Traces = Traces::default(),
    }
}

impl Config {
    /// The configuration as TOML, secrets hidden.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut shown = self.clone();
        if !shown.auth.secret.is_empty() {
            shown.auth.secret = "(hidden)".to_owned();
        }
        // A password may also stand behind the question mark.
        if shown.storage.is_postgres() && shown.storage.url.contains(['@', '?']) {
            shown.storage.url = "(hidden)".to_owned();
        }
        for url in [&mut shown.redis.url, &mut shown.rabbitmq.url] {
            if url.contains('@') {
                *url = "(hidden)".to_owned();
            }
        }
        toml::to_string_pretty(&shown).unwrap_or_default()
    }
}
