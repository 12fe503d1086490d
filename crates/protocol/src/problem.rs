//! RFC 9457 problem details, the body of every refused request.

use serde::{Deserialize, Serialize};

use crate::Code;
use crate::entry::{PartyFailure, WaitlistInfo};
use crate::room::Seats;

/// `application/problem+json`. `code` is what programs branch on; the texts are for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// A URI reference that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// The HTTP status, repeated.
    pub status: u16,
    /// This occurrence, in words.
    pub detail: String,
    /// The stable code.
    pub code: Code,
    /// With `invalid`: each field that was not acceptable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// With `room_full`: how the seats stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<Seats>,
    /// With `room_full`: the line in front of the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waitlist: Option<WaitlistInfo>,
    /// With `too_many_reservations`: the rooms they stand in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooms: Option<Vec<i64>>,
    /// For a party: who stood in the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<PartyFailure>,
    /// With `unauthenticated`: `store_unavailable` when the login could not be checked at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One field that was not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldProblem {
    /// The field's name in the body.
    pub field: String,
    /// What is wrong, as a stable word (`required`, `too_short`, `too_long`, `out_of_range`, ...).
    pub code: String,
    /// What is wrong, for people.
    pub detail: String,
}
