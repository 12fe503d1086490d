//! The one reader of the machine's clocks.
//!
//! Deadlines run on [`Clock::now`]: the wall clock's reading at the start plus monotonic time, so it
//! never goes back and a wall-clock jump moves no deadline. What is stored, signed or shown to people
//! is wall-clock time. Everything else in the program gets the time as an argument.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anteroom_core::time::Millis;

/// Smaller differences between the two clocks are the jitter of reading them one after the other.
const JUMP_MS: i64 = 1_000;

/// Both clocks. One per process, shared.
#[derive(Debug)]
pub struct Clock {
    wall_at_start: u64,
    started: Instant,
    /// Wall clock minus [`Clock::now`], in milliseconds, as last adopted.
    offset: AtomicI64,
    /// What [`Clock::now`] says, where a test sets it.
    #[cfg(test)]
    set: Option<std::sync::atomic::AtomicU64>,
}

impl Clock {
    /// Starts at the wall clock's reading.
    #[must_use]
    pub fn new() -> Self {
        let wall_at_start = u64::try_from(wall()).unwrap_or(0);
        Self {
            wall_at_start,
            started: Instant::now(),
            offset: AtomicI64::new(0),
            #[cfg(test)]
            set: None,
        }
    }

    /// A clock of deadlines that stands until it is set.
    #[cfg(test)]
    pub(crate) fn standing_at(at: Millis) -> Self {
        Self { set: Some(at.0.into()), ..Self::new() }
    }

    /// Sets a standing clock.
    #[cfg(test)]
    pub(crate) fn set(&self, at: Millis) {
        let set = self.set.as_ref().expect("a standing clock");
        set.store(at.0, Ordering::Release);
    }

    /// The clock of deadlines. Never goes back.
    #[must_use]
    pub fn now(&self) -> Millis {
        #[cfg(test)]
        if let Some(set) = &self.set {
            return Millis(set.load(Ordering::Acquire));
        }
        Millis(self.wall_at_start).after(self.started.elapsed())
    }

    /// The wall clock, in milliseconds since the Unix epoch: for stored times and tokens.
    #[must_use]
    pub fn wall(&self) -> i64 {
        wall()
    }

    /// A deadline as people read it. The same deadline is answered with the same instant, unless the
    /// wall clock was set in between.
    #[must_use]
    pub fn to_wall(&self, at: Millis) -> i64 {
        signed(at).saturating_add(self.offset())
    }

    /// A wall-clock instant on the clock of deadlines.
    #[must_use]
    pub fn from_wall(&self, at: i64) -> Millis {
        Millis(u64::try_from(at.saturating_sub(self.offset())).unwrap_or(0))
    }

    fn offset(&self) -> i64 {
        let measured = wall().saturating_sub(signed(self.now()));
        let offset = settled(self.offset.load(Ordering::Relaxed), measured);
        self.offset.store(offset, Ordering::Relaxed);
        offset
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// The wall clock as it stands, as exact as it is: for what is measured and told to others, never for a deadline.
#[must_use]
pub(crate) fn stamp() -> SystemTime {
    SystemTime::now()
}

fn wall() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    millis(since)
}

/// A span as times of the store are counted.
pub(crate) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn signed(at: Millis) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// The offset to use: the old one, unless the measured one tells of a jump.
fn settled(in_use: i64, measured: i64) -> i64 {
    if measured.abs_diff(in_use) < JUMP_MS.unsigned_abs() { in_use } else { measured }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use anteroom_core::time::Millis;

    use super::{Clock, settled};

    #[test]
    fn a_deadline_is_shown_the_same_each_time() {
        let clock = Clock::new();
        let deadline = clock.now().after(Duration::from_secs(120));
        assert_eq!(clock.to_wall(deadline), clock.to_wall(deadline));
        assert_eq!(clock.from_wall(clock.to_wall(deadline)), deadline);
    }

    #[test]
    fn reading_jitter_is_ignored_and_a_jump_is_followed() {
        assert_eq!(settled(0, 3), 0);
        assert_eq!(settled(0, -999), 0);
        assert_eq!(settled(0, 3_600_000), 3_600_000);
        assert_eq!(settled(3_600_000, -5_000), -5_000);
    }

    #[test]
    fn no_instant_overflows() {
        let clock = Clock::new();
        assert!(clock.to_wall(Millis(u64::MAX)) > 0);
        assert_eq!(clock.from_wall(i64::MIN), Millis(0));
    }
}
