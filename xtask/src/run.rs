//! Runs one command: everything it prints is shown at once and kept for counting.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::Options;
use crate::count::{self, Tally};

/// What a step came to.
pub(crate) struct Report {
    pub(crate) name: &'static str,
    pub(crate) tally: Tally,
    pub(crate) took: Duration,
    /// Why it was not run, or what is wrong beside the tests.
    pub(crate) note: Option<String>,
}

impl Report {
    /// A step that was left alone, with the reason.
    pub(crate) fn not_run(name: &'static str, reason: impl Into<String>) -> Self {
        let note = Some(format!("not run: {}", reason.into()));
        Self { name, tally: Tally::SKIPPED, took: Duration::ZERO, note }
    }

    /// A step that could not even begin.
    pub(crate) fn broken(name: &'static str, reason: impl Into<String>) -> Self {
        Self { name, tally: Tally::FAILED, took: Duration::ZERO, note: Some(reason.into()) }
    }
}

/// How a command's outcome is counted.
#[derive(Clone, Copy)]
pub(crate) enum Counting {
    /// It went well or not, or said why it was not run: one.
    Whole,
    /// As its summary says. `may_be_empty`: that no test ran is not a failure.
    Summary { count: fn(&str) -> Tally, may_be_empty: bool },
}

/// Counted by its summary. That no test ran is a failure, unless only some were asked for.
pub(crate) fn summary(count: fn(&str) -> Tally, options: &Options) -> Counting {
    Counting::Summary { count, may_be_empty: options.filter.is_some() }
}

/// How many there are.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Prints a line for the person who runs this.
pub(crate) fn say(text: &str) {
    // Nobody reads a closed pipe; the exit status still tells.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Runs a command that has to go well.
///
/// # Errors
/// It cannot be started, or ends otherwise.
pub(crate) fn done(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| program.clone())?;
    ensure!(status.success(), "{program} ended with {status}");
    Ok(())
}

/// Runs a command to its end and counts.
pub(crate) fn step(name: &'static str, mut command: Command, counting: Counting) -> Report {
    say(&format!("\n== {name}"));
    let began = Instant::now();
    let (success, output) = match shown(&mut command) {
        Ok(done) => done,
        Err(error) => {
            let program = command.get_program().to_string_lossy().into_owned();
            return Report::broken(name, format!("{program}: {error}"));
        }
    };
    let (tally, note) = judge(success, &output, counting);
    Report { name, tally, took: began.elapsed(), note }
}

fn judge(success: bool, output: &str, counting: Counting) -> (Tally, Option<String>) {
    let Counting::Summary { count, may_be_empty } = counting else {
        let why = output.lines().find(|line| line.starts_with(count::NOT_RUN));
        return match why {
            _ if !success => (Tally::FAILED, None),
            Some(why) => (Tally::SKIPPED, Some(why.to_lowercase())),
            None => (Tally::PASSED, None),
        };
    };
    let mut tally = count(output);
    if !success && tally.failed == 0 {
        // A build that breaks or a runner that dies has no failing test to show for it.
        tally += Tally::FAILED;
        return (tally, Some("ended with an error outside its tests".into()));
    }
    if success && tally.total() == 0 && !may_be_empty {
        return (Tally::FAILED, Some("ran no test at all".into()));
    }
    (tally, None)
}

/// Runs a command, passing its output on line by line; whether it succeeded, and what it printed.
fn shown(command: &mut Command) -> std::io::Result<(bool, String)> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let kept = Mutex::new(String::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(|| out.map(|out| pass_on(out, &kept)));
        scope.spawn(|| err.map(|err| pass_on(err, &kept)));
    });
    let success = child.wait()?.success();
    let output = kept.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok((success, output))
}

fn pass_on(stream: impl Read, kept: &Mutex<String>) {
    let mut lines = BufReader::new(stream);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line);
        say(text.trim_end_matches('\n'));
        let mut kept = kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.push_str(&text);
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMARY: Counting = Counting::Summary { count: count::cargo, may_be_empty: false };

    #[test]
    fn a_step_that_says_why_it_was_not_run_has_not_passed_and_one_that_fails_has_failed() {
        let said = "\nNOT RUN: the image: there is no engine\n";
        let (tally, note) = judge(true, said, Counting::Whole);
        assert_eq!(tally, Tally::SKIPPED);
        assert!(note.is_some_and(|note| note.contains("no engine")));
        assert_eq!(judge(false, said, Counting::Whole).0, Tally::FAILED);
        assert_eq!(judge(true, "NOT RUNNING", Counting::Whole).0, Tally::PASSED);
    }

    #[test]
    fn a_build_that_breaks_counts_as_a_failure() {
        let (tally, note) = judge(false, "error: could not compile `anteroom`", SUMMARY);
        assert_eq!(tally, Tally::FAILED);
        assert!(note.is_some());
    }

    #[test]
    fn failing_tests_are_counted_once_each_and_not_again_for_the_exit_status() {
        let output =
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
        let (tally, note) = judge(false, output, SUMMARY);
        assert_eq!(tally, Tally { passed: 3, failed: 2, skipped: 0 });
        assert_eq!(note, None);
    }

    #[test]
    fn a_runner_that_finds_nothing_to_run_has_failed_unless_a_filter_was_given() {
        assert_eq!(judge(true, "", SUMMARY).0, Tally::FAILED);
        let filtered = Counting::Summary { count: count::cargo, may_be_empty: true };
        assert_eq!(judge(true, "", filtered).0, Tally::default());
    }

    #[test]
    fn output_of_both_streams_is_kept_and_the_exit_status_told() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; exit 3"]);
        let (success, output) = shown(&mut command).unwrap();
        assert!(!success);
        assert!(output.contains("one") && output.contains("two"));
    }

    #[test]
    fn a_program_that_is_not_there_is_a_failure_with_its_name() {
        let report = step("x", Command::new("no-such-program-here"), Counting::Whole);
        assert_eq!(report.tally, Tally::FAILED);
        assert!(report.note.unwrap().contains("no-such-program-here"));
    }
}
