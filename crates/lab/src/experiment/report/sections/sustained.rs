//! What becomes of more and more load: latency, and how much of it is done at all.

use super::{in_groups, paragraph, scenarios};
use crate::experiment::report::View;
use crate::experiment::report::plot::lines::{Ground, Line, draw};
use crate::experiment::report::plot::{Better, Caption};
use crate::experiment::summary::RateTimes;

const SCENARIO: &str = "sustained";
const BOUNDS: [(f64, &str); 2] = [(10.0, "10 ms"), (50.0, "50 ms")];

/// What is drawn upwards.
struct Upwards {
    title: &'static str,
    axis: &'static str,
    better: Better,
    value: fn(&RateTimes) -> f64,
    bounds: &'static [(f64, &'static str)],
    equal: Option<&'static str>,
}

const LATENCY: Upwards = Upwards {
    title: "99 of 100 entries took at most",
    axis: "p99 of an entry [ms]",
    better: Better::Less,
    value: |it| it.p99_ms.median,
    bounds: &BOUNDS,
    equal: None,
};

const ACHIEVED: Upwards = Upwards {
    title: "Entries completed of those offered",
    axis: "completed [/s]",
    better: Better::More,
    value: |it| it.achieved.median,
    bounds: &[],
    equal: Some("all of them"),
};

pub(crate) fn section(view: &View<'_>) -> String {
    let Some(scenario) = view.summary.scenario(SCENARIO) else { return String::new() };
    let figures = scenario.figures.iter().map(|it| scenarios::plot(view, scenario, it, ""));
    let figures: String = figures.collect();
    let lines = [LATENCY, ACHIEVED].iter().map(|it| plots(view, it)).collect::<String>();
    if figures.is_empty() && lines.is_empty() {
        return String::new();
    }
    paragraph("about", &scenario.about)
        + &format!("<div class=\"plots two\">{lines}</div>\n<div class=\"plots\">{figures}</div>\n")
}

/// A plot for strategies and one for baselines, over the same axes.
fn plots(view: &View<'_>, upwards: &Upwards) -> String {
    let groups = in_groups(view).map(|(heading, subjects)| {
        let line = |id: &str, name: &str| {
            let rates = view.summary.rates(id, SCENARIO);
            let points: Vec<_> = rates.iter().map(|it| (it.offered, (upwards.value)(it))).collect();
            Line { look: view.looks.get(id), name: name.to_owned(), points }
        };
        let lines = subjects.iter().map(|it| line(&it.id, &it.title));
        (heading, lines.filter(|it| !it.points.is_empty()).collect::<Vec<_>>())
    });
    let points = groups.iter().flat_map(|(_, lines)| lines).flat_map(|line| &line.points);
    let mut reach: Vec<_> = points.copied().collect();
    let Some(least) = reach.iter().map(|(x, _)| *x).min_by(f64::total_cmp) else {
        return String::new();
    };
    let most = reach.iter().map(|(x, _)| *x).fold(0.0, f64::max);
    match upwards.equal {
        Some(_) => reach.extend([(least, least), (most, most)]),
        None => reach.extend(upwards.bounds.iter().map(|(bound, _)| (least, *bound))),
    }
    let ground = Ground {
        across: "entries offered [/s]",
        up: upwards.axis,
        reach: &reach,
        bounds: upwards.bounds,
        equal: upwards.equal,
    };
    let drawn = groups.iter().filter(|(_, lines)| !lines.is_empty()).map(|(heading, lines)| {
        let title = format!("{}: {heading}", upwards.title);
        draw(&Caption { title: &title, better: Some(upwards.better), note: "" }, &ground, lines)
    });
    drawn.collect()
}
