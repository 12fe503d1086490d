//! The load generator: drives a real server process through the client, checks what must hold while
//! it does, and reports what it cost.
//!
//! Every scenario answers a [`report::Report`]; the exit status is 1 when a check did not
//! hold and 2 when the scenario could not be run.
//! The lab knows the server only from outside: its address, and its process id where given. Servers
//! under load should run with `limits.enabled = false`.

mod args;
mod churn;
mod crowd;
mod delivery;
mod duel;
mod engine;
mod entry;
mod experiment;
mod floor;
mod forge;
mod hold;
mod latency;
mod line;
mod procfs;
mod report;
mod scenarios;
mod storm;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Parser;

use crate::args::{Args, Scenario};
use crate::report::Report;

/// The exit status when the scenario could not be run to its end.
const NOT_RUN: u8 = 2;

fn main() -> ExitCode {
    match run(&Args::parse().scenario) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nobody is left to tell when stderr is closed too.
            let _ = writeln!(std::io::stderr().lock(), "anteroom-lab: {error:#}");
            ExitCode::from(NOT_RUN)
        }
    }
}

/// Runs a scenario, writes its report, and answers whether every check held.
fn run(scenario: &Scenario) -> anyhow::Result<bool> {
    let report = match scenario {
        Scenario::Experiment { which } => return experiment::run(which),
        Scenario::Floor(floor) => {
            floor::serve(floor)?;
            return Ok(true);
        }
        Scenario::Fanout(fanout) => scenarios::fanout::run(fanout)?,
        Scenario::Joins(joins) => scenarios::joins::run(joins)?,
        Scenario::Refused(refused) => scenarios::refused::run(refused)?,
        Scenario::Idle(idle) => scenarios::idle::run(idle)?,
        Scenario::Slow(slow) => scenarios::slow::run(slow)?,
        Scenario::Presence(presence) => scenarios::presence::run(presence)?,
        over_the_client => run_over_the_client(over_the_client)?,
    };
    if let Some(path) = scenario.common().and_then(|common| common.json.as_ref()) {
        std::fs::write(path, report.to_json()?)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    std::io::stdout().lock().write_all(report.to_string().as_bytes())?;
    Ok(report.holds())
}

/// The scenarios that behave as people's clients do.
fn run_over_the_client(scenario: &Scenario) -> anyhow::Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match scenario {
            Scenario::Hold(hold) => hold::run(hold).await,
            Scenario::Storm(storm) => storm::run(storm).await,
            Scenario::Churn(churn) => churn::run(churn).await,
            Scenario::Duel(duel) => duel::run(duel).await,
            Scenario::Forge(forge) => forge::run(forge).await,
            Scenario::Line(line) => line::run(line).await,
            _ => bail!("this scenario has an engine of its own"),
        }
    })
}
