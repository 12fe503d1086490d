//! The tests of the rows, and one run of one of them.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::count::NOT_RUN;

use super::rows::{ROWS, Row};

/// What the line of a round begins with.
const LINE: &str = "FAULT ";
/// A test that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(600);
/// How often a running test is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// So much of what a failed test said is kept.
const TAIL_LINES: usize = 60;

/// One test of a row.
#[derive(Clone, Debug)]
pub(super) struct Test {
    pub(super) name: String,
    program: PathBuf,
    dir: PathBuf,
}

/// What a round says of itself at its end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Round {
    pub(super) injections: u64,
    pub(super) reservations: u64,
    pub(super) acknowledged: u64,
    pub(super) checks: Vec<String>,
}

/// How a run of a test went.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub(super) enum Outcome {
    Pass { round: Option<Round> },
    NotRun { why: String },
    Fail { said: String },
}

/// Builds the programs with the tests and finds those of each row.
///
/// # Errors
/// The build breaks, or a test that a row names is not there.
pub(super) fn find(
    root: &Path,
    profile: &str,
) -> anyhow::Result<BTreeMap<&'static str, Vec<Test>>> {
    let mut all = Vec::new();
    let dir = root.join("crates/server");
    for program in build(root, profile)? {
        let out = Command::new(&program).arg("--list").output().context("a test program")?;
        let listed = String::from_utf8_lossy(&out.stdout).into_owned();
        all.extend(listed.lines().filter_map(|line| line.strip_suffix(": test")).map(|name| {
            Test { name: name.to_owned(), program: program.clone(), dir: dir.clone() }
        }));
    }
    ROWS.iter().map(|row| Ok((row.id, of_row(row, &all)?))).collect()
}

fn build(root: &Path, profile: &str) -> anyhow::Result<Vec<PathBuf>> {
    let arguments =
        ["test", "-p", "anteroom", "--lib", "--test", "it", "--no-run", "--profile", profile];
    let out =
        crate::build::cargo(root, &arguments).stdin(Stdio::null()).output().context("cargo")?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    if !out.status.success() {
        bail!("the build breaks:\n{said}");
    }
    let programs: Vec<PathBuf> = said
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Executable "))
        .filter_map(|line| Some(root.join(line.split_once('(')?.1.strip_suffix(')')?)))
        .collect();
    anyhow::ensure!(programs.len() == 2, "cargo named {} test programs", programs.len());
    Ok(programs)
}

/// The tests that have the row's number, and those that the row names.
fn of_row(row: &Row, all: &[Test]) -> anyhow::Result<Vec<Test>> {
    let number = format!("{}_", row.id.to_lowercase());
    let is_numbered =
        |test: &&Test| test.name.rsplit("::").next().is_some_and(|last| last.starts_with(&number));
    let mut tests: Vec<Test> = all.iter().filter(is_numbered).cloned().collect();
    for name in row.also {
        let found = all.iter().find(|test| test.name == *name);
        tests.push(found.with_context(|| format!("{}: no test {name}", row.id))?.clone());
    }
    Ok(tests)
}

impl Test {
    /// Runs it with that seed.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn run(&self, seed: u64) -> anyhow::Result<Outcome> {
        let mut command = Command::new(&self.program);
        command.args(["--exact", &self.name, "--include-ignored", "--nocapture"]);
        command.current_dir(&self.dir).env("ANTEROOM_FAULT_SEED", seed.to_string());
        command.env("RUST_BACKTRACE", "0");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // With a group of its own, so that what it has started goes with it.
        let mut child = command.process_group(0).spawn().context("a test")?;
        let out = child.stdout.take().context("its words")?;
        let err = child.stderr.take().context("its words")?;
        let read = |mut from: Box<dyn std::io::Read + Send>| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                // What was read before it broke is what it said.
                let _ = from.read_to_end(&mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            })
        };
        let (out, err) = (read(Box::new(out)), read(Box::new(err)));
        let ended = wait(&mut child)?;
        let said = |it: std::thread::JoinHandle<String>| it.join().unwrap_or_default();
        Ok(judge(ended, &said(out), &said(err)))
    }
}

/// Whether it succeeded; `None` when it had to be ended.
fn wait(child: &mut Child) -> anyhow::Result<Option<bool>> {
    let until = Instant::now() + LONGEST;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if Instant::now() > until {
            Command::new("sh").args(["-c", &format!("kill -KILL -- -{}", child.id())]).status()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::park_timeout(LOOK);
    }
}

fn judge(ended: Option<bool>, out: &str, err: &str) -> Outcome {
    let round = out.lines().find_map(|line| {
        let json = line.split_once(LINE)?.1;
        serde_json::from_str::<Round>(json).ok()
    });
    let why = err.lines().chain(out.lines()).find_map(|line| line.strip_prefix(NOT_RUN));
    // A name that no test has passes without running anything.
    match (ended, why) {
        (Some(true), Some(why)) => Outcome::NotRun { why: why.to_owned() },
        (Some(true), None) if out.contains("test result: ok. 1 passed") => Outcome::Pass { round },
        (None, _) => Outcome::Fail { said: format!("it hung for {LONGEST:?}\n{}", tail(out, err)) },
        _ => Outcome::Fail { said: tail(out, err) },
    }
}

fn tail(out: &str, err: &str) -> String {
    let lines: Vec<&str> = out.lines().chain(err.lines()).collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &str = "test result: ok. 1 passed; 0 failed; 0 ignored";

    #[test]
    fn a_round_is_read_where_there_is_one() {
        let line = r#"FAULT {"row":"F02","seed":1,"injections":3,"reservations":9,"acknowledged":70,
            "checks":["K-cap"],"verdict":"pass"}"#;
        let out = format!("{}\n{OK}", line.replace('\n', ""));
        let Outcome::Pass { round: Some(round) } = judge(Some(true), &out, "") else { panic!() };
        assert_eq!((round.injections, round.acknowledged), (3, 70));
        assert!(matches!(judge(Some(true), OK, ""), Outcome::Pass { round: None }));
    }

    #[test]
    fn what_was_not_run_never_passes_and_neither_does_nothing() {
        let err = "\nNOT RUN: f43_x: ip: not permitted\n";
        assert!(matches!(judge(Some(true), OK, err), Outcome::NotRun { .. }));
        let none = "test result: ok. 0 passed; 0 failed; 0 ignored";
        assert!(matches!(judge(Some(true), none, ""), Outcome::Fail { .. }));
        assert!(matches!(judge(Some(false), OK, err), Outcome::Fail { .. }));
        assert!(matches!(judge(None, OK, ""), Outcome::Fail { .. }));
    }

    #[test]
    fn a_row_has_the_tests_of_its_number_and_those_it_names_and_none_that_is_gone() {
        let test = |name: &str| Test { name: name.into(), program: "".into(), dir: "".into() };
        let all = [test("a::f02_x"), test("a::f021_y"), test("f03_z"), test("b::other")];
        let row = |also| Row { id: "F02", fault: "", also, missing: "" };
        let names = |row: &Row| -> Vec<String> {
            of_row(row, &all).unwrap().into_iter().map(|it| it.name).collect()
        };
        assert_eq!(names(&row(&["b::other"])), ["a::f02_x", "b::other"]);
        assert!(of_row(&row(&["b::gone"]), &all).is_err());
    }
}
