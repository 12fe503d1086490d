//! The verbs of [`Admission`]: each one decision of the store, or one look at it.

use std::net::IpAddr;
use std::sync::PoisonError;

use anteroom_core::ids::{Generation, LoginId, Owner, RoomId, SessionId, StreamId, UserId};
use anteroom_core::seat::{
    Ask, Attachment, Claim, Closed, Confirmed, Member, PartRef, Parting, Position, Reserved,
    RoomSize, RoomSpec, Seats, Snapshot, Waiting,
};
use anteroom_core::time::Millis;
use async_trait::async_trait;

use super::Conditional;
use super::book::Book;
use super::scope::Scope;
use crate::admission::{
    Admission, ConfirmError, Decided, EndedSessions, Journal, PartyError, Refusal, SettleError,
    Ticket, WaitError, Whose,
};

/// What has been due for so long will not be ended by the node that knew of it.
const OVERDUE_MS: u64 = 2_000;
/// So many rooms are seen to at once.
const OVERDUE_MAX: usize = 100;
/// Rooms of a life that is over which are gone through in one transaction.
const TOGETHER: usize = 32;

#[async_trait]
impl Admission for Conditional {
    fn name(&self) -> &'static str {
        "conditional"
    }

    fn now(&self) -> Millis {
        self.clock.now()
    }

    async fn ping(&self) -> Decided<()> {
        self.decide_silently(async |_: &mut Book<'_, _>| Ok(())).await
    }

    async fn add_room(&self, spec: RoomSpec) -> Decided<()> {
        if let Some(added) = self.added.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            added.insert(spec.id);
        }
        self.decide_silently(async move |book| book.add_room(spec).await).await
    }

    async fn take_up(&self, owner: Owner, journal: &mut Journal) -> Decided<()> {
        let kept = self.added.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Only the first call of a life may drop what was not added: later rooms are not noted.
        let Some(kept) = kept else { return Ok(()) };
        let whose = Whose { deployment: self.deployment, owner };
        let rooms = self.decide(journal, async move |book| book.take_up(whose, &kept).await);
        // Some at a time: nobody waits for a deployment to be gone through.
        for some in rooms.await?.chunks(TOGETHER) {
            let some = some.to_vec();
            self.decide(journal, async move |book| book.bring_up(&some, owner).await).await?;
        }
        *self.added.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    async fn reserve(
        &self,
        room: RoomId,
        ask: Ask,
        address: Option<IpAddr>,
        journal: &mut Journal,
    ) -> Result<Reserved, Refusal> {
        self.decide(journal, async move |book| book.reserve(room, ask, address).await).await?
    }

    async fn reserve_party(
        &self,
        room: RoomId,
        party: Vec<Ask>,
        journal: &mut Journal,
    ) -> Result<Vec<Reserved>, PartyError> {
        self.decide(journal, async move |book| book.reserve_party(room, party.clone()).await)
            .await?
    }

    async fn cancel(
        &self,
        room: RoomId,
        user: UserId,
        journal: &mut Journal,
    ) -> Decided<Option<Generation>> {
        let cancelled = self.decide(journal, async move |book| {
            book.step(room, Scope::of(user), |it, step| it.cancel(step, user)).await
        });
        Ok(cancelled.await?.flatten())
    }

    async fn withdraw(
        &self,
        room: RoomId,
        user: UserId,
        (generation, login): (Generation, LoginId),
        journal: &mut Journal,
    ) -> Decided<bool> {
        let withdrawn = self.decide(journal, async move |book| {
            let scope = Scope::of(user);
            book.step(room, scope, |it, step| it.withdraw(step, user, generation, login)).await
        });
        Ok(withdrawn.await?.unwrap_or(false))
    }

    async fn connecting(&self, ticket: &Ticket, journal: &mut Journal) -> Decided<bool> {
        let (room, user) = (ticket.room, ticket.user);
        let (generation, nonce) = (ticket.generation, ticket.nonce);
        let matched = self.decide(journal, async move |book| {
            let scope = Scope::of(user);
            book.step(room, scope, |it, step| it.connecting(step, user, generation, nonce)).await
        });
        Ok(matched.await?.unwrap_or(false))
    }

    async fn confirm(
        &self,
        room: RoomId,
        claim: Claim,
        journal: &mut Journal,
    ) -> Result<Confirmed, ConfirmError> {
        self.decide(journal, async move |book| book.confirm(room, claim).await).await?
    }

    async fn settle(
        &self,
        room: RoomId,
        user: UserId,
        session: SessionId,
        journal: &mut Journal,
    ) -> Result<EndedSessions, SettleError> {
        self.decide(journal, async move |book| book.settle(room, user, session).await).await?
    }

    async fn heard(&self, room: RoomId, user: UserId, session: SessionId) -> Decided<()> {
        self.decide_silently(async move |book| book.heard(room, user, session).await).await
    }

    async fn abort(
        &self,
        room: RoomId,
        user: UserId,
        session: SessionId,
        journal: &mut Journal,
    ) -> Decided<()> {
        self.decide(journal, async move |book| book.abort(room, user, session).await).await
    }

    async fn close(
        &self,
        room: RoomId,
        part: PartRef,
        parting: Parting,
        journal: &mut Journal,
    ) -> Decided<Closed> {
        let closed = self.decide(journal, async move |book| {
            let scope = Scope::of(part.user);
            book.step(room, scope, |it, step| it.close(step, &part, parting)).await
        });
        Ok(closed.await?.unwrap_or(Closed::Stale))
    }

    async fn supersede(
        &self,
        user: UserId,
        old: LoginId,
        new: LoginId,
        journal: &mut Journal,
    ) -> Decided<EndedSessions> {
        self.decide(journal, async move |book| {
            let rooms = book.rooms_of(user).await?;
            book.step_each(rooms, user, |it, step| it.supersede(step, user, old, new)).await
        })
        .await
    }

    async fn revoke_login(
        &self,
        user: UserId,
        login: LoginId,
        journal: &mut Journal,
    ) -> Decided<EndedSessions> {
        self.decide(journal, async move |book| {
            let rooms = book.rooms_of(user).await?;
            book.step_each(rooms, user, |it, step| it.revoke_login(step, user, login)).await
        })
        .await
    }

    async fn remove(
        &self,
        room: RoomId,
        user: UserId,
        journal: &mut Journal,
    ) -> Decided<EndedSessions> {
        let ended = self.decide(journal, async move |book| {
            book.step(room, Scope::of(user), |it, step| it.remove(step, user)).await
        });
        Ok(ended.await?.unwrap_or_default())
    }

    async fn fence(&self, owner: Owner, journal: &mut Journal) -> Decided<EndedSessions> {
        // All of them: a commit of that life that is still on its way is waited for at its room.
        let rooms = self.decide_silently(async |book| book.inhabited().await).await?;
        let ended = || self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        for some in rooms.chunks(TOGETHER) {
            let some = some.to_vec();
            let fenced = self.decide(journal, async move |book| book.fence(&some, owner).await);
            // Kept for the next call where a later part fails: nothing else names them any more.
            let fenced = fenced.await?;
            ended().extend(fenced);
        }
        Ok(std::mem::take(&mut *ended()))
    }

    async fn close_room(&self, room: RoomId, journal: &mut Journal) -> Decided<EndedSessions> {
        let ended = self.decide(journal, async move |book| {
            book.step(room, Scope::whole(), |it, step| it.close_room(step)).await
        });
        Ok(ended.await?.unwrap_or_default())
    }

    async fn set_capacity(
        &self,
        room: RoomId,
        size: RoomSize,
        journal: &mut Journal,
    ) -> Decided<bool> {
        self.decide(journal, async move |book| book.set_capacity(room, size).await).await
    }

    async fn wait(
        &self,
        room: RoomId,
        ask: Ask,
        address: Option<IpAddr>,
        journal: &mut Journal,
    ) -> Result<Waiting, WaitError> {
        self.decide(journal, async move |book| book.wait(room, ask, address).await).await?
    }

    async fn stop_waiting(
        &self,
        room: RoomId,
        user: UserId,
        journal: &mut Journal,
    ) -> Decided<bool> {
        let stopped = self.decide(journal, async move |book| {
            book.step(room, Scope::of(user), |it, step| it.stop_waiting(step, user)).await
        });
        Ok(stopped.await?.unwrap_or(false))
    }

    async fn stream_attached(
        &self,
        room: RoomId,
        user: UserId,
        stream: StreamId,
        journal: &mut Journal,
    ) -> Decided<Attachment> {
        let attached = self.decide(journal, async move |book| {
            let scope = Scope::of(user);
            book.step(room, scope, |it, step| it.stream_attached(step, user, stream)).await
        });
        Ok(attached.await?.unwrap_or(Attachment::NotWaiting))
    }

    async fn stream_lost(
        &self,
        room: RoomId,
        user: UserId,
        stream: StreamId,
        journal: &mut Journal,
    ) -> Decided<()> {
        let lost = self.decide(journal, async move |book| {
            book.step(room, Scope::of(user), |it, step| it.stream_lost(step, user, stream)).await
        });
        lost.await.map(|_| ())
    }

    async fn overdue(&self) -> Decided<Vec<RoomId>> {
        let at = Millis(self.clock.now().0.saturating_sub(OVERDUE_MS));
        self.store.overdue(at, OVERDUE_MAX).await
    }

    async fn expire(&self, room: RoomId, journal: &mut Journal) -> Decided<()> {
        let expired = self.decide(journal, async move |book| {
            book.step(room, Scope::default(), |it, step| it.expire(step)).await
        });
        expired.await.map(|_| ())
    }

    async fn seats(&self, room: RoomId) -> Decided<Option<Seats>> {
        Ok(self.store.seats(vec![room]).await?.pop().flatten())
    }

    async fn seats_of(&self, rooms: &[RoomId]) -> Decided<Vec<Option<Seats>>> {
        self.store.seats(rooms.to_vec()).await
    }

    async fn members(&self, room: RoomId) -> Decided<Vec<Member>> {
        self.store.members(room).await
    }

    async fn is_seated(&self, room: RoomId, user: UserId) -> Decided<bool> {
        Ok(self.store.slot(room, user).await?.is_some_and(|slot| slot.stay.is_some()))
    }

    async fn sessions_of(&self, user: UserId) -> Decided<Vec<(RoomId, SessionId)>> {
        let rooms = self.decide_silently(async move |book| book.rooms_of(user).await).await?;
        let mut sessions = Vec::new();
        for room in rooms {
            let slot = self.store.slot(room, user).await?;
            let live = slot.map(|slot| slot.sitting.live).unwrap_or_default();
            sessions.extend(live.into_iter().map(|part| (room, part.session)));
        }
        Ok(sessions)
    }

    async fn stay(&self, room: RoomId, user: UserId) -> Decided<Option<Generation>> {
        let slot = self.store.slot(room, user).await?;
        Ok(slot.and_then(|slot| slot.stay).map(|stay| stay.entered))
    }

    async fn has_slot(&self, room: RoomId, user: UserId, login: LoginId) -> Decided<bool> {
        let now = self.clock.now();
        let slot = self.store.slot(room, user).await?;
        Ok(slot.is_some_and(|slot| {
            let standing = slot.reservation.filter(|it| now < it.deadline && it.login == login);
            slot.stay.is_some() || standing.is_some()
        }))
    }

    async fn standing(&self, room: RoomId, user: UserId) -> Decided<Option<Reserved>> {
        let now = self.clock.now();
        let Some(slot) = self.store.slot(room, user).await? else { return Ok(None) };
        let takeover = slot.stay.is_some();
        let standing = slot.reservation.filter(|it| now < it.deadline);
        Ok(standing.map(|reservation| Reserved { user, reservation, takeover, fresh: false }))
    }

    async fn position(&self, room: RoomId, user: UserId) -> Decided<Option<Position>> {
        self.store.position(room, user).await
    }

    async fn line(&self, room: RoomId) -> Decided<Vec<UserId>> {
        self.store.line(room, usize::MAX).await
    }

    async fn line_front(&self, room: RoomId, most: usize) -> Decided<Vec<UserId>> {
        self.store.line(room, most).await
    }

    async fn snapshot(&self, room: RoomId) -> Decided<Option<Snapshot>> {
        self.store.snapshot(room).await
    }

    async fn entries_under_way(&self) -> Decided<usize> {
        self.store.entering().await
    }
}
