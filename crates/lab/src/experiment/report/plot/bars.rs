//! Rows with a bar each, made of parts that follow one another from zero.

use super::scale::Scale;
use super::{Caption, LEFT, RIGHT, ROW, WIDTH, row_heading, row_text, strip};

/// One part of a bar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// A class of the style sheet, which sets colour and pattern.
    pub(crate) class: &'static str,
    pub(crate) length: f64,
}

/// One row.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) parts: Vec<Part>,
}

/// Rows under a small heading, which may be empty.
pub(crate) struct Group {
    pub(crate) heading: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// Draws the bars over one axis from zero.
pub(crate) fn draw(caption: &Caption<'_>, axis: &str, groups: &[Group]) -> String {
    let rows = || groups.iter().flat_map(|group| &group.rows);
    let total = |row: &Row| row.parts.iter().map(|part| part.length).sum::<f64>();
    // With zero among them the axis begins there: lengths are compared.
    let values: Vec<f64> = rows().map(total).chain([0.0]).collect();
    let scale = Scale::fitting(&values, LEFT, RIGHT - 4.0);
    let (mut drawn, mut y) = (String::new(), 2.0);
    for group in groups.iter().filter(|group| !group.rows.is_empty()) {
        if !group.heading.is_empty() {
            drawn.push_str(&row_heading(y, group.heading));
            y += 20.0;
        }
        for row in &group.rows {
            drawn.push_str(&row_text(y, &row.name, &row.value));
            drawn.push_str(&bar(row, y + 18.0, &scale));
            y += ROW;
        }
    }
    let drawing = strip::ground(&scale, y, axis) + &drawn;
    caption.around("plot", (WIDTH, y + 40.0), &drawing)
}

fn bar(row: &Row, y: f64, scale: &Scale) -> String {
    let (mut drawing, mut sum) = (String::new(), 0.0);
    for Part { class, length } in &row.parts {
        let from = scale.place(sum);
        sum += length;
        // A gap keeps parts apart without colour.
        let width = (scale.place(sum) - from - 1.0).max(0.5);
        drawing.push_str(&format!(
            "<rect class=\"part {class}\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"11\"/>"
        ));
    }
    drawing
}
