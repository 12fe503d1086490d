//! The line in front of a full room: first come, first served.
//!
//! A place number rises with every waiter who joins and is never reused within a room.

use std::collections::{BTreeMap, BTreeSet};

use super::streams::Streams;
use crate::ids::{LoginId, Nonce, UserId};
use crate::maps::Map;
use crate::mutants::{self, Mutant};
use crate::time::Millis;

/// The number of a place in a line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PlaceNo(pub u64);

/// A user who waits for a seat.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Waiter {
    /// Who waits.
    pub user: UserId,
    /// The login that the offer will stand under.
    pub login: LoginId,
    /// The secret half of the ticket that will be offered.
    pub nonce: Nonce,
    /// May be offered a staff seat.
    pub is_staff: bool,
    /// The place; lower goes first.
    pub place: PlaceNo,
    /// When the place was taken.
    pub joined: Millis,
    /// Streams attached; while there is one the place has no deadline.
    pub streams: Streams,
    /// The place is lost at this instant; `None` exactly while a stream is attached.
    pub away_deadline: Option<Millis>,
}

#[derive(Debug, Default)]
pub(super) struct Line {
    waiters: BTreeMap<PlaceNo, Waiter>,
    places: Map<UserId, PlaceNo>,
    staff: BTreeSet<PlaceNo>,
    next: u64,
}

impl Line {
    /// An empty line that has drawn `last` places before.
    pub(super) fn starting_after(last: u64) -> Self {
        Self { next: last, ..Self::default() }
    }

    /// The last place that was drawn; 0 before the first.
    pub(super) fn drawn(&self) -> u64 {
        self.next
    }

    /// The place number that the next to join will get.
    pub(super) fn draw(&mut self) -> PlaceNo {
        self.next += 1;
        PlaceNo(self.next)
    }

    /// Puts a waiter in, in place of what stood there before.
    pub(super) fn put(&mut self, waiter: Waiter) {
        self.places.insert(waiter.user, waiter.place);
        if waiter.is_staff {
            self.staff.insert(waiter.place);
        } else {
            self.staff.remove(&waiter.place);
        }
        self.waiters.insert(waiter.place, waiter);
    }

    pub(super) fn take(&mut self, user: UserId) -> Option<Waiter> {
        let place = self.places.remove(&user)?;
        if mutants::on(Mutant::B24GhostInTheLine) {
            return self.waiters.get(&place).copied();
        }
        self.staff.remove(&place);
        self.waiters.remove(&place)
    }

    pub(super) fn get(&self, user: UserId) -> Option<&Waiter> {
        self.waiters.get(self.places.get(&user)?)
    }

    pub(super) fn head(&self) -> Option<&Waiter> {
        self.waiters.first_key_value().map(|(_, waiter)| waiter)
    }

    pub(super) fn first_staff(&self) -> Option<&Waiter> {
        self.waiters.get(self.staff.first()?)
    }

    /// How many stand in front of `place`; linear in that number, but for the last in the line,
    /// which is where everybody asks first.
    pub(super) fn ahead_of(&self, place: PlaceNo) -> usize {
        match self.waiters.last_key_value() {
            Some((last, _)) if *last == place => self.waiters.len() - 1,
            _ => self.waiters.range(..place).count(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Waiter> {
        self.waiters.values()
    }

    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// Panics unless the three maps agree.
    pub(super) fn check(&self) {
        assert_eq!(self.waiters.len(), self.places.len(), "one place for each waiter");
        for (place, waiter) in &self.waiters {
            assert_eq!(*place, waiter.place, "a waiter stands at its own place");
            assert_eq!(self.places.get(&waiter.user), Some(place), "the place is found by user");
            assert_eq!(self.staff.contains(place), waiter.is_staff, "staff are found by place");
            assert_eq!(
                waiter.streams.is_empty(),
                waiter.away_deadline.is_some(),
                "away iff no stream"
            );
            assert!(place.0 <= self.next, "places are drawn in order");
        }
        assert!(self.staff.iter().all(|place| self.waiters.contains_key(place)));
    }
}
