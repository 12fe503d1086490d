//! One subject, once: every scenario, on deployments started for it and stopped after it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::cell::not_run;
use super::data::Cell;
use super::deployment::{Deployment, Ground, Setup};
use super::rules;
use super::scenarios::abandoned::Tries;
use super::scenarios::{
    Stage, abandoned, burst, churn, kill, outage, refresh, storm, sustained, waiting,
};

/// Deadlines that nothing reaches while there is load.
const LONG: Setup =
    Setup { reservation: Duration::from_secs(15), grace: Duration::from_secs(8), rules: None };
/// Deadlines that are waited for.
const SHORT: Setup = Setup {
    reservation: Duration::from_millis(1_000),
    grace: Duration::from_millis(800),
    rules: None,
};
/// Entries before anything is measured, and how long they may take.
const WARM_UP: Duration = Duration::from_millis(400);

/// How long the parts take that have a length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lengths {
    /// Each rate of `sustained`, and `churn` and `refresh`.
    pub(crate) step: Duration,
    /// Of the original's burst, when it is timed and when it is judged by its rules.
    pub(crate) bursts: usize,
    pub(crate) judged: usize,
}

/// Which block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Which<'a> {
    pub(crate) subject: &'a str,
    pub(crate) repetition: u32,
    /// Tells deployments of this run from those of others.
    pub(crate) run: u64,
    /// The scenarios that are wanted.
    pub(crate) only: &'a [String],
}

impl Which<'_> {
    fn wants(&self, scenario: &str) -> bool {
        self.only.iter().any(|it| it == scenario)
    }

    fn name(&self, part: &str) -> String {
        format!("x{:x}-{}-{}-{part}", self.run & 0xff_ffff, self.subject, self.repetition)
    }
}

/// Measures a block. `now` is told of each scenario.
///
/// # Errors
/// A server or store failed in a way that is not what a scenario is about.
pub(crate) fn run(
    ground: &Ground,
    which: Which<'_>,
    lengths: Lengths,
    now: &dyn Fn(&str),
) -> Result<Vec<Cell>> {
    let mut cells = Vec::new();
    under_load(ground, which, lengths, now, &mut cells)?;
    by_the_rules(ground, which, lengths, now, &mut cells)?;
    when_things_go_wrong(ground, which, now, &mut cells)?;
    Ok(cells)
}

fn under_load(
    ground: &Ground,
    which: Which<'_>,
    lengths: Lengths,
    now: &dyn Fn(&str),
    cells: &mut Vec<Cell>,
) -> Result<()> {
    let all = ["burst", "storm", "sustained", "churn", "refresh", "line"];
    if !all.iter().any(|it| which.wants(it)) {
        return Ok(());
    }
    now("starting");
    let deployment = Deployment::start(ground, which.subject, &which.name("load"), &LONG)?;
    let needed =
        most([burst::NEEDED, storm::NEEDED, sustained::NEEDED, churn::NEEDED, refresh::NEEDED]);
    let with = (deployment, LONG);
    let mut stage = Stage::new(which.subject, which.repetition, with, needed)?;
    // The first entries pay for what is set up once; they are thrown away.
    churn::run(&mut stage, WARM_UP).context("warming up")?;
    for scenario in all.into_iter().filter(|it| which.wants(it)) {
        now(scenario);
        let done = match scenario {
            "burst" => burst::run(&mut stage, scenario, lengths.bursts).map(|(cell, _)| cell),
            "storm" => storm::run(&mut stage),
            "sustained" => sustained::run(&mut stage, lengths.step),
            "churn" => churn::run(&mut stage, lengths.step),
            "refresh" => refresh::run(&mut stage, lengths.step),
            _ => waiting::run(&mut stage),
        };
        cells.push(done.with_context(|| format!("{scenario} on {}", which.subject))?);
    }
    stage.deployment.stop()
}

fn by_the_rules(
    ground: &Ground,
    which: Which<'_>,
    lengths: Lengths,
    now: &dyn Fn(&str),
    cells: &mut Vec<Cell>,
) -> Result<()> {
    if !which.wants("rules") {
        return Ok(());
    }
    now("rules");
    let name = which.name("rules");
    let log = ground.scratch.join(&name).join("log");
    let setup = Setup { rules: Some(log.clone()), ..LONG };
    let deployment = Deployment::start(ground, which.subject, &name, &setup)?;
    let with = (deployment, setup);
    let mut stage = Stage::new(which.subject, which.repetition, with, burst::NEEDED)?;
    let (mut cell, rooms) = burst::run(&mut stage, "rules", lengths.judged)?;
    // The log is whole once the server has ended.
    stage.deployment.stop()?;
    let judged = rules::judge(&rules::read(&log)?, &rooms, 1);
    ensure!(judged.requests > 0, "no decision was logged: is the server built with baselines?");
    cell.rules = Some(judged);
    // What it costs to be logged is not what it costs to decide.
    (cell.figures, cell.cpu_us, cell.latency) = Default::default();
    cells.push(cell);
    Ok(())
}

fn when_things_go_wrong(
    ground: &Ground,
    which: Which<'_>,
    now: &dyn Fn(&str),
    cells: &mut Vec<Cell>,
) -> Result<()> {
    let all = ["abandoned-never", "abandoned-failed", "outage", "slow-store", "kill"];
    if !all.iter().any(|it| which.wants(it)) {
        return Ok(());
    }
    now("starting");
    let deployment = Deployment::start(ground, which.subject, &which.name("wrong"), &SHORT)?;
    let needed = most([abandoned::NEEDED, outage::NEEDED, kill::NEEDED]);
    let with = (deployment, SHORT);
    let mut stage = Stage::new(which.subject, which.repetition, with, needed)?;
    for scenario in all.into_iter().filter(|it| which.wants(it)) {
        now(scenario);
        let began = Instant::now();
        let done = match scenario {
            "abandoned-never" => abandoned::run(&mut stage, Tries::Never),
            "abandoned-failed" => abandoned::run(&mut stage, Tries::AndFails),
            "outage" => outage::outage(&mut stage),
            "slow-store" => outage::slow(&mut stage),
            _ => kill::run(&mut stage),
        };
        let mut cell = done.with_context(|| format!("{scenario} on {}", which.subject))?;
        if cell.seconds == 0.0 && cell.not_run.is_none() {
            cell.seconds = began.elapsed().as_secs_f64();
        }
        cells.push(cell);
    }
    stage.deployment.stop()
}

/// Cells of a subject that cannot be measured here.
pub(crate) fn none(which: Which<'_>, scenarios: &[String], why: &str) -> Vec<Cell> {
    let wanted = scenarios.iter().filter(|it| which.wants(it));
    wanted.map(|it| not_run(which.subject, it, which.repetition, why)).collect()
}

fn most<const N: usize>(needed: [(usize, usize); N]) -> (usize, usize) {
    let (makers, crowd): (Vec<_>, Vec<_>) = needed.into_iter().unzip();
    (makers.into_iter().max().unwrap_or(1), crowd.into_iter().max().unwrap_or(1))
}
