//! The exhaustive model, shard by shard: what was searched to its end is remembered.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use anteroom_proof::exhaustive::{LONG, Order, Outcome, Scope, search};
use serde_json::{Value, json};

use crate::args::ModelRun;
use crate::report::{self, Progress};

/// Searches the worlds of a shard, reports, and answers whether everything held.
///
/// # Errors
/// The state file cannot be read or written.
pub(crate) fn run(run: &ModelRun) -> io::Result<bool> {
    let mut done = Done::read(run.state.as_deref())?;
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mut progress = Progress::new();
    let mut sum = Sum::default();
    let (k, n) = run.shard;
    for scope in LONG.iter().skip(k - 1).step_by(n) {
        if run.only.as_ref().is_some_and(|words| !scope.name.contains(words.as_str())) {
            continue;
        }
        if let Some(unique) = done.unique(scope) {
            report::note(&format!("{}: searched before, {unique} states", scope.name));
            sum.states += unique;
            sum.remembered += 1;
            continue;
        }
        let limit = Duration::from_secs(run.max_seconds);
        let left = limit.saturating_sub(Duration::from_secs_f64(progress.seconds()));
        if left.is_zero() {
            sum.unfinished.push(scope.name);
            continue;
        }
        let outcome = search(*scope, Order::Deepest, threads, left, &mut |states| {
            progress.now_and_then(|seconds| {
                format!("{}: {states} states so far, {seconds:.0} s", scope.name)
            });
        });
        sum.add(&outcome);
        if outcome.holds() {
            done.write(scope, &outcome)?;
        }
    }
    sum.say(run, progress.seconds());
    Ok(sum.broken.is_empty())
}

#[derive(Default)]
struct Sum {
    states: u64,
    searched: u64,
    steps: u64,
    seconds: f64,
    remembered: u64,
    completed: u64,
    unfinished: Vec<&'static str>,
    broken: Vec<String>,
}

impl Sum {
    fn add(&mut self, outcome: &Outcome) {
        let Outcome { name, unique, generated, depth, took, .. } = outcome;
        let seconds = took.as_secs_f64();
        let how = if outcome.is_complete { "complete" } else { "not finished" };
        report::note(&format!(
            "{name}: {unique} states, {generated} steps, depth {depth}, {seconds:.1} s, {how}"
        ));
        self.states += *unique as u64;
        self.searched += *unique as u64;
        self.steps += *generated as u64;
        self.seconds += seconds;
        self.completed += u64::from(outcome.is_complete);
        if !outcome.is_complete {
            self.unfinished.push(outcome.name);
        }
        for way in &outcome.broken {
            report::note(&format!("{name}: {way}"));
            self.broken.push(format!("{name}: {}", way.lines().next().unwrap_or_default()));
        }
        if outcome.is_complete && outcome.broken.is_empty() {
            let missed = outcome.missed.iter().map(|it| format!("{name}: never {it}"));
            self.broken.extend(missed);
        }
    }

    fn say(&self, run: &ModelRun, seconds: f64) {
        let per_second = (self.searched as f64 / self.seconds.max(1e-9)).round();
        report::answer(&json!({
            "machine": "model", "holds": self.broken.is_empty(),
            "shard": format!("{}/{}", run.shard.0, run.shard.1), "seconds": seconds,
            "states": self.states, "steps": self.steps, "states_per_second": per_second,
            "completed": self.completed, "remembered": self.remembered,
            "unfinished": self.unfinished, "broken": self.broken,
        }));
    }
}

/// What this very program searched to its end, one line of JSON for each world.
struct Done<'a> {
    path: Option<&'a Path>,
    program: String,
    lines: Vec<Value>,
}

impl<'a> Done<'a> {
    fn read(path: Option<&'a Path>) -> io::Result<Self> {
        let text = match path.map(fs::read_to_string) {
            None => String::new(),
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Some(read) => read?,
        };
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let mut hasher = DefaultHasher::new();
        fs::read(std::env::current_exe()?)?.hash(&mut hasher);
        Ok(Self { path, program: format!("{:016x}", hasher.finish()), lines })
    }

    fn unique(&self, scope: &Scope) -> Option<u64> {
        let of_scope = |line: &&Value| {
            line["program"] == self.program.as_str() && line["bounds"] == format!("{scope:?}")
        };
        self.lines.iter().find(of_scope)?["states"].as_u64()
    }

    fn write(&mut self, scope: &Scope, outcome: &Outcome) -> io::Result<()> {
        let Some(path) = self.path else { return Ok(()) };
        let line = json!({
            "program": self.program, "bounds": format!("{scope:?}"), "states": outcome.unique,
            "steps": outcome.generated, "seconds": outcome.took.as_secs_f64(),
        });
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
        writeln!(file, "{line}")
    }
}
