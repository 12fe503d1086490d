//! The newest lines, in memory.

use std::collections::VecDeque;

use anteroom_protocol::attempt::Outcome;

use crate::storage::{EntryQuery, EntryRecord, WallMillis};

/// Lines by which the list grows at first.
const GROWTH_MIN: usize = 1_024;

/// A bounded list; a new line pushes the oldest one out. Grows only as it is used, and never beyond
/// its bound: doubling would take up to twice of it.
pub(super) struct Ring {
    lines: VecDeque<EntryRecord>,
    max: usize,
}

impl Ring {
    pub(super) fn new(max: usize) -> Self {
        Self { lines: VecDeque::new(), max }
    }

    /// Adds the newest line.
    pub(super) fn push(&mut self, line: EntryRecord) {
        if self.max == 0 {
            return;
        }
        if self.lines.len() >= self.max {
            self.lines.pop_front();
        }
        let len = self.lines.len();
        if len == self.lines.capacity() {
            self.lines.reserve_exact(GROWTH_MIN.max(len / 4).min(self.max - len));
        }
        self.lines.push_back(line);
    }

    /// The newest lines that a query asks for, newest first.
    pub(super) fn find(&self, query: &EntryQuery) -> Vec<EntryRecord> {
        let newest = self.lines.iter().rev();
        newest.filter(|line| query.wants(line)).take(query.limit).cloned().collect()
    }

    /// When the oldest line was written.
    pub(super) fn oldest(&self) -> Option<WallMillis> {
        self.lines.front().map(|line| line.at)
    }

    /// When lines were written from `from` on, and their outcomes.
    pub(super) fn since(&self, from: WallMillis) -> impl Iterator<Item = (WallMillis, Outcome)> {
        let lines = self.lines.iter().filter(move |line| line.at >= from);
        lines.map(|line| (line.at, line.outcome))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::contract::entries::entry_line;

    #[test]
    fn a_full_list_takes_no_more_than_its_bound() {
        let mut ring = Ring::new(5_000);
        for _ in 0..12_000 {
            ring.push(entry_line());
        }
        assert_eq!((ring.len(), ring.lines.capacity()), (5_000, 5_000));
    }
}
