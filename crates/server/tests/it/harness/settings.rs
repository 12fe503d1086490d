//! The settings of one server, as the environment gives them to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anteroom_core::mutants;

use super::rabbit::Rabbit;

/// Settings by their path, such as `admission.grace`.
#[derive(Clone)]
pub(crate) struct Settings {
    values: BTreeMap<String, String>,
    program: PathBuf,
}

/// Names another program than the one that was built with these tests: a copy of it, or an older one.
pub(crate) const PROGRAM: &str = "TEST_PROGRAM";

/// None, for the program that the tests are of.
impl Default for Settings {
    fn default() -> Self {
        let program = std::env::var_os(PROGRAM);
        let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_anteroom").into());
        Self { values: BTreeMap::new(), program: program.into() }
    }
}

impl Settings {
    /// What a test wants unless it says otherwise: a free port, a log to be read by a program, and
    /// no limits per address, because everybody here comes from the same one. The seat strategy is
    /// the one that `SEAT_STRATEGY` names, if it does: what holds, holds with any of them. With
    /// `redis` each server has a Redis of its own, unless `SEAT_REDIS_URL` names one for all. With
    /// `SEAT_DEADLINES=rabbitmq` deadlines are waited for there.
    ///
    /// Where `NODES` names a number, a server is so many nodes behind one address, over PostgreSQL and
    /// Redis, unless the test makes nodes of its own: what holds for one, holds for several.
    pub(crate) fn for_tests() -> Self {
        let mut settings = Self::default();
        settings
            .set("server.listen", "127.0.0.1:0")
            .set("log.format", "json")
            .set("limits.enabled", false);
        if let Ok(strategy) = std::env::var("SEAT_STRATEGY") {
            settings.set("admission.strategy", strategy);
        }
        if nodes_wanted() > 1 {
            settings
                .set("cluster.bus", "redis")
                .set("auth.guests", true)
                .set("auth.secret", "one secret that every node of this test knows");
            if settings.strategy() == "semaphore" {
                settings.set("admission.strategy", "redis");
            }
        }
        if std::env::var("SEAT_DEADLINES").is_ok_and(|path| path == "rabbitmq") {
            settings.wait_at(Rabbit::shared());
        }
        if let Ok(url) = std::env::var("SEAT_REDIS_URL") {
            // One Redis for all of them, and in it a place for each.
            let prefix = format!("{}:", uuid::Uuid::now_v7().simple());
            settings.set("redis.url", url).set("redis.prefix", prefix);
        }
        settings
    }

    /// Sets one key.
    #[expect(clippy::needless_pass_by_value, reason = "values are written where they are set")]
    pub(crate) fn set(&mut self, key: &str, value: impl ToString) -> &mut Self {
        self.values.insert(key.to_owned(), value.to_string());
        self
    }

    /// Which program is started from now on.
    pub(crate) fn run(&mut self, program: &Path) -> &mut Self {
        self.program = program.to_owned();
        self
    }

    /// The program that is started.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Deadlines are waited for there, under names of their own.
    pub(crate) fn wait_at(&mut self, rabbit: &Rabbit) -> &mut Self {
        self.set("admission.deadlines", "rabbitmq")
            .set("rabbitmq.url", rabbit.url())
            .set("rabbitmq.prefix", rabbit.prefix())
    }

    /// Where the seats are.
    pub(crate) fn strategy(&self) -> &str {
        self.values.get("admission.strategy").map_or("semaphore", String::as_str)
    }

    /// What a key was set to.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Whether it has yet to be told where Redis is.
    pub(super) fn lacks_redis(&self) -> bool {
        let needs = self.strategy() == "redis" || self.get("cluster.bus") == Some("redis");
        needs && self.get("redis.url").is_none()
    }

    /// How many processes these settings are for.
    pub(super) fn nodes(&self) -> u32 {
        let is_one = self.get("cluster.bus").is_none() || self.get("cluster.node").is_some();
        if is_one { 1 } else { nodes_wanted() }
    }

    /// The settings of one of them.
    pub(super) fn of_node(&self, number: u32) -> Self {
        let mut own = self.clone();
        if self.nodes() > 1 {
            own.set("cluster.node", number);
        }
        own
    }

    /// Hands them to a process, which otherwise sees none of its parent's but the
    /// mutant.
    pub(super) fn give_to(&self, command: &mut Command) {
        let inherited = std::env::vars_os().map(|(name, _)| name);
        let is_setting = |name: &std::ffi::OsString| {
            name.to_string_lossy().starts_with("ANTEROOM_") && name != mutants::VARIABLE
        };
        for name in inherited.filter(is_setting) {
            command.env_remove(name);
        }
        for (key, value) in &self.values {
            let name = key.to_uppercase().replace('.', "__");
            command.env(format!("ANTEROOM_{name}"), value);
        }
    }
}

/// How many nodes the tests are to be run against.
fn nodes_wanted() -> u32 {
    std::env::var("NODES").map_or(1, |count| count.parse().expect("NODES is a number"))
}
