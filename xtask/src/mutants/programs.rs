//! The test programs that were built with the mutants in, and running one test of one of them.

use std::collections::HashMap;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anteroom_core::mutants::{Mutant, VARIABLE};
use anyhow::{Context as _, bail};

use crate::run::say;

/// What a server process that never came up makes a test say: that kills nobody.
const NOT_STARTED: &str = "the server never said that it listens";
/// The seed of tests that draw: the same find each time.
const SEED: &str = "1";
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    /// With its first words.
    Failed(String),
    /// It had not ended in time.
    Hung,
}

/// Test programs by the name that killers go by.
pub(super) struct Programs {
    root: PathBuf,
    by_name: HashMap<String, PathBuf>,
}

/// Builds every program that a killer can be in.
///
/// # Errors
/// The build breaks.
pub(super) fn build(root: &Path) -> anyhow::Result<Programs> {
    say("== build with mutants");
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(program);
    cargo.current_dir(root).args(["test", "--no-run", "--features", "anteroom/mutants"]);
    cargo.args(["-p", "anteroom-core", "-p", "anteroom", "-p", "anteroom-proof"]);
    let out = cargo.stdin(Stdio::null()).output().context("cargo")?;
    let said = String::from_utf8_lossy(&out.stderr);
    if !out.status.success() {
        say(&said);
        bail!("the build with mutants breaks");
    }
    let by_name = said.lines().filter_map(executable).collect();
    Ok(Programs { root: root.to_owned(), by_name })
}

/// Name and path of a test program, from the line in which cargo tells it:
/// `Executable tests/it/main.rs (target/debug/deps/it-0123456789abcdef)`.
fn executable(line: &str) -> Option<(String, PathBuf)> {
    let rest = line.trim().strip_prefix("Executable ")?;
    let path = rest.split_once('(')?.1.strip_suffix(')')?;
    let file = Path::new(path).file_name()?.to_str()?;
    let name = match file.rsplit_once('-')?.0 {
        "anteroom_core" => "core",
        "anteroom" if !rest.contains("lib.rs") => return None,
        "anteroom" => "server",
        name => name,
    };
    Some((name.to_owned(), path.into()))
}

impl Programs {
    /// Runs one test alone.
    ///
    /// # Errors
    /// There is no such program or test, or a server did not even start.
    pub(super) fn test(
        &self,
        killer: &str,
        mutant: Option<Mutant>,
        patience: Duration,
    ) -> anyhow::Result<Outcome> {
        let (program, test) = killer.split_once('/').context("a killer is program/test")?;
        let path = self.by_name.get(program).with_context(|| format!("no program {program}"))?;
        let mut command = Command::new(self.root.join(path));
        // Where cargo runs them, so that they find the files beside them.
        command.current_dir(self.root.join(home(program))).env_remove(VARIABLE);
        command.args(["--exact", test, "--nocapture"]).env("ANTEROOM_SEED", SEED);
        if let Some(mutant) = mutant {
            command.env(VARIABLE, mutant.name());
        }
        command.env("RUST_BACKTRACE", "0").stdin(Stdio::null());
        // A group of its own, so that the servers a hanging test started end with it.
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn()?;
        let Some((success, said)) = ended_within(child, patience)? else {
            return Ok(Outcome::Hung);
        };
        if !said.contains("running 1 test") {
            bail!("{killer} is no test, or more than one");
        }
        if said.contains(NOT_STARTED) {
            bail!("{killer}: {NOT_STARTED}");
        }
        Ok(if success { Outcome::Passed } else { Outcome::Failed(first_words(&said)) })
    }
}

fn home(program: &str) -> &'static str {
    match program {
        "core" | "registry" => "crates/core",
        "server" | "it" | "log" => "crates/server",
        _ => "crates/proof",
    }
}

/// Ends a program and the servers it started.
fn end_group(child: &Child) -> anyhow::Result<()> {
    let group = format!("kill -KILL -{}", child.id());
    anyhow::ensure!(Command::new("sh").args(["-c", &group]).status()?.success(), "kill");
    Ok(())
}

/// Waits for the end; whether it went well and what was said. `None`: it was ended.
fn ended_within(mut child: Child, patience: Duration) -> anyhow::Result<Option<(bool, String)>> {
    let began = Instant::now();
    let (out, err) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        let out = scope.spawn(|| read_all(out));
        let err = scope.spawn(|| read_all(err));
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if began.elapsed() >= patience {
                end_group(&child)?;
                child.wait()?;
                return Ok(None);
            }
            pause();
        };
        let mut said = out.join().unwrap_or_default();
        said.push_str(&err.join().unwrap_or_default());
        Ok(Some((status.success(), said)))
    })
}

#[expect(clippy::disallowed_methods, reason = "the standard library waits for a child without end")]
fn pause() {
    std::thread::sleep(LOOK_AGAIN);
}

fn read_all(stream: Option<impl std::io::Read>) -> String {
    let mut all = Vec::new();
    // What was read before a fault is what there is to tell.
    let _ = stream.map(|mut stream| stream.read_to_end(&mut all));
    String::from_utf8_lossy(&all).into_owned()
}

/// What the test's panic says, on one line.
fn first_words(said: &str) -> String {
    let mut lines = said.lines().skip_while(|line| !line.contains("panicked at"));
    let place = lines.next().and_then(|line| line.split_once("panicked at ")).unwrap_or_default().1;
    let words: Vec<&str> = lines.take(3).map(str::trim).take_while(|it| !it.is_empty()).collect();
    let words: String = words.join(" | ").chars().take(160).collect();
    format!("{} {words}", place.trim_end_matches(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_programs_are_found_in_what_cargo_says() {
        let named = |line| executable(line).map(|(name, _)| name);
        let it = "  Executable tests/it/main.rs (target/debug/deps/it-0123456789abcdef)";
        assert_eq!(named(it).as_deref(), Some("it"));
        let core = "  Executable unittests src/lib.rs (target/debug/deps/anteroom_core-0123)";
        assert_eq!(named(core).as_deref(), Some("core"));
        let server = "  Executable unittests src/lib.rs (target/debug/deps/anteroom-0123)";
        assert_eq!(named(server).as_deref(), Some("server"));
        let main = "  Executable unittests src/main.rs (target/debug/deps/anteroom-4567)";
        assert_eq!(named(main), None);
        assert_eq!(named("   Compiling anteroom v0.1.0 (/somewhere)"), None);
    }

    #[test]
    fn the_first_panic_is_told_with_its_place() {
        let said = "running 1 test\n\nthread 'a' panicked at crates/x.rs:1:2:\nassertion failed\n  \
                    left: 1\n right: 2\nnote: run with\n";
        assert_eq!(first_words(said), "crates/x.rs:1:2 assertion failed | left: 1 | right: 2");
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let mut endless = Command::new("sh");
        endless.args(["-c", "while :; do read x || exec tail -f /dev/null; done"]);
        endless.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let ended = ended_within(endless.spawn().unwrap(), Duration::from_millis(50)).unwrap();
        assert_eq!(ended, None);
    }
}
