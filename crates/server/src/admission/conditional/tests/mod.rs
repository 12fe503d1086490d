//! The strategy over a real file, under a clock that the tests set.

mod belonging;
mod ground;
mod histories;
mod restart;
mod rooms;
mod speed;
mod verbs;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::{
    Generation, LoginId, Nonce, Owner, ResumeHash, RoomId, SessionId, StreamId, UserId,
};
use anteroom_core::seat::{Ask, Claim, Confirmed, Lifetime, PartRef, Reserved, RoomSpec, Terms};
use anteroom_core::time::Millis;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Conditional, Options};
use crate::admission::{Admission, Bounds, ConfirmError, Journal, Refusal};
use crate::clock::Clock;
use crate::sweeper::Deadlines;

pub(super) const ROOM: RoomId = RoomId(101);
const NODE: Owner = Owner { node: 0, incarnation: 1 };
const START: Millis = Millis(1_000_000);

/// A strategy, its file and its clock.
pub(super) struct Fixture {
    dir: TempDir,
    pub(super) clock: Arc<Clock>,
    pub(super) deadlines: Arc<Deadlines>,
    pub(super) seats: Conditional,
    terms: Terms,
    bounds: Bounds,
    options: Options,
    sessions: u128,
}

/// For histories, which are about what is decided and not about how soon.
pub(super) fn patient() -> Options {
    Options { patience: Duration::from_secs(600), ..Options::default() }
}

pub(super) const GENEROUS: Bounds = Bounds { per_user: 1_000, per_address: Some(1_000) };

impl Fixture {
    pub(super) fn new() -> Self {
        Self::with(Terms::default(), GENEROUS, Options::default())
    }

    pub(super) fn with(terms: Terms, bounds: Bounds, options: Options) -> Self {
        Self::within(tempfile::tempdir().unwrap(), terms, bounds, options)
    }

    fn within(dir: TempDir, terms: Terms, bounds: Bounds, options: Options) -> Self {
        let clock = Arc::new(Clock::standing_at(START));
        let deadlines = Arc::new(Deadlines::default());
        let path = dir.path().join("seats.db");
        let seats = open(&path, options, terms, bounds, &clock, &deadlines);
        Self { dir, clock, deadlines, seats, terms, bounds, options, sessions: 0 }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().join("seats.db")
    }

    /// The next life: the same file, another strategy.
    pub(super) fn reopened(self) -> Self {
        let path = self.path();
        let Self { dir, clock, seats, terms, bounds, options, sessions, .. } = self;
        drop(seats);
        let deadlines = Arc::new(Deadlines::default());
        let seats = open(&path, options, terms, bounds, &clock, &deadlines);
        Self { dir, clock, deadlines, seats, terms, bounds, options, sessions }
    }

    /// With a room of `capacity` seats.
    pub(super) async fn room(self, capacity: u32) -> Self {
        self.seats.add_room(spec(ROOM, capacity)).await.unwrap();
        self
    }

    pub(super) fn pass(&self, span: Duration) {
        self.clock.set(self.clock.now().after(span));
    }

    pub(super) async fn reserve(&self, room: RoomId, who: u128) -> Result<Reserved, Refusal> {
        self.seats.reserve(room, ask(who), None, &mut Journal::new()).await
    }

    pub(super) async fn confirm(
        &mut self,
        room: RoomId,
        it: &Reserved,
    ) -> Result<(PartRef, Confirmed), ConfirmError> {
        self.sessions += 1;
        let claim = claim(it, self.sessions);
        let confirmed = self.seats.confirm(room, claim, &mut Journal::new()).await?;
        let Claim { user, session, generation, owner, .. } = claim;
        Ok((PartRef { user, session, generation, owner }, confirmed))
    }

    /// The whole way in.
    pub(super) async fn enter(&mut self, room: RoomId, who: u128) -> PartRef {
        let reserved = self.reserve(room, who).await.unwrap();
        let (part, _) = self.confirm(room, &reserved).await.unwrap();
        self.seats.settle(room, part.user, part.session, &mut Journal::new()).await.unwrap();
        part
    }
}

pub(super) fn open(
    path: &std::path::Path,
    options: Options,
    terms: Terms,
    bounds: Bounds,
    clock: &Arc<Clock>,
    deadlines: &Arc<Deadlines>,
) -> Conditional {
    let (clock, deadlines) = (Arc::clone(clock), Arc::clone(deadlines));
    let fatal = CancellationToken::new();
    Conditional::open(path, options, fatal, (terms, bounds), clock, deadlines).unwrap()
}

pub(super) fn spec(room: RoomId, capacity: u32) -> RoomSpec {
    RoomSpec {
        id: room,
        epoch: 1,
        capacity,
        staff_seats: 0,
        lifetime: Lifetime::Persistent,
        pending_until: None,
    }
}

pub(super) fn user(who: u128) -> UserId {
    UserId(Uuid::from_u128(who))
}

pub(super) fn login(who: u128) -> LoginId {
    LoginId(Uuid::from_u128(1_000_000 + who))
}

pub(super) fn ask(who: u128) -> Ask {
    let nonce = Nonce(Uuid::from_u128(who).into_bytes());
    Ask { user: user(who), login: login(who), nonce, is_staff: false, resume: None, over: None }
}

/// A stream on the node of the tests.
pub(super) fn stream(n: u64) -> StreamId {
    StreamId { owner: NODE, n }
}

pub(super) fn secret(n: u128) -> ResumeHash {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&n.to_be_bytes());
    ResumeHash(bytes)
}

pub(super) fn claim(it: &Reserved, session: u128) -> Claim {
    Claim {
        user: it.user,
        generation: it.reservation.generation,
        nonce: it.reservation.nonce,
        login: it.reservation.login,
        session: SessionId(Uuid::from_u128(2_000_000 + session)),
        owner: NODE,
        new_resume: secret(session),
        presented: None,
    }
}

pub(super) fn address(n: u8) -> Option<IpAddr> {
    Some(IpAddr::from([10, 0, 0, n]))
}

pub(super) fn g(epoch: u64, n: u64) -> Generation {
    Generation { epoch, n }
}
