//! The room's indexes: deadlines in order, and which slots count as held or reserved.
//!
//! They repeat what slots and line say, so only `Room::alter` and the line's writers touch them, and
//! `check` compares them with the originals. Sizes of sets stand where counters would drift.

use std::collections::BTreeSet;

use super::slot::{Marks, SlotState};
use crate::ids::UserId;
use crate::maps::Set;
use crate::mutants::{self, Mutant};
use crate::time::Millis;

/// What falls due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Due {
    Reservation,
    Held,
    Waiter,
}

#[derive(PartialEq, Eq, Debug, Default)]
pub(super) struct Index {
    deadlines: BTreeSet<(Millis, UserId, Due)>,
    held: Set<UserId>,
    reserved: Set<UserId>,
}

impl Index {
    /// Replaces what is known of `user`'s slot.
    pub(super) fn slot(&mut self, user: UserId, before: Marks, after: Marks) {
        if before == after {
            return;
        }
        self.deadline(user, Due::Reservation, before.reservation, after.reservation);
        self.deadline(user, Due::Held, before.held, after.held);
        for (state, set) in
            [(SlotState::Held, &mut self.held), (SlotState::Reserved, &mut self.reserved)]
        {
            if after.state == Some(state) {
                set.insert(user);
            } else {
                set.remove(&user);
            }
        }
    }

    /// Replaces one deadline of `user`.
    pub(super) fn deadline(
        &mut self,
        user: UserId,
        due: Due,
        before: Option<Millis>,
        after: Option<Millis>,
    ) {
        if before == after {
            return;
        }
        if let Some(at) = before {
            self.deadlines.remove(&(at, user, due));
        }
        if let Some(at) = after {
            self.deadlines.insert((at, user, due));
        }
    }

    /// The earliest deadline.
    pub(super) fn first(&self) -> Option<Millis> {
        self.deadlines.first().map(|(at, _, _)| *at)
    }

    /// What is due first, if it is due at `now`.
    pub(super) fn due(&self, now: Millis) -> Option<(UserId, Due)> {
        if mutants::on(Mutant::B20DeadlineItselfCounts) {
            return self.deadlines.first().filter(|it| it.0 < now).map(|it| (it.1, it.2));
        }
        self.deadlines.first().filter(|(at, _, _)| *at <= now).map(|&(_, user, due)| (user, due))
    }

    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    pub(super) fn reserved(&self) -> usize {
        self.reserved.len()
    }
}
