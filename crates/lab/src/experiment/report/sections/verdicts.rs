//! If you …, take …, because …: a row for each use.

use std::collections::BTreeMap;

use super::{paragraph, table, table_head};
use crate::experiment::report::View;
use crate::experiment::report::text::{called, escape, headed, listed, median_and_ends, not_apart};
use crate::experiment::summary::Placed;
use crate::experiment::verdict::{Verdict, verdicts};

pub(crate) fn section(view: &View<'_>) -> String {
    let rows: String = verdicts(&view.summary).iter().map(|it| row(view, it)).collect();
    if rows.is_empty() {
        return String::new();
    }
    let lead = "Read off the measurements: among the strategies that qualify, the one whose median is best in the \
                figure that matters there. Numbers are medians with their interval; where two intervals overlap \
                no difference was seen, and both are named. Baselines cannot win.";
    let head = table_head(&["If you …", "take …", "because …", "does not qualify"]);
    paragraph("about", lead) + &table("verdicts", &head, &rows)
}

fn row(view: &View<'_>, verdict: &Verdict<'_>) -> String {
    let name = |(n, it): (usize, &&Placed<'_>)| {
        let or = if n > 0 { "or " } else { "" };
        let icon = view.looks.get(&it.subject.id).icon();
        format!("<span>{or}{icon}{}</span>", escape(&it.subject.title))
    };
    let take: String = verdict.winners().iter().enumerate().map(name).collect();
    let take = if take.is_empty() { "<span>nobody</span>".to_owned() } else { take };
    format!(
        "<tr><th scope=\"row\">{}</th><td class=\"take\">{take}</td><td class=\"because\">{}</td><td>{}</td></tr>\n",
        escape(verdict.when),
        because(verdict),
        objections(verdict)
    )
}

fn because(verdict: &Verdict<'_>) -> String {
    let Some(best) = verdict.candidates.first() else {
        return "nobody who qualifies was measured without a fault".to_owned();
    };
    let unit = &verdict.figure.unit;
    let told = |it: &Placed<'_>| {
        format!("{} with {}", called(&it.subject.title), median_and_ends(&it.spread, unit))
    };
    let value = median_and_ends(&best.spread, unit);
    let next = match verdict.runner_up() {
        None => "no other qualifies".to_owned(),
        Some((second, true)) => format!("clearly ahead of {}", told(second)),
        Some((second, false)) => {
            format!("{} {}", not_apart(&best.spread, &second.spread), told(second))
        }
    };
    let mut said = format!("{}: {value}; {next}.", headed(&verdict.figure.title));
    let others: Vec<_> = verdict.candidates.iter().skip(2).map(told).collect();
    if !others.is_empty() {
        said.push_str(&format!(" Then {}.", listed(&others)));
    }
    let mut markup = escape(&said);
    if let Some((baseline, spread)) = &verdict.baseline {
        let said = format!(
            "With a lock instead, at best (baseline {}): {}.",
            called(&baseline.title),
            median_and_ends(spread, unit)
        );
        markup.push_str(&format!("<small>{}</small>", escape(&said)));
    }
    markup
}

/// Who does not qualify, by the reason.
fn objections(verdict: &Verdict<'_>) -> String {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (subject, why) in &verdict.out {
        by_reason.entry(why).or_default().push(called(&subject.title));
    }
    let said = by_reason
        .into_iter()
        .map(|(why, who)| format!("<small>{}: {}</small>", escape(&listed(&who)), escape(why)));
    said.collect()
}
