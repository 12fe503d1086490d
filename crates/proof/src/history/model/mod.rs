//! The ledger once more, as plainly as possible: flat lists, searched from end to end.
//!
//! It shares the types of answers with the ledger and nothing else. What an entry under way has
//! replaced stands in the same list as everything else, marked with the session that covers it.

#![expect(clippy::unwrap_used, reason = "the model stops at what it did not expect")]

mod image;
mod steps;

use anteroom_core::ids::{Generation, LoginId, Nonce, Owner, ResumeHash, SessionId, UserId};
use anteroom_core::seat::{
    Arrivals, Change, Class, CloseCause, End, Entry, ExpiredOutcome, Held, Lifetime, Position,
    Reservation, RoomSpec, RoomState, Seats, SlotState, StaffSeats, Stay, Terms, Waiter, WaiterEnd,
};
use anteroom_core::time::Millis;

/// A live part (`session` is `Some`) or a held one (`until` is `Some`).
#[derive(Clone, Debug, PartialEq)]
struct Row {
    user: UserId,
    session: Option<SessionId>,
    generation: Generation,
    login: LoginId,
    owner: Owner,
    resume: ResumeHash,
    former: Option<ResumeHash>,
    settled: bool,
    until: Option<Millis>,
    /// The entry under way that replaced it; `None` for what sits there now.
    covered_by: Option<SessionId>,
}

/// Why an arrival may not sit down.
#[derive(Clone, Copy, Debug)]
enum Unwelcome {
    Stale,
    Seated,
}

#[derive(Clone, Debug)]
struct Seat {
    user: UserId,
    class: Class,
    stay: Option<Stay>,
    youngest: Option<Generation>,
    held_told: Option<Millis>,
}

/// The plain model of one room under fixed terms: a subject like any other.
pub struct Model {
    now: Millis,
    terms: Terms,
    spec: RoomSpec,
    state: RoomState,
    seats: Vec<Seat>,
    rows: Vec<Row>,
    reservations: Vec<(UserId, Reservation)>,
    line: Vec<Waiter>,
    entering: Vec<(SessionId, UserId, Owner, Option<End>)>,
    journal: Vec<Change>,
    drawn: u64,
    places: u64,
    used: bool,
}

impl Model {
    /// A room nobody has a seat in.
    #[must_use]
    pub fn new(mut spec: RoomSpec, terms: Terms) -> Self {
        spec.staff_seats = spec.staff_seats.min(spec.capacity);
        Self {
            now: Millis(0),
            terms,
            spec,
            state: RoomState::Open,
            seats: vec![],
            rows: vec![],
            reservations: vec![],
            line: vec![],
            entering: vec![],
            journal: vec![],
            drawn: 0,
            places: 0,
            used: false,
        }
    }

    // ---- questions ----

    fn staff_limit(&self) -> usize {
        self.spec.staff_seats.min(self.spec.capacity) as usize
    }

    fn taken(&self, class: Class) -> usize {
        self.seats.iter().filter(|seat| seat.class == class).count()
    }

    fn free_staff(&self) -> usize {
        let room = (self.spec.capacity as usize).saturating_sub(self.seats.len());
        room.min(self.staff_limit().saturating_sub(self.taken(Class::Staff)))
    }

    fn free_ordinary(&self) -> usize {
        let room = (self.spec.capacity as usize).saturating_sub(self.seats.len());
        let limit = self.spec.capacity as usize - self.staff_limit();
        room.min(limit.saturating_sub(self.taken(Class::Ordinary)))
    }

    fn has_seat(&self, user: UserId) -> bool {
        self.seats.iter().any(|seat| seat.user == user)
    }

    /// What sits there now.
    fn top(&self, user: UserId) -> Vec<Row> {
        let rows = self.rows.iter().filter(|row| row.user == user && row.covered_by.is_none());
        rows.cloned().collect()
    }

    fn reservation(&self, user: UserId) -> Option<Reservation> {
        self.reservations.iter().find(|(who, _)| *who == user).map(|(_, it)| *it)
    }

    fn held(&self, user: UserId) -> Option<Held> {
        let row = self.top(user).into_iter().find(|row| row.until.is_some())?;
        let Row { generation, login, resume, former, .. } = row;
        Some(Held { generation, login, resume, former, deadline: row.until.unwrap() })
    }

    fn state_of(&self, user: UserId) -> SlotState {
        let top = self.top(user);
        match top.iter().any(|row| row.session.is_some()) {
            true => SlotState::Occupied,
            false if !top.is_empty() => SlotState::Held,
            false => SlotState::Reserved,
        }
    }

    fn seats(&self) -> Seats {
        let in_state = |state| {
            self.seats.iter().filter(|seat| self.state_of(seat.user) == state).count() as u32
        };
        Seats {
            capacity: self.spec.capacity,
            occupied: in_state(SlotState::Occupied),
            held: in_state(SlotState::Held),
            reserved: in_state(SlotState::Reserved),
            free: self.free_ordinary() as u32,
            waiting: self.line.len() as u32,
            staff: (self.spec.staff_seats > 0).then(|| StaffSeats {
                capacity: self.staff_limit() as u32,
                taken: self.taken(Class::Staff) as u32,
            }),
        }
    }

    fn next_deadline(&self) -> Option<Millis> {
        let mut all: Vec<Millis> = self.reservations.iter().map(|(_, it)| it.deadline).collect();
        all.extend(self.seats.iter().filter_map(|seat| Some(self.held(seat.user)?.deadline)));
        all.extend(self.line.iter().filter_map(|waiter| waiter.away_deadline));
        if self.state == RoomState::Open && !self.anyone_live() {
            all.extend(self.spec.pending_until);
        }
        all.into_iter().min()
    }

    fn anyone_live(&self) -> bool {
        self.rows.iter().any(|row| row.session.is_some())
    }

    fn position(&self, user: UserId) -> Option<Position> {
        let ahead = self.line.iter().position(|waiter| waiter.user == user)?;
        Some(Position { position: ahead + 1, ahead, joined: self.line[ahead].joined })
    }

    // ---- what every step is made of ----

    fn tell(&mut self, change: Change) {
        self.journal.push(change);
    }

    /// After any change: tells held seats and ended stays, and drops seats with nothing on them.
    fn tidy(&mut self, cause: End) {
        for mut seat in std::mem::take(&mut self.seats) {
            let top = self.top(seat.user);
            let held = self.held(seat.user).map(|held| held.deadline);
            if let Some(until) = held
                && held != seat.held_told
            {
                self.tell(Change::Held { user: seat.user, until });
            }
            seat.held_told = held;
            if top.is_empty()
                && let Some(stay) = seat.stay.take()
            {
                let (user, last) = (seat.user, seat.youngest.unwrap());
                self.tell(Change::Returned {
                    user,
                    entered: stay.entered,
                    last,
                    settled: stay.settled,
                    cause,
                });
            }
            seat.youngest = top.iter().map(|row| row.generation).max();
            if !top.is_empty() || self.reservation(seat.user).is_some() {
                self.seats.push(seat);
            }
        }
    }

    fn expire(&mut self) {
        let now = self.now;
        for (user, it) in self.reservations.clone() {
            if it.deadline <= now {
                self.expire_reservation(user);
            }
        }
        self.rows.retain(|row| row.covered_by.is_some() || row.until.is_none_or(|at| now < at));
        self.tidy(End::HeldExpired);
        for waiter in self.line.clone() {
            if waiter.away_deadline.is_some_and(|at| at <= now) {
                self.leave_line(waiter.user, WaiterEnd::Away);
            }
        }
        self.finish();
    }

    fn expire_reservation(&mut self, user: UserId) {
        let Some(it) = self.reservation(user) else { return };
        self.reservations.retain(|(who, _)| *who != user);
        let outcome = match it.attempts > 0 {
            true => ExpiredOutcome::AfterFailedAttempt,
            false => ExpiredOutcome::NeverConnected,
        };
        let (generation, offered) = (it.generation, it.offered);
        self.tell(Change::Expired { user, generation, outcome, offered });
        self.tidy(End::HeldExpired);
    }

    fn finish(&mut self) {
        if self.state == RoomState::Open {
            match self.spec.pending_until {
                Some(until) if until <= self.now && !self.anyone_live() => {
                    self.end_room(CloseCause::PendingExpired);
                }
                Some(_) => {}
                None => {
                    let empty = self.seats.is_empty() && self.line.is_empty();
                    if self.spec.lifetime == Lifetime::UntilEmpty && self.used && empty {
                        self.end_room(CloseCause::Empty);
                    }
                }
            }
        }
        while self.state == RoomState::Open {
            let staff = self.line.iter().position(|waiter| waiter.is_staff);
            let (at, class) = match staff.filter(|_| self.free_staff() > 0) {
                Some(at) => (at, Class::Staff),
                None if self.free_ordinary() > 0 && !self.line.is_empty() => (0, Class::Ordinary),
                None => break,
            };
            let waiter = self.line.remove(at);
            self.seat(waiter.user, class);
            self.grant(waiter.user, waiter.login, waiter.nonce, true);
        }
        let over = self.seats.is_empty() && self.entering.is_empty();
        if self.state == RoomState::Closing && over {
            self.state = RoomState::Gone;
        }
    }

    fn seat(&mut self, user: UserId, class: Class) {
        self.used = true;
        self.seats.push(Seat { user, class, stay: None, youngest: None, held_told: None });
    }

    fn grant(&mut self, user: UserId, login: LoginId, nonce: Nonce, offered: bool) -> Reservation {
        self.drawn += 1;
        let generation = Generation { epoch: self.spec.epoch, n: self.drawn };
        let ttl = if offered { self.terms.offer_ttl } else { self.terms.reservation_ttl };
        let mut deadline = self.now.after(ttl);
        if let Some(until) = self.spec.pending_until
            && until > self.now
        {
            deadline = deadline.min(until);
        }
        let since = self.now;
        let new = Reservation { generation, nonce, login, deadline, since, attempts: 0, offered };
        self.drop_reservation(user, End::Superseded, |_| true);
        self.reservations.push((user, new));
        self.tell(match offered {
            true => Change::Offered { user, reservation: new },
            false => Change::Reserved { user, generation },
        });
        new
    }

    fn drop_reservation(
        &mut self,
        user: UserId,
        cause: End,
        wanted: impl Fn(&Reservation) -> bool,
    ) -> Option<Generation> {
        let it = self.reservation(user).filter(wanted)?;
        self.reservations.retain(|(who, _)| *who != user);
        self.tell(Change::Dropped { user, generation: it.generation, cause });
        Some(it.generation)
    }

    fn leave_line(&mut self, user: UserId, cause: WaiterEnd) -> bool {
        let before = self.line.len();
        self.line.retain(|waiter| waiter.user != user);
        let gone = self.line.len() < before;
        if gone {
            self.tell(Change::WaiterGone { user, cause });
        }
        gone
    }

    fn end_seat(&mut self, user: UserId, cause: End) -> Vec<SessionId> {
        self.drop_reservation(user, cause, |_| true);
        let sessions = self.sessions(|row| row.user == user);
        self.rows.retain(|row| row.user != user);
        self.mark(&sessions, cause);
        self.tidy(cause);
        sessions
    }

    fn sessions(&self, wanted: impl Fn(&Row) -> bool) -> Vec<SessionId> {
        let mut found: Vec<_> = self.rows.iter().filter(|row| wanted(row)).collect();
        found.sort_by_key(|row| row.generation);
        found.into_iter().filter_map(|row| row.session).collect()
    }

    fn mark(&mut self, sessions: &[SessionId], cause: End) {
        for entry in &mut self.entering {
            if sessions.contains(&entry.0) {
                entry.3 = Some(cause);
            }
        }
    }

    fn end_room(&mut self, cause: CloseCause) -> Vec<SessionId> {
        self.state = RoomState::Closing;
        let mut users: Vec<UserId> = self.seats.iter().map(|seat| seat.user).collect();
        users.sort();
        let mut sessions = vec![];
        for user in users {
            if cause == CloseCause::PendingExpired {
                self.expire_reservation(user);
            }
            sessions.extend(self.end_seat(user, End::RoomClosed));
        }
        for waiter in self.line.clone() {
            self.leave_line(waiter.user, WaiterEnd::RoomClosed);
        }
        self.tell(Change::Closed { cause });
        sessions
    }

    /// Removes a part: an unsettled one uncovers what it covered, a settled one may stay held.
    fn unseat(&mut self, session: SessionId, hold: bool) {
        let at = self.rows.iter().position(|row| row.session == Some(session)).unwrap();
        let gone = self.rows.remove(at);
        let now = self.now;
        for row in &mut self.rows {
            if row.covered_by == Some(session) {
                row.covered_by = gone.covered_by;
            }
        }
        let beside = |row: &Row| row.user == gone.user && row.covered_by == gone.covered_by;
        let others = self.rows.iter().any(|row| beside(row) && row.session.is_some());
        if !gone.settled {
            self.rows
                .retain(|row| !beside(row) || row.until.is_none_or(|until| now < until && !others));
        } else if hold && !others && !self.terms.grace.is_zero() {
            let until = Some(now.after(self.terms.grace));
            self.rows.push(Row { session: None, until, ..gone });
        }
    }

    /// What the arrival of `user` would replace: how, and at which row.
    fn arrival(
        &self,
        user: UserId,
        presented: Option<ResumeHash>,
    ) -> Result<(Entry, Option<usize>), Unwelcome> {
        let here: Vec<usize> = (0..self.rows.len())
            .filter(|at| self.rows[*at].user == user && self.rows[*at].covered_by.is_none())
            .collect();
        if here.is_empty() {
            return Ok((Entry::First, None));
        }
        let parts = self.terms.sessions.parts_per_slot();
        if let Some(secret) = presented {
            let fits = |row: &Row| row.resume == secret || row.former == Some(secret);
            if let Some(at) = here.iter().find(|at| fits(&self.rows[**at])) {
                return Ok((Entry::Refresh, Some(*at)));
            }
            if here.len() >= parts {
                return Err(Unwelcome::Stale);
            }
        }
        if let Some(at) = here.iter().find(|at| self.rows[**at].until.is_some()) {
            return Ok((Entry::Takeover, Some(*at)));
        }
        if here.len() < parts {
            return Ok((Entry::SecondDevice, None));
        }
        if self.terms.arrivals == Arrivals::RefuseNew {
            return Err(Unwelcome::Seated);
        }
        Ok((Entry::Takeover, here.into_iter().min_by_key(|at| self.rows[*at].generation)))
    }

    /// Everything that `session` covers, at any depth.
    fn covered(&self, session: SessionId) -> Vec<Row> {
        let direct: Vec<Row> =
            self.rows.iter().filter(|row| row.covered_by == Some(session)).cloned().collect();
        let deeper = direct.iter().filter_map(|row| row.session).flat_map(|it| self.covered(it));
        let deeper: Vec<Row> = deeper.collect();
        direct.into_iter().chain(deeper).collect()
    }
}
