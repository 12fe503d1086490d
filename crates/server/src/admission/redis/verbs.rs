//! The verbs of [`Admission`], each one script.

use std::net::IpAddr;

use anteroom_core::ids::{Generation, LoginId, Owner, RoomId, SessionId, StreamId, UserId};
use anteroom_core::limits::{ATTEMPTS_MAX, CAPACITY_MAX, STREAMS_MAX, WAITLIST_MAX};
use anteroom_core::seat::{
    Ask, Attachment, Claim, Closed, Confirmed, Member, PartRef, Parting, Position, Reserved, Rival,
    RivalClaim, RoomSize, RoomSpec, Seats, Snapshot, Waiting,
};
use anteroom_core::time::Millis;
use async_trait::async_trait;
use serde_json::{Value, json};

use super::documents::{generation, hex_text, id_text, lifetime_word, owner_text, stream_text};
use super::reply::{Answer, Word, unreadable};
use super::scripts::Verb;
use super::{JUMP_MS, Redis, shifted};
use crate::admission::{
    Admission, ConfirmError, Decided, EndedSessions, Journal, PartyError, Refusal, SettleError,
    Ticket, WaitError,
};
use crate::clock::Clock;
use crate::sweeper::Due;

/// The node that set a deadline has so long to see to it itself.
const OVERDUE_MS: u64 = 500;
/// Rooms looked at in one go.
const OVERDUE_MAX: usize = 256;

fn number(room: RoomId) -> String {
    room.0.to_string()
}

fn pair(Generation { epoch, n }: Generation) -> (u64, u64) {
    (epoch, n)
}

/// What is asked for one user in one room.
pub(super) fn of(room: RoomId, user: UserId) -> Value {
    json!({ "room": number(room), "user": id_text(user.0) })
}

fn with_session(room: RoomId, user: UserId, session: SessionId) -> Value {
    json!({ "room": number(room), "user": id_text(user.0), "session": id_text(session.0) })
}

fn asked(ask: &Ask) -> Value {
    let mut value = json!({
        "user": id_text(ask.user.0),
        "login": id_text(ask.login.0),
        "nonce": hex_text(&ask.nonce.0),
        "staff": ask.is_staff,
    });
    if let Some(resume) = ask.resume {
        value["resume"] = json!(hex_text(&resume.0));
    }
    if let Some(Rival { login, claim }) = ask.over {
        let login = id_text(login.0);
        value["over"] = match claim {
            RivalClaim::Reservation(it) => json!({ "login": login, "reservation": pair(it) }),
            RivalClaim::Place(it) => json!({ "login": login, "place": it.0 }),
        };
    }
    value
}

fn asked_in(room: RoomId, ask: &Ask, address: Option<IpAddr>) -> Value {
    let mut value = asked(ask);
    value["room"] = json!(number(room));
    if let Some(address) = address {
        value["address"] = json!(address.to_string());
    }
    value
}

fn claimed(room: RoomId, claim: &Claim) -> Value {
    let mut value = json!({
        "room": number(room),
        "user": id_text(claim.user.0),
        "generation": pair(claim.generation),
        "nonce": hex_text(&claim.nonce.0),
        "login": id_text(claim.login.0),
        "session": id_text(claim.session.0),
        "owner": owner_text(claim.owner),
        "new_resume": hex_text(&claim.new_resume.0),
    });
    if let Some(presented) = claim.presented {
        value["presented"] = json!(hex_text(&presented.0));
    }
    value
}

impl Redis {
    async fn user(&self, room: RoomId, user: UserId) -> Decided<Answer> {
        self.ask(Verb::ReadUser, Some(room), &of(room, user), None).await
    }
}

#[async_trait]
impl Admission for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn now(&self) -> Millis {
        shifted(self.clock.now(), self.skew())
    }

    fn local(&self, at: Millis) -> Millis {
        shifted(at, self.skew().saturating_neg())
    }

    fn shown(&self, at: Millis, clock: &Clock) -> i64 {
        // What is left of the difference is the jitter with which each node measured it.
        let agree = self.skew().unsigned_abs() < JUMP_MS;
        clock.to_wall(if agree { at } else { self.local(at) })
    }

    async fn lost(&self) {
        self.book.lost().await;
    }

    fn lose(&self) -> bool {
        self.book.lose_all();
        true
    }

    async fn rebuilt(&self) {
        for room in self.book.forget_lost() {
            self.deadlines.set(Due::Room(room), None);
        }
    }

    async fn ping(&self) -> Decided<()> {
        self.book.nothing_is_lost()?;
        self.ask(Verb::ReadSeats, None, &json!({ "rooms": [] }), None).await?;
        Ok(())
    }

    async fn add_room(&self, spec: RoomSpec) -> Decided<()> {
        let (seen, lost) = self.book.seen_adding(spec.id, spec.epoch)?;
        let capacity = spec.capacity.clamp(1, CAPACITY_MAX);
        let mut ask = json!({
            "room": number(spec.id),
            "epoch": spec.epoch,
            "capacity": capacity,
            "staff_seats": spec.staff_seats.min(capacity),
            "lifetime": lifetime_word(spec.lifetime),
            "owner": owner_text(self.whose.owner),
            "lost": lost,
        });
        if let Some(until) = spec.pending_until {
            ask["pending_until"] = json!(until.0);
        }
        self.ask_after(seen.clone(), Verb::AddRoom, Some(spec.id), &ask, None).await?;
        self.book.added(&seen, spec.id, spec.epoch);
        Ok(())
    }

    async fn take_up(&self, owner: Owner, journal: &mut Journal) -> Decided<()> {
        let ask = json!({ "owner": owner_text(owner) });
        self.ask(Verb::TakeUp, None, &ask, Some(journal)).await?;
        Ok(())
    }

    async fn reserve(
        &self,
        room: RoomId,
        ask: Ask,
        address: Option<IpAddr>,
        journal: &mut Journal,
    ) -> Result<Reserved, Refusal> {
        let ask = asked_in(room, &ask, address);
        let answer = self.ask(Verb::Reserve, Some(room), &ask, Some(journal)).await?;
        if let Some(word) = answer.refused {
            return Err(answer.reserve_refusal(word));
        }
        let reserved = answer.reserved.ok_or_else(|| unreadable("no reservation"))?;
        Ok(reserved.into())
    }

    async fn reserve_party(
        &self,
        room: RoomId,
        party: Vec<Ask>,
        journal: &mut Journal,
    ) -> Result<Vec<Reserved>, PartyError> {
        let party: Vec<Value> = party.iter().map(asked).collect();
        let ask = json!({ "room": number(room), "party": party });
        let answer = self.ask(Verb::ReserveParty, Some(room), &ask, Some(journal)).await?;
        if answer.refused == Some(Word::NoRoom) {
            return Err(PartyError::NoRoom);
        }
        if let Some(refusal) = answer.party_refusal()? {
            return Err(refusal.into());
        }
        let party = answer.party.ok_or_else(|| unreadable("no party"))?;
        Ok(party.into_iter().map(Reserved::from).collect())
    }

    async fn cancel(
        &self,
        room: RoomId,
        user: UserId,
        journal: &mut Journal,
    ) -> Decided<Option<Generation>> {
        let answer = self.ask(Verb::Cancel, Some(room), &of(room, user), Some(journal)).await?;
        Ok(answer.generation.map(generation))
    }

    async fn withdraw(
        &self,
        room: RoomId,
        user: UserId,
        (named, login): (Generation, LoginId),
        journal: &mut Journal,
    ) -> Decided<bool> {
        let mut ask = of(room, user);
        ask["generation"] = json!(pair(named));
        ask["login"] = json!(id_text(login.0));
        let answer = self.ask(Verb::Cancel, Some(room), &ask, Some(journal)).await?;
        Ok(answer.generation.is_some())
    }

    async fn connecting(&self, ticket: &Ticket, journal: &mut Journal) -> Decided<bool> {
        let mut ask = of(ticket.room, ticket.user);
        ask["generation"] = json!(pair(ticket.generation));
        ask["nonce"] = json!(hex_text(&ticket.nonce.0));
        ask["attempts_max"] = json!(ATTEMPTS_MAX);
        let answer = self.ask(Verb::Connecting, Some(ticket.room), &ask, Some(journal)).await?;
        Ok(answer.yes)
    }

    async fn confirm(
        &self,
        room: RoomId,
        claim: Claim,
        journal: &mut Journal,
    ) -> Result<Confirmed, ConfirmError> {
        let ask = claimed(room, &claim);
        self.ask(Verb::Confirm, Some(room), &ask, Some(journal)).await?.confirmed()
    }

    async fn settle(
        &self,
        room: RoomId,
        user: UserId,
        session: SessionId,
        journal: &mut Journal,
    ) -> Result<EndedSessions, SettleError> {
        let ask = with_session(room, user, session);
        let answer = self.ask(Verb::Settle, Some(room), &ask, Some(journal)).await?;
        match answer.over {
            Some(why) => Err(SettleError::Ended(why.into())),
            None => Ok(answer.sessions()),
        }
    }

    async fn heard(&self, room: RoomId, user: UserId, session: SessionId) -> Decided<()> {
        self.ask(Verb::Heard, Some(room), &with_session(room, user, session), None).await?;
        Ok(())
    }

    async fn abort(
        &self,
        room: RoomId,
        user: UserId,
        session: SessionId,
        journal: &mut Journal,
    ) -> Decided<()> {
        let ask = with_session(room, user, session);
        self.ask(Verb::Abort, Some(room), &ask, Some(journal)).await?;
        Ok(())
    }

    async fn close(
        &self,
        room: RoomId,
        part: PartRef,
        parting: Parting,
        journal: &mut Journal,
    ) -> Decided<Closed> {
        let mut ask = with_session(room, part.user, part.session);
        ask["generation"] = json!(pair(part.generation));
        ask["owner"] = json!(owner_text(part.owner));
        ask["clean"] = json!(parting == Parting::Clean);
        self.ask(Verb::Close, Some(room), &ask, Some(journal)).await?.closed()
    }

    async fn supersede(
        &self,
        user: UserId,
        old: LoginId,
        new: LoginId,
        journal: &mut Journal,
    ) -> Decided<EndedSessions> {
        let ask = json!({ "user": id_text(user.0), "old": id_text(old.0), "new": id_text(new.0) });
        Ok(self.ask(Verb::Supersede, None, &ask, Some(journal)).await?.sessions())
    }

    async fn revoke_login(
        &self,
        user: UserId,
        login: LoginId,
        journal: &mut Journal,
    ) -> Decided<EndedSessions> {
        let ask = json!({ "user": id_text(user.0), "login": id_text(login.0) });
        Ok(self.ask(Verb::RevokeLogin, None, &ask, Some(journal)).await?.sessions())
    }

    async fn remove(
        &self,
        room: RoomId,
        user: UserId,
        journal: &mut Journal,
    ) -> Decided<EndedSessions> {
        let answer = self.ask(Verb::Remove, Some(room), &of(room, user), Some(journal)).await?;
        Ok(answer.sessions())
    }

    async fn fence(&self, owner: Owner, journal: &mut Journal) -> Decided<EndedSessions> {
        let ask = json!({ "owner": owner_text(owner) });
        Ok(self.ask(Verb::Fence, None, &ask, Some(journal)).await?.sessions())
    }

    async fn close_room(&self, room: RoomId, journal: &mut Journal) -> Decided<EndedSessions> {
        let ask = json!({ "room": number(room) });
        Ok(self.ask(Verb::CloseRoom, Some(room), &ask, Some(journal)).await?.sessions())
    }

    async fn set_capacity(
        &self,
        room: RoomId,
        size: RoomSize,
        journal: &mut Journal,
    ) -> Decided<bool> {
        let ask = json!({
            "room": number(room),
            "capacity": size.capacity,
            "staff_seats": size.staff_seats,
            "capacity_max": CAPACITY_MAX,
        });
        Ok(self.ask(Verb::SetCapacity, Some(room), &ask, Some(journal)).await?.yes)
    }

    async fn wait(
        &self,
        room: RoomId,
        ask: Ask,
        address: Option<IpAddr>,
        journal: &mut Journal,
    ) -> Result<Waiting, WaitError> {
        let mut ask = asked_in(room, &ask, address);
        ask["waiters_max"] = json!(WAITLIST_MAX);
        let answer = self.ask(Verb::Wait, Some(room), &ask, Some(journal)).await?;
        if let Some(word) = answer.refused {
            return Err(answer.wait_refusal(word));
        }
        if let Some(reserved) = answer.reserved {
            return Ok(Waiting::Reserved(reserved.into()));
        }
        let position = answer.position.ok_or_else(|| unreadable("no place"))?;
        Ok(Waiting::InLine { position: position.into(), fresh: answer.fresh })
    }

    async fn stop_waiting(
        &self,
        room: RoomId,
        user: UserId,
        journal: &mut Journal,
    ) -> Decided<bool> {
        let ask = of(room, user);
        Ok(self.ask(Verb::StopWaiting, Some(room), &ask, Some(journal)).await?.yes)
    }

    async fn stream_attached(
        &self,
        room: RoomId,
        user: UserId,
        stream: StreamId,
        journal: &mut Journal,
    ) -> Decided<Attachment> {
        let mut ask = of(room, user);
        ask["stream"] = json!(stream_text(stream));
        ask["streams_max"] = json!(STREAMS_MAX);
        self.ask(Verb::StreamAttached, Some(room), &ask, Some(journal)).await?.attached()
    }

    async fn stream_lost(
        &self,
        room: RoomId,
        user: UserId,
        stream: StreamId,
        journal: &mut Journal,
    ) -> Decided<()> {
        let mut ask = of(room, user);
        ask["stream"] = json!(stream_text(stream));
        self.ask(Verb::StreamLost, Some(room), &ask, Some(journal)).await?;
        Ok(())
    }

    async fn expire(&self, room: RoomId, journal: &mut Journal) -> Decided<()> {
        let ask = json!({ "room": number(room) });
        self.ask(Verb::Expire, Some(room), &ask, Some(journal)).await?;
        Ok(())
    }

    async fn seats(&self, room: RoomId) -> Decided<Option<Seats>> {
        Ok(self.seats_of(&[room]).await?.pop().flatten())
    }

    async fn overdue(&self) -> Decided<Vec<RoomId>> {
        let ask = json!({ "late": OVERDUE_MS, "most": OVERDUE_MAX });
        let answer = self.ask(Verb::ReadDue, None, &ask, None).await?;
        Ok(answer.due.into_iter().map(|room| room.0).collect())
    }

    async fn seats_of(&self, rooms: &[RoomId]) -> Decided<Vec<Option<Seats>>> {
        for room in rooms {
            self.book.seen(Some(*room))?;
        }
        let ids: Vec<String> = rooms.iter().copied().map(number).collect();
        let answer = self.ask(Verb::ReadSeats, None, &json!({ "rooms": ids }), None).await?;
        Ok(answer.seats.into_iter().map(super::reply::SeatsDoc::seats).collect())
    }

    async fn members(&self, room: RoomId) -> Decided<Vec<Member>> {
        let ask = json!({ "room": number(room) });
        let answer = self.ask(Verb::ReadMembers, Some(room), &ask, None).await?;
        let mut members: Vec<Member> = answer.members.into_iter().map(Member::from).collect();
        members.sort_by_key(|member| (member.since, member.user));
        Ok(members)
    }

    async fn is_seated(&self, room: RoomId, user: UserId) -> Decided<bool> {
        Ok(self.user(room, user).await?.slot()?.is_some_and(|slot| slot.is_seated()))
    }

    async fn sessions_of(&self, user: UserId) -> Decided<Vec<(RoomId, SessionId)>> {
        let ask = json!({ "user": id_text(user.0) });
        let answer = self.ask(Verb::ReadSessions, None, &ask, None).await?;
        Ok(answer.sessions.into_iter().map(|(room, it)| (room.0, SessionId(it))).collect())
    }

    async fn stay(&self, room: RoomId, user: UserId) -> Decided<Option<Generation>> {
        let slot = self.user(room, user).await?.slot()?;
        Ok(slot.and_then(|slot| slot.stay).map(|stay| stay.entered))
    }

    async fn has_slot(&self, room: RoomId, user: UserId, login: LoginId) -> Decided<bool> {
        let answer = self.user(room, user).await?;
        let is_seated = answer.slot()?.is_some_and(|slot| slot.is_seated());
        let standing = answer.standing(user)?;
        Ok(is_seated || standing.is_some_and(|it| it.reservation.login == login))
    }

    async fn standing(&self, room: RoomId, user: UserId) -> Decided<Option<Reserved>> {
        self.user(room, user).await?.standing(user)
    }

    async fn position(&self, room: RoomId, user: UserId) -> Decided<Option<Position>> {
        Ok(self.user(room, user).await?.position.map(Position::from))
    }

    async fn line(&self, room: RoomId) -> Decided<Vec<UserId>> {
        let ask = json!({ "room": number(room) });
        let answer = self.ask(Verb::ReadLine, Some(room), &ask, None).await?;
        Ok(answer.line.into_iter().map(UserId).collect())
    }

    async fn line_front(&self, room: RoomId, most: usize) -> Decided<Vec<UserId>> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let ask = json!({ "room": number(room), "most": most });
        let answer = self.ask(Verb::ReadLine, Some(room), &ask, None).await?;
        Ok(answer.line.into_iter().map(UserId).collect())
    }

    async fn snapshot(&self, room: RoomId) -> Decided<Option<Snapshot>> {
        let ask = json!({ "room": number(room) });
        let answer = self.ask(Verb::ReadRoom, Some(room), &ask, None).await?;
        match answer.refused {
            Some(_) => Ok(None),
            None => answer.snapshot(room).map(Some),
        }
    }

    async fn entries_under_way(&self) -> Decided<usize> {
        Ok(self.ask(Verb::ReadEntries, None, &json!({}), None).await?.count)
    }
}
