//! How long the steps of an entry take, in the scenarios that crowd a room.

use super::{in_groups, paragraph, scenarios_of};
use crate::experiment::data::ScenarioInfo;
use crate::experiment::report::View;
use crate::experiment::report::plot::strip::{Group, Row, Span, draw};
use crate::experiment::report::plot::{Better, Caption};
use crate::experiment::report::text::number;

const SCENARIOS: [&str; 3] = ["burst", "storm", "churn"];
/// `(step, in words)`.
const STEPS: [(&str, &str); 3] = [
    ("reserve", "until a seat was granted"),
    ("confirm", "until a ticket was accepted"),
    ("entry", "from the first step until inside"),
];

pub(crate) fn section(view: &View<'_>) -> String {
    let mut plots = String::new();
    for scenario in scenarios_of(view, &SCENARIOS) {
        for (step, words) in STEPS {
            plots.push_str(&plot(view, scenario, step, words));
        }
    }
    if plots.is_empty() {
        return String::new();
    }
    let lead = "The mark is the usual time (p50); the bar reaches to what 99 of 100 stay below (p99). Both are \
                medians over the repetitions, in ms.";
    paragraph("about", lead) + &format!("<div class=\"plots\">{plots}</div>\n")
}

fn plot(view: &View<'_>, scenario: &ScenarioInfo, step: &str, words: &str) -> String {
    let groups = in_groups(view).map(|(heading, subjects)| {
        let row = |id: &str, name: &str| {
            let times = *view.summary.steps(id, &scenario.id).get(step)?;
            let (p50, p99) = (times.p50.median, times.p99.median);
            let row = Row {
                look: view.looks.get(id),
                name: name.to_owned(),
                value: format!("p50 {}, p99 {} ms", number(p50), number(p99)),
                span: Some(Span { at: p50, low: p50, high: p99 }),
            };
            Some((p99, row))
        };
        let mut rows: Vec<_> = subjects.iter().filter_map(|it| row(&it.id, &it.title)).collect();
        rows.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        Group { heading, rows: rows.into_iter().map(|(_, row)| row).collect() }
    });
    if groups.iter().all(|group| group.rows.is_empty()) {
        return String::new();
    }
    let title = format!("{}: {words}", scenario.title);
    let caption = Caption { title: &title, better: Some(Better::Less), note: "" };
    draw(&caption, "p50 to p99 [ms]", &groups)
}
