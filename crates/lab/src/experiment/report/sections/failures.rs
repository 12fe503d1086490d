//! A server that dies, a store that stalls, and seats that nobody comes for.

use super::{cpu, in_groups, paragraph, scenarios};
use crate::experiment::data::ScenarioInfo;
use crate::experiment::report::View;
use crate::experiment::report::plot::bars::{Group, Part, Row, draw};
use crate::experiment::report::plot::{Better, Caption};
use crate::experiment::report::text::{escape, headed, number};

pub(crate) fn section(view: &View<'_>) -> String {
    [
        killed(view),
        plots(view, "When the store of the seats stalls or crawls", &["outage", "slow-store"]),
        plots(view, "Seats that nobody comes for", &["abandoned-never", "abandoned-failed"]),
    ]
    .concat()
}

fn killed(view: &View<'_>) -> String {
    let Some(scenario) = view.summary.scenario("kill") else { return String::new() };
    let kept = scenario.figures.iter().find(|it| it.id == "promises_kept");
    let kept = kept.map_or_else(String::new, |it| scenarios::plot(view, scenario, it, ""));
    let line = timeline(view, scenario);
    if kept.is_empty() && line.is_empty() {
        return String::new();
    }
    let keys = cpu::key("inside", "until somebody was inside again")
        + &cpu::key("grantable", "until every seat was grantable again");
    format!("<h3>{}</h3>\n", escape(&scenario.title))
        + &paragraph("about", &scenario.about)
        + &format!("<p>{keys}</p><div class=\"plots\">{line}{kept}</div>\n")
}

/// From the death of the server: until somebody is inside, and on until all seats can be had.
fn timeline(view: &View<'_>, scenario: &ScenarioInfo) -> String {
    let groups = in_groups(view).map(|(heading, subjects)| {
        let row = |id: &str, name: &str| {
            let of = |figure| Some(view.summary.figure(id, &scenario.id, figure)?.median);
            let (inside, all) = (of("recovery_ms")?, of("grantable_ms")?);
            let parts = vec![
                Part { class: "inside", length: inside },
                Part { class: "grantable", length: (all - inside).max(0.0) },
            ];
            let value = format!("inside {} · all {} ms", number(inside), number(all));
            Some((all, Row { name: name.to_owned(), value, parts }))
        };
        let mut rows: Vec<_> = subjects.iter().filter_map(|it| row(&it.id, &it.title)).collect();
        rows.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        Group { heading, rows: rows.into_iter().map(|(_, row)| row).collect() }
    });
    if groups.iter().all(|group| group.rows.is_empty()) {
        return String::new();
    }
    let title = format!("{}: the way back", scenario.title);
    let caption = Caption { title: &title, better: Some(Better::Less), note: "" };
    draw(&caption, "since the server died [ms]", &groups)
}

/// All figures of some scenarios; those that are zero for everybody are said, not drawn.
fn plots(view: &View<'_>, heading: &str, ids: &[&str]) -> String {
    let (mut drawn, mut about, mut zero) = (String::new(), String::new(), Vec::new());
    for scenario in super::scenarios_of(view, ids) {
        let mut has_any = false;
        for figure in &scenario.figures {
            let ranking = view.summary.ranking(&scenario.id, figure);
            has_any |= !ranking.is_empty();
            if ranking.iter().any(|it| it.spread.most != 0.0) {
                drawn.push_str(&scenarios::plot(view, scenario, figure, ""));
            } else if !ranking.is_empty() && !zero.contains(&figure.title) {
                zero.push(figure.title.clone());
            }
        }
        if has_any {
            about.push_str(&format!(
                "<p class=\"about\"><b>{}.</b> {}</p>\n",
                escape(&headed(&scenario.title)),
                escape(&scenario.about)
            ));
        }
    }
    if drawn.is_empty() {
        return String::new();
    }
    let zero = zero.iter().map(|it| paragraph("", &format!("{}: none, by anybody.", headed(it))));
    let zero: String = zero.collect();
    format!("<h3>{heading}</h3>\n{about}{zero}<div class=\"plots\">{drawn}</div>\n")
}
