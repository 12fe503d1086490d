//! How often sign-in may fail, per account and per address.
//!
//! A sliding window of failures. An attempt is judged twice: before its password is hashed, and once
//! more before its outcome is told, so a burst of parallel guesses learns no more than the same
//! guesses one after the other. Bounded in memory, whatever is guessed.
//!
//! Whoever guesses at an account from elsewhere must not keep its owner out. So an address from which somebody signed in
//! to an account is counted apart from the rest of the world for that account (the idea of OWASP's device cookies, without
//! a cookie): guesses from there may fail as often as those from everywhere else together.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::digest;

use crate::storage::WallMillis;

/// Accounts and addresses remembered at once.
const KEYS_MAX: usize = 100_000;

/// For how long an address is known to an account, in milliseconds: 30 days.
const KNOWN_FOR: WallMillis = 30 * 24 * 60 * 60 * 1_000;

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
    /// The same account, from an address that is known to it.
    AccountAt([u8; 16], IpAddr),
    /// As requests are counted under it.
    Address(IpAddr),
}

/// Whose account is tried, from where.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Try {
    account: [u8; 16],
    from: IpAddr,
}

impl Try {
    pub(super) fn new(folded: &str, from: IpAddr) -> Self {
        let mut key = [0; 16];
        let hash = digest::digest(&digest::SHA256, folded.as_bytes());
        key.copy_from_slice(&hash.as_ref()[..16]);
        Self { account: key, from }
    }
}

/// The failures that still count.
pub(super) struct Throttle {
    config: ThrottleConfig,
    keys_max: usize,
    failures: HashMap<Key, Vec<WallMillis>>,
    /// When somebody last signed in like this.
    known: HashMap<Try, WallMillis>,
}

impl Throttle {
    pub(super) fn new(config: ThrottleConfig) -> Self {
        Self { config, keys_max: KEYS_MAX, failures: HashMap::new(), known: HashMap::new() }
    }

    pub(super) fn set_failures(&mut self, failures: usize) {
        self.config.failures = failures;
    }

    /// Whether an attempt may go on; else how long until it may.
    pub(super) fn check(&self, attempt: Try, now: WallMillis) -> Result<(), Duration> {
        if !self.config.enabled {
            return Ok(());
        }
        let keys = self.keys(attempt, now);
        let waits = keys.iter().filter_map(|key| self.wait(*key, now));
        waits.max().map_or(Ok(()), Err)
    }

    /// Counts a failure.
    pub(super) fn failed(&mut self, attempt: Try, now: WallMillis) {
        if !self.config.enabled {
            return;
        }
        let window = self.config.window;
        for key in self.keys(attempt, now) {
            if !self.failures.contains_key(&key) {
                make_room(&mut self.failures, self.keys_max, |at| {
                    let last = at.last().copied().unwrap_or(0);
                    (counts(last, now, window), last)
                });
            }
            let failures = self.failures.entry(key).or_default();
            failures.retain(|at| counts(*at, now, window));
            failures.push(now);
            let surplus = failures.len().saturating_sub(self.config.failures.max(1));
            failures.drain(..surplus);
        }
    }

    /// Forgets the failures of an account whose password was right, and knows the address from now on.
    pub(super) fn succeeded(&mut self, attempt: Try, now: WallMillis) {
        if !self.config.enabled {
            return;
        }
        let [account, _] = self.keys(attempt, now);
        self.failures.remove(&account);
        if !self.known.contains_key(&attempt) {
            make_room(&mut self.known, self.keys_max, |at| (is_known(*at, now), *at));
        }
        self.known.insert(attempt, now);
    }

    fn keys(&self, attempt: Try, now: WallMillis) -> [Key; 2] {
        let Try { account, from } = attempt;
        let account = match self.known.get(&attempt).is_some_and(|at| is_known(*at, now)) {
            true => Key::AccountAt(account, from),
            false => Key::Account(account),
        };
        [account, Key::Address(from)]
    }

    fn wait(&self, key: Key, now: WallMillis) -> Option<Duration> {
        let failures = self.failures.get(&key)?;
        let mut counted = failures.iter().filter(|at| counts(**at, now, self.config.window));
        let oldest = counted.clone().next()?;
        counted.nth(self.config.failures.max(1) - 1)?;
        Some(self.config.window.saturating_sub(since(*oldest, now)))
    }
}

/// Lets go what no longer counts where `map` is full, and the oldest where that is not enough. `stands`: whether it counts,
/// and since when.
fn make_room<K: Copy + Eq + Hash, V>(
    map: &mut HashMap<K, V>,
    max: usize,
    stands: impl Fn(&V) -> (bool, WallMillis),
) {
    if map.len() < max {
        return;
    }
    map.retain(|_, value| stands(value).0);
    if map.len() >= max {
        let oldest = map.iter().min_by_key(|(_, value)| stands(value).1).map(|(key, _)| *key);
        oldest.and_then(|key| map.remove(&key));
    }
}

fn is_known(at: WallMillis, now: WallMillis) -> bool {
    now.saturating_sub(at) < KNOWN_FOR
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
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use super::{KNOWN_FOR, Throttle, ThrottleConfig, Try};

    const NOW: i64 = 1_763_712_000_000;
    const WINDOW: i64 = 15 * 60 * 1000;

    fn at(account: &str, from: &str) -> Try {
        Try::new(account, from.parse().unwrap())
    }

    /// From addresses that nobody else has.
    fn elsewhere(account: &str, n: u32) -> Try {
        Try::new(account, IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n)))
    }

    #[test]
    fn the_sixth_attempt_waits_until_the_oldest_of_five_failures_is_over() {
        let mut throttle = Throttle::new(ThrottleConfig::default());
        let kim = at("kim", "192.0.2.1");
        for n in 0..5 {
            assert_eq!(throttle.check(kim, NOW + n * 1_000), Ok(()));
            throttle.failed(kim, NOW + n * 1_000);
        }
        assert_eq!(throttle.check(kim, NOW + 5_000), Err(Duration::from_secs(15 * 60 - 5)));
        assert_eq!(throttle.check(kim, NOW + WINDOW - 1), Err(Duration::from_millis(1)));
        assert_eq!(throttle.check(kim, NOW + WINDOW), Ok(()));
        throttle.failed(kim, NOW + WINDOW);
        assert_eq!(throttle.check(kim, NOW + WINDOW), Err(Duration::from_secs(1)));
    }

    #[test]
    fn either_the_account_or_the_address_is_enough() {
        let mut throttle = Throttle::new(ThrottleConfig::default());
        for n in 0..5_u32 {
            throttle.failed(elsewhere("kim", n), NOW);
            throttle.failed(at(&format!("lee{n}"), "198.51.100.1"), NOW);
        }
        assert!(throttle.check(at("kim", "203.0.113.9"), NOW).is_err());
        assert!(throttle.check(at("park", "198.51.100.1"), NOW).is_err());
        assert!(throttle.check(at("park", "203.0.113.9"), NOW).is_ok());
    }

    #[test]
    fn a_success_clears_the_account_but_not_the_address() {
        let mut throttle = Throttle::new(ThrottleConfig::default());
        let kim = at("kim", "192.0.2.1");
        for _ in 0..5 {
            throttle.failed(kim, NOW);
        }
        throttle.succeeded(kim, NOW);
        assert!(throttle.check(at("kim", "192.0.2.2"), NOW).is_ok());
        assert!(throttle.check(at("lee", "192.0.2.1"), NOW).is_err());
    }

    #[test]
    fn guesses_from_elsewhere_keep_nobody_out_where_they_signed_in_before() {
        let mut throttle = Throttle::new(ThrottleConfig::default());
        let home = at("kim", "192.0.2.1");
        throttle.succeeded(home, NOW);
        for n in 0..50 {
            throttle.failed(elsewhere("kim", n), NOW);
        }
        assert!(throttle.check(at("kim", "203.0.113.9"), NOW).is_err());
        assert!(throttle.check(home, NOW).is_ok());
        assert!(throttle.check(at("kim", "192.0.2.2"), NOW).is_err(), "another address");
        // Who guesses from there is slowed down as well, and no guess there is one for all the world.
        for n in 0..5 {
            assert!(throttle.check(home, NOW + n).is_ok());
            throttle.failed(home, NOW + n);
        }
        assert!(throttle.check(home, NOW + 5).is_err());
        // An address is not known for ever.
        for n in 0..5 {
            throttle.failed(elsewhere("kim", n), NOW + KNOWN_FOR);
        }
        assert!(throttle.check(home, NOW + KNOWN_FOR - 1).is_ok());
        assert!(throttle.check(home, NOW + KNOWN_FOR).is_err());
    }

    #[test]
    fn memory_is_bounded_and_the_newest_is_kept() {
        let mut throttle = Throttle::new(ThrottleConfig::default());
        throttle.keys_max = 10;
        for n in 0..1_000_u32 {
            for _ in 0..9 {
                throttle.failed(elsewhere(&n.to_string(), n), NOW + i64::from(n));
            }
            throttle.succeeded(elsewhere("kim", n), NOW + i64::from(n));
        }
        assert_eq!((throttle.failures.len(), throttle.known.len()), (10, 10));
        assert!(throttle.failures.values().all(|at| at.len() <= 5));
        assert!(throttle.check(elsewhere("999", 1), NOW + 1_000).is_err());
        assert!(throttle.check(elsewhere("1", 1), NOW + 1_000).is_ok());
        for _ in 0..5 {
            throttle.failed(elsewhere("kim", 2_000), NOW + 1_000);
        }
        assert!(throttle.check(elsewhere("kim", 999), NOW + 1_000).is_err(), "it guesses itself");
        assert!(throttle.check(elsewhere("kim", 1), NOW + 1_000).is_err(), "long forgotten");
    }

    #[test]
    fn failures_that_began_later_and_were_judged_sooner_count() {
        let mut throttle = Throttle::new(ThrottleConfig::default());
        let kim = at("kim", "192.0.2.1");
        for n in 1..=5 {
            throttle.failed(kim, NOW + n);
        }
        assert!(throttle.check(kim, NOW).is_err(), "it began first and is judged last");
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out_and_switched_off_means_off() {
        let mut throttle = Throttle::new(ThrottleConfig::default());
        let kim = at("kim", "192.0.2.1");
        for _ in 0..5 {
            throttle.failed(kim, NOW);
        }
        assert!(throttle.check(kim, NOW - 3_600_000).is_ok());
        throttle.config.enabled = false;
        assert!(throttle.check(kim, NOW).is_ok());
    }
}
