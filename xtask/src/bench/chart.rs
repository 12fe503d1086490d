//! The plot: one page without anything from elsewhere, a bar for the median of each ratio with its
//! least and most, and a line where the target is.

use std::fmt::Write as _;

use super::measures::Target;
use super::{Outcome, Row};

const LABEL_WIDTH: f64 = 330.0;
const BARS_WIDTH: f64 = 520.0;
const ROW_HEIGHT: f64 = 30.0;
/// Ratios above are cut there and told in words.
const RATIO_MAX: f64 = 8.0;

/// The page for an outcome.
pub(super) fn page(outcome: &Outcome) -> String {
    let rows: Vec<&Row> = outcome.rows.iter().filter(|row| row.ratio.is_some()).collect();
    let (width, height) = (LABEL_WIDTH + BARS_WIDTH + 150.0, ROW_HEIGHT * (rows.len() + 2) as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" role=\"img\" \
         aria-label=\"Ratios of the server to the floor\">\n"
    );
    axis(&mut svg, height);
    for (index, row) in rows.iter().enumerate() {
        bar(&mut svg, row, ROW_HEIGHT * (index as f64 + 1.0));
    }
    svg.push_str("</svg>\n");
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Anteroom bench</title>\n\
         <style>body{{max-width:68rem;margin:2rem auto;font-family:system-ui,sans-serif}}\
         td,th{{padding:.2rem .8rem;text-align:right}}td:first-child,td:nth-child(2){{text-align:left}}</style>\n\
         <h1>The server beside the floor</h1>\n\
         <p>Ratios within one pair of runs, {} pairs: bar = median, whisker = least to most, \
         mark = target.</p>\n{svg}{}</html>\n",
        outcome.pairs,
        table(outcome)
    )
}

fn x(ratio: f64) -> f64 {
    LABEL_WIDTH + ratio.clamp(0.0, RATIO_MAX) / RATIO_MAX * BARS_WIDTH
}

fn axis(svg: &mut String, height: f64) {
    for ratio in 0..=RATIO_MAX as u32 {
        let at = x(f64::from(ratio));
        let colour = if ratio == 1 { "#333" } else { "#ddd" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            svg,
            "<line x1=\"{at}\" x2=\"{at}\" y1=\"20\" y2=\"{height}\" stroke=\"{colour}\"/>\
             <text x=\"{at}\" y=\"14\" text-anchor=\"middle\" fill=\"#666\">{ratio}x</text>"
        );
    }
}

fn bar(svg: &mut String, row: &Row, y: f64) {
    let Some(ratio) = row.ratio else { return };
    let colour = match row.holds {
        Some(true) => "#2e7d32",
        Some(false) => "#c62828",
        None => "#90a4ae",
    };
    let (start, end, middle) = (x(0.0), x(ratio.median), y + 11.0);
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{} · {}</text>\
         <rect x=\"{start}\" y=\"{y}\" width=\"{}\" height=\"22\" fill=\"{colour}\"/>\
         <line x1=\"{}\" x2=\"{}\" y1=\"{middle}\" y2=\"{middle}\" stroke=\"#000\"/>\
         <text x=\"{}\" y=\"{}\">{ratio}</text>",
        LABEL_WIDTH - 8.0,
        y + 16.0,
        row.case,
        row.measure,
        end - start,
        x(ratio.min),
        x(ratio.max),
        LABEL_WIDTH + BARS_WIDTH + 8.0,
        y + 16.0
    );
    if let Some(Target::AtMost { target, .. } | Target::AtLeast { target, .. }) = row.target {
        let at = x(target);
        let _ = writeln!(
            svg,
            "<line x1=\"{at}\" x2=\"{at}\" y1=\"{}\" y2=\"{}\" stroke=\"#1565c0\" stroke-width=\"3\"/>",
            y - 2.0,
            y + 24.0
        );
    }
}

fn table(outcome: &Outcome) -> String {
    let mut html = String::from(
        "<table><tr><th>case<th>figure<th>unit<th>server (min / median / max)<th>floor<th>ratio<th>target\n",
    );
    let or_none = |spread: Option<super::Spread>| spread.map_or(String::new(), |it| it.to_string());
    for row in &outcome.rows {
        let _ = writeln!(
            html,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}",
            row.case,
            row.measure,
            row.unit,
            row.server,
            or_none(row.floor),
            or_none(row.ratio),
            row.target.map_or(String::new(), |target| target.to_string())
        );
    }
    html.push_str("</table>\n");
    html
}
