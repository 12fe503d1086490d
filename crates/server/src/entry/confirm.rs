//! Step 2: the ticket is confirmed, and the entry becomes a fact.

use std::sync::Arc;

use anteroom_core::ids::{Generation, SessionId};
use anteroom_core::mutants::{self, Mutant};
use anteroom_core::seat::{Change, Claim, ConfirmRefusal, Confirmed, End, PartRef};
use anteroom_protocol::attempt::Stage;
use anteroom_protocol::{CloseCode, Code};

use super::duty::Duty;
use super::{Entry, EntryError, new_resume, resume_hash};
use crate::admission::{ConfirmError, Journal, SettleError, Ticket};
use crate::cluster::News;
use crate::entry_log::{Grant, Proven};
use crate::hub::outbox::Outbox;
use crate::hub::{Link, NewSession, Session};
use crate::storage::{Entered as Stored, MembershipEnd, NewMembership};
use crate::tokens::Identity;
use crate::traces;
use crate::view;

/// A connection that presents a ticket.
pub(crate) struct Arrival<'a> {
    /// The ticket as it was presented.
    pub(crate) ticket: &'a str,
    /// The resume secret, if one came along.
    pub(crate) resume: Option<&'a str>,
    /// How the connection is called from now on.
    pub(crate) session: SessionId,
    /// Who a cookie or bearer beside the ticket says it is.
    pub(crate) beside: Option<&'a Identity>,
    /// The connection's outgoing side.
    pub(crate) outbox: Outbox,
}

/// An entry that is a fact; `welcome` comes next.
pub(crate) struct Entered {
    pub(crate) session: Link,
    /// The secret that the next reconnect presents.
    pub(crate) resume: String,
    pub(crate) kind: anteroom_core::seat::Entry,
    /// Sessions that gave way; to be told once `welcome` is queued.
    pub(crate) replaced: Vec<SessionId>,
}

/// What became of a ticket that was good.
pub(crate) enum Arrived {
    /// It holds.
    Entered(Entered),
    /// It was undone while it was under way; the refusal is queued on the session.
    Undone(Link),
}

impl Entry {
    /// Confirms a ticket.
    ///
    /// # Errors
    /// The refusal, and the outbox to say it with. Nothing has changed then, or all of it was undone.
    pub(crate) async fn confirm(
        &self,
        arrival: Arrival<'_>,
    ) -> Result<Arrived, (EntryError, Outbox)> {
        let ticket = match self.admit(&arrival).await {
            Ok(ticket) => ticket,
            Err(error) => {
                tracing::info!(event = "entry.refused", code = error.code().as_str(),
                    step = "confirm", %error, "a ticket was refused");
                let log = &self.aftermath.entry_log;
                log.ticket_refused(self.proven(&arrival), error.code());
                return Err((error, arrival.outbox));
            }
        };
        let session = arrival.session;
        let entered = self.enter(&ticket, session, arrival.resume).await;
        let (confirmed, resume, name) = match entered {
            Ok(entered) => entered,
            Err(error) => return Err((error, arrival.outbox)),
        };
        let part = PartRef {
            user: ticket.user,
            session,
            generation: confirmed.generation,
            owner: self.owner,
        };
        let link = Arc::new(Session::new(NewSession {
            part,
            name,
            login: ticket.login,
            room: ticket.room,
            outbox: arrival.outbox,
            now: self.clock.now(),
        }));
        match self.register(&ticket, &link, &confirmed).await {
            Ok(replaced) => Ok(Arrived::Entered(Entered {
                session: link,
                resume,
                kind: confirmed.entry,
                replaced,
            })),
            Err(code) => {
                link.refuse(code);
                Ok(Arrived::Undone(link))
            }
        }
    }

    /// Is it a ticket of ours, for whoever presents it, in time, under a login that lives?
    async fn admit(&self, arrival: &Arrival<'_>) -> Result<Ticket, EntryError> {
        self.takes_people()?;
        let ticket = self.ticket_key.open(arrival.ticket).map_err(|_| EntryError::NoReservation)?;
        traces::belongs(ticket.room, ticket.generation);
        if mutants::on(Mutant::B08TicketInTheLog) {
            tracing::info!(event = "entry.ticket", ticket = arrival.ticket, "a ticket came");
        }
        if arrival.beside.is_some_and(|who| who.user != ticket.user) {
            return Err(EntryError::NoReservation);
        }
        self.duties.removals.door_is_open(ticket.room, ticket.user)?;
        // Before anything is asked of the seats: an old ticket is to cost the others nothing.
        if self.admission.now() >= ticket.deadline {
            self.note_dead(ticket.user);
            return Err(EntryError::ReservationExpired);
        }
        let mut journal = Journal::new();
        let seen = self.admission.connecting(&ticket, &mut journal);
        let matched = traces::part("anteroom.seat.connecting", seen).await;
        self.aftermath.apply(journal);
        if matched.is_err() {
            self.duties.doubt(ticket.room);
        }
        if matched? {
            self.aftermath.entry_log.connecting(grant_of(&ticket));
            tracing::info!(event = "entry.connecting", room = ticket.room.0, user = %ticket.user,
                generation = %ticket.generation, "an attempt to connect was seen");
        } else {
            self.note_dead(ticket.user);
        }
        if self.admission.now() >= ticket.deadline {
            return Err(EntryError::ReservationExpired);
        }
        if !self.login_lives(ticket.user, ticket.login).await? {
            return Err(EntryError::Unauthenticated);
        }
        self.may_prove(ticket.user, arrival.resume)?;
        Ok(ticket)
    }

    /// The ledger's step, and the durable one where it is a first entry.
    async fn enter(
        &self,
        ticket: &Ticket,
        session: SessionId,
        presented: Option<&str>,
    ) -> Result<(Confirmed, String, Arc<str>), EntryError> {
        let log = &self.aftermath.entry_log;
        let at_door = |error: EntryError| {
            log.ticket_refused(grant_of(ticket).into(), error.code());
            error
        };
        let name = self.name_of(ticket).await.map_err(at_door)?;
        let (resume, new_resume) = match mutants::on(Mutant::B08ResumeIsTheSession) {
            true => (session.0.to_string(), resume_hash(&session.0.to_string())),
            false => new_resume().map_err(at_door)?,
        };
        let claim = Claim {
            user: ticket.user,
            generation: ticket.generation,
            nonce: ticket.nonce,
            login: ticket.login,
            session,
            owner: self.owner,
            new_resume,
            presented: presented.map(resume_hash),
        };
        // Known before anybody can be told of the entry.
        self.aftermath.presence.name(ticket.room, ticket.user, &name);
        let mut journal = Journal::new();
        let asked = self.admission.confirm(ticket.room, claim, &mut journal);
        let answer = traces::part("anteroom.seat.confirm", asked).await;
        self.aftermath.apply(journal);
        let refused = |error: EntryError| {
            tracing::info!(event = "entry.refused", room = ticket.room.0, user = %ticket.user,
                code = error.code().as_str(), step = "confirm", %error, "an entry was refused");
            at_door(error)
        };
        let confirmed = match answer {
            Ok(confirmed) => confirmed,
            Err(error) => {
                self.forget_name(ticket).await;
                self.note_stale(ticket.user, &error);
                return Err(refused(match error {
                    ConfirmError::NoRoom => self.gone_room(ticket).await,
                    // Its deadline passed on the way here.
                    ConfirmError::Ledger(ConfirmRefusal::NoReservation)
                        if self.admission.now() >= ticket.deadline =>
                    {
                        EntryError::ReservationExpired
                    }
                    ConfirmError::Ledger(refusal) => refusal.into(),
                    ConfirmError::Unavailable(error) => {
                        // It may have been confirmed all the same.
                        self.undo(ticket, session).await;
                        self.duties.doubt(ticket.room);
                        self.duties.doubt_rooms_of(ticket.user);
                        error.into()
                    }
                }));
            }
        };
        if let Err(error) = self.persist(ticket, &confirmed).await {
            self.fail(ticket, session, &confirmed, Stage::Persist, &error).await;
            return Err(error);
        }
        Ok((confirmed, resume, name))
    }

    /// The name the others will read. A user that is gone cannot enter.
    async fn name_of(&self, ticket: &Ticket) -> Result<Arc<str>, EntryError> {
        self.tokens.display_name(ticket.user).await?.ok_or(EntryError::Unauthenticated)
    }

    /// No ledger knows the room: it was closed, or forgotten, or the ticket is of another life.
    async fn gone_room(&self, ticket: &Ticket) -> EntryError {
        match self.storage.room(ticket.room).await {
            Ok(Some(record)) if record.closed_at.is_some() => EntryError::RoomClosed,
            Ok(_) => EntryError::NoReservation,
            Err(error) => error.into(),
        }
    }

    /// A stay is written before anybody is told of it: the membership, and with it the room's row
    /// while the room is pending. Once recorded, a takeover or refresh writes nothing. While its first
    /// entry is still under way every entry records the stay, for the first may yet fail; the store
    /// writes it once.
    async fn persist(&self, ticket: &Ticket, confirmed: &Confirmed) -> Result<(), EntryError> {
        if confirmed.is_recorded {
            return Ok(());
        }
        let membership = NewMembership {
            room: ticket.room,
            user: ticket.user,
            generation: confirmed.entered,
            at: self.clock.wall(),
        };
        let writing = self.storage.enter(membership);
        match traces::part("anteroom.entry.persist", writing).await {
            Ok(Stored::Joined | Stored::Opened) => Ok(()),
            Ok(Stored::NoRoom) if mutants::on(Mutant::B30NoRowIsNoMatter) => Ok(()),
            Ok(Stored::NoRoom) => Err(EntryError::RoomClosed),
            Err(error @ crate::storage::StorageError::Unavailable(_)) => Err(error.into()),
            Err(error) => {
                tracing::warn!(event = "store.failed", %error, "an entry could not be persisted");
                Err(EntryError::Failed)
            }
        }
    }

    /// Registers the session and settles the entry. On `Err` it was undone; the code says why.
    async fn register(
        &self,
        ticket: &Ticket,
        session: &Link,
        confirmed: &Confirmed,
    ) -> Result<Vec<SessionId>, CloseCode> {
        if !self.hub.insert(session) {
            self.fail(ticket, session.id, confirmed, Stage::Register, &EntryError::Failed).await;
            return Err(CloseCode::EntryFailed);
        }
        // While it can still be undone: who cannot hear the room must not take anybody's place in it.
        if let Err(error) = self.delivery.attend(ticket.room).await {
            let error = EntryError::from(error);
            self.hub.remove(session.id);
            self.fail(ticket, session.id, confirmed, Stage::Register, &error).await;
            return Err(session.ending().unwrap_or(crate::edge::close(error.code())));
        }
        if self.aftermath.bus.is_shared() && self.hub.count_in_room(ticket.room) == 1 {
            self.aftermath.bus.tell(News::Marks { room: ticket.room.0 });
        }
        let wrong = match self.login_lives(ticket.user, ticket.login).await {
            Ok(true) => None,
            Ok(false) => Some(EntryError::Unauthenticated),
            Err(error) => Some(error.into()),
        };
        if let Some(error) = wrong {
            self.hub.remove(session.id);
            self.fail(ticket, session.id, confirmed, Stage::Login, &error).await;
            return Err(session.ending().unwrap_or(crate::edge::close(error.code())));
        }
        let mut journal = Journal::new();
        let (room, user) = (ticket.room, ticket.user);
        let settled = self.settle(ticket, session.id, &mut journal).await;
        if journal.contains(&(room, Change::Opened)) {
            tracing::info!(event = "room.opened", room = room.0, %user,
                "a pending room was really entered");
        }
        self.aftermath.apply(journal);
        match settled {
            Ok(replaced) => {
                self.aftermath.presence.name(room, user, &session.name);
                self.aftermath.presence.mark(room);
                tracing::info!(event = "entry.confirmed", room = room.0, %user,
                    session = %session.id, generation = %session.generation,
                    entry = view::entry_word(confirmed.entry),
                    waited_ms = millis(confirmed.waited), "an entry became a fact");
                let log = &self.aftermath.entry_log;
                log.entered(grant_of(ticket), confirmed.entry, confirmed.waited);
                Ok(replaced)
            }
            Err(SettleError::Unavailable(error)) => {
                self.hub.remove(session.id);
                // It may have been settled all the same: whatever of it stands ends, and whom it
                // replaced, here or where the user was before, nobody was told.
                self.duties.doubt(ticket.room);
                self.duties.doubt_rooms_of(ticket.user);
                self.fail(ticket, session.id, confirmed, Stage::Settle, &error.into()).await;
                Err(session.ending().unwrap_or(CloseCode::Unavailable))
            }
            Err(SettleError::Ended(end)) => {
                if !mutants::on(Mutant::B10RegisteredAfterItsEnd) {
                    self.hub.remove(session.id);
                }
                // Who replaced it goes on with the stay, and with its record.
                if end != End::Replaced && !confirmed.is_recorded {
                    self.end_record(ticket, confirmed.entered).await;
                }
                self.forget_name(ticket).await;
                let code = ended_code(end);
                tracing::info!(event = "entry.failed", room = room.0, %user, session = %session.id,
                    generation = %session.generation, stage = "settle", code = code.status(),
                    "an entry was ended while it was under way");
                let word = code.code().unwrap_or(Code::EntryFailed);
                let log = &self.aftermath.entry_log;
                log.failed(grant_of(ticket), Stage::Settle, word, confirmed.waited);
                Err(session.ending().unwrap_or(code))
            }
        }
    }

    /// The ledger's last step: from now on the entry is not undone.
    async fn settle(
        &self,
        ticket: &Ticket,
        session: SessionId,
        journal: &mut Journal,
    ) -> Result<Vec<SessionId>, SettleError> {
        let asked = self.admission.settle(ticket.room, ticket.user, session, journal);
        traces::part("anteroom.seat.settle", asked).await
    }

    /// The record of a stay that is over. It may have been written after the stay had ended; a stay
    /// that another entry of the same user goes on with keeps its record.
    async fn end_record(&self, ticket: &Ticket, entered: Generation) {
        match self.admission.stay(ticket.room, ticket.user).await {
            Ok(Some(stay)) if stay == entered => {}
            Ok(_) => {
                let end = MembershipEnd::EntryFailed;
                self.aftermath.end_membership(ticket.room, ticket.user, entered, end);
            }
            Err(_) => self.duties.doubt(ticket.room),
        }
    }

    async fn forget_name(&self, ticket: &Ticket) {
        // Where nobody can say, the name stays until the room is told anew.
        if let Ok(false) = self.admission.is_seated(ticket.room, ticket.user).await {
            self.aftermath.presence.forget_name(ticket.room, ticket.user);
        }
    }

    /// Undoes a confirm: what it replaced is restored, or the seat is back.
    async fn fail(
        &self,
        ticket: &Ticket,
        session: SessionId,
        confirmed: &Confirmed,
        stage: Stage,
        error: &EntryError,
    ) {
        tracing::warn!(event = "entry.failed", room = ticket.room.0, user = %ticket.user, %session,
            generation = %ticket.generation, stage = stage.as_str(), code = error.code().as_str(), %error,
            "an entry could not be completed and was undone");
        let log = &self.aftermath.entry_log;
        log.failed(grant_of(ticket), stage, error.code(), confirmed.waited);
        if !mutants::on(Mutant::B03FailureIsNotUndone) {
            self.undo(ticket, session).await;
        }
        if !confirmed.is_recorded {
            self.end_record(ticket, confirmed.entered).await;
        }
        self.forget_name(ticket).await;
    }
}

impl Entry {
    /// What a refused arrival proves of itself: a ticket of ours names its room and user; whoever
    /// presents another user's ticket is who its cookie or bearer says.
    fn proven(&self, arrival: &Arrival<'_>) -> Proven {
        let Ok(ticket) = self.ticket_key.open(arrival.ticket) else {
            return Proven { user: arrival.beside.map(|who| who.user), ..Proven::default() };
        };
        match arrival.beside.filter(|who| who.user != ticket.user) {
            Some(other) => {
                Proven { room: Some(ticket.room), user: Some(other.user), generation: None }
            }
            None => grant_of(&ticket).into(),
        }
    }

    /// Ends whatever stands of an entry.
    async fn undo(&self, ticket: &Ticket, session: SessionId) {
        let (user, generation, owner) = (ticket.user, ticket.generation, self.owner);
        let part = PartRef { user, session, generation, owner };
        self.duties.perform(Duty::Undo { room: ticket.room, part }).await;
    }
}

impl From<ConfirmRefusal> for EntryError {
    fn from(refusal: ConfirmRefusal) -> Self {
        match refusal {
            ConfirmRefusal::NoReservation => Self::NoReservation,
            ConfirmRefusal::Expired => Self::ReservationExpired,
            ConfirmRefusal::Replaced => Self::Replaced,
            ConfirmRefusal::AlreadySeated => Self::AlreadySeated,
            ConfirmRefusal::RoomClosed => Self::RoomClosed,
        }
    }
}

/// Which reservation a ticket is for.
fn grant_of(ticket: &Ticket) -> Grant {
    Grant { room: ticket.room, user: ticket.user, generation: ticket.generation }
}

/// Whole milliseconds, for the log.
fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// With which code a part's end is told to its connection.
fn ended_code(end: End) -> CloseCode {
    match end {
        End::Removed => CloseCode::Removed,
        End::LoggedOut => CloseCode::LoggedOut,
        End::Superseded => CloseCode::Unauthenticated,
        End::RoomClosed => CloseCode::RoomClosed,
        End::Fenced => CloseCode::Fenced,
        End::Aborted | End::Lost | End::Cancelled | End::HeldExpired => CloseCode::EntryFailed,
        End::Replaced | End::Moved | End::Left => CloseCode::Replaced,
    }
}
