//! How long things took: one histogram per step, in microseconds, three significant digits.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longest span kept apart from longer ones.
const SPAN_US_MAX: u64 = 600_000_000;

/// Spans of one step.
#[derive(Clone)]
pub(crate) struct Spans(Histogram<u64>);

/// The figures of one step, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Figures {
    pub(crate) count: u64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl Spans {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self(Histogram::new_with_max(SPAN_US_MAX, 3)?))
    }

    pub(crate) fn note(&mut self, span: Duration) {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros.max(1));
    }

    /// Adds the spans of another.
    pub(crate) fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        Ok(self.0.add(&other.0)?)
    }

    pub(crate) fn figures(&self) -> Figures {
        let ms = |micros: u64| Duration::from_micros(micros).as_secs_f64() * 1e3;
        Figures {
            count: self.0.len(),
            p50_ms: ms(self.0.value_at_quantile(0.5)),
            p99_ms: ms(self.0.value_at_quantile(0.99)),
            max_ms: ms(self.0.max()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_milliseconds_within_a_thousandth() {
        let mut spans = Spans::new().unwrap();
        for ms in 1..=1000 {
            spans.note(Duration::from_millis(ms));
        }
        let figures = spans.figures();
        assert_eq!(figures.count, 1000);
        for (got, expected) in
            [(figures.p50_ms, 500.0), (figures.p99_ms, 990.0), (figures.max_ms, 1000.0)]
        {
            assert!((got - expected).abs() / expected < 2e-3, "{got} is not {expected}");
        }
    }

    #[test]
    fn no_spans_and_endless_spans_have_figures_too() {
        let mut spans = Spans::new().unwrap();
        assert_eq!(spans.figures().count, 0);
        spans.note(Duration::MAX);
        assert!(spans.figures().max_ms >= 600_000.0);
    }
}
