//! What a run of libFuzzer says about itself.

use std::path::PathBuf;

/// What one target came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// How often it was called.
    pub(super) executions: u64,
    /// Ways through the code that were taken, of those that are counted.
    pub(super) coverage: u64,
    /// Inputs at the end, each with something of its own.
    pub(super) corpus: u64,
    /// The input that broke it.
    pub(super) artifact: Option<PathBuf>,
    /// What was said when it broke.
    pub(super) words: Vec<String>,
}

impl Outcome {
    /// Reads what was printed.
    pub(super) fn of(printed: &str) -> Self {
        let mut outcome = Self::default();
        for line in printed.lines() {
            if let Some(count) = line.strip_prefix("stat::number_of_executed_units:") {
                outcome.executions = count.trim().parse().unwrap_or(0);
            }
            if let Some((_, path)) = line.split_once("Test unit written to ") {
                outcome.artifact = Some(path.trim().into());
            }
            if line.starts_with('#') {
                outcome.coverage = number_after(line, "cov: ").unwrap_or(outcome.coverage);
                outcome.corpus = number_after(line, "corp: ").unwrap_or(outcome.corpus);
            }
        }
        let is_telling = |line: &&str| {
            let signs = ["panicked at", "ERROR: libFuzzer", "SUMMARY: "];
            signs.iter().any(|sign| line.contains(sign))
        };
        let lines: Vec<&str> = printed.lines().collect();
        for (n, line) in lines.iter().enumerate().filter(|(_, line)| is_telling(line)) {
            // What a panic says stands below where it was.
            let below = if line.contains("panicked at") { 3 } else { 0 };
            outcome.words.extend(lines[n..].iter().take(1 + below).map(ToString::to_string));
        }
        outcome
    }
}

fn number_after(line: &str, name: &str) -> Option<u64> {
    let rest = &line[line.find(name)? + name.len()..];
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_goes_well_says_how_far_it_came() {
        let printed = "INFO: Seed: 1\n\
            #2\tINITED cov: 20 ft: 21 corp: 1/1b exec/s: 0 rss: 40Mb\n\
            #4096\tpulse  cov: 412 ft: 800 corp: 55/2Kb lim: 43 exec/s: 2048 rss: 41Mb\n\
            #9000\tDONE   cov: 415 ft: 801 corp: 57/2Kb lim: 80 exec/s: 2250 rss: 41Mb\n\
            stat::number_of_executed_units: 9000\n";
        let outcome = Outcome::of(printed);
        assert_eq!((outcome.executions, outcome.coverage, outcome.corpus), (9000, 415, 57));
        assert_eq!((outcome.artifact, outcome.words), (None, Vec::new()));
    }

    #[test]
    fn a_run_that_breaks_names_the_input_and_the_words() {
        let printed = "#7\tNEW    cov: 9 ft: 9 corp: 2/3b\n\
            thread '<unnamed>' panicked at src/targets/x.rs:3:5:\n\
            assertion `left == right` failed: so\n  left: 1\n right: 2\n\
            ==12== ERROR: libFuzzer: deadly signal\n\
            artifact_prefix='fuzz/artifacts/x-'; Test unit written to fuzz/artifacts/x-crash-a1\n";
        let outcome = Outcome::of(printed);
        assert_eq!(outcome.artifact, Some("fuzz/artifacts/x-crash-a1".into()));
        assert_eq!(outcome.words.len(), 5, "{:?}", outcome.words);
        assert!(outcome.words[1].contains("failed: so"));
    }
}
