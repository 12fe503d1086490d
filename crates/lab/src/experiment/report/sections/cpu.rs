//! Processor time for each decision, by process.

use super::{in_groups, paragraph, scenarios_of};
use crate::experiment::data::ScenarioInfo;
use crate::experiment::report::View;
use crate::experiment::report::plot::bars::{Group, Part, Row, draw};
use crate::experiment::report::plot::{Better, Caption};
use crate::experiment::report::text::number;

const SCENARIOS: [&str; 3] = ["burst", "churn", "sustained"];
/// `(process, class, name)`, in the order of the bar. The lab's own time is no cost of a strategy.
const PROCESSES: [(&str, &str, &str); 3] = [
    ("server", "server", "server"),
    ("redis", "redis", "Redis"),
    ("postgresql", "postgresql", "PostgreSQL"),
];

pub(crate) fn section(view: &View<'_>) -> String {
    let plots: String = scenarios_of(view, &SCENARIOS).iter().map(|it| plot(view, it)).collect();
    if plots.is_empty() {
        return String::new();
    }
    let lead = "Processor time of the server and of the stores it asks, divided by the decisions made meanwhile. \
                The load generator’s own time is not in the bars; it is among all numbers.";
    let keys: String = PROCESSES.iter().map(|(_, class, name)| key(class, name)).collect();
    paragraph("about", lead) + &format!("<p>{keys}</p><div class=\"plots\">{plots}</div>\n")
}

/// A patch of a bar and what it means.
pub(super) fn key(class: &str, name: &str) -> String {
    format!(
        "<span class=\"key\"><svg viewBox=\"0 0 26 12\" aria-hidden=\"true\"><rect class=\"part {class}\" width=\"26\" height=\"12\"/></svg>{name}</span>"
    )
}

fn plot(view: &View<'_>, scenario: &ScenarioInfo) -> String {
    let groups = in_groups(view).map(|(heading, subjects)| {
        let rows = subjects.iter().filter_map(|it| row(view, &it.id, &it.title, scenario));
        let mut rows: Vec<_> = rows.collect();
        let total = |row: &Row| row.parts.iter().map(|part| part.length).sum::<f64>();
        rows.sort_by(|one, other| total(one).total_cmp(&total(other)));
        Group { heading, rows }
    });
    if groups.iter().all(|group| group.rows.is_empty()) {
        return String::new();
    }
    let title = format!("{}: processor time for each decision", scenario.title);
    let caption = Caption { title: &title, better: Some(Better::Less), note: "" };
    draw(&caption, "processor time for each decision [µs]", &groups)
}

fn row(view: &View<'_>, id: &str, title: &str, scenario: &ScenarioInfo) -> Option<Row> {
    let spent = view.summary.cpu(id, &scenario.id);
    let of = |process: &str| spent.get(process).map(|it| it.median);
    let some = || PROCESSES.iter().filter_map(|(id, class, name)| Some((*class, *name, of(id)?)));
    let parts: Vec<_> = some().map(|(class, _, length)| Part { class, length }).collect();
    if parts.is_empty() {
        return None;
    }
    let each: Vec<_> = parts.iter().map(|part| number(part.length)).collect();
    let all = number(parts.iter().map(|part| part.length).sum());
    let value = match each.len() {
        1 => format!("{all} µs"),
        _ => format!("{} = {all} µs", each.join(" + ")),
    };
    Some(Row { name: title.to_owned(), value, parts })
}
