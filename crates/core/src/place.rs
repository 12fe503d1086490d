//! Where one user is, across rooms: the record behind the policy `one`.
//!
//! Normally a user has one place. While an entry elsewhere is under way there are more: the former
//! one stays recorded, for the entry may fail. `settle` names the former places, whose seats the
//! caller then gives up with [`crate::seat::Room::move_out`]. The order is that of `ugen`, which the
//! durable store allots before a confirm; a lower one comes too late and is refused.

use crate::ids::{Generation, RoomId, SessionId, UserId};
use crate::maps::Map;
use crate::mutants::{self, Mutant};

/// Where a user sits, or is about to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// Rises with every entry of the user, in whatever room.
    pub ugen: u64,
    /// The room.
    pub room: RoomId,
    /// The grant number of the part there.
    pub generation: Generation,
    /// The session of the part.
    pub session: SessionId,
}

/// A newer entry of the same user is recorded already: this one must be undone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a newer entry of the user is recorded")]
pub struct Stale;

/// The places of all users. No lock inside.
#[derive(Debug, Default)]
pub struct Places {
    /// By user, in rising order of `ugen`; never empty.
    of: Map<UserId, Vec<Place>>,
}

impl Places {
    /// Records a new place above the former one, which is returned and stays recorded.
    ///
    /// # Errors
    /// [`Stale`] when the recorded `ugen` is not lower; nothing has changed then.
    pub fn take(&mut self, user: UserId, place: Place) -> Result<Option<Place>, Stale> {
        let former = self.current(user).copied();
        if former.is_some_and(|former| former.ugen >= place.ugen) {
            return Err(Stale);
        }
        let places = self.of.entry(user).or_default();
        // There is a second one only while an entry is under way.
        places.reserve_exact(1);
        places.push(place);
        Ok(former)
    }

    /// The entry of `session` is complete: returns the places it made former, oldest first, and
    /// forgets them. Empty when the place of `session` is not recorded any more.
    pub fn settle(&mut self, user: UserId, session: SessionId) -> Vec<Place> {
        let Some(places) = self.of.get_mut(&user) else {
            return Vec::new();
        };
        let at = places.iter().position(|place| place.session == session).unwrap_or(0);
        places.drain(..at).collect()
    }

    /// Forgets the place of `session`: its entry failed, and the former place is the current one
    /// again. No effect on any other session's place.
    pub fn forget(&mut self, user: UserId, session: SessionId) {
        let any = mutants::on(Mutant::B13PlaceForgottenByUser);
        self.retain(user, |place| place.session != session && !any);
    }

    /// A stay of the user in `room` ended: forgets its places up to the generation `last` that the
    /// journal named. A place of a later stay there is kept.
    pub fn forget_stay(&mut self, user: UserId, room: RoomId, last: Generation) {
        let any = mutants::on(Mutant::B13StayForgottenByRoom);
        self.retain(user, |place| place.room != room || place.generation > last && !any);
    }

    /// Where the user is, or is about to be.
    #[must_use]
    pub fn current(&self, user: UserId) -> Option<&Place> {
        self.of.get(&user).and_then(|places| places.last())
    }

    /// How many users have a place.
    #[must_use]
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether nobody has a place.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Panics unless every record is non-empty and in rising order of `ugen`.
    pub fn check(&self) {
        for places in self.of.values() {
            assert!(!places.is_empty(), "a user without a place has no record");
            assert!(places.is_sorted_by(|a, b| a.ugen < b.ugen), "places are in order");
        }
    }

    fn retain(&mut self, user: UserId, keep: impl FnMut(&Place) -> bool) {
        if let Some(places) = self.of.get_mut(&user) {
            places.retain(keep);
            if places.is_empty() {
                self.of.remove(&user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn user() -> UserId {
        UserId(Uuid::from_u128(1))
    }

    fn place(ugen: u64, room: i64) -> Place {
        Place {
            ugen,
            room: RoomId(room),
            generation: Generation { epoch: 1, n: ugen * 10 },
            session: SessionId(Uuid::from_u128(u128::from(ugen))),
        }
    }

    #[test]
    fn a_settled_entry_names_the_place_it_made_former() {
        let mut places = Places::default();
        assert_eq!(places.take(user(), place(1, 101)), Ok(None));
        assert_eq!(places.settle(user(), place(1, 101).session), []);
        assert_eq!(places.take(user(), place(2, 102)), Ok(Some(place(1, 101))));
        assert_eq!(places.settle(user(), place(2, 102).session), [place(1, 101)]);
        assert_eq!(places.current(user()), Some(&place(2, 102)));
        places.check();
    }

    #[test]
    fn a_lower_or_equal_ugen_comes_too_late_and_changes_nothing() {
        let mut places = Places::default();
        places.take(user(), place(5, 101)).unwrap();
        assert_eq!(places.take(user(), place(4, 102)), Err(Stale));
        assert_eq!(places.take(user(), place(5, 102)), Err(Stale));
        assert_eq!(places.current(user()), Some(&place(5, 101)));
    }

    #[test]
    fn bug_b13_a_failed_entry_leaves_the_former_place_current() {
        let mut places = Places::default();
        places.take(user(), place(1, 101)).unwrap();
        places.take(user(), place(2, 102)).unwrap();
        places.forget(user(), place(2, 102).session);
        assert_eq!(places.current(user()), Some(&place(1, 101)));
    }

    #[test]
    fn a_former_place_that_ended_meanwhile_does_not_come_back() {
        let mut places = Places::default();
        places.take(user(), place(1, 101)).unwrap();
        places.take(user(), place(2, 102)).unwrap();
        places.forget_stay(user(), RoomId(101), place(1, 101).generation);
        places.forget(user(), place(2, 102).session);
        assert_eq!(places.current(user()), None);
        assert!(places.is_empty(), "a user without a place leaves no record");
    }

    #[test]
    fn a_later_entry_that_settles_first_takes_the_places_of_entries_under_way_with_it() {
        let mut places = Places::default();
        for ugen in 1..=3 {
            places.take(user(), place(ugen, 100)).unwrap();
        }
        assert_eq!(places.settle(user(), place(3, 100).session), [place(1, 100), place(2, 100)]);
        assert_eq!(places.settle(user(), place(2, 100).session), [], "it is not recorded any more");
        assert_eq!(places.current(user()), Some(&place(3, 100)));
    }

    #[test]
    fn bug_b13_the_end_of_an_earlier_stay_does_not_touch_a_later_one_in_the_same_room() {
        let mut places = Places::default();
        places.take(user(), place(1, 101)).unwrap();
        places.forget(user(), place(1, 101).session);
        places.take(user(), place(2, 101)).unwrap();
        places.forget_stay(user(), RoomId(101), place(1, 101).generation);
        places.forget(user(), place(1, 101).session);
        assert_eq!(places.current(user()), Some(&place(2, 101)));
    }
}
