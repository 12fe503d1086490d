//! Who is ahead of whom in a figure, and whether two runs say the same.

use std::fmt::Write as _;

use super::data::{FigureInfo, Run};
use super::summary::{Stat, Summary};

/// The subjects that have a figure, best first.
pub(crate) fn ranked<'a>(
    summary: &'a Summary<'_>,
    scenario: &str,
    figure: &FigureInfo,
) -> Vec<(&'a str, Stat)> {
    let subjects = summary.run.subjects.iter();
    let mut found: Vec<_> = subjects
        .filter_map(|it| {
            Some((it.id.as_str(), summary.group(&it.id, scenario).figure(&figure.id)?))
        })
        .collect();
    found.sort_by(|(_, a), (_, b)| match figure.more_is_better {
        true => b.median.total_cmp(&a.median),
        false => a.median.total_cmp(&b.median),
    });
    found
}

/// Two subjects whose order is not the same in both runs.
#[derive(Debug, PartialEq)]
pub(crate) struct Swap {
    pub(crate) one: String,
    pub(crate) other: String,
    /// Their intervals overlap in at least one of the runs: no order was claimed there.
    pub(crate) is_within_intervals: bool,
}

/// One figure of two runs.
#[derive(Debug)]
pub(crate) struct Agreement {
    pub(crate) figure: String,
    /// Pairs of subjects that were compared, and those of them whose order was claimed in both runs.
    pub(crate) pairs: usize,
    pub(crate) claimed: usize,
    pub(crate) swaps: Vec<Swap>,
}

/// Compares the order of subjects in every figure that both runs have.
pub(crate) fn compare(first: &Run, second: &Run) -> Vec<Agreement> {
    let (a, b) = (Summary::of(first), Summary::of(second));
    let mut all = Vec::new();
    for scenario in &first.scenarios {
        for figure in &scenario.figures {
            let before = ranked(&a, &scenario.id, figure);
            let after = ranked(&b, &scenario.id, figure);
            let name = format!("{}: {}", scenario.title, figure.title);
            let agreement = agreement(name, &before, &after);
            if agreement.pairs > 0 {
                all.push(agreement);
            }
        }
    }
    all
}

fn agreement(figure: String, before: &[(&str, Stat)], after: &[(&str, Stat)]) -> Agreement {
    let mut it = Agreement { figure, pairs: 0, claimed: 0, swaps: Vec::new() };
    let place = |name: &str| after.iter().position(|(other, _)| *other == name);
    for (n, (one, one_before)) in before.iter().enumerate() {
        for (other, other_before) in &before[n + 1..] {
            let (Some(p), Some(q)) = (place(one), place(other)) else { continue };
            let overlaps = one_before.overlaps(other_before) || after[p].1.overlaps(&after[q].1);
            it.pairs += 1;
            it.claimed += usize::from(!overlaps);
            if p > q {
                it.swaps.push(Swap {
                    one: (*one).to_owned(),
                    other: (*other).to_owned(),
                    is_within_intervals: overlaps,
                });
            }
        }
    }
    it
}

/// Whether no order that both runs claim was turned round.
pub(crate) fn agrees(all: &[Agreement]) -> bool {
    all.iter().flat_map(|it| &it.swaps).all(|swap| swap.is_within_intervals)
}

/// The comparison as a text.
pub(crate) fn text(all: &[Agreement]) -> String {
    let mut text = String::new();
    for it in all {
        let turned: Vec<_> = it.swaps.iter().filter(|swap| !swap.is_within_intervals).collect();
        let loose = it.swaps.len() - turned.len();
        // Writing into a text cannot fail.
        let _ = writeln!(
            text,
            "{:<72} {:>2} of {:>2} pairs apart in both runs, {} turned round, {loose} swapped within their intervals",
            it.figure,
            it.claimed,
            it.pairs,
            turned.len()
        );
        for swap in turned {
            let _ = writeln!(text, "    turned round: {} and {}", swap.one, swap.other);
        }
        for swap in it.swaps.iter().filter(|swap| swap.is_within_intervals) {
            let _ = writeln!(text, "    overlap: {} and {}", swap.one, swap.other);
        }
    }
    let verdict = if agrees(all) { "the runs agree" } else { "the runs do NOT agree" };
    let _ = writeln!(text, "{verdict}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::run;

    fn scaled(subject: &str, factor: f64) -> Run {
        let mut run = run(10);
        for cell in run.cells.iter_mut().filter(|cell| cell.subject == subject) {
            cell.figures.values_mut().for_each(|value| *value *= factor);
        }
        run
    }

    #[test]
    fn a_run_agrees_with_itself_and_not_with_one_in_which_somebody_overtook() {
        let same = compare(&run(10), &run(10));
        assert!(agrees(&same) && same.iter().all(|it| it.swaps.is_empty()));
        assert!(same.iter().any(|it| it.claimed > 0));
        let other = compare(&run(10), &scaled("redis-3", 1e6));
        assert!(!agrees(&other));
        assert!(text(&other).contains("turned round: "));
    }

    #[test]
    fn who_changes_places_within_the_intervals_is_named_and_no_contradiction() {
        let near = compare(&run(10), &scaled("room-lock", 1.02));
        assert!(agrees(&near), "{}", text(&near));
    }
}
