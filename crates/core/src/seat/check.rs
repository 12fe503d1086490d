//! The invariants of one room, as assertions. For tests, and for whoever holds the lock in doubt.

use std::collections::HashSet;

use super::index::{Due, Index};
use super::permit::Class;
use super::sitting::Sitting;
use super::slot::{Marks, Slot};
use super::{Room, RoomState};
use crate::ids::{Generation, SessionId, UserId};

impl Room {
    /// Panics unless everything the room repeats agrees with itself. Linear in its size.
    pub fn check(&self) {
        for class in [Class::Ordinary, Class::Staff] {
            let slots = self.slots.values().filter(|slot| slot.class() == class).count();
            assert_eq!(
                self.permits.outstanding(class),
                slots,
                "one {class:?} permit for each slot"
            );
        }
        let mut seen = Seen::default();
        for (user, slot) in &self.slots {
            self.check_slot(*user, slot, &mut seen);
            assert!(self.line.get(*user).is_none(), "nobody both sits and waits");
        }
        let unsettled = self.entering.iter().filter(|(_, entering)| entering.ended.is_none());
        let unsettled: HashSet<SessionId> = unsettled.map(|(session, _)| *session).collect();
        assert_eq!(seen.unsettled, unsettled, "each entry under way has its part");
        self.line.check();
        self.check_indexes();
        self.check_state();
    }

    fn check_slot(&self, user: UserId, slot: &Slot, seen: &mut Seen) {
        assert!(slot.marks().state.is_some(), "a slot exists only with something in it");
        assert_eq!(slot.stay.is_some(), !slot.sitting.is_empty(), "a stay iff somebody sits");
        if let Some(reservation) = &slot.reservation {
            seen.generation(self, reservation.generation);
        }
        if let (Some(stay), Some(youngest)) = (slot.stay, slot.sitting.youngest()) {
            assert!(stay.entered <= youngest, "no part is older than its stay");
        }
        self.check_sitting(user, &slot.sitting, seen);
    }

    fn check_sitting(&self, user: UserId, sitting: &Sitting, seen: &mut Seen) {
        assert!(
            sitting.live.is_empty() || sitting.held.is_none(),
            "live and held exclude each other"
        );
        if let Some(held) = &sitting.held {
            seen.generation(self, held.generation);
        }
        for part in &sitting.live {
            seen.generation(self, part.generation);
            assert!(seen.sessions.insert(part.session), "a session has one part");
            if let Some(before) = &part.replaced {
                seen.unsettled.insert(part.session);
                let entering = self.entering.get(&part.session);
                assert!(entering.is_some_and(|it| it.user == user && it.owner == part.owner));
                self.check_sitting(user, before, seen);
            }
        }
    }

    fn check_indexes(&self) {
        let mut expected = Index::default();
        for (user, slot) in &self.slots {
            expected.slot(*user, Marks::default(), slot.marks());
        }
        for waiter in self.line.iter() {
            expected.deadline(waiter.user, Due::Waiter, None, waiter.away_deadline);
        }
        assert_eq!(self.index, expected, "the indexes repeat what slots and line say");
    }

    fn check_state(&self) {
        if self.state == RoomState::Open {
            assert_eq!(self.next_to_seat(), None, "no place is free while somebody waits for it");
        } else {
            assert!(self.slots.is_empty() && self.line.is_empty(), "a closed room has nobody");
        }
        if self.state == RoomState::Gone {
            assert!(self.entering.is_empty(), "nothing refers to a room that is gone");
        }
        if self.pending_until.is_some() {
            let settled = |slot: &Slot| {
                slot.sitting.held.is_some() || slot.sitting.live.iter().any(super::Part::is_settled)
            };
            assert!(
                !self.slots.values().any(|slot| settled(slot)),
                "nobody has entered a pending room"
            );
        }
    }
}

#[derive(Default)]
struct Seen {
    generations: HashSet<Generation>,
    sessions: HashSet<SessionId>,
    unsettled: HashSet<SessionId>,
}

impl Seen {
    fn generation(&mut self, room: &Room, generation: Generation) {
        let last = Generation { epoch: room.epoch, n: room.next };
        assert!(generation <= last, "generations are drawn in order");
        assert!(self.generations.insert(generation), "a generation is used once");
    }
}
