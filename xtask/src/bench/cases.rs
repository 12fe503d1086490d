//! The cases: which workloads there are, and what each is called with.

use super::measures::{
    CHURN, FANOUT_1000, FANOUT_HEAVY, FANOUT_OTHER, IDLE, JOINS, Measure, NODES, NODES_CLOSED,
    OPEN, PRESENCE, REFUSED, ROOMS, SLOW, START, STORAGE,
};
use super::subject::Subject;

/// One workload, run against the server and its floors.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) subject: Subject,
    pub(super) work: Work,
    /// What makes it short.
    quick: &'static [&'static str],
    pub(super) floors: &'static [Subject],
    pub(super) measures: &'static [Measure],
}

/// What a case does.
#[derive(Clone, Copy)]
pub(super) enum Work {
    /// The lab, called with this: scenario first.
    Lab(&'static [&'static str]),
    /// The store alone, beside a bare loop of inserts.
    Storage,
    /// From the start of the server to its ready line, and the size of the program.
    Start,
}

impl Case {
    /// Whether it has this name, or belongs to the group of this name: `fanout` has `fanout-50`.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let rest = self.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// What the lab is called with.
    pub(super) fn arguments(&self, quick: bool) -> Vec<&'static str> {
        let lab = if let Work::Lab(lab) = self.work { lab } else { &[] };
        let shorter = if quick { self.quick } else { &[] };
        lab.iter().chain(shorter).copied().collect()
    }
}

/// Every case, in the order in which they are run.
pub(super) fn all() -> Vec<Case> {
    [fan_out(), entry(), others(), nodes()].into_iter().flatten().collect()
}

fn fan_out() -> Vec<Case> {
    vec![
        fanout("fanout-50", &["fanout", "--members", "50"], FANOUT_OTHER),
        fanout("fanout-200", &["fanout", "--members", "200"], FANOUT_OTHER),
        fanout("fanout-1000", &["fanout", "--members", "1000"], FANOUT_1000),
        fanout("fanout-5000", &["fanout", "--members", "5000"], FANOUT_OTHER),
        fanout("fanout-heavy", &["fanout", "--members", "1000", "--window", "64"], FANOUT_HEAVY),
        Case {
            name: "open-1000",
            about: "one room of 1,000, 20,000 deliveries/s on a schedule",
            subject: Subject::Server,
            work: Work::Lab(&[
                "fanout",
                "--members",
                "1000",
                "--deliveries-per-second",
                "20000",
                "--seconds",
                "6",
            ]),
            quick: QUICK,
            floors: &[Subject::FloorSingle],
            measures: OPEN,
        },
        Case {
            name: "rooms-2000x5",
            about: "2,000 rooms of 5, messages all over them",
            subject: Subject::Server,
            work: Work::Lab(&["fanout", "--rooms", "2000", "--members", "5", "--window", "64"]),
            quick: QUICK,
            floors: &[Subject::FloorBatched],
            measures: ROOMS,
        },
    ]
}

fn entry() -> Vec<Case> {
    vec![
        Case {
            name: "joins",
            about: "reserve, connect, leave: membership stored, tokens checked; 64 lanes",
            subject: Subject::Server,
            work: Work::Lab(&["joins"]),
            quick: QUICK,
            floors: &[Subject::FloorSingle],
            measures: JOINS,
        },
        Case {
            name: "churn",
            about: "join, chat, hear it, leave or break the line; 64 lanes",
            subject: Subject::Server,
            work: Work::Lab(&["joins", "--chat", "--seconds", "10"]),
            quick: QUICK,
            floors: &[],
            measures: CHURN,
        },
        Case {
            name: "refused",
            about: "a full room over kept HTTP connections",
            subject: Subject::Server,
            work: Work::Lab(&["refused"]),
            quick: QUICK,
            floors: &[],
            measures: REFUSED,
        },
    ]
}

fn others() -> Vec<Case> {
    vec![
        Case {
            name: "slow",
            about: "1,000: one in ten reads a byte a second, one nothing, one resets",
            subject: Subject::Server,
            work: Work::Lab(&["slow"]),
            quick: &["--seconds", "2"],
            floors: &[],
            measures: SLOW,
        },
        Case {
            name: "presence",
            about: "1,000 sit, 4,000 come and leave again",
            subject: Subject::Server,
            work: Work::Lab(&["presence", "--visits", "4000"]),
            quick: &["--visits", "500"],
            floors: &[],
            measures: PRESENCE,
        },
        Case {
            name: "idle-10000",
            about: "10 rooms of 1,000 who say nothing",
            subject: Subject::Server,
            work: Work::Lab(&["idle"]),
            quick: &["--members", "100", "--seconds", "1"],
            floors: &[],
            measures: IDLE,
        },
        Case {
            name: "storage",
            about: "rows appended, in percent of a thread that only inserts; synchronous = FULL",
            subject: Subject::Server,
            work: Work::Storage,
            quick: &[],
            floors: &[],
            measures: STORAGE,
        },
        Case {
            name: "start",
            about: "an empty data directory, up to the line that says it listens",
            subject: Subject::Server,
            work: Work::Start,
            quick: &[],
            floors: &[],
            measures: START,
        },
    ]
}

/// The same load on one node and on two, over PostgreSQL and Redis: the first counts as the floor.
fn nodes() -> Vec<Case> {
    let case = |name, about, lab, measures| Case {
        name,
        about,
        subject: Subject::TwoNodes,
        work: Work::Lab(lab),
        quick: QUICK,
        floors: &[Subject::OneNode],
        measures,
    };
    const OPEN: &[&str] =
        &["fanout", "--members", "1000", "--deliveries-per-second", "40000", "--seconds", "6"];
    vec![
        case(
            "nodes-open",
            "one room of 1,000 on two nodes, 40,000 deliveries/s on a schedule, beside one node",
            OPEN,
            NODES,
        ),
        case(
            "nodes-closed",
            "the same, 8 messages outstanding: batches of two nodes are smaller than of one",
            &["fanout", "--members", "1000"],
            NODES_CLOSED,
        ),
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
    let (subject, work) = (Subject::Server, Work::Lab(lab));
    Case { name, about, subject, work, quick: QUICK, floors, measures }
}
