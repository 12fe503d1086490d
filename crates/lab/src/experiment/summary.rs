//! Many repetitions summed up: a median for each figure, with an interval that assumes nothing of how the
//! repetitions are distributed.

use std::collections::BTreeMap;

use super::data::{Cell, Faults, Latency, Rules, Run};

/// What an interval is to cover.
const COVERAGE: f64 = 0.95;

/// One figure over its repetitions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stat {
    pub(crate) n: usize,
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// How surely the median of all such runs lies within: an order statistic's, exact for any distribution. Below
    /// six repetitions it cannot be 95 %.
    pub(crate) coverage: f64,
}

impl Stat {
    /// Sums up; nothing of nothing.
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.retain(|value| value.is_finite());
        values.sort_by(f64::total_cmp);
        let n = values.len();
        let middle = *values.get(n / 2)?;
        let median = if n % 2 == 1 { middle } else { f64::midpoint(values[n / 2 - 1], middle) };
        let (rank, coverage) = ranks(n);
        Some(Self { n, median, low: values[rank - 1], high: values[n - rank], coverage })
    }

    /// Whether two differ by no more than their intervals allow for.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

/// The rank `k` for which the `k`-th smallest and the `k`-th largest of `n` values still enclose the median with
/// the coverage that is wanted, and what they cover: 1 − 2·P(B(n, ½) < k).
fn ranks(n: usize) -> (usize, f64) {
    let mut outside = 2.0 * 0.5f64.powf(n as f64);
    let (mut term, mut best) = (outside, (1, 1.0 - outside));
    for k in 2..=n / 2 {
        term *= (n - k + 2) as f64 / (k - 1) as f64;
        outside += term;
        if 1.0 - outside < COVERAGE {
            break;
        }
        best = (k, 1.0 - outside);
    }
    best
}

/// The cells of one subject in one scenario.
#[derive(Default)]
pub(crate) struct Group<'a> {
    pub(crate) cells: Vec<&'a Cell>,
}

impl Group<'_> {
    fn stat(&self, value: impl Fn(&Cell) -> Option<f64>) -> Option<Stat> {
        Stat::of(self.cells.iter().filter_map(|cell| value(cell)).collect())
    }

    pub(crate) fn figure(&self, id: &str) -> Option<Stat> {
        self.stat(|cell| cell.figures.get(id).copied())
    }

    /// Processor time of one process for each decision.
    pub(crate) fn cpu(&self, process: &str) -> Option<Stat> {
        self.stat(|cell| cell.cpu_us.get(process).copied())
    }

    /// Processor time of the server and its stores for each decision.
    pub(crate) fn cost(&self) -> Option<Stat> {
        self.stat(|cell| {
            let served = cell.cpu_us.iter().filter(|(process, _)| *process != "lab");
            let sum: f64 = served.map(|(_, us)| us).sum();
            (sum > 0.0).then_some(sum)
        })
    }

    pub(crate) fn latency(&self, step: &str, of: impl Fn(&Latency) -> f64) -> Option<Stat> {
        self.stat(|cell| cell.latency.get(step).map(&of))
    }

    pub(crate) fn rules(&self) -> Option<Rules> {
        let all: Vec<Rules> = self.cells.iter().filter_map(|cell| cell.rules).collect();
        let first = Rules { inside_at_once: 0, ..Rules::default() };
        (!all.is_empty()).then(|| all.into_iter().fold(first, add_rules))
    }

    /// Why it was not run, if it never was.
    pub(crate) fn not_run(&self) -> Option<&str> {
        let is_run = self.cells.iter().any(|cell| cell.not_run.is_none());
        if is_run { None } else { self.cells.first()?.not_run.as_deref() }
    }
}

/// A run, by subject and scenario.
pub(crate) struct Summary<'a> {
    pub(crate) run: &'a Run,
    groups: BTreeMap<(&'a str, &'a str), Group<'a>>,
    none: Group<'a>,
}

impl<'a> Summary<'a> {
    pub(crate) fn of(run: &'a Run) -> Self {
        let mut groups: BTreeMap<_, Group<'_>> = BTreeMap::new();
        for cell in &run.cells {
            let key = (cell.subject.as_str(), cell.scenario.as_str());
            groups.entry(key).or_default().cells.push(cell);
        }
        Self { run, groups, none: Group::default() }
    }

    pub(crate) fn group(&self, subject: &str, scenario: &str) -> &Group<'a> {
        let found = self.groups.iter().find(|(key, _)| **key == (subject, scenario));
        found.map_or(&self.none, |(_, group)| group)
    }

    /// Everything that went wrong with a subject.
    pub(crate) fn faults(&self, subject: &str) -> Faults {
        let cells = self.run.cells.iter().filter(|cell| cell.subject == subject);
        cells.fold(Faults::default(), |sum, cell| add(sum, cell.faults))
    }

    /// How many seats were asked for.
    pub(crate) fn decisions(&self, subject: &str) -> u64 {
        let cells = self.run.cells.iter().filter(|cell| cell.subject == subject);
        cells.map(|cell| cell.counts.asked).sum()
    }

    /// What keeps this run from proving anything; nothing if it does prove something.
    pub(crate) fn objections(&self) -> Vec<String> {
        let mut found = Vec::new();
        for subject in &self.run.subjects {
            let faults = self.faults(&subject.id);
            let is_run = self.decisions(&subject.id) > 0;
            if subject.must_overfill && is_run && faults.overfills == 0 {
                found.push(format!(
                    "“{}” was not seen to overfill: the checks of this run may be blind",
                    subject.title
                ));
            }
            if !subject.must_overfill && faults != Faults::default() {
                found.push(format!("“{}” broke its promise: {}", subject.title, words(faults)));
            }
        }
        found
    }
}

/// The faults that there are, in words.
pub(crate) fn words(faults: Faults) -> String {
    let named = named(faults).into_iter().filter(|(_, count)| *count > 0);
    let words: Vec<_> = named.map(|(name, count)| format!("{count} {name}")).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// Each kind of fault with its number.
pub(crate) fn named(faults: Faults) -> [(&'static str, u64); 7] {
    [
        ("overfills", faults.overfills),
        ("false “full”", faults.false_full),
        ("false promises", faults.false_promises),
        ("leaked seats", faults.leaked),
        ("sums that do not add up", faults.conservation),
        ("double seats", faults.exclusion),
        ("contradictions in the history", faults.history),
    ]
}

fn add(sum: Faults, it: Faults) -> Faults {
    Faults {
        overfills: sum.overfills + it.overfills,
        false_full: sum.false_full + it.false_full,
        false_promises: sum.false_promises + it.false_promises,
        leaked: sum.leaked + it.leaked,
        conservation: sum.conservation + it.conservation,
        exclusion: sum.exclusion + it.exclusion,
        history: sum.history + it.history,
    }
}

fn add_rules(sum: Rules, it: Rules) -> Rules {
    Rules {
        requests: sum.requests + it.requests,
        granted: sum.granted + it.granted,
        stale: sum.stale + it.stale,
        overlapping: sum.overlapping + it.overlapping,
        inside_at_once: sum.inside_at_once.max(it.inside_at_once),
        exceeded: sum.exceeded + it.exceeded,
        out_of_order: sum.out_of_order + it.out_of_order,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::run;

    #[test]
    fn an_interval_is_that_of_the_order_statistics() {
        // Known values: of ten the 2nd and the 9th (97.9 %), of twenty the 6th and the 15th (95.9 %).
        let (rank, coverage) = ranks(10);
        assert_eq!(rank, 2);
        assert!((coverage - 0.9785).abs() < 1e-4, "{coverage}");
        let (rank, coverage) = ranks(20);
        assert_eq!(rank, 6);
        assert!((coverage - 0.9586).abs() < 1e-4, "{coverage}");
        let (rank, coverage) = ranks(5);
        assert_eq!(rank, 1);
        assert!((coverage - 0.9375).abs() < 1e-9, "less than was wanted, and told: {coverage}");
        let stat = Stat::of((1..=10).map(f64::from).collect()).unwrap();
        assert_eq!((stat.median, stat.low, stat.high), (5.5, 2.0, 9.0));
        assert_eq!(Stat::of(Vec::new()), None);
        assert_eq!(Stat::of(vec![3.0]).unwrap().coverage, 0.0);
    }

    #[test]
    fn a_run_whose_checks_saw_nothing_proves_nothing() {
        let mut run = run(10);
        assert_eq!(Summary::of(&run).objections(), Vec::<String>::new());
        run.cells.iter_mut().for_each(|cell| cell.faults.overfills = 0);
        assert_eq!(Summary::of(&run).objections().len(), 1);
    }

    #[test]
    fn a_strategy_with_a_fault_is_named() {
        let mut run = run(10);
        let cell = run.cells.iter_mut().find(|cell| cell.subject == "redis-3").unwrap();
        cell.faults.leaked = 2;
        let objections = Summary::of(&run).objections();
        assert!(objections[0].contains("three nodes") && objections[0].contains("2 leaked"));
    }
}
