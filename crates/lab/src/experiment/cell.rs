//! One cell while it is being measured: notes are gathered, processor time added up, and in the end everything
//! is judged.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;

use super::data::{Cell, Counts, Latency};
use super::deployment::{Deployment, Spent};
use super::notes::{Notes, Step};
use super::people::Person;
use super::watch::{Event, Venue, judge};

/// Longest span kept apart from longer ones, in µs.
const SPAN_US_MAX: u64 = 120_000_000;
/// How many buckets a power of ten has in what is written down.
const BUCKETS_PER_DECADE: f64 = 10.0;

/// What will be a [`Cell`].
pub(crate) struct Draft {
    cell: Cell,
    events: Vec<Event>,
    spans: BTreeMap<&'static str, Vec<Duration>>,
    pub(crate) venues: Vec<Venue>,
    spent: Spent,
    decisions: u64,
}

impl Draft {
    pub(crate) fn new(subject: &str, scenario: &str, repetition: u32) -> Self {
        let cell = Cell {
            subject: subject.to_owned(),
            scenario: scenario.to_owned(),
            repetition,
            ..Cell::default()
        };
        Self {
            cell,
            events: Vec::new(),
            spans: BTreeMap::new(),
            venues: Vec::new(),
            spent: Spent::default(),
            decisions: 0,
        }
    }

    /// Does something whose processor time and length count, and answers how long it took. `decisions` says
    /// among how many the time is divided.
    pub(crate) fn measured<T>(
        &mut self,
        deployment: &Deployment,
        work: impl FnOnce() -> Result<T>,
        decisions: impl FnOnce(&T) -> u64,
    ) -> Result<(T, Duration)> {
        let (before, began) = (deployment.spent()?, Instant::now());
        let done = work()?;
        let took = began.elapsed();
        let after = deployment.spent()?;
        self.spent.server += after.server.saturating_sub(before.server);
        self.spent.redis += after.redis.saturating_sub(before.redis);
        self.spent.postgres += after.postgres.saturating_sub(before.postgres);
        self.spent.lab += after.lab.saturating_sub(before.lab);
        self.decisions += decisions(&done);
        self.cell.seconds += took.as_secs_f64();
        Ok((done, took))
    }

    /// Takes over what people have noted.
    pub(crate) fn gather<'a>(&mut self, people: impl IntoIterator<Item = &'a mut Person>) {
        for person in people {
            let Notes { events, counts, spans } = std::mem::take(&mut person.notes);
            self.events.extend(events);
            add(&mut self.cell.counts, counts);
            for (step, span) in spans {
                self.took(step, span);
            }
        }
    }

    pub(crate) fn took(&mut self, step: Step, span: Duration) {
        self.spans.entry(step.as_str()).or_default().push(span);
    }

    pub(crate) fn figure(&mut self, id: &str, number: f64) {
        self.cell.figures.insert(id.to_owned(), number);
    }

    /// Changes the cell itself.
    pub(crate) fn cell(&mut self) -> &mut Cell {
        &mut self.cell
    }

    /// Puts a fault into words beside its number.
    pub(crate) fn evidence(&mut self, words: String) {
        self.cell.evidence.push(words);
    }

    /// Judges what was seen, and is done.
    pub(crate) fn finish(mut self) -> Result<Cell> {
        let judged = judge(&self.venues, &self.events);
        let faults = &mut self.cell.faults;
        faults.overfills += judged.faults.overfills;
        faults.false_full += judged.faults.false_full;
        faults.false_promises += judged.faults.false_promises;
        faults.conservation += judged.faults.conservation;
        faults.exclusion += judged.faults.exclusion;
        faults.history += judged.faults.history;
        self.cell.evidence.extend(judged.evidence);
        for (step, spans) in &self.spans {
            self.cell.latency.insert((*step).to_owned(), latency(spans)?);
        }
        if self.decisions > 0 {
            let each = |ns: u64| ns as f64 / 1e3 / self.decisions as f64;
            for (process, ns) in [
                ("server", self.spent.server),
                ("redis", self.spent.redis),
                ("postgresql", self.spent.postgres),
                ("lab", self.spent.lab),
            ] {
                if ns > 0 {
                    self.cell.cpu_us.insert(process.to_owned(), each(ns));
                }
            }
        }
        Ok(self.cell)
    }
}

/// A cell that could not be.
pub(crate) fn not_run(subject: &str, scenario: &str, repetition: u32, why: &str) -> Cell {
    Cell {
        subject: subject.to_owned(),
        scenario: scenario.to_owned(),
        repetition,
        not_run: Some(why.to_owned()),
        ..Cell::default()
    }
}

fn add(sum: &mut Counts, other: Counts) {
    sum.asked += other.asked;
    sum.granted += other.granted;
    sum.full += other.full;
    sum.unavailable += other.unavailable;
    sum.refused += other.refused;
    sum.broken += other.broken;
    sum.presented += other.presented;
    sum.entered += other.entered;
}

/// The figures of many spans.
pub(crate) fn latency(spans: &[Duration]) -> Result<Latency> {
    let mut histogram = Histogram::<u64>::new_with_max(SPAN_US_MAX, 3)?;
    let mut buckets: BTreeMap<i32, u64> = BTreeMap::new();
    for span in spans {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX).max(1);
        histogram.saturating_record(micros);
        let ms = micros as f64 / 1e3;
        *buckets.entry((ms.log10() * BUCKETS_PER_DECADE).ceil() as i32).or_default() += 1;
    }
    let ms = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
    Ok(Latency {
        count: histogram.len(),
        p50_ms: ms(0.5),
        p90_ms: ms(0.9),
        p99_ms: ms(0.99),
        p999_ms: ms(0.999),
        max_ms: histogram.max() as f64 / 1e3,
        buckets: buckets
            .into_iter()
            .map(|(at, count)| (10f64.powf(f64::from(at) / BUCKETS_PER_DECADE), count))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_is_in_milliseconds_and_every_span_is_in_one_bucket() {
        let spans: Vec<_> = (1..=1000).map(Duration::from_millis).collect();
        let latency = latency(&spans).unwrap();
        assert!((latency.p50_ms - 500.0).abs() < 1.0 && (latency.p99_ms - 990.0).abs() < 2.0);
        assert_eq!(latency.buckets.iter().map(|(_, count)| count).sum::<u64>(), 1000);
        assert!(latency.buckets.iter().all(|(up_to, _)| *up_to >= 1.0));
        assert!(latency.buckets.last().unwrap().0 >= 1000.0 - 1e-9);
    }
}
