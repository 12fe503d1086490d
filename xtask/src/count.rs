//! Adds up what the test runners say in their own summaries.
//!
//! Only lines a runner prints itself are read (`test result:` of libtest, `# pass` or `ℹ pass` of
//! Node), so a test's own output cannot change the sum.

use std::fmt;
use std::ops::AddAssign;

/// Outcomes of tests, or of whole steps that have no tests inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
}

impl Tally {
    /// One thing that went well.
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
    /// One thing that did not.
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1, skipped: 0 };
    /// One thing that was not tried.
    pub(crate) const SKIPPED: Self = Self { passed: 0, failed: 0, skipped: 1 };

    /// How many outcomes there are in all.
    pub(crate) fn total(self) -> u32 {
        self.passed + self.failed + self.skipped
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// What the line of a test of ours begins with that says, to those who run it, that the machine does not allow it.
/// Its runner takes it for passed.
pub(crate) const NOT_RUN: &str = "NOT RUN: ";

/// The sum of every `test result:` line of `cargo test`, doc tests included. A test that said that it was
/// not run was skipped.
pub(crate) fn cargo(output: &str) -> Tally {
    let mut sum = Tally::default();
    let not_run = output.lines().filter(|line| line.starts_with(NOT_RUN)).count();
    for line in output.lines().filter_map(|line| line.trim().strip_prefix("test result:")) {
        for part in line.split(['.', ';']) {
            let mut words = part.split_whitespace();
            let Some(number) = words.next().and_then(|word| word.parse::<u32>().ok()) else {
                continue;
            };
            match words.next() {
                Some("passed") => sum.passed += number,
                Some("failed") => sum.failed += number,
                Some("ignored") => sum.skipped += number,
                _ => {}
            }
        }
    }
    let not_run = u32::try_from(not_run).unwrap_or(u32::MAX).min(sum.passed);
    sum.passed -= not_run;
    sum.skipped += not_run;
    sum
}

/// The summary of `node --test`, as its `tap` and its `spec` reporter print it.
pub(crate) fn node(output: &str) -> Tally {
    let mut sum = Tally::default();
    for line in output.lines() {
        let Some(rest) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) else {
            continue;
        };
        let Some((name, number)) = rest.trim().split_once(' ') else { continue };
        let Ok(number) = number.parse::<u32>() else { continue };
        match name {
            "pass" => sum.passed += number,
            // A cancelled test is one that never ended: not a thing to pass over.
            "fail" | "cancelled" => sum.failed += number,
            "skipped" | "todo" => sum.skipped += number,
            _ => {}
        }
    }
    sum
}

/// The summaries of Schemathesis: operations that were tested, and faults that were found.
pub(crate) fn schemathesis(output: &str) -> Tally {
    let mut sum = Tally::default();
    let mut tested = 0;
    for line in output.lines() {
        if let Some(number) = line.strip_prefix("  Tested: ") {
            tested += number.trim().parse().unwrap_or(0);
        }
        let Some(rest) = line.strip_prefix("=====") else { continue };
        for part in rest.trim_matches(['=', ' ']).split(", ") {
            let Some((number, what)) = part.split_once(' ') else { continue };
            if what.starts_with("failure") || what.starts_with("error") {
                sum.failed += number.parse().unwrap_or(1);
            }
        }
    }
    // A fault is one operation that is not as it should be, or more faults of the same.
    sum.passed = u32::saturating_sub(tested, sum.failed);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: u32, failed: u32, skipped: u32) -> Tally {
        Tally { passed, failed, skipped }
    }

    #[test]
    fn every_test_binary_of_cargo_is_added_up() {
        let output = "\
running 5 tests
test seat::tests::a ... ok
test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

   Doc-tests anteroom_core
test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 3 filtered out; finished in 1.23s
";
        assert_eq!(cargo(output), tally(14, 2, 1));
    }

    #[test]
    fn colours_and_measured_or_filtered_tests_do_not_count() {
        let output = "test result: \u{1b}[32mok\u{1b}[m. 7 passed; 0 failed; 0 ignored; 9 measured; \
                      8 filtered out; finished in 0.01s";
        assert_eq!(cargo(output), tally(7, 0, 0));
    }

    #[test]
    fn what_a_test_says_about_results_is_not_a_result() {
        assert_eq!(cargo("it said: test result: ok. 9 passed; 0 failed"), Tally::default());
        assert_eq!(node("the room: # pass 9\n  # pass 4"), Tally::default());
        assert_eq!(cargo("error: could not compile `anteroom`"), Tally::default());
    }

    #[test]
    fn a_test_that_was_not_run_did_not_pass() {
        let output = "\nNOT RUN: f43_x: ip: not permitted\n\ntest f43_x ... ok\n\
                      test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out";
        assert_eq!(cargo(output), tally(2, 0, 2));
    }

    #[test]
    fn both_reporters_of_node_are_understood() {
        let tap = "1..2\n# tests 6\n# suites 1\n# pass 3\n# fail 1\n# cancelled 1\n# skipped 1\n\
                   # todo 0\n# duration_ms 12.5\n";
        assert_eq!(node(tap), tally(3, 2, 1));
        let spec = "✔ walks in (12.5ms)\nℹ tests 1\nℹ pass 1\nℹ fail 0\nℹ cancelled 0\n";
        assert_eq!(node(spec), tally(1, 0, 0));
    }

    #[test]
    fn tested_operations_of_each_run_are_added_up_and_faults_are_failures() {
        let good = "API Operations:\n  Selected: 33/46\n  Tested: 33\n\n\
                    ================ No issues found in 20.10s ================\n\
                    API Operations:\n  Selected: 13/46\n  Tested: 13\n";
        assert_eq!(schemathesis(good), tally(46, 0, 0));
        let bad = "  Tested: 41\n====================== 10 failures, 2 warnings in 33.78s =====";
        assert_eq!(schemathesis(bad), tally(31, 10, 0));
        assert_eq!(schemathesis("it said:   Tested: 9"), Tally::default());
    }

    #[test]
    fn the_last_line_names_skipped_only_when_there_are_some() {
        assert_eq!(tally(3, 0, 0).to_string(), "3 passed, 0 failed");
        assert_eq!(tally(3, 1, 2).to_string(), "3 passed, 1 failed, 2 skipped");
    }
}
