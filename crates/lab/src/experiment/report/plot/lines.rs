//! Lines over two axes that count by factors, each with its name at its end.

use super::Caption;
use super::scale::Scale;
use crate::experiment::report::look::Look;
use crate::experiment::report::text::escape;

const WIDTH: f64 = 510.0;
const HEIGHT: f64 = 350.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = WIDTH - 176.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = HEIGHT - 46.0;
/// Between two names.
const GAP: f64 = 16.0;
/// Ends that are less than about this apart are at the same height.
const LEVEL: f64 = 40.0;

/// One line, from left to right.
pub(crate) struct Line {
    pub(crate) look: Look,
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// What the lines are drawn over.
pub(crate) struct Ground<'a> {
    pub(crate) across: &'a str,
    pub(crate) up: &'a str,
    /// Values that must be on the axes, so that plots beside one another have the same.
    pub(crate) reach: &'a [(f64, f64)],
    /// Values upwards that are drawn through, with what is written there.
    pub(crate) bounds: &'a [(f64, &'a str)],
    /// Draws where both values are the same, with what is written there.
    pub(crate) equal: Option<&'a str>,
}

/// Draws the lines.
pub(crate) fn draw(caption: &Caption<'_>, ground: &Ground<'_>, lines: &[Line]) -> String {
    let across: Vec<_> = ground.reach.iter().map(|(x, _)| *x).collect();
    let up: Vec<_> = ground.reach.iter().map(|(_, y)| *y).collect();
    let scales = (Scale::log(&across, LEFT, RIGHT), Scale::log(&up, BOTTOM, TOP));
    let mut drawing = axes(ground, scales);
    let mut ends = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        let at = |(x, y): &(f64, f64)| (scales.0.place(*x), scales.1.place(*y));
        let places: Vec<_> = line.points.iter().map(at).collect();
        let Some(end) = places.last() else { continue };
        ends.push((n, *end));
        let path: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        let Look { class, dash, .. } = line.look;
        drawing.push_str(&format!(
            "<path class=\"line {class}\" stroke-dasharray=\"{dash}\" d=\"M{}\"/>",
            path.join("L")
        ));
        for (x, y) in places {
            drawing.push_str(&line.look.mark(x, y));
        }
    }
    for (n, (x, y), label) in apart(ends) {
        let (from, text) = (RIGHT + 8.0, RIGHT + 22.0);
        let Line { look, name, .. } = &lines[n];
        drawing.push_str(&format!(
            "<path class=\"leader {}\" d=\"M{x:.1} {y:.1}L{from:.1} {label:.1}\"/>{}<text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            look.class,
            look.mark(from + 5.0, label),
            text,
            label + 4.0,
            escape(name)
        ));
    }
    caption.around("plot wide", (WIDTH, HEIGHT), &drawing)
}

fn axes(ground: &Ground<'_>, (across, up): (Scale, Scale)) -> String {
    let mut drawing = String::new();
    for (x, text) in across.ticks(6) {
        let label = BOTTOM + 16.0;
        drawing.push_str(&format!(
            "<path class=\"grid\" d=\"M{x:.1} {TOP}V{BOTTOM}\"/><text class=\"tick\" x=\"{x:.1}\" y=\"{label:.1}\">{text}</text>"
        ));
    }
    for (y, text) in up.ticks(7) {
        let (x, label) = (LEFT - 6.0, y + 4.0);
        drawing.push_str(&format!(
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/><text class=\"tick up\" x=\"{x:.1}\" y=\"{label:.1}\">{text}</text>"
        ));
    }
    for (value, text) in ground.bounds {
        let y = up.place(*value);
        let (x, label) = (LEFT + 4.0, y - 4.0);
        drawing.push_str(&format!(
            "<path class=\"bound\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/><text class=\"boundtext\" x=\"{x:.1}\" y=\"{label:.1}\">{}</text>",
            escape(text)
        ));
    }
    if let Some(text) = ground.equal {
        let shared = |it: &&(f64, f64)| it.0 == it.1;
        let ends: Vec<_> = ground.reach.iter().filter(shared).map(|(x, _)| *x).collect();
        let low = ends.iter().copied().fold(f64::INFINITY, f64::min);
        let high = ends.iter().copied().fold(0.0, f64::max);
        let (x1, y1, x2, y2) =
            (across.place(low), up.place(low), across.place(high), up.place(high));
        drawing.push_str(&format!(
            "<path class=\"bound\" d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\"/><text class=\"boundtext\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            x2 - 12.0,
            y2 + 4.0,
            escape(text)
        ));
    }
    let (middle, height) = (f64::midpoint(LEFT, RIGHT), f64::midpoint(TOP, BOTTOM));
    drawing
        + &format!(
            "<text class=\"axis\" x=\"{middle:.1}\" y=\"{:.1}\">{}, log scale</text>\
         <text class=\"axis\" transform=\"translate(13 {height:.1}) rotate(-90)\">{}, log scale</text>",
            BOTTOM + 36.0,
            escape(ground.across),
            escape(ground.up)
        )
}

/// Where the names go: as near to their ends as they can without lying upon one another.
fn apart(mut ends: Vec<(usize, (f64, f64))>) -> Vec<(usize, (f64, f64), f64)> {
    // Of ends at about the same height the one nearest to the names comes first, so that leaders do not cross.
    let height = |y: f64| (y / LEVEL).round() as i64;
    ends.sort_by(|(_, one), (_, other)| {
        height(one.1).cmp(&height(other.1)).then(other.0.total_cmp(&one.0))
    });
    let room = GAP * ends.len().saturating_sub(1) as f64;
    let mut lowest = TOP + 4.0;
    let mut placed = Vec::new();
    for (n, (index, end)) in ends.iter().enumerate() {
        // Below this there would be no room for those that follow.
        let last = BOTTOM - room + GAP * n as f64;
        let label = end.1.max(lowest).min(last.max(lowest));
        lowest = label + GAP;
        placed.push((*index, *end, label));
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_apart_and_on_the_plot() {
        for heights in [[20.0, 21.0, 22.0, 23.0], [300.0, 301.0, 302.0, 303.0]] {
            let ends = heights.iter().enumerate().map(|(n, y)| (n, (0.0, *y))).collect();
            let labels: Vec<_> = apart(ends).iter().map(|(.., label)| *label).collect();
            assert!(labels.windows(2).all(|it| it[1] - it[0] >= GAP - 1e-9), "{labels:?}");
            assert!(labels.iter().all(|it| (TOP..=BOTTOM + 1.0).contains(it)), "{labels:?}");
        }
    }
}
