//! `cargo xtask bench`: the server beside the floor, in turn, on pinned cores.
//!
//! [`cases`] says what is done, [`measures`] what is read from it and which target it has,
//! [`subject`] and [`deployment`] start and stop what is measured, [`alone`] has what needs no load, [`figures`] reads
//! and condenses, [`chart`] draws. A case is run in pairs, floor then server, after one run of the
//! server that warms up and tells how long its frames are. Ratios are taken within a pair, because
//! figures of different hours do not compare.

mod alone;
mod cases;
mod chart;
mod deployment;
mod figures;
mod measures;
mod subject;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use crate::build::{Profile, built};
use crate::run::say;
use cases::{Case, Work};
use figures::{Findings, Spread};
use measures::{Measure, Target};
use subject::Programs;

/// Where everything that a bench leaves is put.
const OUT: &str = "out/bench";
/// How long the frames are taken for until a server has told.
const FRAME_BYTES: u32 = 400;

/// What to measure, and how often.
#[derive(Args, Clone, Debug)]
pub(crate) struct Wanted {
    /// Only cases of these names or groups, as `fanout-50` or `fanout`; all when none is given.
    names: Vec<String>,
    /// How many pairs of floor and server each case is made of.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// A short form, to see that everything works: one pair, a second each, no verdict worth the name.
    #[arg(long)]
    quick: bool,
    /// Measure the release programs as they lie there.
    #[arg(long)]
    no_build: bool,
    /// Where to write the figures; below out/bench when absent.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Say which cases there are, and do nothing.
    #[arg(long)]
    list: bool,
}

/// One figure of one case, over all pairs.
#[derive(Serialize)]
pub(crate) struct Row {
    case: &'static str,
    measure: &'static str,
    unit: &'static str,
    server: Spread,
    /// The floor it is held against, and the ratio within each pair.
    floor: Option<Spread>,
    ratio: Option<Spread>,
    target: Option<Target>,
    holds: Option<bool>,
}

/// Everything a run of benches found.
#[derive(Serialize)]
pub(crate) struct Outcome {
    pairs: usize,
    rows: Vec<Row>,
    /// Cases that could not be run, or whose checks did not hold.
    failed: Vec<String>,
}

/// Runs what is wanted. Answers how many cases failed: a target that is missed fails nothing.
///
/// # Errors
/// Something cannot be built or written.
pub(crate) fn run(root: &Path, wanted: &Wanted) -> anyhow::Result<usize> {
    let is_wanted = |case: &Case| {
        wanted.names.is_empty() || wanted.names.iter().any(|name| case.is_called(name))
    };
    let cases: Vec<Case> = cases::all().into_iter().filter(is_wanted).collect();
    if wanted.list {
        cases.iter().for_each(|case| say(&format!("{:<16} {}", case.name, case.about)));
        return Ok(0);
    }
    anyhow::ensure!(!cases.is_empty(), "no case has such a name; see --list");
    let out = root.join(OUT);
    std::fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;
    if !wanted.no_build {
        built(root, Profile::Release, &["-p", "anteroom", "-p", "anteroom-lab"])?;
    }
    let programs = Programs::below(root, &out);
    let pairs = if wanted.quick { 1 } else { wanted.pairs.max(1) };
    let mut outcome = Outcome { pairs, rows: Vec::new(), failed: Vec::new() };
    let json = wanted.json.clone().unwrap_or_else(|| out.join("bench.json"));
    let page = out.join("bench.html");
    for case in &cases {
        say(&format!("\n== {}: {}", case.name, case.about));
        match measure(&programs, case, pairs, wanted.quick) {
            Ok(rows) => {
                rows.iter().for_each(|row| say(&row.to_string()));
                outcome.rows.extend(rows);
            }
            Err(error) => {
                say(&format!("{} FAILED: {error:#}", case.name));
                outcome.failed.push(format!("{}: {error:#}", case.name));
            }
        }
        // After each case: what an interrupted run has found is kept.
        std::fs::write(&json, serde_json::to_vec_pretty(&outcome)?)?;
        std::fs::write(&page, chart::page(&outcome))?;
    }
    verdict(&outcome);
    say(&format!("figures: {}\nplot:    {}", json.display(), page.display()));
    Ok(outcome.failed.len())
}

/// Runs the pairs of one case and condenses each of its measures.
fn measure(
    programs: &Programs,
    case: &Case,
    pairs: usize,
    quick: bool,
) -> anyhow::Result<Vec<Row>> {
    let arguments = case.arguments(quick);
    let run = |subject, frame_bytes| match case.work {
        Work::Lab(_) => programs.run(subject, frame_bytes, &arguments),
        Work::Storage => programs.storage(),
        Work::Start => programs.start_up(),
    };
    let warm = run(case.subject, FRAME_BYTES)?;
    let frame_bytes = warm.figure("frame bytes").map_or(FRAME_BYTES, |bytes| bytes.round() as u32);
    let mut found: Vec<Vec<(Option<Findings>, Findings)>> =
        case.measures.iter().map(|_| Vec::new()).collect();
    for pair in 1..=pairs {
        let mut floors = Vec::new();
        for &floor in case.floors {
            floors.push((floor, run(floor, frame_bytes)?));
        }
        let server = run(case.subject, frame_bytes)?;
        for (of, measure) in found.iter_mut().zip(case.measures) {
            let floor = floors.iter().find(|(floor, _)| Some(*floor) == measure.against);
            of.push((floor.map(|(_, findings)| findings.clone()), server.clone()));
        }
        say(&format!("   pair {pair} of {pairs} done"));
    }
    case.measures.iter().zip(found).map(|(it, found)| row(case, it, &found)).collect()
}

fn row(
    case: &Case,
    measure: &Measure,
    found: &[(Option<Findings>, Findings)],
) -> anyhow::Result<Row> {
    let read = |findings: &Findings| {
        let missing = || format!("the lab told no {} in {}", measure.title, case.name);
        measure.read.from(findings).with_context(missing)
    };
    let (mut servers, mut floors, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for (floor, server) in found {
        let server = read(server)?;
        servers.push(server);
        if let Some(floor) = floor {
            let floor = read(floor)?;
            floors.push(floor);
            ratios.push(server / floor.max(f64::MIN_POSITIVE));
        }
    }
    let (server, ratio) = (Spread::of(&servers), Spread::of(&ratios));
    let judged = ratio.or(server).map(|spread| spread.median);
    Ok(Row {
        case: case.name,
        measure: measure.title,
        unit: measure.unit,
        server: server.context("no pair was run")?,
        floor: Spread::of(&floors),
        ratio,
        target: measure.target,
        holds: measure.target.zip(judged).map(|(target, median)| target.is_met(median)),
    })
}

fn verdict(outcome: &Outcome) {
    say("\n== targets");
    for row in &outcome.rows {
        let (Some(target), Some(holds)) = (row.target, row.holds) else { continue };
        let word = if holds { "holds " } else { "MISSED" };
        let judged = row.ratio.unwrap_or(row.server).median;
        let unit = if row.ratio.is_some() { "x" } else { row.unit };
        say(&format!(
            "{word}  {:<16} {:<24} {judged:>9.2} {unit}, {target}",
            row.case, row.measure
        ));
    }
    outcome.failed.iter().for_each(|failed| say(&format!("FAILED  {failed}")));
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "   {:<26} {:<4} server {}", self.measure, self.unit, self.server)?;
        if let Some((floor, ratio)) = self.floor.zip(self.ratio) {
            write!(f, "   floor {floor}   ratio {ratio}")?;
        }
        Ok(())
    }
}
