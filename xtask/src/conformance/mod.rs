//! `cargo xtask conformance`: the Autobahn suite, all its cases, against the server's own WebSocket.
//!
//! The suite sends messages and expects them back, and this server speaks a protocol of its own after a ticket. So
//! the server is built with one more address, `/echo`, under a name of its own (`anteroom-echo`): the same accept
//! loop, handshake, reading, decoding, encoding and closing as at `/ws`, and whoever comes is told what it says.
//! The suite is Python 2.7's; where there is none, it is not run, which is said and is no success.

mod outcomes;
mod python;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::json;

use crate::build::{Profile, built, target};
use crate::cluster::{Kept, Place, keeper};
use crate::count;
use crate::run::say;
use outcomes::Outcomes;
use python::Suite;

/// What the exit status is where the suite could not be run.
const NOT_RUN: u8 = 3;
/// Below the directory for what is built.
const DIR: &str = "conformance";
/// What the suite is told to call the server.
const AGENT: &str = "anteroom";
/// All cases of the suite; fewer have not tested everything.
const ALL_CASES: usize = 517;
/// The largest message of a case has 16 MiB.
const SETTINGS: [&str; 2] = ["limits.frame_bytes=16MiB", "limits.outbound_bytes=64MiB"];

/// Which cases, with which programs.
#[derive(Args, Clone, Debug)]
pub(crate) struct Wanted {
    /// Only these cases, as `6.*` or `7.1.1,7.1.2`.
    #[arg(long, value_delimiter = ',')]
    case: Vec<String>,
    /// A Python 2.7 with pip; otherwise `PYTHON27`, one on the path, or one of pyenv's.
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
    /// Build the server as people run it.
    #[arg(long)]
    release: bool,
    /// An `anteroom-echo` that is built already.
    #[arg(long, value_name = "PROGRAM")]
    server: Option<PathBuf>,
}

/// Runs the suite and says what it found.
///
/// # Errors
/// The server does not build or start, or the suite ends without a result.
pub(crate) fn run(root: &Path, wanted: &Wanted) -> anyhow::Result<ExitCode> {
    let dir = target(root).join(DIR);
    std::fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
    let suite = match Suite::ready(wanted.python.as_deref(), &dir) {
        Ok(suite) => suite,
        Err(reason) => {
            say(&format!("\n{}the Autobahn suite: {reason:#}\n", count::NOT_RUN));
            return Ok(ExitCode::from(NOT_RUN));
        }
    };
    let program = match &wanted.server {
        Some(program) => program.clone(),
        None => {
            let profile = if wanted.release { Profile::Release } else { Profile::Debug };
            let echo = ["--package", "anteroom", "--bin", "anteroom-echo", "--features", "echo"];
            built(root, profile, &echo)?.join("anteroom-echo")
        }
    };
    let mut place = Place::new("conformance")?;
    let (kept, address) = serve(&program, &mut place)?;
    let began = Instant::now();
    test(&suite, &dir, &address, &wanted.case)?;
    drop(kept);
    let outcomes = Outcomes::read(&dir.join("report/index.json"), AGENT)?;
    let table = outcomes.table();
    say(&format!("\n{table}\n"));
    outcomes.remarks().iter().for_each(|remark| say(remark));
    let report = dir.join("report.md");
    let text = format!("{table}\n\n{}\n", outcomes.remarks().join("\n"));
    std::fs::write(&report, text).with_context(|| report.display().to_string())?;
    say(&format!(
        "{} cases in {:.0} s, {} failed; {} and {}",
        outcomes.len(),
        began.elapsed().as_secs_f64(),
        outcomes.failed(),
        report.display(),
        dir.join("report/index.html").display()
    ));
    let is_whole = !wanted.case.is_empty() || outcomes.len() >= ALL_CASES;
    ensure!(is_whole, "only {} of {ALL_CASES} cases were run", outcomes.len());
    let is_good = outcomes.failed() == 0 && outcomes.len() > 0;
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Starts the server; answers where it listens.
fn serve(program: &Path, place: &mut Place) -> anyhow::Result<(Kept, String)> {
    let mut server = keeper("TERM", program);
    server.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(place.path());
    server.args(SETTINGS.iter().flat_map(|setting| ["--set", *setting]));
    server.args(["--set", "log.level=warn"]);
    let ready = "listening on http://";
    let (kept, line) = Kept::start(server, |line| line.starts_with(ready))?;
    place.holds(&kept)?;
    Ok((kept, line.trim_start_matches(ready).to_owned()))
}

fn test(suite: &Suite, dir: &Path, address: &str, cases: &[String]) -> anyhow::Result<()> {
    let every = ["*".to_owned()];
    let spec = json!({
        "outdir": "report",
        "servers": [{ "agent": AGENT, "url": format!("ws://{address}/echo") }],
        "cases": if cases.is_empty() { &every[..] } else { cases },
        "exclude-cases": [],
        "exclude-agent-cases": {},
    });
    let path = dir.join("spec.json");
    std::fs::write(&path, spec.to_string()).with_context(|| path.display().to_string())?;
    // The results of other cases would be taken for these.
    let _ = std::fs::remove_dir_all(dir.join("report"));
    let mut command: Command = suite.command(dir, &["-m", "fuzzingclient", "-s", "spec.json"]);
    let status = command.status().context("the suite")?;
    ensure!(status.success(), "the suite ended with {status}");
    Ok(())
}
