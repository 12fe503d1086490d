//! `experiment admission`: the seat strategies under the same load, beside baselines that show what the checks
//! can see.
//!
//! [`table`] says what is compared and what is done to it, [`block`] does all of it to one subject once, [`run`]
//! repeats that in orders drawn anew, and [`data`] is what is written down. People ([`people`]) are outside: they
//! note what they asked and were told, and [`watch`] judges that alone.

mod answers;
mod block;
mod cell;
mod compare;
pub(crate) mod data;
mod deployment;
#[cfg(test)]
mod fixture;
mod machine;
mod notes;
mod people;
mod progress;
mod report;
mod rules;
mod run;
mod scenarios;
mod summary;
mod table;
mod together;
mod verdict;
mod watch;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};

use self::deployment::Ground;
use self::summary::Summary;
use crate::procfs::enough_files;

/// Sockets and files that are open at once at most.
const FILES: usize = 4_000;
/// Minutes of a quick run and of a full one, unless other are given.
const QUICK_MINUTES: f64 = 2.0;
const FULL_MINUTES: f64 = 30.0;

#[derive(Subcommand)]
pub(crate) enum Experiment {
    /// Compare the seat strategies, and baselines, on servers started for it.
    Admission(Box<Admission>),
    /// Draw the report of a run again.
    Report {
        /// Where the run is.
        dir: PathBuf,
    },
    /// Whether two runs rank the subjects alike.
    Compare { first: PathBuf, second: PathBuf },
}

/// What to measure, and with what.
#[derive(Args)]
pub(crate) struct Admission {
    /// The server, built with baselines.
    #[arg(long)]
    server: PathBuf,
    /// Address of a Redis that is used for nothing else.
    #[arg(long, requires = "redis_pid")]
    redis: Option<String>,
    /// Its process.
    #[arg(long)]
    redis_pid: Option<u32>,
    /// Address of a PostgreSQL that is used for nothing else, with a database to connect to.
    #[arg(long, requires = "postgres_pid")]
    postgres: Option<String>,
    /// Its process.
    #[arg(long)]
    postgres_pid: Option<u32>,
    /// Where createdb and dropdb are.
    #[arg(long)]
    postgres_programs: Option<PathBuf>,
    /// Cores of servers and stores, as taskset takes them.
    #[arg(long, default_value = "")]
    cores: String,
    /// Where data and report go; an interrupted run is gone on with there.
    #[arg(long)]
    out: PathBuf,
    /// All of it once, in two minutes: to see that it works, not to decide by.
    #[arg(long)]
    quick: bool,
    /// The time there is.
    #[arg(long)]
    minutes: Option<f64>,
    #[arg(long)]
    repetitions: Option<u32>,
    /// Only this subject; may be repeated.
    #[arg(long = "subject")]
    subjects: Vec<String>,
    /// Only this scenario; may be repeated.
    #[arg(long = "scenario")]
    scenarios: Vec<String>,
    /// Begin anew where a run was interrupted.
    #[arg(long)]
    afresh: bool,
}

/// Runs it. Whether it proves what it is to prove.
///
/// # Errors
/// It could not be run.
pub(crate) fn run(experiment: &Experiment) -> Result<bool> {
    match experiment {
        Experiment::Admission(admission) => admit(admission),
        Experiment::Report { dir } => {
            report::redraw(dir)?;
            Ok(true)
        }
        Experiment::Compare { first, second } => {
            let all = compare::compare(&report::read(first)?, &report::read(second)?);
            std::io::stdout().lock().write_all(all.table().as_bytes())?;
            Ok(all.agrees())
        }
    }
}

fn admit(asked: &Admission) -> Result<bool> {
    enough_files(FILES, None)?;
    let out = std::path::absolute(&asked.out)?;
    let server = asked.server.canonicalize();
    let ground = Ground {
        server: server.with_context(|| asked.server.display().to_string())?,
        redis: asked.redis.clone().zip(asked.redis_pid),
        postgres: asked.postgres.clone().zip(asked.postgres_pid),
        postgres_programs: asked.postgres_programs.clone().unwrap_or_default(),
        cores: asked.cores.clone(),
        scratch: out.join("scratch"),
    };
    let usual = if asked.quick { QUICK_MINUTES } else { FULL_MINUTES };
    let wanted = run::Wanted {
        out: out.clone(),
        quick: asked.quick,
        minutes: asked.minutes.unwrap_or(usual),
        repetitions: asked.repetitions,
        subjects: asked.subjects.clone(),
        scenarios: asked.scenarios.clone(),
        afresh: asked.afresh,
    };
    let run = run::run(&ground, &wanted)?;
    report::write(&run, &out)?;
    let summary = Summary::new(&run);
    let mut words = std::io::stdout().lock();
    for subject in &run.subjects {
        let record = summary.record(&subject.id);
        let (decisions, faults) = (record.decisions, record.in_words());
        let faults = if record.is_convicted() { faults } else { "none".to_owned() };
        writeln!(words, "{:<28} {decisions:>9} decisions, faults: {faults}", subject.title)?;
    }
    let standing = summary.standing();
    for objection in standing.objections() {
        writeln!(words, "OBJECTION: {objection}")?;
    }
    writeln!(words, "the report is in {}", out.join("report.html").display())?;
    Ok(standing.is_a_run())
}
