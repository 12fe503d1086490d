//! A plot for each scenario: the figure that says most, of everybody who has it.

use super::paragraph;
use crate::experiment::data::{FigureInfo, ScenarioInfo};
use crate::experiment::report::View;
use crate::experiment::report::plot::strip::{Group, Row, Span, draw};
use crate::experiment::report::plot::{Better, Caption};
use crate::experiment::report::text::{headed, median_and_ends};
use crate::experiment::summary::Placed;

/// These have parts of the page for themselves.
const ELSEWHERE: [&str; 6] =
    ["sustained", "abandoned-never", "abandoned-failed", "kill", "outage", "slow-store"];

pub(crate) fn section(view: &View<'_>) -> String {
    let mut plots = String::new();
    for scenario in &view.run.scenarios {
        let Some(figure) = scenario.figures.first() else { continue };
        if !ELSEWHERE.contains(&scenario.id.as_str()) {
            plots.push_str(&plot(view, scenario, figure, &scenario.about));
        }
    }
    if plots.is_empty() {
        return String::new();
    }
    let lead = "A mark is the median of the repetitions, the bar its interval: where bars overlap no difference \
                was seen. Best at the top; strategies are filled, baselines hollow.";
    paragraph("about", lead) + &format!("<div class=\"plots\">{plots}</div>\n")
}

/// One figure of one scenario; nothing where nobody has it.
pub(super) fn plot(
    view: &View<'_>,
    scenario: &ScenarioInfo,
    figure: &FigureInfo,
    note: &str,
) -> String {
    let ranking = view.summary.ranking(&scenario.id, figure);
    if ranking.is_empty() {
        return String::new();
    }
    let (baselines, strategies): (Vec<_>, Vec<_>) =
        ranking.into_iter().partition(|it| it.subject.is_baseline);
    let row = |placed: &Placed<'_>| {
        let spread = &placed.spread;
        Row {
            look: view.looks.get(&placed.subject.id),
            name: placed.subject.title.clone(),
            value: median_and_ends(spread, &figure.unit),
            span: Some(Span { at: spread.median, low: spread.low, high: spread.high }),
        }
    };
    let mut groups = vec![
        Group { heading: "strategies", rows: strategies.iter().map(row).collect() },
        Group { heading: "baselines", rows: baselines.iter().map(row).collect() },
    ];
    groups.push(Group { heading: "not measured", rows: missing(view, scenario, figure) });
    let axis = match figure.unit.as_str() {
        "" => headed(&figure.title),
        unit => format!("{} [{unit}]", headed(&figure.title)),
    };
    let title = format!("{}: {}", scenario.title, figure.title);
    let better = Some(Better::of(figure.more_is_better));
    let caption = Caption { title: &title, better, note };
    draw(&caption, &axis, &groups)
}

/// Strategies without the figure, in one row.
fn missing(view: &View<'_>, scenario: &ScenarioInfo, figure: &FigureInfo) -> Vec<Row> {
    let strategies = view.run.subjects.iter().filter(|it| !it.is_baseline);
    let without =
        strategies.filter(|it| view.summary.figure(&it.id, &scenario.id, &figure.id).is_none());
    let row = |name: String, look| Row { look, name, value: String::new(), span: None };
    without.map(|it| row(it.title.clone(), view.looks.get(&it.id))).collect()
}
