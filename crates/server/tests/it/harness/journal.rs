//! The log of a server as a list of events that a test can wait for.
//!
//! Reader threads append, tests look. Waiting is woken by each new line and ends with the last lines
//! of the journal in the failure, so that a missing event explains itself.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anteroom_protocol::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::waiting::PATIENCE;

/// How many lines a failure shows.
const TAIL_LINES: usize = 40;

/// One line of the log.
#[derive(Clone, Debug)]
pub(crate) struct LogEvent {
    /// Its place in the journal; order is the order of the log.
    pub(crate) index: usize,
    /// Which life of the server wrote it; the first is 1.
    pub(crate) life: u32,
    fields: Map<String, Value>,
    line: String,
}

impl LogEvent {
    /// One field as text; a missing one is empty.
    pub(crate) fn text(&self, field: &str) -> String {
        self.fields.get(field).map(plain).unwrap_or_default()
    }

    /// The event's name; empty for a line without one.
    pub(crate) fn name(&self) -> String {
        self.text("event")
    }

    /// When it was logged, in wall-clock milliseconds.
    pub(crate) fn at_ms(&self) -> i64 {
        Timestamp::parse(&self.text("timestamp")).expect("every line has its time").0
    }

    fn has(&self, wanted: &Value) -> bool {
        let Value::Object(wanted) = wanted else { panic!("fields are given as an object") };
        wanted.iter().all(|(name, value)| {
            self.fields.get(name).is_some_and(|found| plain(found) == plain(value))
        })
    }
}

impl fmt::Display for LogEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

/// Now, as events tell when they were logged.
pub(crate) fn now_ms() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().expect("a clock");
    i64::try_from(since.as_millis()).unwrap()
}

/// Numbers and their text are the same to a reader of logs.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Everything the server has logged, over all its lives.
pub(super) struct Journal {
    events: Mutex<Vec<LogEvent>>,
    grown: watch::Sender<usize>,
}

impl Journal {
    pub(super) fn new() -> Self {
        Self { events: Mutex::new(Vec::new()), grown: watch::Sender::new(0) }
    }

    /// Adds a line. One that is not JSON (a panic's message, say) is kept as it stands.
    pub(super) fn add(&self, life: u32, line: &str) {
        let fields = match serde_json::from_str(line) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let mut events = self.lock();
        let index = events.len();
        events.push(LogEvent { index, life, fields, line: line.to_owned() });
        drop(events);
        self.grown.send_replace(index + 1);
    }

    /// Whether a line has this text somewhere.
    pub(super) fn has(&self, text: &str) -> bool {
        self.lock().iter().any(|event| event.line.contains(text))
    }

    /// The lines that have this text somewhere.
    pub(super) fn lines_with(&self, text: &str) -> Vec<String> {
        let events = self.lock();
        let with = events.iter().filter(|event| event.line.contains(text));
        with.map(|event| event.line.clone()).collect()
    }

    pub(super) fn watch(&self) -> watch::Receiver<usize> {
        self.grown.subscribe()
    }

    /// How long it is: what comes later has at least this index.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// The events of that name from `from` on which have those fields.
    pub(super) fn matching(&self, from: usize, name: &str, fields: &Value) -> Vec<LogEvent> {
        let events = self.lock();
        let later = events.iter().skip(from);
        later.filter(|event| event.name() == name && event.has(fields)).cloned().collect()
    }

    /// Waits until there are `count` such events.
    pub(super) async fn wait(
        &self,
        from: usize,
        name: &str,
        fields: &Value,
        count: usize,
    ) -> Vec<LogEvent> {
        let mut grown = self.watch();
        let waiting = async {
            loop {
                let found = self.matching(from, name, fields);
                if found.len() >= count {
                    return found;
                }
                grown.changed().await.expect("the journal outlives who reads it");
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(found) => found,
            Err(_) => panic!("waited in vain for {count} × {name} {fields}; {}", self.tail()),
        }
    }

    /// Lines that no healthy server writes: panics, and errors whose event is not in `expected`.
    pub(super) fn alarms(&self, expected: &[String]) -> Vec<String> {
        let events = self.lock();
        let is_alarm = |event: &&LogEvent| {
            let is_error = event.text("level").eq_ignore_ascii_case("error");
            event.line.contains("panicked at") || (is_error && !expected.contains(&event.name()))
        };
        events.iter().filter(is_alarm).map(ToString::to_string).collect()
    }

    /// Seats that were returned more than once: the same stay twice in one life of the server.
    pub(super) fn returned_twice(&self) -> Vec<String> {
        let mut seen = std::collections::HashSet::new();
        let returned = self.matching(0, "seat.returned", &Value::Object(Map::new()));
        let is_again = |event: &&LogEvent| {
            let stay =
                (event.life, event.text("room"), event.text("user"), event.text("generation"));
            !seen.insert(stay)
        };
        returned.iter().filter(is_again).map(ToString::to_string).collect()
    }

    /// Stays begun and not ended in a room, in one life of the server.
    pub(super) fn open_stays(&self, life: u32, room: i64) -> i64 {
        let fields = serde_json::json!({ "room": room });
        let of_life = |event: &LogEvent| event.life == life;
        let entered = self.matching(0, "entry.confirmed", &fields);
        let entered =
            entered.iter().filter(|it| of_life(it) && it.text("entry") == "first").count();
        let returned = self.matching(0, "seat.returned", &fields);
        // A failed entry gives back a seat that never became a stay.
        let is_stay = |event: &&LogEvent| of_life(event) && event.text("cause") != "entry_failed";
        i64::try_from(entered).unwrap()
            - i64::try_from(returned.iter().filter(is_stay).count()).unwrap()
    }

    /// The end of the journal, for failures.
    pub(super) fn tail(&self) -> String {
        let events = self.lock();
        let from = events.len().saturating_sub(TAIL_LINES);
        let lines: Vec<&str> = events[from..].iter().map(|event| event.line.as_str()).collect();
        format!("the journal ends:\n{}", lines.join("\n"))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<LogEvent>> {
        // A failed assertion elsewhere must not hide the journal from the one that reports it.
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
