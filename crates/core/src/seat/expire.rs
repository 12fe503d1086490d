//! Deadlines: what is due goes, in the order of its deadlines, then freed places are offered.

use super::index::Due;
use super::{End, Room, RoomState, Step, WaiterEnd};
use crate::ids::UserId;
use crate::mutants::{self, Mutant};
use crate::time::Millis;

impl Room {
    /// Ends everything whose deadline is not later than `now`. Every other step does this first,
    /// so a sweeper only bounds how late the journal tells it, not who gets a place.
    pub fn expire(&mut self, step: &mut Step<'_>) {
        while let Some((user, due)) = self.index.due(step.now) {
            match due {
                Due::Reservation => self.expire_reservation(step, user),
                Due::Held => self.expire_held(step, user),
                Due::Waiter => {
                    self.take_waiter(step, user, WaiterEnd::Away);
                }
            }
        }
        if mutants::on(Mutant::B24ExpiryWakesNobody) {
            return;
        }
        self.finish(step);
    }

    fn expire_held(&mut self, step: &mut Step<'_>, user: UserId) {
        self.alter(step, user, End::HeldExpired, |slot| slot.sitting.held = None);
    }

    /// When `expire` has something to do next. `None`: nothing until another step.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Millis> {
        let pending = self.pending_until.filter(|_| self.state == RoomState::Open);
        let pending = pending.filter(|_| !self.someone_is_live());
        self.index.first().into_iter().chain(pending).min()
    }
}
