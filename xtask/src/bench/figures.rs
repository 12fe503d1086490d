//! What the lab reports, and figures of several runs made one.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// The lab's report of one run.
#[derive(Clone, Debug)]
pub(super) struct Findings(pub(super) Value);

impl Findings {
    pub(super) fn figure(&self, name: &str) -> Option<f64> {
        self.0["figures"][name].as_f64()
    }
}

/// Where in a report a figure stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Read {
    /// Processor time of the server per thing of this name, in microseconds.
    Spent(&'static str),
    /// Things of this name per second.
    Rate(&'static str),
    /// The span below which 99 of 100 of this name lie, in milliseconds.
    P99(&'static str),
    Figure(&'static str),
}

impl Read {
    pub(super) fn from(self, findings: &Findings) -> Option<f64> {
        let report = &findings.0;
        match self {
            Self::Spent(what) => {
                let spent = report["server_cpu"].as_array()?;
                spent.iter().find(|it| it["what"] == what)?["us_each"].as_f64()
            }
            Self::Rate(what) => report["rates_per_second"][what].as_f64(),
            Self::P99(what) => report["latency"][what]["p99_ms"].as_f64(),
            Self::Figure(what) => findings.figure(what),
        }
    }
}

/// The least, the middle and the most of several figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(super) min: f64,
    pub(super) median: f64,
    pub(super) max: f64,
}

impl Spread {
    /// Of no figures there is none.
    pub(super) fn of(figures: &[f64]) -> Option<Self> {
        let mut sorted = figures.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        };
        Some(Self { min, median, max })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.median >= 1000.0 { 0 } else { 2 };
        let Self { min, median, max } = self;
        write!(f, "{min:.digits$} / {median:.digits$} / {max:.digits$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_an_even_number_lies_between_two() {
        let spread = |min, median, max| Some(Spread { min, median, max });
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), spread(1.0, 2.0, 3.0));
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]), spread(1.0, 2.5, 4.0));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn figures_are_read_where_the_lab_writes_them() {
        let report = Findings(serde_json::json!({
            "server_cpu": [{"what": "entry", "us_each": 7.0}, {"what": "delivery", "us_each": 0.5}],
            "rates_per_second": {"deliveries": 9.0},
            "latency": {"delivery": {"p99_ms": 3.0}},
            "figures": {"frame bytes": 400.0},
        }));
        let all = [
            (Read::Spent("delivery"), Some(0.5)),
            (Read::Rate("deliveries"), Some(9.0)),
            (Read::P99("delivery"), Some(3.0)),
            (Read::Figure("frame bytes"), Some(400.0)),
            (Read::Spent("join"), None),
        ];
        for (read, expected) in all {
            assert_eq!(read.from(&report), expected, "{read:?}");
        }
    }
}
