//! What a person or CI runs: `cargo xtask test`, `cargo xtask ci`, `cargo xtask mutants`,
//! `cargo xtask prove`, `cargo xtask faults`, `cargo xtask bench`, `cargo xtask cluster`,
//! `cargo xtask experiment`, `cargo xtask contract`, `cargo xtask conformance`, `cargo xtask package`,
//! `cargo xtask guides`, `cargo xtask fuzz`.
//!
//! [`plan`] says which steps there are, [`run`] does one of them, [`install`] brings what a fresh
//! machine lacks, [`count`] adds up. The last line printed is `N passed, N failed` over everything
//! that ran, and the exit status is zero only if nothing failed. A step that cannot run fails,
//! unless it was asked for that way or says why it was not run.

mod advisories;
mod bench;
mod build;
mod cluster;
mod conformance;
mod contract;
mod count;
mod experiment;
mod faults;
mod fuzz;
mod guides;
mod install;
mod javascript;
mod mutants;
mod package;
mod plan;
mod prove;
mod python;
mod run;
mod soak;
mod tree;
mod upgrade;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

/// Everything a person or CI runs.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what the tests need, then run every check and test.
    Test(Options),
    /// As `test`, and the licence and dependency rules where cargo-deny is installed.
    Ci(Options),
    /// Put known bugs in, one at a time, and see that the tests find each.
    Mutants(mutants::Which),
    /// The long form of every proof of entry, in shards that can be interrupted and resumed.
    Prove(prove::Wanted),
    /// Every row of docs/faults.md, again and again with fresh seeds until the time is over.
    Faults(faults::Wanted),
    /// Measure the server beside the floor, in turn and pinned, and say which targets hold.
    Bench(bench::Wanted),
    /// Start several nodes on this machine, over a private PostgreSQL and Redis, behind a proxy.
    Cluster(cluster::Wanted),
    /// Make a Debian package, of a release or of a program that is built already.
    Package(package::Wanted),
    /// Do what the guides in docs/ tell people to do, and see that it comes out as they say.
    Guides(guides::Wanted),
    /// Compare the seat strategies under load and in trouble, and write the report.
    Experiment(experiment::Wanted),
    /// Ask a server all that its document allows, and more, and judge the answers by the document.
    Contract(contract::Wanted),
    /// The Autobahn suite against the server's WebSocket; exit status 3 where it cannot be run.
    Conformance(conformance::Wanted),
    /// People, trouble and judges for many minutes, on one server and on several.
    Soak(soak::Wanted),
    /// An older program is replaced by this one under load, and takes over again.
    Upgrade(upgrade::Wanted),
    /// Every fuzz target for some seconds.
    Fuzz(fuzz::Wanted),
}

/// What to leave out.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Options {
    /// Only tests whose name has this text; leaves formatting and lints out.
    #[arg(long)]
    pub(crate) filter: Option<String>,
    /// Leave the browser tests out.
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Install nothing.
    #[arg(long)]
    pub(crate) no_install: bool,
    /// The quick round while writing: no browser, nothing installed.
    #[arg(long)]
    pub(crate) quick: bool,
}

impl Options {
    pub(crate) fn has_browser(&self) -> bool {
        !(self.no_browser || self.quick)
    }

    pub(crate) fn installs(&self) -> bool {
        !(self.no_install || self.quick)
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let root = root()?;
    let (options, with_deny) = match Cli::parse().command {
        Command::Test(options) => (options, false),
        Command::Ci(options) => (options, true),
        Command::Prove(wanted) => {
            let failed = prove::run(&root, &wanted)?;
            return Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Faults(wanted) => {
            let failed = faults::run(&root, &wanted)?;
            return Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Bench(wanted) => {
            let failed = bench::run(&root, &wanted)?;
            return Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Cluster(wanted) => {
            cluster::run(&root, wanted)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Experiment(wanted) => {
            let proved = experiment::run(&root, &wanted)?;
            return Ok(if proved { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Guides(wanted) => {
            let failed = guides::run(&root, &wanted)?;
            return Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Package(wanted) => {
            package::run(&root, &wanted)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Contract(wanted) => {
            let is_kept = contract::run(&root, &wanted)?;
            return Ok(if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Soak(wanted) => {
            let failed = soak::run(&root, &wanted)?;
            return Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Upgrade(wanted) => {
            let failed = upgrade::run(&root, &wanted)?;
            return Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Fuzz(wanted) => {
            let failed = fuzz::run(&root, &wanted)?.failed;
            return Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Conformance(wanted) => return conformance::run(&root, &wanted),
        Command::Mutants(which) => {
            let survivors = mutants::run(&root, &which)?;
            return Ok(if survivors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
    };
    let failed = plan::run_all(&root, &options, with_deny)?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The repository's root, wherever the command was typed.
fn root() -> anyhow::Result<PathBuf> {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = xtask.parent().context("xtask lies directly below the root")?;
    Ok(root.to_owned())
}
