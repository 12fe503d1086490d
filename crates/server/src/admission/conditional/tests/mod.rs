//! The strategy over a real file or a real PostgreSQL database, under a clock that the tests set.
//!
//! A test is written once, for a file; [`postgres`] has those that hold with a database as well.

mod belonging;
mod ground;
mod histories;
mod nodes;
mod postgres;
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

use super::{Conditional, Options, PostgresOptions};
use crate::admission::{Admission, Bounds, ConfirmError, Journal, Refusal};
use crate::clock::Clock;
use crate::storage::postgres::tests::server::Postgres;
use crate::sweeper::Deadlines;

pub(super) const ROOM: RoomId = RoomId(101);
const NODE: Owner = Owner { node: 0, incarnation: 1 };
const START: Millis = Millis(1_000_000);

thread_local! {
    /// Whether the seats of this test are in a database.
    static IN_DATABASE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Where the seats of a test are. What is there goes with it.
enum Place {
    File(TempDir),
    Database(String),
}

impl Place {
    fn new() -> Self {
        if IN_DATABASE.get() {
            return Self::Database(Postgres::shared().database());
        }
        Self::File(tempfile::tempdir().unwrap())
    }

    fn open(
        &self,
        options: Options,
        decided_by: (Terms, Bounds),
        (clock, deadlines): (&Arc<Clock>, &Arc<Deadlines>),
    ) -> Conditional {
        match self {
            Self::File(dir) => {
                let (terms, bounds) = decided_by;
                open(&dir.path().join("seats.db"), options, terms, bounds, clock, deadlines)
            }
            Self::Database(url) => beside(url, decided_by, (clock, deadlines)),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Database(url) = self {
            Postgres::shared().drop_database(url);
        }
    }
}

/// A strategy, where it keeps its seats, and its clock.
pub(super) struct Fixture {
    place: Place,
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
        Self::within(Place::new(), terms, bounds, options)
    }

    fn within(place: Place, terms: Terms, bounds: Bounds, options: Options) -> Self {
        let clock = Arc::new(Clock::standing_at(START));
        let deadlines = Arc::new(Deadlines::default());
        let seats = place.open(options, (terms, bounds), (&clock, &deadlines));
        Self { place, clock, deadlines, seats, terms, bounds, options, sessions: 0 }
    }

    pub(super) fn path(&self) -> PathBuf {
        match &self.place {
            Place::File(dir) => dir.path().join("seats.db"),
            Place::Database(_) => panic!("the seats are in no file"),
        }
    }

    /// The next life: the same file, another strategy.
    pub(super) fn reopened(self) -> Self {
        let Self { place, clock, seats, terms, bounds, options, sessions, .. } = self;
        drop(seats);
        let deadlines = Arc::new(Deadlines::default());
        let seats = place.open(options, (terms, bounds), (&clock, &deadlines));
        Self { place, clock, deadlines, seats, terms, bounds, options, sessions }
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

/// The same beside the facts, as one of several nodes. Opened on a thread of its own, since that takes a
/// runtime.
pub(super) fn beside(
    url: &str,
    decided_by: (Terms, Bounds),
    (clock, deadlines): (&Arc<Clock>, &Arc<Deadlines>),
) -> Conditional {
    let rest = (Arc::clone(clock), Arc::clone(deadlines));
    let opened = std::thread::scope(|scope| {
        let opening = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let facts = crate::storage::postgres::tests::node(url).await;
                crate::storage::Storage::close(&facts).await;
                let options = PostgresOptions {
                    timeout: PATIENT,
                    patience: PATIENT,
                    ..PostgresOptions::default()
                };
                Conditional::beside(url, options, decided_by, rest, None).await
            })
        });
        opening.join().unwrap()
    });
    opened.unwrap()
}

/// Far more than anything here takes on a busy machine.
const PATIENT: Duration = Duration::from_secs(20);

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
