//! A run: every subject in every repetition, in an order that is drawn anew each time; what was measured is on
//! disk after each block, so that an interrupted run goes on where it was.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};

use super::block::{self, Lengths, Which};
use super::data::{Cell, FORMAT, Plan, Run, ScenarioInfo};
use super::deployment::{Ground, needs};
use super::progress::Progress;
use super::scenarios::burst;
use super::{machine, table};

/// The kind of a run that is only to show that it works, and what it leaves out for the sake of time.
const QUICK: &str = "quick";
const NOT_QUICK: [&str; 5] = ["storm", "refresh", "line", "abandoned-failed", "slow-store"];
/// Repetitions of a full run.
const REPETITIONS: u32 = 10;
/// Seconds of a block that do not depend on the length of its steps, and how many steps it has: measured.
const FIXED_SECONDS: f64 = 14.0;
const STEPS: f64 = 11.0;
const STEP_SECONDS: std::ops::RangeInclusive<f64> = 0.3..=3.0;
/// What is used of the time given: the rest is for the report and for what takes longer this time.
const MARGIN: f64 = 0.95;

/// What was asked for.
pub(crate) struct Wanted {
    pub(crate) out: PathBuf,
    pub(crate) quick: bool,
    pub(crate) minutes: f64,
    pub(crate) repetitions: Option<u32>,
    pub(crate) subjects: Vec<String>,
    pub(crate) scenarios: Vec<String>,
    /// Throws away what an interrupted run has left.
    pub(crate) afresh: bool,
}

/// Measures what is not measured yet, until all is or the time is over.
///
/// # Errors
/// Another run's data is in the way, or a server or store failed.
pub(crate) fn run(ground: &Ground, wanted: &Wanted) -> Result<Run> {
    fs::create_dir_all(&wanted.out)?;
    fs::create_dir_all(&ground.scratch)?;
    let subjects: Vec<_> = table::subjects()
        .into_iter()
        .filter(|it| wanted.subjects.is_empty() || wanted.subjects.contains(&it.id))
        .collect();
    let scenarios: Vec<_> = table::scenarios()
        .into_iter()
        .filter(|it| match wanted.scenarios.is_empty() {
            true => !wanted.quick || !NOT_QUICK.contains(&it.id.as_str()),
            false => wanted.scenarios.contains(&it.id),
        })
        .collect();
    if subjects.is_empty() || scenarios.is_empty() {
        bail!("nothing to measure: no such subject or scenario");
    }
    let files = Files::below(&wanted.out);
    if wanted.afresh {
        files.remove()?;
    }
    let (mut plan, mut cells) = match files.read()? {
        Some((plan, cells)) => {
            same((&plan, &cells), wanted, (subjects.len(), &scenarios))?;
            (Plan { resumed: plan.resumed + 1, ..plan }, cells)
        }
        None => (new_plan(wanted, subjects.len())?, Vec::new()),
    };
    files.write_plan(&plan)?;
    let began = Instant::now();
    let given = Duration::from_secs_f64(plan.minutes * 60.0 * MARGIN);
    let ids: Vec<_> = subjects.iter().map(|it| it.id.clone()).collect();
    let names: Vec<_> = scenarios.iter().map(|it| it.id.clone()).collect();
    let lengths = lengths(&plan);
    let is_done = |cells: &[Cell], subject: &str, repetition| {
        cells.iter().any(|it| it.subject == subject && it.repetition == repetition)
    };
    let all = ids.len() * plan.repetitions as usize;
    let blocks_done = (0..plan.repetitions)
        .flat_map(|repetition| ids.iter().map(move |id| (id, repetition)))
        .filter(|(id, repetition)| is_done(&cells, id, *repetition))
        .count();
    let mut progress = Progress::new(all, blocks_done);
    let mut longest = Duration::ZERO;
    'run: for repetition in 0..plan.repetitions {
        for id in shuffled(&ids, plan.seed.wrapping_add(u64::from(repetition))) {
            if is_done(&cells, &id, repetition) {
                continue;
            }
            if began.elapsed() + longest > given {
                break 'run;
            }
            let block_began = Instant::now();
            let which = Which { subject: &id, repetition, run: plan.began_at_ms, only: &names };
            let measured = match missing(ground, &id)? {
                Some(why) => block::none(which, &names, why),
                None => block::run(ground, which, lengths, &|scenario| {
                    progress.now(repetition, &id, scenario);
                })?,
            };
            files.append(&measured)?;
            cells.extend(measured);
            plan.took_seconds += block_began.elapsed().as_secs_f64();
            files.write_plan(&plan)?;
            longest = longest.max(block_began.elapsed());
            progress.block_done(repetition, &id, block_began.elapsed());
        }
    }
    progress.end();
    let machine = machine::look(ground);
    Ok(Run { format: FORMAT, machine, plan, subjects, scenarios, cells })
}

/// A quick run makes do with a few rounds of the burst.
fn lengths(plan: &Plan) -> Lengths {
    let (bursts, judged) =
        if plan.kind == QUICK { (3, 2) } else { (burst::ROUNDS, burst::ROUNDS / 2) };
    Lengths { step: Duration::from_secs_f64(plan.step_seconds), bursts, judged }
}

fn missing(ground: &Ground, subject: &str) -> Result<Option<&'static str>> {
    let (redis, postgres) = needs(subject)?;
    Ok(match (redis && ground.redis.is_none(), postgres && ground.postgres.is_none()) {
        (true, _) => Some("there was no Redis"),
        (_, true) => Some("there was no PostgreSQL"),
        _ => None,
    })
}

fn new_plan(wanted: &Wanted, subjects: usize) -> Result<Plan> {
    let repetitions = wanted.repetitions.unwrap_or(if wanted.quick { 1 } else { REPETITIONS });
    let blocks = subjects as f64 * f64::from(repetitions);
    let each = wanted.minutes * 60.0 * MARGIN / blocks.max(1.0);
    let step = ((each - FIXED_SECONDS) / STEPS).clamp(*STEP_SECONDS.start(), *STEP_SECONDS.end());
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    Ok(Plan {
        kind: if wanted.quick { QUICK } else { "full" }.to_owned(),
        repetitions,
        minutes: wanted.minutes,
        seed: since.as_secs(),
        step_seconds: (step * 100.0).round() / 100.0,
        began_at_ms: u64::try_from(since.as_millis())?,
        took_seconds: 0.0,
        resumed: 0,
    })
}

/// A run that was begun is gone on with as it was begun.
fn same(
    (plan, cells): (&Plan, &[Cell]),
    wanted: &Wanted,
    (subjects, scenarios): (usize, &[ScenarioInfo]),
) -> Result<()> {
    let fresh = new_plan(wanted, subjects)?;
    let done = |id: &str| cells.iter().any(|cell| cell.scenario == id);
    let is_other = |cell: &Cell| scenarios.iter().all(|it| it.id != cell.scenario);
    if !cells.is_empty() && (cells.iter().any(is_other) || !scenarios.iter().all(|it| done(&it.id)))
    {
        bail!("a run of other scenarios was begun here; go on with those, or say --afresh");
    }
    if (plan.kind.as_str(), plan.repetitions) != (fresh.kind.as_str(), fresh.repetitions) {
        bail!(
            "a {} run of {} repetitions was begun here; go on with that, or say --afresh",
            plan.kind,
            plan.repetitions
        );
    }
    Ok(())
}

/// An order that depends on the seed alone (a Fisher–Yates shuffle over SplitMix64).
fn shuffled(ids: &[String], seed: u64) -> Vec<String> {
    let mut state = seed;
    let mut draw = |below: usize| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((word ^ (word >> 31)) % below as u64) as usize
    };
    let mut order = ids.to_vec();
    for at in (1..order.len()).rev() {
        order.swap(at, draw(at + 1));
    }
    order
}

/// What lies on disk while a run goes on.
struct Files {
    plan: PathBuf,
    cells: PathBuf,
}

impl Files {
    fn below(dir: &Path) -> Self {
        Self { plan: dir.join("plan.json"), cells: dir.join("cells.jsonl") }
    }

    fn remove(&self) -> Result<()> {
        for path in [&self.plan, &self.cells] {
            if path.exists() {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn read(&self) -> Result<Option<(Plan, Vec<Cell>)>> {
        if !self.plan.exists() {
            return Ok(None);
        }
        let plan = serde_json::from_slice(&fs::read(&self.plan)?)
            .with_context(|| format!("{}: begun by another version?", self.plan.display()))?;
        let text = match self.cells.exists() {
            true => fs::read_to_string(&self.cells)?,
            false => String::new(),
        };
        // A block is one line: what was cut off by a crash was not measured to its end.
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        let blocks = whole.lines().map(serde_json::from_str::<Vec<Cell>>);
        let blocks: Vec<_> = blocks.collect::<Result<_, _>>().context("cells.jsonl")?;
        if whole.len() < text.len() {
            fs::write(&self.cells, whole)?;
        }
        Ok(Some((plan, blocks.into_iter().flatten().collect())))
    }

    fn write_plan(&self, plan: &Plan) -> Result<()> {
        Ok(fs::write(&self.plan, serde_json::to_vec_pretty(plan)?)?)
    }

    fn append(&self, block: &[Cell]) -> Result<()> {
        let mut line = serde_json::to_vec(block)?;
        line.push(b'\n');
        let mut file = File::options().create(true).append(true).open(&self.cells)?;
        file.write_all(&line)?;
        Ok(file.sync_data()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(out: &Path) -> Wanted {
        Wanted {
            out: out.to_owned(),
            quick: false,
            minutes: 30.0,
            repetitions: None,
            subjects: Vec::new(),
            scenarios: Vec::new(),
            afresh: false,
        }
    }

    #[test]
    fn an_order_is_another_for_each_seed_and_loses_nobody() {
        let ids: Vec<_> = table::subjects().into_iter().map(|it| it.id).collect();
        let orders: std::collections::BTreeSet<_> =
            (0..20).map(|seed| shuffled(&ids, seed)).collect();
        assert!(orders.len() > 15, "{}", orders.len());
        for mut order in orders {
            let mut all = ids.clone();
            order.sort();
            all.sort();
            assert_eq!(order, all);
        }
    }

    #[test]
    fn an_interrupted_run_is_read_up_to_its_last_whole_block() {
        let dir = std::env::temp_dir().join(format!("anteroom-lab-run-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let files = Files::below(&dir);
        assert!(files.read().unwrap().is_none());
        let plan = new_plan(&wanted(&dir), 10).unwrap();
        files.write_plan(&plan).unwrap();
        let cell = Cell { subject: "semaphore".into(), repetition: 3, ..Cell::default() };
        files.append(std::slice::from_ref(&cell)).unwrap();
        fs::write(&files.cells, fs::read_to_string(&files.cells).unwrap() + "[{\"subj").unwrap();
        let (again, cells) = files.read().unwrap().unwrap();
        assert_eq!((again, cells.len()), (plan, 1));
        assert_eq!(cells[0].repetition, 3);
        assert_eq!(fs::read_to_string(&files.cells).unwrap().lines().count(), 1);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn the_time_given_is_what_the_steps_are_made_of() {
        let dir = Path::new("unused");
        let short = new_plan(&Wanted { minutes: 15.0, ..wanted(dir) }, 10).unwrap();
        let long = new_plan(&Wanted { minutes: 60.0, ..wanted(dir) }, 10).unwrap();
        assert_eq!((short.step_seconds, short.repetitions), (0.3, REPETITIONS));
        assert!(long.step_seconds > 1.5, "{}", long.step_seconds);
        let quick = Wanted { quick: true, ..wanted(dir) };
        let all = table::scenarios();
        let cells: Vec<_> =
            all.iter().map(|it| Cell { scenario: it.id.clone(), ..Cell::default() }).collect();
        assert!(same((&short, &cells), &quick, (10, &all)).is_err());
        assert!(same((&short, &cells), &wanted(dir), (10, &all)).is_ok());
        assert!(same((&short, &[]), &wanted(dir), (10, &all[..2])).is_ok());
        assert!(same((&short, &cells), &wanted(dir), (10, &all[..2])).is_err());
        assert!(same((&short, &cells[..2]), &wanted(dir), (10, &all)).is_err());
    }
}
