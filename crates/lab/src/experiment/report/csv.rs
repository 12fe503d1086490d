//! The numbers for whoever computes with them: `cells.csv` has a row for each cell, `summary.csv` one for each
//! median. [`COLUMNS`] says what the columns mean; the page shows that.

use std::collections::BTreeSet;

use crate::experiment::data::{Cell, Counts, Rules, Run};
use crate::experiment::summary::{FAULTS, Spread, Summary};

/// What the columns are, by file. `<…>` stands for several columns.
pub(crate) const COLUMNS: [(&str, &str, &str); 13] = [
    ("cells.csv", "subject, scenario, repetition", "Which cell; repetitions count from 0."),
    ("cells.csv", "not_run", "Why it was not run; all numbers are empty then."),
    ("cells.csv", "seconds", "How long the measured part took."),
    (
        "cells.csv",
        "asked … entered",
        "Requests for a seat and what became of them; tickets presented; people inside.",
    ),
    ("cells.csv", "fault.<kind>", "Faults, counted from outside. All must be 0."),
    ("cells.csv", "rules.<rule>", "The original’s four rules, in the scenario “rules” alone."),
    (
        "cells.csv",
        "figure.<scenario>.<id>",
        "The scenario’s own figures, in the units that summary.csv names.",
    ),
    ("cells.csv", "cpu_us.<process>", "Processor time for each decision, in µs."),
    (
        "cells.csv",
        "latency.<step>.<what>",
        "How many steps, and p50, p90, p99, p99.9 and the longest, in ms.",
    ),
    (
        "summary.csv",
        "scenario, kind, name, subject",
        "Of what: a figure, processor time (cpu) or latency of a step (latency_p50, latency_p99); who.",
    ),
    ("summary.csv", "unit, better", "Its unit, and whether more or less is better."),
    (
        "summary.csv",
        "n, median, low, high, coverage, least, most",
        "Repetitions; their median; its interval and how surely that holds the true median. Below 6 repetitions low and high are least and most.",
    ),
    (
        "summary.csv",
        "place",
        "One more than the number of subjects that are clearly better; figures only.",
    ),
];

type Count = (&'static str, fn(&Counts) -> u64);
type Rule = (&'static str, fn(&Rules) -> u64);

const COUNTS: [Count; 8] = [
    ("asked", |it| it.asked),
    ("granted", |it| it.granted),
    ("full", |it| it.full),
    ("unavailable", |it| it.unavailable),
    ("refused", |it| it.refused),
    ("broken", |it| it.broken),
    ("presented", |it| it.presented),
    ("entered", |it| it.entered),
];

const RULES: [Rule; 7] = [
    ("requests", |it| it.requests),
    ("granted", |it| it.granted),
    ("stale", |it| it.stale),
    ("overlapping", |it| it.overlapping),
    ("inside_at_once", |it| it.inside_at_once),
    ("exceeded", |it| it.exceeded),
    ("out_of_order", |it| it.out_of_order),
];

const QUANTILES: [&str; 6] = ["count", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"];

/// `cells.csv`.
pub(crate) fn cells(run: &Run) -> String {
    let processes = names(run.cells.iter().flat_map(|cell| cell.cpu_us.keys()));
    let steps = names(run.cells.iter().flat_map(|cell| cell.latency.keys()));
    let figures: Vec<_> = run
        .scenarios
        .iter()
        .flat_map(|it| it.figures.iter().map(|figure| (it.id.as_str(), figure.id.as_str())))
        .collect();
    let mut header: Vec<String> =
        ["subject", "scenario", "repetition", "not_run", "seconds"].map(str::to_owned).into();
    header.extend(COUNTS.iter().map(|(name, _)| (*name).to_owned()));
    header.extend(FAULTS.iter().map(|(name, ..)| format!("fault.{name}")));
    header.extend(RULES.iter().map(|(name, _)| format!("rules.{name}")));
    header.extend(figures.iter().map(|(scenario, id)| format!("figure.{scenario}.{id}")));
    header.extend(processes.iter().map(|it| format!("cpu_us.{it}")));
    let of_step = |step: &&str| QUANTILES.map(|what| format!("latency.{step}.{what}"));
    header.extend(steps.iter().flat_map(of_step));
    let mut text = row(&header);
    for cell in &run.cells {
        let mut fields = vec![
            cell.subject.clone(),
            cell.scenario.clone(),
            cell.repetition.to_string(),
            cell.not_run.clone().unwrap_or_default(),
        ];
        match cell.not_run {
            None => fields.extend(numbers(cell, &figures, &processes, &steps)),
            Some(_) => fields.resize(header.len(), String::new()),
        }
        text.push_str(&row(&fields));
    }
    text
}

fn numbers(
    cell: &Cell,
    figures: &[(&str, &str)],
    processes: &BTreeSet<&str>,
    steps: &BTreeSet<&str>,
) -> Vec<String> {
    let maybe = |number: Option<f64>| number.map_or_else(String::new, |it| it.to_string());
    let mut fields = vec![cell.seconds.to_string()];
    fields.extend(COUNTS.iter().map(|(_, number)| number(&cell.counts).to_string()));
    fields.extend(FAULTS.iter().map(|(.., number)| number(&cell.faults).to_string()));
    let rule = |(_, number): &Rule| cell.rules.as_ref().map(number).map(|it| it.to_string());
    fields.extend(RULES.iter().map(|it| rule(it).unwrap_or_default()));
    fields.extend(figures.iter().map(|(scenario, id)| {
        maybe(cell.figures.get(*id).copied().filter(|_| cell.scenario == *scenario))
    }));
    fields.extend(processes.iter().map(|it| maybe(cell.cpu_us.get(*it).copied())));
    for step in steps {
        match cell.latency.get(*step) {
            None => fields.extend(QUANTILES.map(|_| String::new())),
            Some(it) => {
                fields.push(it.count.to_string());
                let ms = [it.p50_ms, it.p90_ms, it.p99_ms, it.p999_ms, it.max_ms];
                fields.extend(ms.map(|it| it.to_string()));
            }
        }
    }
    fields
}

/// `summary.csv`.
pub(crate) fn summary(summary: &Summary<'_>) -> String {
    let header = [
        "scenario", "kind", "name", "subject", "unit", "better", "n", "median", "low", "high",
        "coverage", "least", "most", "place",
    ];
    let mut text = row(&header);
    for scenario in &summary.run.scenarios {
        for figure in &scenario.figures {
            let better = if figure.more_is_better { "more" } else { "less" };
            for placed in summary.ranking(&scenario.id, figure) {
                let place = placed.place.to_string();
                let what = [&scenario.id, "figure", &figure.id, &placed.subject.id, &figure.unit];
                text.push_str(&summed_up(what, better, &placed.spread, &place));
            }
        }
        for subject in &summary.run.subjects {
            let of = |kind, name, unit| [scenario.id.as_str(), kind, name, &subject.id, unit];
            for (process, spread) in summary.cpu(&subject.id, &scenario.id) {
                text.push_str(&summed_up(of("cpu", process, "µs"), "less", &spread, ""));
            }
            for (step, times) in summary.steps(&subject.id, &scenario.id) {
                let (p50, p99) = (of("latency_p50", step, "ms"), of("latency_p99", step, "ms"));
                text.push_str(&summed_up(p50, "less", &times.p50, ""));
                text.push_str(&summed_up(p99, "less", &times.p99, ""));
            }
        }
    }
    text
}

fn summed_up(what: [&str; 5], better: &str, spread: &Spread, place: &str) -> String {
    let Spread { n, median, low, high, least, most, coverage } = spread;
    let mut fields: Vec<_> = what.iter().map(|it| (*it).to_owned()).collect();
    fields.extend([better.to_owned(), n.to_string()]);
    fields.extend([median, low, high, coverage, least, most].map(f64::to_string));
    fields.push(place.to_owned());
    row(&fields)
}

fn names<'a>(all: impl Iterator<Item = &'a String>) -> BTreeSet<&'a str> {
    all.map(String::as_str).collect()
}

fn row<S: AsRef<str>>(fields: &[S]) -> String {
    let quoted: Vec<_> = fields.iter().map(|field| quoted(field.as_ref())).collect();
    quoted.join(",") + "\r\n"
}

fn quoted(field: &str) -> String {
    match field.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::fixture;

    /// The fields of a row without quotes in it.
    fn count(row: &str) -> usize {
        row.split(',').count()
    }

    #[test]
    fn every_row_has_as_many_fields_as_the_header() {
        let run = fixture::run();
        let text = cells(&run);
        let rows: Vec<_> = text.lines().collect();
        assert_eq!(rows.len(), run.cells.len() + 1);
        assert!(rows.iter().all(|row| count(row) == count(rows[0])));
        assert!(rows[0].contains("fault.overfills") && rows[0].contains("latency.entry.p99_ms"));
        let text = summary(&Summary::new(&run));
        let rows: Vec<_> = text.lines().collect();
        assert!(rows.len() > 100 && rows.iter().all(|row| count(row) == 14), "{}", rows[0]);
    }

    #[test]
    fn a_number_is_in_its_own_column() {
        let mut run = fixture::of_figure(&[("a", 41.0)], 1);
        run.cells[0].faults.leaked = 3;
        let text = cells(&run);
        let mut rows = text.lines().map(|row| row.split(',').collect::<Vec<_>>());
        let (header, values) = (rows.next().unwrap(), rows.next().unwrap());
        let column = |name| header.iter().position(|it| *it == name).unwrap();
        assert_eq!(values[column("fault.leaked")], "3");
        assert_eq!(values[column("fault.overfills")], "0");
        assert_eq!(values[column("figure.s.x")], "41");
        assert_eq!(values[column("rules.stale")], "");
    }

    #[test]
    fn what_would_break_a_row_is_quoted() {
        assert_eq!(
            row(&["a,b", "say \"x\"", "two\nlines", "plain"]),
            "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",plain\r\n"
        );
    }
}
