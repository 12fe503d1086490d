//! `cargo xtask soak`: people, trouble and judges for many minutes (docs/soak.md).
//!
//! The program that does it is a test of the server's own (`crates/server/tests/it/soak`), on the harness of the
//! other tests. It is run from a copy, with a copy of the server: a build beside it changes nothing.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

use crate::run::say;

/// Where the programs are copied to and the reports go, below the root.
const PROGRAMS: &str = "target/soak";
const DIR: &str = "out/soak";

/// On what it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SetUp {
    /// One server with SQLite and seats in memory.
    Single,
    /// Three nodes over Redis, PostgreSQL and RabbitMQ.
    Cluster,
}

impl SetUp {
    fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Cluster => "cluster",
        }
    }
}

/// On what, for how long, and from which seed.
#[derive(Args, Clone, Debug)]
pub(crate) struct Wanted {
    /// How long each goes on.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// What all chances are drawn from; without it, the time.
    #[arg(long)]
    seed: Option<u64>,
    /// Only this one; without it, one after the other.
    #[arg(long)]
    set_up: Option<SetUp>,
}

/// Does it. Answers how many set-ups failed.
///
/// # Errors
/// Something cannot be built, begun or written.
pub(crate) fn run(root: &Path, wanted: &Wanted) -> anyhow::Result<u32> {
    let time = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |it| it.as_secs());
    let seed = wanted.seed.unwrap_or_else(time);
    say("== build");
    let built = build(root)?;
    let all = match wanted.set_up {
        Some(one) => vec![one],
        None => vec![SetUp::Single, SetUp::Cluster],
    };
    let mut failed = 0;
    for set_up in all {
        failed += u32::from(!one(root, &built, set_up, (wanted.minutes, seed))?);
    }
    Ok(failed)
}

/// The test program and the server, each a copy, which goes with this.
pub(crate) struct Built {
    pub(crate) tests: PathBuf,
    pub(crate) server: PathBuf,
    dir: PathBuf,
}

impl Drop for Built {
    fn drop(&mut self) {
        // What is left of one that was killed does no harm, but takes a third of a gigabyte.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Builds both, and copies them to where no other build changes them.
///
/// # Errors
/// It cannot be built or copied.
pub(crate) fn build(root: &Path) -> anyhow::Result<Built> {
    let arguments = ["test", "-p", "anteroom", "--test", "it", "--no-run"];
    let out =
        crate::build::cargo(root, &arguments).stdin(Stdio::null()).output().context("cargo")?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    if !out.status.success() {
        bail!("the build breaks:\n{said}");
    }
    let named = said.lines().find_map(|line| {
        let path = line.trim().strip_prefix("Executable ")?.split_once('(')?.1;
        Some(root.join(path.strip_suffix(')')?))
    });
    let named = named.context("cargo named no test program")?;
    let server = named.ancestors().nth(2).context("a directory")?.join("anteroom");
    // Of each run its own: another may be under way.
    let dir = root.join(PROGRAMS).join(std::process::id().to_string());
    std::fs::create_dir_all(&dir)?;
    let built = Built { tests: dir.join("tests"), server: dir.join("anteroom"), dir };
    std::fs::copy(&named, &built.tests).context("the test program")?;
    std::fs::copy(&server, &built.server).context("the server")?;
    Ok(built)
}

/// Runs a test program that has one test to run; whether it passed, and what was said.
///
/// # Errors
/// It cannot be begun.
pub(crate) fn passes(command: &mut Command) -> anyhow::Result<(bool, Vec<String>)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().context("the test")?;
    let mut kept = Vec::new();
    for line in BufReader::new(child.stdout.take().context("its words")?).lines() {
        let line = line?;
        say(&line);
        kept.push(line);
    }
    // One whose name is another now runs no test at all, and ends well.
    let passed = child.wait()?.success() && kept.iter().any(|it| it.contains("1 passed"));
    Ok((passed, kept))
}

/// Whether it held.
fn one(root: &Path, built: &Built, set_up: SetUp, of: (u64, u64)) -> anyhow::Result<bool> {
    let (minutes, seed) = of;
    let name = set_up.name();
    say(&format!("\n== {name}, {minutes} minutes, seed {seed}"));
    let mut command = Command::new(&built.tests);
    command
        .args(["--exact", &format!("soak::{name}"), "--ignored", "--nocapture"])
        .current_dir(root.join("crates/server"));
    command.env("ANTEROOM_FAULT_SEED", seed.to_string()).env("RUST_BACKTRACE", "0");
    command.env("SOAK_SECONDS", (60 * minutes).to_string()).env("TEST_PROGRAM", &built.server);
    let (held, kept) = passes(&mut command)?;
    let verdict = if held { "held" } else { "FAILED" };
    let line = format!("{name}: {verdict}, {minutes} minutes, seed {seed}");
    std::fs::create_dir_all(root.join(DIR))?;
    let page = format!("# {line}\n\n{}\n", kept.join("\n"));
    std::fs::write(root.join(DIR).join(format!("{name}.md")), page)?;
    say(&format!("\n{line}\n{DIR}/{name}.md"));
    Ok(held)
}
