//! Where and how it was measured, what was not, and the evidence for what was caught.

use std::collections::BTreeMap;

use super::{name_of, paragraph, table, table_head, table_row};
use crate::experiment::report::View;
use crate::experiment::report::csv::COLUMNS;
use crate::experiment::report::text::{escape, number, when, whole};

/// Lines of evidence shown for each subject.
const EVIDENCE: usize = 8;

/// What the original experiment did, and what is done here instead.
const OTHERWISE: [(&str, &str); 7] = [
    (
        "One run for each variant, on different days, without warming up; its first round alone made one of the figures.",
        "Every repetition runs all subjects, in an order drawn anew, and before anything is timed under load the first entries are thrown away.",
    ),
    (
        "No intervals. The “median” and “max” of a total were sums of the parts’ medians and maxima.",
        "Medians over repetitions with intervals that assume no distribution; a total is measured as a whole, each time.",
    ),
    (
        "The clock ticked every 100 ns and writing the log was inside what was timed; where timing began differed by variant.",
        "All times are taken outside, by who asked. Only the scenario for the four rules keeps a log, and it is not timed.",
    ),
    (
        "Requests waited for one another: a slow answer delayed the next question.",
        "Sustained load follows a schedule that waits for nobody, and latency counts from the schedule. Bursts and comings and goings are of many people at once by nature.",
    ),
    (
        "Only the first step was tried: nobody entered, left, came back or let a reservation lapse, and any answer counted as success.",
        "Both steps are, with churn, refresh, abandoned reservations and a line of people who wait; every answer is judged.",
    ),
    (
        "One lock for all rooms stood against a semaphore for each room, and no processor time was told.",
        "Locks for all rooms and for each room are subjects of their own, and processor time is told by process.",
    ),
    (
        "Nothing was made to fail, and no shared store was tried.",
        "Servers are killed, stores stand still or crawl, and seats are also kept in Redis and PostgreSQL.",
    ),
];

pub(crate) fn section(view: &View<'_>) -> String {
    [machine(view), plan(view), subjects(view), otherwise(), gaps(view), evidence(view), files()]
        .concat()
}

fn definition(all: &[(String, String)]) -> String {
    let some = all.iter().filter(|(_, it)| !it.is_empty());
    let items = some.map(|(name, it)| format!("<dt>{}</dt><dd>{}</dd>", escape(name), escape(it)));
    format!("<dl>{}</dl>\n", items.collect::<String>())
}

fn machine(view: &View<'_>) -> String {
    let machine = &view.run.machine;
    let mut all = vec![
        ("Processor".to_owned(), machine.processor.clone()),
        ("Cores".to_owned(), machine.cores.to_string()),
        ("Memory".to_owned(), format!("{} MiB", whole(machine.memory_mib))),
        ("Kernel".to_owned(), machine.kernel.clone()),
        ("File system".to_owned(), machine.file_system.clone()),
        ("Which ran where".to_owned(), machine.pinning.clone()),
    ];
    all.extend(machine.programs.iter().map(|(name, version)| (name.clone(), version.clone())));
    format!("<h3>The machine</h3>\n{}", definition(&all))
}

fn plan(view: &View<'_>) -> String {
    let plan = &view.run.plan;
    let sittings = match plan.resumed {
        0 => "in one sitting".to_owned(),
        1 => "interrupted once and gone on with".to_owned(),
        more => format!("interrupted {more} times and gone on with"),
    };
    let took = format!("{} minutes, {sittings}", number(plan.took_seconds / 60.0));
    let all = [
        ("Run", format!("{}, {} repetitions", plan.kind, plan.repetitions)),
        ("Began", when(plan.began_at_ms)),
        ("Took", took),
        ("Each rate of load", format!("{} s", number(plan.step_seconds))),
        ("Seed of the order", plan.seed.to_string()),
        (
            "Measurements",
            whole(view.run.cells.iter().filter(|it| it.not_run.is_none()).count() as u64),
        ),
    ];
    let all = all.map(|(name, it)| (name.to_owned(), it));
    let about = "Each subject gets, in each repetition, real server processes on empty stores, which are driven over the network as \
                 people would. What people asked and were told is noted with times on one clock outside, and judged \
                 from that alone. A doubt counts for the server: a fault is counted only where no order of events \
                 explains the answers.";
    format!("<h3>The run</h3>\n{}{}", paragraph("", about), definition(&all))
}

fn subjects(view: &View<'_>) -> String {
    let row = |it: &_| table_row(&name_of(it), &[escape(&it.about)]);
    let rows: String = view.run.subjects.iter().map(row).collect();
    format!("<h3>What is compared</h3>\n{}", table("", &table_head(&["", "how it decides"]), &rows))
}

fn otherwise() -> String {
    let rows = OTHERWISE.iter().map(|(theirs, ours)| {
        format!("<tr><td>{}</td><td>{}</td></tr>\n", escape(theirs), escape(ours))
    });
    let head = table_head(&["The original experiment", "Here"]);
    let rows: String = rows.collect();
    format!("<h3>What is different from the original experiment</h3>\n{}", table("", &head, &rows))
}

/// What was not measured, and what was measured less often than planned.
fn gaps(view: &View<'_>) -> String {
    let planned = view.run.plan.repetitions as usize;
    // By reason and scenarios, so that one reason for many is one row.
    let mut rows = String::new();
    for subject in &view.run.subjects {
        let mut by_reason: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for scenario in &view.run.scenarios {
            let measured = view.summary.cells(&subject.id, &scenario.id).len();
            let why = match view.summary.not_run(&subject.id, &scenario.id) {
                Some(why) => why.to_owned(),
                None if measured < planned => format!("{measured} of {planned} repetitions"),
                None => continue,
            };
            by_reason.entry(why).or_default().push(&scenario.title);
        }
        for (why, scenarios) in by_reason {
            let scenarios = match scenarios.len() == view.run.scenarios.len() {
                true => "everything".to_owned(),
                false => scenarios.join(", "),
            };
            rows.push_str(&table_row(&name_of(subject), &[escape(&scenarios), escape(&why)]));
        }
    }
    let heading = "<h3>What was not measured, and why</h3>\n";
    if rows.is_empty() {
        return format!(
            "{heading}{}",
            paragraph("", "Everything was measured as often as planned.")
        );
    }
    format!("{heading}{}", table("", &table_head(&["", "scenario", "why"]), &rows))
}

fn evidence(view: &View<'_>) -> String {
    let mut lists = String::new();
    for subject in &view.run.subjects {
        let cells = view.run.cells.iter().filter(|cell| cell.subject == subject.id);
        let lines: Vec<_> = cells
            .flat_map(|cell| cell.evidence.iter().map(move |line| (cell, line)))
            .map(|(cell, line)| {
                let at = format!("{}, repetition {}: {line}", cell.scenario, cell.repetition + 1);
                format!("<li>{}</li>\n", escape(&at))
            })
            .collect();
        if lines.is_empty() {
            continue;
        }
        let more = match lines.len().saturating_sub(EVIDENCE) {
            0 => String::new(),
            more => format!("<li>and {} more in run.json</li>", whole(more as u64)),
        };
        let shown: String = lines.into_iter().take(EVIDENCE).collect();
        lists.push_str(&format!(
            "<details><summary>{}</summary><ul>\n{shown}{more}</ul></details>\n",
            name_of(subject)
        ));
    }
    if lists.is_empty() { lists } else { format!("<h3>Evidence for the faults</h3>\n{lists}") }
}

fn files() -> String {
    let rows = COLUMNS.iter().map(|(file, columns, meaning)| {
        let fields = [format!("<code>{}</code>", escape(columns)), escape(meaning)];
        table_row(&format!("<code>{file}</code>"), &fields)
    });
    let rows: String = rows.collect();
    let about = "Beside this page lie cells.csv (a row for each measurement), summary.csv (a row for each median) \
                 and run.json (the run itself, from which all of this can be drawn again).";
    format!(
        "<h3>The numbers as files</h3>\n{}{}",
        paragraph("", about),
        table("", &table_head(&["file", "columns", "meaning"]), &rows)
    )
}
