//! What is counted and timed, and how it is read: `GET /metrics`.
//!
//! Counters are raised where the thing happens; what stands still to be counted (seats, rooms,
//! sessions) is counted when somebody looks. Every name is in `docs/metrics.md`, and a test compares
//! the two. Labels take their values from closed lists, never from what users send, so the number
//! of series is bounded.

mod brokered;
mod decision;

use std::fmt::Write as _;

use anteroom_protocol::Code;
use anteroom_protocol::attempt::{Outcome, Stage};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

pub(crate) use brokered::Brokered;
pub(crate) use decision::{Decisions, Verb};

/// Names and values of one series.
type Labels<const N: usize> = [(&'static str, &'static str); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Gauges<const N: usize> = Family<Labels<N>, Gauge>;

/// What the text is, as the answer's content type says it.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds, from the click to the wait of a person who goes for a coffee.
const CONNECT_BUCKETS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

/// Why a seat, or a place in the line, was taken back by a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reclaimed {
    /// A reservation nobody connected with.
    NeverConnected,
    /// A reservation whose connections all failed.
    AfterFailedAttempt,
    /// A held seat.
    Grace,
    /// An offer that was not taken.
    Offer,
    /// A place in the line without a stream.
    WaiterAway,
    /// Seats of a node whose lease was over.
    Fenced,
}

impl Reclaimed {
    const ALL: [Self; 6] = [
        Self::NeverConnected,
        Self::AfterFailedAttempt,
        Self::Grace,
        Self::Offer,
        Self::WaiterAway,
        Self::Fenced,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::NeverConnected => "never_connected",
            Self::AfterFailedAttempt => "after_failed_attempt",
            Self::Grace => "grace",
            Self::Offer => "offer",
            Self::WaiterAway => "waiter_away",
            Self::Fenced => "fenced",
        }
    }
}

/// What became of spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpanFate {
    /// A collector has them.
    Exported,
    /// There was no place for them.
    QueueFull,
    /// No collector could be reached, or it could not take them.
    Failed,
    /// The collector did not want them.
    Rejected,
}

impl SpanFate {
    const ALL: [Self; 4] = [Self::Exported, Self::QueueFull, Self::Failed, Self::Rejected];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Exported => "exported",
            Self::QueueFull => "queue_full",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
        }
    }
}

/// What is counted at the moment somebody looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// `None`: the seat store cannot say, and nothing is told instead of something old.
    pub(crate) seats: Option<SeatSums>,
    pub(crate) sessions: usize,
    pub(crate) rooms_open: usize,
    pub(crate) rooms_pending: usize,
    /// What the node stands on: what it is for, what it is, whether it answers.
    pub(crate) parts: Vec<(&'static str, &'static str, bool)>,
}

/// Seats over all rooms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SeatSums {
    pub(crate) free: u64,
    pub(crate) reserved: u64,
    pub(crate) occupied: u64,
    pub(crate) held: u64,
    pub(crate) waiting: u64,
}

/// All of this process.
pub(crate) struct Metrics {
    registry: Registry,
    strategy: &'static str,
    decisions: Decisions,
    reservations: Counters<2>,
    refusals: Counters<2>,
    entries: Counters<1>,
    reclaimed: Counters<1>,
    to_connect: Histogram,
    unavailable: Counter,
    violations: Counter,
    dropped: Counter,
    closes: Family<[(&'static str, u16); 1], Counter>,
    spans: Counters<1>,
    seats: Gauges<1>,
    waiters: Gauges<0>,
    rooms: Gauges<1>,
    sessions: Gauge,
    ready: Gauges<2>,
    /// What goes over the broker.
    pub(crate) brokered: Brokered,
}

impl Metrics {
    /// Everything at zero, for a server whose seats are decided by `strategy`.
    pub(crate) fn new(strategy: &'static str) -> Self {
        let unavailable = Counters::default();
        let metrics = Self {
            registry: Registry::with_prefix("anteroom"),
            strategy,
            decisions: Decisions::new(strategy),
            reservations: Counters::default(),
            refusals: Counters::default(),
            entries: Counters::default(),
            reclaimed: Counters::default(),
            to_connect: Histogram::new(CONNECT_BUCKETS),
            unavailable: unavailable.get_or_create_owned(&[("strategy", strategy)]),
            violations: Counter::default(),
            dropped: Counter::default(),
            closes: Family::default(),
            spans: Counters::default(),
            seats: Gauges::default(),
            waiters: Gauges::default(),
            rooms: Gauges::default(),
            sessions: Gauge::default(),
            ready: Gauges::default(),
            brokered: Brokered::new(),
        };
        metrics.begin_at_zero();
        metrics.register(unavailable)
    }

    /// Series that may stay silent for long are there from the start, so that a first rise is a rise.
    fn begin_at_zero(&self) {
        for outcome in Outcome::ALL {
            drop(self.reservations.get_or_create(&self.outcome(*outcome)));
        }
        for kind in ["first", "refresh", "takeover", "second_device"] {
            drop(self.entries.get_or_create(&[("kind", kind)]));
        }
        for cause in Reclaimed::ALL {
            drop(self.reclaimed.get_or_create(&[("cause", cause.as_str())]));
        }
        for fate in SpanFate::ALL {
            self.spans(fate, 0);
        }
    }

    fn outcome(&self, outcome: Outcome) -> Labels<2> {
        [("strategy", self.strategy), ("outcome", outcome.as_str())]
    }

    fn register(mut self, unavailable: Counters<1>) -> Self {
        let all = &mut self.registry;
        let says = "Seats over all rooms by state; absent while the seat store is away";
        all.register("seats", says, self.seats.clone());
        all.register("waiters", "Users in line over all rooms", self.waiters.clone());
        all.register("rooms", "Rooms by state", self.rooms.clone());
        all.register("sessions", "Live sessions of this node", self.sessions.clone());
        let says = "Whether what this node stands on answers: 1, or 0";
        all.register("ready", says, self.ready.clone());
        let says = "Seats found above a capacity that no change of it explains; must stay 0";
        all.register("capacity_violations", says, self.violations.clone());
        let says = "Attempts to enter by what they came to, and tickets that opened nothing";
        all.register("reservations", says, self.reservations.clone());
        let says = "Refusals of step 1 and of tickets by code";
        all.register("entry_refusals", says, self.refusals.clone());
        all.register("entries", "Completed entries by kind", self.entries.clone());
        let says = "Seats and places in line taken back by a deadline";
        all.register("seat_reclaimed", says, self.reclaimed.clone());
        let says = "From the reservation to its connection, completed entries only";
        let to_connect = self.to_connect.clone();
        all.register_with_unit("reservation_to_connect", says, Unit::Seconds, to_connect);
        let says = "How long the strategy's step took";
        let decisions = self.decisions.family();
        all.register_with_unit("admission_decision", says, Unit::Seconds, decisions);
        let says = "Answers of the seat store that decided nothing";
        all.register("seat_store_unavailable", says, unavailable);
        let says = "Lines of the entry log that are not in the store, because it could not keep up";
        all.register("entry_log_dropped", says, self.dropped.clone());
        let says = "Ended WebSockets by close code";
        all.register("websocket_close", says, self.closes.clone());
        let says = "Spans of traces by what became of them; all but the exported ones are lost";
        all.register("trace_spans", says, self.spans.clone());
        self.brokered.register(all);
        self
    }

    /// The word for the strategy.
    pub(crate) fn strategy(&self) -> &'static str {
        self.strategy
    }

    /// How long steps took.
    pub(crate) fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// An attempt came to its outcome, or a ticket opened nothing.
    pub(crate) fn outcome_of(&self, outcome: Outcome, refused: Option<(Stage, Code)>) {
        self.reservations.get_or_create(&self.outcome(outcome)).inc();
        if let Some((stage, code)) = refused {
            let labels = [("stage", stage.as_str()), ("code", code.as_str())];
            self.refusals.get_or_create(&labels).inc();
        }
    }

    /// Somebody is in.
    pub(crate) fn entered(&self, kind: &'static str, waited: std::time::Duration) {
        self.entries.get_or_create(&[("kind", kind)]).inc();
        self.to_connect.observe(waited.as_secs_f64());
    }

    /// A deadline took something back.
    pub(crate) fn reclaimed(&self, cause: Reclaimed) {
        self.reclaimed.get_or_create(&[("cause", cause.as_str())]).inc();
    }

    /// The seat store decided nothing.
    pub(crate) fn unavailable(&self) {
        self.unavailable.inc();
    }

    /// So many seats stand above the capacity and may not.
    pub(crate) fn violated(&self, seats: u32) {
        self.violations.inc_by(u64::from(seats));
    }

    /// So many lines of the entry log will not be in the store.
    pub(crate) fn entries_dropped(&self, lines: usize) {
        self.dropped.inc_by(lines as u64);
    }

    /// This became of so many spans.
    pub(crate) fn spans(&self, fate: SpanFate, count: u64) {
        self.spans.get_or_create(&[("outcome", fate.as_str())]).inc_by(count);
    }

    /// A WebSocket ended.
    pub(crate) fn closed(&self, code: u16) {
        // What a peer may send is a number from 0 to 65,535; each one unknown is counted as one.
        let known = anteroom_protocol::CloseCode::from_status(code).is_some();
        let code = if known || matches!(code, 1005 | 1006) { code } else { 0 };
        self.closes.get_or_create(&[("code", code)]).inc();
    }

    /// Everything as text, with what stands now.
    pub(crate) fn render(&self, standing: &Standing) -> String {
        self.show(standing);
        let mut out = String::with_capacity(8 << 10);
        if text::encode(&mut out, &self.registry).is_err() {
            // Writing to a string does not fail; half a text must not pass for a whole one.
            out.clear();
            let _ = out.write_str("# the metrics could not be written\n");
        }
        out
    }

    fn show(&self, standing: &Standing) {
        let set = |state, count: u64| {
            self.seats.get_or_create(&[("state", state)]).set(whole(count));
        };
        match standing.seats {
            Some(sums) => {
                set("free", sums.free);
                set("reserved", sums.reserved);
                set("occupied", sums.occupied);
                set("held", sums.held);
                set("waiting", sums.waiting);
                self.waiters.get_or_create(&[]).set(whole(sums.waiting));
            }
            None => {
                self.seats.clear();
                self.waiters.clear();
            }
        }
        self.sessions.set(whole(standing.sessions as u64));
        self.rooms.get_or_create(&[("state", "open")]).set(whole(standing.rooms_open as u64));
        let pending = whole(standing.rooms_pending as u64);
        self.rooms.get_or_create(&[("state", "pending")]).set(pending);
        for (part, kind, is_ready) in &standing.parts {
            let labels = [("part", *part), ("kind", *kind)];
            self.ready.get_or_create(&labels).set(i64::from(*is_ready));
        }
    }
}

/// A count as a gauge takes it.
fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
