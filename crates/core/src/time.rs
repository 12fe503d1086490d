//! Time as the domain sees it: milliseconds on one clock that never goes back.
//!
//! The ledger compares instants of the *same* clock only. The server feeds it a clock that starts at
//! the wall clock's reading and then advances monotonically, so a wall-clock jump moves no deadline.

use std::fmt;
use std::time::Duration;

/// An instant, in milliseconds since the Unix epoch as the feeding clock counts them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub u64);

impl Millis {
    /// The instant `duration` later; saturates instead of wrapping.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let add = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(add))
    }

    /// How long from `earlier` until this instant; zero when it is not later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}
