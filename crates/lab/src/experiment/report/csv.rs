//! The run as tables for programs: one row for each number, so that no column ever changes its meaning.

use super::super::data::{Cell, Run};
use super::super::summary::{Summary, named};

/// `subject,scenario,repetition,kind,name,value`: every number of every cell. `kind` is `count`, `fault`,
/// `figure`, `cpu_us`, `latency_ms`, `rate` or `rule`.
pub(super) fn cells(run: &Run) -> String {
    let mut text = "subject,scenario,repetition,kind,name,value\n".to_owned();
    for cell in &run.cells {
        let mut row = |kind: &str, name: &str, value: String| {
            let repetition = cell.repetition.to_string();
            let fields = [&cell.subject, &cell.scenario, &repetition, kind, name, &value];
            line(&mut text, &fields.map(|it: &str| it.to_owned()));
        };
        if let Some(why) = &cell.not_run {
            row("not_run", why, "1".to_owned());
            continue;
        }
        for (name, count) in counts(cell) {
            row("count", name, count.to_string());
        }
        for (name, count) in named(cell.faults) {
            row("fault", name, count.to_string());
        }
        for (name, value) in &cell.figures {
            row("figure", name, value.to_string());
        }
        for (name, value) in &cell.cpu_us {
            row("cpu_us", name, value.to_string());
        }
        for (step, it) in &cell.latency {
            let all =
                [("p50", it.p50_ms), ("p90", it.p90_ms), ("p99", it.p99_ms), ("max", it.max_ms)];
            for (name, value) in all {
                row("latency_ms", &format!("{step} {name}"), value.to_string());
            }
        }
        for rate in &cell.rates {
            let at = format!("{:.0}/s", rate.offered);
            row("rate", &format!("{at} achieved"), rate.achieved.to_string());
            row("rate", &format!("{at} p50 ms"), rate.p50_ms.to_string());
            row("rate", &format!("{at} p99 ms"), rate.p99_ms.to_string());
        }
        if let Some(rules) = cell.rules {
            for (name, count) in [
                ("R1", rules.stale),
                ("R2", rules.overlapping),
                ("R3", rules.exceeded),
                ("R4", rules.out_of_order),
                ("inside at once", rules.inside_at_once),
            ] {
                row("rule", name, count.to_string());
            }
        }
    }
    text
}

/// `subject,scenario,figure,unit,n,median,low,high,coverage`.
pub(super) fn summary(run: &Run) -> String {
    let summary = Summary::of(run);
    let mut text = "subject,scenario,figure,unit,n,median,low,high,coverage\n".to_owned();
    for scenario in &run.scenarios {
        for subject in &run.subjects {
            let group = summary.group(&subject.id, &scenario.id);
            let figures = scenario
                .figures
                .iter()
                .map(|it| (it.id.clone(), it.unit.clone(), group.figure(&it.id)));
            let cost = [("cpu".to_owned(), "µs".to_owned(), group.cost())];
            for (name, unit, stat) in figures.chain(cost) {
                let Some(stat) = stat else { continue };
                let numbers = [stat.median, stat.low, stat.high, stat.coverage];
                let mut fields =
                    vec![subject.id.clone(), scenario.id.clone(), name, unit, stat.n.to_string()];
                fields.extend(numbers.iter().map(f64::to_string));
                line(&mut text, &fields);
            }
        }
    }
    text
}

fn counts(cell: &Cell) -> [(&'static str, u64); 8] {
    let it = cell.counts;
    [
        ("asked", it.asked),
        ("granted", it.granted),
        ("full", it.full),
        ("unavailable", it.unavailable),
        ("refused", it.refused),
        ("broken", it.broken),
        ("presented", it.presented),
        ("entered", it.entered),
    ]
}

/// One row as RFC 4180 wants it.
fn line(text: &mut String, fields: &[String]) {
    for (n, field) in fields.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        if field.contains([',', '"', '\n']) {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(field);
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::run;

    #[test]
    fn every_row_has_every_column() {
        for (text, columns) in [(cells(&run(3)), 6), (summary(&run(3)), 9)] {
            assert!(text.lines().count() > 50);
            for line in text.lines() {
                assert_eq!(line.split(',').count(), columns, "{line}");
            }
        }
    }

    #[test]
    fn what_has_a_comma_or_a_quote_stays_one_field() {
        let mut text = String::new();
        line(&mut text, &["a,b".to_owned(), "say \"x\"".to_owned(), "c".to_owned()]);
        assert_eq!(text, "\"a,b\",\"say \"\"x\"\"\",c\n");
    }
}
