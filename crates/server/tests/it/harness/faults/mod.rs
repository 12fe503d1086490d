//! What a fault round stands on: its seed, what was done in it, and its one line at the end.

mod ground;
mod load;
mod storm;
mod talk;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::check::Verdict;
use super::dice::Dice;
use super::shown;

pub(crate) use ground::{Ground, LEASE, Wanted};
pub(crate) use load::{Load, SEATS, under_load};
pub(crate) use storm::Storm;
pub(crate) use talk::{Saying, Talk};

/// Names the seed. Without it every round is the same.
const SEED: &str = "ANTEROOM_FAULT_SEED";
/// What the short form is seeded with.
const SHORT: u64 = 1;
/// What the line begins with that `cargo xtask faults` reads.
const LINE: &str = "FAULT ";

/// What was done in a round, for all who do it.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    injections: AtomicUsize,
    reservations: AtomicUsize,
    acknowledged: AtomicUsize,
}

impl Counts {
    /// So many more reservations were granted.
    pub(crate) fn reserved(&self, count: usize) {
        self.reservations.fetch_add(count, Ordering::Relaxed);
    }

    /// So many more messages were acknowledged.
    pub(crate) fn acknowledged(&self, count: usize) {
        self.acknowledged.fetch_add(count, Ordering::Relaxed);
    }
}

/// One run of a row. Declared first in its test, so that it is dropped last and knows how it went.
pub(crate) struct Round {
    row: &'static str,
    seed: u64,
    pub(crate) dice: Dice,
    counts: Arc<Counts>,
    checks: BTreeSet<&'static str>,
}

impl Round {
    /// Begins a round of that row, with the seed of the environment or that of the short form.
    pub(crate) fn begin(row: &'static str) -> Self {
        let seed = std::env::var(SEED).map_or(SHORT, |text| text.parse().expect("a seed"));
        let (counts, checks) = (Arc::default(), BTreeSet::new());
        Self { row, seed, dice: Dice::new(seed), counts, checks }
    }

    pub(crate) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// A fault was put in.
    pub(crate) fn injected(&self) {
        self.counts.injections.fetch_add(1, Ordering::Relaxed);
    }

    /// What a judge said. Ends the test where it found something, with the seed to see it again.
    #[track_caller]
    pub(crate) fn check<T: fmt::Debug>(&mut self, name: &'static str, verdict: Verdict<T>) -> T {
        self.checks.insert(name);
        match verdict {
            Ok(seen) => seen,
            Err(found) => panic!("{self}: {name}: {found}"),
        }
    }

    /// The same for what is asked in place.
    #[track_caller]
    pub(crate) fn holds(&mut self, name: &'static str, holds: bool, what: impl fmt::Display) {
        self.check(name, if holds { Ok(()) } else { Err(what.to_string()) });
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {SEED}={}", self.row, self.seed)
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let verdict = if std::thread::panicking() { "fail" } else { "pass" };
        let line = json!({
            "row": self.row,
            "seed": self.seed,
            "injections": of(&self.counts.injections),
            "reservations": of(&self.counts.reservations),
            "acknowledged": of(&self.counts.acknowledged),
            "checks": self.checks,
            "verdict": verdict,
        });
        shown(&format!("{LINE}{line}"));
    }
}
