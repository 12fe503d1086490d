//! Whether two runs tell the same story: no pair of subjects that both runs tell apart may change places.

use std::fmt::Write as _;

use super::data::{FigureInfo, Run};
use super::summary::{Spread, Summary};

/// A pair whose order by the median is another in the second run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Swapped {
    /// The better one in the first run, and the other.
    pub(crate) better: String,
    pub(crate) worse: String,
    /// Whether their intervals overlap in the first run, and in the second.
    pub(crate) overlap: [bool; 2],
}

impl Swapped {
    /// Each run is sure of its own order, and the orders differ.
    pub(crate) fn is_a_contradiction(&self) -> bool {
        self.overlap == [false, false]
    }
}

/// One figure of one scenario in both runs.
#[derive(Clone, Debug)]
pub(crate) struct Compared {
    pub(crate) scenario: String,
    pub(crate) figure: String,
    /// Pairs that are in both runs, and those of them that both tell apart.
    pub(crate) pairs: usize,
    pub(crate) decided: usize,
    pub(crate) swapped: Vec<Swapped>,
}

impl Compared {
    pub(crate) fn agrees(&self) -> bool {
        !self.swapped.iter().any(Swapped::is_a_contradiction)
    }
}

/// Two runs, figure by figure.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    pub(crate) figures: Vec<Compared>,
    /// Who is convicted in one run alone, with its number there (1 or 2).
    pub(crate) convicted_once: Vec<(String, usize)>,
}

impl Comparison {
    /// Whether all rankings do. Two runs that share no figure agree on nothing.
    pub(crate) fn agrees(&self) -> bool {
        !self.figures.is_empty() && self.figures.iter().all(Compared::agrees)
    }

    /// It as plain text: a line for each figure, and one for each pair whose order changed.
    pub(crate) fn table(&self) -> String {
        let mut text = format!(
            "{:<18} {:<18} {:>5} {:>8} {:>8}  ranking\n",
            "scenario", "figure", "pairs", "decided", "swapped"
        );
        for it in &self.figures {
            let verdict = match (it.agrees(), it.decided) {
                (false, _) => "CONTRADICTS",
                (true, 0) => "nothing decided",
                (true, _) => "agrees",
            };
            let Compared { scenario, figure, pairs, decided, swapped } = it;
            let swaps = swapped.len();
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{scenario:<18} {figure:<18} {pairs:>5} {decided:>8} {swaps:>8}  {verdict}"
            );
            for Swapped { better, worse, overlap } in swapped {
                let how = match overlap {
                    [true, true] => "their intervals overlap in both runs",
                    [true, false] => "their intervals overlap in the first run",
                    [false, true] => "their intervals overlap in the second run",
                    [false, false] => "their intervals overlap in neither run",
                };
                let _ = writeln!(text, "    {better} was better than {worse}, now worse: {how}");
            }
        }
        for (subject, run) in &self.convicted_once {
            let _ = writeln!(text, "{subject} is convicted of a fault in run {run} alone");
        }
        text.push_str(match self.agrees() {
            true => "the rankings agree\n",
            false => "the rankings do not agree\n",
        });
        text
    }
}

/// Compares two runs in all figures that both have.
pub(crate) fn compare(first: &Run, second: &Run) -> Comparison {
    let (one, other) = (Summary::new(first), Summary::new(second));
    let mut figures = Vec::new();
    for scenario in &first.scenarios {
        let Some(there) = other.scenario(&scenario.id) else { continue };
        for figure in &scenario.figures {
            if there.figures.iter().any(|it| it.id == figure.id) {
                figures.push(one_figure([&one, &other], &scenario.id, figure));
            }
        }
    }
    let mut convicted_once = Vec::new();
    for subject in first.subjects.iter().filter(|it| other.subject(&it.id).is_some()) {
        let is_convicted = [&one, &other].map(|it| it.record(&subject.id).is_convicted());
        match is_convicted {
            [true, false] => convicted_once.push((subject.id.clone(), 1)),
            [false, true] => convicted_once.push((subject.id.clone(), 2)),
            _ => {}
        }
    }
    Comparison { figures, convicted_once }
}

fn one_figure(runs: [&Summary<'_>; 2], scenario: &str, figure: &FigureInfo) -> Compared {
    let ranked = runs[0].ranking(scenario, figure);
    let mut compared = Compared {
        scenario: scenario.to_owned(),
        figure: figure.id.clone(),
        pairs: 0,
        decided: 0,
        swapped: Vec::new(),
    };
    let in_second = |id: &str| runs[1].figure(id, scenario, &figure.id);
    for (n, better) in ranked.iter().enumerate() {
        for worse in &ranked[n + 1..] {
            let (one, other) = (&better.subject.id, &worse.subject.id);
            let (Some(first), Some(second)) = (in_second(one), in_second(other)) else { continue };
            compared.pairs += 1;
            let overlap = [!better.spread.is_apart(&worse.spread), !first.is_apart(&second)];
            compared.decided += usize::from(overlap == [false, false]);
            if is_ahead(&second, &first, figure) && better.spread.median != worse.spread.median {
                let (better, worse) = (one.clone(), other.clone());
                compared.swapped.push(Swapped { better, worse, overlap });
            }
        }
    }
    compared
}

fn is_ahead(one: &Spread, other: &Spread, figure: &FigureInfo) -> bool {
    match figure.more_is_better {
        true => one.median > other.median,
        false => one.median < other.median,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::fixture;

    #[test]
    fn a_run_agrees_with_itself_and_with_one_that_only_shifts_what_overlaps() {
        let run = fixture::of_figure(&[("a", 0.0), ("b", 3.0), ("c", 50.0)], 10);
        let same = compare(&run, &run);
        assert!(same.agrees());
        assert_eq!((same.figures[0].pairs, same.figures[0].decided), (3, 2));
        assert!(same.figures[0].swapped.is_empty());
        let shifted = fixture::of_figure(&[("a", 3.0), ("b", 0.0), ("c", 50.0)], 10);
        let close = compare(&run, &shifted);
        assert!(close.agrees());
        let (better, worse) = ("b".to_owned(), "a".to_owned());
        assert_eq!(close.figures[0].swapped, [Swapped { better, worse, overlap: [true, true] }]);
        assert!(close.table().contains("b was better than a, now worse"), "{}", close.table());
    }

    #[test]
    fn a_swap_contradicts_only_where_both_runs_are_sure() {
        let run = fixture::of_figure(&[("a", 0.0), ("b", 50.0)], 10);
        let turned = fixture::of_figure(&[("a", 50.0), ("b", 0.0)], 10);
        let comparison = compare(&run, &turned);
        assert!(!comparison.agrees());
        assert!(comparison.table().contains("CONTRADICTS"), "{}", comparison.table());
        let barely = fixture::of_figure(&[("a", 3.0), ("b", 0.0)], 10);
        let comparison = compare(&run, &barely);
        assert!(comparison.agrees());
        assert_eq!(comparison.figures[0].swapped[0].overlap, [false, true]);
        let few = fixture::of_figure(&[("a", 50.0), ("b", 0.0)], 2);
        assert!(compare(&run, &few).agrees());
    }

    #[test]
    fn less_is_better_turns_the_order() {
        let mut run = fixture::of_figure(&[("a", 0.0), ("b", 50.0)], 10);
        run.scenarios[0].figures[0].more_is_better = false;
        let turned = fixture::of_figure(&[("a", 50.0), ("b", 0.0)], 10);
        let comparison = compare(&run, &turned);
        assert_eq!(comparison.figures[0].swapped[0].better, "a");
        assert!(!comparison.agrees());
    }

    #[test]
    fn who_is_convicted_in_one_run_alone_is_named_and_strangers_agree_on_nothing() {
        let run = fixture::run();
        let mut other = run.clone();
        other.cells.iter_mut().find(|it| it.subject == "redis-1").unwrap().faults.leaked = 1;
        let comparison = compare(&run, &other);
        assert_eq!(comparison.convicted_once, [("redis-1".to_owned(), 2)]);
        assert!(comparison.agrees());
        other.scenarios.clear();
        assert!(!compare(&run, &other).agrees());
    }
}
