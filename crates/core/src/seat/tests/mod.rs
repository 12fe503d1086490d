//! The rows of the state table, one test for each thing that may and may not happen.

mod bugs;
mod entering;
mod leaving;
mod reserving;
mod resuming;
mod rivals;
mod rooms;
mod waiting;

use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::ids::{
    Generation, LoginId, Nonce, Owner, ResumeHash, RoomId, SessionId, StreamId, UserId,
};
use crate::time::Millis;

const SECOND: u64 = 1_000;
const HERE: Owner = Owner { node: 0, incarnation: 1 };
const THERE: Owner = Owner { node: 1, incarnation: 1 };

fn user(n: u8) -> UserId {
    UserId(Uuid::from_u128(u128::from(n)))
}

/// The first login of a user; `login(n, 2)` is another one.
fn login(user: u8, n: u8) -> LoginId {
    LoginId(Uuid::from_u128(u128::from(user) * 100 + u128::from(n)))
}

fn session(n: u8) -> SessionId {
    SessionId(Uuid::from_u128(1_000 + u128::from(n)))
}

fn stream(n: u64) -> StreamId {
    StreamId { owner: HERE, n }
}

/// The resume secret that `session(n)` is given.
fn secret(n: u8) -> ResumeHash {
    ResumeHash([n; 32])
}

fn ask(n: u8) -> Ask {
    let (user, login, nonce) = (user(n), login(n, 1), Nonce([n; 16]));
    Ask { user, login, nonce, is_staff: false, resume: None, over: None }
}

fn staff(n: u8) -> Ask {
    Ask { is_staff: true, ..ask(n) }
}

/// What `session(s)` of user `n` presents for a reservation.
fn claim(n: u8, reservation: Reservation, s: u8) -> Claim {
    Claim {
        user: user(n),
        generation: reservation.generation,
        nonce: reservation.nonce,
        login: reservation.login,
        session: session(s),
        owner: HERE,
        new_resume: secret(s),
        presented: None,
    }
}

/// A room, a clock, and the journal so far. Every step is followed by `check`.
struct Bench {
    room: Room,
    now: Millis,
    terms: Terms,
    journal: Vec<Change>,
}

impl Bench {
    fn new(capacity: u32) -> Self {
        Self::of(spec(capacity))
    }

    fn of(spec: RoomSpec) -> Self {
        let now = Millis(1_000_000);
        Self { room: Room::new(spec), now, terms: Terms::default(), journal: vec![] }
    }

    fn allowing(mut self, sessions: u32) -> Self {
        self.terms.sessions = SessionPolicy::Many(sessions);
        self
    }

    fn step<R>(&mut self, act: impl FnOnce(&mut Room, &mut Step<'_>) -> R) -> R {
        let mut step = Step::new(self.now, &self.terms, &mut self.journal);
        let answer = act(&mut self.room, &mut step);
        self.room.check();
        answer
    }

    fn pass(&mut self, ms: u64) {
        self.now = self.now.after(Duration::from_millis(ms));
    }

    fn expire(&mut self) {
        self.step(|room, step| room.expire(step));
    }

    fn reserve(&mut self, ask: Ask) -> Result<Reserved, ReserveRefusal> {
        self.step(|room, step| room.reserve(step, &ask))
    }

    /// The same, by a login that lives: what another login has here is named, and taken.
    fn reserve_over(&mut self, ask: Ask) -> Result<Reserved, ReserveRefusal> {
        match self.reserve(ask) {
            Err(ReserveRefusal::Contested(rival)) => self.reserve(Ask { over: Some(rival), ..ask }),
            answer => answer,
        }
    }

    fn confirm(&mut self, claim: Claim) -> Result<Confirmed, ConfirmRefusal> {
        self.step(|room, step| room.confirm(step, &claim))
    }

    fn settle(&mut self, s: u8) -> Result<Vec<SessionId>, End> {
        self.step(|room, step| room.settle_entry(step, session(s)))
    }

    fn abort(&mut self, s: u8) -> Result<(), End> {
        self.step(|room, step| room.abort(step, session(s)))
    }

    /// User `n` reserves and `session(s)` confirms; not settled yet.
    fn arrive(&mut self, n: u8, s: u8) -> Confirmed {
        let reserved = self.reserve(ask(n)).unwrap();
        self.confirm(claim(n, reserved.reservation, s)).unwrap()
    }

    /// A complete entry. Returns what names the part.
    fn enter(&mut self, n: u8, s: u8) -> PartRef {
        let Confirmed { generation, .. } = self.arrive(n, s);
        self.settle(s).unwrap();
        PartRef { user: user(n), session: session(s), generation, owner: HERE }
    }

    fn resize(&mut self, capacity: u32, staff_seats: u32) {
        let size = RoomSize { capacity, staff_seats };
        self.step(|room, step| room.set_capacity(step, size)).unwrap();
    }

    fn close(&mut self, part: PartRef, parting: Parting) -> Closed {
        self.step(|room, step| room.close(step, &part, parting))
    }

    /// User `n` has stream `s` attached, on this node.
    fn attach(&mut self, n: u8, s: u64) -> Attachment {
        self.step(|room, step| room.stream_attached(step, user(n), stream(s)))
    }

    fn lose(&mut self, n: u8, s: u64) {
        self.step(|room, step| room.stream_lost(step, user(n), stream(s)));
    }

    fn wait(&mut self, ask: Ask) -> Result<Waiting, WaitRefusal> {
        self.step(|room, step| room.wait(step, &ask))
    }

    /// Occupied, reserved, held, free, waiting.
    fn seats(&self) -> (u32, u32, u32, u32, u32) {
        let seats = self.room.seats();
        (seats.occupied, seats.reserved, seats.held, seats.free, seats.waiting)
    }

    fn live(&self, n: u8) -> Vec<SessionId> {
        let slot = self.room.slot(user(n));
        let mut live: Vec<_> =
            slot.into_iter().flat_map(Slot::parts).map(|part| part.session).collect();
        live.sort();
        live
    }

    /// The ends of stays so far.
    fn returned(&self) -> Vec<(UserId, End)> {
        let ends = self.journal.iter().filter_map(|change| match change {
            Change::Returned { user, cause, .. } => Some((*user, *cause)),
            _ => None,
        });
        ends.collect()
    }

    fn offer(&self, n: u8) -> Option<Reservation> {
        self.journal.iter().rev().find_map(|change| match change {
            Change::Offered { user: who, reservation } if *who == user(n) => Some(*reservation),
            _ => None,
        })
    }
}

fn spec(capacity: u32) -> RoomSpec {
    RoomSpec {
        id: RoomId(101),
        epoch: 1,
        capacity,
        staff_seats: 0,
        lifetime: Lifetime::Persistent,
        pending_until: None,
    }
}
