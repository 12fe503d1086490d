//! The top of the page: whether the run proves anything, and what it says in a few sentences.

use crate::experiment::report::View;
use crate::experiment::report::text::{
    called, escape, listed, median_and_ends, not_apart, number, whole,
};
use crate::experiment::summary::Placed;
use crate::experiment::verdict::{self, Verdict};

/// A warning for each reason why the run does not prove what it is to prove; nothing for a good run.
pub(crate) fn banners(view: &View<'_>) -> String {
    let standing = view.summary.standing();
    let mut text = String::new();
    let mut banner = |head: &str, words: &str| {
        text.push_str(&format!("<div class=\"banner\"><b>{head}</b> {}</div>\n", escape(words)));
    };
    if standing.untested {
        banner(
            "This run proves nothing.",
            "Nothing that is known to be wrong was measured, so nothing shows that the checks can see a fault.",
        );
    }
    for subject in &standing.unseen {
        let words = format!(
            "“{}” is known to overfill rooms and was not caught at it: the checks could see nothing.",
            subject.title
        );
        banner("This run proves nothing.", &words);
    }
    for (subject, record) in &standing.convicted {
        let words = format!(
            "{}, in {} of {} measurements. It should have had none; the evidence is at the end.",
            record.in_words(),
            record.faulty,
            record.measured
        );
        banner(&format!("“{}” was caught at faults:", escape(&subject.title)), &words);
    }
    text
}

/// What the run says, in a few sentences computed from it.
pub(crate) fn short(view: &View<'_>) -> String {
    let mut said = vec![kept(view)];
    said.extend(caught(view));
    said.extend(survived(view));
    let verdicts = verdict::verdicts(&view.summary);
    let first = |id: &str| verdicts.iter().rfind(|it| it.scenario == id);
    let sustained = first("sustained");
    said.extend(sustained.and_then(|it| best(it, "Under sustained load over many rooms")));
    said.extend(sustained.and_then(locked));
    said.extend(first("burst").and_then(|it| best(it, "In a burst on one room")));
    let items: String = said.iter().map(|it| format!("<li>{}</li>\n", escape(it))).collect();
    format!("<section class=\"short\" aria-label=\"In short\"><ul>\n{items}</ul></section>\n")
}

/// Whether the strategies kept the rooms' capacity.
fn kept(view: &View<'_>) -> String {
    let strategies = view.run.subjects.iter().filter(|it| !it.is_baseline);
    let records: Vec<_> = strategies.map(|it| (it, view.summary.record(&it.id))).collect();
    let decisions = whole(records.iter().map(|(_, it)| it.decisions).sum());
    let wrong: Vec<_> = records
        .iter()
        .filter(|(_, record)| record.is_convicted())
        .map(|(it, record)| format!("{} ({})", called(&it.title), record.in_words()))
        .collect();
    match wrong.is_empty() {
        true if records.iter().all(|(_, it)| it.measured == 0) => {
            "No strategy was measured.".into()
        }
        true => format!(
            "Every strategy kept every room’s capacity: 0 overfills, 0 leaked seats, 0 false “full” in {decisions} decisions."
        ),
        false => {
            format!("Not every strategy was right in {decisions} decisions: {}.", listed(&wrong))
        }
    }
}

/// What was caught of who is known to be wrong.
fn caught(view: &View<'_>) -> Vec<String> {
    let wrong = view.run.subjects.iter().filter(|it| it.must_overfill);
    let said = wrong.map(|subject| {
        let record = view.summary.record(&subject.id);
        let (seats, times) = (whole(record.faults.overfills), record.overfilled);
        match record.faults.overfills {
            0 => format!("“{}”, known to be wrong, was not caught.", subject.title),
            _ => format!(
                "The checks can see: “{}”, known to be wrong, oversold {seats} seats in {times} of its {} measurements.",
                subject.title, record.measured
            ),
        }
    });
    said.collect()
}

/// Whose promises survive the death of the server.
fn survived(view: &View<'_>) -> Option<String> {
    let strategies = view.run.subjects.iter().filter(|it| !it.is_baseline);
    let kept = strategies.filter_map(|it| {
        Some((called(&it.title), view.summary.figure(&it.id, "kill", "promises_kept")?.median))
    });
    let (all, some): (Vec<_>, Vec<_>) = kept.partition(|(_, kept)| *kept >= 100.0);
    let all: Vec<_> = all.into_iter().map(|(title, _)| title).collect();
    let some: Vec<_> = some
        .into_iter()
        .map(|(title, kept)| format!("{title} ({}\u{a0}%)", number(kept)))
        .collect();
    match (all.is_empty(), some.is_empty()) {
        (true, true) => None,
        (false, true) => {
            Some(format!("After kill −9 every promised seat still opens with {}.", listed(&all)))
        }
        (true, false) => {
            Some(format!("After kill −9 promised seats are lost with {}.", listed(&some)))
        }
        (false, false) => Some(format!(
            "After kill −9 every promised seat still opens with {}, and not with {}.",
            listed(&all),
            listed(&some)
        )),
    }
}

/// The best of a verdict in one sentence.
fn best(verdict: &Verdict<'_>, when: &str) -> Option<String> {
    let best = verdict.candidates.first()?;
    let with = |it: &Placed<'_>| {
        let value = median_and_ends(&it.spread, &verdict.figure.unit);
        format!("{} with {value}", called(&it.subject.title))
    };
    let what = &verdict.figure.title;
    Some(match verdict.runner_up() {
        None => format!("{when} ({what}): {}.", with(best)),
        Some((second, true)) => {
            format!("{when} ({what}) {} is clearly ahead of {}.", with(best), with(second))
        }
        Some((second, false)) => {
            let how = not_apart(&best.spread, &second.spread);
            format!("{when} ({what}) {}: {how} {}.", with(best), with(second))
        }
    })
}

/// What a lock costs, beside the best that has none.
fn locked(verdict: &Verdict<'_>) -> Option<String> {
    let (best, (baseline, spread)) = (verdict.candidates.first()?, verdict.baseline.as_ref()?);
    let how = match best.spread.is_apart(spread) {
        false => not_apart(&best.spread, spread),
        true if best.spread.is_better(spread, verdict.figure.more_is_better) => "clearly behind",
        true => "clearly ahead of",
    };
    Some(format!(
        "With a lock around each decision the best baseline, {}, comes to {} there: {how} {}.",
        called(&baseline.title),
        median_and_ends(spread, &verdict.figure.unit),
        called(&best.subject.title)
    ))
}
