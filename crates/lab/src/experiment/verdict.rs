//! Which strategy for which use: read off the figures, for whoever has to decide.

use super::data::{Run, SubjectInfo};
use super::summary::{Stat, Summary};

/// From how many of a hundred reservations on that still open after a crash a strategy keeps its promises.
const KEPT: f64 = 99.0;

/// Who may be taken for a use.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Anyone,
    /// Without a program beside the server.
    Alone,
    /// What was promised outlives a crash of the server.
    KeepsPromises,
    /// Several servers can share it.
    Several,
}

/// What decides.
#[derive(Clone, Copy)]
struct By {
    scenario: &'static str,
    figure: &'static str,
}

/// `(need, who may be taken, what decides, what that is in words)`.
const USES: [(&str, Who, By, &str); 8] = [
    (
        "One machine, and nothing else to install",
        Who::Alone,
        By { scenario: "sustained", figure: "rate_p99_50" },
        "entries per second with p99 within 50 ms",
    ),
    (
        "A crash must not cost anybody a promised seat",
        Who::KeepsPromises,
        By { scenario: "sustained", figure: "rate_p99_50" },
        "entries per second with p99 within 50 ms",
    ),
    (
        "Several servers",
        Who::Several,
        By { scenario: "sustained", figure: "rate_p99_50" },
        "entries per second with p99 within 50 ms",
    ),
    (
        "Everybody at once in front of one room",
        Who::Anyone,
        By { scenario: "burst", figure: "burst_ms" },
        "until 200 were answered",
    ),
    (
        "Many rooms, load all day",
        Who::Anyone,
        By { scenario: "sustained", figure: "saturation" },
        "most entries completed per second",
    ),
    (
        "Small rooms that people come to and leave all the time",
        Who::Anyone,
        By { scenario: "churn", figure: "entries_per_s" },
        "entries per second",
    ),
    (
        "Back soonest after a crash",
        Who::Anyone,
        By { scenario: "kill", figure: "recovery_ms" },
        "until somebody was inside again",
    ),
    (
        "The store of the seats may stand still",
        Who::Anyone,
        By { scenario: "outage", figure: "recovery_ms" },
        "from its return until somebody was inside again",
    ),
];

/// What to take for one use.
#[derive(Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) need: &'static str,
    /// Titles of who is ahead: several where their intervals overlap.
    pub(crate) take: Vec<String>,
    pub(crate) because: String,
}

/// The verdicts for which there are figures. Baselines never win.
pub(crate) fn verdicts(summary: &Summary<'_>) -> Vec<Verdict> {
    USES.iter().filter_map(|it| verdict(summary, *it)).collect()
}

fn verdict(
    summary: &Summary<'_>,
    (need, who, by, what): (&'static str, Who, By, &str),
) -> Option<Verdict> {
    let figure = info(summary.run, by)?;
    let real = summary.run.subjects.iter().filter(|it| !it.is_baseline);
    let mut found: Vec<(&SubjectInfo, Stat)> = real
        .filter(|it| may_be_taken(summary, it, who))
        .filter_map(|it| Some((it, summary.group(&it.id, by.scenario).figure(by.figure)?)))
        .collect();
    found.sort_by(|(_, a), (_, b)| match figure.more_is_better {
        true => b.median.total_cmp(&a.median),
        false => a.median.total_cmp(&b.median),
    });
    let (_, best) = *found.first()?;
    let (ahead, behind): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(_, stat)| stat.overlaps(&best));
    let value = |stat: &Stat| spoken(stat, &figure.unit);
    let mut because = format!("{what}: {}", value(&best));
    if let Some((next, stat)) = behind.first() {
        because.push_str(&format!("; next {} with {}", next.title, value(stat)));
    }
    if ahead.len() > 1 {
        because.push_str("; between those named no difference was seen");
    }
    let take = ahead.iter().map(|(it, _)| it.title.clone()).collect();
    Some(Verdict { need, take, because })
}

fn info(run: &Run, by: By) -> Option<super::data::FigureInfo> {
    let scenario = run.scenarios.iter().find(|it| it.id == by.scenario)?;
    scenario.figures.iter().find(|it| it.id == by.figure).cloned()
}

fn may_be_taken(summary: &Summary<'_>, subject: &SubjectInfo, who: Who) -> bool {
    match who {
        Who::Anyone => true,
        Who::Alone => matches!(subject.id.as_str(), "semaphore" | "conditional-sqlite"),
        Who::KeepsPromises => {
            let kept = summary.group(&subject.id, "kill").figure("promises_kept");
            kept.is_some_and(|kept| kept.median >= KEPT)
        }
        Who::Several => matches!(subject.id.as_str(), "conditional-postgresql" | "redis-3"),
    }
}

/// A figure as people say it, with its interval.
pub(crate) fn spoken(stat: &Stat, unit: &str) -> String {
    let space = if unit.starts_with('/') || unit.is_empty() { "" } else { " " };
    if stat.n < 2 {
        return format!("{}{space}{unit}", round(stat.median));
    }
    format!("{}{space}{unit} ({} to {})", round(stat.median), round(stat.low), round(stat.high))
}

/// Three digits that count.
pub(crate) fn round(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 1_000.0 => {
            let whole = format!("{value:.0}");
            let cut = whole.len() - 3;
            format!("{},{}", &whole[..cut], &whole[cut..])
        }
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::run;

    fn of(run: &Run, need: &str) -> Verdict {
        verdicts(&Summary::of(run)).into_iter().find(|it| it.need.contains(need)).unwrap()
    }

    #[test]
    fn who_is_ahead_is_taken_and_a_baseline_never_is() {
        let verdict = of(&run(10), "Everybody at once");
        assert_eq!(verdict.take, ["semaphore"]);
        assert!(verdict.because.contains("next conditional on SQLite"), "{verdict:?}");
    }

    #[test]
    fn who_forgets_promises_is_not_taken_where_they_must_be_kept() {
        let mut run = run(10);
        for cell in run.cells.iter_mut().filter(|cell| cell.scenario == "kill") {
            let kept = if cell.subject == "semaphore" { 0.0 } else { 100.0 };
            cell.figures.insert("promises_kept".to_owned(), kept);
        }
        assert_eq!(of(&run, "must not cost").take, ["conditional on SQLite"]);
    }

    #[test]
    fn between_whom_no_difference_was_seen_both_are_named() {
        let mut run = run(10);
        let mut same: Vec<_> =
            run.cells.iter().filter(|it| it.subject == "semaphore").cloned().collect();
        same.iter_mut().for_each(|cell| cell.subject = "redis-1".to_owned());
        run.cells.retain(|cell| cell.subject != "redis-1");
        run.cells.extend(same);
        let verdict = of(&run, "Everybody at once");
        assert_eq!(verdict.take, ["semaphore", "Redis, one node"]);
        assert!(verdict.because.contains("no difference"));
    }

    #[test]
    fn numbers_have_three_digits_that_count() {
        let texts = [0.0, 0.456, 4.56, 45.67, 456.7, 45_678.0].map(round);
        assert_eq!(texts, ["0", "0.46", "4.56", "45.7", "457", "45,678"]);
    }
}
