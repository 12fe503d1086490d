//! One timed entry, and the figures of many.

use std::time::{Duration, Instant};

use anteroom_client::protocol::entry::{Reservation, Reserve};
use anteroom_client::{Account, ConfirmOptions, Error, Session};

use crate::latency::Spans;
use crate::report::Report;

/// How long the two steps of one entry took.
#[derive(Clone, Copy)]
pub(crate) struct Took {
    pub(crate) reserve: Duration,
    pub(crate) confirm: Duration,
}

pub(crate) async fn reserve(
    account: &Account,
    room: i64,
) -> (Duration, Result<Reservation, Error>) {
    let start = Instant::now();
    let answer = account.reserve(room, &Reserve::default()).await;
    (start.elapsed(), answer)
}

pub(crate) async fn enter(account: &Account, room: i64) -> Result<(Session, Took), Error> {
    let (reserve, reservation) = reserve(account, room).await;
    let reservation = reservation?;
    let start = Instant::now();
    let session = account.confirm(&reservation, ConfirmOptions::default()).await?;
    Ok((session, Took { reserve, confirm: start.elapsed() }))
}

/// The spans of many entries.
pub(crate) struct EntrySpans {
    pub(crate) reserve: Spans,
    pub(crate) confirm: Spans,
    pub(crate) whole: Spans,
}

impl EntrySpans {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self { reserve: Spans::new()?, confirm: Spans::new()?, whole: Spans::new()? })
    }

    pub(crate) fn note(&mut self, took: Took) {
        self.reserve.note(took.reserve);
        self.confirm.note(took.confirm);
        self.whole.note(took.reserve + took.confirm);
    }

    pub(crate) fn put_into(&self, report: &mut Report) {
        report.latency("reserve", self.reserve.figures());
        report.latency("confirm", self.confirm.figures());
        report.latency("entry (both steps)", self.whole.figures());
    }
}
