//! Counting per key in fixed spans of time, bounded in memory: how many accounts an address makes,
//! how many wrong room passwords a user tries.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anteroom_core::time::Millis;

/// Keys remembered at once; beyond it those whose span is over are dropped, and if none is, all.
const KEYS_MAX: usize = 50_000;
/// No bound.
const OFF: usize = usize::MAX;

/// What is left of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// The bound.
    pub(crate) max: usize,
    /// How many more may come.
    pub(crate) count: usize,
    /// When the next span begins.
    pub(crate) anew_in: Duration,
}

/// At most so many events of one key in one span.
#[derive(Debug)]
pub(crate) struct Windows<K> {
    /// [`OFF`] switches the bound off.
    max: AtomicUsize,
    span: Duration,
    counts: Mutex<HashMap<K, (Millis, usize)>>,
}

impl<K: Eq + Hash> Windows<K> {
    pub(crate) fn new(max: Option<usize>, span: Duration) -> Self {
        Self { max: AtomicUsize::new(max.unwrap_or(OFF)), span, counts: Mutex::default() }
    }

    /// Sets another bound; `None` switches it off. What was counted stays counted.
    pub(crate) fn set_max(&self, max: Option<usize>) {
        self.max.store(max.unwrap_or(OFF), Ordering::Relaxed);
    }

    fn max(&self) -> Option<usize> {
        Some(self.max.load(Ordering::Relaxed)).filter(|max| *max != OFF)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, (Millis, usize)>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more in the same step in which it is judged, or tells when to come again.
    pub(crate) fn admit(&self, key: K, now: Millis) -> Result<(), Duration> {
        self.count(key, now).map(drop)
    }

    /// The same, and what is left; `None` where there is no bound.
    pub(crate) fn count(&self, key: K, now: Millis) -> Result<Option<Left>, Duration> {
        let Some(max) = self.max() else { return Ok(None) };
        let mut counts = self.lock();
        if counts.len() >= KEYS_MAX && !counts.contains_key(&key) {
            counts.retain(|_, (began, _)| now < began.after(self.span));
            if counts.len() >= KEYS_MAX {
                counts.clear();
            }
        }
        let (began, count) = counts.entry(key).or_insert((now, 0));
        if now >= began.after(self.span) {
            (*began, *count) = (now, 0);
        }
        if *count >= max {
            return Err(began.after(self.span).since(now));
        }
        *count += 1;
        let anew_in = began.after(self.span).since(now);
        Ok(Some(Left { max, count: max - *count, anew_in }))
    }

    /// When to come again, if the bound is reached. Nothing is counted.
    pub(crate) fn is_over(&self, key: &K, now: Millis) -> Option<Duration> {
        let max = self.max()?;
        let counts = self.lock();
        let (began, count) = counts.get(key)?;
        let until = began.after(self.span);
        (*count >= max && now < until).then(|| until.since(now))
    }

    /// Takes one back that turned out not to count.
    pub(crate) fn forgive(&self, key: &K) {
        let mut counts = self.lock();
        if let Some((_, count)) = counts.get_mut(key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_secs(600);

    #[test]
    fn a_key_has_only_so_many_in_a_span() {
        let windows = Windows::new(Some(2), SPAN);
        let start = Millis(1_000);
        assert!(windows.admit("here", start).is_ok() && windows.admit("here", start).is_ok());
        assert_eq!(windows.admit("here", start.after(SPAN / 2)), Err(SPAN / 2));
        assert!(windows.admit("there", start).is_ok());
        assert_eq!(windows.is_over(&"here", start.after(SPAN / 2)), Some(SPAN / 2));
        assert_eq!(windows.is_over(&"here", start.after(SPAN)), None);
        assert_eq!(windows.is_over(&"there", start), None);
        assert!(windows.admit("here", start.after(SPAN)).is_ok());
        windows.forgive(&"there");
        assert!(windows.admit("there", start).is_ok() && windows.admit("there", start).is_ok());
        windows.set_max(Some(3));
        assert!(windows.admit("there", start).is_ok() && windows.admit("there", start).is_err());
        windows.set_max(None);
        assert!(windows.admit("there", start).is_ok());
        let left = Windows::new(Some(3), SPAN).count("here", start).unwrap().unwrap();
        assert_eq!(left, Left { max: 3, count: 2, anew_in: SPAN });
        let off = Windows::new(None, SPAN);
        assert!((0..100).all(|_| off.admit("here", start).is_ok()));
    }

    #[test]
    fn memory_is_bounded_whatever_is_counted() {
        let windows = Windows::new(Some(1), SPAN);
        for key in 0..KEYS_MAX + 10 {
            let _ = windows.admit(key, Millis(0));
        }
        assert!(windows.lock().len() <= KEYS_MAX);
    }
}
