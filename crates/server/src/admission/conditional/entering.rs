//! The verbs of an entry, and of the line in front of it.

use std::net::IpAddr;

use anteroom_core::ids::{RoomId, SessionId, UserId};
use anteroom_core::seat::{
    Ask, Claim, ConfirmRefusal, Confirmed, End, PartyRefusal, Position, ReserveRefusal, Reserved,
    Waiting,
};

use super::book::Book;
use super::scope::Scope;
use super::transaction::{Fetched, Transaction};
use super::working::Working;
use crate::admission::quota::Exceeded;
use crate::admission::{ConfirmError, EndedSessions, PartyError, Refusal, SettleError, WaitError};

impl<T: Transaction> Book<'_, T> {
    pub(super) async fn reserve(
        &mut self,
        room: RoomId,
        ask: Ask,
        address: Option<IpAddr>,
    ) -> Fetched<Result<Reserved, Refusal>> {
        let scope = Scope { adds: true, ..Scope::of(ask.user) };
        let Some(mut working) = self.open(room, &scope).await? else {
            return Ok(Err(Refusal::NoRoom));
        };
        if let Err(refusal) = self.lets_move(room, ask.user, ask.resume).await? {
            return Ok(Err(refusal.into()));
        }
        let answer = match self.quota(&mut working, ask.user, address).await? {
            Ok(()) => self.act(&mut working, |it, step| it.reserve(step, &ask)).map_err(Into::into),
            Err(Exceeded::User(rooms)) => Err(Refusal::TooMany(rooms)),
            Err(Exceeded::Address) => Err(Refusal::AddressBusy),
        };
        self.keep(working).await?;
        Ok(answer)
    }

    /// Whether the bounds leave room for one more open reservation or place in the line; if so, it
    /// will stand under `address`. What is overdue in the room is ended first and so not counted.
    async fn quota(
        &mut self,
        working: &mut Working,
        user: UserId,
        address: Option<IpAddr>,
    ) -> Fetched<Result<(), Exceeded>> {
        self.expire_first(working).await?;
        let bounds = self.rules.bounds;
        let open = self.tx.open_of(user).await?;
        if open.contains(&working.room.id()) {
            return Ok(Ok(()));
        }
        if open.len() >= bounds.per_user {
            return Ok(Err(Exceeded::User(open)));
        }
        let address = address.filter(|_| bounds.per_address.is_some());
        if let (Some(address), Some(max)) = (address, bounds.per_address)
            && self.tx.open_from(address).await? >= max
        {
            return Ok(Err(Exceeded::Address));
        }
        working.asked_from(user, address);
        Ok(Ok(()))
    }

    pub(super) async fn reserve_party(
        &mut self,
        room: RoomId,
        party: Vec<Ask>,
    ) -> Fetched<Result<Vec<Reserved>, PartyError>> {
        let mut failed = Vec::new();
        for ask in &party {
            let judged = self.lets_move(room, ask.user, ask.resume).await?;
            failed.extend(judged.err().map(|refusal| (ask.user, refusal)));
        }
        if !failed.is_empty() {
            return Ok(Err(PartyRefusal { failed }.into()));
        }
        let users = party.iter().map(|ask| ask.user).collect();
        let scope = Scope { users, adds: true, ..Scope::default() };
        let Some(mut working) = self.open(room, &scope).await? else {
            return Ok(Err(PartyError::NoRoom));
        };
        self.expire_first(&mut working).await?;
        let answer = self.act(&mut working, |it, step| it.reserve_party(step, &party));
        self.keep(working).await?;
        Ok(answer.map_err(Into::into))
    }

    pub(super) async fn confirm(
        &mut self,
        room: RoomId,
        claim: Claim,
    ) -> Fetched<Result<Confirmed, ConfirmError>> {
        if let Err(refusal) = self.lets_move(room, claim.user, claim.presented).await? {
            return Ok(Err(match refusal {
                ReserveRefusal::AlreadySeated => ConfirmRefusal::AlreadySeated.into(),
                _ => ConfirmRefusal::Replaced.into(),
            }));
        }
        let scope = Scope::of(claim.user);
        let Some(answer) = self.step(room, scope, |it, step| it.confirm(step, &claim)).await?
        else {
            return Ok(Err(ConfirmError::NoRoom));
        };
        if let Ok(confirmed) = &answer
            && self.rules.one_session_in_all()
        {
            let generation = confirmed.generation;
            self.tx.take_place(claim.user, room, generation, claim.session).await?;
        }
        Ok(answer.map_err(Into::into))
    }

    pub(super) async fn settle(
        &mut self,
        room: RoomId,
        user: UserId,
        session: SessionId,
    ) -> Fetched<Result<EndedSessions, SettleError>> {
        let step = self.step(room, Scope::of(user), |it, step| it.settle_entry(step, session));
        let mut ended = match step.await?.unwrap_or(Err(End::RoomClosed)) {
            Ok(ended) => ended,
            Err(end) => {
                self.forget_place(user, session).await?;
                return Ok(Err(SettleError::Ended(end)));
            }
        };
        if !self.rules.one_session_in_all() {
            return Ok(Ok(ended));
        }
        for place in self.tx.settle_places(user, session).await? {
            if place.room == room {
                continue;
            }
            let moved = self
                .step(place.room, Scope::of(user), |it, step| {
                    it.move_out(step, user, place.generation)
                })
                .await?;
            ended.extend(Some(place.session).filter(|_| moved == Some(true)));
        }
        Ok(Ok(ended))
    }

    pub(super) async fn abort(
        &mut self,
        room: RoomId,
        user: UserId,
        session: SessionId,
    ) -> Fetched<()> {
        // Why it had ended already is the other side's to tell.
        self.step(room, Scope::of(user), |it, step| it.abort(step, session).ok()).await?;
        self.forget_place(user, session).await
    }

    async fn forget_place(&mut self, user: UserId, session: SessionId) -> Fetched<()> {
        if self.rules.one_session_in_all() {
            self.tx.forget_place(user, session).await?;
        }
        Ok(())
    }

    pub(super) async fn heard(
        &mut self,
        room: RoomId,
        user: UserId,
        session: SessionId,
    ) -> Fetched<()> {
        let Some(mut working) = self.open(room, &Scope::of(user)).await? else { return Ok(()) };
        working.room.heard(user, session);
        self.write(&mut working).await
    }

    pub(super) async fn wait(
        &mut self,
        room: RoomId,
        ask: Ask,
        address: Option<IpAddr>,
    ) -> Fetched<Result<Waiting, WaitError>> {
        let scope = Scope { adds: true, joins: true, ..Scope::of(ask.user) };
        let Some(mut working) = self.open(room, &scope).await? else {
            return Ok(Err(WaitError::NoRoom));
        };
        let answer = match self.quota(&mut working, ask.user, address).await? {
            Ok(()) => self.act(&mut working, |it, step| it.wait(step, &ask)).map_err(Into::into),
            Err(Exceeded::User(rooms)) => Err(WaitError::TooMany(rooms)),
            Err(Exceeded::Address) => Err(WaitError::AddressBusy),
        };
        let place = working.room.waiters().find(|it| it.user == ask.user).map(|it| it.place);
        self.keep(working).await?;
        Ok(match (answer, place) {
            (Ok(Waiting::InLine { position, fresh }), Some(place)) => {
                let ahead = self.tx.ahead(room, place).await?;
                let position = Position { position: ahead + 1, ahead, ..position };
                Ok(Waiting::InLine { position, fresh })
            }
            (answer, _) => answer,
        })
    }
}
