//! Whether what this node stands on answers, and since when it has been seen so.
//!
//! Nothing is asked by itself: a look is taken when somebody wants to know, and `/readyz`, which
//! orchestrators ask all the time, is such a look. So `since` is when a look first found it so.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::entry::Entry;
use crate::storage::WallMillis;

/// A store that has not answered by then is not ready.
const PATIENCE: Duration = Duration::from_secs(3);

/// One thing that the node stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// What it is for: `facts`, `seats`, `bus`.
    pub(crate) part: &'static str,
    /// What it is: `sqlite`, `redis` and so on.
    pub(crate) kind: &'static str,
    pub(crate) is_ready: bool,
    /// Since which look it has been so.
    pub(crate) since: WallMillis,
}

/// What this node stands on.
pub(crate) struct Readiness {
    /// When this life of the node began.
    pub(crate) started: WallMillis,
    facts: &'static str,
    seats: &'static str,
    /// `None` where there is one node alone.
    bus: Option<&'static str>,
    last: Mutex<[Option<(bool, WallMillis)>; 3]>,
}

impl Readiness {
    pub(crate) fn new(
        started: WallMillis,
        (facts, seats): (&'static str, &'static str),
        bus: Option<&'static str>,
    ) -> Self {
        Self { started, facts, seats, bus, last: Mutex::default() }
    }

    /// Asks all of them, side by side.
    pub(crate) async fn look(&self, entry: &Entry, clock: &Clock) -> Vec<Seen> {
        let facts = tokio::time::timeout(PATIENCE, entry.storage.ping());
        let seats = tokio::time::timeout(PATIENCE, entry.admission.ping());
        let (facts, seats) = tokio::join!(facts, seats);
        let now = clock.wall();
        let mut seen = vec![
            self.found(0, ("facts", self.facts), matches!(facts, Ok(Ok(()))), now),
            self.found(1, ("seats", self.seats), matches!(seats, Ok(Ok(()))), now),
        ];
        if let Some(kind) = self.bus {
            seen.push(self.found(2, ("bus", kind), entry.aftermath.bus.is_up(), now));
        }
        seen
    }

    fn found(
        &self,
        place: usize,
        (part, kind): (&'static str, &'static str),
        is_ready: bool,
        now: WallMillis,
    ) -> Seen {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let since = match last[place] {
            Some((was_ready, since)) if was_ready == is_ready => since,
            _ => now,
        };
        last[place] = Some((is_ready, since));
        Seen { part, kind, is_ready, since }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_moves_only_when_the_answer_changes() {
        let readiness = Readiness::new(1, ("sqlite", "semaphore"), None);
        let at = |is_ready, now| readiness.found(0, ("facts", "sqlite"), is_ready, now).since;
        assert_eq!([at(true, 5), at(true, 9), at(false, 12), at(false, 15)], [5, 5, 12, 12]);
        assert_eq!(at(true, 20), 20);
        assert_eq!(readiness.found(1, ("seats", "semaphore"), true, 30).since, 30, "each its own");
    }
}
