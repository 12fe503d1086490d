//! Strategy `semaphore`: the ledgers live in this process, each behind one mutex.
//!
//! A slot owns a permit of its room's semaphore ([`anteroom_core::seat`]); dropping the slot returns
//! it. Nothing survives a restart, and nothing has to: a restart ends every session anyway, and the
//! next epoch makes every old ticket worthless.
//!
//! Locks, taken in this order and never across an await: `places` (tier 1), one room (tier 2; a
//! second room is locked only after the first is released), then the leaves `whereabouts`, `quota`
//! and the deadlines.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use anteroom_core::ids::{Generation, LoginId, ResumeHash, RoomId, SessionId, UserId};
use anteroom_core::place::{Place, Places};
use anteroom_core::seat::{
    Ask, Change, Claim, Closed, ConfirmRefusal, Confirmed, End, Member, PartRef, Parting,
    ReserveRefusal, Reserved, ResumeMatch, Room, RoomSpec, RoomState, Seats, SessionPolicy, Step,
    Terms,
};
use async_trait::async_trait;

use super::quota::{Exceeded, Quota};
use super::{Admission, Bounds, EndedSessions, Journal, Refusal, Ticket};
use crate::clock::Clock;
use crate::sweeper::{Deadlines, Due};

type SharedRoom = Arc<Mutex<Room>>;

/// All ledgers of this process.
pub(crate) struct Semaphore {
    terms: Terms,
    clock: Arc<Clock>,
    deadlines: Arc<Deadlines>,
    rooms: RwLock<HashMap<RoomId, SharedRoom>>,
    /// Policy `one`: where each user sits. Tier 1.
    places: Mutex<Places>,
    /// The rooms in which a user has a slot or waits; written under that room's lock.
    whereabouts: Mutex<HashMap<UserId, HashSet<RoomId>>>,
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
        let (answer, changes) = self.bare_step(id, act)?;
        let ended: Vec<_> = changes.iter().filter_map(stay_ended).collect();
        if !ended.is_empty() {
            let mut places = lock(&self.places);
            ended.iter().for_each(|(user, last)| places.forget_stay(*user, id, *last));
        }
        journal.extend(changes.into_iter().map(|change| (id, change)));
        Some(answer)
    }

    /// The same without the record of places, for who holds that record already.
    fn bare_step<T>(
        &self,
        id: RoomId,
        act: impl FnOnce(&mut Room, &mut Step<'_>) -> T,
    ) -> Option<(T, Vec<Change>)> {
        let shared = self.room(id)?;
        let mut changes = Vec::new();
        let (answer, is_gone) = {
            let mut room = lock(&shared);
            let mut step = Step::new(self.clock.now(), &self.terms, &mut changes);
            let answer = act(&mut room, &mut step);
            self.follow(&room, &changes);
            (answer, room.state() == RoomState::Gone)
        };
        if is_gone {
            self.rooms.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
        }
        Some((answer, changes))
    }

    /// Under the room's lock: the deadline, the quota and the whereabouts of those concerned.
    fn follow(&self, room: &Room, changes: &[Change]) {
        let gone = room.state() == RoomState::Gone;
        let deadline = room.next_deadline().filter(|_| !gone);
        self.deadlines.set(Due::Room(room.id()), deadline);
        for change in changes {
            self.quota.follow(room.id(), change);
            if let Some(user) = concerned(change) {
                self.note_whereabouts(room, user);
            }
        }
    }

    fn note_whereabouts(&self, room: &Room, user: UserId) {
        let is_here = room.slot(user).is_some() || room.position(user).is_some();
        let mut whereabouts = lock(&self.whereabouts);
        if is_here {
            whereabouts.entry(user).or_default().insert(room.id());
        } else if let Some(rooms) = whereabouts.get_mut(&user) {
            rooms.remove(&room.id());
            if rooms.is_empty() {
                whereabouts.remove(&user);
            }
        }
    }

    fn rooms_of(&self, user: UserId) -> Vec<RoomId> {
        lock(&self.whereabouts)
            .get(&user)
            .map(|rooms| rooms.iter().copied().collect())
            .unwrap_or_default()
    }

    fn one_session_in_all(&self) -> bool {
        self.terms.sessions == SessionPolicy::One
    }

    /// Policy `one`: the user sits in another room and the secret is not that seat's.
    fn stale_elsewhere(
        &self,
        places: &Places,
        room: RoomId,
        user: UserId,
        resume: Option<ResumeHash>,
    ) -> bool {
        let (Some(resume), Some(place)) = (resume, places.current(user)) else { return false };
        if place.room == room {
            return false;
        }
        let Some(other) = self.room(place.room) else { return false };
        let found = lock(&other).compare_resume(user, &resume);
        found == ResumeMatch::Other
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

#[async_trait]
impl Admission for Semaphore {
    async fn add_room(&self, spec: RoomSpec) {
        let room = Room::new(spec);
        let deadline = room.next_deadline();
        let mut rooms = self.rooms.write().unwrap_or_else(PoisonError::into_inner);
        rooms.entry(spec.id).or_insert_with(|| {
            self.deadlines.set(Due::Room(spec.id), deadline);
            Arc::new(Mutex::new(room))
        });
    }

    async fn reserve(
        &self,
        room: RoomId,
        ask: Ask,
        address: Option<IpAddr>,
        journal: &mut Journal,
    ) -> Result<Reserved, Refusal> {
        if self.room(room).is_none() {
            return Err(Refusal::NoRoom);
        }
        if self.one_session_in_all()
            && self.stale_elsewhere(&lock(&self.places), room, ask.user, ask.resume)
        {
            return Err(ReserveRefusal::Replaced.into());
        }
        // What is overdue gives its place in the quota back first.
        self.step(room, journal, |ledger, step| ledger.expire(step));
        let answer = self.step(room, journal, |ledger, step| {
            let taken = match self.quota.take(room, ask.user, address) {
                Ok(taken) => taken,
                Err(Exceeded::User(rooms)) => return Err(Refusal::TooMany(rooms)),
                Err(Exceeded::Address) => return Err(Refusal::AddressBusy),
            };
            let answer = ledger.reserve(step, &ask);
            if answer.is_err() && taken {
                self.quota.give_back(room, ask.user);
            }
            answer.map_err(Refusal::from)
        });
        answer.unwrap_or(Err(Refusal::NoRoom))
    }

    async fn cancel(
        &self,
        room: RoomId,
        user: UserId,
        journal: &mut Journal,
    ) -> Option<Generation> {
        self.step(room, journal, |ledger, step| ledger.cancel(step, user)).flatten()
    }

    async fn withdraw(
        &self,
        room: RoomId,
        user: UserId,
        (generation, login): (Generation, LoginId),
        journal: &mut Journal,
    ) -> bool {
        let withdrawn =
            self.step(room, journal, |ledger, step| ledger.withdraw(step, user, generation, login));
        withdrawn.unwrap_or(false)
    }

    async fn connecting(&self, ticket: &Ticket, journal: &mut Journal) -> bool {
        let (user, generation, nonce) = (ticket.user, ticket.generation, ticket.nonce);
        self.step(ticket.room, journal, |ledger, step| {
            ledger.connecting(step, user, generation, nonce)
        })
        .unwrap_or(false)
    }

    async fn confirm(
        &self,
        room: RoomId,
        claim: Claim,
        journal: &mut Journal,
    ) -> Option<Result<Confirmed, ConfirmRefusal>> {
        if !self.one_session_in_all() {
            return self.step(room, journal, |ledger, step| ledger.confirm(step, &claim));
        }
        // The record of the user and the room's step are one: `places` stays locked over both.
        let mut places = lock(&self.places);
        if self.stale_elsewhere(&places, room, claim.user, claim.presented) {
            return Some(Err(ConfirmRefusal::Replaced));
        }
        let (answer, changes) =
            self.bare_step(room, |ledger, step| ledger.confirm(step, &claim))?;
        for (user, last) in changes.iter().filter_map(stay_ended) {
            places.forget_stay(user, room, last);
        }
        if let Ok(confirmed) = &answer {
            let mut ugen = lock(&self.next_ugen);
            let place = Place {
                ugen: *ugen,
                room,
                generation: confirmed.generation,
                session: claim.session,
            };
            *ugen += 1;
            // A number allotted under the same lock is always the highest.
            let _ = places.take(claim.user, place);
        }
        journal.extend(changes.into_iter().map(|change| (room, change)));
        Some(answer)
    }

    async fn settle(
        &self,
        room: RoomId,
        user: UserId,
        session: SessionId,
        journal: &mut Journal,
    ) -> Result<EndedSessions, End> {
        let settled = self.step(room, journal, |ledger, step| ledger.settle_entry(step, session));
        let settled = settled.unwrap_or(Err(End::RoomClosed));
        if settled.is_err() {
            lock(&self.places).forget(user, session);
        }
        let mut ended = settled?;
        let former = lock(&self.places).settle(user, session);
        for place in former.into_iter().filter(|place| place.room != room) {
            let moved = self.step(place.room, journal, |ledger, step| {
                ledger.move_out(step, user, place.generation)
            });
            if moved == Some(true) {
                ended.push(place.session);
            }
        }
        Ok(ended)
    }

    async fn heard(&self, room: RoomId, user: UserId, session: SessionId) {
        if let Some(shared) = self.room(room) {
            lock(&shared).heard(user, session);
        }
    }

    async fn abort(&self, room: RoomId, user: UserId, session: SessionId, journal: &mut Journal) {
        self.step(room, journal, |ledger, step| {
            // Why it had ended already is the other side's to tell.
            let _ = ledger.abort(step, session);
        });
        lock(&self.places).forget(user, session);
    }

    async fn close(
        &self,
        room: RoomId,
        part: PartRef,
        parting: Parting,
        journal: &mut Journal,
    ) -> Closed {
        self.step(room, journal, |ledger, step| ledger.close(step, &part, parting))
            .unwrap_or(Closed::Stale)
    }

    async fn supersede(
        &self,
        user: UserId,
        old: LoginId,
        new: LoginId,
        journal: &mut Journal,
    ) -> EndedSessions {
        let mut ended = Vec::new();
        for room in self.rooms_of(user) {
            let sessions =
                self.step(room, journal, |ledger, step| ledger.supersede(step, user, old, new));
            ended.extend(sessions.unwrap_or_default());
        }
        ended
    }

    async fn revoke_login(
        &self,
        user: UserId,
        login: LoginId,
        journal: &mut Journal,
    ) -> EndedSessions {
        let mut ended = Vec::new();
        for room in self.rooms_of(user) {
            let sessions =
                self.step(room, journal, |ledger, step| ledger.revoke_login(step, user, login));
            ended.extend(sessions.unwrap_or_default());
        }
        ended
    }

    async fn remove(&self, room: RoomId, user: UserId, journal: &mut Journal) -> EndedSessions {
        self.step(room, journal, |ledger, step| ledger.remove(step, user)).unwrap_or_default()
    }

    async fn close_room(&self, room: RoomId, journal: &mut Journal) -> EndedSessions {
        self.step(room, journal, |ledger, step| ledger.close_room(step)).unwrap_or_default()
    }

    async fn set_capacity(&self, room: RoomId, capacity: u32, journal: &mut Journal) -> bool {
        self.step(room, journal, |ledger, step| ledger.set_capacity(step, capacity))
            .is_some_and(|done| done.is_ok())
    }

    async fn expire(&self, room: RoomId, journal: &mut Journal) {
        self.step(room, journal, |ledger, step| ledger.expire(step));
    }

    async fn seats(&self, room: RoomId) -> Option<Seats> {
        let shared = self.room(room)?;
        let seats = lock(&shared).seats();
        Some(seats)
    }

    async fn members(&self, room: RoomId) -> Vec<Member> {
        let Some(shared) = self.room(room) else { return Vec::new() };
        let mut members: Vec<Member> = lock(&shared).members().collect();
        members.sort_by_key(|member| (member.since, member.user));
        members
    }

    async fn is_seated(&self, room: RoomId, user: UserId) -> bool {
        self.room(room).is_some_and(|shared| lock(&shared).is_seated(user))
    }

    async fn stay(&self, room: RoomId, user: UserId) -> Option<Generation> {
        let shared = self.room(room)?;
        let ledger = lock(&shared);
        Some(ledger.slot(user)?.stay()?.entered)
    }

    async fn has_slot(&self, room: RoomId, user: UserId, login: LoginId) -> bool {
        let now = self.clock.now();
        self.room(room).is_some_and(|shared| {
            let ledger = lock(&shared);
            let standing = ledger.standing(user, now);
            ledger.is_seated(user) || standing.is_some_and(|it| it.reservation.login == login)
        })
    }

    async fn entries_under_way(&self) -> usize {
        let rooms: Vec<SharedRoom> = {
            let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
            rooms.values().cloned().collect()
        };
        rooms.iter().map(|shared| lock(shared).entries_under_way()).sum()
    }
}
