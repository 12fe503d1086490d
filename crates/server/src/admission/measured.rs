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
macro_rules! verbs {
    (
        decides { $($verb:ident: fn $decides:ident($($d:ident: $dty:ty),*) -> $dout:ty;)* }
        steps { $(fn $steps:ident($($s:ident: $sty:ty),*) -> $sout:ty;)* }
        reads { $(fn $reads:ident($($r:ident: $rty:ty),*) -> $rout:ty;)* }
        $($others:tt)*
    ) => {
        #[async_trait]
        impl Admission for Measured {
            $(async fn $decides(&self, $($d: $dty,)* journal: &mut Journal) -> $dout {
                let (before, began) = (journal.len(), Instant::now());
                let answer = self.seats.$decides($($d,)* journal).await;
                self.metrics.decisions().took(Verb::$verb, began.elapsed());
                self.stepped(answer, journal, before)
            })*

            $(async fn $steps(&self, $($s: $sty,)* journal: &mut Journal) -> $sout {
                let before = journal.len();
                let answer = self.seats.$steps($($s,)* journal).await;
                self.stepped(answer, journal, before)
            })*

            $(async fn $reads(&self, $($r: $rty),*) -> $rout {
                self.noted(self.seats.$reads($($r),*).await)
            })*

            $($others)*
        }
    };
}

verbs! {
    decides {
        Reserve: fn reserve(room: RoomId, ask: Ask, address: Option<IpAddr>)
            -> Result<Reserved, Refusal>;
        ReserveParty: fn reserve_party(room: RoomId, party: Vec<Ask>)
            -> Result<Vec<Reserved>, PartyError>;
        Wait: fn wait(room: RoomId, ask: Ask, address: Option<IpAddr>)
            -> Result<Waiting, WaitError>;
        Confirm: fn confirm(room: RoomId, claim: Claim) -> Result<Confirmed, ConfirmError>;
    }
    steps {
        fn take_up(owner: Owner) -> Decided<()>;
        fn cancel(room: RoomId, user: UserId) -> Decided<Option<Generation>>;
        fn withdraw(room: RoomId, user: UserId, grant: (Generation, LoginId)) -> Decided<bool>;
        fn settle(room: RoomId, user: UserId, session: SessionId)
            -> Result<EndedSessions, SettleError>;
        fn abort(room: RoomId, user: UserId, session: SessionId) -> Decided<()>;
        fn close(room: RoomId, part: PartRef, parting: Parting) -> Decided<Closed>;
        fn supersede(user: UserId, old: LoginId, new: LoginId) -> Decided<EndedSessions>;
        fn revoke_login(user: UserId, login: LoginId) -> Decided<EndedSessions>;
        fn remove(room: RoomId, user: UserId) -> Decided<EndedSessions>;
        fn fence(owner: Owner) -> Decided<EndedSessions>;
        fn close_room(room: RoomId) -> Decided<EndedSessions>;
        fn stop_waiting(room: RoomId, user: UserId) -> Decided<bool>;
        fn stream_attached(room: RoomId, user: UserId, stream: StreamId) -> Decided<Attachment>;
        fn stream_lost(room: RoomId, user: UserId, stream: StreamId) -> Decided<()>;
        fn expire(room: RoomId) -> Decided<()>;
    }
    reads {
        fn heard(room: RoomId, user: UserId, session: SessionId) -> Decided<()>;
        fn seats(room: RoomId) -> Decided<Option<Seats>>;
        fn members(room: RoomId) -> Decided<Vec<Member>>;
        fn is_seated(room: RoomId, user: UserId) -> Decided<bool>;
        fn sessions_of(user: UserId) -> Decided<Vec<(RoomId, SessionId)>>;
        fn overdue() -> Decided<Vec<RoomId>>;
        fn stay(room: RoomId, user: UserId) -> Decided<Option<Generation>>;
        fn has_slot(room: RoomId, user: UserId, login: LoginId) -> Decided<bool>;
        fn standing(room: RoomId, user: UserId) -> Decided<Option<Reserved>>;
        fn position(room: RoomId, user: UserId) -> Decided<Option<Position>>;
        fn line(room: RoomId) -> Decided<Vec<UserId>>;
        fn line_front(room: RoomId, most: usize) -> Decided<Vec<UserId>>;
        fn snapshot(room: RoomId) -> Decided<Option<Snapshot>>;
        fn entries_under_way() -> Decided<usize>;
    }

    fn name(&self) -> &'static str {
        self.seats.name()
    }

    fn now(&self) -> Millis {
        self.seats.now()
    }

    fn local(&self, at: Millis) -> Millis {
        self.seats.local(at)
    }

    fn shown(&self, at: Millis, clock: &Clock) -> i64 {
        self.seats.shown(at, clock)
    }

    async fn lost(&self) {
        self.seats.lost().await;
    }

    async fn rebuilt(&self) {
        self.seats.rebuilt().await;
    }

    async fn ping(&self) -> Decided<()> {
        self.noted(self.seats.ping().await)
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
}
