//! Plots as SVG, drawn here: each says in its own title what is better, and names its marks where they are.

use std::fmt::Write as _;

use super::super::summary::Stat;
use super::super::verdict::round;
use super::page::esc;

const WIDTH: f64 = 760.0;
/// For the names on the left and the values on the right.
const LEFT: f64 = 190.0;
const RIGHT: f64 = 170.0;
const ROW: f64 = 24.0;
const TOP: f64 = 30.0;
/// From this ratio of the largest to the smallest on the axis counts powers of ten.
const LOG_FROM: f64 = 20.0;
/// Width of a letter of a label, about.
const LETTER: f64 = 6.4;

/// Colours that people who cannot tell red from green can tell apart (Okabe and Ito), by subject: a class of the
/// page, so that they suit light and dark.
pub(super) fn class(subject: &str) -> &'static str {
    match subject {
        "unlocked" => "c-unlocked",
        "semaphore" => "c-semaphore",
        "conditional-sqlite" => "c-sqlite",
        "conditional-postgresql" => "c-postgresql",
        "redis-1" => "c-redis1",
        "redis-3" => "c-redis3",
        _ => "c-lock",
    }
}

/// One row of [`dots`].
pub(super) struct Dot {
    pub(super) subject: String,
    pub(super) title: String,
    pub(super) stat: Stat,
}

/// A scale from values to places.
struct Scale {
    low: f64,
    high: f64,
    is_log: bool,
}

impl Scale {
    fn over(values: impl Iterator<Item = f64> + Clone) -> Self {
        let high = values.clone().fold(0.0, f64::max).max(1e-9);
        let positive = values.filter(|value| *value > 0.0);
        let low = positive.fold(f64::INFINITY, f64::min).min(high);
        let is_log = high / low > LOG_FROM;
        Self { low: if is_log { low * 0.8 } else { 0.0 }, high: high * 1.05, is_log }
    }

    /// From 0 to 1.
    fn at(&self, value: f64) -> f64 {
        let place = if self.is_log {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        place.clamp(0.0, 1.0)
    }

    fn ticks(&self) -> Vec<f64> {
        if self.is_log {
            let first = self.low.log10().floor() as i32;
            let last = self.high.log10().ceil() as i32;
            let all = (first..=last).flat_map(|power| [1.0, 3.0].map(|it| it * 10f64.powi(power)));
            return all.filter(|it| (self.low..=self.high).contains(it)).collect();
        }
        let rough = self.high / 5.0;
        let power = 10f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0];
        let step = steps.map(|it| it * power).into_iter().find(|it| *it >= rough).unwrap_or(rough);
        (0..8).map(|n| f64::from(n) * step).filter(|it| *it <= self.high).collect()
    }
}

/// Medians as dots with their intervals, a row for each subject.
pub(super) fn dots(title: &str, unit: &str, more_is_better: bool, rows: &[Dot]) -> String {
    let scale = Scale::over(rows.iter().flat_map(|row| [row.stat.high, row.stat.low]));
    let height = TOP + ROW * rows.len() as f64 + 34.0;
    let x = |value: f64| LEFT + scale.at(value) * (WIDTH - LEFT - RIGHT);
    let better = if more_is_better { "more is better →" } else { "← less is better" };
    let mut svg = open(title, height);
    let _ = write!(svg, r#"<text class="better" x="{}" y="14">{}</text>"#, LEFT, better);
    for tick in scale.ticks() {
        let at = x(tick);
        let bottom = height - 30.0;
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{at:.1}" x2="{at:.1}" y1="{}" y2="{bottom}"/><text class="tick" x="{at:.1}" y="{}">{}</text>"#,
            TOP - 8.0,
            bottom + 14.0,
            round_tick(tick)
        );
    }
    for (n, row) in rows.iter().enumerate() {
        let y = TOP + ROW * n as f64 + ROW / 2.0;
        let (low, high, at) = (x(row.stat.low), x(row.stat.high), x(row.stat.median));
        let colour = class(&row.subject);
        let _ = write!(
            svg,
            r#"<text class="name" x="{}" y="{:.1}">{}</text><line class="bar {colour}" x1="{low:.1}" x2="{high:.1}" y1="{y}" y2="{y}"/>"#,
            LEFT - 10.0,
            y + 4.0,
            esc(&row.title)
        );
        let _ = write!(svg, r#"<circle class="dot {colour}" cx="{at:.1}" cy="{y}" r="5"/>"#);
        let _ = write!(
            svg,
            r#"<text class="value" x="{:.1}" y="{:.1}">{}</text>"#,
            WIDTH - RIGHT + 12.0,
            y + 4.0,
            esc(&super::super::verdict::spoken(&row.stat, unit))
        );
    }
    close(svg)
}

/// A part of a bar of [`stacked`]: whose it is, and how much.
pub(super) type Part<'a> = (&'a str, f64);

/// Bars made of parts, a row for each subject; the parts are named where there is room and in the key.
pub(super) fn stacked(title: &str, unit: &str, rows: &[(String, Vec<Part<'_>>)]) -> String {
    let sums = rows.iter().map(|(_, parts)| parts.iter().map(|(_, value)| value).sum::<f64>());
    let most = sums.clone().fold(1e-9, f64::max) * 1.05;
    let height = TOP + ROW * rows.len() as f64 + 12.0;
    let width = |value: f64| value / most * (WIDTH - LEFT - RIGHT);
    let mut svg = open(title, height);
    let _ = write!(svg, r#"<text class="better" x="{LEFT}" y="14">← less is better</text>"#);
    for (n, ((name, parts), sum)) in rows.iter().zip(sums).enumerate() {
        let y = TOP + ROW * n as f64;
        let middle = y + ROW / 2.0 + 4.0;
        let left = LEFT - 10.0;
        let _ = write!(svg, r#"<text class="name" x="{left}" y="{middle}">{}</text>"#, esc(name));
        let mut x = LEFT;
        let mut said = Vec::new();
        for (part, value) in parts {
            let wide = width(*value);
            let _ = write!(
                svg,
                r#"<rect class="part p-{part}" x="{x:.1}" y="{}" width="{wide:.1}" height="{}"><title>{part}: {} {unit}</title></rect>"#,
                y + 4.0,
                ROW - 8.0,
                round(*value)
            );
            if wide > part.len() as f64 * LETTER + 6.0 {
                let _ = write!(
                    svg,
                    r#"<text class="in" x="{:.1}" y="{middle}">{part}</text>"#,
                    x + 4.0
                );
            }
            said.push(round(*value));
            x += wide;
        }
        let words = match said.len() {
            1 => format!("{} {unit}", round(sum)),
            _ => format!("{} {unit} = {}", round(sum), said.join(" + ")),
        };
        let _ = write!(
            svg,
            r#"<text class="value" x="{:.1}" y="{middle}">{}</text>"#,
            WIDTH - RIGHT + 12.0,
            esc(&words)
        );
    }
    close(svg)
}

/// A line of [`lines`].
pub(super) struct Line {
    pub(super) subject: String,
    pub(super) title: String,
    /// From left to right.
    pub(super) points: Vec<(f64, f64)>,
}

/// Lines over two axes that count powers of ten, each named at its end; bounds as lines across.
pub(super) fn lines(
    title: &str,
    (x_title, y_title): (&str, &str),
    all: &[Line],
    bounds: &[f64],
) -> String {
    let (top, bottom, left, right) = (30.0, 380.0, 56.0, WIDTH - 215.0);
    let values =
        |axis: fn(&(f64, f64)) -> f64| all.iter().flat_map(move |it| it.points.iter().map(axis));
    let spread = |low: f64, high: f64| Scale { low: low * 0.9, high: high * 1.1, is_log: true };
    let lowest =
        |it: &mut dyn Iterator<Item = f64>| it.filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min);
    let (x_low, x_high) = (lowest(&mut values(|p| p.0)), values(|p| p.0).fold(1.0, f64::max));
    let (y_low, y_high) = (lowest(&mut values(|p| p.1)), values(|p| p.1).fold(1.0, f64::max));
    let (xs, ys) = (spread(x_low.min(x_high), x_high), spread(y_low.min(y_high), y_high));
    let x = |value: f64| left + xs.at(value) * (right - left);
    let y = |value: f64| bottom - ys.at(value) * (bottom - top);
    let mut svg = open(title, bottom + 46.0);
    for tick in xs.ticks() {
        let at = x(tick);
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{at:.1}" x2="{at:.1}" y1="{top}" y2="{bottom}"/><text class="tick" x="{at:.1}" y="{}">{}</text>"#,
            bottom + 16.0,
            round_tick(tick)
        );
    }
    for tick in ys.ticks() {
        let at = y(tick);
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{left}" x2="{right}" y1="{at:.1}" y2="{at:.1}"/><text class="tick end" x="{}" y="{:.1}">{}</text>"#,
            left - 6.0,
            at + 4.0,
            round_tick(tick)
        );
    }
    for bound in bounds.iter().filter(|bound| (ys.low..=ys.high).contains(bound)) {
        let at = y(*bound);
        let _ = write!(
            svg,
            r#"<line class="bound" x1="{left}" x2="{right}" y1="{at:.1}" y2="{at:.1}"/><text class="boundname" x="{}" y="{:.1}">{} ms</text>"#,
            left + 6.0,
            at - 4.0,
            round_tick(*bound)
        );
    }
    let _ = write!(
        svg,
        r#"<text class="axis" x="{}" y="{}">{}</text><text class="better" x="{left}" y="16">{}</text>"#,
        f64::midpoint(left, right),
        bottom + 38.0,
        esc(x_title),
        esc(y_title)
    );
    let mut names: Vec<(f64, &Line)> = Vec::new();
    for line in all {
        let points: Vec<_> =
            line.points.iter().map(|(a, b)| format!("{:.1},{:.1}", x(*a), y(*b))).collect();
        let _ = write!(
            svg,
            r#"<polyline class="line {}" points="{}"/>"#,
            class(&line.subject),
            points.join(" ")
        );
        for (a, b) in &line.points {
            let _ = write!(
                svg,
                r#"<circle class="dot {}" cx="{:.1}" cy="{:.1}" r="3"/>"#,
                class(&line.subject),
                x(*a),
                y(*b)
            );
        }
        if let Some((_, b)) = line.points.last() {
            names.push((y(*b), line));
        }
    }
    for ((at, line), place) in
        names.iter().zip(apart(&names.iter().map(|it| it.0).collect::<Vec<_>>()))
    {
        let end = line.points.last().map_or(right, |(a, _)| x(*a));
        let _ = write!(
            svg,
            r#"<line class="lead" x1="{:.1}" y1="{at:.1}" x2="{:.1}" y2="{place:.1}"/><text class="label {}" x="{:.1}" y="{:.1}">{}</text>"#,
            end + 5.0,
            right + 10.0,
            class(&line.subject),
            right + 14.0,
            place + 4.0,
            esc(&line.title)
        );
    }
    close(svg)
}

/// Places of labels that do not lie on one another, in the order of the places that were wanted.
fn apart(wanted: &[f64]) -> Vec<f64> {
    const GAP: f64 = 17.0;
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut places = vec![0.0; wanted.len()];
    let mut last = f64::NEG_INFINITY;
    for n in order {
        last = wanted[n].max(last + GAP);
        places[n] = last;
    }
    places
}

fn round_tick(value: f64) -> String {
    match value {
        value if value >= 1_000.0 => format!("{}k", trimmed(value / 1_000.0)),
        value => trimmed(value),
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn open(title: &str, height: f64) -> String {
    let title = esc(title);
    format!(
        r#"<figure><figcaption>{title}</figcaption><div class="scroll"><svg viewBox="0 0 {WIDTH} {height:.0}" role="img" aria-label="{title}">"#
    )
}

fn close(mut svg: String) -> String {
    svg.push_str("</svg></div></figure>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_range_counts_powers_of_ten_and_a_narrow_one_begins_at_nothing() {
        let wide = Scale::over([1.0, 1_000.0].into_iter());
        assert!(wide.is_log && (wide.at(31.6) - 0.5).abs() < 0.05);
        let narrow = Scale::over([10.0, 20.0].into_iter());
        assert!(!narrow.is_log && narrow.at(0.0) == 0.0 && narrow.at(21.0) == 1.0);
        assert!(narrow.ticks().len() >= 4 && wide.ticks().contains(&30.0));
    }

    #[test]
    fn labels_keep_their_order_and_do_not_touch() {
        let places = apart(&[100.0, 101.0, 50.0]);
        assert!(places[1] - places[0] >= 17.0 && places[2] == 50.0);
    }
}
