//! Who may have a seat: the one boundary through which every path asks, whatever the strategy.
//!
//! A strategy is one way to make each verb atomic: a mutex, a transaction, a script. What the verbs
//! mean is [`anteroom_core::seat`]; what they promise here:
//!
//! - **Atomic per room.** Each verb is one step of one room's ledger; what crosses rooms (policy
//!   `one`) is ordered so that a failure half-way leaves a seat too many taken, never one too few.
//! - **Refused means unchanged.** Lazy expiry aside, a refusal has changed nothing.
//! - **Journalled.** What a step changed is pushed to the caller's [`Journal`], in order, exactly
//!   once. The caller applies it (presence, memberships, log) after the step.
//! - **Deadlines are its own.** The strategy tells the deadline loop when to call [`Admission::expire`].
//!
//! It knows nothing of tickets' outer form, passwords, bans or the wire.

mod quota;
mod semaphore;
mod ticket;

use std::net::IpAddr;

use anteroom_core::ids::{Generation, LoginId, RoomId, SessionId, UserId};
use anteroom_core::seat::{
    Ask, Change, Claim, Closed, ConfirmRefusal, Confirmed, End, Member, PartRef, Parting,
    ReserveRefusal, Reserved, RoomSpec, Seats,
};
use async_trait::async_trait;

pub(crate) use quota::Bounds;
pub(crate) use semaphore::Semaphore;
pub(crate) use ticket::{Ticket, TicketKey};

/// What steps changed, in order.
pub(crate) type Journal = Vec<(RoomId, Change)>;

/// Sessions that ended with a step, by room: their connections are to be told.
pub(crate) type EndedSessions = Vec<SessionId>;

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
}

/// The verbs of a seat strategy. See the module for what they promise.
#[async_trait]
pub(crate) trait Admission: Send + Sync {
    /// Adds a room. Repeating it for a known room changes nothing.
    async fn add_room(&self, spec: RoomSpec);

    /// Counts a seat for a user until a deadline.
    async fn reserve(
        &self,
        room: RoomId,
        ask: Ask,
        address: Option<IpAddr>,
        journal: &mut Journal,
    ) -> Result<Reserved, Refusal>;

    /// Gives a user's reservation back; its generation if there was one.
    async fn cancel(&self, room: RoomId, user: UserId, journal: &mut Journal)
    -> Option<Generation>;

    /// Gives back one grant, named by its number and login, and no other. True when it stood.
    async fn withdraw(
        &self,
        room: RoomId,
        user: UserId,
        grant: (Generation, LoginId),
        journal: &mut Journal,
    ) -> bool;

    /// Counts an attempt to connect with this ticket. True when the ticket matched.
    async fn connecting(&self, ticket: &Ticket, journal: &mut Journal) -> bool;

    /// Turns a reservation into a live part, provisionally. `None` when there is no such room.
    async fn confirm(
        &self,
        room: RoomId,
        claim: Claim,
        journal: &mut Journal,
    ) -> Option<Result<Confirmed, ConfirmRefusal>>;

    /// The entry is complete: answers the sessions that gave way, here and (policy `one`) in the
    /// user's former room.
    ///
    /// # Errors
    /// Why the part ended before it was settled.
    async fn settle(
        &self,
        room: RoomId,
        user: UserId,
        session: SessionId,
        journal: &mut Journal,
    ) -> Result<EndedSessions, End>;

    /// The session's peer was heard, so it knows its resume secret; the one that brought it here
    /// by a refresh is void from now on.
    async fn heard(&self, room: RoomId, user: UserId, session: SessionId);

    /// The entry failed: what it replaced is restored, or the seat is returned.
    async fn abort(&self, room: RoomId, user: UserId, session: SessionId, journal: &mut Journal);

    /// A connection ended.
    async fn close(
        &self,
        room: RoomId,
        part: PartRef,
        parting: Parting,
        journal: &mut Journal,
    ) -> Closed;

    /// A newer login took over: seats are held, reservations and places in line rebound.
    async fn supersede(
        &self,
        user: UserId,
        old: LoginId,
        new: LoginId,
        journal: &mut Journal,
    ) -> EndedSessions;

    /// A login ended: everything under it goes at once, in every room.
    async fn revoke_login(
        &self,
        user: UserId,
        login: LoginId,
        journal: &mut Journal,
    ) -> EndedSessions;

    /// Everything a user has in a room goes at once.
    async fn remove(&self, room: RoomId, user: UserId, journal: &mut Journal) -> EndedSessions;

    /// The room takes nobody any more; everyone in it ends.
    async fn close_room(&self, room: RoomId, journal: &mut Journal) -> EndedSessions;

    /// Changes the capacity in force. Nobody is thrown out.
    async fn set_capacity(&self, room: RoomId, capacity: u32, journal: &mut Journal) -> bool;

    /// Ends what is due in a room.
    async fn expire(&self, room: RoomId, journal: &mut Journal);

    /// How the seats of a room stand; `None` when there is no such room.
    async fn seats(&self, room: RoomId) -> Option<Seats>;

    /// Who sits or is held in a room, longest first.
    async fn members(&self, room: RoomId) -> Vec<Member>;

    /// Whether the user sits or is held in the room.
    async fn is_seated(&self, room: RoomId, user: UserId) -> bool;

    /// The first entry's generation of the user's stay in the room, settled or not.
    async fn stay(&self, room: RoomId, user: UserId) -> Option<Generation>;

    /// Whether the user sits or is held in the room, or holds a reservation there under this very
    /// login: then the door asks for nothing more.
    async fn has_slot(&self, room: RoomId, user: UserId, login: LoginId) -> bool;

    /// How many entries are confirmed and neither settled nor aborted; 0 at rest.
    async fn entries_under_way(&self) -> usize;
}
