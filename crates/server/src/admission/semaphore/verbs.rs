//! The verbs of [`Admission`], each one step of one room, and what crosses rooms under the policy
//! `one`. None of them ever answers [`Unavailable`](crate::admission::Unavailable).

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

use anteroom_core::ids::{Generation, LoginId, Owner, RoomId, SessionId, StreamId, UserId};
use anteroom_core::mutants::{self, Mutant};
use anteroom_core::place::Place;
use anteroom_core::seat::{
    Ask, Attachment, Claim, Closed, ConfirmRefusal, Confirmed, End, Member, PartRef, Parting,
    PartyRefusal, Position, ReserveRefusal, Reserved, Room, RoomSize, RoomSpec, Seats, Snapshot,
    Waiting,
};
use anteroom_core::time::Millis;
use async_trait::async_trait;

use super::{Semaphore, SharedRoom, lock, stay_ended};
use crate::admission::quota::Exceeded;
use crate::admission::{
    Admission, ConfirmError, Decided, EndedSessions, Journal, PartyError, Refusal, SettleError,
    Ticket, WaitError,
};
use crate::sweeper::Due;
use crate::sync::Mutex;

#[async_trait]
impl Admission for Semaphore {
    fn name(&self) -> &'static str {
        "semaphore"
    }

    fn now(&self) -> Millis {
        self.clock.now()
    }

    async fn add_room(&self, spec: RoomSpec) -> Decided<()> {
        let room = Room::new(spec);
        let deadline = room.next_deadline();
        let mut rooms = self.rooms.write().unwrap_or_else(PoisonError::into_inner);
        let is_full = |room: &mut SharedRoom| lock(room).seats().free == 0;
        if mutants::on(Mutant::B09SecondLedger)
            || mutants::on(Mutant::B21FullLooksUnmade)
                && rooms.get_mut(&spec.id).is_some_and(is_full)
        {
            rooms.remove(&spec.id);
        }
        rooms.entry(spec.id).or_insert_with(|| {
            self.deadlines.set(Due::Room(spec.id), deadline);
            Arc::new(Mutex::new(room))
        });
        Ok(())
    }

    /// Nothing survives a restart here.
    async fn take_up(&self, _: Owner, _: &mut Journal) -> Decided<()> {
        Ok(())
    }

    async fn reserve(
        &self,
        room: RoomId,
        ask: Ask,
        address: Option<IpAddr>,
        journal: &mut Journal,
    ) -> Result<Reserved, Refusal> {
        let shared = self.room(room).ok_or(Refusal::NoRoom)?;
        if self.one_session_in_all() {
            self.lets_move(&lock(&self.places), room, ask.user, ask.resume)?;
        }
        // What is overdue gives its place in the quota back first.
        self.expire_first(room, &shared, journal);
        if mutants::on(Mutant::B09CheckedThenActed) {
            return self.check_then_act(room, ask, journal, tokio::task::yield_now()).await;
        }
        let (answer, changes) = self.bare_step(room, &shared, |ledger, step| {
            let taken = match self.quota.take(room, ask.user, address) {
                Ok(taken) => taken,
                Err(Exceeded::User(rooms)) => return Err(Refusal::TooMany(rooms)),
                Err(Exceeded::Address) => return Err(Refusal::AddressBusy),
            };
            let answer = ledger.reserve(step, &ask);
            if answer.is_err() && taken && !mutants::on(Mutant::B03RefusalKeepsTheQuota) {
                self.quota.give_back(room, ask.user);
            }
            answer.map_err(Refusal::from)
        });
        self.told(room, changes, journal);
        answer
    }

    async fn reserve_party(
        &self,
        room: RoomId,
        party: Vec<Ask>,
        journal: &mut Journal,
    ) -> Result<Vec<Reserved>, PartyError> {
        if self.one_session_in_all() {
            let places = lock(&self.places);
            let judged = party
                .iter()
                .map(|ask| (ask.user, self.lets_move(&places, room, ask.user, ask.resume).err()));
            let failed: Vec<(UserId, ReserveRefusal)> =
                judged.filter_map(|(user, refusal)| Some((user, refusal?))).collect();
            if !failed.is_empty() {
                return Err(PartyRefusal { failed }.into());
            }
        }
        let answer = self.step(room, journal, |ledger, step| ledger.reserve_party(step, &party));
        answer.ok_or(PartyError::NoRoom)?.map_err(PartyError::from)
    }

    async fn cancel(
        &self,
        room: RoomId,
        user: UserId,
        journal: &mut Journal,
    ) -> Decided<Option<Generation>> {
        Ok(self.step(room, journal, |ledger, step| ledger.cancel(step, user)).flatten())
    }

    async fn withdraw(
        &self,
        room: RoomId,
        user: UserId,
        (generation, login): (Generation, LoginId),
        journal: &mut Journal,
    ) -> Decided<bool> {
        let withdrawn =
            self.step(room, journal, |ledger, step| ledger.withdraw(step, user, generation, login));
        Ok(withdrawn.unwrap_or(false))
    }

    async fn connecting(&self, ticket: &Ticket, journal: &mut Journal) -> Decided<bool> {
        let (user, generation, nonce) = (ticket.user, ticket.generation, ticket.nonce);
        let matched = self.step(ticket.room, journal, |ledger, step| {
            ledger.connecting(step, user, generation, nonce)
        });
        Ok(matched.unwrap_or(false))
    }

    async fn confirm(
        &self,
        room: RoomId,
        claim: Claim,
        journal: &mut Journal,
    ) -> Result<Confirmed, ConfirmError> {
        if !self.one_session_in_all() {
            let answer = self.step(room, journal, |ledger, step| ledger.confirm(step, &claim));
            return Ok(answer.ok_or(ConfirmError::NoRoom)??);
        }
        // The record of the user and the room's step are one: `places` stays locked over both.
        let mut places = lock(&self.places);
        self.lets_move(&places, room, claim.user, claim.presented).map_err(
            |refusal| match refusal {
                ReserveRefusal::AlreadySeated => ConfirmRefusal::AlreadySeated,
                _ => ConfirmRefusal::Replaced,
            },
        )?;
        let shared = self.room(room).ok_or(ConfirmError::NoRoom)?;
        let (answer, changes) =
            self.bare_step(room, &shared, |ledger, step| ledger.confirm(step, &claim));
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
        Ok(answer?)
    }

    async fn settle(
        &self,
        room: RoomId,
        user: UserId,
        session: SessionId,
        journal: &mut Journal,
    ) -> Result<EndedSessions, SettleError> {
        let settled = self.step(room, journal, |ledger, step| ledger.settle_entry(step, session));
        let settled = settled.unwrap_or(Err(End::RoomClosed));
        if settled.is_err() {
            lock(&self.places).forget(user, session);
        }
        let mut ended = settled.map_err(SettleError::Ended)?;
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

    async fn heard(&self, room: RoomId, user: UserId, session: SessionId) -> Decided<()> {
        if let Some(shared) = self.room(room) {
            lock(&shared).heard(user, session);
        }
        Ok(())
    }

    async fn abort(
        &self,
        room: RoomId,
        user: UserId,
        session: SessionId,
        journal: &mut Journal,
    ) -> Decided<()> {
        self.step(room, journal, |ledger, step| {
            // Why it had ended already is the other side's to tell.
            let _ = ledger.abort(step, session);
        });
        lock(&self.places).forget(user, session);
        Ok(())
    }

    async fn close(
        &self,
        room: RoomId,
        part: PartRef,
        parting: Parting,
        journal: &mut Journal,
    ) -> Decided<Closed> {
        let closed = self.step(room, journal, |ledger, step| ledger.close(step, &part, parting));
        Ok(closed.unwrap_or(Closed::Stale))
    }

    async fn supersede(
        &self,
        user: UserId,
        old: LoginId,
        new: LoginId,
        journal: &mut Journal,
    ) -> Decided<EndedSessions> {
        let rooms = self.rooms_of(user);
        Ok(self.step_each(rooms, journal, |ledger, step| ledger.supersede(step, user, old, new)))
    }

    async fn revoke_login(
        &self,
        user: UserId,
        login: LoginId,
        journal: &mut Journal,
    ) -> Decided<EndedSessions> {
        let rooms = self.rooms_of(user);
        Ok(self.step_each(rooms, journal, |ledger, step| ledger.revoke_login(step, user, login)))
    }

    async fn remove(
        &self,
        room: RoomId,
        user: UserId,
        journal: &mut Journal,
    ) -> Decided<EndedSessions> {
        let ended = self.step(room, journal, |ledger, step| ledger.remove(step, user));
        Ok(ended.unwrap_or_default())
    }

    async fn fence(&self, owner: Owner, journal: &mut Journal) -> Decided<EndedSessions> {
        let rooms: Vec<RoomId> = {
            let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
            rooms.keys().copied().collect()
        };
        Ok(self.step_each(rooms, journal, |ledger, step| ledger.fence(step, owner)))
    }

    async fn close_room(&self, room: RoomId, journal: &mut Journal) -> Decided<EndedSessions> {
        let ended = self.step(room, journal, |ledger, step| ledger.close_room(step));
        Ok(ended.unwrap_or_default())
    }

    async fn set_capacity(
        &self,
        room: RoomId,
        size: RoomSize,
        journal: &mut Journal,
    ) -> Decided<bool> {
        let done = self.step(room, journal, |ledger, step| ledger.set_capacity(step, size));
        Ok(done.is_some_and(|done| done.is_ok()))
    }

    async fn wait(
        &self,
        room: RoomId,
        ask: Ask,
        address: Option<IpAddr>,
        journal: &mut Journal,
    ) -> Result<Waiting, WaitError> {
        let shared = self.room(room).ok_or(WaitError::NoRoom)?;
        self.expire_first(room, &shared, journal);
        let (answer, changes) = self.bare_step(room, &shared, |ledger, step| {
            let taken = match self.quota.take(room, ask.user, address) {
                Ok(taken) => taken,
                Err(Exceeded::User(rooms)) => return Err(WaitError::TooMany(rooms)),
                Err(Exceeded::Address) => return Err(WaitError::AddressBusy),
            };
            let answer = ledger.wait(step, &ask);
            match &answer {
                Err(_) if taken => self.quota.give_back(room, ask.user),
                // A place in the line is no change of a seat, so the journal does not tell of it.
                Ok(_) => self.note_whereabouts(ledger, ask.user),
                Err(_) => {}
            }
            answer.map_err(WaitError::from)
        });
        self.told(room, changes, journal);
        answer
    }

    async fn stop_waiting(
        &self,
        room: RoomId,
        user: UserId,
        journal: &mut Journal,
    ) -> Decided<bool> {
        let stopped = self.step(room, journal, |ledger, step| ledger.stop_waiting(step, user));
        Ok(stopped.unwrap_or(false))
    }

    async fn stream_attached(
        &self,
        room: RoomId,
        user: UserId,
        stream: StreamId,
        journal: &mut Journal,
    ) -> Decided<Attachment> {
        let attached =
            self.step(room, journal, |ledger, step| ledger.stream_attached(step, user, stream));
        Ok(attached.unwrap_or(Attachment::NotWaiting))
    }

    async fn stream_lost(
        &self,
        room: RoomId,
        user: UserId,
        stream: StreamId,
        journal: &mut Journal,
    ) -> Decided<()> {
        self.step(room, journal, |ledger, step| ledger.stream_lost(step, user, stream));
        Ok(())
    }

    async fn expire(&self, room: RoomId, journal: &mut Journal) -> Decided<()> {
        self.step(room, journal, |ledger, step| ledger.expire(step));
        Ok(())
    }

    async fn seats(&self, room: RoomId) -> Decided<Option<Seats>> {
        Ok(self.look(room, |ledger| ledger.seats()))
    }

    async fn seats_of(&self, rooms: &[RoomId]) -> Decided<Vec<Option<Seats>>> {
        Ok(rooms.iter().map(|room| self.look(*room, |ledger| ledger.seats())).collect())
    }

    async fn members(&self, room: RoomId) -> Decided<Vec<Member>> {
        let members = self.look(room, |ledger| ledger.members().collect::<Vec<_>>());
        let mut members = members.unwrap_or_default();
        members.sort_by_key(|member| (member.since, member.user));
        Ok(members)
    }

    async fn is_seated(&self, room: RoomId, user: UserId) -> Decided<bool> {
        Ok(self.look(room, |ledger| ledger.is_seated(user)).unwrap_or(false))
    }

    async fn sessions_of(&self, user: UserId) -> Decided<Vec<(RoomId, SessionId)>> {
        let of_room = |room: RoomId| {
            let parts = self.look(room, |ledger| {
                let parts = ledger.slot(user).map(|slot| slot.parts());
                parts
                    .unwrap_or_default()
                    .iter()
                    .map(|part| (room, part.session))
                    .collect::<Vec<_>>()
            });
            parts.unwrap_or_default()
        };
        Ok(self.rooms_of(user).into_iter().flat_map(of_room).collect())
    }

    async fn stay(&self, room: RoomId, user: UserId) -> Decided<Option<Generation>> {
        let stay = self.look(room, |ledger| Some(ledger.slot(user)?.stay()?.entered));
        Ok(stay.flatten())
    }

    async fn has_slot(&self, room: RoomId, user: UserId, login: LoginId) -> Decided<bool> {
        let now = self.clock.now();
        let has = self.look(room, |ledger| {
            let standing = ledger.standing(user, now);
            ledger.is_seated(user) || standing.is_some_and(|it| it.reservation.login == login)
        });
        Ok(has.unwrap_or(false))
    }

    async fn standing(&self, room: RoomId, user: UserId) -> Decided<Option<Reserved>> {
        let now = self.clock.now();
        Ok(self.look(room, |ledger| ledger.standing(user, now)).flatten())
    }

    async fn position(&self, room: RoomId, user: UserId) -> Decided<Option<Position>> {
        Ok(self.look(room, |ledger| ledger.position(user)).flatten())
    }

    async fn line(&self, room: RoomId) -> Decided<Vec<UserId>> {
        let line = self.look(room, |ledger| ledger.waiters().map(|it| it.user).collect());
        Ok(line.unwrap_or_default())
    }

    async fn line_front(&self, room: RoomId, most: usize) -> Decided<Vec<UserId>> {
        let line = self.look(room, |it| it.waiters().take(most).map(|it| it.user).collect());
        Ok(line.unwrap_or_default())
    }

    async fn snapshot(&self, room: RoomId) -> Decided<Option<Snapshot>> {
        Ok(self.look(room, |ledger| ledger.snapshot()))
    }

    async fn entries_under_way(&self) -> Decided<usize> {
        let rooms: Vec<SharedRoom> = {
            let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
            rooms.values().cloned().collect()
        };
        Ok(rooms.iter().map(|shared| lock(shared).entries_under_way()).sum())
    }
}
