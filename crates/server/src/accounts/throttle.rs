//! How often sign-in may fail, per account and per address.
//!
//! A sliding window of failures. An attempt is judged twice: before its password is hashed, and once
//! more before its outcome is told, so a burst of parallel guesses learns no more than the same
//! guesses one after the other. Bounded in memory, whatever is guessed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::digest;

use crate::storage::WallMillis;

/// Accounts and addresses remembered at once.
const KEYS_MAX: usize = 100_000;

/// No attempt waits longer for its judgement, in milliseconds.
const JUDGED_WITHIN: WallMillis = 120_000;

/// What an operator may set about failures.
#[derive(Clone, Copy, Debug)]
pub struct ThrottleConfig {
    /// Off only for load tests.
    pub enabled: bool,
    /// Failures after which nothing more is tried, per account and per address.
    pub failures: usize,
    /// For how long a failure counts.
    pub window: Duration,
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        Self { enabled: true, failures: 5, window: Duration::from_secs(15 * 60) }
    }
}

/// What failures are counted under.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A folded user name, hashed so that its length costs nothing.
    Account([u8; 16]),
    /// As requests are counted under it.
    Address(IpAddr),
}

impl Key {
    pub(super) fn account(folded: &str) -> Self {
        let mut key = [0; 16];
        let hash = digest::digest(&digest::SHA256, folded.as_bytes());
        key.copy_from_slice(&hash.as_ref()[..16]);
        Self::Account(key)
    }
}

/// The failures that still count.
pub(super) struct Throttle {
    config: ThrottleConfig,
    keys_max: usize,
    failures: HashMap<Key, Vec<WallMillis>>,
}

impl Throttle {
    pub(super) fn new(config: ThrottleConfig) -> Self {
        Self { config, keys_max: KEYS_MAX, failures: HashMap::new() }
    }

    pub(super) fn set_failures(&mut self, failures: usize) {
        self.config.failures = failures;
    }

    /// Whether an attempt under these keys may go on; else how long until it may.
    pub(super) fn check(&self, keys: &[Key], now: WallMillis) -> Result<(), Duration> {
        if !self.config.enabled {
            return Ok(());
        }
        let waits = keys.iter().filter_map(|key| self.wait(*key, now));
        waits.max().map_or(Ok(()), Err)
    }

    /// Counts a failure.
    pub(super) fn failed(&mut self, keys: &[Key], now: WallMillis) {
        if !self.config.enabled {
            return;
        }
        let window = self.config.window;
        for key in keys {
            if !self.failures.contains_key(key) {
                self.make_room(now);
            }
            let failures = self.failures.entry(*key).or_default();
            failures.retain(|at| counts(*at, now, window));
            failures.push(now);
            let surplus = failures.len().saturating_sub(self.config.failures.max(1));
            failures.drain(..surplus);
        }
    }

    /// Forgets the failures of an account whose password was right.
    pub(super) fn succeeded(&mut self, account: Key) {
        self.failures.remove(&account);
    }

    fn wait(&self, key: Key, now: WallMillis) -> Option<Duration> {
        let failures = self.failures.get(&key)?;
        let mut counted = failures.iter().filter(|at| counts(**at, now, self.config.window));
        let oldest = counted.clone().next()?;
        counted.nth(self.config.failures.max(1) - 1)?;
        Some(self.config.window.saturating_sub(since(*oldest, now)))
    }

    fn make_room(&mut self, now: WallMillis) {
        if self.failures.len() < self.keys_max {
            return;
        }
        let window = self.config.window;
        self.failures.retain(|_, at| at.last().is_some_and(|at| counts(*at, now, window)));
        if self.failures.len() >= self.keys_max {
            let oldest = self.failures.iter().min_by_key(|(_, at)| at.last()).map(|(key, _)| *key);
            oldest.and_then(|key| self.failures.remove(&key));
        }
    }
}

/// A failure from the far future tells that the wall clock was set back; it counts no longer. One that began
/// a little later than this attempt and was judged before it counts like any other, or a burst of guesses
/// whose hashes end out of order would learn more than it may.
fn counts(at: WallMillis, now: WallMillis, window: Duration) -> bool {
    at.saturating_sub(now) < JUDGED_WITHIN && since(at, now) < window
}

fn since(at: WallMillis, now: WallMillis) -> Duration {
    Duration::from_millis(u64::try_from(now.saturating_sub(at)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Key, Throttle, ThrottleConfig};

    const NOW: i64 = 1_763_712_000_000;
    const WINDOW: i64 = 15 * 60 * 1000;

    fn ip(text: &str) -> Key {
        Key::Address(text.parse().unwrap())
    }

    #[test]
    fn the_sixth_attempt_waits_until_the_oldest_of_five_failures_is_over() {
        let mut throttle = Throttle::new(ThrottleConfig::default());
        let keys = [Key::account("kim"), ip("192.0.2.1")];
        for n in 0..5 {
            assert_eq!(throttle.check(&keys, NOW + n * 1_000), Ok(()));
            throttle.failed(&keys, NOW + n * 1_000);
        }
        assert_eq!(throttle.check(&keys, NOW + 5_000), Err(Duration::from_secs(15 * 60 - 5)));
        assert_eq!(throttle.check(&keys, NOW + WINDOW - 1), Err(Duration::from_millis(1)));
        assert_eq!(throttle.check(&keys, NOW + WINDOW), Ok(()));
        throttle.failed(&keys, NOW + WINDOW);
        assert_eq!(throttle.check(&keys, NOW + WINDOW), Err(Duration::from_secs(1)));
    }

    #[test]
    fn either_the_account_or_the_address_is_enough() {
        let mut throttle = Throttle::new(ThrottleConfig::default());
        for n in 0..5_u8 {
            throttle.failed(&[Key::account("kim"), ip(&format!("192.0.2.{n}"))], NOW);
            throttle.failed(&[Key::account(&format!("lee{n}")), ip("198.51.100.1")], NOW);
        }
        assert!(throttle.check(&[Key::account("kim"), ip("203.0.113.9")], NOW).is_err());
        assert!(throttle.check(&[Key::account("park"), ip("198.51.100.1")], NOW).is_err());
        assert!(throttle.check(&[Key::account("park"), ip("203.0.113.9")], NOW).is_ok());
    }

    #[test]
    fn a_success_clears_the_account_but_not_the_address() {
        let mut throttle = Throttle::new(ThrottleConfig::default());
        let (account, address) = (Key::account("kim"), ip("192.0.2.1"));
        for _ in 0..5 {
            throttle.failed(&[account, address], NOW);
        }
        throttle.succeeded(account);
        assert!(throttle.check(&[account], NOW).is_ok());
        assert!(throttle.check(&[address], NOW).is_err());
    }

    #[test]
    fn memory_is_bounded_and_the_newest_failures_are_kept() {
        let mut throttle = Throttle::new(ThrottleConfig::default());
        throttle.keys_max = 10;
        for n in 0..1_000 {
            for _ in 0..9 {
                throttle.failed(&[Key::account(&n.to_string())], NOW + n);
            }
        }
        assert_eq!(throttle.failures.len(), 10);
        assert!(throttle.failures.values().all(|at| at.len() <= 5));
        assert!(throttle.check(&[Key::account("999")], NOW + 1_000).is_err());
        assert!(throttle.check(&[Key::account("1")], NOW + 1_000).is_ok());
    }

    #[test]
    fn failures_that_began_later_and_were_judged_sooner_count() {
        let mut throttle = Throttle::new(ThrottleConfig::default());
        let key = [Key::account("kim")];
        for n in 1..=5 {
            throttle.failed(&key, NOW + n);
        }
        assert!(throttle.check(&key, NOW).is_err(), "it began first and is judged last");
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out_and_switched_off_means_off() {
        let mut throttle = Throttle::new(ThrottleConfig::default());
        let key = [Key::account("kim")];
        for _ in 0..5 {
            throttle.failed(&key, NOW);
        }
        assert!(throttle.check(&key, NOW - 3_600_000).is_ok());
        throttle.config.enabled = false;
        assert!(throttle.check(&key, NOW).is_ok());
    }
}
