//! `cargo xtask experiment`: the lab's comparison of seat strategies, with a private Redis and PostgreSQL.
//!
//! The server is built with the baselines that only the experiment knows, under a name of its own, so that the
//! program people run is not touched. Servers and stores run on the first core, the lab on the second.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::build::{Profile, built};
use crate::cluster::{Kept, Place, engines};
use crate::run::say;

/// The cores of what is measured, and of who measures, where there are two.
const SERVER_CORE: &str = "0";
const LAB_CORE: &str = "1";

/// What is done to whom where only the experiment itself is tried: the baseline that has to be caught, and one
/// subject of each kind.
const CHECKED: [&str; 4] = ["unlocked", "room-lock-fair", "semaphore", "redis-1"];
const DONE: [&str; 5] = ["burst", "rules", "churn", "abandoned-failed", "kill"];

/// What is wanted; what is not said is the lab's to decide.
#[derive(Args, Debug)]
pub(crate) struct Wanted {
    /// All of it once, in two minutes: to see that it works.
    #[arg(long)]
    quick: bool,
    /// The time there is.
    #[arg(long)]
    minutes: Option<f64>,
    /// Where data and report go. An interrupted run is gone on with there.
    #[arg(long, value_name = "DIR", default_value = "out/experiment")]
    out: PathBuf,
    /// Programs that are built already, in this directory; otherwise a release is built.
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// A few subjects and scenarios with unoptimised programs: whether the experiment itself works.
    #[arg(long, hide = true)]
    check: bool,
    /// More for the lab, as `--subject` and `--scenario` (see `anteroom-lab experiment admission --help`).
    #[arg(last = true)]
    more: Vec<String>,
}

/// Runs the experiment. Whether it proved what it is to prove.
///
/// # Errors
/// Something is not installed, does not build or does not come up.
pub(crate) fn run(root: &Path, wanted: &Wanted) -> anyhow::Result<bool> {
    let programs = match &wanted.programs {
        Some(programs) => {
            programs.canonicalize().with_context(|| programs.display().to_string())?
        }
        None if wanted.check => with_baselines(root, Profile::Debug)?,
        None => with_baselines(root, Profile::Release)?,
    };
    // Dropped in the opposite order: what the lab has started, then the stores, the directory last.
    let mut place = Place::new("experiment")?;
    let postgres = engines::postgres(&mut place)?;
    let redis = engines::redis(&mut place)?;
    say(&format!(
        "PostgreSQL (process {}) and Redis (process {})",
        postgres.kept.pid, redis.kept.pid
    ));
    let many = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    if many {
        pin(&postgres.kept)?;
        pin(&redis.kept)?;
    }
    // It ends when this process does, however that ends, and its servers with it.
    let mut lab = Command::new("setpriv");
    lab.args(["--pdeathsig", "TERM"]);
    if many {
        lab.args(["taskset", "-c", LAB_CORE]);
    }
    lab.arg(programs.join("anteroom-lab"));
    lab.args(["experiment", "admission", "--server"]).arg(programs.join("anteroom-baselines"));
    lab.args(["--redis", &redis.url, "--redis-pid", &redis.kept.pid.to_string()]);
    lab.args(["--postgres", &postgres.url, "--postgres-pid", &postgres.kept.pid.to_string()]);
    if let Some(programs) = engines::postgres_programs() {
        lab.arg("--postgres-programs").arg(programs);
    }
    lab.arg("--out").arg(root.join(&wanted.out));
    if many {
        lab.args(["--cores", SERVER_CORE]);
    }
    if wanted.quick || wanted.check {
        lab.arg("--quick");
    }
    if wanted.check {
        lab.arg("--afresh");
        lab.args(CHECKED.map(|it| format!("--subject={it}")));
        lab.args(DONE.map(|it| format!("--scenario={it}")));
    }
    if let Some(minutes) = wanted.minutes {
        lab.args(["--minutes", &minutes.to_string()]);
    }
    let status =
        lab.args(&wanted.more).status().context("the lab (are setpriv and taskset there?)")?;
    ensure!(matches!(status.code(), Some(0 | 1)), "the lab ended with {status}");
    Ok(status.success())
}

/// Puts a store and everything it starts from now on on the servers' core.
fn pin(kept: &Kept) -> anyhow::Result<()> {
    let mut pin = Command::new("taskset");
    pin.args(["-a", "-c", "-p", SERVER_CORE, &kept.pid.to_string()]);
    let done = pin.output().context("taskset (of util-linux)")?;
    ensure!(done.status.success(), "taskset: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// Builds the lab, and the server with baselines; where they lie.
///
/// # Errors
/// They do not build.
pub(crate) fn with_baselines(root: &Path, profile: Profile) -> anyhow::Result<PathBuf> {
    built(root, profile, &["--package", "anteroom-lab"])?;
    let server =
        ["--package", "anteroom", "--bin", "anteroom-baselines", "--features", "baselines"];
    built(root, profile, &server)
}
