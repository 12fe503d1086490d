//! Step 1 of entry: the reservation, and the line in front of a full room.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Code, Timestamp};

/// `POST /rooms/{id}/reservations`; an empty body is fine.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Reserve {
    /// The room's password, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The secret of the last `welcome`, on every automatic reconnect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// The key of an unlisted room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// From a service account: whom to reserve for, all of them or none.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 100)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<Vec<Uuid>>,
}

impl std::fmt::Debug for Reserve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reserve(..)")
    }
}

/// A seat that is counted now, until `expires_at`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reservation {
    /// The single-use secret that step 2 presents.
    pub ticket: String,
    /// Which room.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub room_id: i64,
    /// Which seat.
    pub seat: ReservedSeat,
    /// When the seat is taken back unless confirmed.
    pub expires_at: Timestamp,
    /// The same as a span from when the answer was made, in milliseconds.
    pub expires_in_ms: u64,
    /// Where to open the WebSocket, ticket included.
    pub websocket_url: String,
}

impl std::fmt::Debug for Reservation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reservation")
            .field("room_id", &self.room_id)
            .field("seat", &self.seat)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The seat behind a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReservedSeat {
    /// The grant number, `epoch.n`: opaque, unique for the room.
    pub generation: String,
    /// The user sits in the room already; confirming moves the seat to the new connection.
    pub takeover: bool,
}

/// The answer to a service account that reserved for several users.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PartyReserved {
    /// One for each user, in the order in which they were named.
    pub reservations: Vec<PartyReservation>,
}

/// One user's part of a party's reservation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PartyReservation {
    /// Whose it is; nobody else's login can use the ticket.
    pub user_id: Uuid,
    /// The seat, and the ticket for it.
    #[serde(flatten)]
    pub reservation: Reservation,
}

/// Somebody who stood in the way of a party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PartyFailure {
    /// Who.
    pub user_id: Uuid,
    /// Why.
    pub code: Code,
}

/// `POST /rooms/{id}/waitlist`; an empty body is fine.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// The room's password, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The key of an unlisted room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl std::fmt::Debug for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wait(..)")
    }
}

/// The answer to one who asked to wait.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Waiting {
    /// A place was free, or had been offered already: there is nothing to wait for.
    Offered {
        /// The seat.
        offer: Reservation,
    },
    /// In the line.
    InLine(Position),
}

/// The line in front of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WaitlistInfo {
    /// How many wait.
    pub length: u32,
    /// Whether one may join it.
    pub allowed: bool,
}

/// A place in the line: the answer to joining it, and the `position` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Position {
    /// 1 for the head of the line.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub position: u32,
    /// How many are before this one.
    pub ahead: u32,
    /// When the place was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<Timestamp>,
    /// A guess, where one can be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_wait_ms: Option<u64>,
}

/// The last event of a waiter whose place is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Gone {
    /// Why.
    pub code: Code,
}
