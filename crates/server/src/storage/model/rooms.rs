//! Rooms, pending and open, and the stays in them.

use anteroom_core::ids::{Generation, RoomId, UserId};
use anteroom_protocol::room::{Lifetime, Visibility};

use super::WallMillis;

/// What a room is, apart from its number and state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRoom {
    /// 1 to 80 characters.
    pub name: String,
    /// 1 to 10,000.
    pub capacity: u32,
    /// Of those, kept for staff.
    pub staff_seats: u32,
    /// Listed or not.
    pub visibility: Visibility,
    /// The secret in an unlisted room's link.
    pub key: Option<String>,
    /// PHC string.
    pub password_hash: Option<String>,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// Who asked for it.
    pub owner: UserId,
    /// When it was asked for.
    pub created_at: WallMillis,
    /// When it is forgotten unless somebody enters.
    pub pending_until: WallMillis,
}

/// A room in the creation queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedRoom {
    /// Its number.
    pub id: RoomId,
    /// What it is.
    pub room: NewRoom,
}

/// What the store holds under a room's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StandingRoom {
    /// Pending: in the creation queue.
    Queued(QueuedRoom),
    /// Entered at least once; since then it may have been closed.
    Opened(RoomRecord),
}

/// A room that somebody entered at least once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomRecord {
    /// Its number.
    pub id: RoomId,
    /// What it is.
    pub room: NewRoom,
    /// When the first entry was confirmed.
    pub opened_at: WallMillis,
    /// When it was closed.
    pub closed_at: Option<WallMillis>,
    /// The number of the last durable thing said in it; 0 when nothing was.
    pub last_seq: i64,
}

/// Room fields to change.
#[derive(Clone, Debug, Default)]
pub struct RoomPatch {
    /// New name.
    pub name: Option<String>,
    /// New capacity.
    pub capacity: Option<u32>,
    /// How many of its seats are for staff from now on.
    pub staff_seats: Option<u32>,
    /// New visibility, with its key.
    pub visibility: Option<(Visibility, Option<String>)>,
    /// `Some(None)` removes it.
    pub password_hash: Option<Option<String>>,
}

impl RoomPatch {
    /// Whether it changes nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        let Self { name, capacity, staff_seats, visibility, password_hash } = self;
        name.is_none()
            && capacity.is_none()
            && staff_seats.is_none()
            && visibility.is_none()
            && password_hash.is_none()
    }
}

/// A stay that begins.
#[derive(Clone, Copy, Debug)]
pub struct NewMembership {
    /// Where.
    pub room: RoomId,
    /// Who.
    pub user: UserId,
    /// The grant number of the first entry of this stay.
    pub generation: Generation,
    /// Now.
    pub at: WallMillis,
}

/// What [`super::RoomStore::enter`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    /// The room was open already.
    Joined,
    /// The room left the creation queue and became a row.
    Opened,
    /// The room is closed, or neither open nor queued: nothing was written.
    NoRoom,
}

/// Somebody who may not come back to a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanRecord {
    /// Who.
    pub user: UserId,
    /// Their user name.
    pub username: String,
    /// What others read.
    pub display_name: String,
    /// Who banned them.
    pub by: UserId,
    /// When.
    pub at: WallMillis,
}

/// Why a stay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipEnd {
    /// Left of one's own will.
    Left,
    /// The grace after an unclean close passed.
    GraceExpired,
    /// Entered another room.
    Moved,
    /// Kicked or banned.
    Removed,
    /// Logged out, locked or the login ended.
    LoggedOut,
    /// The room was closed.
    RoomClosed,
    /// The entry could not be completed.
    EntryFailed,
    /// A newer stay took its place.
    Superseded,
    /// The server stopped.
    ServerStopped,
}

impl MembershipEnd {
    /// As it is stored and logged.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::GraceExpired => "grace_expired",
            Self::Moved => "moved",
            Self::Removed => "removed",
            Self::LoggedOut => "logged_out",
            Self::RoomClosed => "room_closed",
            Self::EntryFailed => "entry_failed",
            Self::Superseded => "superseded",
            Self::ServerStopped => "server_stopped",
        }
    }
}
