//! The parts of the page, in its order. Each draws itself from the run, and nothing where the run has nothing
//! for it.

pub(crate) mod short;
pub(crate) mod verdicts;
pub(crate) mod faults;
pub(crate) mod scenarios;
pub(crate) mod sustained;
pub(crate) mod latency;
pub(crate) mod cpu;
pub(crate) mod failures;
pub(crate) mod rules;
pub(crate) mod numbers;
pub(crate) mod method;

use super::View;
use super::text::escape;
use crate::experiment::data::{ScenarioInfo, SubjectInfo};

/// A paragraph of plain words.
fn paragraph(class: &str, text: &str) -> String {
    format!("<p class=\"{class}\">{}</p>\n", escape(text))
}

/// A table in a box of its own that scrolls. Head and rows are markup.
fn table(class: &str, head: &str, rows: &str) -> String {
    format!(
        "<div class=\"table\"><table class=\"{class}\"><thead>{head}</thead><tbody>{rows}</tbody></table></div>\n"
    )
}

/// A row whose first field is its head. Fields are markup.
fn table_row(head: &str, fields: &[String]) -> String {
    let fields: String = fields.iter().map(|field| format!("<td>{field}</td>")).collect();
    format!("<tr><th scope=\"row\">{head}</th>{fields}</tr>\n")
}

/// A head of plain words.
fn table_head(names: &[&str]) -> String {
    let names = names.iter().map(|name| format!("<th scope=\"col\">{}</th>", escape(name)));
    format!("<tr>{}</tr>", names.collect::<String>())
}

/// A subject's name, and whether it is a baseline.
fn name_of(subject: &SubjectInfo) -> String {
    let tag = if subject.is_baseline { "<span class=\"tag\">baseline</span>" } else { "" };
    format!("{}{tag}", escape(&subject.title))
}

/// Strategies and baselines, each under its heading.
fn in_groups<'a>(view: &View<'a>) -> [(&'static str, Vec<&'a SubjectInfo>); 2] {
    let (baselines, strategies) = view.run.subjects.iter().partition(|it| it.is_baseline);
    [("strategies", strategies), ("baselines", baselines)]
}

/// The scenarios of these ids that the run has.
fn scenarios_of<'a>(view: &View<'a>, ids: &[&str]) -> Vec<&'a ScenarioInfo> {
    ids.iter().filter_map(|id| view.summary.scenario(id)).collect()
}
