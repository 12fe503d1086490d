//! The steps of the model, each spelled out: what is due, the guard, the effect, offers.

use anteroom_core::ids::{Generation, LoginId, Nonce, Owner, SessionId, StreamId, UserId};
use anteroom_core::seat::{
    Ask, Attachment, Change, Claim, Class, CloseCause, Closed, ConfirmRefusal, Confirmed, End,
    PartRef, Parting, PartyRefusal, PlaceNo, Reservation, ReserveRefusal, Reserved, Rival,
    RivalClaim, RoomSize, RoomState, SlotState, Stay, Streams, WaitRefusal, Waiter, WaiterEnd,
    Waiting,
};

use super::{Model, Row, Unwelcome};

fn reserve_refusal(unwelcome: Unwelcome) -> ReserveRefusal {
    match unwelcome {
        Unwelcome::Stale => ReserveRefusal::Replaced,
        Unwelcome::Seated => ReserveRefusal::AlreadySeated,
    }
}

impl Model {
    pub(super) fn reserve(&mut self, ask: &Ask) -> Result<Reserved, ReserveRefusal> {
        self.expire();
        match self.state {
            RoomState::Open => {}
            RoomState::Closing => return Err(ReserveRefusal::Closed),
            RoomState::Gone => return Err(ReserveRefusal::Gone),
        }
        if let Some(rival) = self.rival(ask) {
            return Err(ReserveRefusal::Contested(rival));
        }
        if self.has_seat(ask.user) {
            self.arrival(ask.user, ask.resume).map_err(reserve_refusal)?;
        } else if ask.is_staff && self.free_staff() > 0 {
            self.seat(ask.user, Class::Staff);
            self.leave_line(ask.user, WaiterEnd::Seated);
        } else if self.line.is_empty() && self.free_ordinary() > 0 {
            self.seat(ask.user, Class::Ordinary);
        } else {
            return Err(ReserveRefusal::RoomFull);
        }
        let answer = self.reserve_within(ask);
        self.finish();
        Ok(answer)
    }

    /// What stands under another login than that of the ask, unless the ask names it.
    fn rival(&self, ask: &Ask) -> Option<Rival> {
        let reserved = self.reservation(ask.user);
        let reserved = reserved.map(|it| (it.login, RivalClaim::Reservation(it.generation)));
        let waits = self.line.iter().find(|waiter| waiter.user == ask.user);
        let waits = waits.map(|it| (it.login, RivalClaim::Place(it.place)));
        let (login, claim) = reserved.or(waits)?;
        let rival = Rival { login, claim };
        (login != ask.login && ask.over != Some(rival)).then_some(rival)
    }

    fn reserve_within(&mut self, ask: &Ask) -> Reserved {
        let takeover = !self.top(ask.user).is_empty();
        let (reservation, fresh) = match self.reservation(ask.user) {
            Some(it) if it.login == ask.login => (it, false),
            _ => (self.grant(ask.user, ask.login, ask.nonce, false), true),
        };
        Reserved { user: ask.user, reservation, takeover, fresh }
    }

    pub(super) fn reserve_party(&mut self, party: &[Ask]) -> Result<Vec<Reserved>, PartyRefusal> {
        self.expire();
        let before = (self.seats.clone(), self.used);
        let mut failed = vec![];
        for ask in party {
            let refusal = match self.state {
                RoomState::Closing => Some(ReserveRefusal::Closed),
                RoomState::Gone => Some(ReserveRefusal::Gone),
                RoomState::Open if !self.line.is_empty() => Some(ReserveRefusal::RoomFull),
                RoomState::Open if self.rival(ask).is_some() => {
                    self.rival(ask).map(ReserveRefusal::Contested)
                }
                RoomState::Open if self.has_seat(ask.user) => {
                    self.arrival(ask.user, ask.resume).err().map(reserve_refusal)
                }
                RoomState::Open if ask.is_staff && self.free_staff() > 0 => {
                    self.seat(ask.user, Class::Staff);
                    None
                }
                RoomState::Open if self.free_ordinary() > 0 => {
                    self.seat(ask.user, Class::Ordinary);
                    None
                }
                RoomState::Open => Some(ReserveRefusal::RoomFull),
            };
            failed.extend(refusal.map(|refusal| (ask.user, refusal)));
        }
        if !failed.is_empty() {
            (self.seats, self.used) = before;
            return Err(PartyRefusal { failed });
        }
        let answers = party.iter().map(|ask| self.reserve_within(ask)).collect();
        self.finish();
        Ok(answers)
    }

    pub(super) fn connecting(
        &mut self,
        user: UserId,
        generation: Generation,
        nonce: Nonce,
    ) -> bool {
        self.expire();
        for (who, it) in &mut self.reservations {
            if *who == user && it.generation == generation && it.nonce == nonce {
                it.attempts += 1;
                return true;
            }
        }
        false
    }

    pub(super) fn cancel(&mut self, user: UserId) -> Option<Generation> {
        self.expire();
        let generation = self.drop_reservation(user, End::Cancelled, |_| true);
        self.tidy(End::Cancelled);
        self.finish();
        generation
    }

    pub(super) fn withdraw(
        &mut self,
        user: UserId,
        generation: Generation,
        login: LoginId,
    ) -> bool {
        let it = self.reservation(user);
        let stands = it.is_some_and(|it| it.generation == generation && it.login == login);
        stands && self.cancel(user) == Some(generation)
    }

    pub(super) fn confirm(&mut self, claim: &Claim) -> Result<Confirmed, ConfirmRefusal> {
        let named = |it: &Reservation| {
            (it.generation, it.nonce, it.login) == (claim.generation, claim.nonce, claim.login)
        };
        let late = self.reservation(claim.user).filter(named).map(|it| it.deadline <= self.now);
        self.expire();
        if late == Some(true) {
            return Err(ConfirmRefusal::Expired);
        }
        if self.state != RoomState::Open {
            return Err(ConfirmRefusal::RoomClosed);
        }
        if late.is_none() {
            return Err(ConfirmRefusal::NoReservation);
        }
        let (entry, target) =
            self.arrival(claim.user, claim.presented).map_err(|unwelcome| match unwelcome {
                Unwelcome::Stale => ConfirmRefusal::Replaced,
                Unwelcome::Seated => ConfirmRefusal::AlreadySeated,
            })?;
        let &Claim { user, session, generation, .. } = claim;
        let became_occupied = self.state_of(user) != SlotState::Occupied;
        let waited =
            self.reservation(user).map_or_else(Default::default, |it| self.now.since(it.since));
        self.reservations.retain(|(who, _)| *who != user);
        if let Some(at) = target {
            self.rows[at].covered_by = Some(session);
        }
        self.rows.push(Row {
            user,
            session: Some(session),
            generation,
            login: claim.login,
            owner: claim.owner,
            resume: claim.new_resume,
            former: claim.presented.filter(|_| entry == anteroom_core::seat::Entry::Refresh),
            settled: false,
            until: None,
            covered_by: None,
        });
        let covered: Vec<_> = self.covered(session).iter().map(|row| row.generation).collect();
        let replaced = self.sessions(|row| covered.contains(&row.generation));
        let now = self.now;
        let seat = self.seats.iter_mut().find(|seat| seat.user == user).unwrap();
        let stay =
            *seat.stay.get_or_insert(Stay { entered: generation, since: now, settled: false });
        self.entering.push((session, user, claim.owner, None));
        self.tidy(End::Left);
        self.tell(Change::Entered { user, session, generation, entry });
        self.finish();
        Ok(Confirmed {
            generation,
            entry,
            replaced,
            entered: stay.entered,
            is_recorded: stay.settled,
            became_occupied,
            waited,
        })
    }

    fn finish_entering(&mut self, session: SessionId) -> Result<(), End> {
        let at = self.entering.iter().position(|entry| entry.0 == session).ok_or(End::Fenced)?;
        match self.entering.remove(at).3 {
            Some(end) => Err(end),
            None => Ok(()),
        }
    }

    pub(super) fn settle_entry(&mut self, session: SessionId) -> Result<Vec<SessionId>, End> {
        self.expire();
        let answer = self.finish_entering(session).map(|()| {
            let covered: Vec<_> = self.covered(session).iter().map(|row| row.generation).collect();
            let replaced = self.sessions(|row| covered.contains(&row.generation));
            self.rows.retain(|row| !covered.contains(&row.generation));
            self.mark(&replaced, End::Replaced);
            let row = self.rows.iter_mut().find(|row| row.session == Some(session)).unwrap();
            row.settled = true;
            let user = row.user;
            let seat = self.seats.iter_mut().find(|seat| seat.user == user).unwrap();
            seat.stay.as_mut().unwrap().settled = true;
            if self.spec.pending_until.take().is_some() {
                self.tell(Change::Opened);
            }
            replaced
        });
        self.finish();
        answer
    }

    pub(super) fn heard(&mut self, user: UserId, session: SessionId) -> bool {
        let mine = |row: &&mut Row| row.user == user && row.session == Some(session);
        self.rows.iter_mut().find(mine).is_some_and(|row| row.former.take().is_some())
    }

    pub(super) fn abort(&mut self, session: SessionId) -> Result<(), End> {
        self.expire();
        let answer = self.finish_entering(session);
        if answer.is_ok() {
            self.unseat(session, false);
            self.tidy(End::Aborted);
        }
        self.finish();
        answer
    }

    fn end_parts(&mut self, sessions: &[SessionId], hold: bool, cause: End) {
        self.mark(sessions, cause);
        for session in sessions {
            self.unseat(*session, hold);
        }
        self.tidy(cause);
    }

    pub(super) fn close(&mut self, part: &PartRef, parting: Parting) -> Closed {
        self.expire();
        let named = self.rows.iter().any(|row| {
            row.user == part.user
                && row.session == Some(part.session)
                && row.generation == part.generation
                && row.owner == part.owner
        });
        if !named {
            return Closed::Stale;
        }
        match parting {
            Parting::Clean => self.end_parts(&[part.session], false, End::Left),
            Parting::Unclean => self.end_parts(&[part.session], true, End::Lost),
        }
        let closed = match self.top(part.user) {
            top if top.is_empty() => Closed::Returned,
            _ => self.held(part.user).map_or(Closed::Others, |held| Closed::Held(held.deadline)),
        };
        self.finish();
        closed
    }

    pub(super) fn move_out(&mut self, user: UserId, generation: Generation) -> bool {
        self.expire();
        let named = |row: &Row| row.user == user && row.generation == generation;
        let found = self.rows.iter().any(named);
        self.rows.retain(|row| !named(row) || row.until.is_none());
        let sessions = self.sessions(named);
        self.end_parts(&sessions, false, End::Moved);
        self.finish();
        found
    }

    pub(super) fn fence(&mut self, owner: Owner) -> Vec<SessionId> {
        self.expire();
        self.entering.retain(|entry| entry.2 != owner);
        let mut users: Vec<UserId> = self.seats.iter().map(|seat| seat.user).collect();
        users.sort();
        let mut ended = vec![];
        for user in users {
            let sessions = self.sessions(|row| row.user == user && row.owner == owner);
            self.end_parts(&sessions, true, End::Fenced);
            ended.extend(sessions);
        }
        self.end_streams(|_, stream| stream.owner == owner);
        self.finish();
        ended
    }

    pub(super) fn supersede(&mut self, user: UserId, old: LoginId, new: LoginId) -> Vec<SessionId> {
        self.expire();
        let sessions = self.sessions(|row| row.user == user && row.login == old);
        self.end_parts(&sessions, true, End::Superseded);
        for row in self.rows.iter_mut().filter(|row| row.user == user && row.login == old) {
            row.login = new;
        }
        for (who, it) in &mut self.reservations {
            if *who == user && it.login == old {
                it.login = new;
            }
        }
        for waiter in self.line.iter_mut().filter(|it| it.user == user && it.login == old) {
            waiter.login = new;
        }
        self.finish();
        sessions
    }

    pub(super) fn revoke_login(&mut self, user: UserId, login: LoginId) -> Vec<SessionId> {
        self.expire();
        let cause = End::LoggedOut;
        self.drop_reservation(user, cause, |it| it.login == login);
        self.tidy(cause);
        let of_login = |row: &Row| row.user == user && row.login == login;
        self.rows.retain(|row| !of_login(row) || row.until.is_none());
        let sessions = self.sessions(of_login);
        self.end_parts(&sessions, false, cause);
        if self.line.iter().any(|waiter| waiter.user == user && waiter.login == login) {
            self.leave_line(user, WaiterEnd::LoggedOut);
        }
        self.finish();
        sessions
    }

    pub(super) fn remove(&mut self, user: UserId) -> Vec<SessionId> {
        self.expire();
        let sessions = self.end_seat(user, End::Removed);
        self.leave_line(user, WaiterEnd::Removed);
        self.finish();
        sessions
    }

    pub(super) fn close_room(&mut self) -> Vec<SessionId> {
        self.expire();
        if self.state != RoomState::Open {
            return vec![];
        }
        let sessions = self.end_room(CloseCause::Requested);
        self.finish();
        sessions
    }

    pub(super) fn set_capacity(&mut self, size: RoomSize) -> bool {
        self.expire();
        let fits = (1..=10_000).contains(&size.capacity) && size.staff_seats <= size.capacity;
        if fits {
            self.spec.capacity = size.capacity;
            self.spec.staff_seats = size.staff_seats;
            self.finish();
        }
        fits
    }

    pub(super) fn wait(&mut self, ask: &Ask) -> Result<Waiting, WaitRefusal> {
        self.expire();
        match self.state {
            RoomState::Open => {}
            RoomState::Closing => return Err(WaitRefusal::Closed),
            RoomState::Gone => return Err(WaitRefusal::Gone),
        }
        if !self.top(ask.user).is_empty() {
            return Err(WaitRefusal::AlreadySeated);
        }
        if let Some(rival) = self.rival(ask) {
            return Err(WaitRefusal::Contested(rival));
        }
        if self.has_seat(ask.user) {
            return Ok(Waiting::Reserved(self.reserve_within(ask)));
        }
        let away = self.now.after(self.terms.waiter_ttl);
        let fresh = self.position(ask.user).is_none();
        if fresh {
            self.places += 1;
            self.line.push(Waiter {
                user: ask.user,
                login: ask.login,
                nonce: ask.nonce,
                is_staff: ask.is_staff,
                place: PlaceNo(self.places),
                joined: self.now,
                streams: Streams::default(),
                away_deadline: Some(away),
            });
        }
        for waiter in self.line.iter_mut().filter(|waiter| waiter.user == ask.user) {
            waiter.login = ask.login;
            waiter.is_staff = ask.is_staff;
            if waiter.streams.is_empty() {
                waiter.away_deadline = Some(away);
            }
        }
        self.finish();
        Ok(match (self.position(ask.user), self.reservation(ask.user)) {
            (Some(position), _) => Waiting::InLine { position, fresh },
            (None, reservation) => Waiting::Reserved(Reserved {
                user: ask.user,
                reservation: reservation.unwrap(),
                takeover: false,
                fresh: true,
            }),
        })
    }

    pub(super) fn stop_waiting(&mut self, user: UserId) -> bool {
        self.expire();
        let gone = self.leave_line(user, WaiterEnd::Stopped);
        self.finish();
        gone
    }

    pub(super) fn stream_attached(&mut self, user: UserId, stream: StreamId) -> Attachment {
        self.expire();
        let Some(waiter) = self.line.iter_mut().find(|waiter| waiter.user == user) else {
            return Attachment::NotWaiting;
        };
        let others: Vec<StreamId> = waiter.streams.iter().filter(|it| *it != stream).collect();
        if others.len() == 4 {
            return Attachment::TooMany;
        }
        waiter.streams = others.into_iter().chain([stream]).collect();
        waiter.away_deadline = None;
        Attachment::Attached
    }

    pub(super) fn stream_lost(&mut self, user: UserId, stream: StreamId) {
        self.expire();
        self.end_streams(|who, it| who == user && it == stream);
    }

    fn end_streams(&mut self, ended: impl Fn(UserId, StreamId) -> bool) {
        let away = self.now.after(self.terms.waiter_ttl);
        for waiter in &mut self.line {
            let left = waiter.streams.iter().filter(|it| !ended(waiter.user, *it));
            waiter.streams = left.collect();
            if waiter.streams.is_empty() {
                waiter.away_deadline = waiter.away_deadline.or(Some(away));
            }
        }
    }
}
