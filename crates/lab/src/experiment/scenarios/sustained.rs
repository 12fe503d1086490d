//! An open loop: entries begin by a schedule that waits for nobody, faster and faster.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::Stage;
use crate::experiment::answers::{Asked, Entered};
use crate::experiment::cell::latency;
use crate::experiment::data::{Cell, Rate};
use crate::experiment::notes::Step;
use crate::experiment::people::Person;
use crate::experiment::together::{at_once, wait_until};

const ROOMS: usize = 8;
const PEOPLE_PER_ROOM: usize = 12;
const PEOPLE: usize = ROOMS * PEOPLE_PER_ROOM;
/// The first rate, and how each next one follows, in entries per second.
const FIRST: f64 = 50.0;
const GROWTH: f64 = 1.6;
/// A step is long enough for so many entries to be due.
const ENTRIES_MIN: f64 = 50.0;
const LAST: f64 = 20_000.0;
/// The part of each step that warms up and is dropped.
const WARM_UP: f64 = 0.2;
/// It does not keep up when fewer than this part of the entries are made, or when they take so long.
const KEPT_UP: f64 = 0.9;
const TOO_LONG_MS: f64 = 500.0;
/// How long beyond its time a step may take before what is left counts as not made.
const PATIENCE: f64 = 0.5;
/// The rate at which processor time for each entry is read off.
const COST_AT: f64 = 128.0;
/// The bounds at which rates are told, in ms.
const BOUNDS: [(&str, f64); 2] = [("rate_p99_10", 10.0), ("rate_p99_50", 50.0)];

pub(crate) const NEEDED: (usize, usize) = (ROOMS, PEOPLE);

pub(crate) fn run(stage: &mut Stage, lasts: Duration) -> Result<Cell> {
    let mut draft = stage.draft("sustained");
    // Seats for everybody: whoever is told "full" was told wrongly.
    let rooms = stage.rooms(ROOMS, PEOPLE_PER_ROOM + 1)?;
    let seats = PEOPLE_PER_ROOM as u32 + 1;
    draft.venues.extend(rooms.iter().map(|room| room.venue(seats, false)));
    let numbers: Vec<_> = rooms.iter().map(|room| room.number).collect();
    let mut rates = Vec::new();
    let mut offered = FIRST;
    while offered <= LAST {
        let lasts = lasts.max(Duration::from_secs_f64(ENTRIES_MIN / offered));
        let before = stage.deployment.spent()?;
        let began = Instant::now();
        let people = &mut stage.crowd[..PEOPLE];
        let spans = if is_near(offered, COST_AT) {
            let step = || one_rate(people, &numbers, offered, lasts);
            draft.measured(&stage.deployment, step, |spans| spans.len() as u64)?.0
        } else {
            one_rate(people, &numbers, offered, lasts)?
        };
        let seconds = began.elapsed().as_secs_f64();
        let after = stage.deployment.spent()?;
        let share = |ns: u64| ns as f64 / 1e9 / seconds;
        let servers = |it: crate::experiment::deployment::Spent| it.server + it.redis + it.postgres;
        let mut rate = summed_up(offered, lasts, &spans)?;
        rate.server_cores = share(servers(after).saturating_sub(servers(before)));
        rate.lab_cores = share(after.lab.saturating_sub(before.lab));
        rates.push(rate);
        let kept_up = rate.achieved >= KEPT_UP * offered && rate.p99_ms <= TOO_LONG_MS;
        if !kept_up {
            break;
        }
        offered *= GROWTH;
    }
    for (id, bound) in BOUNDS {
        draft.figure(id, rate_within(&rates, bound));
    }
    draft.figure("saturation", rates.iter().map(|rate| rate.achieved).fold(0.0, f64::max));
    draft.cell().rates = rates;
    draft.gather(&mut stage.crowd[..PEOPLE]);
    stage.close(&mut draft, rooms)?;
    draft.finish()
}

fn is_near(offered: f64, wanted: f64) -> bool {
    offered * GROWTH > wanted && offered <= wanted
}

/// How long each entry took that was due after the warm-up, from when it was due until it was made; those that
/// were never begun count as the patience that was had with them.
fn one_rate(
    people: &mut [Person],
    rooms: &[i64],
    offered: f64,
    lasts: Duration,
) -> Result<Vec<(f64, Option<Duration>)>> {
    let due_in_all = (offered * lasts.as_secs_f64()) as usize;
    let next = AtomicUsize::new(0);
    let give_up = lasts.mul_f64(1.0 + PATIENCE);
    let (_, parts) = at_once(people, |person, n, began| {
        let room = rooms[n % rooms.len()];
        let mut spans = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= due_in_all {
                return spans;
            }
            let from_start = number as f64 / offered;
            let due = began + Duration::from_secs_f64(from_start);
            if began.elapsed() > give_up {
                spans.push((from_start, None));
                continue;
            }
            wait_until(due);
            spans.push((from_start, enter(person, room, due)));
        }
    })?;
    let warm = lasts.as_secs_f64() * WARM_UP;
    Ok(parts.into_iter().flatten().filter(|(from_start, _)| *from_start >= warm).collect())
}

/// In and out once: from when it was due until it was inside.
fn enter(person: &mut Person, room: i64, due: Instant) -> Option<Duration> {
    let Asked::Granted(ticket) = person.ask(room, None) else { return None };
    let Entered::In(inside) = person.present(room, &ticket, None) else { return None };
    let took = due.elapsed();
    person.took(Step::Entry, took);
    person.leave(room, inside);
    Some(took)
}

fn summed_up(offered: f64, lasts: Duration, spans: &[(f64, Option<Duration>)]) -> Result<Rate> {
    let endless = lasts.mul_f64(1.0 + PATIENCE).max(Duration::from_millis(TOO_LONG_MS as u64 * 2));
    let all: Vec<_> = spans.iter().map(|(_, span)| span.unwrap_or(endless)).collect();
    let figures = latency(&all)?;
    // Made within the time of the step and the latency that is still called keeping up.
    let end = lasts.as_secs_f64() + TOO_LONG_MS / 1e3;
    let made = spans
        .iter()
        .filter(|(from_start, span)| span.is_some_and(|it| from_start + it.as_secs_f64() <= end))
        .count();
    let achieved = made as f64 / (lasts.as_secs_f64() * (1.0 - WARM_UP));
    let (p50_ms, p99_ms) = (figures.p50_ms, figures.p99_ms);
    Ok(Rate { offered, achieved, p50_ms, p99_ms, ..Rate::default() })
}

/// The highest rate with p99 within a bound: between two rates the logarithms are joined by a line.
fn rate_within(rates: &[Rate], bound_ms: f64) -> f64 {
    let mut within: Option<&Rate> = None;
    for rate in rates {
        if rate.p99_ms <= bound_ms && rate.achieved >= KEPT_UP * rate.offered {
            within = Some(rate);
            continue;
        }
        let Some(below) = within else { return 0.0 };
        let (low, high) = (below.p99_ms.max(1e-3).ln(), rate.p99_ms.max(1e-3).ln());
        let part = if high > low { (bound_ms.ln() - low) / (high - low) } else { 0.0 };
        let part = part.clamp(0.0, 1.0);
        return (below.offered.ln() + part * (rate.offered.ln() - below.offered.ln())).exp();
    }
    within.map_or(0.0, |rate| rate.offered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(offered: f64, p99_ms: f64) -> Rate {
        Rate { offered, achieved: offered, p99_ms, ..Rate::default() }
    }

    #[test]
    fn the_rate_within_a_bound_lies_between_the_last_that_kept_it_and_the_next() {
        let rates = [rate(100.0, 5.0), rate(200.0, 20.0), rate(400.0, 500.0)];
        assert!((rate_within(&rates, 20.0) - 200.0).abs() < 1e-6);
        let between = rate_within(&rates, 10.0);
        assert!((between - 141.4).abs() < 0.1, "{between}");
        assert_eq!(rate_within(&rates, 1.0), 0.0);
        assert!((rate_within(&rates[..1], 50.0) - 100.0).abs() < 1e-6);
    }

    #[test]
    fn what_was_never_begun_is_neither_quick_nor_forgotten() {
        let lasts = Duration::from_secs(1);
        let mut spans = vec![(0.5, Some(Duration::from_millis(2))); 90];
        spans.extend(vec![(0.9, None); 10]);
        let rate = summed_up(100.0, lasts, &spans).unwrap();
        assert!(rate.p99_ms >= 1_000.0, "{rate:?}");
        assert!((rate.achieved - 112.5).abs() < 0.1, "{rate:?}");
    }
}
