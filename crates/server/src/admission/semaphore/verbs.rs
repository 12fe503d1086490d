//! The verbs of [`Admission`], each one step of one room, and what crosses rooms under the policy
//! `one`.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anteroom_core::ids::{Generation, LoginId, RoomId, SessionId, UserId};
use anteroom_core::place::Place;
use anteroom_core::seat::{
    Ask, Claim, Closed, ConfirmRefusal, Confirmed, End, Member, PartRef, Parting, ReserveRefusal,
    Reserved, Room, RoomSpec, Seats,
};
use async_trait::async_trait;

use super::{Semaphore, SharedRoom, lock, stay_ended};
use crate::admission::quota::Exceeded;
use crate::admission::{Admission, EndedSessions, Journal, Refusal, Ticket};
use crate::sweeper::Due;

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
