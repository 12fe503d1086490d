//! A room as plain values: what a store keeps of it, what a model checker hashes, what two
//! strategies are compared by.
//!
//! A store that keeps a room outside this process need not load all of it for one step: a snapshot
//! may hold the slots and waiters that the step can touch, and say in [`Elsewhere`] how many more
//! there are. Which ones a step can touch: the slots and waiters of the users it names, everything
//! whose deadline has passed, and as many waiters from the head as places can become free. A step
//! that names nobody (close, fence) and a pending room need all of it.

use super::line::{Line, Waiter};
use super::permit::Class;
use super::room::{Entering, Lifetime, Room, RoomState};
use super::sitting::Sitting;
use super::slot::{Reservation, Slot, Stay};
use super::{End, RoomSpec};
use crate::ids::{Owner, RoomId, SessionId, UserId};
use crate::mutants::{self, Mutant};
use crate::time::Millis;

/// What of a room was left out of a [`Snapshot`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Elsewhere {
    /// Ordinary slots.
    pub ordinary: usize,
    /// Slots on staff seats.
    pub staff: usize,
    /// Waiters.
    pub waiting: usize,
    /// Entries under way.
    pub entering: usize,
}

/// A slot as plain values.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SlotImage {
    /// Whose it is.
    pub user: UserId,
    /// Which pool the place came from.
    pub class: Class,
    /// The open reservation.
    pub reservation: Option<Reservation>,
    /// Who sits on it.
    pub sitting: Sitting,
    /// The stay, if somebody does.
    pub stay: Option<Stay>,
}

/// An entry between `confirm` and `settle_entry` or `abort`, as plain values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EntryImage {
    /// The connection.
    pub session: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The node that serves it.
    pub owner: Owner,
    /// Why its part is gone already, if it is.
    pub ended: Option<End>,
}

/// What a room is apart from its slots, its line and its entries under way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Header {
    /// The room's number.
    pub id: RoomId,
    /// Which life of the seat store this is.
    pub epoch: u64,
    /// The last grant number that was given in this epoch.
    pub next: u64,
    /// The last place in the line that was given.
    pub next_place: u64,
    /// Seats.
    pub capacity: u32,
    /// How many of them are for staff only.
    pub staff_seats: u32,
    /// Whether it takes people.
    pub state: RoomState,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// For a pending room, when it is forgotten unless somebody entered.
    pub pending_until: Option<Millis>,
    /// Somebody had a seat once.
    pub was_used: bool,
}

impl Header {
    /// The header of a room that was just made.
    #[must_use]
    pub fn new(spec: RoomSpec) -> Self {
        Room::new(spec).header()
    }
}

/// A room, or the part of it that a step can touch, as plain values. Its parts stand in a fixed
/// order, so that equal rooms have equal snapshots.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Snapshot {
    /// Everything but the following.
    pub header: Header,
    /// By user.
    pub slots: Vec<SlotImage>,
    /// From the head.
    pub line: Vec<Waiter>,
    /// By session.
    pub entering: Vec<EntryImage>,
    /// What was left out.
    pub elsewhere: Elsewhere,
}

impl Snapshot {
    /// Brings the parts into their order: whoever read them in another one calls this before
    /// comparing.
    pub fn sort(&mut self) {
        self.slots.sort_by_key(|slot| slot.user);
        self.line.sort_by_key(|waiter| waiter.place);
        self.entering.sort_by_key(|entry| entry.session);
        for slot in &mut self.slots {
            sort(&mut slot.sitting);
        }
    }
}

fn sort(sitting: &mut Sitting) {
    sitting.live.sort_by_key(|part| part.generation);
    for before in sitting.live.iter_mut().filter_map(|part| part.replaced.as_mut()) {
        sort(before);
    }
}

impl Room {
    /// Everything but slots, line and entries under way.
    #[must_use]
    pub fn header(&self) -> Header {
        Header {
            id: self.id,
            epoch: self.epoch,
            next: self.next,
            next_place: self.line.drawn(),
            capacity: self.capacity,
            staff_seats: self.staff_seats,
            state: self.state,
            lifetime: self.lifetime,
            pending_until: self.pending_until,
            was_used: self.was_used,
        }
    }

    /// The room as plain values. Linear in what it holds.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let slots = self.slots.iter().map(|(user, slot)| SlotImage {
            user: *user,
            class: slot.class(),
            reservation: slot.reservation().copied(),
            sitting: slot.sitting.clone(),
            stay: slot.stay,
        });
        let entering = self.entering.iter().map(|(session, entering)| {
            let Entering { user, owner, ended } = *entering;
            EntryImage { session: *session, user, owner, ended }
        });
        let mut snapshot = Snapshot {
            header: self.header(),
            slots: slots.collect(),
            line: self.line.iter().copied().collect(),
            entering: entering.collect(),
            elsewhere: self.elsewhere,
        };
        snapshot.sort();
        snapshot
    }

    /// The room of which `snapshot` was taken. What it says is believed: it must come from
    /// [`Room::snapshot`], by whatever store in between.
    #[must_use]
    pub fn restore(snapshot: Snapshot) -> Self {
        let Snapshot { header, slots, line, entering, elsewhere } = snapshot;
        let mut room = Self::new(RoomSpec {
            id: header.id,
            epoch: header.epoch,
            capacity: header.capacity,
            staff_seats: header.staff_seats,
            lifetime: header.lifetime,
            pending_until: header.pending_until,
        });
        room.next = header.next;
        room.state = header.state;
        room.was_used = header.was_used && !mutants::on(Mutant::B21RestoredAsUnused);
        room.staff_seats = header.staff_seats;
        room.elsewhere = match mutants::on(Mutant::B09ElsewhereNotCounted) {
            true => Elsewhere { ordinary: 0, staff: 0, ..elsewhere },
            false => elsewhere,
        };
        room.line = Line::starting_after(header.next_place);
        for image in slots {
            let mut slot = Slot::new(room.permits.issue(image.class));
            let before = slot.marks();
            slot.reservation = image.reservation.map(Box::new);
            slot.sitting = image.sitting;
            slot.stay = image.stay;
            room.index.slot(image.user, before, slot.marks());
            room.slots.insert(image.user, Box::new(slot));
        }
        for waiter in line {
            room.put_waiter(waiter);
        }
        let entering = entering.into_iter().map(|entry| {
            let EntryImage { session, user, owner, ended } = entry;
            (session, Entering { user, owner, ended })
        });
        room.entering = entering.collect();
        room
    }

    /// Takes the room up in a new life of the seat store, with what is known of it by now: grant
    /// numbers go on in the epoch of `spec`, which is higher than any before.
    pub fn renew(&mut self, spec: &RoomSpec) {
        let fresh = Self::new(*spec);
        if !mutants::on(Mutant::B18EpochStays) {
            self.epoch = fresh.epoch;
        }
        self.next = 0;
        self.capacity = fresh.capacity;
        self.staff_seats = fresh.staff_seats;
        self.lifetime = fresh.lifetime;
        // Who read it as pending may have read it before somebody entered.
        self.pending_until = self.pending_until.and(fresh.pending_until);
    }

    /// How many slots there are, loaded or not.
    pub(super) fn occupancy(&self) -> usize {
        self.slots.len() + self.elsewhere.ordinary + self.elsewhere.staff
    }

    /// How many slots of a class there are, loaded or not.
    pub(super) fn occupancy_of(&self, class: Class) -> usize {
        let elsewhere = match class {
            Class::Ordinary => self.elsewhere.ordinary,
            Class::Staff => self.elsewhere.staff,
        };
        if mutants::on(Mutant::B02UserCountedTwice) {
            let both = |it: &Slot| it.reservation.is_some() && !it.sitting.is_empty();
            let twice = self.slots.values().filter(|it| both(it)).count();
            return self.slots.len() + elsewhere + twice;
        }
        if mutants::on(Mutant::B07DevicesCounted) {
            let parts = self.slots.values().map(|slot| slot.sitting.len().max(1));
            return elsewhere + parts.sum::<usize>();
        }
        self.permits.outstanding(class) + elsewhere
    }

    /// How many wait, loaded or not.
    pub(super) fn waiting(&self) -> usize {
        self.line.len() + self.elsewhere.waiting
    }

    /// Whether the step offered places to every waiter it was given and could have gone on with
    /// more: the caller then loads the next ones and lets the room [`expire`](Room::expire) again.
    #[must_use]
    pub fn wants_more_waiters(&self) -> bool {
        self.state == RoomState::Open
            && self.elsewhere.waiting > 0
            && (self.line.is_empty() && self.free(Class::Ordinary) > 0
                || self.line.first_staff().is_none() && self.free(Class::Staff) > 0)
    }
}
