//! `cargo xtask fuzz`: every fuzz target for some seconds, from the inputs that are kept.
//!
//! The targets are one program (`fuzz/`, a workspace of its own) with libFuzzer in it; nothing has to be installed but
//! a C++ compiler. What a run finds worth keeping goes to `target/fuzz`, and from there, with `--keep`, the smallest set
//! that takes the same ways to `fuzz/corpus`, which is committed. An input that breaks something is left in
//! `fuzz/artifacts`.

mod outcome;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::Options;
use crate::build::{cargo, target};
use crate::count::Tally;
use crate::run::{Report, say};
use outcome::Outcome;

/// The step's name.
const NAME: &str = "fuzz";
/// Where kept inputs lie, a directory for each target.
const CORPUS: &str = "fuzz/corpus";
/// Where inputs lie that broke something.
const ARTIFACTS: &str = "fuzz/artifacts";
/// How many targets run at once, where there are so many processors.
const AT_ONCE: usize = 2;
/// The longest input, in bytes: what is to be found is found in small ones.
const BYTES_MAX: u32 = 2_048;
/// The longest kept input, in bytes.
const KEPT_BYTES_MAX: u32 = 512;
/// So many are kept of one target, the largest first: they take the most ways.
const KEPT_MAX: usize = 80;
/// An input may take so many seconds.
const TIMEOUT: u32 = 10;
/// And so much memory, in MiB.
const MEMORY: u32 = 1_024;

/// Which targets, for how long.
#[derive(Args, Clone, Debug)]
pub(crate) struct Wanted {
    /// Seconds for each target.
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Only these targets, as `frames,tokens`.
    #[arg(long, value_delimiter = ',')]
    target: Vec<String>,
    /// Give one target this input, once, and nothing else.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Keep what was found: the smallest set of inputs that takes the same ways replaces the kept ones.
    #[arg(long)]
    keep: bool,
}

/// As a step of the tests.
pub(crate) fn report(root: &Path, options: &Options) -> Report {
    if options.filter.is_some() || options.quick {
        return Report::not_run(NAME, "by hand: cargo xtask fuzz");
    }
    say(&format!("\n== {NAME}"));
    let began = Instant::now();
    let wanted = Wanted { seconds: 20, target: Vec::new(), input: None, keep: false };
    match run(root, &wanted) {
        Ok(tally) => Report { name: NAME, tally, took: began.elapsed(), note: None },
        Err(error) => Report::broken(NAME, format!("{error:#}")),
    }
}

/// Runs what is wanted. Answers how many targets held, and how many did not.
///
/// # Errors
/// The program does not build, or there is no such target.
pub(crate) fn run(root: &Path, wanted: &Wanted) -> anyhow::Result<Tally> {
    let all = targets(root)?;
    for name in &wanted.target {
        ensure!(all.contains(name), "there is no target {name}, only {}", all.join(", "));
    }
    let is_wanted = |it: &&String| wanted.target.is_empty() || wanted.target.contains(it);
    let chosen: Vec<&String> = all.iter().filter(is_wanted).collect();
    let fuzzer = Fuzzer { root, program: built(root)?, seconds: wanted.seconds };
    if let Some(input) = &wanted.input {
        let [target] = &chosen[..] else { anyhow::bail!("--input needs one --target") };
        return fuzzer.once(target, input);
    }
    let began = Instant::now();
    let tally = fuzzer.all(&chosen)?;
    if wanted.keep && tally.failed == 0 {
        chosen.iter().try_for_each(|target| fuzzer.keep(target))?;
    }
    say(&format!("{} targets in {:.0} s: {tally}", chosen.len(), began.elapsed().as_secs_f64()));
    Ok(tally)
}

/// The names of all targets: each has a corpus.
fn targets(root: &Path) -> anyhow::Result<Vec<String>> {
    let dir = root.join(CORPUS);
    let entries = std::fs::read_dir(&dir).with_context(|| dir.display().to_string())?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

/// Builds the program. Only our own crates are built anew: see `fuzz/rustc.sh`.
fn built(root: &Path) -> anyhow::Result<PathBuf> {
    let (from, to) = (root.join("Cargo.lock"), root.join("fuzz/Cargo.lock"));
    let changed = |path: &Path| path.metadata().and_then(|file| file.modified()).ok();
    if changed(&to) < changed(&from) {
        std::fs::copy(&from, &to).with_context(|| to.display().to_string())?;
    }
    let target = target(root);
    let mut build = cargo(root, &["build", "--manifest-path", "fuzz/Cargo.toml"]);
    build.env("CARGO_TARGET_DIR", &target).env("RUSTC_WRAPPER", root.join("fuzz/rustc.sh"));
    ensure!(build.status().context("cargo")?.success(), "the targets do not build");
    Ok(target.join("debug/anteroom-fuzz"))
}

struct Fuzzer<'r> {
    root: &'r Path,
    program: PathBuf,
    seconds: u32,
}

impl Fuzzer<'_> {
    fn all(&self, targets: &[&String]) -> anyhow::Result<Tally> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let waiting = Mutex::new(targets.iter());
        let sum = Mutex::new(Ok(Tally::default()));
        let next = || waiting.lock().ok().and_then(|mut waiting| waiting.next());
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE.min(cores) {
                scope.spawn(|| {
                    while let Some(target) = next() {
                        let tally = self.one(target);
                        let Ok(mut sum) = sum.lock() else { return };
                        match (&mut *sum, tally) {
                            (Ok(sum), Ok(tally)) => *sum += tally,
                            (sum, Err(error)) => *sum = Err(error),
                            (Err(_), Ok(_)) => {}
                        }
                    }
                });
            }
        });
        sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// libFuzzer on one target, with these inputs and options.
    fn command(&self, target: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(self.root).env("ANTEROOM_FUZZ", target);
        command.args([format!("-timeout={TIMEOUT}"), format!("-rss_limit_mb={MEMORY}")]);
        command
    }

    fn found(&self, target: &str) -> anyhow::Result<PathBuf> {
        let dir = crate::build::target(self.root).join("fuzz").join(target);
        std::fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
        Ok(dir)
    }

    fn one(&self, target: &str) -> anyhow::Result<Tally> {
        let found = self.found(target)?;
        std::fs::create_dir_all(self.root.join(ARTIFACTS)).context(ARTIFACTS)?;
        let mut command = self.command(target);
        command.args([
            format!("-max_total_time={}", self.seconds),
            format!("-max_len={BYTES_MAX}"),
            format!("-artifact_prefix={ARTIFACTS}/{target}-"),
            "-print_final_stats=1".to_owned(),
        ]);
        command.arg(found).arg(format!("{CORPUS}/{target}"));
        let began = Instant::now();
        let out = command.output().with_context(|| self.program.display().to_string())?;
        let outcome = Outcome::of(&String::from_utf8_lossy(&out.stderr));
        Ok(judged(target, out.status.success(), &outcome, began.elapsed()))
    }

    /// Gives a target one input.
    fn once(&self, target: &str, input: &Path) -> anyhow::Result<Tally> {
        let status = self.command(target).arg(input).status().context("the target")?;
        Ok(if status.success() { Tally::PASSED } else { Tally::FAILED })
    }

    /// Replaces the kept inputs by the smallest set that takes all ways which they and the found ones take.
    fn keep(&self, target: &str) -> anyhow::Result<()> {
        let found = self.found(target)?;
        let kept = self.root.join(CORPUS).join(target);
        let fresh = found.with_extension("fresh");
        let _ = std::fs::remove_dir_all(&fresh);
        std::fs::create_dir(&fresh).with_context(|| fresh.display().to_string())?;
        let mut merge = self.command(target);
        // Ways alone count, not how often each was taken: some tens of inputs and not hundreds.
        merge.args(["-set_cover_merge=1", "-use_counters=0"]);
        merge.arg(format!("-max_len={KEPT_BYTES_MAX}"));
        let out = merge.arg(&fresh).arg(&kept).arg(&found).output().context("the merge")?;
        ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        std::fs::remove_dir_all(&kept).context("the kept ones")?;
        std::fs::create_dir(&kept).context("the kept ones")?;
        let mut files: Vec<_> = std::fs::read_dir(&fresh)?.flatten().collect();
        files.sort_by_key(|file| std::cmp::Reverse(file.metadata().map_or(0, |it| it.len())));
        files.truncate(KEPT_MAX);
        for file in &files {
            std::fs::copy(file.path(), kept.join(file.file_name())).context("a kept one")?;
        }
        std::fs::remove_dir_all(&fresh).context("the copies")?;
        say(&format!("{target}: {} inputs kept", files.len()));
        Ok(())
    }
}

fn judged(target: &str, is_good: bool, outcome: &Outcome, took: Duration) -> Tally {
    let Outcome { executions, coverage, corpus, .. } = outcome;
    let each = *executions / took.as_secs().max(1);
    let word = if is_good { "holds" } else { "FAILS" };
    say(&format!(
        "{target:<14} {word}  {executions:>9} executions ({each:>6} a second), {coverage:>5} ways, {corpus:>5} inputs"
    ));
    if is_good && *executions > 0 {
        return Tally::PASSED;
    }
    outcome.words.iter().for_each(|line| say(&format!("    {line}")));
    if let Some(artifact) = &outcome.artifact {
        let artifact = artifact.display();
        say(&format!(
            "    again: cargo xtask fuzz --target {target} --input {artifact}\n    \
             to keep it: a test with its bytes beside the code that is at fault, and a copy of it, named after \
             the fault, in {CORPUS}/{target}"
        ));
    }
    Tally::FAILED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_corpus_and_every_corpus_a_target() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let text = std::fs::read_to_string(root.join("fuzz/src/targets/mod.rs")).unwrap();
        let mut named: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("(\"")?.split_once('"'))
            .map(|(name, _)| name)
            .collect();
        named.sort_unstable();
        assert!(named.len() > 10, "they are found");
        assert_eq!(targets(&root).unwrap(), named);
        for name in named {
            let dir = root.join(CORPUS).join(name);
            let sizes =
                std::fs::read_dir(dir).unwrap().map(|it| it.unwrap().metadata().unwrap().len());
            let sizes: Vec<u64> = sizes.collect();
            assert!((1..=KEPT_MAX).contains(&sizes.len()), "{name} keeps {} inputs", sizes.len());
            assert!(sizes.iter().all(|size| *size <= u64::from(BYTES_MAX)), "{name}: {sizes:?}");
        }
    }

    #[test]
    fn a_target_that_was_never_called_has_not_held() {
        let outcome = Outcome::default();
        assert_eq!(judged("x", true, &outcome, Duration::from_secs(1)), Tally::FAILED);
    }
}
