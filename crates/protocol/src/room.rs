//! Rooms and how their seats stand.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// Where a room is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RoomState {
    /// Asked for, in the creation queue, nobody has entered yet.
    Pending,
    /// Somebody has entered at least once.
    Open,
    /// Ended; the number is never used again.
    Closed,
}

/// Who finds a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Listed.
    #[default]
    Public,
    /// Found only by who holds its `key`.
    Unlisted,
}

/// How long a room lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// Until somebody closes it.
    #[default]
    Persistent,
    /// Until nobody sits, is held, holds a reservation or waits.
    UntilEmpty,
}

/// How the seats of a room stand. `free` counts ordinary seats only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Seats {
    /// How many there are.
    pub capacity: u32,
    /// Somebody is connected.
    pub occupied: u32,
    /// Promised until a deadline.
    pub reserved: u32,
    /// Kept for a short grace after an unclean close.
    pub held: u32,
    /// Open to anyone.
    pub free: u32,
    /// People in line.
    pub waiting: u32,
    /// Seats kept for owner and moderators, when the room has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff: Option<StaffSeats>,
    /// In how many milliseconds the first of the reserved and held seats goes back unless its owner comes; told
    /// live, of small rooms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frees_in_ms: Option<u64>,
}

/// The seats kept for staff.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StaffSeats {
    /// How many there are, within the room's capacity.
    pub capacity: u32,
    /// How many of them are taken.
    pub taken: u32,
}

/// Who made a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Owner {
    /// The user.
    pub id: Uuid,
    /// The display name when the room was read.
    pub name: String,
}

/// A room as its members and the list see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Room {
    /// Its number.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub id: i64,
    /// Its name.
    pub name: String,
    /// How many seats.
    pub capacity: u32,
    /// Where it is in its life.
    pub state: RoomState,
    /// Who finds it.
    pub visibility: Visibility,
    /// Whether a password is asked for.
    pub has_password: bool,
    /// Who made it; absent for other sites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// How its seats stand right now.
    pub seats: Seats,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// The number of the last durable thing said in it; 0 when nothing was.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub last_seq: i64,
    /// With an unlisted room, for its owner: the key that opens it to others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// `POST /rooms`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateRoom {
    /// 1 to 80 characters after trimming.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 80)))]
    pub name: String,
    /// 1 to 10,000.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10_000)))]
    pub capacity: u32,
    /// How many of the seats are kept for the owner and moderators; none when absent.
    #[cfg_attr(feature = "schema", schemars(range(max = 10_000)))]
    #[serde(default, skip_serializing_if = "is_zero")]
    pub staff_seats: u32,
    /// Listed when absent.
    #[serde(default)]
    pub visibility: Visibility,
    /// Asked for at the door when present.
    #[cfg_attr(feature = "schema", schemars(length(max = 128)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Persistent when absent.
    #[serde(default)]
    pub lifetime: Lifetime,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl std::fmt::Debug for CreateRoom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateRoom").field("name", &self.name).finish_non_exhaustive()
    }
}

/// `PATCH /rooms/{id}`. Absent fields stay as they are; an empty password removes it.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeRoom {
    /// New name.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 80)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// New capacity; nobody is thrown out, nobody enters until below.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10_000)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// How many of the seats are kept for the owner and moderators from now on; nobody is thrown out.
    #[cfg_attr(feature = "schema", schemars(range(max = 10_000)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff_seats: Option<u32>,
    /// New visibility.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// New password, or empty for none.
    #[cfg_attr(feature = "schema", schemars(length(max = 128)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// `{room}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RoomAnswer {
    /// The room.
    pub room: Room,
}

/// The answer to `POST /rooms`: the pending room and its creator's reservation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RoomCreated {
    /// Pending until the first entry is confirmed.
    pub room: Room,
    /// The creator's seat, counted already.
    pub reservation: crate::entry::Reservation,
}

/// Whether somebody in the member list is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SeatState {
    /// Connected.
    Occupied,
    /// Lost the line; the seat is kept for the grace.
    Held,
}

/// What a user has in a room: `GET /rooms/{id}/seats/current`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnSeat {
    /// How the seat is theirs.
    pub state: OwnSeatState,
    /// For how many milliseconds yet, unless they come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
}

/// How a seat is one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OwnSeatState {
    /// Connected somewhere.
    Occupied,
    /// Lost the line; the seat is kept for the grace.
    Held,
    /// Promised until a deadline.
    Reserved,
}

/// One person with a seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Member {
    /// Who.
    pub user: MemberUser,
    /// Since when.
    pub since: Timestamp,
    /// Connected or held.
    pub state: SeatState,
    /// Up to where they have read, once they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<i64>,
}

/// A user as the others in a room see one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemberUser {
    /// The user.
    pub id: Uuid,
    /// The display name.
    pub name: String,
}

/// A live lobby event: `event: room`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LobbyRoom {
    /// Which room.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Whether a password is asked for.
    #[serde(default)]
    pub has_password: bool,
    /// How its seats stand; absent when the room is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<Seats>,
    /// Where it is in its life.
    pub state: RoomState,
}
