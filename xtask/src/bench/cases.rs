//! What is measured, and the targets.

use std::fmt;

use serde::Serialize;

use super::figures::Read;
use super::subject::Subject;

/// One workload, run against the server and its floors.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// For the lab, scenario first.
    lab: &'static [&'static str],
    /// What makes it short.
    quick: &'static [&'static str],
    pub(super) floors: &'static [Subject],
    pub(super) measures: &'static [Measure],
}

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

impl Case {
    /// Whether it has this name, or belongs to the group of this name: `fanout` has `fanout-50`.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let rest = self.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// What the lab is called with.
    pub(super) fn arguments(&self, quick: bool) -> Vec<&'static str> {
        let shorter = if quick { self.quick } else { &[] };
        self.lab.iter().chain(shorter).copied().collect()
    }
}

/// Every case, in the order in which they are run.
pub(super) fn all() -> Vec<Case> {
    vec![
        fanout("fanout-50", &["fanout", "--members", "50"], FANOUT_OTHER),
        fanout("fanout-200", &["fanout", "--members", "200"], FANOUT_OTHER),
        fanout("fanout-1000", &["fanout", "--members", "1000"], FANOUT_1000),
        fanout("fanout-5000", &["fanout", "--members", "5000"], FANOUT_OTHER),
        fanout("fanout-heavy", &["fanout", "--members", "1000", "--window", "64"], FANOUT_HEAVY),
        Case {
            name: "open-1000",
            about: "one room of 1,000, 20,000 deliveries/s on a schedule",
            lab: &["fanout", "--members", "1000", "--deliveries-per-second", "20000"],
            quick: QUICK,
            floors: &[Subject::FloorSingle],
            measures: OPEN,
        },
        Case {
            name: "rooms-2000x5",
            about: "2,000 rooms of 5, messages all over them",
            lab: &["fanout", "--rooms", "2000", "--members", "5", "--window", "64"],
            quick: QUICK,
            floors: &[Subject::FloorBatched],
            measures: ROOMS,
        },
        Case {
            name: "joins",
            about: "reserve, connect, leave: membership stored, tokens checked; 64 lanes",
            lab: &["joins"],
            quick: QUICK,
            floors: &[Subject::FloorSingle],
            measures: JOINS,
        },
        Case {
            name: "churn",
            about: "join, chat, hear it, leave or break the line; 64 lanes",
            lab: &["joins", "--chat", "--seconds", "10"],
            quick: QUICK,
            floors: &[],
            measures: CHURN,
        },
        Case {
            name: "refused",
            about: "a full room over kept HTTP connections",
            lab: &["refused"],
            quick: QUICK,
            floors: &[],
            measures: REFUSED,
        },
        Case {
            name: "slow",
            about: "1,000: one in ten reads a byte a second, one nothing, one resets",
            lab: &["slow"],
            quick: &["--seconds", "2"],
            floors: &[],
            measures: SLOW,
        },
        Case {
            name: "idle-10000",
            about: "10 rooms of 1,000 who say nothing",
            lab: &["idle"],
            quick: &["--members", "100", "--seconds", "1"],
            floors: &[],
            measures: IDLE,
        },
    ]
}

const QUICK: &[&str] = &["--warm-up", "0.3", "--seconds", "1"];

const fn fanout(
    name: &'static str,
    lab: &'static [&'static str],
    measures: &'static [Measure],
) -> Case {
    let about = "one room, 8 senders, closed loop (8 messages outstanding, heavy: 64), stored";
    let floors = &[Subject::FloorSingle, Subject::FloorBatched];
    Case { name, about, lab, quick: QUICK, floors, measures }
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

const FANOUT_1000: &[Measure] = &[
    per_delivery(Subject::FloorBatched, at_most(1.5, 1.2)),
    per_delivery(Subject::FloorSingle, None),
    TOGETHER,
    PER_WRITE,
    DELIVERY_RATE,
];

const FANOUT_HEAVY: &[Measure] = &[
    per_delivery(Subject::FloorBatched, None),
    per_delivery(Subject::FloorSingle, None),
    TOGETHER,
    PER_WRITE,
    DELIVERY_RATE,
];

const FANOUT_OTHER: &[Measure] = &[
    per_delivery(Subject::FloorBatched, at_most(1.7, 1.3)),
    per_delivery(Subject::FloorSingle, None),
    TOGETHER,
    PER_WRITE,
    DELIVERY_RATE,
];

const OPEN: &[Measure] = &[
    per_delivery(Subject::FloorSingle, at_most(1.3, 1.1)),
    Measure {
        title: "p99 from when due",
        unit: "ms",
        read: Read::P99("delivery"),
        against: Some(Subject::FloorSingle),
        target: at_most(1.5, 1.1),
    },
];

const ROOMS: &[Measure] =
    &[per_delivery(Subject::FloorBatched, at_most(1.4, 1.15)), TOGETHER, DELIVERY_RATE];

const JOINS: &[Measure] = &[
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

const CHURN: &[Measure] = &[
    plain("CPU/cycle", "us", Read::Spent("join")),
    plain("cycles", "/s", Read::Rate("joins")),
    plain("PSS before", "KiB", Read::Figure("PSS before, KiB")),
    plain("PSS after", "KiB", Read::Figure("PSS after, KiB")),
    plain("descriptors before", "", Read::Figure("descriptors before")),
    plain("descriptors after", "", Read::Figure("descriptors after")),
];

const REFUSED: &[Measure] = &[
    Measure {
        target: at_least(40_000.0),
        ..plain("refusals per core second", "/s", Read::Figure("refusals per core second"))
    },
    plain("CPU/refusal", "us", Read::Spent("refusal")),
    plain("refusals", "/s", Read::Rate("refusals")),
];

const SLOW: &[Measure] = &[
    plain("CPU/delivery", "us", Read::Spent("delivery")),
    plain("p99 of the healthy", "ms", Read::P99("delivery")),
    plain("slow readers cut", "", Read::Figure("slow readers cut")),
];

const IDLE: &[Measure] = &[
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
