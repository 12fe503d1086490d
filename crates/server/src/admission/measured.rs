//! A strategy with a watch beside it, so that no strategy knows of metrics: how long a decision took,
//! how often the seat store could not decide, and whether a capacity was kept.
//!
//! Changes no answer. What it costs each decision is two readings of the clock and a short lock.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use anteroom_core::ids::{Generation, LoginId, Owner, RoomId, SessionId, StreamId, UserId};
use anteroom_core::seat::{
    Ask, Attachment, Claim, Closed, Confirmed, Member, PartRef, Parting, Position, Reserved,
    RoomSize, RoomSpec, Seats, Snapshot, Waiting,
};
use anteroom_core::time::Millis;
use async_trait::async_trait;

use super::capacity::{CapacityWatch, added};
use super::verbs::every_verb;
use super::{
    Admission, ConfirmError, Decided, EndedSessions, Journal, PartyError, Refusal, SettleError,
    Ticket, WaitError,
};
use crate::clock::Clock;
use crate::metrics::{Metrics, Verb};

/// A strategy, watched.
pub(crate) struct Measured {
    seats: Arc<dyn Admission>,
    metrics: Arc<Metrics>,
    capacity: Arc<CapacityWatch>,
}

/// An answer that may be that nothing was decided.
trait Answer {
    fn is_unavailable(&self) -> bool;
}

macro_rules! answers {
    ($($error:ident),*) => {$(
        impl<T> Answer for Result<T, $error> {
            fn is_unavailable(&self) -> bool {
                matches!(self, Err($error::Unavailable(_)))
            }
        }
    )*};
}

answers!(Refusal, PartyError, WaitError, ConfirmError, SettleError);

impl<T> Answer for Decided<T> {
    fn is_unavailable(&self) -> bool {
        self.is_err()
    }
}

impl Measured {
    /// Watches `seats`.
    pub(crate) fn new(
        seats: Arc<dyn Admission>,
        metrics: Arc<Metrics>,
        capacity: Arc<CapacityWatch>,
    ) -> Self {
        Self { seats, metrics, capacity }
    }

    fn noted<A: Answer>(&self, answer: A) -> A {
        if answer.is_unavailable() {
            self.metrics.unavailable();
        }
        answer
    }

    /// A verb that may have given seats.
    fn stepped<A: Answer>(&self, answer: A, journal: &Journal, before: usize) -> A {
        self.capacity.follow(added(journal, before));
        self.noted(answer)
    }
}

/// Writes the verbs down: those that decide over a seat are timed, steps are asked whether they gave
/// a seat, reads are only passed on; the others are written out.
macro_rules! watched {
    (
        decides { $($verb:ident: fn $decides:ident($($d:ident: $dty:ty),*) -> $dout:ty;)* }
        of_a_room { $(fn $one:ident($($o:ident: $oty:ty),*) -> $oout:ty;)* }
        of_several { $(fn $all:ident($($a:ident: $aty:ty),*) -> $aout:ty;)* }
        reads { $(fn $reads:ident($($r:ident: $rty:ty),*) -> $rout:ty;)* }
        $($others:tt)*
    ) => {
        #[async_trait]
        impl Admission for Measured {
            $(async fn $decides(&self, room: RoomId, $($d: $dty,)* journal: &mut Journal) -> $dout {
                let (before, began) = (journal.len(), Instant::now());
                let answer = self.seats.$decides(room, $($d,)* journal).await;
                self.metrics.decisions().took(Verb::$verb, began.elapsed());
                self.stepped(answer, journal, before)
            })*

            $(async fn $one(&self, room: RoomId, $($o: $oty,)* journal: &mut Journal) -> $oout {
                let before = journal.len();
                let answer = self.seats.$one(room, $($o,)* journal).await;
                self.stepped(answer, journal, before)
            })*

            $(async fn $all(&self, $($a: $aty,)* journal: &mut Journal) -> $aout {
                let before = journal.len();
                let answer = self.seats.$all($($a,)* journal).await;
                self.stepped(answer, journal, before)
            })*

            $(async fn $reads(&self, $($r: $rty),*) -> $rout {
                self.noted(self.seats.$reads($($r),*).await)
            })*

            $($others)*
        }
    };
}

every_verb! { watched {
    async fn reserve(
        &self,
        room: RoomId,
        ask: Ask,
        address: Option<IpAddr>,
        journal: &mut Journal,
    ) -> Result<Reserved, Refusal> {
        let (before, began) = (journal.len(), Instant::now());
        let answer = self.seats.reserve(room, ask, address, journal).await;
        self.metrics.decisions().took(Verb::Reserve, began.elapsed());
        self.stepped(answer, journal, before)
    }

    async fn add_room(&self, spec: RoomSpec) -> Decided<()> {
        self.noted(self.seats.add_room(spec).await)?;
        // The first look only learns; one that fails is made later.
        let _ = self.capacity.look(&[spec.id]).await;
        Ok(())
    }

    async fn connecting(&self, ticket: &Ticket, journal: &mut Journal) -> Decided<bool> {
        let before = journal.len();
        let answer = self.seats.connecting(ticket, journal).await;
        self.stepped(answer, journal, before)
    }

    async fn set_capacity(
        &self,
        room: RoomId,
        size: RoomSize,
        journal: &mut Journal,
    ) -> Decided<bool> {
        let before = journal.len();
        self.capacity.changing(room, size);
        let answer = self.seats.set_capacity(room, size, journal).await;
        // Without an answer it may be changed all the same, and later than now.
        if answer.is_ok() {
            self.capacity.changed(room);
        }
        self.stepped(answer, journal, before)
    }

    async fn seats_of(&self, rooms: &[RoomId]) -> Decided<Vec<Option<Seats>>> {
        self.noted(self.seats.seats_of(rooms).await)
    }
}}
