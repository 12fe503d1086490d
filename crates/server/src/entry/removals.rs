//! Removals that could not be made yet, and the door that is shut for those they concern.
//!
//! A kick ends what its user has in a room, whatever that is by then. Repeated until the seat store
//! answers, it would also end what the user came back to meanwhile. So nobody comes back meanwhile:
//! from the first attempt that failed to the one that was answered, the door of that room is shut for
//! that user. What is asked for after it has opened again, no repeat can reach.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anteroom_core::ids::{RoomId, UserId};

use crate::admission::Unavailable;

/// How many removals of a user from a room are outstanding: no more than there are duties.
type Outstanding = HashMap<(RoomId, UserId), usize>;

/// The outstanding removals of this node.
#[derive(Clone, Default)]
pub(crate) struct Removals(Arc<Mutex<Outstanding>>);

impl Removals {
    /// Shuts the door until the answer is dropped.
    pub(super) fn shut(&self, room: RoomId, user: UserId) -> Shut {
        *self.lock().entry((room, user)).or_default() += 1;
        Shut { removals: self.clone(), whom: (room, user) }
    }

    /// # Errors
    /// The door is shut: what the user asks for now would be ended by the removal.
    pub(super) fn door_is_open(&self, room: RoomId, user: UserId) -> Result<(), Unavailable> {
        match self.lock().contains_key(&(room, user)) {
            true => Err(Unavailable("a removal of the user is still outstanding".into())),
            false => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Outstanding> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A door that is shut.
pub(super) struct Shut {
    removals: Removals,
    whom: (RoomId, UserId),
}

impl Drop for Shut {
    fn drop(&mut self) {
        let mut outstanding = self.removals.lock();
        if let Some(left) = outstanding.get_mut(&self.whom) {
            *left -= 1;
            if *left == 0 {
                outstanding.remove(&self.whom);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_door_opens_with_the_last_removal_and_is_shut_for_nobody_else() {
        let (room, user) = (RoomId(1), UserId(Uuid::from_u128(1)));
        let removals = Removals::default();
        let one = removals.shut(room, user);
        let other = removals.shut(room, user);
        drop(one);
        assert!(removals.door_is_open(room, user).is_err());
        assert!(removals.door_is_open(RoomId(2), user).is_ok());
        assert!(removals.door_is_open(room, UserId(Uuid::from_u128(2))).is_ok());
        drop(other);
        assert!(removals.door_is_open(room, user).is_ok());
        assert!(removals.lock().is_empty());
    }
}
