//! The first sections: what to take, whether the promise was kept, load, and cost.

use super::super::data::{FigureInfo, Latency, ScenarioInfo, SubjectInfo};
use super::super::summary::{Stat, Summary, named, words};
use super::super::verdict::{round, verdicts};
use super::page::{esc, table, wordy};
use super::plots::{Dot, Line, Part, dots, lines, stacked};

/// The run in a few sentences, and what keeps it from proving anything.
pub(super) fn lead(summary: &Summary<'_>) -> String {
    let mut text = String::new();
    let objections = summary.objections();
    if !objections.is_empty() {
        text.push_str("<div class=\"card banner\"><p><strong>This run does not prove what it is to prove.</strong></p><ul>");
        objections.iter().for_each(|it| text.push_str(&format!("<li>{}</li>", esc(it))));
        text.push_str("</ul></div>\n");
    }
    let subjects = &summary.run.subjects;
    let real: Vec<_> = subjects.iter().filter(|it| !it.is_baseline).collect();
    let decisions: u64 = real.iter().map(|it| summary.decisions(&it.id)).sum();
    let kept = real.iter().filter(|it| words(summary.faults(&it.id)) == "none").count();
    text.push_str("<div class=\"card lead\">");
    text.push_str(&format!(
        "<p>{kept} of {} real strategies kept their promise in all of {} decisions: no seat sold twice, none lost, nobody told “full” before a room was.</p>",
        real.len(),
        grouped(decisions)
    ));
    for subject in subjects.iter().filter(|it| it.must_overfill) {
        let overfills = summary.faults(&subject.id).overfills;
        let cells = summary.run.cells.iter().filter(|it| it.subject == subject.id);
        let (all, sold) = cells
            .filter(|it| it.counts.asked > 0)
            .fold((0, 0), |(all, sold), it| (all + 1, sold + u32::from(it.faults.overfills > 0)));
        text.push_str(&format!(
            "<p>“{}”, which is there to be caught, was: it oversold {} seats, in {sold} of {all} measurements.</p>",
            esc(&subject.title),
            grouped(overfills)
        ));
    }
    text.push_str("</div>\n");
    text
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The verdict for each use.
pub(super) fn verdict(summary: &Summary<'_>) -> String {
    let mut text = "<p>Read off the figures below. Several names mean that their intervals overlap: between them this run saw no difference. Baselines are not for use and never named.</p>\n".to_owned();
    let rows: Vec<_> = verdicts(summary)
        .into_iter()
        .map(|it| {
            let take = esc(&it.take.join(", or "));
            vec![esc(it.need), format!("<strong>{take}</strong>"), esc(&it.because)]
        })
        .collect();
    text.push_str(&wordy(&["If you need", "take", "because"], &rows));
    text
}

/// Faults by subject.
pub(super) fn promise(summary: &Summary<'_>) -> String {
    let mut text = "<p>Counted by the people outside, from what they asked and were told. A seat counts as certainly taken only from its answer until its owner gives it back, and “full” is called false only where not even all seats that may have been taken were enough to fill the room: nobody is accused wrongly.</p>\n".to_owned();
    let head: Vec<&str> = ["", "decisions"]
        .into_iter()
        .chain(named(summary.faults("")).map(|(name, _)| name))
        .collect();
    let rows: Vec<_> = summary
        .run
        .subjects
        .iter()
        .map(|it| {
            let faults = summary.faults(&it.id);
            let mut row = vec![esc(&it.title), grouped(summary.decisions(&it.id))];
            row.extend(named(faults).map(|(_, count)| match count {
                0 => "<span class=\"good\">✓ 0</span>".to_owned(),
                count => format!("<span class=\"bad\">✗ {}</span>", grouped(count)),
            }));
            row
        })
        .collect();
    text.push_str(&table(&head, &rows));
    let evidence: Vec<_> = summary
        .run
        .cells
        .iter()
        .flat_map(|cell| cell.evidence.iter().map(move |words| (cell, words)))
        .take(40)
        .collect();
    if !evidence.is_empty() {
        text.push_str("<details><summary>The first of it, in words</summary><ul>");
        for (cell, words) in evidence {
            text.push_str(&format!(
                "<li>{}, {}, repetition {}: {}</li>",
                esc(&cell.subject),
                esc(&cell.scenario),
                cell.repetition + 1,
                esc(words)
            ));
        }
        text.push_str("</ul></details>\n");
    }
    text
}

/// Speed, scenario by scenario.
pub(super) fn load(summary: &Summary<'_>) -> String {
    let mut text = String::new();
    for id in ["burst", "storm", "sustained", "churn", "refresh", "line"] {
        let Some(scenario) = summary.run.scenarios.iter().find(|it| it.id == id) else { continue };
        text.push_str(&heading(scenario));
        if id == "sustained" {
            text.push_str(&sustained(summary));
        }
        for figure in scenario.figures.iter().take(2) {
            text.push_str(&figure_plot(summary, scenario, figure));
        }
        text.push_str(&steps(summary, id));
    }
    text
}

pub(super) fn heading(scenario: &ScenarioInfo) -> String {
    format!("<h3>{}</h3><p>{}</p>\n", esc(&scenario.title), esc(&scenario.about))
}

/// One figure of every subject that has it.
pub(super) fn figure_plot(
    summary: &Summary<'_>,
    scenario: &ScenarioInfo,
    figure: &FigureInfo,
) -> String {
    let rows = rows(summary, |it| summary.group(&it.id, &scenario.id).figure(&figure.id));
    if rows.is_empty() {
        return String::new();
    }
    let title = format!("{}: {}", scenario.title, figure.title);
    dots(&title, &figure.unit, figure.more_is_better, &rows)
}

fn rows(summary: &Summary<'_>, stat: impl Fn(&SubjectInfo) -> Option<Stat>) -> Vec<Dot> {
    let subjects = summary.run.subjects.iter();
    subjects
        .filter_map(|it| {
            Some(Dot { subject: it.id.clone(), title: it.title.clone(), stat: stat(it)? })
        })
        .collect()
}

/// Latency and entries made against the rate that was offered.
fn sustained(summary: &Summary<'_>) -> String {
    let curve = |of: fn(&super::super::data::Rate) -> f64| -> Vec<Line> {
        let shown = summary.run.subjects.iter().filter(|it| !it.is_baseline);
        shown
            .map(|it| Line {
                subject: it.id.clone(),
                title: it.title.clone(),
                points: medians(summary, &it.id, of),
            })
            .filter(|line| !line.points.is_empty())
            .collect()
    };
    let mut text = lines(
        "Sustained load: how long the slowest hundredth waited (lower is better)",
        ("entries offered per second", "p99 of both steps in ms, from when the entry was due"),
        &curve(|rate| rate.p99_ms),
        &[10.0, 50.0],
    );
    text.push_str(&lines(
        "Sustained load: entries made of those offered (higher is better)",
        ("entries offered per second", "entries completed per second"),
        &curve(|rate| rate.achieved),
        &[],
    ));
    text
}

/// At each offered rate the median over the repetitions that came so far, where most of them did.
fn medians(
    summary: &Summary<'_>,
    subject: &str,
    of: fn(&super::super::data::Rate) -> f64,
) -> Vec<(f64, f64)> {
    let cells = &summary.group(subject, "sustained").cells;
    let longest = cells.iter().map(|cell| cell.rates.len()).max().unwrap_or(0);
    (0..longest)
        .filter_map(|n| {
            let here: Vec<_> = cells.iter().filter_map(|cell| cell.rates.get(n)).collect();
            let stat = Stat::of(here.iter().map(|rate| of(rate)).collect())?;
            (2 * here.len() > cells.len()).then(|| (here[0].offered, stat.median.max(1e-3)))
        })
        .collect()
}

/// Latency of each step.
fn steps(summary: &Summary<'_>, scenario: &str) -> String {
    let mut rows = Vec::new();
    for subject in &summary.run.subjects {
        let group = summary.group(&subject.id, scenario);
        let said = |step: &str, of: fn(&Latency) -> f64| {
            group.latency(step, of).map_or_else(|| "–".to_owned(), |it| round(it.median))
        };
        let mut row = vec![esc(&subject.title)];
        for step in ["reserve", "refuse", "confirm", "entry"] {
            let (p50, p99) = (said(step, |it| it.p50_ms), said(step, |it| it.p99_ms));
            row.push(if p50 == "–" { p50 } else { format!("{p50} · {p99}") });
        }
        if row[1..].iter().any(|it| it != "–") {
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let head = ["ms, median · p99", "reserve: granted", "reserve: full", "confirm", "both steps"];
    format!("<details><summary>Latency of each step</summary>{}</details>\n", table(&head, &rows))
}

/// Processor time by process.
pub(super) fn cost(summary: &Summary<'_>) -> String {
    let mut text = "<p>Processor time of the server and of the stores it uses, divided among the decisions: what an operator pays for. The kernel's work for them is in it; the lab's own is not.</p>\n".to_owned();
    for (id, title) in [
        ("burst", "One decision in the burst (reserve only; half of them refusals)"),
        ("churn", "One decision in churn (with the confirm and the leave of those who got in)"),
        ("sustained", "One entry at 128 a second (reserve, confirm and leave)"),
    ] {
        let rows: Vec<(String, Vec<Part<'_>>)> = summary
            .run
            .subjects
            .iter()
            .filter_map(|it| {
                let group = summary.group(&it.id, id);
                let parts: Vec<_> = ["server", "redis", "postgresql"]
                    .into_iter()
                    .filter_map(|process| Some((process, group.cpu(process)?.median)))
                    .collect();
                (!parts.is_empty()).then(|| (it.title.clone(), parts))
            })
            .collect();
        if !rows.is_empty() {
            text.push_str(&stacked(title, "µs", &rows));
        }
    }
    text
}
