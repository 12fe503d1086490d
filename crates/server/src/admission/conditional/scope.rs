//! What of a room has to be loaded for a step, so that a step costs the same in front of a long line
//! and in a large room.
//!
//! The slots and waiters of the users whom the step names, what is due, and as many waiters from the
//! head, and of the staff, as places can become free: those that are free, and one for each slot that
//! is loaded, since no other slot can go. Waiters who are named or due can leave the line without a
//! place, so as many more are loaded. The rest is only counted, and only as far as the step can
//! ask: where nobody waits and no slot is to be made, whether there is any.

use std::collections::HashMap;
use std::net::IpAddr;

use anteroom_core::ids::UserId;
use anteroom_core::limits::WAITLIST_MAX;
use anteroom_core::mutants::{self, Mutant};
use anteroom_core::seat::{Class, Header, RoomSize, RoomState, SlotImage, Snapshot};
use anteroom_core::time::Millis;

/// What a step may touch.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// Whom it names.
    pub(super) users: Vec<UserId>,
    /// All of the room: for steps that name nobody.
    pub(super) whole: bool,
    /// It may make slots for those it names.
    pub(super) adds: bool,
    /// It depends on the length of the line.
    pub(super) joins: bool,
    /// The size it sets.
    pub(super) size: Option<RoomSize>,
}

impl Scope {
    pub(super) fn of(user: UserId) -> Self {
        Self { users: vec![user], ..Self::default() }
    }

    pub(super) fn whole() -> Self {
        Self { whole: true, ..Self::default() }
    }

    /// Whether all of the room is needed: a pending room ends as a whole.
    pub(super) fn wants_all(&self, header: &Header) -> bool {
        self.whole || header.pending_until.is_some() && header.state == RoomState::Open
    }

    /// Whether the exact number of slots matters to a step that was given `slots`.
    pub(super) fn counts_slots(
        &self,
        slots: &[SlotImage],
        someone_waits: bool,
        now: Millis,
    ) -> bool {
        let lacks_one = || {
            let has =
                |user: &UserId| slots.iter().any(|slot| slot.user == *user && !is_due(slot, now));
            !self.users.iter().all(has)
        };
        someone_waits || self.adds && lacks_one()
    }

    /// How far the waiters are counted, of whom `loaded` are loaded: in full only for who joins.
    pub(super) fn counts_waiters_to(&self, loaded: usize) -> usize {
        if self.joins { WAITLIST_MAX.max(loaded) } else { loaded + 1 }
    }

    /// How many places of each class can become free: those that are, and one for each loaded slot.
    /// `taken` counts all slots of the room by class, of which `loaded` are loaded.
    pub(super) fn places_to_come(&self, header: &Header, taken: Taken, loaded: usize) -> Taken {
        // What is overdue is ended, and its place offered, under the size of before.
        let before = RoomSize { capacity: header.capacity, staff_seats: header.staff_seats };
        let after = self.size.unwrap_or(before);
        let after = if mutants::on(Mutant::B24PlacesOfTheSizeBefore) { before } else { after };
        let limit = |class| before.limit(class).max(after.limit(class));
        let of = |limit: u32, taken: usize| (limit as usize + loaded).saturating_sub(taken);
        let in_all = of(before.capacity.max(after.capacity), taken.ordinary + taken.staff);
        let staff = limit(Class::Staff);
        Taken {
            ordinary: of(limit(Class::Ordinary), taken.ordinary).min(in_all),
            staff: if staff > 0 { of(staff, taken.staff).min(in_all) } else { 0 },
        }
    }
}

fn is_due(slot: &SlotImage, now: Millis) -> bool {
    let reservation = slot.reservation.map(|it| it.deadline);
    let held = slot.sitting.held.as_ref().map(|it| it.deadline);
    reservation.into_iter().chain(held).any(|deadline| deadline <= now)
}

/// How many slots, or places, by class.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    pub(super) ordinary: usize,
    pub(super) staff: usize,
}

impl Taken {
    /// Those among `slots`.
    pub(super) fn among(slots: &[SlotImage]) -> Self {
        let staff = slots.iter().filter(|slot| slot.class == Class::Staff).count();
        Self { ordinary: slots.len() - staff, staff }
    }
}

/// What was loaded of a room.
pub(super) struct Loaded {
    pub(super) snapshot: Snapshot,
    /// From where the loaded users asked for their open reservation or place in the line.
    pub(super) addresses: HashMap<UserId, IpAddr>,
}
