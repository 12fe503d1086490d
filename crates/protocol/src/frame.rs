//! WebSocket frames: one JSON object each, told apart by `type`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::message::Message;
use crate::room::{MemberUser, Room, SeatState, Seats};
use crate::{Code, Timestamp};

/// How a session came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// The user had no seat here.
    First,
    /// Back with the current `resume` secret; the place was kept.
    Refresh,
    /// The older session ended, the seat stayed.
    Takeover,
    /// One more session of the same user, where the policy allows it.
    SecondDevice,
}

/// Why a replay is not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Replay {
    /// More than can be replayed was missed: page history.
    Truncated,
    /// `since` is above what the room ever said: start over.
    Reset,
}

/// One person in a `welcome`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WelcomeMember {
    /// Who.
    #[serde(flatten)]
    pub user: MemberUser,
    /// Connected or held.
    pub state: SeatState,
    /// Up to where they have read, once they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<i64>,
}

/// Frames from the server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The entry is a fact.
    Welcome(Box<Welcome>),
    /// Something was said.
    Message(Message),
    /// What this session sent is durable.
    Ack(Ack),
    /// Who came and went, coalesced; in large rooms only `occupied`.
    Presence(Presence),
    /// Somebody types.
    Typing {
        /// Who.
        user_id: Uuid,
    },
    /// Somebody has read up to here.
    Read {
        /// Who.
        user_id: Uuid,
        /// Up to where.
        seq: i64,
    },
    /// Said to all sessions of one user.
    Direct {
        /// Who said it.
        from: Option<MemberUser>,
        /// How to read it.
        content_type: String,
        /// What was said.
        content: String,
    },
    /// How the seats stand.
    Seats(Seats),
    /// A message has new words.
    Edited(Change),
    /// A message is gone.
    Deleted(Change),
    /// A frame could not be done; the connection stays.
    Error(FrameError),
    /// The entry is refused; a close follows.
    Refused(Ending),
    /// The session ends; a close follows.
    Closing(Ending),
    /// The answer to `ping`.
    Pong {
        /// As it was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nonce: Option<String>,
    },
    /// The login ends soon: refresh it.
    LoginExpiring {
        /// When.
        expires_at: Timestamp,
    },
}

/// The first frame of every session.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Welcome {
    /// Names this connection.
    pub session: Uuid,
    /// The room.
    pub room: Room,
    /// Who the server takes this session for.
    pub you: MemberUser,
    /// The first hundred with a seat.
    pub members: Vec<WelcomeMember>,
    /// How many have a seat, this one included.
    pub member_count: u32,
    /// How the seats stand.
    pub seats: Seats,
    /// The last durable thing before this session; what follows has a higher number.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub last_seq: i64,
    /// The secret that an automatic reconnect presents.
    pub resume: String,
    /// Silence after which the client should send `ping`.
    pub heartbeat_ms: u64,
    /// How this session came in.
    pub entry: EntryKind,
    /// When the login ends unless refreshed.
    pub login_expires_at: Timestamp,
    /// Set when `since` could not be honoured in full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// With `since`: the lowest `seq` that is still kept in the room. Where it is above `since` + 1, what lies
    /// between is gone for good.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seq: Option<i64>,
}

/// The answer to `send`, only after the message is durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ack {
    /// As it was sent.
    pub client_id: String,
    /// The message.
    pub id: Uuid,
    /// Its place in the room.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub seq: i64,
    /// When it was stored.
    pub created_at: Timestamp,
}

/// Who came and went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Presence {
    /// New in the room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<MemberUser>,
    /// Gone from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Uuid>,
    /// How many sit here.
    pub occupied: u32,
}

/// An edit or a delete: it has its own `seq`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Change {
    /// Its place in the room.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub seq: i64,
    /// What it changes.
    pub target: Target,
    /// The new words, with an edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// When.
    pub updated_at: Timestamp,
}

/// The message that an edit or delete is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Target {
    /// The message.
    pub id: Uuid,
    /// Its place in the room.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub seq: i64,
}

/// A frame that could not be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FrameError {
    /// The stable code.
    pub code: Code,
    /// For people.
    pub detail: String,
    /// The failed frame's `client_id` or `id`.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// The words before a close.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ending {
    /// The stable code.
    pub code: Code,
    /// The close code that follows.
    pub status: u16,
    /// For people.
    pub detail: String,
}

/// Frames from the client.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// Say something to the room.
    Send(Send),
    /// Change one's own words.
    Edit {
        /// Which message.
        id: Uuid,
        /// The new words.
        content: String,
    },
    /// Take a message back.
    Delete {
        /// Which message.
        id: Uuid,
    },
    /// One is typing.
    Typing {},
    /// One has read up to here.
    Read {
        /// Up to where.
        #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
        seq: i64,
    },
    /// Are you there?
    Ping {
        /// Comes back in the `pong`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nonce: Option<String>,
    },
    /// Give the seat back at once.
    Leave {},
}

/// `send`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Send {
    /// Makes a retry safe; at most 64 characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 64)))]
    pub client_id: String,
    /// What to say.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub content: String,
    /// `text/plain` when absent.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["text/plain", "application/json", null])))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The `seq` of the message that this one answers.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_apart_by_type() {
        let leave = serde_json::to_value(ClientFrame::Leave {}).unwrap();
        assert_eq!(leave, serde_json::json!({"type": "leave"}));
        let text = r#"{"type":"send","client_id":"a","content":"hi"}"#;
        let ClientFrame::Send(send) = serde_json::from_str(text).unwrap() else {
            panic!("not a send")
        };
        assert_eq!(send.content, "hi");
        let error = ServerFrame::Error(FrameError {
            code: Code::BadFrame,
            detail: "?".into(),
            reference: Some("a".into()),
        });
        assert_eq!(serde_json::to_value(error).unwrap()["ref"], "a");
    }
}
