//! The records that cross the storage boundary. Plain data; times are wall-clock milliseconds.

use anteroom_core::ids::{Generation, LoginId, MessageId, Owner, RoomId, UserId};
use anteroom_protocol::Timestamp;
use anteroom_protocol::account::Role;
use anteroom_protocol::message::MessageKind;
use anteroom_protocol::room::{Lifetime, Visibility};

/// A wall-clock instant in milliseconds since the Unix epoch.
pub type WallMillis = i64;

/// A user to be added.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Chosen by the caller.
    pub id: UserId,
    /// As it was typed.
    pub username: String,
    /// The form that is unique.
    pub username_folded: String,
    /// What others read.
    pub display_name: String,
    /// PHC string; `None` for guests.
    pub password_hash: Option<String>,
    /// When the password must be changed.
    pub password_expires_at: Option<WallMillis>,
    /// When the account's life ends.
    pub expires_at: Option<WallMillis>,
    /// Optional.
    pub contact_number: Option<String>,
    /// At least one.
    pub roles: Vec<Role>,
    /// Now.
    pub created_at: WallMillis,
}

/// A user as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// The user.
    pub id: UserId,
    /// As it was typed.
    pub username: String,
    /// What others read.
    pub display_name: String,
    /// PHC string; `None` for guests.
    pub password_hash: Option<String>,
    /// When the password must be changed.
    pub password_expires_at: Option<WallMillis>,
    /// When the account's life ends.
    pub expires_at: Option<WallMillis>,
    /// Since when an administrator keeps it locked.
    pub locked_at: Option<WallMillis>,
    /// Optional.
    pub contact_number: Option<String>,
    /// Sorted, at least one.
    pub roles: Vec<Role>,
    /// When it was made.
    pub created_at: WallMillis,
}

/// Profile fields to change.
#[derive(Clone, Debug, Default)]
pub struct ProfilePatch {
    /// New display name.
    pub display_name: Option<String>,
    /// `Some(None)` removes it.
    pub contact_number: Option<Option<String>>,
}

/// What identifies a token without being one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFacts {
    /// SHA-256 of the signature part.
    pub signature_hash: [u8; 32],
    /// The token's own id; with the times it lets the same token be minted again.
    pub jti: uuid::Uuid,
    /// Seconds since the Unix epoch.
    pub issued_at: i64,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
}

/// A login and the token that is good for it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRecord {
    /// The login.
    pub id: LoginId,
    /// Whose.
    pub user: UserId,
    /// The token in force.
    pub current: TokenFacts,
    /// The hash of the token that the last refresh replaced, and until when it may still be
    /// answered with the current one (wall-clock milliseconds).
    pub previous: Option<([u8; 32], WallMillis)>,
    /// When the login began.
    pub created_at: WallMillis,
}

/// A token that takes the place of another.
#[derive(Clone, Debug)]
pub struct LoginRefresh {
    /// Which login.
    pub login: LoginId,
    /// The signature hash that must still be current.
    pub expected: [u8; 32],
    /// The token that takes over.
    pub new: TokenFacts,
    /// Until when the replaced one is remembered.
    pub previous_until: WallMillis,
}

/// What became of a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// The new token is in force.
    Refreshed,
    /// Another refresh came first; here is how the login stands now.
    Stale(LoginRecord),
    /// The login is not alive.
    Gone,
}

/// Why a login ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginEnd {
    /// The user logged out.
    LoggedOut,
    /// A newer login took its place.
    Superseded,
    /// An administrator ended it.
    Forced,
    /// The account was locked.
    Locked,
    /// The password was changed.
    PasswordChanged,
}

impl LoginEnd {
    /// Every way a login ends.
    pub const ALL: [Self; 5] =
        [Self::LoggedOut, Self::Superseded, Self::Forced, Self::Locked, Self::PasswordChanged];

    /// As it is stored and logged.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged_out",
            Self::Superseded => "superseded",
            Self::Forced => "forced",
            Self::Locked => "locked",
            Self::PasswordChanged => "password_changed",
        }
    }
}

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

/// A message to be stored. Its id is chosen by the caller, its `seq` by the store.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// UUIDv7.
    pub id: MessageId,
    /// Where.
    pub room: RoomId,
    /// Who; `None` for the server.
    pub sender: Option<UserId>,
    /// The sender's own id for it.
    pub client_id: Option<String>,
    /// Said by a person or by the server.
    pub kind: MessageKind,
    /// How to read it.
    pub content_type: String,
    /// What is said.
    pub content: String,
    /// Now.
    pub created_at: WallMillis,
}

/// A message that did not come straight from its sender's node. It may come late, twice, and in another
/// order than it was said in.
#[derive(Clone, Debug)]
pub struct QueuedMessage {
    /// What is said.
    pub message: NewMessage,
    /// The life of the node that took it from its sender. Once that is fenced nothing is stored for it.
    pub origin: Owner,
    /// The `client_id` of what the same sender said there before it and what was not answered yet when this
    /// was said. It is not stored before that.
    pub after: Option<String>,
}

/// An edit or a delete to be stored.
#[derive(Clone, Debug)]
pub struct NewChange {
    /// Where it is asked for; the message must be of this room.
    pub room: RoomId,
    /// Which message.
    pub target: MessageId,
    /// Who asks for it.
    pub by: UserId,
    /// What is to become of the message.
    pub what: Alteration,
    /// Now.
    pub at: WallMillis,
}

/// What is to become of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alteration {
    /// It gets these words. Only its sender may ask for it.
    Edit(String),
    /// It is emptied for ever. Its sender, the room's owner and staff may ask for it.
    Delete,
}

/// A durable thing to be stored. It takes its room's next number.
#[derive(Clone, Debug)]
pub enum NewRecord {
    /// Something new is said.
    Message(NewMessage),
    /// Something new was said on a node, and comes from a queue.
    Queued(QueuedMessage),
    /// Something that was said is changed.
    Change(NewChange),
}

/// What became of one record of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The message is durable.
    New {
        /// Its place in the room.
        seq: i64,
    },
    /// The same `client_id` was stored before; this is what it got then.
    Duplicate {
        /// The first one's id.
        id: MessageId,
        /// Its place in the room.
        seq: i64,
        /// When it was stored.
        created_at: WallMillis,
    },
    /// The change is durable, and so is what it did.
    Changed(ChangeRecord),
    /// The message was like that already: this is the change that made it so. An edit to the words that
    /// were said first has none; it is answered with the number and time of the message.
    Unchanged(ChangeRecord),
    /// The change is not made, and nothing was written for it.
    Refused(NoChange),
    /// The room is not open; nothing was written for this record.
    NoRoom,
    /// What comes from a queue is not stored, and nothing was written for it.
    NotTaken(NotTaken),
}

/// Why what comes from a queue is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// The lease of the node is over that took it from its sender.
    Fenced,
    /// What was said before it is not stored.
    OutOfTurn,
}

/// Why a message is not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoChange {
    /// There is no such message in this room, or it was deleted.
    NotFound,
    /// The one who asks may not.
    Forbidden,
    /// The message is a JSON document, and the new words are none.
    NotJson,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The message got new words.
    Edited,
    /// The message was emptied.
    Deleted,
}

/// A change as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRecord {
    /// Its place in the room.
    pub seq: i64,
    /// The message.
    pub target: MessageId,
    /// The message's place in the room.
    pub target_seq: i64,
    /// What it did.
    pub kind: ChangeKind,
    /// The words of the message as they stand; empty once it is deleted, whatever this change did.
    pub content: String,
    /// When.
    pub at: WallMillis,
}

/// One durable thing of a room, in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogItem {
    /// Something was said; in its final state.
    Message(MessageRecord),
    /// Something was changed.
    Change(ChangeRecord),
}

impl LogItem {
    /// Its place in the room.
    #[must_use]
    pub const fn seq(&self) -> i64 {
        match self {
            Self::Message(message) => message.seq,
            Self::Change(change) => change.seq,
        }
    }
}

/// A message as stored, in its final state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRecord {
    /// Names it.
    pub id: MessageId,
    /// Where.
    pub room: RoomId,
    /// Its place in the room.
    pub seq: i64,
    /// Who, with the display name of today.
    pub sender: Option<(UserId, String)>,
    /// The sender's own id for it.
    pub client_id: Option<String>,
    /// Said by a person or by the server.
    pub kind: MessageKind,
    /// How to read it.
    pub content_type: String,
    /// What was said.
    pub content: String,
    /// When it was stored.
    pub created_at: WallMillis,
    /// When it was last edited.
    pub updated_at: Option<WallMillis>,
    /// When it was deleted.
    pub deleted_at: Option<WallMillis>,
}

/// Which messages, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryPage {
    /// Below `seq` (`i64::MAX` for the end), newest first.
    Before {
        /// Exclusive.
        seq: i64,
        /// At most so many.
        limit: usize,
    },
    /// Above `seq`, oldest first.
    After {
        /// Exclusive.
        seq: i64,
        /// At most so many.
        limit: usize,
    },
}

/// Wall-clock milliseconds as the wire shows them.
#[must_use]
pub const fn shown(at: WallMillis) -> Timestamp {
    Timestamp(at)
}
