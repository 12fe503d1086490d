//! What is said in rooms.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;
use crate::room::MemberUser;

/// What kind of thing a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Somebody said it.
    #[default]
    Text,
    /// The server said it.
    Notification,
}

/// How a message's content is to be read.
pub const TEXT_PLAIN: &str = "text/plain";
/// Content that is a JSON document.
pub const APPLICATION_JSON: &str = "application/json";

/// A message that was looked for and found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FoundMessage {
    /// The message, in its final state.
    #[serde(flatten)]
    pub message: Message,
    /// The part of its content that shows why it was found, in pieces.
    pub snippet: Vec<SnippetPiece>,
}

/// A piece of a snippet. It is text, to be shown as text: put together, the pieces are what was said,
/// with `…` where something is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SnippetPiece {
    /// As it was said.
    pub text: String,
    /// Whether it is what was looked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hit: bool,
}

/// One page of what was said in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct History {
    /// In the order that was asked for.
    pub items: Vec<Message>,
    /// The lowest `seq` that is still kept in the room. Above 1, older messages are gone for good: who asks
    /// for them finds the page empty or short, and this says why.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub first_seq: i64,
}

/// One durable message. The bytes are the same for every receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Message {
    /// Names it in edits and deletes.
    pub id: Uuid,
    /// Its place in the room: from 1, no gaps.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub seq: i64,
    /// Which room.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub room_id: i64,
    /// Who said it; `null` when the account is gone or the server said it.
    pub sender: Option<MemberUser>,
    /// Said by a person or by the server.
    pub kind: MessageKind,
    /// `text/plain` or `application/json`.
    pub content_type: String,
    /// What was said; empty once deleted.
    pub content: String,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was last edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// The sender's own id for it, which made the retry safe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The `seq` of the earlier message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<i64>,
}
