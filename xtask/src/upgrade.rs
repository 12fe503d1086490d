//! `cargo xtask upgrade`: the program of an older revision is replaced by this one under load (docs/operating.md).
//!
//! The older one is built in a worktree below `target`, with a target directory of its own that is kept.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use clap::Args;

use crate::run::say;
use crate::soak::{build, passes};

/// Where the older revisions are, below the root.
const DIR: &str = "target/upgrade";
/// What a release's schema is made of.
const MIGRATIONS: [&str; 2] =
    ["crates/server/migrations/sqlite", "crates/server/migrations/postgres"];

/// From which program.
#[derive(Args, Clone, Debug)]
pub(crate) struct Wanted {
    /// The older revision; without it, the last one whose migrations are others.
    #[arg(long)]
    from: Option<String>,
    /// The older program, where it is built already.
    #[arg(long, conflicts_with = "from")]
    program: Option<PathBuf>,
    /// What all chances are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Does it, on several nodes and on one. Answers how many of the two failed.
///
/// # Errors
/// Something cannot be built or begun, or there is no such revision.
pub(crate) fn run(root: &Path, wanted: &Wanted) -> anyhow::Result<u32> {
    let old = match (&wanted.program, &wanted.from) {
        (Some(program), _) => program.canonicalize().context("the older program")?,
        (None, Some(revision)) => older(root, revision)?,
        (None, None) => older(root, &last_of_another_schema(root)?)?,
    };
    say("== build");
    let built = build(root)?;
    let mut failed = 0;
    for name in ["soak::upgrade::rolling", "soak::upgrade::alone"] {
        say(&format!("\n== {name} from {}", old.display()));
        let mut command = Command::new(&built.tests);
        command
            .args(["--exact", name, "--ignored", "--nocapture"])
            .current_dir(root.join("crates/server"));
        command.env("ANTEROOM_FAULT_SEED", wanted.seed.to_string()).env("OLD_PROGRAM", &old);
        command.env("TEST_PROGRAM", &built.server).env("RUST_BACKTRACE", "0");
        let (held, _) = passes(&mut command)?;
        failed += u32::from(!held);
        say(&format!("{name}: {}", if held { "held" } else { "FAILED" }));
    }
    Ok(failed)
}

/// The revision before the last change of the migrations.
fn last_of_another_schema(root: &Path) -> anyhow::Result<String> {
    let [sqlite, postgres] = MIGRATIONS;
    let changed = git(root, &["rev-list", "-1", "HEAD", "--", sqlite, postgres])?;
    Ok(format!("{changed}^"))
}

/// Builds the program of that revision; where it is.
fn older(root: &Path, revision: &str) -> anyhow::Result<PathBuf> {
    let commit = git(root, &["rev-parse", "--short", &format!("{revision}^{{commit}}")])?;
    let tree = root.join(DIR).join(&commit);
    if !tree.exists() {
        let at = tree.to_string_lossy().into_owned();
        // One that was cleaned away with everything else that was built is still on its list.
        git(root, &["worktree", "prune"])?;
        git(root, &["worktree", "add", "--detach", &at, &commit])?;
    }
    say(&format!("== build {commit}"));
    let target = root.join(DIR).join("target");
    let mut cargo = crate::build::cargo(&tree, &["build", "-p", "anteroom"]);
    let built = cargo.env("CARGO_TARGET_DIR", &target).stdin(Stdio::null()).status()?;
    anyhow::ensure!(built.success(), "{commit} cannot be built");
    // The next revision is built in the same place.
    let program = root.join(DIR).join(format!("anteroom-{commit}"));
    std::fs::copy(target.join("debug/anteroom"), &program).context("the older program")?;
    Ok(program)
}

fn git(root: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let out = Command::new("git").current_dir(root).args(arguments).output().context("git")?;
    anyhow::ensure!(out.status.success(), "git: {}", String::from_utf8_lossy(&out.stderr));
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}
