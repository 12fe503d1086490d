//! The journal: everything a step of the ledger changed, in the order in which it happened.
//!
//! Presence, metrics, the record of entries and the event outbox are fed from it and from nothing
//! else. A step that was refused may still journal what lazy expiry did.

use super::Reservation;
use crate::ids::{Generation, SessionId, UserId};
use crate::time::Millis;

/// One thing that happened to a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// A reservation was made because its user asked.
    Reserved {
        /// Whose it is.
        user: UserId,
        /// The grant number of the reservation.
        generation: Generation,
    },
    /// The head of the line left it and got a reservation.
    Offered {
        /// Whose it is.
        user: UserId,
        /// The reservation offered, complete, so that the ticket can be made from it.
        reservation: Reservation,
    },
    /// A reservation passed its deadline and was reclaimed.
    Expired {
        /// Whose it was.
        user: UserId,
        /// The grant number of the reservation.
        generation: Generation,
        /// Whether its user ever tried to connect.
        outcome: ExpiredOutcome,
        /// It had been offered to a waiter.
        offered: bool,
    },
    /// A reservation went before its deadline and without being confirmed.
    Dropped {
        /// Whose it was.
        user: UserId,
        /// The grant number of the reservation.
        generation: Generation,
        /// Why it went.
        cause: End,
    },
    /// A reservation was confirmed and became a live part. Provisional until `settle_entry`.
    Entered {
        /// Who entered.
        user: UserId,
        /// The new session.
        session: SessionId,
        /// The grant number of the new part.
        generation: Generation,
        /// How the user came in.
        entry: Entry,
    },
    /// The last live part ended uncleanly (or an abort brought a held part back): the seat is kept.
    Held {
        /// For whom.
        user: UserId,
        /// The seat is reclaimed at this instant.
        until: Millis,
    },
    /// A stay ended: no part of the user is live or held any more.
    ///
    /// Exactly one for each `Entered` with [`Entry::First`], so stays begun minus stays returned
    /// equal the seats occupied or held. The place is free unless the user has an open reservation.
    Returned {
        /// Whose stay.
        user: UserId,
        /// The generation of the first entry of the stay.
        entered: Generation,
        /// The generation of the youngest part that the stay ended with.
        last: Generation,
        /// An entry of it had been settled. Otherwise nobody was told of it, and for the others it
        /// never was.
        settled: bool,
        /// Why it ended.
        cause: End,
    },
    /// A waiter left the line without an offer.
    WaiterGone {
        /// Who waited.
        user: UserId,
        /// Why the place in the line went.
        cause: WaiterEnd,
    },
    /// A pending room was really entered and is open from now on.
    Opened,
    /// The room takes nobody any more; all its seats went in the same step.
    Closed {
        /// Why.
        cause: CloseCause,
    },
}

/// How a confirmed user came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// The user had no live or held part: a stay begins.
    First,
    /// The same client came back with the current resume secret.
    Refresh,
    /// A deliberate arrival elsewhere: an older part, or the held one, gave way.
    Takeover,
    /// One more part beside the others, as the policy allows.
    SecondDevice,
}

/// Whether the user of an expired reservation had tried to connect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExpiredOutcome {
    /// No attempt was seen.
    NeverConnected,
    /// At least one attempt was seen, none was confirmed.
    AfterFailedAttempt,
}

/// Why a part, a stay, a reservation or an entry under way ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum End {
    /// A clean close.
    Left,
    /// An unclean close where no grace is given.
    Lost,
    /// The grace passed and the user had not come back.
    HeldExpired,
    /// The same user entered elsewhere in this room.
    Replaced,
    /// The same user entered another room, under the policy `one`.
    Moved,
    /// Kicked or banned.
    Removed,
    /// The login was revoked.
    LoggedOut,
    /// A newer login of the same user took over.
    Superseded,
    /// The room closed.
    RoomClosed,
    /// The entry failed after its confirm.
    Aborted,
    /// The lease of the node that held it was over.
    Fenced,
    /// The owner of the reservation cancelled it.
    Cancelled,
}

/// Why a waiter left the line without an offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaiterEnd {
    /// The waiter asked to.
    Stopped,
    /// Its stream stayed away longer than the waiter TTL.
    Away,
    /// A staff seat was reserved past the line.
    Seated,
    /// Kicked or banned.
    Removed,
    /// The login was revoked.
    LoggedOut,
    /// The room closed.
    RoomClosed,
}

/// Why a room closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloseCause {
    /// Somebody entitled asked for it.
    Requested,
    /// It lived until empty, and the last seat went.
    Empty,
    /// It was pending and nobody entered in time.
    PendingExpired,
}
