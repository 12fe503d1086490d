//! A slot: all that one user has in one room, counted as one place.
//!
//! It exists exactly as long as it has a reservation, a live part or a held part. Whatever the
//! indexes or the stay depend on is changed through one function only, `Room::alter`.

use super::permit::{Class, Permit};
use super::sitting::{Held, Part, Sitting};
use crate::ids::{Generation, LoginId, Nonce};
use crate::limits::ATTEMPTS_MAX;
use crate::time::Millis;

/// A seat counted for a user until a deadline.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Reservation {
    /// The grant number; the part that is confirmed from it has the same.
    pub generation: Generation,
    /// The secret half of the ticket.
    pub nonce: Nonce,
    /// The login it stands under.
    pub login: LoginId,
    /// It can be confirmed before this instant, and is reclaimed at it.
    pub deadline: Millis,
    /// When it was made.
    pub since: Millis,
    /// Attempts to connect that were seen, up to [`ATTEMPTS_MAX`].
    pub attempts: u32,
    /// It was offered to a waiter.
    pub offered: bool,
}

impl Reservation {
    pub(super) fn count_attempt(&mut self) {
        self.attempts = self.attempts.saturating_add(1).min(ATTEMPTS_MAX);
    }
}

/// What a slot counts as.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SlotState {
    /// At least one live part.
    Occupied,
    /// A held part.
    Held,
    /// Nothing but a reservation.
    Reserved,
}

/// From the first entry of a user until no part is live or held any more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Stay {
    /// The generation of the first entry.
    pub entered: Generation,
    /// When that was.
    pub since: Millis,
    /// An entry of the stay was settled: it is recorded, and the others may be told of it.
    pub settled: bool,
}

/// One user's place in one room.
#[derive(Debug)]
pub struct Slot {
    /// Apart, as a held part is: whoever just sits there, as nearly everybody does, has none.
    pub(super) reservation: Option<Box<Reservation>>,
    pub(super) sitting: Sitting,
    pub(super) stay: Option<Stay>,
    permit: Permit,
}

impl Slot {
    pub(super) fn new(permit: Permit) -> Self {
        Self { reservation: None, sitting: Sitting::default(), stay: None, permit }
    }

    /// Who sits on it, entries under way included.
    #[must_use]
    pub fn sitting(&self) -> &Sitting {
        &self.sitting
    }

    /// The open reservation.
    #[must_use]
    pub fn reservation(&self) -> Option<&Reservation> {
        self.reservation.as_deref()
    }

    /// The live parts, in no particular order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.sitting.live
    }

    /// The held part; never together with a live one.
    #[must_use]
    pub fn held(&self) -> Option<&Held> {
        self.sitting.held.as_deref()
    }

    /// The stay, if a part is live or held.
    #[must_use]
    pub fn stay(&self) -> Option<&Stay> {
        self.stay.as_ref()
    }

    /// Which pool the place came from.
    #[must_use]
    pub fn class(&self) -> Class {
        self.permit.class()
    }

    pub(super) fn marks(&self) -> Marks {
        let held = self.sitting.held.as_ref().map(|held| held.deadline);
        let reservation = self.reservation.as_ref().map(|it| it.deadline);
        let state = if !self.sitting.live.is_empty() {
            Some(SlotState::Occupied)
        } else if held.is_some() {
            Some(SlotState::Held)
        } else {
            reservation.map(|_| SlotState::Reserved)
        };
        Marks { state, reservation, held }
    }
}

/// What the room's indexes hold of a slot. `state: None` is a slot that is about to go.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Marks {
    pub(super) state: Option<SlotState>,
    pub(super) reservation: Option<Millis>,
    pub(super) held: Option<Millis>,
}
