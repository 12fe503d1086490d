//! How fast a line moves: when its positions are told anew, and how long a waiter may have to wait.
//!
//! **The estimate.** Two windows of recent instants are kept: when a seat was offered to the head,
//! and when somebody left the line without one. A window's rate is
//! `(events - 1) / (now - the oldest of them)`, so it falls while nothing happens. With `n` in the
//! line, a waiter at position `p` needs `p` steps, and takes them at the rate of offers plus that
//! share of the leavers who stand in front of it:
//!
//! `wait = p / (offers + leavers * (p - 1) / n)`
//!
//! It is unknown while fewer than [`KNOWN_FROM`] offers were seen.

use std::collections::VecDeque;
use std::time::Duration;

use anteroom_core::time::Millis;

/// Events kept of each kind.
const WINDOW: usize = 32;
/// Events older than this say nothing about now.
const WINDOW_SPAN: Duration = Duration::from_secs(600);
/// Fewer offers than this give no rate worth telling.
const KNOWN_FROM: usize = 3;
/// No estimate is longer: what it would say is "long".
const ESTIMATE_MAX: Duration = Duration::from_secs(24 * 3_600);

/// How many places at the head are told as soon as [`FRONT_SPAN`] allows.
pub(super) const FRONT: usize = 20;
/// The front of a line is told at most this often.
pub(super) const FRONT_SPAN: Duration = Duration::from_millis(250);
/// So many positions are told in one second at most, however long the line: it is walked as a whole
/// every 250 ms up to 500 waiters, every second at 2,000, every five at 10,000.
const PLACES_PER_SECOND: usize = 2_000;
/// A line in which nothing is known to have happened is walked this often, for what a seat store
/// that was away did not report.
const REST_SPAN: Duration = Duration::from_secs(5);

/// When a line is to be walked next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    front_told: Millis,
    whole_told: Millis,
    front_moved: bool,
    whole_moved: bool,
    length: usize,
}

/// How much of a line is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walk {
    Front,
    Whole,
}

impl Pace {
    /// Of a line that somebody began to watch at `now`.
    pub(super) fn starting(now: Millis) -> Self {
        Self { front_told: now, whole_told: now, front_moved: false, whole_moved: false, length: 0 }
    }

    /// Somebody left the line, so those behind have moved up.
    pub(super) fn moved(&mut self) {
        (self.front_moved, self.whole_moved) = (true, true);
    }

    /// When the next walk is due.
    pub(super) fn due(&self) -> Millis {
        let whole = self.whole_due();
        if self.front_moved { whole.min(self.front_told.after(FRONT_SPAN)) } else { whole }
    }

    fn whole_due(&self) -> Millis {
        let span = if self.whole_moved { whole_span(self.length) } else { REST_SPAN };
        self.whole_told.after(span)
    }

    /// What is walked now; those who move in the meantime are for the next walk.
    pub(super) fn begin(&mut self, now: Millis) -> Walk {
        (self.front_told, self.front_moved) = (now, false);
        if now < self.whole_due() {
            return Walk::Front;
        }
        (self.whole_told, self.whole_moved) = (now, false);
        Walk::Whole
    }

    /// How long the line was when it was walked last.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// How long the line was found to be.
    pub(super) fn measured(&mut self, length: usize) {
        self.length = length;
    }
}

/// How often a line of this length is told as a whole.
fn whole_span(length: usize) -> Duration {
    let millis = length.saturating_mul(1_000) / PLACES_PER_SECOND;
    FRONT_SPAN.max(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
}

/// When people lately left a line, by either end.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    offers: VecDeque<Millis>,
    leavers: VecDeque<Millis>,
}

impl Flow {
    pub(super) fn offered(&mut self, now: Millis) {
        note(&mut self.offers, now);
    }

    pub(super) fn left(&mut self, now: Millis) {
        note(&mut self.leavers, now);
    }

    /// How long the waiter at `position` (from 1) in a line of `length` may have to wait, in
    /// milliseconds; `None` while nobody can know.
    pub(super) fn estimate(&self, position: usize, length: usize, now: Millis) -> Option<u64> {
        let offers = rate(&self.offers, now).filter(|rate| *rate > 0.0)?;
        let leavers = rate(&self.leavers, now).unwrap_or(0.0);
        let in_front = real(position.saturating_sub(1)) / real(length.max(position).max(1));
        let wait = real(position) / (offers + leavers * in_front);
        Some(bounded(wait))
    }
}

fn note(window: &mut VecDeque<Millis>, now: Millis) {
    if window.len() == WINDOW {
        window.pop_front();
    }
    window.push_back(now);
}

/// Events per millisecond; `None` when too few are recent.
fn rate(window: &VecDeque<Millis>, now: Millis) -> Option<f64> {
    let recent = || window.iter().filter(|at| now.since(**at) <= WINDOW_SPAN);
    let (count, oldest) = (recent().count(), *recent().next()?);
    let span = Duration::from_millis(1).max(now.since(oldest));
    (count >= KNOWN_FROM).then(|| real(count - 1) / (span.as_secs_f64() * 1_000.0))
}

fn real(n: usize) -> f64 {
    n as f64
}

fn bounded(wait: f64) -> u64 {
    wait.min(ESTIMATE_MAX.as_secs_f64() * 1_000.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Millis = Millis(1_000_000);

    fn at(seconds: u64) -> Millis {
        START.after(Duration::from_secs(seconds))
    }

    #[test]
    fn a_wait_is_estimated_from_the_last_offers_and_unknown_before_the_third() {
        let mut flow = Flow::default();
        flow.offered(at(0));
        flow.offered(at(10));
        assert_eq!(flow.estimate(1, 5, at(10)), None);
        flow.offered(at(20));
        assert_eq!(flow.estimate(1, 5, at(20)), Some(10_000));
        assert_eq!(flow.estimate(3, 5, at(20)), Some(30_000));
        assert_eq!(flow.estimate(1, 5, at(40)), Some(20_000), "slower while nothing happens");
        assert_eq!(flow.estimate(1, 5, at(900)), None, "too long ago to say anything");
    }

    #[test]
    fn leavers_shorten_the_wait_of_those_behind_them_only() {
        let mut flow = Flow::default();
        for n in 0..=2 {
            flow.offered(at(10 * n));
            flow.left(at(10 * n));
        }
        assert_eq!(flow.estimate(1, 10, at(20)), Some(10_000), "nobody is in front of the head");
        // 6 / (0.1 + 0.1 * 5 / 10) seconds
        assert_eq!(flow.estimate(6, 10, at(20)), Some(40_000));
    }

    #[test]
    fn a_longer_line_is_told_less_often_but_its_front_is_not() {
        for (length, millis) in [(0, 250), (100, 250), (500, 250), (2_000, 1_000), (10_000, 5_000)]
        {
            assert_eq!(whole_span(length), Duration::from_millis(millis), "{length}");
        }
        let mut pace = Pace::starting(START);
        assert_eq!(pace.due(), START.after(REST_SPAN));
        pace.measured(4_000);
        pace.moved();
        assert_eq!(pace.due(), START.after(FRONT_SPAN));
        assert_eq!(pace.begin(START.after(FRONT_SPAN)), Walk::Front);
        assert_eq!(pace.due(), at(2), "those further back");
        pace.moved();
        assert_eq!(pace.due(), START.after(2 * FRONT_SPAN));
        assert_eq!(pace.begin(at(2)), Walk::Whole);
        assert_eq!(pace.due(), at(2).after(REST_SPAN), "and then there is nothing to tell");
    }
}
