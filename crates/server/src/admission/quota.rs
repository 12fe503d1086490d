//! How many reservations and places in lines one user, and one address, may hold over all rooms.
//!
//! The bound is checked and the place taken in one step, so parallel requests cannot pass it
//! together. A place is given back when the journal tells that the reservation ended in any way.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::PoisonError;

use anteroom_core::ids::{RoomId, UserId};
use anteroom_core::maps::{Map, Set};
use anteroom_core::mutants::{self, Mutant};
use anteroom_core::seat::{Change, End, WaiterEnd};

use crate::sync::{Mutex, MutexGuard};

/// The bounds in force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Per user.
    pub(crate) per_user: usize,
    /// Per address; `None` switches it off.
    pub(crate) per_address: Option<usize>,
}

/// Which bound was reached.
#[derive(Debug)]
pub(super) enum Exceeded {
    User(Vec<RoomId>),
    Address,
}

#[derive(Debug, Default)]
struct Open {
    rooms: Map<UserId, BTreeSet<RoomId>>,
    addresses: Map<IpAddr, Set<(RoomId, UserId)>>,
    address_of: Map<(RoomId, UserId), IpAddr>,
}

/// The open reservations of everyone. The mutex is a leaf.
#[derive(Debug)]
pub(super) struct Quota {
    bounds: Bounds,
    open: Mutex<Open>,
}

impl Quota {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, open: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place. `Ok(true)` when it was taken now, `Ok(false)` when the user had it already.
    pub(super) fn take(
        &self,
        room: RoomId,
        user: UserId,
        address: Option<IpAddr>,
    ) -> Result<bool, Exceeded> {
        let mut open = self.lock();
        if let Some(rooms) = open.rooms.get(&user) {
            if rooms.contains(&room) {
                return Ok(false);
            }
            if rooms.len() >= self.bounds.per_user {
                return Err(Exceeded::User(rooms.iter().copied().collect()));
            }
        }
        if let (Some(address), Some(max)) = (address, self.bounds.per_address) {
            let held = open.addresses.entry(address).or_default();
            if held.len() >= max {
                return Err(Exceeded::Address);
            }
            held.insert((room, user));
            open.address_of.insert((room, user), address);
        }
        open.rooms.entry(user).or_default().insert(room);
        Ok(true)
    }

    /// Gives a place back; harmless when there is none.
    pub(super) fn give_back(&self, room: RoomId, user: UserId) {
        let mut open = self.lock();
        if let Some(rooms) = open.rooms.get_mut(&user) {
            rooms.remove(&room);
            if rooms.is_empty() {
                open.rooms.remove(&user);
            }
        }
        if let Some(address) = open.address_of.remove(&(room, user))
            && let Some(held) = open.addresses.get_mut(&address)
        {
            if !mutants::on(Mutant::B22QuotaKept) {
                held.remove(&(room, user));
            }
            if held.is_empty() {
                open.addresses.remove(&address);
            }
        }
    }

    /// Follows the journal, in its order: a reservation that expired and was made anew in one step
    /// ends up counted. Offers count too, so that nobody hoards through the line.
    pub(super) fn follow(&self, room: RoomId, change: &Change) {
        match change {
            Change::Reserved { user, .. } | Change::Offered { user, .. } => {
                let mut open = self.lock();
                open.rooms.entry(*user).or_default().insert(room);
            }
            // Another reservation, or a seat past the line, follows in the same step.
            Change::Dropped { cause: End::Superseded, .. }
            | Change::WaiterGone { cause: WaiterEnd::Seated, .. } => {}
            Change::Expired { user, .. }
            | Change::Dropped { user, .. }
            | Change::Entered { user, .. }
            | Change::WaiterGone { user, .. } => self.give_back(room, *user),
            _ => {}
        }
    }

    /// How many reservations are open in all.
    #[cfg(test)]
    pub(super) fn open_count(&self) -> usize {
        self.lock().rooms.values().map(BTreeSet::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use anteroom_core::ids::Generation;
    use anteroom_core::seat::ExpiredOutcome;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn bug_b22_the_fourth_open_reservation_is_refused_and_an_expired_one_makes_room() {
        let quota = Quota::new(Bounds { per_user: 3, per_address: Some(4) });
        let (user, address) = (UserId(Uuid::from_u128(1)), Some(IpAddr::from([127, 0, 0, 1])));
        for room in 1..=3 {
            assert!(quota.take(RoomId(room), user, address).unwrap());
        }
        assert!(!quota.take(RoomId(2), user, address).unwrap(), "asking again takes no second");
        assert!(
            matches!(quota.take(RoomId(4), user, address), Err(Exceeded::User(r)) if r.len() == 3)
        );
        let expired = Change::Expired {
            user,
            generation: Generation { epoch: 1, n: 1 },
            outcome: ExpiredOutcome::NeverConnected,
            offered: false,
        };
        quota.follow(RoomId(1), &expired);
        assert!(quota.take(RoomId(4), user, address).unwrap());
        let other = UserId(Uuid::from_u128(2));
        assert!(quota.take(RoomId(1), other, address).unwrap());
        assert!(matches!(quota.take(RoomId(2), other, address), Err(Exceeded::Address)));
        for room in 1..=4 {
            quota.give_back(RoomId(room), user);
            quota.give_back(RoomId(room), other);
        }
        assert_eq!(quota.open_count(), 0);
        assert!(quota.lock().addresses.is_empty() && quota.lock().address_of.is_empty());
    }
}
