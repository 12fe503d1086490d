//! What a step is given from outside: the time, the policy values, and the journal to write to.

use std::time::Duration;

use super::Change;
use crate::time::Millis;

/// How many sessions one user may have, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionPolicy {
    /// One session over all rooms; [`crate::place::Places`] keeps the record across rooms.
    One,
    /// One session in each room.
    OnePerRoom,
    /// So many sessions in each room, on one seat; 0 is read as 1.
    Many(u32),
}

impl SessionPolicy {
    /// How many live parts one slot may have; at least 1.
    #[must_use]
    pub fn parts_per_slot(self) -> usize {
        match self {
            Self::One | Self::OnePerRoom => 1,
            Self::Many(n) => usize::try_from(n.max(1)).unwrap_or(usize::MAX),
        }
    }
}

/// What becomes of an arrival without the current resume secret, when the user has as many live
/// parts already as the policy allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Arrivals {
    /// It takes the seat over, and the oldest part gives way.
    #[default]
    ReplaceOld,
    /// It is refused. A held seat can still be taken over, for nobody is there.
    RefuseNew,
}

/// The policy values of the ledger. The defaults are those of the product.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Life of a reservation that was asked for; more than zero.
    pub reservation_ttl: Duration,
    /// Life of a reservation offered to a waiter; more than zero.
    pub offer_ttl: Duration,
    /// How long a seat is held after an unclean close; zero gives it back at once.
    pub grace: Duration,
    /// How long a waiter without a stream keeps the place in the line; more than zero.
    pub waiter_ttl: Duration,
    /// How many sessions a user may have.
    pub sessions: SessionPolicy,
    /// Who wins when there is one session too many.
    pub arrivals: Arrivals,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            reservation_ttl: Duration::from_secs(120),
            offer_ttl: Duration::from_secs(30),
            grace: Duration::from_secs(10),
            waiter_ttl: Duration::from_secs(30),
            sessions: SessionPolicy::One,
            arrivals: Arrivals::ReplaceOld,
        }
    }
}

/// One step of the ledger: when it happens, under which terms, and where it reports.
#[derive(Debug)]
pub struct Step<'a> {
    /// The instant of the step, never earlier than that of the step before it.
    pub now: Millis,
    /// The policy values in force.
    pub terms: &'a Terms,
    /// What happened is pushed here, in order; a step never removes from it.
    pub journal: &'a mut Vec<Change>,
}

impl<'a> Step<'a> {
    /// A step at `now` under `terms` that reports to `journal`.
    pub fn new(now: Millis, terms: &'a Terms, journal: &'a mut Vec<Change>) -> Self {
        Self { now, terms, journal }
    }

    pub(super) fn tell(&mut self, change: Change) {
        self.journal.push(change);
    }
}
