//! Who kept the rooms' capacity, and everything that must be zero.

use super::{in_groups, name_of, paragraph, table, table_head};
use crate::experiment::data::SubjectInfo;
use crate::experiment::report::View;
use crate::experiment::report::text::{escape, whole};
use crate::experiment::summary::{FAULTS, Record};

const OK: &str = "<svg class=\"ok\" viewBox=\"0 0 48 48\" role=\"img\" aria-label=\"no fault\"><circle cx=\"24\" cy=\"24\" r=\"20\"/><path d=\"M14 25L21 32L34 17\"/></svg>";

pub(crate) fn section(view: &View<'_>) -> String {
    let subjects = in_groups(view).into_iter().flat_map(|(_, subjects)| subjects);
    let records: Vec<_> = subjects.map(|it| (it, view.summary.record(&it.id))).collect();
    let lead = "Every answer was noted outside the server and judged by that alone. A check mark means no fault of \
                any kind in anything that was measured; a number counts the faults. What is known to be wrong must \
                be caught, or the checks would be blind.";
    let list: String = records.iter().map(|(it, record)| item(it, record)).collect();
    let mut names = vec!["", "measurements", "decisions"];
    names.extend(FAULTS.iter().map(|(_, name, _)| *name));
    let rows: String = records.iter().map(|(it, record)| row(it, record)).collect();
    paragraph("about", lead)
        + &format!("<ul class=\"record\">{list}</ul>\n")
        + &table("numbers", &table_head(&names), &rows)
}

fn item(subject: &SubjectInfo, record: &Record) -> String {
    let (sign, words) = match (record.measured, record.is_convicted()) {
        (0, _) => ("<svg viewBox=\"0 0 48 48\"></svg>".to_owned(), "not measured".to_owned()),
        (_, true) => {
            let words = format!(
                "{}, in {} of {} measurements",
                record.in_words(),
                record.faulty,
                record.measured
            );
            (convicted(record.sum()), words)
        }
        (_, false) => (OK.to_owned(), format!("0 faults in {} decisions", whole(record.decisions))),
    };
    let expected = match (subject.must_overfill, record.faults.overfills > 0) {
        (true, true) => " — as it must be",
        (true, false) => " — but it should have been caught",
        (false, _) => "",
    };
    format!(
        "<li>{sign}<span><b>{}</b><small>{}{expected}</small></span></li>\n",
        name_of(subject),
        escape(&words)
    )
}

/// An eight-sided sign with the number in it.
fn convicted(faults: u64) -> String {
    let number = match faults {
        ..=999 => faults.to_string(),
        1_000..=99_999 => format!("{}k", faults / 1_000),
        _ => "≫".to_owned(),
    };
    let size = if number.len() > 3 { 13 } else { 16 };
    format!(
        "<svg class=\"bad\" viewBox=\"0 0 48 48\" role=\"img\" aria-label=\"{faults} faults\"><path d=\"M15 3H33L45 15V33L33 45H15L3 33V15Z\"/><text x=\"24\" y=\"30\" style=\"font-size:{size}px\">{number}</text></svg>"
    )
}

fn row(subject: &SubjectInfo, record: &Record) -> String {
    let numbers: String = FAULTS
        .iter()
        .map(|(.., number)| match number(&record.faults) {
            0 => "<td>0</td>".to_owned(),
            some => format!("<td class=\"fault\">{}</td>", whole(some)),
        })
        .collect();
    format!(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td>{numbers}</tr>\n",
        name_of(subject),
        record.measured,
        whole(record.decisions)
    )
}
