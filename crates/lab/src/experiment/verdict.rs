//! Which strategy for which use: who qualifies, who is best in the figure that matters there, and whether the
//! next one is told apart from it. Baselines never win; what they show is what a lock costs.

use super::data::{FigureInfo, SubjectInfo};
use super::summary::{Placed, Spread, Summary};

/// What a strategy needs beside the server, and whether several nodes can share its seats: facts about how it
/// is built, which no figure shows.
struct Build {
    needs_redis: bool,
    needs_postgresql: bool,
    shares_seats: bool,
}

/// Of a subject that the lab does not know nothing is known, so it qualifies for nothing special.
fn build(subject: &str) -> Option<Build> {
    let (needs_redis, needs_postgresql, shares_seats) = match subject {
        "semaphore" | "conditional-sqlite" => (false, false, false),
        "conditional-postgresql" => (false, true, true),
        "redis-1" => (true, false, false),
        "redis-3" => (true, true, true),
        _ => return None,
    };
    Some(Build { needs_redis, needs_postgresql, shares_seats })
}

/// Who may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Anybody,
    NoStore,
    /// No store but this one.
    RedisAlone,
    PostgresqlAlone,
    SharesSeats,
    /// In the median repetition of `kill` every reservation still opened.
    KeepsPromises,
}

impl Condition {
    /// Why a subject does not qualify; nothing if it does.
    fn objection(self, summary: &Summary<'_>, subject: &str) -> Option<String> {
        if self == Self::KeepsPromises {
            let kept = summary.figure(subject, "kill", "promises_kept");
            return match kept {
                None => Some("not measured in kill −9".to_owned()),
                Some(kept) if kept.median < 100.0 => {
                    Some(format!("kept {:.0} % of its promises over kill −9", kept.median))
                }
                Some(_) => None,
            };
        }
        let build = build(subject);
        let holds = |what: fn(&Build) -> bool| build.as_ref().is_some_and(what);
        let (qualifies, why) = match self {
            Self::Anybody | Self::KeepsPromises => (true, ""),
            Self::NoStore => (
                holds(|it| !it.needs_redis && !it.needs_postgresql),
                "needs a store beside the server",
            ),
            Self::RedisAlone => (holds(|it| !it.needs_postgresql), "needs PostgreSQL"),
            Self::PostgresqlAlone => (holds(|it| !it.needs_redis), "needs Redis"),
            Self::SharesSeats => (holds(|it| it.shares_seats), "one node alone knows the seats"),
        };
        (!qualifies).then(|| why.to_owned())
    }
}

/// `(what one has, who may be taken, scenario, figure)`.
const USES: [(&str, Condition, &str, &str); 9] = [
    (
        "have one machine and want to run nothing beside the server",
        Condition::NoStore,
        "sustained",
        "rate_p99_50",
    ),
    (
        "may not lose a promised seat when the server dies",
        Condition::KeepsPromises,
        "kill",
        "recovery_ms",
    ),
    ("need several nodes", Condition::SharesSeats, "sustained", "rate_p99_50"),
    ("operate Redis anyway", Condition::RedisAlone, "sustained", "rate_p99_50"),
    ("operate PostgreSQL anyway", Condition::PostgresqlAlone, "sustained", "rate_p99_50"),
    ("expect bursts on one hot room", Condition::Anybody, "burst", "decisions_per_s"),
    ("have many rooms under sustained load", Condition::Anybody, "sustained", "rate_p99_50"),
    ("keep the seats in a store that may stall", Condition::Anybody, "outage", "recovery_ms"),
    (
        "keep the seats in a store that may be slow",
        Condition::Anybody,
        "slow-store",
        "entries_per_s",
    ),
];

/// The answer for one use.
pub(crate) struct Verdict<'a> {
    /// Goes on after "If you".
    pub(crate) when: &'static str,
    pub(crate) scenario: &'a str,
    pub(crate) figure: &'a FigureInfo,
    /// Who qualifies and was measured, best first, places among themselves. Empty: nobody.
    pub(crate) candidates: Vec<Placed<'a>>,
    /// Who does not, and why.
    pub(crate) out: Vec<(&'a SubjectInfo, String)>,
    /// The best baseline that is not known to be wrong, where the question is what a decision costs: it says what
    /// a lock costs there.
    pub(crate) baseline: Option<(&'a SubjectInfo, Spread)>,
}

impl<'a> Verdict<'a> {
    /// The best, and those that are not told apart from it.
    pub(crate) fn winners(&self) -> Vec<&Placed<'a>> {
        let Some(best) = self.candidates.first() else { return Vec::new() };
        let close = |it: &&Placed<'_>| !best.spread.is_apart(&it.spread);
        self.candidates.iter().filter(close).collect()
    }

    /// The second by the median, and whether it is clearly behind.
    pub(crate) fn runner_up(&self) -> Option<(&Placed<'a>, bool)> {
        let [best, second, ..] = self.candidates.as_slice() else { return None };
        Some((second, best.spread.is_apart(&second.spread)))
    }
}

/// The answers for all uses whose scenario is in the run.
pub(crate) fn verdicts<'a>(summary: &Summary<'a>) -> Vec<Verdict<'a>> {
    USES.iter().filter_map(|it| verdict(summary, it)).collect()
}

fn verdict<'a>(
    summary: &Summary<'a>,
    &(when, condition, scenario, figure): &(&'static str, Condition, &str, &str),
) -> Option<Verdict<'a>> {
    let scenario = summary.scenario(scenario)?;
    let figure = scenario.figures.iter().find(|it| it.id == figure)?;
    let mut out = Vec::new();
    for subject in summary.run.subjects.iter().filter(|it| !it.is_baseline) {
        let record = summary.record(&subject.id);
        let measured = summary.figure(&subject.id, &scenario.id, &figure.id);
        let not_measured = || {
            let why = summary.not_run(&subject.id, &scenario.id).unwrap_or("not measured");
            measured.is_none().then(|| why.to_owned())
        };
        let convicted =
            || record.is_convicted().then(|| format!("convicted: {}", record.in_words()));
        let objection = condition.objection(summary, &subject.id).or_else(convicted);
        if let Some(why) = objection.or_else(not_measured) {
            out.push((subject, why));
        }
    }
    let ranking = summary.ranking(&scenario.id, figure);
    let is_fair = matches!(condition, Condition::Anybody | Condition::NoStore);
    let baseline = ranking
        .iter()
        .find(|it| is_fair && it.subject.is_baseline && !it.subject.must_overfill)
        .map(|it| (it.subject, it.spread));
    let is_out = |id: &str| out.iter().any(|(subject, _)| subject.id == id);
    let mut candidates: Vec<_> = ranking
        .into_iter()
        .filter(|it| !it.subject.is_baseline && !is_out(&it.subject.id))
        .collect();
    let all = candidates.clone();
    for one in &mut candidates {
        let better = |it: &&Placed<'_>| it.spread.is_better(&one.spread, figure.more_is_better);
        one.place = 1 + all.iter().filter(better).count();
    }
    Some(Verdict { when, scenario: &scenario.id, figure, candidates, out, baseline })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::data::Run;
    use crate::experiment::fixture;

    fn names(run: &Run, when: &str) -> (Vec<String>, Vec<String>) {
        let summary = Summary::new(run);
        let all = verdicts(&summary);
        let it = all.iter().find(|it| it.when.contains(when)).unwrap();
        let winners = it.winners().iter().map(|it| it.subject.id.clone()).collect();
        (winners, it.out.iter().map(|(it, _)| it.id.clone()).collect())
    }

    #[test]
    fn the_best_of_who_qualifies_wins_and_a_baseline_never_does() {
        let run = fixture::run();
        let (winners, out) = names(&run, "one machine");
        assert_eq!(winners, ["semaphore"]);
        assert_eq!(out, ["conditional-postgresql", "redis-1", "redis-3"]);
        let (winners, out) = names(&run, "several nodes");
        assert_eq!(winners, ["redis-3"]);
        assert_eq!(out, ["semaphore", "conditional-sqlite", "redis-1"]);
        let summary = Summary::new(&run);
        for verdict in verdicts(&summary) {
            assert!(verdict.candidates.iter().all(|it| !it.subject.is_baseline));
            assert!(verdict.baseline.is_none_or(|(it, _)| it.is_baseline && !it.must_overfill));
        }
    }

    #[test]
    fn who_forgets_promises_or_is_convicted_does_not_qualify() {
        let mut run = fixture::run();
        let (winners, out) = names(&run, "promised seat");
        assert_eq!((winners, out), (vec!["redis-1".to_owned()], vec!["semaphore".to_owned()]));
        run.cells.iter_mut().find(|it| it.subject == "redis-1").unwrap().faults.leaked = 1;
        let (winners, out) = names(&run, "promised seat");
        assert_eq!(winners, ["redis-3"]);
        assert_eq!(out, ["semaphore", "redis-1"]);
    }

    #[test]
    fn what_is_not_told_apart_wins_together() {
        let mut run = fixture::run();
        for cell in run.cells.iter_mut().filter(|it| it.scenario == "burst") {
            let value = f64::from(cell.repetition);
            cell.figures.insert("decisions_per_s".to_owned(), value);
        }
        assert_eq!(names(&run, "hot room").0.len(), 5);
        let summary = Summary::new(&run);
        let all = verdicts(&summary);
        let burst = all.iter().find(|it| it.scenario == "burst").unwrap();
        assert!(burst.runner_up().is_some_and(|(_, is_behind)| !is_behind));
    }
}
