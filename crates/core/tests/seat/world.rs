//! Drives the ledger and the model through one history, compares them after every step, and holds
//! the ledger to properties that need no model.

use std::collections::{BTreeMap, BTreeSet};

use anteroom_core::ids::{Generation, ResumeHash, RoomId, SessionId, UserId};
use anteroom_core::seat::{
    Change, Class, Entry, PartRef, PlaceNo, Reservation, Room, RoomSpec, Terms,
};
use anteroom_core::time::Millis;

use crate::model::Model;
use crate::ops::{Op, Timed, Twist};

pub(crate) struct World {
    pub(crate) room: Room,
    pub(crate) model: Model,
    pub(crate) terms: Terms,
    pub(crate) now: Millis,
    pub(crate) minted: u128,
    pub(crate) tickets: Vec<(UserId, Reservation)>,
    pub(crate) parts: Vec<(PartRef, ResumeHash)>,
    pub(crate) entries: Vec<SessionId>,
    pub(crate) streams: Vec<(UserId, PlaceNo)>,
    open_stays: BTreeSet<(UserId, Generation)>,
}

impl World {
    pub(crate) fn new(spec: RoomSpec, terms: Terms) -> Self {
        Self {
            room: Room::new(spec),
            model: Model::new(spec, terms),
            terms,
            now: Millis(0),
            minted: 1_000,
            tickets: vec![],
            parts: vec![],
            entries: vec![],
            streams: vec![],
            open_stays: BTreeSet::new(),
        }
    }

    pub(crate) fn spec(capacity: u32, staff_seats: u32) -> RoomSpec {
        RoomSpec {
            id: RoomId(101),
            epoch: 7,
            capacity,
            staff_seats,
            lifetime: anteroom_core::seat::Lifetime::Persistent,
            pending_until: None,
        }
    }

    pub(crate) fn mint(&mut self) -> u128 {
        self.minted += 1;
        self.minted
    }

    pub(crate) fn step(&mut self, timed: &Timed) {
        self.now = Millis(self.now.0 + timed.after_ms);
        self.model.now = self.now;
        if timed.expire_first {
            self.observed(&Op::Expire);
        }
        let before = self.room.snapshot();
        let refused = self.observed(&timed.op);
        if refused && timed.expire_first {
            assert_eq!(before, self.room.snapshot(), "a refused step changes nothing");
        }
    }

    /// Ends everything: what is under way is answered, streams end, and time passes.
    pub(crate) fn drain(&mut self) {
        while !self.entries.is_empty() {
            let op = if self.minted.is_multiple_of(2) {
                Op::Settle { entry: 0 }
            } else {
                Op::Abort { entry: 0 }
            };
            self.mint();
            self.observed(&op);
        }
        while !self.streams.is_empty() {
            self.observed(&Op::StreamLost { stream: 0 });
        }
        for session in 0..self.parts.len() {
            self.observed(&Op::Close { session, twist: Twist::None, clean: false });
        }
        // An offer at the far end of one wait starts a deadline of its own.
        for _ in 0..20 {
            self.now = Millis(self.now.0 + 10_000);
            self.model.now = self.now;
            self.observed(&Op::Expire);
        }
        assert_eq!(self.room.slots().count(), 0, "no seat leaks");
        assert_eq!(self.room.waiters().count(), 0, "no waiter leaks");
        assert_eq!(self.room.entries_under_way(), 0, "no entry leaks");
        assert_eq!(self.room.next_deadline(), None, "nothing is left to come");
        assert_eq!(self.open_stays, BTreeSet::new(), "every stay was returned");
    }

    fn observed(&mut self, op: &Op) -> bool {
        let mut journal = vec![];
        let line = self.room.waiters().map(|waiter| (waiter.user, waiter.place)).collect();
        let slots = self.room.slots().map(|(user, _)| user).collect();
        let capacity = self.room.seats().capacity;
        let refused = self.apply(op, &mut journal);
        self.room.check();
        self.goes_through_a_snapshot();
        self.compare(&journal);
        self.no_seat_beyond_capacity(&slots, capacity);
        self.nobody_overtakes(&line, &slots);
        self.stays_return_once(&journal);
        refused
    }

    /// Every history goes on with a room that was taken to plain values and back.
    fn goes_through_a_snapshot(&mut self) {
        let snapshot = self.room.snapshot();
        self.room = Room::restore(snapshot.clone());
        self.room.check();
        assert_eq!(self.room.snapshot(), snapshot, "a snapshot holds all there is of a room");
    }

    /// In force is the capacity before the step (for what lazy expiry frees) or the one after it.
    fn no_seat_beyond_capacity(&self, before: &BTreeSet<UserId>, capacity: u32) {
        if self.room.slots().any(|(user, _)| !before.contains(&user)) {
            let capacity = self.room.seats().capacity.max(capacity);
            assert!(
                self.room.slots().count() <= capacity as usize,
                "a seat was added beyond the capacity"
            );
        }
    }

    /// Whoever got an ordinary place in this step left nobody behind who had stood in front.
    fn nobody_overtakes(&self, line: &BTreeMap<UserId, PlaceNo>, before: &BTreeSet<UserId>) {
        let seated = self
            .room
            .slots()
            .filter(|(user, slot)| slot.class() == Class::Ordinary && !before.contains(user));
        for (user, _) in seated {
            let own = line.get(&user).copied().unwrap_or(PlaceNo(u64::MAX));
            let mut behind = self.room.waiters().filter(|waiter| line.contains_key(&waiter.user));
            assert!(behind.all(|waiter| own < waiter.place), "{user:?} overtook somebody");
        }
    }

    fn stays_return_once(&mut self, journal: &[Change]) {
        for change in journal {
            match *change {
                Change::Entered { user, generation, entry: Entry::First, .. } => {
                    assert!(self.open_stays.insert((user, generation)), "a stay begins once");
                }
                Change::Returned { user, entered, .. } => {
                    assert!(self.open_stays.remove(&(user, entered)), "a stay returns once");
                }
                Change::Offered { user, reservation } => self.tickets.push((user, reservation)),
                _ => {}
            }
        }
        let seats = self.room.seats();
        assert_eq!(self.open_stays.len(), (seats.occupied + seats.held) as usize);
        assert_eq!(self.room.members().count(), self.open_stays.len());
    }

    fn compare(&mut self, journal: &[Change]) {
        let sorted = |changes: &[Change]| {
            let mut all: Vec<String> = changes.iter().map(|it| format!("{it:?}")).collect();
            all.sort();
            all
        };
        let told = std::mem::take(&mut self.model.journal);
        assert_eq!(sorted(journal), sorted(&told), "the same was journalled");
        assert_eq!(self.room.state(), self.model.state);
        assert_eq!(self.room.seats(), self.model.seats());
        assert_eq!(self.room.next_deadline(), self.model.next_deadline());
        assert_eq!(self.room.pending_until(), self.model.spec.pending_until);
        assert_eq!(self.room.entries_under_way(), self.model.entering.len());
        assert_eq!(self.room.waiters().copied().collect::<Vec<_>>(), self.model.line);
        assert_eq!(self.room.slots().count(), self.model.seats.len());
        for seat in &self.model.seats {
            let slot = self.room.slot(seat.user).unwrap();
            assert_eq!(slot.class(), seat.class);
            assert_eq!(slot.stay(), seat.stay.as_ref());
            assert_eq!(slot.reservation().copied(), self.model.reservation(seat.user));
            assert_eq!(slot.held().copied(), self.model.held(seat.user));
            let mut live: Vec<_> = slot.parts().iter().collect();
            live.sort_by_key(|part| part.generation);
            let live: Vec<_> = live
                .into_iter()
                .map(|it| {
                    (
                        Some(it.session),
                        it.generation,
                        it.login,
                        it.owner,
                        (it.resume, it.former),
                        it.is_settled(),
                    )
                })
                .collect();
            let mut rows = self.model.top(seat.user);
            rows.retain(|row| row.session.is_some());
            rows.sort_by_key(|row| row.generation);
            let rows: Vec<_> = rows
                .into_iter()
                .map(|it| {
                    let secrets = (it.resume, it.former);
                    (it.session, it.generation, it.login, it.owner, secrets, it.settled)
                })
                .collect();
            assert_eq!(live, rows);
        }
    }
}
