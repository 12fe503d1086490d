//! Step 1: a seat is counted for a user until a deadline, and the ticket for it is made.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anteroom_core::ids::{LoginId, Nonce, RoomId, UserId};
use anteroom_core::mutants::{self, Mutant};
use anteroom_core::seat::{Ask, ReserveRefusal, Reserved};
use anteroom_core::time::Millis;
use anteroom_protocol::Timestamp;
use anteroom_protocol::account::Role;
use anteroom_protocol::entry::{Reservation, Reserve, ReservedSeat};
use anteroom_protocol::room::{RoomState, Seats, Visibility};
use aws_lc_rs::rand;

use super::duty::Duty;
use super::{Entry, EntryError, resume_hash};
use crate::admission::{Journal, Refusal, Ticket};
use crate::rooms::RoomInfo;
use crate::tokens::Identity;
use crate::traces;
use crate::view;

/// How often a request asks the ledger while other logins of its user are at work there.
pub(super) const CONTESTS_MAX: usize = 8;

/// A request that passed the door, and with what it goes to the ledger.
pub(super) struct Approach {
    pub(super) info: Arc<RoomInfo>,
    /// The user had a slot, which excuses from the password.
    pub(super) was_excused: bool,
    pub(super) ledger_ask: Ask,
}

/// What the entry log has to know of a request besides its answer.
#[derive(Default)]
pub(super) struct Course {
    /// How long the strategy took, where it was asked.
    pub(super) decision: Option<Duration>,
    /// The refusal is in the log already, as the end of the reservation that this request was given.
    pub(super) is_told: bool,
}

impl Entry {
    /// Reserves a seat. `Ok((reservation, fresh))`: `fresh` is false when the same reservation
    /// stood already.
    ///
    /// # Errors
    /// As [`EntryError`] says; no seat is counted then.
    pub(crate) async fn reserve(
        &self,
        who: &Identity,
        room: RoomId,
        ask: &Reserve,
        address: Option<IpAddr>,
    ) -> Result<(Reservation, bool), EntryError> {
        let mut course = Course::default();
        traces::attribute(traces::key::ROOM, room.0);
        let answer = self.try_reserve(who, room, ask, address, &mut course).await;
        traces::outcome(outcome_word(&answer));
        if let Err(error) = &answer
            && !course.is_told
        {
            let log = &self.aftermath.entry_log;
            log.refused(room, who.user, error.code(), course.decision);
        }
        match &answer {
            Ok((reserved, fresh)) => tracing::info!(event = "entry.reserved", room = room.0,
                user = %who.user, generation = reserved.seat.generation,
                takeover = reserved.seat.takeover, fresh, "a seat was reserved"),
            Err(error) => tracing::info!(event = "entry.refused", room = room.0, user = %who.user,
                code = error.code().as_str(), step = "reserve", %error, "an entry was refused"),
        }
        answer
    }

    async fn try_reserve(
        &self,
        who: &Identity,
        room: RoomId,
        ask: &Reserve,
        address: Option<IpAddr>,
        course: &mut Course,
    ) -> Result<(Reservation, bool), EntryError> {
        let first = traces::began();
        self.takes_people()?;
        self.may_prove(who.user, ask.resume.as_deref())?;
        let approach = self.approach(who, room, ask);
        let approach = traces::part("anteroom.entry.approach", approach).await?;
        let Approach { info, was_excused, ledger_ask } = approach;
        let mut journal = Journal::new();
        let began = Instant::now();
        let asked = self.grant(who, room, ledger_ask, address, &mut journal);
        let granted = traces::part("anteroom.seat.reserve", asked).await;
        let took = began.elapsed();
        course.decision = Some(took);
        self.aftermath.apply(journal);
        let reserved = match granted? {
            Ok(reserved) => reserved,
            Err(refusal) => {
                self.note_stale_at_the_door(who.user, &refusal);
                return Err(self.refused(room, refusal).await);
            }
        };
        traces::granted((room, reserved.reservation.generation), first, reserved.fresh);
        self.aftermath.entry_log.granted(room, &reserved, took);
        let needs_password = was_excused && reserved.fresh && !reserved.takeover;
        if let Err(error) = self.recheck(who, &info, ask, needs_password).await {
            if reserved.fresh {
                self.aftermath.entry_log.refused_after_all(room, &reserved, error.code());
                course.is_told = true;
            }
            self.withdraw(who, room, &reserved).await;
            return Err(error);
        }
        Ok((self.shown(room, &reserved), reserved.fresh))
    }

    /// The ledger's step. What another login of the user has there is asked for by its name, once the
    /// asking login was seen to live after it.
    async fn grant(
        &self,
        who: &Identity,
        room: RoomId,
        mut ask: Ask,
        address: Option<IpAddr>,
        journal: &mut Journal,
    ) -> Result<Result<Reserved, Refusal>, EntryError> {
        for _ in 0..CONTESTS_MAX {
            let answer = self.admission.reserve(room, ask, address, journal).await;
            let Err(Refusal::Ledger(ReserveRefusal::Contested(rival))) = answer else {
                return Ok(answer);
            };
            self.must_live(who.user, who.login).await?;
            ask.over = Some(rival);
        }
        Err(EntryError::Busy)
    }

    /// # Errors
    /// The login has ended, or the store cannot tell.
    pub(super) async fn must_live(&self, user: UserId, login: LoginId) -> Result<(), EntryError> {
        match self.login_lives(user, login).await? {
            true => Ok(()),
            false => Err(EntryError::Unauthenticated),
        }
    }

    /// What stands before the ledger is asked, for a seat or a place in the line.
    ///
    /// # Errors
    /// The room may not be known to the asker, who may be banned or lack its password.
    pub(super) async fn approach(
        &self,
        who: &Identity,
        room: RoomId,
        ask: &Reserve,
    ) -> Result<Approach, EntryError> {
        let info = self.visible(who, room, ask.key.as_deref()).await?;
        self.not_banned(who, room).await?;
        self.duties.removals.door_is_open(room, who.user)?;
        let was_excused = self.admission.has_slot(room, who.user, who.login).await?;
        if !was_excused {
            self.check_password(who, &info, ask).await?;
        }
        let ledger_ask = Ask {
            user: who.user,
            login: who.login,
            nonce: new_nonce()?,
            is_staff: self.is_staff(who, &info),
            resume: ask.resume.as_deref().map(resume_hash),
            over: None,
        };
        Ok(Approach { info, was_excused, ledger_ask })
    }

    /// What may have changed while the ledger decided: the login, a ban, and a slot that vanished
    /// after it had excused the user from the password.
    pub(super) async fn recheck(
        &self,
        who: &Identity,
        info: &RoomInfo,
        ask: &Reserve,
        needs_password: bool,
    ) -> Result<(), EntryError> {
        self.must_live(who.user, who.login).await?;
        self.not_banned(who, info.id).await?;
        if needs_password {
            self.check_password(who, info, ask).await?;
        }
        Ok(())
    }

    async fn not_banned(&self, who: &Identity, room: RoomId) -> Result<(), EntryError> {
        match self.storage.is_banned(room, who.user).await? {
            true => Err(EntryError::Banned),
            false => Ok(()),
        }
    }

    /// Takes back what this very request was granted; a reservation that stood before, or that
    /// meanwhile stands under another login, is not this request's to take.
    pub(super) async fn withdraw(&self, who: &Identity, room: RoomId, reserved: &Reserved) {
        if !reserved.fresh || mutants::on(Mutant::B03RefusedGrantStands) {
            return;
        }
        let grant = (reserved.reservation.generation, who.login);
        self.duties.perform(Duty::Withdraw { room, user: who.user, grant }).await;
    }

    /// Gives a user's reservation back. True when there was one.
    ///
    /// # Errors
    /// The seat store cannot decide.
    pub(crate) async fn cancel(&self, who: &Identity, room: RoomId) -> Result<bool, EntryError> {
        let mut journal = Journal::new();
        let cancelled = self.admission.cancel(room, who.user, &mut journal).await;
        self.aftermath.apply(journal);
        if cancelled.is_err() {
            self.duties.doubt(room);
        }
        Ok(cancelled?.is_some())
    }

    /// The room, if the asker may know of it.
    pub(crate) async fn visible(
        &self,
        who: &Identity,
        room: RoomId,
        key: Option<&str>,
    ) -> Result<std::sync::Arc<RoomInfo>, EntryError> {
        let mut info = self.rooms.get(room);
        let is_doubtful = info.as_ref().is_none_or(|it| it.state == RoomState::Pending);
        if is_doubtful && self.aftermath.bus.is_shared() {
            // Another node made it, or was entered, and the news of it is not here.
            info = self.duties.look_at_room(room).await?;
        }
        if info.as_ref().is_some_and(|it| it.state == RoomState::Pending) {
            // Its seats decide: they go at its deadline, and its record is forgotten a moment later, by
            // whichever node saw to it, or much later where the store is away.
            let is_over = self.admission.seats(room).await?.is_none();
            info = info.filter(|_| !is_over);
        }
        let Some(info) = info else {
            return Err(self.closed(who, room, key).await?);
        };
        let is_known = info.visibility == Visibility::Public
            || self.is_staff(who, &info)
            || (key.is_some() && key == info.key.as_deref())
            || self.admission.has_slot(room, who.user, who.login).await?;
        if is_known { Ok(info) } else { Err(EntryError::RoomNotFound) }
    }

    /// What is said of a room that is not open: that it is closed, to whoever may know of it.
    async fn closed(
        &self,
        who: &Identity,
        room: RoomId,
        key: Option<&str>,
    ) -> Result<EntryError, EntryError> {
        let Some(record) = self.storage.room(room).await? else {
            return Ok(EntryError::RoomNotFound);
        };
        let is_known = record.room.visibility == Visibility::Public
            || who.user == record.room.owner
            || who.has(Role::Moderator)
            || who.has(Role::Admin)
            || (key.is_some() && key == record.room.key.as_deref());
        Ok(if is_known { EntryError::RoomClosed } else { EntryError::RoomNotFound })
    }

    /// Lets the owner in, and whoever knows the password; guessing is bounded per user and room.
    pub(super) async fn check_password(
        &self,
        who: &Identity,
        info: &RoomInfo,
        ask: &Reserve,
    ) -> Result<(), EntryError> {
        let Some(hash) = &info.password_hash else { return Ok(()) };
        if who.user == info.owner {
            return Ok(());
        }
        let Some(password) = &ask.password else { return Err(EntryError::WrongPassword) };
        let guesser = (info.id, who.user);
        // Counted before it is judged, so that guesses made at once are no more than one by one.
        let admitted = self.wrong_passwords.admit(guesser, self.clock.now());
        admitted.map_err(EntryError::TooManyGuesses)?;
        let checked = self.passwords.verify(password.clone(), Some(hash.clone())).await;
        if !matches!(checked, Ok(false)) {
            self.wrong_passwords.forgive(&guesser);
        }
        match checked {
            Ok(true) => Ok(()),
            Ok(false) => Err(EntryError::WrongPassword),
            Err(_) => Err(EntryError::Busy),
        }
    }

    pub(crate) fn is_staff(&self, who: &Identity, info: &RoomInfo) -> bool {
        who.user == info.owner || who.has(Role::Moderator) || who.has(Role::Admin)
    }

    pub(super) async fn refused(&self, room: RoomId, refusal: Refusal) -> EntryError {
        match refusal {
            Refusal::Ledger(ReserveRefusal::RoomFull) => {
                let seats = self.admission.seats(room).await.ok().flatten().map(view::seats);
                EntryError::RoomFull(seats.unwrap_or_else(Seats::default))
            }
            Refusal::Ledger(ReserveRefusal::Replaced) => EntryError::Replaced,
            Refusal::Ledger(ReserveRefusal::AlreadySeated) => EntryError::AlreadySeated,
            Refusal::Ledger(ReserveRefusal::Contested(_)) => EntryError::Busy,
            Refusal::Ledger(ReserveRefusal::Closed) => EntryError::RoomClosed,
            Refusal::Ledger(ReserveRefusal::Gone) | Refusal::NoRoom => {
                match self.storage.room(room).await {
                    Ok(Some(_)) => EntryError::RoomClosed,
                    Ok(None) => EntryError::RoomNotFound,
                    Err(error) => error.into(),
                }
            }
            Refusal::TooMany(rooms) => EntryError::TooManyReservations(rooms),
            Refusal::AddressBusy => EntryError::AddressBusy,
            Refusal::Unavailable(unavailable) => {
                self.duties.doubt(room);
                unavailable.into()
            }
        }
    }

    /// A reservation as the wire shows it. `websocket_url` is a path; the edge, which knows under
    /// which name it was reached, completes it.
    pub(super) fn shown(&self, room: RoomId, reserved: &Reserved) -> Reservation {
        let reservation = &reserved.reservation;
        let ticket = self.ticket_key.seal(&Ticket::of(room, reserved.user, reservation));
        let now: Millis = self.admission.now();
        Reservation {
            websocket_url: format!("/ws?ticket={ticket}"),
            ticket,
            room_id: room.0,
            seat: ReservedSeat {
                generation: reservation.generation.to_string(),
                takeover: reserved.takeover,
            },
            expires_at: Timestamp(self.admission.shown(reservation.deadline, &self.clock)),
            expires_in_ms: u64::try_from(reservation.deadline.since(now).as_millis())
                .unwrap_or(u64::MAX),
        }
    }
}

/// What a trace says of such an answer.
fn outcome_word(answer: &Result<(Reservation, bool), EntryError>) -> &'static str {
    match answer {
        Ok((reservation, _)) if reservation.seat.takeover => "takeover",
        Ok((_, true)) => "reserved",
        Ok((_, false)) => "stood_already",
        Err(error) => error.code().as_str(),
    }
}

pub(super) fn new_nonce() -> Result<Nonce, EntryError> {
    let mut nonce = [0; 16];
    if mutants::on(Mutant::B08NonceIsNoSecret) {
        return Ok(Nonce(nonce));
    }
    rand::fill(&mut nonce).map_err(|_| EntryError::Failed)?;
    Ok(Nonce(nonce))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn bug_b08_no_two_reservations_share_their_secret() {
        let drawn: HashSet<Nonce> = (0..1_000).map(|_| new_nonce().unwrap()).collect();
        assert_eq!(drawn.len(), 1_000);
    }
}
