//! What is compared, and what is done to it.

use super::data::{FigureInfo, ScenarioInfo, SubjectInfo};

/// `(id, title, about, is_baseline, must_overfill)`.
const SUBJECTS: [(&str, &str, &str, bool, bool); 10] = [
    (
        "unlocked",
        "if-else without a lock",
        "Looks whether a seat is free, lets other requests go on, then takes it. Seats in the server's memory, facts in SQLite.",
        true,
        true,
    ),
    (
        "global-lock",
        "one lock for all rooms",
        "The same look and act under one mutex for all rooms, which promises no order. Seats in memory, facts in SQLite.",
        true,
        false,
    ),
    (
        "global-lock-fair",
        "one fair lock for all rooms",
        "The same under one lock for all rooms that goes to who asked first. Seats in memory, facts in SQLite.",
        true,
        false,
    ),
    (
        "room-lock",
        "a lock per room",
        "The same under a mutex of each room. Seats in memory, facts in SQLite.",
        true,
        false,
    ),
    (
        "room-lock-fair",
        "a fair lock per room",
        "The same under a lock of each room that goes to who asked first. Seats in memory, facts in SQLite.",
        true,
        false,
    ),
    (
        "semaphore",
        "semaphore",
        "Each seat owns a permit of its room. Seats in memory, facts in SQLite.",
        false,
        false,
    ),
    (
        "conditional-sqlite",
        "conditional on SQLite",
        "A transaction that adds a row only while fewer rows than seats are there. Seats in a SQLite file of their own, facts in SQLite.",
        false,
        false,
    ),
    (
        "conditional-postgresql",
        "conditional on PostgreSQL",
        "The same under the room's row lock. Seats and facts in PostgreSQL; one node here, though several may share it.",
        false,
        false,
    ),
    (
        "redis-1",
        "Redis, one node",
        "A script counts and adds in one step. Seats in Redis, facts in SQLite.",
        false,
        false,
    ),
    (
        "redis-3",
        "Redis, three nodes",
        "The same from three servers at once. Seats in Redis, facts in PostgreSQL, news over Redis. All three share the cores that the others have to themselves.",
        false,
        false,
    ),
];

/// The subjects, in the order in which they are shown.
pub(crate) fn subjects() -> Vec<SubjectInfo> {
    let named =
        |&(id, title, about, is_baseline, must_overfill): &(&str, &str, &str, bool, bool)| {
            SubjectInfo {
                id: id.to_owned(),
                title: title.to_owned(),
                about: about.to_owned(),
                is_baseline,
                must_overfill,
            }
        };
    SUBJECTS.iter().map(named).collect()
}

/// `(id, title, unit, more is better)`.
type Figure = (&'static str, &'static str, &'static str, bool);

const PER_SECOND: Figure = ("decisions_per_s", "decisions per second", "/s", true);
const ENTRIES: Figure = ("entries_per_s", "entries per second, both steps", "/s", true);
const GRANTABLE: Figure = ("grantable_ms", "until every seat was grantable again", "ms", false);
const RECOVERY: Figure = ("recovery_ms", "until somebody was inside again", "ms", false);

const SCENARIOS: [(&str, &str, &str, &[Figure]); 12] = [
    (
        "burst",
        "The original's burst",
        "Ten rooms one after the other, each of 100 seats with its maker inside: 200 people ask at the same instant, and 99 of them must get a seat.",
        &[PER_SECOND, ("burst_ms", "until all 200 were answered", "ms", false)],
    ),
    (
        "rules",
        "The burst, judged by the original's rules",
        "The same burst in a server that keeps the original's log around each decision, in memory. Not compared for speed.",
        &[],
    ),
    (
        "storm",
        "Storm",
        "Ten times as many people as seats ask at the same instant; whoever got a seat presents the ticket at once, and leaves.",
        &[PER_SECOND, ("storm_ms", "until the room was full of people", "ms", false)],
    ),
    (
        "sustained",
        "Sustained load",
        "Entries begin by a schedule that waits for nobody, at higher and higher rates until the server keeps up no longer. Latency counts from the schedule.",
        &[
            ("rate_p99_50", "highest rate with p99 within 50 ms", "/s", true),
            ("rate_p99_10", "highest rate with p99 within 10 ms", "/s", true),
            ("saturation", "most entries completed per second", "/s", true),
        ],
    ),
    (
        "churn",
        "Churn",
        "More people than seats come and go without pause in a few small rooms: enter, leave, again; some ask in vain.",
        &[ENTRIES, PER_SECOND],
    ),
    (
        "refresh",
        "Refresh",
        "Full rooms whose people reload their page: the line breaks, and the same person enters again with the resume secret. Nobody else may slip in.",
        &[ENTRIES],
    ),
    (
        "abandoned-never",
        "Abandoned, never tried",
        "All seats are reserved and nobody comes. Each must be grantable from its deadline on, and not before.",
        &[GRANTABLE, ("early", "seats given away before their deadline", "", false)],
    ),
    (
        "abandoned-failed",
        "Abandoned, tried and failed",
        "All seats are reserved; each ticket is presented once by somebody who breaks the line before an answer can come, or in the middle of asking, or who has forged it.",
        &[GRANTABLE, ("early", "seats given away before their deadline", "", false)],
    ),
    (
        "kill",
        "kill −9",
        "The server dies by SIGKILL while people enter and is started again on the same data.",
        &[
            RECOVERY,
            GRANTABLE,
            ("promises_kept", "reservations from before that still opened", "%", true),
        ],
    ),
    (
        "outage",
        "The seat store stops",
        "The store stands still for two seconds while people enter. Nobody may be told \"full\", everybody is answered in time, and it goes on by itself.",
        &[RECOVERY, ("answered_ms", "longest wait for an answer meanwhile", "ms", false)],
    ),
    (
        "slow-store",
        "The seat store is slow",
        "The store runs only a fifth of the time while people enter.",
        &[ENTRIES],
    ),
    (
        "line",
        "A long line",
        "Hundreds wait for a full room; seats are freed one after the other, and each goes to the head of the line.",
        &[
            ("told_p50_ms", "from a freed seat to its offer, median", "ms", false),
            ("told_p99_ms", "the same, p99", "ms", false),
        ],
    ),
];

/// The scenarios, in the order in which they are shown.
pub(crate) fn scenarios() -> Vec<ScenarioInfo> {
    let figure = |&(id, title, unit, more_is_better): &Figure| FigureInfo {
        id: id.to_owned(),
        title: title.to_owned(),
        unit: unit.to_owned(),
        more_is_better,
    };
    let named = |&(id, title, about, figures): &(&str, &str, &str, &[Figure])| ScenarioInfo {
        id: id.to_owned(),
        title: title.to_owned(),
        about: about.to_owned(),
        figures: figures.iter().map(figure).collect(),
    };
    SCENARIOS.iter().map(named).collect()
}
