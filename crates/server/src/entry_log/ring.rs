//! The newest lines, in memory.

use std::collections::VecDeque;

use crate::storage::{EntryQuery, EntryRecord};

/// A bounded list; a new line pushes the oldest one out. Grows only as it is used.
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
        self.lines.push_back(line);
    }

    /// The newest lines that a query asks for, newest first.
    pub(super) fn find(&self, query: &EntryQuery) -> Vec<EntryRecord> {
        let newest = self.lines.iter().rev();
        newest.filter(|line| query.wants(line)).take(query.limit).cloned().collect()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }
}
