//! The shards, and how one is run.

use std::fmt;
use std::iter::Sum;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use super::duels;
use crate::build::{cargo, target};
use crate::run::say;

/// Optimised as far as it is worth the wait, with the assertions of a test build.
const PROFILE: &str = "proof";
/// Shards of the exhaustive model.
const MODEL_SHARDS: usize = 4;
/// What one shard of the model may take.
const MODEL_SECONDS: &str = "570";

/// How much was shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Figures {
    pub(super) histories: u64,
    pub(super) states: u64,
    pub(super) schedules: u64,
    pub(super) duels: u64,
    pub(super) attempts: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (self.histories, "histories"),
            (self.states, "states"),
            (self.schedules, "schedules"),
            (self.duels, "duels, as many winners"),
            (self.attempts, "bad proofs"),
        ];
        let said: Vec<String> = all
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        f.write_str(if said.is_empty() { "nothing yet".into() } else { said.join(", ") }.as_str())
    }
}

impl<'a> Sum<&'a Figures> for Figures {
    fn sum<I: Iterator<Item = &'a Self>>(figures: I) -> Self {
        figures.fold(Self::default(), |sum, it| Self {
            histories: sum.histories + it.histories,
            states: sum.states + it.states,
            schedules: sum.schedules + it.schedules,
            duels: sum.duels + it.duels,
            attempts: sum.attempts + it.attempts,
        })
    }
}

/// What is run.
#[derive(Clone, Debug)]
enum Work {
    /// The ledger against the plain model.
    Ledger { seed: u64, count: u64 },
    /// A strategy against the ledger, or against the strategy in memory: a test of the server.
    Strategy { test: &'static str, seed: u64, count: u64 },
    /// A part of the exhaustive model.
    Model { shard: usize },
    /// The strategy in memory under random orders of its locks.
    Schedules { count: u64 },
    /// Two users and one seat, against a real server.
    Duels { strategy: &'static str, count: u64 },
    /// Forged tickets and stale secrets, against a real server.
    Forgeries { strategy: &'static str, count: u64 },
}

/// A part of the proof that ends within ten minutes.
#[derive(Clone, Debug)]
pub(super) struct Shard {
    pub(super) name: String,
    pub(super) kind: &'static str,
    work: Work,
}

/// The tests of the server that play histories, how many one shard plays, and how many there are: a few
/// minutes each, so that they end in time where the machine is slow or busy with another one.
const STRATEGIES: &[(&str, &str, u64, u64)] = &[
    (
        "histories conditional",
        "admission::conditional::tests::histories::the_strategy_and_the_ledger_agree_on_every_history",
        10_000,
        10,
    ),
    (
        "histories redis",
        "admission::redis::tests::one_room::the_scripts_and_the_ledger_agree_on_every_history",
        5_000,
        20,
    ),
    (
        "histories redis, two rooms",
        "admission::redis::tests::two_rooms::both_strategies_agree_on_every_history_of_two_rooms",
        5_000,
        2,
    ),
];

/// Every shard, the quick kinds first.
pub(super) fn all() -> Vec<Shard> {
    let mut shards = Vec::new();
    let mut add = |kind: &'static str, n: u64, work: Work| {
        shards.push(Shard { name: format!("{kind} {n}"), kind, work });
    };
    for (kind, strategy) in [
        ("duels semaphore", "semaphore"),
        ("duels conditional", "conditional"),
        ("duels redis", "redis"),
    ] {
        add(kind, 1, Work::Duels { strategy, count: 100_000 });
    }
    for (kind, strategy) in [
        ("forgeries semaphore", "semaphore"),
        ("forgeries conditional", "conditional"),
        ("forgeries redis", "redis"),
    ] {
        add(kind, 1, Work::Forgeries { strategy, count: 100_000 });
    }
    add("schedules", 1, Work::Schedules { count: 100_000 });
    for n in 1..=8 {
        add("histories in memory", n, Work::Ledger { seed: n * 1_000_003, count: 125_000 });
    }
    for (kind, test, count, parts) in STRATEGIES {
        for n in 1..=*parts {
            add(kind, n, Work::Strategy { test, seed: n * 7_000_003, count: *count });
        }
    }
    for shard in 1..=MODEL_SHARDS {
        add("model", shard as u64, Work::Model { shard });
    }
    shards
}

/// What the shards are run with.
pub(super) struct Built {
    root: PathBuf,
    programs: PathBuf,
    server_tests: PathBuf,
}

/// Builds everything a shard needs.
///
/// # Errors
/// The build breaks.
pub(super) fn build(root: &Path) -> anyhow::Result<Built> {
    let told = |arguments: &[&str]| -> anyhow::Result<String> {
        let mut command = cargo(root, arguments);
        command.args(["--profile", PROFILE]);
        let out = command.stdin(Stdio::null()).output().context("cargo")?;
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        if !out.status.success() {
            say(&said);
            bail!("the build breaks");
        }
        Ok(said)
    };
    say("== build");
    told(&["build", "-p", "anteroom", "-p", "anteroom-lab", "-p", "anteroom-proof"])?;
    let said = told(&["test", "-p", "anteroom", "--lib", "--no-run"])?;
    let line = said.lines().find_map(|line| line.trim().strip_prefix("Executable "));
    let path = line.and_then(|line| line.split_once('(')?.1.strip_suffix(')'));
    let server_tests = root.join(path.context("cargo names no test program")?);
    Ok(Built { root: root.to_owned(), programs: target(root).join(PROFILE), server_tests })
}

impl Built {
    fn cargo(&self) -> Command {
        cargo(&self.root, &[])
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }
}

impl Shard {
    /// Whether no other may run beside it: it uses every core itself, or its deadlines are those of a
    /// machine that is not busy with something else.
    pub(super) fn is_alone(&self) -> bool {
        match self.work {
            Work::Model { .. } | Work::Duels { .. } | Work::Forgeries { .. } => true,
            Work::Ledger { .. } | Work::Strategy { .. } | Work::Schedules { .. } => false,
        }
    }

    /// Runs it. `None`: it did not hold.
    ///
    /// # Errors
    /// It could not begin.
    pub(super) fn run(&self, built: &Built) -> anyhow::Result<Option<Figures>> {
        match &self.work {
            Work::Ledger { seed, count } => {
                let mut command = Command::new(built.program("anteroom-proof"));
                command.args(["histories", "--seed", &seed.to_string()]);
                command.args(["--count", &count.to_string()]);
                let said = answered(&mut command)?;
                Ok(said.map(|_| Figures { histories: *count, ..Figures::default() }))
            }
            Work::Strategy { test, seed, count } => {
                let mut command = Command::new(&built.server_tests);
                command.current_dir(built.root.join("crates/server"));
                command.args(["--exact", test, "--nocapture"]);
                command.env("ANTEROOM_SEED", seed.to_string());
                command.env("ANTEROOM_HISTORIES", count.to_string());
                let said = answered(&mut command)?;
                // A name that no test has passes without running anything.
                let ran = said.filter(|said| said.contains("1 passed"));
                Ok(ran.map(|_| Figures { histories: *count, ..Figures::default() }))
            }
            Work::Schedules { count } => {
                let mut command = built.cargo();
                command.args(["test", "-p", "anteroom", "--features", "schedules", "--lib"]);
                command.args(["--", "::schedules::"]).env("ANTEROOM_SCHEDULES", count.to_string());
                let said = answered(&mut command)?;
                // Two of its tests run so many each; the third sees that they would convict.
                let ran = said.filter(|said| said.contains("3 passed"));
                Ok(ran.map(|_| Figures { schedules: 2 * count, ..Figures::default() }))
            }
            Work::Model { shard } => {
                let mut command = Command::new(built.program("anteroom-proof"));
                command.args(["model", "--shard", &format!("{shard}/{MODEL_SHARDS}")]);
                command.args(["--max-seconds", MODEL_SECONDS, "--state"]);
                command.arg(built.root.join("target/model.json"));
                Ok(answered(&mut command)?.and_then(|said| searched(&said)))
            }
            Work::Duels { strategy, count } => {
                let count_text = count.to_string();
                let held = duels::against(built, strategy, &["duel", "--duels", &count_text])?;
                Ok(held.then(|| Figures { duels: *count, ..Figures::default() }))
            }
            Work::Forgeries { strategy, count } => {
                let count_text = count.to_string();
                let held = duels::against(built, strategy, &["forge", "--attempts", &count_text])?;
                Ok(held.then(|| Figures { attempts: *count, ..Figures::default() }))
            }
        }
    }
}

/// The states of a shard of the model that was searched to its end.
fn searched(said: &str) -> Option<Figures> {
    let last: serde_json::Value = serde_json::from_str(said.lines().last()?).ok()?;
    let is_complete = last["unfinished"].as_array().is_some_and(Vec::is_empty);
    let states = last["states"].as_u64().filter(|_| is_complete)?;
    Some(Figures { states, ..Figures::default() })
}

/// Runs a command, its progress shown; what it said on stdout, if it succeeded.
pub(super) fn answered(command: &mut Command) -> anyhow::Result<Option<String>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let out = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context(program)?;
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let last: Vec<&str> = said.lines().rev().take(24).collect();
    // In one go: others may run beside it.
    say(&last.into_iter().rev().collect::<Vec<_>>().join("\n"));
    Ok(out.status.success().then_some(said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_has_a_name_of_its_own_and_the_sums_are_those_promised() {
        let shards = all();
        let mut names: Vec<&str> = shards.iter().map(|shard| shard.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), shards.len());
        let histories = |kind: &str| -> u64 {
            let counts = shards.iter().filter(|shard| shard.kind == kind).map(|it| match it.work {
                Work::Ledger { count, .. } | Work::Strategy { count, .. } => count,
                _ => 0,
            });
            counts.sum()
        };
        assert_eq!(histories("histories in memory"), 1_000_000);
        assert_eq!(histories("histories conditional"), 100_000);
        assert_eq!(histories("histories redis"), 100_000);
    }

    #[test]
    fn only_histories_and_schedules_run_side_by_side() {
        let alone = |shard: &Shard| {
            !shard.kind.starts_with("histories") && !shard.kind.starts_with("schedules")
        };
        assert!(all().iter().all(|shard| shard.is_alone() == alone(shard)));
        assert!(all().iter().any(Shard::is_alone));
    }

    #[test]
    fn a_model_that_did_not_come_to_its_end_shows_nothing() {
        let done = r#"{"states": 12, "unfinished": []}"#;
        assert_eq!(searched(done).map(|it| it.states), Some(12));
        assert_eq!(searched(r#"{"states": 12, "unfinished": ["two rooms"]}"#), None);
        assert_eq!(searched(""), None);
    }
}
