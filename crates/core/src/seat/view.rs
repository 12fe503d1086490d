//! What can be asked of a room without changing it.

use super::permit::Class;
use super::reserve::{ReserveRefusal, Reserved};
use super::resume::ResumeMatch;
use super::room::{Lifetime, Room, RoomState};
use super::slot::{Slot, SlotState, Stay};
use super::terms::{Arrivals, Terms};
use crate::ids::{Generation, ResumeHash, RoomId, UserId};
use crate::time::Millis;

/// The seats of a room at one instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seats {
    /// How many there are.
    pub capacity: u32,
    /// Slots with a live part.
    pub occupied: u32,
    /// Slots with nothing but a reservation.
    pub reserved: u32,
    /// Slots with a held part.
    pub held: u32,
    /// Ordinary places that could be given; what is free to staff only is not counted.
    pub free: u32,
    /// Users in the line.
    pub waiting: u32,
    /// The staff seats, in a room that has some.
    pub staff: Option<StaffSeats>,
}

/// The staff seats of a room at one instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StaffSeats {
    /// How many there are.
    pub capacity: u32,
    /// How many of them are taken, in whatever state.
    pub taken: u32,
}

/// A user who sits in the room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// The grant number of the first entry of the stay.
    pub entered: Generation,
    /// Since that entry.
    pub since: Millis,
    /// False while the first entry is still under way: nobody is to be told of it yet.
    pub settled: bool,
    /// Live or held; never reserved.
    pub state: SlotState,
}

impl Room {
    /// The room's number.
    #[must_use]
    pub fn id(&self) -> RoomId {
        self.id
    }

    /// Whether the room takes people.
    #[must_use]
    pub fn state(&self) -> RoomState {
        self.state
    }

    /// How long the room lives.
    #[must_use]
    pub fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// When the room is forgotten unless somebody enters; `None` once it is open.
    #[must_use]
    pub fn pending_until(&self) -> Option<Millis> {
        self.pending_until
    }

    /// The seats as of the last step. Costs the same in a large room as in a small one. Slots that
    /// a restored room was not given count as occupied.
    #[must_use]
    pub fn seats(&self) -> Seats {
        let (held, reserved) = (self.index.held(), self.index.reserved());
        let staff = self.limit(Class::Staff);
        Seats {
            capacity: self.capacity,
            occupied: count(self.occupancy() - held - reserved),
            reserved: count(reserved),
            held: count(held),
            free: count(self.free(Class::Ordinary)),
            waiting: count(self.waiting()),
            staff: (self.staff_seats > 0).then(|| StaffSeats {
                capacity: count(staff),
                taken: count(self.occupancy_of(Class::Staff)),
            }),
        }
    }

    /// Those who sit here, in no particular order.
    pub fn members(&self) -> impl Iterator<Item = Member> {
        self.slots.iter().filter_map(|(user, slot)| {
            let state = slot.marks().state?;
            let Stay { entered, since, settled } = slot.stay?;
            Some(Member { user: *user, entered, since, settled, state })
        })
    }

    /// Every slot, for an administrator's view.
    pub fn slots(&self) -> impl Iterator<Item = (UserId, &Slot)> {
        self.slots.iter().map(|(user, slot)| (*user, &**slot))
    }

    /// The slot of one user.
    #[must_use]
    pub fn slot(&self, user: UserId) -> Option<&Slot> {
        self.slots.get(&user).map(|slot| &**slot)
    }

    /// Whether the user has a live or held part here.
    #[must_use]
    pub fn is_seated(&self, user: UserId) -> bool {
        self.slots.get(&user).is_some_and(|slot| !slot.sitting.is_empty())
    }

    /// The user's reservation, if its deadline is later than `now`.
    #[must_use]
    pub fn standing(&self, user: UserId, now: Millis) -> Option<Reserved> {
        let slot = self.slots.get(&user)?;
        let reservation = slot.reservation().copied().filter(|it| now < it.deadline)?;
        Some(Reserved { user, reservation, takeover: !slot.sitting.is_empty(), fresh: false })
    }

    /// Under the policy `one`: what this room, where the user sits, says of the same user's arrival
    /// in another one. The resume rule holds across rooms, and so does who wins.
    ///
    /// # Errors
    /// [`ReserveRefusal::Replaced`] for a secret that is not current here,
    /// [`ReserveRefusal::AlreadySeated`] where newcomers are refused and the user is live here.
    pub fn lets_move(
        &self,
        user: UserId,
        presented: Option<&ResumeHash>,
        terms: &Terms,
    ) -> Result<(), ReserveRefusal> {
        let Some(sitting) = self.slots.get(&user).map(|slot| &slot.sitting) else { return Ok(()) };
        match presented.map(|secret| sitting.compare(secret)) {
            Some(ResumeMatch::Other) => Err(ReserveRefusal::Replaced),
            None if terms.arrivals == Arrivals::RefuseNew && !sitting.live.is_empty() => {
                Err(ReserveRefusal::AlreadySeated)
            }
            _ => Ok(()),
        }
    }
}

/// Sizes here are bounded by the capacity or the longest line, so nothing is lost.
fn count(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
