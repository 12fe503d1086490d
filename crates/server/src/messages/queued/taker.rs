//! The taker's side: out of the queue, into the log, and the word back to the origin.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::log::Taken;
use super::{Pending, REPORTS, Record, Report, queue_of};
use crate::rabbit::{Consumer, Link, Message};

/// Messages of one shard that are under way from the broker to the store.
const PREFETCH: u16 = 512;
/// The same for reports, each of which tells of a batch.
const TOLD_AT_ONCE: u16 = 64;
/// Batches of reports that wait to be published; more are dropped, and the origins look for themselves.
const REPORTS_WAIT: usize = 1_024;
/// Before a queue is asked for again that was not to be had.
const PAUSE: Duration = Duration::from_millis(250);

/// By which the broker learns that a message is done with.
#[derive(Clone)]
pub(crate) struct Settle {
    tag: u64,
    settled: mpsc::Sender<u64>,
}

impl Settle {
    /// It is stored, or its origin sees to it.
    pub(crate) fn done(self) {
        // There is a place for each that is under way; a taker that is gone has no use for it.
        let _ = self.settled.try_send(self.tag);
    }
}

/// Takes what comes out of one shard's queue, whenever the broker gives it to this node.
pub(crate) struct Taker {
    pub(crate) link: Link,
    pub(crate) log: mpsc::Sender<Taken>,
    pub(crate) shard: u32,
}

impl Taker {
    /// Takes, for ever.
    pub(crate) async fn run(self) {
        let queue = queue_of(self.shard);
        loop {
            if let Some(mut consumer) = open(&self.link, &queue, PREFETCH).await {
                self.take(&mut consumer).await;
            }
        }
    }

    /// Until the line or the queue is gone.
    async fn take(&self, consumer: &mut Consumer) {
        let (settled, mut done) = mpsc::channel::<u64>(usize::from(PREFETCH));
        loop {
            tokio::select! {
                Some(tag) = done.recv() => {
                    // They are done with in their order: the last one stands for all before it.
                    let mut last = tag;
                    while let Ok(later) = done.try_recv() {
                        last = last.max(later);
                    }
                    if consumer.ack_up_to(last).await.is_err() {
                        return;
                    }
                }
                delivery = consumer.next() => {
                    let Some(delivery) = delivery else { return };
                    let settle = Settle { tag: delivery.tag, settled: settled.clone() };
                    let taken = match Record::decoded(&delivery.body) {
                        Some(record) => Taken::Queued(Box::new(record), settle),
                        // Of another release, or nobody's: its origin sees to it.
                        None => Taken::Unread(settle),
                    };
                    if self.log.send(taken).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// Asks for a queue until it is to be had; `None` when it is worth another look at the line.
async fn open(link: &Link, queue: &str, prefetch: u16) -> Option<Consumer> {
    let mut lines = link.lines();
    lines.wait_for(|line| line.number().is_some()).await.ok()?;
    match link.consume(queue, prefetch).await {
        Ok(consumer) => Some(consumer),
        Err(away) => {
            tracing::debug!(event = "messages.no_queue", error = %away, queue, "tried again");
            tokio::time::sleep_until(Instant::now() + PAUSE).await;
            None
        }
    }
}

/// Listens to what becomes of this node's messages elsewhere, for ever.
pub(crate) async fn listen(link: Link, pending: Arc<Pending>) {
    loop {
        let Some(mut consumer) = open(&link, REPORTS, TOLD_AT_ONCE).await else { continue };
        while let Some(delivery) = consumer.next().await {
            pending.reported(Report::decoded(&delivery.body));
            if consumer.ack_up_to(delivery.tag).await.is_err() {
                break;
            }
        }
    }
}

/// Tells origins on other nodes what became of their messages. Never waits; what cannot be told they find
/// out by themselves.
#[derive(Clone)]
pub(crate) struct Reporter {
    waiting: mpsc::Sender<(String, Vec<Report>)>,
}

impl Reporter {
    /// A reporter, and what it does in the background until it is dropped.
    pub(crate) fn new(link: Link) -> (Self, impl Future<Output = ()>) {
        let (waiting, queue) = mpsc::channel(REPORTS_WAIT);
        (Self { waiting }, publish(link, queue))
    }

    pub(crate) fn report(&self, to: String, reports: Vec<Report>) {
        if self.waiting.try_send((to, reports)).is_err() {
            tracing::debug!(event = "messages.not_reported", "other nodes look for themselves");
        }
    }
}

async fn publish(link: Link, mut queue: mpsc::Receiver<(String, Vec<Report>)>) {
    let mut waiting = Vec::new();
    while queue.recv_many(&mut waiting, usize::from(TOLD_AT_ONCE)).await > 0 {
        let messages: Vec<_> = waiting
            .drain(..)
            .map(|(to, reports)| Message::passing("", &to, Bytes::from(Report::encoded(&reports))))
            .collect();
        if let Err(away) = link.publish(&messages).await {
            tracing::debug!(event = "messages.not_reported", error = %away,
                "other nodes look for themselves");
        }
    }
}
