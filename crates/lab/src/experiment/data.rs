//! What a run of the experiment writes down: plain values, the same in memory, in `cells.jsonl` while it runs,
//! and in `run.json` once it is over. Whoever draws or counts reads these and nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Raised when a run written before cannot be gone on with, or drawn, any more.
pub(crate) const FORMAT: u32 = 1;

/// A whole run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) format: u32,
    pub(crate) machine: Machine,
    pub(crate) plan: Plan,
    pub(crate) subjects: Vec<SubjectInfo>,
    pub(crate) scenarios: Vec<ScenarioInfo>,
    /// In the order in which they were measured.
    pub(crate) cells: Vec<Cell>,
}

/// Where it was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// As the kernel calls it.
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    /// Name and version of the server, Redis and PostgreSQL.
    pub(crate) programs: BTreeMap<String, String>,
    /// The file system under the databases.
    pub(crate) file_system: String,
    /// Which process ran on which cores, in words.
    pub(crate) pinning: String,
}

/// What was asked for, and what that came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// `quick` or `full`.
    pub(crate) kind: String,
    pub(crate) repetitions: u32,
    /// The time that was given, in minutes.
    pub(crate) minutes: f64,
    /// Of the order of the subjects in each repetition.
    pub(crate) seed: u64,
    /// Seconds at each offered rate of `sustained`, and of `churn` and `refresh`.
    pub(crate) step_seconds: f64,
    /// Wall-clock time when the run began, in milliseconds since 1970.
    pub(crate) began_at_ms: u64,
    /// Seconds that were measured, over all sittings.
    pub(crate) took_seconds: f64,
    /// How often the run was interrupted and gone on with.
    pub(crate) resumed: u32,
}

/// One thing that is compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SubjectInfo {
    /// Short and without blanks; what cells name.
    pub(crate) id: String,
    /// As a heading.
    pub(crate) title: String,
    /// One sentence: what makes a decision atomic, and where seats and facts are.
    pub(crate) about: String,
    /// Only the lab has it, to show what the checks can see or what a lock costs.
    pub(crate) is_baseline: bool,
    /// Known to be wrong: a run in which it is not convicted is no run.
    pub(crate) must_overfill: bool,
}

/// One thing that is done to each subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ScenarioInfo {
    pub(crate) id: String,
    pub(crate) title: String,
    /// A few sentences: what is done, and what is looked at.
    pub(crate) about: String,
    /// The figures of its cells, the one that says most first.
    pub(crate) figures: Vec<FigureInfo>,
}

/// A number that a scenario yields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FigureInfo {
    /// The key in [`Cell::figures`].
    pub(crate) id: String,
    pub(crate) title: String,
    /// `/s`, `ms`, `µs`, or nothing for a number.
    pub(crate) unit: String,
    pub(crate) more_is_better: bool,
}

/// One scenario on one subject, once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Cell {
    pub(crate) subject: String,
    pub(crate) scenario: String,
    /// From 0.
    pub(crate) repetition: u32,
    /// Why it was not run, in words; all else is empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) not_run: Option<String>,
    /// How long the measured part took.
    pub(crate) seconds: f64,
    pub(crate) counts: Counts,
    pub(crate) faults: Faults,
    /// The original's four rules, where its log was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rules: Option<Rules>,
    /// By step: `reserve` (granted), `refuse` (told that the room is full), `confirm`, `entry` (both steps, from
    /// when the first was due), `told` (a place in line, from when a seat was free).
    pub(crate) latency: BTreeMap<String, Latency>,
    /// Numbers by the ids of [`ScenarioInfo::figures`].
    pub(crate) figures: BTreeMap<String, f64>,
    /// Processor time in µs for each decision, by process: `server`, `redis`, `postgresql`, `lab`.
    pub(crate) cpu_us: BTreeMap<String, f64>,
    /// Of `sustained`: what became of each offered rate, lowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rates: Vec<Rate>,
    /// The first faults, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) evidence: Vec<String>,
}

/// What was asked and answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Requests for a seat.
    pub(crate) asked: u64,
    pub(crate) granted: u64,
    /// Told that the room is full.
    pub(crate) full: u64,
    /// Told that it cannot be decided now.
    pub(crate) unavailable: u64,
    /// Other refusals.
    pub(crate) refused: u64,
    /// No answer: the line broke.
    pub(crate) broken: u64,
    /// Tickets presented.
    pub(crate) presented: u64,
    /// Welcomed.
    pub(crate) entered: u64,
}

/// What must be zero. Each is counted by what the lab saw from outside, not by what the server says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Faults {
    /// Bound: seats promised or taken above a room's capacity, at the worst moment, added over rooms.
    pub(crate) overfills: u64,
    /// Told "full" while fewer seats were taken or asked for than there are.
    pub(crate) false_full: u64,
    /// A reservation that stood was refused at its confirm.
    pub(crate) false_promises: u64,
    /// Seats not grantable at the end though nobody has them.
    pub(crate) leaked: u64,
    /// Readings of a room whose free, reserved, held and occupied seats are not its capacity.
    pub(crate) conservation: u64,
    /// Two seats, or two live sessions, of one user in one room.
    pub(crate) exclusion: u64,
    /// Grant numbers that came twice, were left out, or contradict the order of answers.
    pub(crate) history: u64,
}

/// The original's four rules, judged by its own definitions from a log kept in memory around each decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rules {
    pub(crate) requests: u64,
    pub(crate) granted: u64,
    /// Rule 1: granted and `after ≠ min(before + 1, capacity)`.
    pub(crate) stale: u64,
    /// Rule 2: the time from entering to leaving the decision overlaps another's in the same room.
    pub(crate) overlapping: u64,
    /// The most that were inside at once.
    pub(crate) inside_at_once: u64,
    /// Rule 3: `before ≤ capacity` and `after > capacity`.
    pub(crate) exceeded: u64,
    /// Rule 4: granted and `after ≠ initial + position by start`.
    pub(crate) out_of_order: u64,
}

/// How long one step took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) count: u64,
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    pub(crate) max_ms: f64,
    /// A coarse histogram: how many took at most so many ms and more than the bucket before.
    pub(crate) buckets: Vec<(f64, u64)>,
}

/// One offered rate of an open loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rate {
    /// Entries begun per second, by the schedule.
    pub(crate) offered: f64,
    /// Entries completed per second.
    pub(crate) achieved: f64,
    /// Of both steps, from when the entry was due.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Shares of one core.
    pub(crate) server_cores: f64,
    pub(crate) lab_cores: f64,
}
