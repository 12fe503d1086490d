//! What goes through the queues, and what comes back.

use anteroom_core::ids::{MessageId, Owner, RoomId, UserId};
use anteroom_protocol::Timestamp;
use anteroom_protocol::message::{Message, MessageKind};
use anteroom_protocol::room::MemberUser;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::log::{Append, Wish};
use crate::storage::{NewMessage, QueuedMessage};

/// Nodes of one deployment may be of two releases while it is brought up to date: a version that a node
/// does not know it leaves to the message's origin.
const VERSION: u32 = 1;

/// A message on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    v: u32,
    id: Uuid,
    room: i64,
    sender: Uuid,
    name: String,
    client_id: String,
    content_type: String,
    content: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply_to: Option<i64>,
    created_at: i64,
    node: u32,
    incarnation: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// The queue in which its origin learns what became of it.
    reports_to: String,
}

impl Record {
    /// `None`: only what is said is queued.
    pub(super) fn new(append: &Append, reports_to: &str) -> Option<Self> {
        let Wish::Say { client_id, content_type, content, reply_to } = &append.what else {
            return None;
        };
        let session = &append.session;
        Some(Self {
            v: VERSION,
            id: append.id.0,
            room: session.room.0,
            sender: session.user.0,
            name: session.name.to_string(),
            client_id: client_id.clone(),
            content_type: content_type.clone(),
            content: content.clone(),
            reply_to: *reply_to,
            created_at: append.created_at,
            node: session.owner.node,
            incarnation: session.owner.incarnation,
            after: None,
            reports_to: reports_to.to_owned(),
        })
    }

    /// It is said after something that has no answer yet.
    pub(super) fn follow(&mut self, after: Option<String>) {
        self.after = after;
    }

    pub(super) fn encoded(&self) -> Vec<u8> {
        // Plain data with text for keys: it has no way not to be JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(super) fn decoded(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok().filter(|it: &Self| it.v == VERSION)
    }

    pub(crate) const fn id(&self) -> MessageId {
        MessageId(self.id)
    }

    pub(crate) const fn room(&self) -> RoomId {
        RoomId(self.room)
    }

    pub(crate) fn content(&self) -> &str {
        &self.content
    }

    /// The life of the node that took it from its sender.
    pub(crate) const fn origin(&self) -> Owner {
        Owner { node: self.node, incarnation: self.incarnation }
    }

    pub(crate) fn reports_to(&self) -> &str {
        &self.reports_to
    }

    /// As the store takes it.
    pub(crate) fn queued(&self) -> QueuedMessage {
        QueuedMessage {
            message: NewMessage {
                id: self.id(),
                room: self.room(),
                sender: Some(UserId(self.sender)),
                client_id: Some(self.client_id.clone()),
                kind: MessageKind::Text,
                content_type: self.content_type.clone(),
                content: self.content.clone(),
                reply_to: self.reply_to,
                created_at: self.created_at,
            },
            origin: self.origin(),
            after: self.after.clone(),
        }
    }

    /// As members see it once it is stored.
    pub(crate) fn told(self, seq: i64) -> Message {
        Message {
            id: self.id,
            seq,
            room_id: self.room,
            sender: Some(MemberUser { id: self.sender, name: self.name }),
            kind: MessageKind::Text,
            content_type: self.content_type,
            content: self.content,
            created_at: Timestamp(self.created_at),
            updated_at: None,
            deleted_at: None,
            client_id: Some(self.client_id),
            reply_to: self.reply_to,
        }
    }
}

/// What became of one message, as its origin is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) id: Uuid,
    pub(crate) became: Became,
}

/// What a message came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Became {
    /// It is stored, or was before, under this id.
    Stored { id: Uuid, seq: i64, created_at: i64 },
    /// The room is closed.
    NoRoom,
    /// Its origin has to see to it.
    NotTaken,
}

impl Report {
    pub(super) fn encoded(all: &[Self]) -> Vec<u8> {
        serde_json::to_vec(all).unwrap_or_default()
    }

    /// Nothing of what cannot be read: what is not reported is seen to after a while.
    pub(super) fn decoded(body: &[u8]) -> Vec<Self> {
        serde_json::from_slice(body).unwrap_or_default()
    }
}
