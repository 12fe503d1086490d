//! What goes over the broker: events, and messages in the queue.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::{Counters, whole};

/// Events and queued messages of this node.
#[derive(Debug, Default)]
pub(crate) struct Brokered {
    events: Counters<1>,
    events_waiting: Gauge,
    events_oldest: Gauge,
    messages: Counters<1>,
}

impl Brokered {
    /// Everything at zero, so that a first rise is a rise.
    pub(super) fn new() -> Self {
        let brokered = Self::default();
        for outcome in ["confirmed", "unknown"] {
            drop(brokered.events(outcome));
        }
        for outcome in ["stored", "fell_back"] {
            drop(brokered.messages(outcome));
        }
        brokered
    }

    pub(super) fn register(&self, all: &mut Registry) {
        let says = "Events published; those whose fate is not known are published again";
        all.register("events_published", says, self.events.clone());
        let says = "Events in the store that no broker has taken yet, at most";
        all.register("events_waiting", says, self.events_waiting.clone());
        let says = "Age of the oldest event in the store";
        let oldest = self.events_oldest.clone();
        all.register_with_unit("events_oldest", says, Unit::Seconds, oldest);
        let says = "Messages taken from senders into the queue, by what became of them";
        all.register("messages_queued", says, self.messages.clone());
    }

    fn events(&self, outcome: &'static str) -> Counter {
        self.events.get_or_create_owned(&[("outcome", outcome)])
    }

    fn messages(&self, outcome: &'static str) -> Counter {
        self.messages.get_or_create_owned(&[("outcome", outcome)])
    }

    /// So many events were published for certain, and so many perhaps.
    pub(crate) fn published(&self, confirmed: usize, unknown: usize) {
        self.events("confirmed").inc_by(confirmed as u64);
        self.events("unknown").inc_by(unknown as u64);
    }

    /// So many events wait, the oldest for so long.
    pub(crate) fn wait(&self, waiting: u64, oldest: Duration) {
        self.events_waiting.set(whole(waiting));
        self.events_oldest.set(whole(oldest.as_secs()));
    }

    /// A message that was queued was stored, as far as its sender's node has learnt.
    pub(crate) fn stored(&self) {
        self.messages("stored").inc();
    }

    /// So many messages that were queued went straight to the store after all.
    pub(crate) fn fell_back(&self, messages: usize) {
        self.messages("fell_back").inc_by(messages as u64);
    }
}
