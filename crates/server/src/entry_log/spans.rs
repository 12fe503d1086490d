//! Outcomes over time: how many lines of each outcome there are in each span of a stretch of time.

use std::collections::BTreeMap;

use super::EntryLog;
use crate::storage::{EntryCount, Stored, WallMillis};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// How far back is looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stretch {
    #[default]
    Hour,
    Day,
    Week,
}

impl Stretch {
    pub(crate) const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// As it is asked for.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }

    /// Milliseconds of one span, and how many there are.
    const fn spans(self) -> (i64, usize) {
        match self {
            Self::Hour => (MINUTE, 60),
            Self::Day => (30 * MINUTE, 48),
            Self::Week => (3 * HOUR, 56),
        }
    }
}

/// What one span of time saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) begins: WallMillis,
    pub(crate) counts: BTreeMap<&'static str, u64>,
}

/// Outcomes over a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcomes {
    pub(crate) stretch: Stretch,
    /// Milliseconds of one span.
    pub(crate) width: i64,
    /// One after the other without a gap; the last one is not over yet.
    pub(crate) spans: Vec<Span>,
    /// Counted from the store, with what every node wrote there; else from this node's memory.
    pub(crate) is_stored: bool,
    /// When the oldest line was written that is kept: before it nothing is known.
    pub(crate) oldest: Option<WallMillis>,
}

impl Outcomes {
    fn new(stretch: Stretch, now: WallMillis) -> Self {
        let (width, many) = stretch.spans();
        let last = now.div_euclid(width) * width;
        let begins = (0..many).rev().map(|n| last - width * i64::try_from(n).unwrap_or(0));
        let spans = begins.map(|begins| Span { begins, counts: BTreeMap::new() }).collect();
        Self { stretch, width, spans, is_stored: false, oldest: None }
    }

    fn begins(&self) -> WallMillis {
        self.spans.first().map_or(0, |span| span.begins)
    }

    /// Lines of before and, by a clock that runs ahead, of after are of no span.
    fn add(&mut self, counted: EntryCount) {
        let place = (counted.begins - self.begins()).div_euclid(self.width);
        let span = usize::try_from(place).ok().and_then(|place| self.spans.get_mut(place));
        if let Some(span) = span {
            *span.counts.entry(counted.outcome.as_str()).or_default() += counted.count;
        }
    }

    /// All spans together, for each outcome that there was.
    pub(crate) fn totals(&self) -> BTreeMap<&'static str, u64> {
        let mut totals = BTreeMap::new();
        for (outcome, count) in self.spans.iter().flat_map(|span| &span.counts) {
            *totals.entry(*outcome).or_default() += count;
        }
        totals
    }
}

impl EntryLog {
    /// Outcomes over a stretch of time that ends now.
    ///
    /// # Errors
    /// The store is away.
    pub(crate) async fn outcomes(&self, stretch: Stretch) -> Stored<Outcomes> {
        let mut outcomes = Outcomes::new(stretch, self.clock.wall());
        let (begins, width) = (outcomes.begins(), outcomes.width);
        outcomes.is_stored = self.queue.is_some();
        if outcomes.is_stored {
            outcomes.oldest = self.storage.oldest_entry().await?;
            for counted in self.storage.entry_counts(begins, width).await? {
                outcomes.add(counted);
            }
            return Ok(outcomes);
        }
        let state = self.lock();
        outcomes.oldest = state.ring.oldest();
        for (at, outcome) in state.ring.since(begins) {
            outcomes.add(EntryCount { begins: at, outcome, count: 1 });
        }
        Ok(outcomes)
    }
}

#[cfg(test)]
mod tests {
    use anteroom_protocol::attempt::Outcome;

    use super::*;

    #[test]
    fn spans_follow_each_other_and_the_last_one_holds_now() {
        for stretch in Stretch::ALL {
            let now = 1_763_712_123_456;
            let outcomes = Outcomes::new(stretch, now);
            let (width, many) = stretch.spans();
            assert_eq!(outcomes.spans.len(), many);
            assert!(outcomes.spans.windows(2).all(|two| two[1].begins - two[0].begins == width));
            let last = outcomes.spans.last().unwrap().begins;
            assert!(last <= now && now < last + width && last % width == 0);
            assert_eq!(Stretch::parse(stretch.as_str()), Some(stretch));
        }
        assert_eq!(Stretch::parse("1d"), None);
    }

    #[test]
    fn a_line_is_counted_in_the_span_that_it_was_written_in_and_in_no_other() {
        let mut outcomes = Outcomes::new(Stretch::Hour, 100 * HOUR);
        let first = outcomes.begins();
        let mut add = |begins, outcome| outcomes.add(EntryCount { begins, outcome, count: 2 });
        add(first, Outcome::Entered);
        add(first + MINUTE - 1, Outcome::Refused);
        add(100 * HOUR, Outcome::Entered);
        add(first - 1, Outcome::Entered);
        add(100 * HOUR + MINUTE, Outcome::Entered);
        assert_eq!(outcomes.spans[0].counts, BTreeMap::from([("entered", 2), ("refused", 2)]));
        assert_eq!(outcomes.spans[59].counts, BTreeMap::from([("entered", 2)]));
        assert_eq!(outcomes.totals(), BTreeMap::from([("entered", 4), ("refused", 2)]));
    }
}
