//! Strategy `semaphore`: the ledgers live in this process, each behind one mutex.
//!
//! A slot owns a permit of its room's semaphore ([`anteroom_core::seat`]); dropping the slot returns
//! it. Nothing survives a restart, and nothing has to: a restart ends every session anyway, and the
//! next epoch makes every old ticket worthless.
//!
//! Locks, taken in this order and never across an await: `places` (tier 1), one room (tier 2; a
//! second room is locked only after the first is released), then the leaves `whereabouts`, `quota`
//! and the deadlines.

#[cfg(test)]
#[cfg(not(feature = "schedules"))]
mod cost;
#[cfg(test)]
#[cfg(feature = "schedules")]
mod schedules;
#[cfg(test)]
mod tests;
mod unlocked;
mod verbs;

use std::sync::{Arc, PoisonError};

use anteroom_core::ids::{Generation, ResumeHash, RoomId, UserId};
use anteroom_core::maps::{Few, Map};
use anteroom_core::mutants::{self, Mutant};
use anteroom_core::place::Places;
use anteroom_core::seat::{Change, ReserveRefusal, Room, RoomState, SessionPolicy, Step, Terms};

use super::quota::Quota;
use super::{Bounds, EndedSessions, Journal};
use crate::clock::Clock;
use crate::sweeper::{Deadlines, Due};
use crate::sync::{Mutex, MutexGuard, RwLock};

type SharedRoom = Arc<Mutex<Room>>;

/// All ledgers of this process.
pub(crate) struct Semaphore {
    terms: Terms,
    clock: Arc<Clock>,
    deadlines: Arc<Deadlines>,
    rooms: RwLock<Map<RoomId, SharedRoom>>,
    /// Policy `one`: where each user sits. Tier 1.
    places: Mutex<Places>,
    /// The rooms in which a user has a slot or waits; written under that room's lock.
    whereabouts: Mutex<Map<UserId, Few<RoomId>>>,
    quota: Quota,
    /// Orders entries of one user over rooms; read and raised under `places`.
    next_ugen: Mutex<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Semaphore {
    pub(crate) fn new(
        terms: Terms,
        bounds: Bounds,
        clock: Arc<Clock>,
        deadlines: Arc<Deadlines>,
    ) -> Self {
        Self {
            terms,
            clock,
            deadlines,
            rooms: RwLock::default(),
            places: Mutex::default(),
            whereabouts: Mutex::default(),
            quota: Quota::new(bounds),
            next_ugen: Mutex::new(1),
        }
    }

    fn room(&self, id: RoomId) -> Option<SharedRoom> {
        self.rooms.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Runs one step of one room and follows up on what it changed, under the room's lock where the
    /// order matters. `None` when there is no such room.
    fn step<T>(
        &self,
        id: RoomId,
        journal: &mut Journal,
        act: impl FnOnce(&mut Room, &mut Step<'_>) -> T,
    ) -> Option<T> {
        let (answer, changes) = self.bare_step(id, &self.room(id)?, act);
        self.told(id, changes, journal);
        Some(answer)
    }

    /// Ends what is overdue in a room, before a step whose guards lie outside the ledger.
    fn expire_first(&self, id: RoomId, shared: &SharedRoom, journal: &mut Journal) {
        let is_due = lock(shared).next_deadline().is_some_and(|due| due <= self.clock.now());
        if is_due {
            let ((), changes) = self.bare_step(id, shared, |room, step| room.expire(step));
            self.told(id, changes, journal);
        }
    }

    /// Carries what a step changed to the record of places and to the caller.
    fn told(&self, id: RoomId, changes: Vec<Change>, journal: &mut Journal) {
        let ended: Vec<_> = changes.iter().filter_map(stay_ended).collect();
        if !ended.is_empty() {
            let mut places = lock(&self.places);
            ended.iter().for_each(|(user, last)| places.forget_stay(*user, id, *last));
        }
        journal.extend(changes.into_iter().map(|change| (id, change)));
    }

    /// A step in each of several rooms; the sessions that ended with them.
    fn step_each(
        &self,
        rooms: Vec<RoomId>,
        journal: &mut Journal,
        act: impl Fn(&mut Room, &mut Step<'_>) -> EndedSessions,
    ) -> EndedSessions {
        let ended = rooms.into_iter().filter_map(|room| self.step(room, journal, &act));
        ended.flatten().collect()
    }

    /// Looks at a room as it stands. `None` when there is no such room.
    fn look<T>(&self, room: RoomId, look: impl FnOnce(&Room) -> T) -> Option<T> {
        let shared = self.room(room)?;
        let room = lock(&shared);
        Some(look(&room))
    }

    /// The same without the record of places, for who holds that record already.
    fn bare_step<T>(
        &self,
        id: RoomId,
        shared: &SharedRoom,
        act: impl FnOnce(&mut Room, &mut Step<'_>) -> T,
    ) -> (T, Vec<Change>) {
        let mut changes = Vec::new();
        let (answer, is_gone) = {
            let mut room = lock(shared);
            let mut step = Step::new(self.clock.now(), &self.terms, &mut changes);
            let answer = act(&mut room, &mut step);
            self.follow(&room, &changes);
            (answer, room.state() == RoomState::Gone)
        };
        if is_gone && !mutants::on(Mutant::B22GoneRoomKept) {
            self.rooms.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
        }
        (answer, changes)
    }

    /// Under the room's lock: the deadline, the quota and the whereabouts of those concerned.
    fn follow(&self, room: &Room, changes: &[Change]) {
        let gone = room.state() == RoomState::Gone;
        let deadline = room.next_deadline().filter(|_| !gone);
        if !mutants::on(Mutant::B19DeadlineNotScheduled) {
            self.deadlines.set(Due::Room(room.id()), deadline);
        }
        for change in changes {
            self.quota.follow(room.id(), change);
            if let Some(user) = concerned(change) {
                self.note_whereabouts(room, user);
            }
        }
    }

    fn note_whereabouts(&self, room: &Room, user: UserId) {
        let is_here = room.slot(user).is_some() || room.waits(user);
        let mut whereabouts = lock(&self.whereabouts);
        if is_here {
            whereabouts.entry(user).or_default().insert(room.id());
        } else if let Some(rooms) = whereabouts.get_mut(&user)
            && !mutants::on(Mutant::B22WhereaboutsKept)
        {
            rooms.remove(&room.id());
            if rooms.is_empty() {
                whereabouts.remove(&user);
            }
        }
    }

    fn rooms_of(&self, user: UserId) -> Vec<RoomId> {
        lock(&self.whereabouts).get(&user).map(|rooms| rooms.iter().collect()).unwrap_or_default()
    }

    fn one_session_in_all(&self) -> bool {
        self.terms.sessions == SessionPolicy::One
    }

    /// Policy `one`: what the room in which the user sits says of an arrival in `room`.
    fn lets_move(
        &self,
        places: &Places,
        room: RoomId,
        user: UserId,
        resume: Option<ResumeHash>,
    ) -> Result<(), ReserveRefusal> {
        let elsewhere = places.current(user).filter(|place| place.room != room);
        let other = elsewhere.and_then(|place| self.room(place.room));
        other.map_or(Ok(()), |other| lock(&other).lets_move(user, resume.as_ref(), &self.terms))
    }
}

/// Whose stay ended with a change, and by which generation.
fn stay_ended(change: &Change) -> Option<(UserId, Generation)> {
    match change {
        Change::Returned { user, last, .. } => Some((*user, *last)),
        _ => None,
    }
}

/// The user whose presence in the room a change may have changed.
fn concerned(change: &Change) -> Option<UserId> {
    match change {
        Change::Reserved { user, .. }
        | Change::Offered { user, .. }
        | Change::Expired { user, .. }
        | Change::Dropped { user, .. }
        | Change::Entered { user, .. }
        | Change::Held { user, .. }
        | Change::Returned { user, .. }
        | Change::WaiterGone { user, .. } => Some(*user),
        Change::Opened | Change::Closed { .. } => None,
    }
}
