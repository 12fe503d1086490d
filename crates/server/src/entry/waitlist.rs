//! Waiting for a seat: joining the line, and leaving it. The stream on which a waiter is told is
//! [`super::line_stream`].

use std::net::IpAddr;

use anteroom_core::ids::{LoginId, RoomId, UserId};
use anteroom_core::seat::{self, Ask, WaitRefusal};
use anteroom_protocol::Timestamp;
use anteroom_protocol::entry::{Position, Reserve, Waiting};

use super::duty::Duty;
use super::reserve::{Approach, CONTESTS_MAX, Course};
use super::{Entry, EntryError};
use crate::admission::{Journal, Refusal, WaitError};
use crate::alarms::Kind;
use crate::storage::LoginEnd;
use crate::tokens::Identity;
use crate::traces;

impl Entry {
    /// Puts a user at the end of a room's line, under the guards of a reservation. `Ok((_, fresh))`:
    /// `fresh` is false when the place, or the seat, was the user's already.
    ///
    /// # Errors
    /// As [`EntryError`] says; the user does not wait then, unless it did before.
    pub(crate) async fn wait(
        &self,
        who: &Identity,
        room: RoomId,
        ask: &Reserve,
        address: Option<IpAddr>,
    ) -> Result<(Waiting, bool), EntryError> {
        let mut course = Course::default();
        traces::attribute(traces::key::ROOM, room.0);
        let answer = self.try_wait(who, room, ask, address, &mut course).await;
        traces::outcome(match &answer {
            Ok((Waiting::InLine(_), _)) => "waiting",
            Ok((Waiting::Offered { .. }, _)) => "reserved",
            Err(error) => error.code().as_str(),
        });
        if let Err(error) = &answer
            && !course.is_told
        {
            let log = &self.aftermath.entry_log;
            log.refused(room, who.user, error.code(), course.decision);
        }
        match &answer {
            Ok((Waiting::InLine(place), fresh)) => tracing::info!(event = "entry.waiting",
                room = room.0, user = %who.user, position = place.position, fresh,
                "a user waits for a seat"),
            Ok((Waiting::Offered { offer }, fresh)) => tracing::info!(event = "entry.reserved",
                room = room.0, user = %who.user, generation = offer.seat.generation,
                takeover = offer.seat.takeover, fresh, "a seat was free for who would have waited"),
            Err(error) => tracing::info!(event = "entry.refused", room = room.0, user = %who.user,
                code = error.code().as_str(), step = "wait", %error, "an entry was refused"),
        }
        answer
    }

    async fn try_wait(
        &self,
        who: &Identity,
        room: RoomId,
        ask: &Reserve,
        address: Option<IpAddr>,
        course: &mut Course,
    ) -> Result<(Waiting, bool), EntryError> {
        let first = traces::began();
        self.takes_people()?;
        let approach = self.approach(who, room, ask);
        let approach = traces::part("anteroom.entry.approach", approach).await?;
        let Approach { info, was_excused, ledger_ask } = approach;
        let mut journal = Journal::new();
        let began = std::time::Instant::now();
        let asked = self.line_up(who, room, ledger_ask, address, &mut journal);
        let answer = traces::part("anteroom.seat.wait", asked).await;
        let took = began.elapsed();
        course.decision = Some(took);
        self.aftermath.apply(journal);
        match answer? {
            Ok(seat::Waiting::Reserved(reserved)) => {
                traces::granted((room, reserved.reservation.generation), first, reserved.fresh);
                self.aftermath.entry_log.granted(room, &reserved, took);
                let needs_password = was_excused && reserved.fresh;
                if let Err(error) = self.recheck(who, &info, ask, needs_password).await {
                    if reserved.fresh {
                        self.aftermath.entry_log.refused_after_all(room, &reserved, error.code());
                        course.is_told = true;
                    }
                    self.withdraw(who, room, &reserved).await;
                    return Err(error);
                }
                let offer = self.shown(room, &reserved);
                Ok((Waiting::Offered { offer }, reserved.fresh))
            }
            Ok(seat::Waiting::InLine { position, fresh }) => {
                if let Err(error) = self.recheck(who, &info, ask, was_excused && fresh).await {
                    self.take_place_back(who, room, fresh, &error).await;
                    return Err(error);
                }
                self.aftermath.presence.mark(room);
                Ok((Waiting::InLine(self.place(room, position)), fresh))
            }
            Err(error) => Err(self.no_place(room, error).await),
        }
    }

    /// The ledger's step, as for a reservation.
    async fn line_up(
        &self,
        who: &Identity,
        room: RoomId,
        mut ask: Ask,
        address: Option<IpAddr>,
        journal: &mut Journal,
    ) -> Result<Result<seat::Waiting, WaitError>, EntryError> {
        for _ in 0..CONTESTS_MAX {
            let answer = self.admission.wait(room, ask, address, journal).await;
            if answer.is_ok() {
                self.aftermath.alarms.set(Kind::Waiter, room);
            }
            let Err(WaitError::Ledger(WaitRefusal::Contested(rival))) = answer else {
                return Ok(answer);
            };
            self.must_live(who.user, who.login).await?;
            ask.over = Some(rival);
        }
        Err(EntryError::Busy)
    }

    /// Takes back the place that this very request took, and no other: one that stands under a login
    /// that lives was asked for by somebody else.
    async fn take_place_back(&self, who: &Identity, room: RoomId, fresh: bool, why: &EntryError) {
        let user = who.user;
        match why {
            EntryError::Unauthenticated => self.end_of_login(user, who.login).await,
            EntryError::Banned => {
                self.duties.perform(Duty::Remove { room, user }).await;
            }
            // The line is left when the store answers, or else with the waiter's time.
            _ if fresh => drop(self.stop_waiting(who, room).await),
            _ => {}
        }
    }

    /// A login that was found dead took a place before its end reached the ledger. What it has, that
    /// place included, goes to the login that took over, or else with it.
    async fn end_of_login(&self, user: UserId, login: LoginId) {
        let newest = match self.storage.login_end(login).await {
            Ok(Some(LoginEnd::Superseded)) => {
                self.storage.logins(user).await.map(|mut all| all.pop())
            }
            Ok(_) => Ok(None),
            Err(error) => Err(error),
        };
        let duty = match newest {
            Ok(Some(newest)) => Duty::Supersede { user, old: login, new: newest.id },
            Ok(None) => Duty::Revoke { user, login },
            // Whoever ended the login sees to it.
            Err(_) => return,
        };
        self.duties.perform(duty).await;
    }

    async fn no_place(&self, room: RoomId, error: WaitError) -> EntryError {
        let refusal = match error {
            WaitError::Ledger(WaitRefusal::AlreadySeated) => return EntryError::AlreadySeated,
            WaitError::Ledger(WaitRefusal::Contested(_)) => return EntryError::Busy,
            WaitError::Ledger(WaitRefusal::LineFull) => seat::ReserveRefusal::RoomFull.into(),
            WaitError::Ledger(WaitRefusal::Closed) => seat::ReserveRefusal::Closed.into(),
            WaitError::Ledger(WaitRefusal::Gone) => seat::ReserveRefusal::Gone.into(),
            WaitError::NoRoom => Refusal::NoRoom,
            WaitError::TooMany(rooms) => Refusal::TooMany(rooms),
            WaitError::AddressBusy => Refusal::AddressBusy,
            WaitError::Unavailable(unavailable) => unavailable.into(),
        };
        self.refused(room, refusal).await
    }

    /// Leaves the line. False when the user did not stand there; an offer is not declined by it.
    ///
    /// # Errors
    /// The seat store cannot decide.
    pub(crate) async fn stop_waiting(
        &self,
        who: &Identity,
        room: RoomId,
    ) -> Result<bool, EntryError> {
        let mut journal = Journal::new();
        let stopped = self.admission.stop_waiting(room, who.user, &mut journal).await;
        self.aftermath.apply(journal);
        Ok(stopped?)
    }

    /// A place as the wire shows it.
    pub(super) fn place(&self, room: RoomId, at: seat::Position) -> Position {
        let wait = self.aftermath.line.estimate(room, at.position, self.clock.now());
        self.shown_place(at, wait)
    }

    pub(super) fn shown_place(
        &self,
        at: seat::Position,
        estimated_wait_ms: Option<u64>,
    ) -> Position {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position {
            position: count(at.position),
            ahead: count(at.ahead),
            joined_at: Some(Timestamp(self.admission.shown(at.joined, &self.clock))),
            estimated_wait_ms,
        }
    }
}
