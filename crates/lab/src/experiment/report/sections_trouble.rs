//! The later sections: trouble, the original's rules, all numbers, and how they were measured.

use super::super::data::Run;
use super::super::summary::Summary;
use super::super::verdict::{round, spoken};
use super::page::{esc, table, wordy};
use super::sections::{figure_plot, heading};

/// Abandoned seats, crashes, and stores that fail.
pub(super) fn trouble(summary: &Summary<'_>) -> String {
    let mut text = String::new();
    for id in ["abandoned-never", "abandoned-failed", "kill", "outage", "slow-store"] {
        let Some(scenario) = summary.run.scenarios.iter().find(|it| it.id == id) else { continue };
        text.push_str(&heading(scenario));
        for figure in &scenario.figures {
            match figure.id.as_str() {
                "early" => text.push_str(&early(summary, id)),
                _ => text.push_str(&figure_plot(summary, scenario, figure)),
            }
        }
        text.push_str(&not_run(summary, id));
    }
    text
}

fn early(summary: &Summary<'_>, scenario: &str) -> String {
    let early: f64 = summary
        .run
        .cells
        .iter()
        .filter(|cell| cell.scenario == scenario)
        .filter_map(|cell| cell.figures.get("early"))
        .sum();
    match early {
        0.0 => "<p class=\"good\">✓ No seat was given away before its deadline.</p>\n".to_owned(),
        some => {
            format!("<p class=\"bad\">✗ {some} seats were given away before their deadline.</p>\n")
        }
    }
}

fn not_run(summary: &Summary<'_>, scenario: &str) -> String {
    let mut why: Vec<(String, Vec<String>)> = Vec::new();
    for subject in &summary.run.subjects {
        let Some(words) = summary.group(&subject.id, scenario).not_run() else { continue };
        match why.iter_mut().find(|(it, _)| it == words) {
            Some((_, subjects)) => subjects.push(subject.title.clone()),
            None => why.push((words.to_owned(), vec![subject.title.clone()])),
        }
    }
    let said = why.iter().map(|(words, subjects)| {
        let subjects = esc(&subjects.join(", "));
        format!("<p class=\"none\">Not run for {subjects}: {}.</p>\n", esc(words))
    });
    said.collect()
}

/// What the authors of the original published of the same rules, in percent of 2,000 requests.
const PUBLISHED: [(&str, &str, &str, &str, &str); 3] = [
    ("if-else", "6.35 %", "91.95 %", "1 room of 10", "9.15 %"),
    ("synchronized", "0", "0", "0", "0"),
    ("Semaphore", "left out", "48.7 %", "0", "left out"),
];

/// The four rules, and what they were in the original.
pub(super) fn rules(summary: &Summary<'_>) -> String {
    let mut text = "<p>The first experiment of this kind (a Java server, 200 requests at once for 99 seats, ten rooms) judged each decision by four rules from a log around it. The same rules, judged here from such a log kept in memory:</p>\n<ul>\
        <li><strong>R1</strong> the number of people after a success is not the number before plus one: somebody else changed it in between. It compares two readings, so it flags a reading that is out of date and not a lost write.</li>\
        <li><strong>R2</strong> two decisions of a room were under way at the same time.</li>\
        <li><strong>R3</strong> the capacity was exceeded. The only one about the product.</li>\
        <li><strong>R4</strong> the number after a success is not that of its place in the order of starting.</li></ul>\
        <p>R1, R2 and R4 are broken by every correct strategy that lets decisions overlap, and kept by every wrong one that happens not to. They are shown for comparison; the verdict rests on the table “Was the promise kept?”.</p>\n"
        .to_owned();
    let mut rows = Vec::new();
    for subject in &summary.run.subjects {
        let Some(rules) = summary.group(&subject.id, "rules").rules() else { continue };
        let of = |count: u64| {
            format!("{} %", round(count as f64 * 100.0 / rules.requests.max(1) as f64))
        };
        let exceeded = match rules.exceeded {
            0 => "<span class=\"good\">✓ 0</span>".to_owned(),
            count => format!("<span class=\"bad\">✗ {count}</span>"),
        };
        rows.push(vec![
            esc(&subject.title),
            of(rules.stale),
            of(rules.overlapping),
            exceeded,
            of(rules.out_of_order),
            rules.inside_at_once.to_string(),
        ]);
    }
    let head = ["here", "R1", "R2", "R3", "R4", "most inside at once"];
    text.push_str(&table(&head, &rows));
    let published =
        PUBLISHED.map(|(name, r1, r2, r3, r4)| [name, r1, r2, r3, r4].map(str::to_owned).to_vec());
    text.push_str("<details><summary>What the original published</summary>");
    text.push_str(&table(&["original", "R1", "R2", "R3", "R4"], &published));
    text.push_str("<p>Its 91.95 % and 48.7 % were read off two different clocks; on one clock the semaphore overlapped more often than if-else (53.8 % against 41.7 %).</p></details>\n");
    text
}

/// Every figure with its interval.
pub(super) fn numbers(summary: &Summary<'_>) -> String {
    let mut text = "<p>Median, and in brackets an interval of the median that assumes nothing of the distribution (order statistics). The raw numbers lie beside this page: <code>cells.csv</code>, <code>summary.csv</code>, <code>run.json</code>.</p>\n".to_owned();
    for scenario in &summary.run.scenarios {
        let mut head = vec![""];
        head.extend(scenario.figures.iter().map(|it| it.title.as_str()));
        head.push("processor time for each decision");
        let rows: Vec<_> = summary
            .run
            .subjects
            .iter()
            .filter(|it| summary.group(&it.id, &scenario.id).not_run().is_none())
            .map(|it| {
                let group = summary.group(&it.id, &scenario.id);
                let mut row = vec![esc(&it.title)];
                row.extend(scenario.figures.iter().map(|figure| {
                    group
                        .figure(&figure.id)
                        .map_or_else(|| "–".to_owned(), |it| esc(&spoken(&it, &figure.unit)))
                }));
                row.push(group.cost().map_or_else(|| "–".to_owned(), |it| esc(&spoken(&it, "µs"))));
                row
            })
            .collect();
        if rows.iter().any(|row| row[1..].iter().any(|it| it != "–")) {
            text.push_str(&format!("<h3>{}</h3>{}", esc(&scenario.title), table(&head, &rows)));
        }
    }
    text
}

/// The machine, the run, and what is done otherwise than in the original.
pub(super) fn method(summary: &Summary<'_>) -> String {
    let run = summary.run;
    let mut text = wordy(&["", ""], &facts(run));
    text.push_str("<ul>\
        <li>Every subject is a real server process started on an empty store, driven over HTTP and WebSocket by people on threads of their own. The real strategies run in the same program as the baselines.</li>\
        <li>All subjects are measured in every repetition, in an order drawn anew each time, so that a slow minute of the machine meets all of them. What warms up is thrown away.</li>\
        <li>Sustained load is an open loop: entries begin by a schedule whatever the server does, and latency counts from the schedule, so that a server that stalls cannot hide it.</li>\
        <li>Processor time is that of the whole process, kernel work included, read from the kernel in nanoseconds before and after; stores that are shared by all count only what the stretch has cost.</li>\
        <li>Intervals are order statistics of the repetitions; two figures whose intervals overlap are called the same.</li>\
        <li>Otherwise than in the original: interleaved repetitions instead of one run on one day; nothing is written inside what is timed; latency is measured end to end and never summed from medians; one lock for all rooms and a lock for each are told apart; both steps, leaving, deadlines, refreshes, crashes and failing stores are part of it; a success is a seat, not a status code.</li>\
        <li>The lab shares the machine with the servers. Where it has a core of its own its work does not slow them; on loopback the network costs next to nothing.</li></ul>\n");
    text.push_str("<h3>Subjects</h3>");
    let subjects: Vec<_> = run
        .subjects
        .iter()
        .map(|it| {
            let kind = if it.is_baseline { "baseline, not for use" } else { "strategy" };
            vec![esc(&it.title), format!("{} <span class=\"none\">({kind})</span>", esc(&it.about))]
        })
        .collect();
    text.push_str(&wordy(&["", ""], &subjects));
    text
}

fn facts(run: &Run) -> Vec<Vec<String>> {
    let machine = &run.machine;
    let plan = &run.plan;
    let mut rows = vec![
        ("processor", format!("{}, {} cores", machine.processor, machine.cores)),
        ("memory", format!("{} MiB", machine.memory_mib)),
        ("kernel", machine.kernel.clone()),
        ("file system of the databases", machine.file_system.clone()),
        ("cores", machine.pinning.clone()),
        (
            "run",
            format!(
                "{}, {} repetitions of {} subjects, {} s at each rate; {} min in all{}",
                plan.kind,
                plan.repetitions,
                run.subjects.len(),
                round(plan.step_seconds),
                round(plan.took_seconds / 60.0),
                if plan.resumed > 0 {
                    format!(", gone on with {} times", plan.resumed)
                } else {
                    String::new()
                }
            ),
        ),
    ];
    for (program, version) in &machine.programs {
        rows.push((program, version.clone()));
    }
    rows.into_iter().map(|(name, words)| vec![esc(name), esc(&words)]).collect()
}
