//! What a disk holds when the power goes, worked out from the system calls of the process.
//!
//! What was written and then synced is there. What was written and not synced is there, is not, or is
//! there in part, sector by sector, as a seed says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A sector is written whole or not at all.
const SECTOR: usize = 512;

/// What the process did, in order.
pub(super) enum Event {
    /// A file changed: its name, where, and the bytes.
    Write(String, usize, Vec<u8>),
    /// A file was cut to a length.
    Truncate(String, usize),
    /// All that was written to a file before is on disk.
    Sync(String),
    /// Somebody was told of a message.
    Told(String),
}

/// Reads what strace has written. Messages are those whose `client_id` begins with `mark`.
pub(super) fn read(log: &str, mark: &str) -> Vec<Event> {
    let mut events = Vec::new();
    // A sync that takes its time is written as two lines, and other calls between them.
    let mut begun: BTreeMap<&str, String> = BTreeMap::new();
    for line in log.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if call.starts_with("<... f") && call.contains("sync resumed") {
            let file = begun.remove(thread);
            events.extend(file.filter(|_| call.ends_with("= 0")).map(Event::Sync));
            continue;
        }
        let Some((name, rest)) = call.split_once('(') else { continue };
        if name == "unlink" {
            // The log is empty and goes: nothing after it is of interest.
            break;
        }
        let file = file_of(rest);
        match (name, file) {
            ("fsync" | "fdatasync", Some(file)) if call.ends_with("= 0") => {
                events.push(Event::Sync(file));
            }
            ("fsync" | "fdatasync", Some(file)) => drop(begun.insert(thread, file)),
            ("pwrite64", Some(file)) => {
                let (bytes, after) = text_of(rest);
                let number = |at: usize| number_at(after, at);
                assert_eq!(number(0), bytes.len(), "strace has shortened it");
                events.push(Event::Write(file, number(1), bytes));
            }
            ("ftruncate", Some(file)) => {
                let after = rest.split_once('>').map_or("", |(_, after)| after);
                events.push(Event::Truncate(file, number_at(after, 0)));
            }
            (_, None) => {
                let told = String::from_utf8_lossy(&text_of(rest).0).into_owned();
                let ids = told.match_indices(mark).map(|(at, _)| {
                    let number = told[at + mark.len()..].split('-').next().unwrap_or_default();
                    Event::Told(format!("{mark}{number}-"))
                });
                events.extend(ids);
            }
            _ => {}
        }
    }
    events
}

/// The name of the database's file that a call is about.
fn file_of(arguments: &str) -> Option<String> {
    let (_, path) = arguments.split_once('<')?;
    let path = String::from_utf8(unhex(path.split_once('>')?.0)).ok()?;
    let name = path.rsplit('/').next()?.to_owned();
    ["anteroom.db", "anteroom.db-wal"].contains(&name.as_str()).then_some(name)
}

/// Every text among the arguments, joined, and what follows the last one.
fn text_of(arguments: &str) -> (Vec<u8>, &str) {
    let (mut bytes, mut rest) = (Vec::new(), arguments);
    while let Some((_, from)) = rest.split_once('"') {
        let Some((text, after)) = from.split_once('"') else { break };
        bytes.extend(unhex(text));
        rest = after;
    }
    (bytes, rest)
}

/// The number after the next comma but `at`.
fn number_at(arguments: &str, at: usize) -> usize {
    let word = arguments.split(',').nth(at + 1).unwrap_or_default().trim_start();
    let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("no number in {arguments:?}"))
}

/// Undoes the form in which strace writes bytes; other text stays as it is.
fn unhex(text: &str) -> Vec<u8> {
    if !text.starts_with("\\x") {
        return text.as_bytes().to_vec();
    }
    let pairs = text.split("\\x").skip(1);
    pairs.map(|pair| u8::from_str_radix(&pair[..2], 16).unwrap()).collect()
}

/// What is on the disk.
pub(super) struct Disk {
    files: BTreeMap<String, Vec<u8>>,
    told: BTreeSet<String>,
}

impl Disk {
    /// The files of `before`, and what `events` made of them when the power went.
    pub(super) fn after(before: &Path, events: &[Event], seed: u64) -> Self {
        let mut files = BTreeMap::new();
        for name in ["anteroom.db", "anteroom.db-wal"] {
            files.insert(name.to_owned(), std::fs::read(before.join(name)).unwrap());
        }
        let mut unsynced: Vec<&Event> = Vec::new();
        let mut told = BTreeSet::new();
        for event in events {
            match event {
                Event::Told(id) => drop(told.insert(id.clone())),
                Event::Write(..) | Event::Truncate(..) => unsynced.push(event),
                Event::Sync(name) => {
                    let (synced, open) = unsynced.into_iter().partition(|it| is_of(it, name));
                    unsynced = open;
                    let synced: Vec<&Event> = synced;
                    synced.into_iter().for_each(|event| happen(&mut files, event, |_| true));
                }
            }
        }
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for event in unsynced {
            let mut draw = || {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random
            };
            // A third is there, a third is not, and of a third some sectors are.
            let fate = draw() % 3;
            happen(&mut files, event, |_| fate == 0 || (fate == 1 && draw().is_multiple_of(2)));
        }
        Self { files, told }
    }

    /// The messages that somebody had been told of.
    pub(super) fn told(&self) -> &BTreeSet<String> {
        &self.told
    }

    /// Writes the files out.
    pub(super) fn put(&self, dir: &Path) {
        for (name, bytes) in &self.files {
            std::fs::write(dir.join(name), bytes).unwrap();
        }
    }
}

fn is_of(event: &Event, file: &str) -> bool {
    matches!(event, Event::Write(name, ..) | Event::Truncate(name, _) if name == file)
}

/// Applies a change, of a write those sectors that `arrives` says.
fn happen(
    files: &mut BTreeMap<String, Vec<u8>>,
    event: &Event,
    mut arrives: impl FnMut(usize) -> bool,
) {
    match event {
        Event::Write(name, at, bytes) => {
            let file = files.get_mut(name).unwrap();
            for (sector, piece) in bytes.chunks(SECTOR).enumerate() {
                if arrives(sector) {
                    let from = at + sector * SECTOR;
                    file.resize(file.len().max(from + piece.len()), 0);
                    file[from..from + piece.len()].copy_from_slice(piece);
                }
            }
        }
        Event::Truncate(name, length) if arrives(0) => {
            files.get_mut(name).unwrap().resize(*length, 0);
        }
        _ => {}
    }
}
