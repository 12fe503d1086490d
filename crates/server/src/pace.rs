//! How often the log says the same thing.
//!
//! Whoever is refused may ask again at once, for as long as a fault lasts: what is said of it must not
//! grow with how often it is met. Time is an argument.

use std::time::Duration;

use tokio::time::Instant;

/// The same thing is said once in so long, where nothing else is asked for.
const EVERY: Duration = Duration::from_secs(1);

/// Occurrences of one fault.
#[derive(Debug)]
pub(crate) struct Pace {
    every: Duration,
    met: Option<Instant>,
    said: Option<Instant>,
    unsaid: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self::every(EVERY)
    }
}

impl Pace {
    /// One that speaks once in so long.
    pub(crate) fn every(every: Duration) -> Self {
        Self { every, met: None, said: None, unsaid: 0 }
    }

    /// The fault was met: how often since it was last spoken of, when it is to be spoken of now.
    pub(crate) fn met(&mut self, now: Instant) -> Option<u64> {
        self.met = Some(now);
        self.unsaid += 1;
        if self.said.is_some_and(|said| now.saturating_duration_since(said) < self.every) {
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }

    /// It was not met where it might have been. True once, when it has not been for a while.
    pub(crate) fn passed(&mut self, now: Instant) -> bool {
        let has_passed =
            self.met.is_some_and(|met| now.saturating_duration_since(met) >= self.every);
        if has_passed {
            *self = Self::every(self.every);
        }
        has_passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_spoken_of_once_in_a_while_and_its_end_once() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert!(!pace.passed(at(0)), "there was none");
        let said: Vec<u64> = (0..3_000).filter_map(|ms| pace.met(at(ms))).collect();
        assert_eq!(said, [1, 1_000, 1_000]);
        assert!(!pace.passed(at(3_500)), "what works once may be an exception");
        assert_eq!(pace.met(at(3_600)), Some(1_000), "and was");
        assert!(pace.passed(at(4_600)));
        assert!(!pace.passed(at(9_000)), "said before");
        assert_eq!(pace.met(at(9_001)), Some(1), "another one");
    }
}
