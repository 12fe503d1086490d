//! What is said while a machine runs, and at its end.

use std::io::Write;
use std::time::{Duration, Instant};

/// How long between two lines of progress.
const EVERY: Duration = Duration::from_secs(5);

/// A line for whoever watches. Nobody is left to tell when stderr is closed.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// The line for other programs.
pub(crate) fn answer(figures: &serde_json::Value) {
    let _ = writeln!(std::io::stdout().lock(), "{figures}");
}

/// Says something now and then.
pub(crate) struct Progress {
    began: Instant,
    said: Instant,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self { began: now, said: now }
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Says what `words` make of the seconds passed, if it is time to.
    pub(crate) fn now_and_then(&mut self, words: impl FnOnce(f64) -> String) {
        if self.said.elapsed() >= EVERY {
            self.said = Instant::now();
            note(&words(self.seconds()));
        }
    }
}
