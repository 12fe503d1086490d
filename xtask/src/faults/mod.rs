//! `cargo xtask faults`: the rows of docs/faults.md again and again, with fresh seeds, until the time is over.
//!
//! A row's tests are those named by its number and those that [`rows`] names. Each is run by itself, one
//! after the other ([`suite`]); those without chance in them are run once. The report is written after
//! every test ([`report`]), so that an interrupted run has one too.

mod report;
mod rows;
mod suite;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use clap::Args;

use crate::run::say;
use report::{Report, Seen};
use rows::{ROWS, Row};
use suite::{Outcome, Test};

/// Where the report goes, below the root.
const DIR: &str = "out/faults";

/// Which of it, for how long, and from which seed.
#[derive(Args, Clone, Debug)]
pub(crate) struct Wanted {
    /// Begin no test after so many minutes.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// What all seeds are drawn from; without it, the time.
    #[arg(long)]
    seed: Option<u64>,
    /// Only these rows, as `F02,F13`.
    #[arg(long, value_delimiter = ',')]
    row: Vec<String>,
    /// How the programs are built: `dev`, `proof` or `release`.
    #[arg(long, default_value = "dev")]
    profile: String,
    /// Say which tests each row has, and run none.
    #[arg(long)]
    list: bool,
}

/// Runs what is wanted. Answers how many rows failed.
///
/// # Errors
/// Something cannot be built, begun or written, or there is no such row.
pub(crate) fn run(root: &Path, wanted: &Wanted) -> anyhow::Result<u32> {
    for id in &wanted.row {
        anyhow::ensure!(ROWS.iter().any(|row| row.id == id), "there is no row {id}");
    }
    let is_wanted = |row: &&Row| wanted.row.is_empty() || wanted.row.iter().any(|id| id == row.id);
    let rows: Vec<&Row> = ROWS.iter().filter(is_wanted).collect();
    say("== build");
    let tests = suite::find(root, &wanted.profile)?;
    if wanted.list {
        list(&rows, &tests);
        return Ok(0);
    }
    let time = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |it| it.as_secs());
    let seed = wanted.seed.unwrap_or_else(time);
    let mut run = Run {
        root,
        wanted,
        seed,
        began: Instant::now(),
        seen: rows.iter().map(|row| Seen::of(row, tests[row.id].len())).collect(),
        once: HashSet::new(),
    };
    run.until_the_time_is_over(&rows, &tests)?;
    say(&format!("\n{}\n{DIR}/report.md", run.write()?));
    let failed = run.seen.iter().filter(|seen| !seen.failures.is_empty()).count();
    Ok(u32::try_from(failed).unwrap_or(u32::MAX))
}

fn list(rows: &[&Row], tests: &BTreeMap<&str, Vec<Test>>) {
    for row in rows {
        say(&format!("{} {}", row.id, row.fault));
        match &tests[row.id][..] {
            [] => say(&format!("    none: {}", row.missing)),
            all => all.iter().for_each(|test| say(&format!("    {}", test.name))),
        }
    }
}

struct Run<'r> {
    root: &'r Path,
    wanted: &'r Wanted,
    seed: u64,
    began: Instant,
    seen: Vec<Seen>,
    /// Tests that are not run again: there is no chance in them, or they cannot be run here.
    once: HashSet<String>,
}

impl Run<'_> {
    fn is_over(&self) -> bool {
        self.began.elapsed() >= Duration::from_secs(60 * self.wanted.minutes)
    }

    fn until_the_time_is_over(
        &mut self,
        rows: &[&Row],
        tests: &BTreeMap<&str, Vec<Test>>,
    ) -> anyhow::Result<()> {
        for round in 0.. {
            let mut ran = 0;
            for (place, row) in rows.iter().enumerate() {
                for test in &tests[row.id] {
                    if self.is_over() {
                        return Ok(());
                    }
                    if !self.once.contains(&test.name) {
                        self.one(place, test, round)?;
                        ran += 1;
                    }
                }
            }
            if ran == 0 {
                return Ok(());
            }
        }
        Ok(())
    }

    fn one(&mut self, place: usize, test: &Test, round: u64) -> anyhow::Result<()> {
        let seed = drawn(self.seed, &test.name, round);
        let began = Instant::now();
        let outcome = test.run(seed)?;
        let has_chance = matches!(&outcome, Outcome::Pass { round: Some(_) });
        let word = match &outcome {
            Outcome::Pass { .. } => "pass",
            Outcome::NotRun { .. } => "not run",
            Outcome::Fail { .. } => "FAIL",
        };
        // One that fails is tried again with another seed: how often it fails is worth knowing.
        if !has_chance && !matches!(&outcome, Outcome::Fail { .. }) {
            self.once.insert(test.name.clone());
        }
        let row = self.seen[place].row;
        say(&format!(
            "[{:>4} of {} s] round {round} {row} {} seed {seed}: {word}, {:.1} s",
            self.began.elapsed().as_secs(),
            60 * self.wanted.minutes,
            test.name,
            began.elapsed().as_secs_f64()
        ));
        self.seen[place].add(&test.name, seed, outcome);
        self.write()?;
        Ok(())
    }

    /// Writes the report; its sums.
    fn write(&self) -> anyhow::Result<String> {
        let report = Report {
            tree: tree_of(self.root)?,
            profile: &self.wanted.profile,
            seed: self.seed,
            seconds: self.began.elapsed().as_secs(),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            rows: &self.seen,
        };
        report.write(&self.root.join(DIR))?;
        Ok(report.sums())
    }
}

fn tree_of(root: &Path) -> anyhow::Result<String> {
    let hash = crate::tree::hash(root).context("git")?;
    Ok(if hash.is_empty() { "with changes".to_owned() } else { hash })
}

/// The seed of one run of one test: another for every round, and the same again from the same seed.
fn drawn(seed: u64, test: &str, round: u64) -> u64 {
    let words = [seed].into_iter().chain(test.bytes().map(u64::from)).chain([round]);
    let mixed = words.fold(0_u64, |sum, word| {
        let mixed = (sum ^ word).wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed ^ (mixed >> 31)
    });
    // Short enough to be typed.
    mixed >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_there_once_and_in_the_table_for_readers() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let page = std::fs::read_to_string(root.join("docs/faults.md")).unwrap();
        for (n, row) in ROWS.iter().enumerate() {
            assert_eq!(row.id, format!("F{:02}", n + 1));
            assert!(page.contains(&format!("| {} | {}", row.id, row.fault)), "{}", row.id);
        }
    }

    #[test]
    fn every_test_that_a_row_names_is_there() {
        let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/server");
        let mut text = String::new();
        let mut dirs = vec![server.join("src"), server.join("tests")];
        while let Some(dir) = dirs.pop() {
            for path in std::fs::read_dir(dir).unwrap().map(|it| it.unwrap().path()) {
                match path.extension() {
                    _ if path.is_dir() => dirs.push(path),
                    Some(kind) if kind == "rs" => text += &std::fs::read_to_string(path).unwrap(),
                    _ => {}
                }
            }
        }
        for name in ROWS.iter().flat_map(|row| row.also) {
            let last = name.rsplit("::").next().unwrap();
            assert!(text.contains(&format!("fn {last}(")), "{name}");
        }
    }

    #[test]
    fn seeds_differ_by_round_and_by_test_and_come_again() {
        assert_eq!(drawn(1, "a", 0), drawn(1, "a", 0));
        let all = [drawn(1, "a", 0), drawn(1, "a", 1), drawn(1, "b", 0), drawn(2, "a", 0)];
        assert_eq!(HashSet::from(all).len(), 4);
    }
}
