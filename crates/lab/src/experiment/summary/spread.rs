//! A median and what is known of it, without assuming any distribution: the interval goes from one value in
//! the order to another, and how surely it holds the true median follows from counting heads and tails.

/// How surely an interval must hold the median to be called one.
const CONFIDENCE: f64 = 0.95;

/// What repeated measurements of one number came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) n: usize,
    pub(crate) median: f64,
    /// The interval of the median; the least and the most where there are too few values for one.
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    /// How surely the true median lies between `low` and `high`.
    pub(crate) coverage: f64,
}

impl Spread {
    /// Nothing where there are no values. Those that are no numbers do not count.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut all: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        all.sort_by(f64::total_cmp);
        let (least, most) = (*all.first()?, *all.last()?);
        let n = all.len();
        let (rank, coverage) = rank(n);
        let (below, above) = (all[(n - 1) / 2], all[n / 2]);
        Some(Self {
            n,
            median: f64::midpoint(below, above),
            low: all[rank - 1],
            high: all[n - rank],
            least,
            most,
            coverage,
        })
    }

    /// Whether `low` and `high` are an interval, not just the least and the most.
    pub(crate) fn is_interval(&self) -> bool {
        self.coverage >= CONFIDENCE
    }

    /// Whether the two differ by more than chance explains. With intervals: they do not overlap. With too few
    /// values for those: all of one lie beyond all of the other, and that is rare among as many of one kind.
    pub(crate) fn is_apart(&self, other: &Self) -> bool {
        if self.is_interval() && other.is_interval() {
            return self.high < other.low || other.high < self.low;
        }
        let by_chance = 2.0 / ways(self.n + other.n, self.n);
        (self.most < other.least || other.most < self.least) && by_chance <= 1.0 - CONFIDENCE
    }

    /// Whether it is apart from another on the better side.
    pub(crate) fn is_better(&self, other: &Self, more_is_better: bool) -> bool {
        self.is_apart(other) && (self.median > other.median) == more_is_better
    }
}

/// The rank from either end (1 is the end) of the narrowest interval among `n` values that is sure enough, and
/// how sure it is; the ends where none is.
fn rank(n: usize) -> (usize, f64) {
    // The interval misses when fewer than `rank` values lie on one side: heads and tails of n coins.
    let mut outcome = 0.5_f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
    let (mut rank, mut missed) = (1, 2.0 * outcome);
    loop {
        outcome *= (n + 1 - rank) as f64 / rank as f64;
        let wider_miss = missed + 2.0 * outcome;
        if wider_miss > 1.0 - CONFIDENCE || rank >= n / 2 {
            return (rank, (1.0 - missed).max(0.0));
        }
        missed = wider_miss;
        rank += 1;
    }
}

/// In how many ways `k` are chosen from `n`.
fn ways(n: usize, k: usize) -> f64 {
    (1..=k).map(|i| (n - k + i) as f64 / i as f64).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upto(n: u32) -> Spread {
        Spread::of((1..=n).rev().map(f64::from)).unwrap()
    }

    #[test]
    fn the_interval_lies_at_the_known_ranks_with_its_true_coverage() {
        // From tables of the sign test.
        for (n, low, high, coverage) in [
            (6, 1.0, 6.0, 0.968_75),
            (8, 1.0, 8.0, 0.992_19),
            (9, 2.0, 8.0, 0.960_94),
            (10, 2.0, 9.0, 0.978_52),
            (15, 4.0, 12.0, 0.964_84),
            (20, 6.0, 15.0, 0.958_61),
        ] {
            let spread = upto(n);
            assert_eq!((spread.low, spread.high), (low, high), "n = {n}");
            assert!((spread.coverage - coverage).abs() < 1e-5, "n = {n}: {}", spread.coverage);
            assert!(spread.is_interval());
        }
    }

    #[test]
    fn fewer_than_six_values_have_no_interval_but_ends() {
        for n in 1..6 {
            let spread = upto(n);
            assert!(!spread.is_interval(), "n = {n}");
            assert_eq!((spread.low, spread.high), (1.0, f64::from(n)));
        }
        assert!((upto(5).coverage - 0.937_5).abs() < 1e-9);
        assert_eq!(upto(1).coverage, 0.0);
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([f64::NAN, 3.0]).unwrap().n, 1);
    }

    #[test]
    fn the_median_of_an_even_number_lies_in_the_middle() {
        assert_eq!((upto(10).median, upto(9).median), (5.5, 5.0));
    }

    #[test]
    fn what_touches_is_not_apart() {
        let at = |from: u32| Spread::of((0..10).map(|n| f64::from(from + n))).unwrap();
        // Intervals 1..8, 8..15 and 9..16.
        assert!(!at(0).is_apart(&at(7)));
        assert!(at(0).is_apart(&at(8)));
        assert!(at(0).is_better(&at(8), false) && !at(0).is_better(&at(8), true));
        assert!(!at(0).is_better(&at(0), true));
    }
}
