//! What the experiment compares the strategies with (`docs/experiments/README.md`); in no program that people run.
//!
//! A baseline looks whether a seat is free and then takes it, in two steps ([`Semaphore::check_then_act`]), and
//! differs from the others in what keeps those of two requests apart: nothing, one lock for all rooms, or a lock
//! per room, each of the latter two either going to who asked first or promising no order. The locks lie around
//! whole verbs, as `synchronized` and `ReentrantLock` did in the original. All the rest is the [`Semaphore`]'s,
//! whose ledgers' own mutexes stay beneath the locks, never contended there; steps that cross rooms take no lock
//! of a single room and rely on those.
//!
//! Without a lock other requests go on between the look and the act (one yield of the task, where a store would be
//! asked). Everything else is sound there, so that the server can be looked at while it overfills its rooms.
//!
//! The same wrapper keeps the original's log ([`log`]) around the decisions of any strategy.

mod log;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anteroom_core::ids::{Generation, LoginId, Owner, RoomId, SessionId, StreamId, UserId};
use anteroom_core::seat::{
    Ask, Attachment, Claim, Closed, Confirmed, Member, PartRef, Parting, Position, Reserved,
    RoomSize, RoomSpec, Seats, Snapshot, Waiting,
};
use anteroom_core::time::Millis;
use async_trait::async_trait;
use futures_util::FutureExt as _;

use self::log::Log;
#[cfg(feature = "baselines")]
pub(crate) use self::log::VARIABLE as RULES_LOG;
use super::verbs::every_verb;
use super::{
    Admission, ConfirmError, Decided, EndedSessions, Journal, PartyError, Refusal, Semaphore,
    SettleError, Ticket, WaitError,
};
use crate::clock::Clock;

/// What keeps the steps of a baseline apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Discipline {
    /// Nothing does.
    Unlocked,
    /// One lock for all rooms, for who asked first if it is `fair`.
    Global { fair: bool },
    /// A lock per room.
    PerRoom { fair: bool },
}

/// A lock around a verb.
enum Lock {
    /// Whoever comes at the right moment gets it. Never held across an await.
    Barging(Mutex<()>),
    /// In the order of asking.
    Fair(tokio::sync::Mutex<()>),
}

impl Lock {
    fn new(fair: bool) -> Self {
        if fair {
            Self::Fair(tokio::sync::Mutex::default())
        } else {
            Self::Barging(Mutex::default())
        }
    }

    /// Runs a verb that is decided in memory, and so never waits, under the lock.
    async fn held<T>(&self, verb: impl Future<Output = T> + Send) -> T {
        match self {
            Self::Fair(lock) => {
                let _held = lock.lock().await;
                verb.await
            }
            Self::Barging(lock) => {
                let decided = {
                    let _held = lock.lock().unwrap_or_else(PoisonError::into_inner);
                    verb.now_or_never()
                };
                match decided {
                    Some(answer) => answer,
                    None => unreachable!("a strategy in memory never waits"),
                }
            }
        }
    }
}

enum Locks {
    None,
    Global(Lock),
    PerRoom { fair: bool, locks: Mutex<HashMap<RoomId, Arc<Lock>>> },
}

impl Locks {
    /// Runs a verb under what its room, or every room, is locked with.
    async fn held<T>(&self, room: Option<RoomId>, verb: impl Future<Output = T> + Send) -> T {
        match (self, room) {
            (Self::Global(lock), _) => lock.held(verb).await,
            (Self::PerRoom { fair, locks }, Some(room)) => {
                let lock = {
                    let mut locks = locks.lock().unwrap_or_else(PoisonError::into_inner);
                    locks.entry(room).or_insert_with(|| Arc::new(Lock::new(*fair))).clone()
                };
                lock.held(verb).await
            }
            (Self::None | Self::PerRoom { .. }, _) => verb.await,
        }
    }
}

/// A strategy in the lab: a baseline, or a real one whose decisions are logged.
pub(crate) struct Specimen {
    seats: Arc<dyn Admission>,
    /// Of a baseline: whose seats are looked for first and then taken.
    ledgers: Option<Arc<Semaphore>>,
    locks: Locks,
    log: Option<Log>,
}

impl Specimen {
    /// A baseline over ledgers in memory.
    pub(crate) fn baseline(ledgers: Semaphore, discipline: Discipline) -> Self {
        let ledgers = Arc::new(ledgers);
        let locks = match discipline {
            Discipline::Unlocked => Locks::None,
            Discipline::Global { fair } => Locks::Global(Lock::new(fair)),
            Discipline::PerRoom { fair } => Locks::PerRoom { fair, locks: Mutex::default() },
        };
        Self { seats: Arc::clone(&ledgers) as _, ledgers: Some(ledgers), locks, log: None }
    }

    /// A real strategy, as it is.
    #[cfg(feature = "baselines")]
    pub(crate) fn real(seats: Arc<dyn Admission>) -> Self {
        Self { seats, ledgers: None, locks: Locks::None, log: None }
    }

    /// Keeps the original's log, if the environment asks for it.
    #[cfg(feature = "baselines")]
    ///
    /// # Errors
    /// The log cannot be written where it is wanted.
    pub(crate) fn logged(mut self) -> anyhow::Result<Self> {
        self.log = Log::wanted()?;
        Ok(self)
    }

    /// Step 1, logged if that is wanted.
    async fn decide(
        &self,
        room: RoomId,
        ask: Ask,
        (address, started_ns): (Option<IpAddr>, u64),
        journal: &mut Journal,
    ) -> Result<Reserved, Refusal> {
        let user = ask.user;
        let entered = match &self.log {
            Some(log) => log.enter(&*self.seats, room, started_ns).await.map(|it| (log, it)),
            None => None,
        };
        let answer = match (&self.ledgers, &self.locks) {
            (Some(ledgers), Locks::None) => {
                ledgers.check_then_act(room, ask, journal, tokio::task::yield_now()).await
            }
            (Some(ledgers), _) => {
                let nothing = std::future::ready(());
                ledgers.check_then_act(room, ask, journal, nothing).await
            }
            (None, _) => self.seats.reserve(room, ask, address, journal).await,
        };
        if let Some((log, entered)) = entered {
            log.leave(&*self.seats, (room, user), entered, answer.is_ok()).await;
        }
        answer
    }
}

/// Writes the verbs down: those of one room are run under its lock, those of several under the one for all rooms
/// if there is one, reads under none.
macro_rules! locked {
    (
        decides { $($verb:ident: fn $decides:ident($($d:ident: $dty:ty),*) -> $dout:ty;)* }
        of_a_room { $(fn $one:ident($($o:ident: $oty:ty),*) -> $oout:ty;)* }
        of_several { $(fn $all:ident($($a:ident: $aty:ty),*) -> $aout:ty;)* }
        reads { $(fn $reads:ident($($r:ident: $rty:ty),*) -> $rout:ty;)* }
        $($others:tt)*
    ) => {
        #[async_trait]
        impl Admission for Specimen {
            $(async fn $decides(&self, room: RoomId, $($d: $dty,)* journal: &mut Journal) -> $dout {
                self.locks.held(Some(room), self.seats.$decides(room, $($d,)* journal)).await
            })*

            $(async fn $one(&self, room: RoomId, $($o: $oty,)* journal: &mut Journal) -> $oout {
                self.locks.held(Some(room), self.seats.$one(room, $($o,)* journal)).await
            })*

            $(async fn $all(&self, $($a: $aty,)* journal: &mut Journal) -> $aout {
                self.locks.held(None, self.seats.$all($($a,)* journal)).await
            })*

            $(async fn $reads(&self, $($r: $rty),*) -> $rout {
                self.seats.$reads($($r),*).await
            })*

            $($others)*
        }
    };
}

every_verb! { locked {
    async fn add_room(&self, spec: RoomSpec) -> Decided<()> {
        self.seats.add_room(spec).await
    }

    async fn set_capacity(
        &self,
        room: RoomId,
        size: RoomSize,
        journal: &mut Journal,
    ) -> Decided<bool> {
        self.locks.held(Some(room), self.seats.set_capacity(room, size, journal)).await
    }

    async fn seats_of(&self, rooms: &[RoomId]) -> Decided<Vec<Option<Seats>>> {
        self.seats.seats_of(rooms).await
    }

    async fn connecting(&self, ticket: &Ticket, journal: &mut Journal) -> Decided<bool> {
        self.locks.held(None, self.seats.connecting(ticket, journal)).await
    }

    async fn reserve(
        &self,
        room: RoomId,
        ask: Ask,
        address: Option<IpAddr>,
        journal: &mut Journal,
    ) -> Result<Reserved, Refusal> {
        let started_ns = log::now_ns();
        self.locks.held(Some(room), self.decide(room, ask, (address, started_ns), journal)).await
    }
}}
