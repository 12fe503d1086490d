//! Attempts that have no outcome yet, and the last ones that have.
//!
//! Journals of different requests are applied in any order, so the end of an attempt may be told
//! before its beginning. An end is therefore taken also for an attempt nobody knows (one of another
//! node or of an earlier life is such a one), and the last ends are remembered, so that a beginning
//! which comes late begins nothing and a second end ends nothing.
//!
//! Bounded: an attempt is forgotten when its reservation can stand no longer, also when the journal
//! that told of its end was lost together with the answer of a seat store.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use anteroom_core::ids::{Generation, RoomId};
use anteroom_core::time::Millis;

use super::Grant;

/// Ends that are remembered. Late news is late by the time that a task takes to be run.
const ENDED_MAX: usize = 4_096;
/// How long an entry may be under way after its reservation's last moment.
const UNDER_WAY_MAX: Duration = Duration::from_secs(60);
/// How often is looked for what can be forgotten.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What is known of an attempt before its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) takeover: bool,
    pub(super) offered: bool,
    pub(super) decision: Option<Duration>,
    pub(super) attempts: u32,
}

type Key = (RoomId, Generation);

pub(super) struct Attempts {
    open: HashMap<Key, (Known, Millis)>,
    ended: HashSet<Key>,
    order: VecDeque<Key>,
    forget_after: Duration,
    looked: Millis,
}

impl Attempts {
    /// `reservation_max`: no reservation stands longer.
    pub(super) fn new(reservation_max: Duration) -> Self {
        Self {
            open: HashMap::new(),
            ended: HashSet::new(),
            order: VecDeque::new(),
            forget_after: reservation_max.saturating_add(UNDER_WAY_MAX),
            looked: Millis(0),
        }
    }

    /// An attempt begins, unless it is known to have ended.
    pub(super) fn begin(&mut self, grant: Grant, known: Known, now: Millis) {
        self.forget(now);
        let key = (grant.room, grant.generation);
        if !self.ended.contains(&key) {
            self.open.entry(key).or_insert((known, now));
        }
    }

    /// More is known of an attempt. It may be one that began elsewhere.
    pub(super) fn learn(&mut self, grant: Grant, more: Known, now: Millis) {
        self.begin(grant, more, now);
        if let Some((known, _)) = self.open.get_mut(&(grant.room, grant.generation)) {
            known.takeover = more.takeover;
            known.offered |= more.offered;
            known.decision = more.decision.or(known.decision);
        }
    }

    /// The ticket was presented.
    pub(super) fn connecting(&mut self, grant: Grant, now: Millis) {
        self.begin(grant, Known::default(), now);
        if let Some((known, _)) = self.open.get_mut(&(grant.room, grant.generation)) {
            known.attempts = known.attempts.saturating_add(1);
        }
    }

    /// Ends an attempt: what is known of it, or `None` when it had ended before.
    pub(super) fn end(&mut self, grant: Grant) -> Option<Known> {
        let key = (grant.room, grant.generation);
        if !self.ended.insert(key) {
            return None;
        }
        self.order.push_back(key);
        if self.order.len() > ENDED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ended.remove(&oldest);
        }
        Some(self.open.remove(&key).map(|(known, _)| known).unwrap_or_default())
    }

    fn forget(&mut self, now: Millis) {
        if now < self.looked.after(LOOK_EVERY) {
            return;
        }
        self.looked = now;
        let forget_after = self.forget_after;
        self.open.retain(|_, (_, since)| now < since.after(forget_after));
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize, usize) {
        (self.open.len(), self.ended.len(), self.order.len())
    }
}
