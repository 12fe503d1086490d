//! Outcomes over time as stacked bars, drawn here: no script, no style, told apart by pattern as well as
//! by colour, with the same figures as a table beside it.

use std::collections::BTreeMap;

use anteroom_protocol::Timestamp;

use super::When;
use super::texts::AdminTexts;
use crate::pages::seats::grouped;
use crate::pages::texts::fill;

/// Pixels from the ground to the top line.
const HEIGHT: f64 = 160.0;
/// Of the width of a span, what its bar takes.
const BAR: f64 = 0.72;

/// Outcomes that are drawn as one, from the ground up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Series {
    Entered,
    Refused,
    Expired,
    Failed,
    Other,
}

impl Series {
    pub(crate) const ALL: [Self; 5] =
        [Self::Entered, Self::Refused, Self::Expired, Self::Failed, Self::Other];

    /// The one that an outcome belongs to, by its word.
    pub(crate) fn of(outcome: &str) -> Self {
        match outcome {
            "entered" => Self::Entered,
            "refused" | "ticket_refused" => Self::Refused,
            "expired_never_connected" | "expired_after_failed_attempt" => Self::Expired,
            "failed" => Self::Failed,
            _ => Self::Other,
        }
    }

    /// What the style sheet and the patterns call it.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Other => "other",
        }
    }
}

/// One span of time as it is counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bucket {
    /// Wall-clock milliseconds.
    pub(crate) at: i64,
    /// By the words of the outcomes.
    pub(crate) counts: BTreeMap<&'static str, u64>,
}

/// One piece of a bar, in percent across and pixels down.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Piece {
    pub(crate) class: &'static str,
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) width: String,
    pub(crate) height: String,
}

impl Piece {
    pub(crate) fn is_patterned(&self) -> bool {
        is_patterned(self.class)
    }
}

/// Whether a series is drawn with a pattern; the two that matter most are plain.
fn is_patterned(class: &str) -> bool {
    class != Series::Entered.class() && class != Series::Failed.class()
}

/// One bar, with what it says.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) title: String,
    pub(crate) pieces: Vec<Piece>,
}

/// One line of the table: when, the five series, all together.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) when: When,
    pub(crate) counts: [u64; 5],
    pub(crate) total: u64,
}

/// The plot and its table.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) bars: Vec<Bar>,
    /// What the top line and the one in the middle stand for.
    pub(crate) top: u64,
    pub(crate) totals: [u64; 5],
    /// Spans in which something happened, newest first.
    pub(crate) rows: Vec<Row>,
    /// The first span, one in the middle, the last one.
    pub(crate) marks: [When; 3],
    /// Days are said as well.
    pub(crate) is_long: bool,
    pub(crate) description: String,
}

impl Plot {
    /// Of spans that follow each other without a gap; `width` is how people say one.
    pub(crate) fn new(buckets: &[Bucket], a: &AdminTexts, width: &str, is_long: bool) -> Self {
        let summed: Vec<(i64, [u64; 5])> =
            buckets.iter().map(|bucket| (bucket.at, series(bucket))).collect();
        let most = summed.iter().map(|(_, counts)| counts.iter().sum()).max().unwrap_or(0);
        let top = nice(most);
        let mut totals = [0; 5];
        for (place, total) in totals.iter_mut().enumerate() {
            *total = summed.iter().map(|(_, counts)| counts[place]).sum();
        }
        let when = |place: usize| When::at(Timestamp(summed.get(place).map_or(0, |it| it.0)));
        let bars = summed
            .iter()
            .enumerate()
            .filter(|(_, (_, counts))| counts.iter().any(|count| *count > 0))
            .map(|(place, (_, counts))| Bar {
                title: said(counts, a),
                pieces: pieces(place, summed.len(), counts, top),
            })
            .collect();
        let row = |(at, counts): &(i64, [u64; 5])| Row {
            when: When::at(Timestamp(*at)),
            counts: *counts,
            total: counts.iter().sum(),
        };
        let rows = summed.iter().rev().map(row).filter(|row| row.total > 0).collect();
        let description = fill(a.outcomes_desc, &[("width", width), ("totals", &said(&totals, a))]);
        let last = summed.len().saturating_sub(1);
        let marks = [when(0), when(last / 2), when(last)];
        Self { bars, top, totals, rows, marks, is_long, description }
    }

    /// Whether there is nothing to draw.
    pub(crate) fn is_empty(&self) -> bool {
        self.bars.is_empty()
    }

    pub(crate) fn is_patterned(&self, class: &str) -> bool {
        is_patterned(class)
    }

    /// How a mark is said.
    pub(crate) fn mark<'a>(&self, when: &'a When) -> &'a str {
        if self.is_long { when.day() } else { when.clock() }
    }

    /// Each series with its total.
    pub(crate) fn legend(&self, a: &AdminTexts) -> Vec<(&'static str, &'static str, String)> {
        let of =
            |(series, total): (Series, u64)| (series.class(), (a.series)(series), short(total));
        Series::ALL.into_iter().zip(self.totals).map(of).collect()
    }
}

fn series(bucket: &Bucket) -> [u64; 5] {
    let mut counts = [0; 5];
    for (outcome, count) in &bucket.counts {
        counts[Series::of(outcome) as usize] += count;
    }
    counts
}

/// "3 entered, 1 refused"
fn said(counts: &[u64; 5], a: &AdminTexts) -> String {
    let parts = Series::ALL.into_iter().zip(counts).filter(|(_, count)| **count > 0);
    let parts: Vec<String> =
        parts.map(|(series, count)| format!("{} {}", (a.series)(series), short(*count))).collect();
    if parts.is_empty() { "0".to_owned() } else { parts.join(", ") }
}

fn short(count: u64) -> String {
    grouped(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The pieces of one bar, from the ground up.
#[expect(clippy::cast_precision_loss, reason = "a picture of the counts")]
fn pieces(place: usize, many: usize, counts: &[u64; 5], top: u64) -> Vec<Piece> {
    let span = 100.0 / many.max(1) as f64;
    let x = span * (place as f64 + (1.0 - BAR) / 2.0);
    let mut ground = HEIGHT;
    let mut all = Vec::new();
    for (series, count) in Series::ALL.into_iter().zip(counts).filter(|(_, count)| **count > 0) {
        // What happened is seen, however little it is beside the rest.
        let height = (*count as f64 * HEIGHT / top.max(1) as f64).max(1.5);
        ground = (ground - height).max(0.0);
        all.push(Piece {
            class: series.class(),
            x: format!("{x:.2}%"),
            y: format!("{ground:.1}"),
            width: format!("{:.2}%", span * BAR),
            height: format!("{height:.1}"),
        });
    }
    all
}

/// The next number that divides well in two: 2, 4, 10, 20, 40, 100 and so on.
fn nice(most: u64) -> u64 {
    let mut step = 1_u64;
    loop {
        for times in [2, 4, 10] {
            let top = step.saturating_mul(times);
            if top >= most {
                return top;
            }
        }
        step = step.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::lang::Lang;

    fn bucket(at: i64, counts: &[(&'static str, u64)]) -> Bucket {
        Bucket { at, counts: counts.iter().copied().collect() }
    }

    #[test]
    fn the_top_line_is_a_round_number_that_no_bar_exceeds() {
        let tops = [(0, 2), (1, 2), (3, 4), (5, 10), (10, 10), (11, 20), (41, 100), (999, 1_000)];
        for (most, top) in tops {
            assert_eq!(nice(most), top, "{most}");
        }
        assert!(nice(u64::MAX) == u64::MAX);
    }

    #[test]
    fn bars_stand_on_the_ground_one_piece_on_the_other() {
        let a = Lang::En.admin_texts();
        let buckets = [
            bucket(0, &[("entered", 6), ("refused", 1), ("ticket_refused", 1)]),
            bucket(60_000, &[]),
        ];
        let plot = Plot::new(&buckets, a, "minute", false);
        assert_eq!((plot.bars.len(), plot.rows.len(), plot.top), (1, 1, 10));
        assert_eq!(plot.totals, [6, 2, 0, 0, 0]);
        let pieces: Vec<_> =
            plot.bars[0].pieces.iter().map(|it| (it.class, &*it.y, &*it.height)).collect();
        assert_eq!(pieces, [("entered", "64.0", "96.0"), ("refused", "32.0", "32.0")]);
        assert_eq!(plot.bars[0].title, "Entered 6, Refused 2");
        assert!(plot.description.contains("minute") && plot.description.contains("Entered 6"));
        assert!(Plot::new(&buckets[1..], a, "minute", false).is_empty());
    }

    #[test]
    fn each_outcome_belongs_to_a_series() {
        use anteroom_protocol::attempt::Outcome;
        let other: Vec<_> = Outcome::ALL
            .iter()
            .filter(|it| Series::of(it.as_str()) == Series::Other)
            .map(|it| it.as_str())
            .collect();
        assert_eq!(other, ["cancelled", "superseded", "revoked", "removed", "room_closed"]);
    }
}
