//! How long a strategy takes to decide.
//!
//! Measured on the hot path: two readings of the clock and one short, uncontended lock. The
//! histograms are found once, at the start.

use std::time::Duration;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use super::Labels;

/// Seconds: a step in memory takes microseconds, a script or a transaction milliseconds.
const BUCKETS: [f64; 17] = [
    1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2,
    0.1, 0.5, 2.5,
];

type Histograms = Family<Labels<2>, Histogram, fn() -> Histogram>;

/// The verbs that decide over a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// A seat for one.
    Reserve,
    /// Seats for several, or none.
    ReserveParty,
    /// A place in the line, or a seat.
    Wait,
    /// A ticket becomes a seat.
    Confirm,
}

/// One histogram for each verb.
pub(crate) struct Decisions {
    family: Histograms,
    reserve: Histogram,
    reserve_party: Histogram,
    wait: Histogram,
    confirm: Histogram,
}

impl Decisions {
    pub(super) fn new(strategy: &'static str) -> Self {
        let family = Histograms::new_with_constructor(|| Histogram::new(BUCKETS));
        let of = |verb| family.get_or_create_owned(&[("strategy", strategy), ("verb", verb)]);
        Self {
            reserve: of("reserve"),
            reserve_party: of("reserve_party"),
            wait: of("wait"),
            confirm: of("confirm"),
            family,
        }
    }

    pub(super) fn family(&self) -> Histograms {
        self.family.clone()
    }

    /// A step was taken.
    pub(crate) fn took(&self, verb: Verb, span: Duration) {
        let histogram = match verb {
            Verb::Reserve => &self.reserve,
            Verb::ReserveParty => &self.reserve_party,
            Verb::Wait => &self.wait,
            Verb::Confirm => &self.confirm,
        };
        histogram.observe(span.as_secs_f64());
    }
}
