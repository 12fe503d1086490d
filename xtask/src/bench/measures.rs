//! What is read from a run, what it is held against, and the targets.

use std::fmt;

use serde::Serialize;

use super::figures::Read;
use super::subject::Subject;

/// One figure of a case.
pub(super) struct Measure {
    pub(super) title: &'static str,
    pub(super) unit: &'static str,
    pub(super) read: Read,
    pub(super) against: Option<Subject>,
    pub(super) target: Option<Target>,
}

/// What a figure, or where there is a floor its ratio, must reach.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// And, where there is one, a figure to stretch for.
    AtMost {
        target: f64,
        stretch: Option<f64>,
    },
    AtLeast {
        target: f64,
        stretch: Option<f64>,
    },
}

impl Target {
    pub(super) fn is_met(self, judged: f64) -> bool {
        match self {
            Self::AtMost { target, .. } => judged <= target,
            Self::AtLeast { target, .. } => judged >= target,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (words, target, stretch) = match self {
            Self::AtMost { target, stretch } => ("at most", target, stretch),
            Self::AtLeast { target, stretch } => ("at least", target, stretch),
        };
        write!(f, "{words} {target}")?;
        stretch.map_or(Ok(()), |stretch| write!(f, " (stretch {stretch})"))
    }
}

const fn at_least(target: f64) -> Option<Target> {
    Some(Target::AtLeast { target, stretch: None })
}

const fn at_most(target: f64, stretch: f64) -> Option<Target> {
    Some(Target::AtMost { target, stretch: Some(stretch) })
}

const fn at_most_only(target: f64) -> Option<Target> {
    Some(Target::AtMost { target, stretch: None })
}

const fn per_delivery(against: Subject, target: Option<Target>) -> Measure {
    let title = match against {
        Subject::FloorSingle => "CPU/delivery to single",
        _ => "CPU/delivery to batched",
    };
    Measure { title, unit: "us", read: Read::Spent("delivery"), against: Some(against), target }
}

const DELIVERY_RATE: Measure = plain("deliveries", "/s", Read::Rate("deliveries"));

const TOGETHER: Measure = Measure {
    title: "messages per read",
    unit: "",
    read: Read::Figure("messages per read"),
    against: Some(Subject::FloorBatched),
    target: None,
};

/// What remains of the ratio once both write as many messages together.
const PER_WRITE: Measure = Measure {
    title: "CPU/member and batch",
    unit: "us",
    read: Read::Figure("server us per member and batch"),
    against: Some(Subject::FloorBatched),
    target: None,
};

pub(super) const FANOUT_1000: &[Measure] = &[
    per_delivery(Subject::FloorBatched, at_most(1.5, 1.2)),
    per_delivery(Subject::FloorSingle, None),
    TOGETHER,
    PER_WRITE,
    DELIVERY_RATE,
];

pub(super) const FANOUT_HEAVY: &[Measure] = &[
    per_delivery(Subject::FloorBatched, None),
    per_delivery(Subject::FloorSingle, None),
    TOGETHER,
    PER_WRITE,
    DELIVERY_RATE,
];

pub(super) const FANOUT_OTHER: &[Measure] = &[
    per_delivery(Subject::FloorBatched, at_most(1.7, 1.3)),
    per_delivery(Subject::FloorSingle, None),
    TOGETHER,
    PER_WRITE,
    DELIVERY_RATE,
];

pub(super) const OPEN: &[Measure] = &[
    per_delivery(Subject::FloorSingle, at_most(1.3, 1.1)),
    Measure {
        title: "p99 from when due",
        unit: "ms",
        read: Read::P99("delivery"),
        against: Some(Subject::FloorSingle),
        target: at_most(1.5, 1.1),
    },
];

pub(super) const ROOMS: &[Measure] =
    &[per_delivery(Subject::FloorBatched, at_most(1.4, 1.15)), TOGETHER, DELIVERY_RATE];

const PER_NODES_DELIVERY: Measure = Measure {
    title: "CPU/delivery, nodes and bus",
    unit: "us",
    read: Read::Spent("delivery"),
    against: Some(Subject::OneNode),
    target: None,
};

const NODES_TOGETHER: Measure = Measure { against: Some(Subject::OneNode), ..TOGETHER };

pub(super) const NODES: &[Measure] = &[
    Measure { target: at_most_only(1.18), ..PER_NODES_DELIVERY },
    NODES_TOGETHER,
    plain("p99 from when due", "ms", Read::P99("delivery")),
];

pub(super) const NODES_CLOSED: &[Measure] = &[
    PER_NODES_DELIVERY,
    NODES_TOGETHER,
    Measure {
        title: "CPU/member and batch",
        unit: "us",
        read: Read::Figure("server us per member and batch"),
        against: Some(Subject::OneNode),
        target: None,
    },
    DELIVERY_RATE,
];

pub(super) const JOINS: &[Measure] = &[
    Measure {
        title: "CPU/cycle",
        unit: "us",
        read: Read::Spent("join"),
        against: Some(Subject::FloorSingle),
        target: at_most(4.0, 2.5),
    },
    plain("cycles", "/s", Read::Rate("joins")),
    plain("p99 of a cycle", "ms", Read::P99("join")),
];

pub(super) const CHURN: &[Measure] = &[
    plain("CPU/cycle", "us", Read::Spent("join")),
    plain("cycles", "/s", Read::Rate("joins")),
    plain("PSS before", "KiB", Read::Figure("PSS before, KiB")),
    plain("PSS after", "KiB", Read::Figure("PSS after, KiB")),
    plain("descriptors before", "", Read::Figure("descriptors before")),
    plain("descriptors after", "", Read::Figure("descriptors after")),
];

pub(super) const REFUSED: &[Measure] = &[
    Measure {
        target: at_least(40_000.0),
        ..plain("refusals per core second", "/s", Read::Figure("refusals per core second"))
    },
    plain("CPU/refusal", "us", Read::Spent("refusal")),
    plain("refusals", "/s", Read::Rate("refusals")),
];

pub(super) const SLOW: &[Measure] = &[
    plain("CPU/delivery", "us", Read::Spent("delivery")),
    plain("p99 of the healthy", "ms", Read::P99("delivery")),
    plain(
        "its ratio to that without the slow",
        "",
        Read::Figure("p99 of the healthy, times that without the slow"),
    ),
    plain("slow readers cut", "", Read::Figure("slow readers cut")),
];

pub(super) const PRESENCE: &[Measure] = &[
    plain("CPU/visit", "us", Read::Spent("visit")),
    plain("frames per member", "", Read::Figure("presence frames per member")),
    plain("bytes per member", "", Read::Figure("presence bytes per member")),
];

pub(super) const IDLE: &[Measure] = &[
    Measure {
        target: at_most(4.0, 2.5),
        ..plain("PSS per member", "KiB", Read::Figure("PSS per member, KiB"))
    },
    plain("CPU/member and second", "us", Read::Figure("CPU us per member and second")),
];

/// A figure of the server alone.
const fn plain(title: &'static str, unit: &'static str, read: Read) -> Measure {
    Measure { title, unit, read, against: None, target: None }
}

pub(super) const STORAGE: &[Measure] = &[
    Measure {
        target: at_least(70.0),
        ..plain("append, batch of 64", "%", Read::Figure("append, batch of 64"))
    },
    Measure {
        target: at_least(70.0),
        ..plain("append, batch of 512", "%", Read::Figure("append, batch of 512"))
    },
    plain("append, batch of 1", "%", Read::Figure("append, batch of 1")),
];

pub(super) const START: &[Measure] = &[
    Measure {
        target: at_most(100.0, 30.0),
        ..plain("start to ready", "ms", Read::Figure("ready"))
    },
    Measure { target: at_most_only(20.0), ..plain("program", "MB", Read::Figure("program")) },
];
