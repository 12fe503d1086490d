//! Every number behind the plots, in tables that open.

use super::{name_of, paragraph, table, table_head, table_row};
use crate::experiment::data::{ScenarioInfo, SubjectInfo};
use crate::experiment::report::View;
use crate::experiment::report::text::{ends, escape, headed, number, whole, with_unit};
use crate::experiment::summary::Spread;

pub(crate) fn section(view: &View<'_>) -> String {
    let tables: String = view.run.scenarios.iter().map(|it| scenario(view, it)).collect();
    if tables.is_empty() {
        return String::new();
    }
    paragraph("about", &about_intervals(view)) + &tables
}

fn about_intervals(view: &View<'_>) -> String {
    let numbers = view.run.scenarios.iter().flat_map(|scenario| {
        let figures = scenario.figures.iter().map(move |figure| (scenario, figure));
        figures.flat_map(|(scenario, figure)| view.summary.ranking(&scenario.id, figure))
    });
    let usual = numbers.map(|it| it.spread).max_by_key(|it| it.n);
    let sure = match usual {
        Some(it) if it.is_interval() => format!(
            "With {} repetitions it holds the true median with {} % certainty, whatever the distribution.",
            it.n,
            number(it.coverage * 100.0)
        ),
        _ => "There were too few repetitions for an interval of 95 % (it takes six): what stands in its place \
              is the least and the most."
            .to_owned(),
    };
    format!(
        "Behind each median stands its interval, from one measured value to another. {sure} A row with fewer \
         than six repetitions is marked “least–most”. A place is one more than the number of subjects that are \
         clearly better, so those who share a place were not told apart."
    )
}

fn scenario(view: &View<'_>, scenario: &ScenarioInfo) -> String {
    let tables = [
        figures(view, scenario),
        cpu(view, scenario),
        steps(view, scenario),
        rates(view, scenario),
    ];
    let tables = tables.concat();
    if tables.is_empty() {
        return String::new();
    }
    let title = escape(&scenario.title);
    format!("<details><summary>{title}</summary>\n{tables}</details>\n")
}

fn interval(spread: &Spread) -> String {
    let mark = if spread.is_interval() { "" } else { " least–most" };
    format!("{}{mark}", ends(spread))
}

fn figures(view: &View<'_>, scenario: &ScenarioInfo) -> String {
    let mut tables = String::new();
    for figure in &scenario.figures {
        let ranking = view.summary.ranking(&scenario.id, figure);
        let row = |it: &crate::experiment::summary::Placed<'_>| {
            let fields = [
                it.place.to_string(),
                it.spread.n.to_string(),
                escape(&with_unit(it.spread.median, &figure.unit)),
                interval(&it.spread),
                number(it.spread.least),
                number(it.spread.most),
            ];
            table_row(&name_of(it.subject), &fields)
        };
        let rows: String = ranking.iter().map(row).collect();
        if !rows.is_empty() {
            let title = headed(&figure.title);
            let head = table_head(&[&title, "place", "n", "median", "interval", "least", "most"]);
            tables.push_str(&table("numbers", &head, &rows));
        }
    }
    tables
}

fn cpu(view: &View<'_>, scenario: &ScenarioInfo) -> String {
    let of_subject = |subject: &SubjectInfo| -> String {
        let spent = view.summary.cpu(&subject.id, &scenario.id);
        let row = |(process, spread): (&str, Spread)| {
            let fields =
                [escape(process), spread.n.to_string(), number(spread.median), interval(&spread)];
            table_row(&name_of(subject), &fields)
        };
        spent.into_iter().map(row).collect()
    };
    let rows: String = view.run.subjects.iter().map(of_subject).collect();
    let head = ["Processor time for each decision [µs]", "process", "n", "median", "interval"];
    if rows.is_empty() { rows } else { table("numbers", &table_head(&head), &rows) }
}

fn steps(view: &View<'_>, scenario: &ScenarioInfo) -> String {
    let of_subject = |subject: &SubjectInfo| -> String {
        let steps = view.summary.steps(&subject.id, &scenario.id);
        let rows = steps.into_iter().map(|(step, times)| {
            let fields = [
                escape(step),
                whole(times.count),
                times.p50.n.to_string(),
                number(times.p50.median),
                interval(&times.p50),
                number(times.p99.median),
                interval(&times.p99),
                number(times.max_ms),
            ];
            table_row(&name_of(subject), &fields)
        });
        rows.collect()
    };
    let rows: String = view.run.subjects.iter().map(of_subject).collect();
    let head = [
        "Latency [ms]",
        "step",
        "steps",
        "n",
        "p50",
        "interval",
        "p99",
        "interval",
        "longest of all",
    ];
    if rows.is_empty() { rows } else { table("numbers", &table_head(&head), &rows) }
}

fn rates(view: &View<'_>, scenario: &ScenarioInfo) -> String {
    let of_subject = |subject: &SubjectInfo| -> String {
        let rates = view.summary.rates(&subject.id, &scenario.id);
        let rows = rates.into_iter().map(|it| {
            let fields = [
                number(it.offered),
                it.achieved.n.to_string(),
                number(it.achieved.median),
                number(it.p50_ms.median),
                number(it.p99_ms.median),
                interval(&it.p99_ms),
                number(it.server_cores.median),
                number(it.lab_cores.median),
            ];
            table_row(&name_of(subject), &fields)
        });
        rows.collect()
    };
    let rows: String = view.run.subjects.iter().map(of_subject).collect();
    let head = [
        "Offered rates",
        "offered [/s]",
        "n",
        "completed [/s]",
        "p50 [ms]",
        "p99 [ms]",
        "interval",
        "cores of servers and stores",
        "cores of the lab",
    ];
    if rows.is_empty() { rows } else { table("numbers", &table_head(&head), &rows) }
}
