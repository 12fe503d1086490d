//! What was seen of every row, as a page to read and as JSON.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use super::rows::Row;
use super::suite::Outcome;

/// A run that did not hold.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Failure {
    pub(super) test: String,
    pub(super) seed: u64,
    pub(super) said: String,
}

/// What was seen of a row.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Seen {
    pub(super) row: &'static str,
    pub(super) fault: &'static str,
    /// How many tests it has.
    pub(super) tests: usize,
    pub(super) runs: u64,
    pub(super) injections: u64,
    pub(super) reservations: u64,
    pub(super) acknowledged: u64,
    pub(super) checks: BTreeSet<String>,
    pub(super) failures: Vec<Failure>,
    /// What could not be run, and why.
    pub(super) not_run: BTreeSet<String>,
}

impl Seen {
    pub(super) fn of(row: &Row, tests: usize) -> Self {
        let mut seen = Self { row: row.id, fault: row.fault, tests, ..Self::default() };
        if tests == 0 {
            seen.not_run.insert(row.missing.to_owned());
        }
        seen
    }

    pub(super) fn add(&mut self, test: &str, seed: u64, outcome: Outcome) {
        match outcome {
            Outcome::NotRun { why } => {
                self.not_run.insert(why);
                return;
            }
            Outcome::Pass { round } => {
                let round = round.unwrap_or_default();
                self.injections += round.injections;
                self.reservations += round.reservations;
                self.acknowledged += round.acknowledged;
                self.checks.extend(round.checks);
            }
            Outcome::Fail { said } => {
                self.failures.push(Failure { test: test.to_owned(), seed, said });
            }
        }
        self.runs += 1;
    }

    fn verdict(&self) -> String {
        let runs = self.runs;
        match self.failures.len() {
            0 if runs > 0 => "pass".to_owned(),
            0 if self.not_run.is_empty() => "not run: the time was over".to_owned(),
            0 => {
                let why: Vec<&str> = self.not_run.iter().map(String::as_str).collect();
                format!("not run: {}", why.join("; "))
            }
            failed => format!("**FAIL** {failed} of {runs}"),
        }
    }
}

/// What the run was.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report<'s> {
    pub(super) tree: String,
    pub(super) profile: &'s str,
    pub(super) seed: u64,
    pub(super) seconds: u64,
    pub(super) cores: usize,
    pub(super) rows: &'s [Seen],
}

impl Report<'_> {
    /// Writes both files into the directory.
    ///
    /// # Errors
    /// They cannot be written.
    pub(super) fn write(&self, dir: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        std::fs::write(dir.join("report.md"), self.page())?;
        std::fs::write(dir.join("report.json"), serde_json::to_vec_pretty(self)?)?;
        Ok(())
    }

    pub(super) fn sums(&self) -> String {
        let sum = |of: fn(&Seen) -> u64| self.rows.iter().map(of).sum::<u64>();
        let count = |of: fn(&&Seen) -> bool| self.rows.iter().filter(of).count();
        format!(
            "{} rows held, {} failed, {} not run; {} runs, {} injections, {} reservations, {} \
             acknowledged messages",
            count(|it| it.runs > 0 && it.failures.is_empty()),
            count(|it| !it.failures.is_empty()),
            count(|it| it.runs == 0),
            sum(|it| it.runs),
            sum(|it| it.injections),
            sum(|it| it.reservations),
            sum(|it| it.acknowledged),
        )
    }

    fn page(&self) -> String {
        let mut page = format!(
            "# Faults\n\nSeed {}, {} s, profile {}, {} cores, tree {}.\n\n{}.\n\n\
             | | fault | tests | runs | injections | reservations | acknowledged | judges | verdict |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
            self.seed,
            self.seconds,
            self.profile,
            self.cores,
            self.tree,
            self.sums()
        );
        for seen in self.rows {
            let judges: Vec<&str> = seen.checks.iter().map(String::as_str).collect();
            // Writing to a text cannot fail.
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                seen.row,
                seen.fault,
                seen.tests,
                seen.runs,
                seen.injections,
                seen.reservations,
                seen.acknowledged,
                judges.join(" "),
                seen.verdict()
            );
        }
        let failures = self.rows.iter().flat_map(|seen| &seen.failures);
        for Failure { test, seed, said } in failures {
            let _ = writeln!(
                page,
                "\n## {test}\n\n```sh\nANTEROOM_FAULT_SEED={seed} cargo test -p anteroom -- \
                 --include-ignored --exact {test}\n```\n\n```\n{said}\n```"
            );
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::ROWS;
    use super::*;

    #[test]
    fn what_failed_is_told_with_its_seed_and_what_was_not_run_never_passes() {
        let mut failed = Seen::of(&ROWS[0], 2);
        failed.add("a::f01_x", 7, Outcome::Pass { round: None });
        failed.add("a::f01_y", 8, Outcome::Fail { said: "overfull".into() });
        let mut not_run = Seen::of(&ROWS[1], 1);
        not_run.add("f02_x", 9, Outcome::NotRun { why: "no strace".into() });
        let rows = [failed, not_run, Seen::of(&ROWS[2], 0)];
        let report =
            Report { tree: "x".into(), profile: "dev", seed: 1, seconds: 2, cores: 2, rows: &rows };
        let page = report.page();
        assert!(page.contains("**FAIL** 1 of 2") && page.contains("SEED=8 "), "{page}");
        assert!(page.contains("not run: no strace"));
        assert!(report.sums().starts_with("0 rows held, 1 failed, 2 not run; 2 runs"));
    }
}
