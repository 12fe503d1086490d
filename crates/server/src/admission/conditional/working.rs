//! A room, or the loaded part of it, while a verb works on it.

use std::collections::HashMap;
use std::net::IpAddr;

use anteroom_core::ids::{Generation, UserId};
use anteroom_core::seat::{Change, End, Room, RoomState, Snapshot, Step, Terms, WaiterEnd};
use anteroom_core::time::Millis;

use super::difference::Difference;
use super::scope::Loaded;
use super::transaction::{Fault, Fetched};

/// The ledger in memory, and what the database holds of it.
pub(super) struct Working {
    pub(super) room: Room,
    /// As the database has it.
    stored: Snapshot,
    addresses: HashMap<UserId, IpAddr>,
    /// A step was run on it, so free places were offered.
    has_stepped: bool,
    /// Stays that ended and whose places are still to be forgotten.
    pub(super) stays_ended: Vec<(UserId, Generation)>,
}

impl Working {
    pub(super) fn new(loaded: Loaded) -> Self {
        let Loaded { snapshot, addresses } = loaded;
        let room = Room::restore(snapshot.clone());
        Self { room, stored: snapshot, addresses, has_stepped: false, stays_ended: Vec::new() }
    }

    /// Runs a step and answers what it changed as well.
    pub(super) fn act<R>(
        &mut self,
        now: Millis,
        terms: &Terms,
        step: impl FnOnce(&mut Room, &mut Step<'_>) -> R,
    ) -> (R, Vec<Change>) {
        let mut changes = Vec::new();
        let answer = step(&mut self.room, &mut Step::new(now, terms, &mut changes));
        self.has_stepped = true;
        changes.iter().for_each(|change| self.follow(change));
        (answer, changes)
    }

    /// From where the user's next reservation or place in the line is asked for.
    pub(super) fn asked_from(&mut self, user: UserId, address: Option<IpAddr>) {
        match address {
            Some(address) => self.addresses.insert(user, address),
            None => self.addresses.remove(&user),
        };
    }

    fn follow(&mut self, change: &Change) {
        match change {
            // Another reservation, or a seat past the line, follows in the same step.
            Change::Dropped { cause: End::Superseded, .. }
            | Change::WaiterGone { cause: WaiterEnd::Seated, .. } => {}
            Change::Expired { user, .. }
            | Change::Dropped { user, .. }
            | Change::Entered { user, .. }
            | Change::WaiterGone { user, .. } => {
                self.addresses.remove(user);
            }
            Change::Returned { user, last, .. } => self.stays_ended.push((*user, *last)),
            _ => {}
        }
    }

    /// What is to be written, which from now on counts as written.
    ///
    /// # Errors
    /// A step that offered places to all waiters it was given, while more of them wait: then too
    /// little was loaded, and the order of the line may have been broken.
    pub(super) fn difference(&mut self) -> Fetched<Difference> {
        let after = self.room.snapshot();
        let starved = self.has_stepped
            && after.header.state == RoomState::Open
            && after.elsewhere.waiting > 0
            && after.line.is_empty()
            && self.room.seats().free > 0;
        if starved {
            return Err(Fault::Broken(format!("too little of room {}'s line", after.header.id)));
        }
        let address = |user: UserId| self.addresses.get(&user).copied();
        let difference = Difference::between(&self.stored, &after, address);
        self.stored = after;
        Ok(difference)
    }

    /// Whether all of the room is loaded.
    pub(super) fn is_whole(&self) -> bool {
        self.stored.elsewhere == anteroom_core::seat::Elsewhere::default()
    }

    /// Works on from other values: what differs from the database will be written.
    pub(super) fn replace(&mut self, snapshot: Snapshot) {
        self.room = Room::restore(snapshot);
    }
}
