//! Rows with a mark each: a median with its interval, or a p50 with its p99.

use super::scale::Scale;
use super::{Caption, LEFT, RIGHT, ROW, WIDTH, row_heading, row_text};
use crate::experiment::report::look::Look;
use crate::experiment::report::text::escape;

/// Height of a row that has only a name.
const LINE: f64 = 18.0;

/// What a row shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Where the mark is.
    pub(crate) at: f64,
    /// The bar around it, or beside it.
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// One row.
pub(crate) struct Row {
    pub(crate) look: Look,
    pub(crate) name: String,
    pub(crate) value: String,
    /// Nothing where nothing was measured.
    pub(crate) span: Option<Span>,
}

/// Rows under a small heading, which may be empty.
pub(crate) struct Group {
    pub(crate) heading: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// Draws the rows over one axis.
pub(crate) fn draw(caption: &Caption<'_>, axis: &str, groups: &[Group]) -> String {
    let spans = || groups.iter().flat_map(|group| &group.rows).filter_map(|row| row.span);
    let values: Vec<f64> = spans().flat_map(|it| [it.at, it.low, it.high]).collect();
    let scale = Scale::fitting(&values, LEFT + 6.0, RIGHT - 6.0);
    let (mut rows, mut y) = (String::new(), 2.0);
    for group in groups.iter().filter(|group| !group.rows.is_empty()) {
        if !group.heading.is_empty() {
            rows.push_str(&row_heading(y, group.heading));
            y += 20.0;
        }
        for row in &group.rows {
            rows.push_str(&drawn(row, y, &scale));
            y += if row.span.is_some() { ROW } else { LINE };
        }
    }
    let drawing = ground(&scale, y, axis) + &rows;
    caption.around("plot", (WIDTH, y + 40.0), &drawing)
}

fn drawn(row: &Row, y: f64, scale: &Scale) -> String {
    let mut drawing = row_text(y, &row.name, &row.value);
    let Some(span) = row.span else { return drawing };
    let middle = y + 24.0;
    let (low, high) = (scale.place(span.low), scale.place(span.high));
    let (top, bottom, class) = (middle - 4.0, middle + 4.0, row.look.class);
    drawing.push_str(&format!(
        "<path class=\"bar {class}\" d=\"M{low:.1} {middle:.1}H{high:.1}M{low:.1} {top:.1}V{bottom:.1}M{high:.1} {top:.1}V{bottom:.1}\"/>"
    ));
    drawing + &row.look.mark(scale.place(span.at), middle)
}

/// The axis below, and its lines behind the rows.
pub(super) fn ground(scale: &Scale, bottom: f64, axis: &str) -> String {
    let mut drawing = String::new();
    let label = bottom + 15.0;
    for (x, text) in scale.ticks(6) {
        drawing.push_str(&format!(
            "<path class=\"grid\" d=\"M{x:.1} 2V{bottom:.1}\"/><text class=\"tick\" x=\"{x:.1}\" y=\"{label:.1}\">{text}</text>"
        ));
    }
    let how = if scale.is_log() { ", log scale" } else { "" };
    let (middle, below) = (f64::midpoint(LEFT, RIGHT), bottom + 32.0);
    drawing
        + &format!(
            "<text class=\"axis\" x=\"{middle:.1}\" y=\"{below:.1}\">{}{how}</text>",
            escape(axis)
        )
}
