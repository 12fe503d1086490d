//! Who may have a seat: the one boundary through which every path asks, whatever the strategy.
//!
//! A strategy is one way to make each verb atomic: a mutex, a transaction, a script. What the verbs
//! mean is [`anteroom_core::seat`]; what they promise here:
//!
//! - **Atomic per room.** Each verb is one step of one room's ledger; what crosses rooms (policy
//!   `one`) is in the same step, or ordered so that a failure half-way leaves a seat too many taken,
//!   never one too few.
//! - **Refused means unchanged.** Lazy expiry aside, a refusal has changed nothing.
//! - **Journalled.** What a step changed is pushed to the caller's [`Journal`], in order, exactly
//!   once. The caller applies it (presence, memberships, log) after the step.
//! - **Deadlines are its own.** The strategy tells the deadline loop when to call [`Admission::expire`].
//! - **Bounded.** A strategy whose store is away, slow or full answers [`Unavailable`] in bounded
//!   time. Then nothing was granted that the caller could rely on, and every verb is safe to repeat:
//!   the retry of a reserve gives the same seat, the retry of a close is stale or does it. The
//!   journal of such a step may be lost; the caller compares its records with [`Admission::members`]
//!   once the store answers again.
//!
//! It knows nothing of tickets' outer form, passwords, bans or the wire.

#[cfg(any(test, feature = "baselines"))]
mod baselines;
mod capacity;
mod measured;
mod conditional;
mod documents;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod quota;
mod redis;
#[cfg(test)]
pub(crate) use redis::tests::store::Store as RedisForTests;
mod semaphore;
mod ticket;
mod verbs;

use std::net::IpAddr;

use anteroom_core::ids::{Generation, LoginId, Owner, RoomId, SessionId, StreamId, UserId};
use anteroom_core::seat::{
    Ask, Attachment, Change, Claim, Closed, ConfirmRefusal, Confirmed, End, Member, PartRef,
    Parting, PartyRefusal, Position, ReserveRefusal, Reserved, RoomSize, RoomSpec, Seats, Snapshot,
    WaitRefusal, Waiting,
};
use anteroom_core::time::Millis;
use async_trait::async_trait;
use uuid::Uuid;

use crate::clock::Clock;

#[cfg(feature = "baselines")]
pub(crate) use baselines::{Discipline, RULES_LOG, Specimen};
pub(crate) use capacity::CapacityWatch;
pub(crate) use conditional::{
    Conditional, Options as ConditionalOptions, PostgresOptions as ConditionalPostgresOptions,
};
pub(crate) use measured::Measured;
pub(crate) use quota::Bounds;
pub(crate) use redis::{Redis, forget};
pub(crate) use semaphore::Semaphore;
pub(crate) use ticket::{Ticket, TicketKey};

/// What steps changed, in order.
pub(crate) type Journal = Vec<(RoomId, Change)>;

/// Sessions that ended with a step, by room: their connections are to be told.
pub(crate) type EndedSessions = Vec<SessionId>;

/// Whose seats a store keeps: the database that they belong to, and which life of which node asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whose {
    /// The name that the database was founded with.
    pub(crate) deployment: Uuid,
    /// This life of this node.
    pub(crate) owner: Owner,
}

/// The seat store cannot decide: it is away, slow, full, or was lost. The detail is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the seat store cannot decide: {0}")]
pub(crate) struct Unavailable(pub(crate) String);

/// The answer of a verb that the ledger itself never refuses.
pub(crate) type Decided<T> = Result<T, Unavailable>;

/// Why no seat was reserved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The room's ledger refused.
    #[error(transparent)]
    Ledger(#[from] ReserveRefusal),
    /// No such room.
    #[error("no such room")]
    NoRoom,
    /// The user has too many open reservations; here are their rooms.
    #[error("too many open reservations")]
    TooMany(Vec<RoomId>),
    /// The address has too many open reservations.
    #[error("too many open reservations from this address")]
    AddressBusy,
    /// Nothing was decided.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why nobody of a party got a seat.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PartyError {
    /// The room's ledger refused.
    #[error(transparent)]
    Ledger(#[from] PartyRefusal),
    /// No such room.
    #[error("no such room")]
    NoRoom,
    /// Nothing was decided.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why somebody has no place in the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WaitError {
    /// The room's ledger refused.
    #[error(transparent)]
    Ledger(#[from] WaitRefusal),
    /// No such room.
    #[error("no such room")]
    NoRoom,
    /// The user has too many open reservations and places in lines; here are their rooms.
    #[error("too many open reservations and places in lines")]
    TooMany(Vec<RoomId>),
    /// The address has too many.
    #[error("too many open reservations and places in lines from this address")]
    AddressBusy,
    /// Nothing was decided.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a ticket opened nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfirmError {
    /// The room's ledger refused.
    #[error(transparent)]
    Ledger(#[from] ConfirmRefusal),
    /// No such room.
    #[error("no such room")]
    NoRoom,
    /// Not known whether it was confirmed: the caller must abort.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why an entry is not settled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SettleError {
    /// The part ended before.
    #[error("the part ended before it was settled")]
    Ended(End),
    /// Not known whether it was settled: the caller must end the session.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// The verbs of a seat strategy. See the module for what they promise.
#[async_trait]
pub(crate) trait Admission: Send + Sync {
    /// The word for it in the configuration, logs and metrics.
    fn name(&self) -> &'static str;

    /// The clock of the strategy's deadlines, now.
    fn now(&self) -> Millis;

    /// An instant of the strategy's clock, on this node's clock of deadlines. The same instant gives
    /// the same answer, unless one of the clocks was set.
    fn local(&self, at: Millis) -> Millis {
        at
    }

    /// An instant of the strategy's clock as people read it, on the wall clock: the same on every node, as
    /// long as all clocks of the deployment agree.
    fn shown(&self, at: Millis, clock: &Clock) -> i64 {
        clock.to_wall(self.local(at))
    }

    /// Resolves when the store has lost what it held. Until every room was added again, in a new
    /// epoch, the strategy answers [`Unavailable`].
    async fn lost(&self) {
        std::future::pending().await
    }

    /// It is known otherwise that the store lost what it held: from now on as if the strategy had seen it by
    /// itself. False where that cannot be: nothing changes.
    fn lose(&self) -> bool {
        false
    }

    /// Whether the store can decide at this moment.
    async fn ping(&self) -> Decided<()> {
        Ok(())
    }

    /// Every room that there still is was added again: what else was lost is forgotten.
    async fn rebuilt(&self) {}

    /// Adds a room. For a room that the strategy knows already, from an earlier life, grant numbers
    /// go on in the epoch of `spec`; otherwise repeating it changes nothing.
    async fn add_room(&self, spec: RoomSpec) -> Decided<()>;

    /// Called once, after the rooms were added: ends what an earlier life of this node left. Its
    /// sessions are fenced, its waiters' streams lost, its entries under way forgotten; rooms that
    /// were not added, and that no other node can have made, are dropped.
    async fn take_up(&self, owner: Owner, journal: &mut Journal) -> Decided<()>;

    /// Counts a seat for a user until a deadline.
    async fn reserve(
        &self,
        room: RoomId,
        ask: Ask,
        address: Option<IpAddr>,
        journal: &mut Journal,
    ) -> Result<Reserved, Refusal>;

    /// Counts a seat for each of several users, or for none. No quota is asked: who may do this
    /// answers for it.
    async fn reserve_party(
        &self,
        room: RoomId,
        party: Vec<Ask>,
        journal: &mut Journal,
    ) -> Result<Vec<Reserved>, PartyError>;

    /// Gives a user's reservation back; its generation if there was one.
    async fn cancel(
        &self,
        room: RoomId,
        user: UserId,
        journal: &mut Journal,
    ) -> Decided<Option<Generation>>;

    /// Gives back one grant, named by its number and login, and no other. True when it stood.
    async fn withdraw(
        &self,
        room: RoomId,
        user: UserId,
        grant: (Generation, LoginId),
        journal: &mut Journal,
    ) -> Decided<bool>;

    /// Counts an attempt to connect with this ticket. True when the ticket matched.
    async fn connecting(&self, ticket: &Ticket, journal: &mut Journal) -> Decided<bool>;

    /// Turns a reservation into a live part, provisionally.
    async fn confirm(
        &self,
        room: RoomId,
        claim: Claim,
        journal: &mut Journal,
    ) -> Result<Confirmed, ConfirmError>;

    /// The entry is complete: answers the sessions that gave way, here and (policy `one`) in the
    /// user's former room.
    async fn settle(
        &self,
        room: RoomId,
        user: UserId,
        session: SessionId,
        journal: &mut Journal,
    ) -> Result<EndedSessions, SettleError>;

    /// The session's peer was heard, so it knows its resume secret; the one that brought it here
    /// by a refresh is void from now on.
    async fn heard(&self, room: RoomId, user: UserId, session: SessionId) -> Decided<()>;

    /// The entry failed: what it replaced is restored, or the seat is returned. No effect on an
    /// entry that is not under way.
    async fn abort(
        &self,
        room: RoomId,
        user: UserId,
        session: SessionId,
        journal: &mut Journal,
    ) -> Decided<()>;

    /// A connection ended.
    async fn close(
        &self,
        room: RoomId,
        part: PartRef,
        parting: Parting,
        journal: &mut Journal,
    ) -> Decided<Closed>;

    /// A newer login took over: seats are held, reservations and places in line rebound.
    async fn supersede(
        &self,
        user: UserId,
        old: LoginId,
        new: LoginId,
        journal: &mut Journal,
    ) -> Decided<EndedSessions>;

    /// A login ended: everything under it goes at once, in every room.
    async fn revoke_login(
        &self,
        user: UserId,
        login: LoginId,
        journal: &mut Journal,
    ) -> Decided<EndedSessions>;

    /// Everything a user has in a room goes at once.
    async fn remove(
        &self,
        room: RoomId,
        user: UserId,
        journal: &mut Journal,
    ) -> Decided<EndedSessions>;

    /// The lease of a node's life is over: its parts end uncleanly and its waiters' streams are lost,
    /// in every room.
    async fn fence(&self, owner: Owner, journal: &mut Journal) -> Decided<EndedSessions>;

    /// The room takes nobody any more; everyone in it ends.
    async fn close_room(&self, room: RoomId, journal: &mut Journal) -> Decided<EndedSessions>;

    /// Changes the capacity in force and the staff seats in it, in one step. Nobody is thrown out.
    /// False when there is no such room or no such size.
    async fn set_capacity(
        &self,
        room: RoomId,
        size: RoomSize,
        journal: &mut Journal,
    ) -> Decided<bool>;

    /// Puts a user at the end of the room's line, or answers with a reservation if a place is free.
    async fn wait(
        &self,
        room: RoomId,
        ask: Ask,
        address: Option<IpAddr>,
        journal: &mut Journal,
    ) -> Result<Waiting, WaitError>;

    /// Leaves the line. Whether the user stood there.
    async fn stop_waiting(
        &self,
        room: RoomId,
        user: UserId,
        journal: &mut Journal,
    ) -> Decided<bool>;

    /// A stream of the waiter is attached, under its own name: again has no effect.
    async fn stream_attached(
        &self,
        room: RoomId,
        user: UserId,
        stream: StreamId,
        journal: &mut Journal,
    ) -> Decided<Attachment>;

    /// That stream ended; no effect when it was not attached, or its place is gone.
    async fn stream_lost(
        &self,
        room: RoomId,
        user: UserId,
        stream: StreamId,
        journal: &mut Journal,
    ) -> Decided<()>;

    /// Rooms in which something has been due for a while, because the node that would have ended it is
    /// gone. None where seats are in the memory of one node.
    async fn overdue(&self) -> Decided<Vec<RoomId>> {
        Ok(Vec::new())
    }

    /// Ends what is due in a room.
    async fn expire(&self, room: RoomId, journal: &mut Journal) -> Decided<()>;

    /// How the seats of a room stand; `None` when there is no such room.
    async fn seats(&self, room: RoomId) -> Decided<Option<Seats>>;

    /// The same for many rooms, in their order, in one round trip.
    async fn seats_of(&self, rooms: &[RoomId]) -> Decided<Vec<Option<Seats>>>;

    /// Who sits or is held in a room, longest first.
    async fn members(&self, room: RoomId) -> Decided<Vec<Member>>;

    /// Whether the user sits or is held in the room.
    async fn is_seated(&self, room: RoomId, user: UserId) -> Decided<bool>;

    /// Every live session of a user, and in which room, whichever node holds it.
    async fn sessions_of(&self, user: UserId) -> Decided<Vec<(RoomId, SessionId)>>;

    /// The first entry's generation of the user's stay in the room, settled or not.
    async fn stay(&self, room: RoomId, user: UserId) -> Decided<Option<Generation>>;

    /// Whether the user sits or is held in the room, or holds a reservation there under this very
    /// login: then the door asks for nothing more.
    async fn has_slot(&self, room: RoomId, user: UserId, login: LoginId) -> Decided<bool>;

    /// The user's open reservation in the room.
    async fn standing(&self, room: RoomId, user: UserId) -> Decided<Option<Reserved>>;

    /// Where the user stands in the room's line.
    async fn position(&self, room: RoomId, user: UserId) -> Decided<Option<Position>>;

    /// Who waits in the room, from the head.
    async fn line(&self, room: RoomId) -> Decided<Vec<UserId>>;

    /// The first `most` of them; cheap also where the line is long.
    async fn line_front(&self, room: RoomId, most: usize) -> Decided<Vec<UserId>> {
        let mut line = self.line(room).await?;
        line.truncate(most);
        Ok(line)
    }

    /// The room as plain values, for administrators and tests; `None` when there is no such room.
    async fn snapshot(&self, room: RoomId) -> Decided<Option<Snapshot>>;

    /// How many entries are confirmed and neither settled nor aborted; 0 at rest.
    async fn entries_under_way(&self) -> Decided<usize>;
}
