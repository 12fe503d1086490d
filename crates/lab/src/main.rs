//! The load generator: drives a real server process through the client, checks what must hold while
//! it does, and reports what it cost.
//!
//! Every scenario answers a [`report::Report`]; a check that does not hold makes the exit status 1.
//! The lab knows the server only from outside: its address, and its process id where given. Servers
//! under load should run with `limits.enabled = false`.

mod args;
mod churn;
mod crowd;
mod delivery;
mod entry;
mod hold;
mod latency;
mod procfs;
mod report;
mod storm;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Scenario};

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        match &args.scenario {
            Scenario::Hold(hold) => hold::run(hold).await,
            Scenario::Storm(storm) => storm::run(storm).await,
            Scenario::Churn(churn) => churn::run(churn).await,
        }
    })?;
    let common = args.scenario.common();
    if let Some(path) = &common.json {
        std::fs::write(path, report.to_json()?)?;
    }
    std::io::stdout().lock().write_all(report.to_string().as_bytes())?;
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
