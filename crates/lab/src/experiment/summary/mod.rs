//! What the cells of a run come to: medians with what is known of them, places, and who is convicted of what.
//!
//! Everything is computed when it is asked for: a run is some thousand cells.

mod record;
mod spread;

pub(crate) use self::record::{FAULTS, Record};
pub(crate) use self::spread::Spread;

use std::collections::BTreeMap;

use super::data::{Cell, FigureInfo, Latency, Rate, Run, ScenarioInfo, SubjectInfo};

/// The cells of a run, by what was done to whom.
pub(crate) struct Summary<'a> {
    pub(crate) run: &'a Run,
    /// By subject, then by scenario.
    measured: BTreeMap<&'a str, BTreeMap<&'a str, Vec<&'a Cell>>>,
}

/// How long a step took, over repetitions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepTimes {
    /// Steps, all repetitions together.
    pub(crate) count: u64,
    /// The medians of the repetitions' p50 and p99.
    pub(crate) p50: Spread,
    pub(crate) p99: Spread,
    /// The longest of all.
    pub(crate) max_ms: f64,
}

/// What became of one offered rate, over the repetitions that came to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateTimes {
    pub(crate) offered: f64,
    pub(crate) achieved: Spread,
    pub(crate) p50_ms: Spread,
    pub(crate) p99_ms: Spread,
    pub(crate) server_cores: Spread,
    pub(crate) lab_cores: Spread,
}

/// A subject's place in one figure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed<'a> {
    pub(crate) subject: &'a SubjectInfo,
    pub(crate) spread: Spread,
    /// One more than the number of subjects that are clearly better. Who shares a place is not told apart.
    pub(crate) place: usize,
}

impl<'a> Summary<'a> {
    pub(crate) fn new(run: &'a Run) -> Self {
        let mut measured: BTreeMap<_, BTreeMap<_, Vec<_>>> = BTreeMap::new();
        for cell in run.cells.iter().filter(|cell| cell.not_run.is_none()) {
            let of_subject = measured.entry(cell.subject.as_str()).or_default();
            of_subject.entry(cell.scenario.as_str()).or_default().push(cell);
        }
        Self { run, measured }
    }

    /// The repetitions that were measured.
    pub(crate) fn cells(&self, subject: &str, scenario: &str) -> &[&'a Cell] {
        let of_subject = self.measured.get(subject);
        of_subject.and_then(|all| all.get(scenario)).map_or(&[], Vec::as_slice)
    }

    /// Why none was.
    pub(crate) fn not_run(&self, subject: &str, scenario: &str) -> Option<&'a str> {
        if !self.cells(subject, scenario).is_empty() {
            return None;
        }
        let of_it = |cell: &&Cell| cell.subject == subject && cell.scenario == scenario;
        self.run.cells.iter().find(of_it).and_then(|cell| cell.not_run.as_deref())
    }

    pub(crate) fn subject(&self, id: &str) -> Option<&'a SubjectInfo> {
        self.run.subjects.iter().find(|subject| subject.id == id)
    }

    pub(crate) fn scenario(&self, id: &str) -> Option<&'a ScenarioInfo> {
        self.run.scenarios.iter().find(|scenario| scenario.id == id)
    }

    pub(crate) fn figure(&self, subject: &str, scenario: &str, figure: &str) -> Option<Spread> {
        let cells = self.cells(subject, scenario).iter();
        Spread::of(cells.filter_map(|cell| cell.figures.get(figure).copied()))
    }

    /// Processor time for each decision, by process.
    pub(crate) fn cpu(&self, subject: &str, scenario: &str) -> BTreeMap<&'a str, Spread> {
        let pairs = self.cells(subject, scenario).iter().flat_map(|cell| &cell.cpu_us);
        let spreads = gathered(pairs.map(|(process, us)| (process.as_str(), *us)));
        let spread = |(process, values)| Some((process, Spread::of(values)?));
        spreads.into_iter().filter_map(spread).collect()
    }

    /// How long the steps took, by step.
    pub(crate) fn steps(&self, subject: &str, scenario: &str) -> BTreeMap<&'a str, StepTimes> {
        let pairs = self.cells(subject, scenario).iter().flat_map(|cell| &cell.latency);
        let steps = gathered(pairs.map(|(step, latency)| (step.as_str(), latency)));
        let times = |(step, all): (&'a str, Vec<&Latency>)| {
            let times = StepTimes {
                count: all.iter().map(|it| it.count).sum(),
                p50: Spread::of(all.iter().map(|it| it.p50_ms))?,
                p99: Spread::of(all.iter().map(|it| it.p99_ms))?,
                max_ms: all.iter().map(|it| it.max_ms).fold(0.0, f64::max),
            };
            Some((step, times))
        };
        steps.into_iter().filter_map(times).collect()
    }

    /// Offered rates, lowest first. Those that fewer than half of the repetitions came to are left out: only
    /// the best of them did.
    pub(crate) fn rates(&self, subject: &str, scenario: &str) -> Vec<RateTimes> {
        let cells = self.cells(subject, scenario);
        let rates = cells.iter().flat_map(|cell| &cell.rates);
        // In thousandths: as it was computed, a rate is the same number in each repetition.
        let by_rate = gathered(rates.map(|rate| ((rate.offered * 1e3).round() as u64, rate)));
        let times = |all: Vec<&Rate>| {
            let of = |what: fn(&Rate) -> f64| Spread::of(all.iter().map(|rate| what(rate)));
            Some(RateTimes {
                offered: all.first()?.offered,
                achieved: of(|rate| rate.achieved)?,
                p50_ms: of(|rate| rate.p50_ms)?,
                p99_ms: of(|rate| rate.p99_ms)?,
                server_cores: of(|rate| rate.server_cores)?,
                lab_cores: of(|rate| rate.lab_cores)?,
            })
        };
        let usual = by_rate.into_values().filter(|all| all.len() * 2 >= cells.len());
        usual.filter_map(times).collect()
    }

    /// Who has the figure, best median first.
    pub(crate) fn ranking(&self, scenario: &str, figure: &FigureInfo) -> Vec<Placed<'a>> {
        let with = |subject: &'a SubjectInfo| {
            Some((subject, self.figure(&subject.id, scenario, &figure.id)?))
        };
        let mut all: Vec<_> = self.run.subjects.iter().filter_map(with).collect();
        all.sort_by(|(_, one), (_, other)| match figure.more_is_better {
            true => other.median.total_cmp(&one.median),
            false => one.median.total_cmp(&other.median),
        });
        let place = |spread: &Spread| {
            1 + all.iter().filter(|(_, it)| it.is_better(spread, figure.more_is_better)).count()
        };
        let placed = |&(subject, spread)| Placed { subject, spread, place: place(&spread) };
        all.iter().map(placed).collect()
    }
}

fn gathered<K: Ord, V>(pairs: impl Iterator<Item = (K, V)>) -> BTreeMap<K, Vec<V>> {
    let mut all: BTreeMap<K, Vec<V>> = BTreeMap::new();
    for (key, value) in pairs {
        all.entry(key).or_default().push(value);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::fixture;

    fn figure(more_is_better: bool) -> FigureInfo {
        let (id, title, unit) = ("x".to_owned(), "x".to_owned(), String::new());
        FigureInfo { id, title, unit, more_is_better }
    }

    #[test]
    fn who_overlaps_shares_a_place_and_who_is_clearly_better_goes_before() {
        // 0..9, 5..14 and 30..39: the first two overlap.
        let run = fixture::of_figure(&[("a", 0.0), ("b", 5.0), ("c", 30.0)], 10);
        let summary = Summary::new(&run);
        let places = |more| -> Vec<_> {
            let ranking = summary.ranking("s", &figure(more));
            ranking.iter().map(|it| (it.subject.id.clone(), it.place)).collect()
        };
        let named = |all: &[(&str, usize)]| -> Vec<_> {
            all.iter().map(|(id, place)| ((*id).to_owned(), *place)).collect()
        };
        assert_eq!(places(true), named(&[("c", 1), ("b", 2), ("a", 2)]));
        assert_eq!(places(false), named(&[("a", 1), ("b", 1), ("c", 3)]));
    }

    #[test]
    fn with_too_few_repetitions_nobody_is_told_apart() {
        let run = fixture::of_figure(&[("a", 0.0), ("b", 500.0)], 3);
        let summary = Summary::new(&run);
        assert!(summary.ranking("s", &figure(true)).iter().all(|it| it.place == 1));
        let run = fixture::of_figure(&[("a", 0.0), ("b", 500.0)], 4);
        let places: Vec<_> =
            Summary::new(&run).ranking("s", &figure(true)).iter().map(|it| it.place).collect();
        assert_eq!(places, [1, 2]);
    }

    #[test]
    fn a_rate_that_few_repetitions_came_to_is_left_out() {
        let mut run = fixture::of_figure(&[("a", 0.0)], 10);
        for (n, cell) in run.cells.iter_mut().enumerate() {
            let upto = if n < 4 { 3 } else { 2 };
            let rate = |n| Rate { offered: 100.0 * f64::from(n), ..Rate::default() };
            cell.rates = (1..=upto).map(rate).collect();
        }
        let offered: Vec<_> =
            Summary::new(&run).rates("a", "s").iter().map(|it| it.offered).collect();
        assert_eq!(offered, [100.0, 200.0]);
    }

    #[test]
    fn the_longest_of_a_step_is_the_longest_of_all_repetitions() {
        let mut run = fixture::of_figure(&[("a", 0.0)], 10);
        for (n, cell) in run.cells.iter_mut().enumerate() {
            let (p50_ms, max_ms) = (n as f64, 100.0 - n as f64);
            let latency = Latency { count: 7, p50_ms, max_ms, ..Latency::default() };
            cell.latency.insert("entry".to_owned(), latency);
        }
        let steps = Summary::new(&run).steps("a", "s");
        let entry = steps["entry"];
        assert_eq!((entry.count, entry.max_ms, entry.p50.median), (70, 100.0, 4.5));
    }
}
