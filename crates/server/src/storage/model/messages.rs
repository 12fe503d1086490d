//! What was said in a room, and what became of it.

use anteroom_core::ids::{MessageId, Owner, RoomId, UserId};
use anteroom_protocol::message::MessageKind;

use super::WallMillis;

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
    /// The `seq` of the earlier message that it answers.
    pub reply_to: Option<i64>,
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
    /// The `seq` of the earlier message that it answers.
    pub reply_to: Option<i64>,
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
