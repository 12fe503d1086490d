//! The message log: what sessions send becomes durable, in order, and is then told.
//!
//! One task takes whatever waits (so messages of all rooms that arrive during one commit share the
//! next), has it committed in one transaction, and only then acknowledges and publishes: first the
//! `ack` to the sender, then the message to everyone, encoded once. While nothing waits there is no
//! delay. The queue is bounded; who finds it full is told `unavailable` at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use anteroom_core::ids::{MessageId, RoomId};
use anteroom_protocol::frame::{Ack, FrameError, ServerFrame};
use anteroom_protocol::message::{Message, MessageKind};
use anteroom_protocol::room::MemberUser;
use anteroom_protocol::{Code, Timestamp};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::hub::outbox::Batch;
use crate::hub::{Hub, Link, encode};
use crate::rooms::Rooms;
use crate::storage::{Appended, NewMessage, SharedStorage};

/// Messages in one transaction.
const BATCH_MAX: usize = 512;
/// Content in one transaction, in bytes as they go out: what one commit tells a room must not by itself fill the
/// outbox of everyone in it.
const BATCH_BYTES_MAX: usize = 256 << 10;

/// One message on its way to the store.
pub(crate) struct Append {
    pub(crate) session: Link,
    pub(crate) client_id: String,
    pub(crate) content_type: String,
    pub(crate) content: String,
    pub(crate) id: MessageId,
    pub(crate) created_at: i64,
}

/// The entrance to the log.
#[derive(Clone)]
pub(crate) struct MessageLog {
    queue: mpsc::Sender<Append>,
}

impl MessageLog {
    /// A log that holds at most `backlog` messages not yet stored, and its other end.
    pub(crate) fn new(backlog: usize) -> (Self, mpsc::Receiver<Append>) {
        let (queue, taken) = mpsc::channel(backlog.max(1));
        (Self { queue }, taken)
    }

    /// Hands a message over. False when the log is full or closed: nothing was taken.
    pub(crate) fn append(&self, append: Append) -> bool {
        self.queue.try_send(append).is_ok()
    }
}

/// Stores and tells, until every entrance is gone.
pub(crate) async fn run(
    mut taken: mpsc::Receiver<Append>,
    storage: SharedStorage,
    hub: Arc<Hub>,
    rooms: Arc<Rooms>,
) {
    let mut waiting = VecDeque::new();
    let mut received = Vec::new();
    loop {
        if waiting.is_empty() {
            if taken.recv_many(&mut received, BATCH_MAX).await == 0 {
                return;
            }
            waiting.extend(received.drain(..));
        }
        let appends = next_batch(&mut waiting);
        let stored = storage.append(appends.iter().map(new_message).collect()).await;
        match stored {
            Ok(outcomes) => tell(&hub, &rooms, appends, outcomes),
            Err(error) => {
                tracing::warn!(event = "messages.unavailable", %error, messages = appends.len(),
                    "messages could not be stored; their senders were told");
                for append in &appends {
                    refuse(append, Code::Unavailable, "The message could not be stored.");
                }
            }
        }
    }
}

/// As many as fit into one transaction, at least one.
fn next_batch(waiting: &mut VecDeque<Append>) -> Vec<Append> {
    let mut bytes = 0;
    let fits = waiting.iter().take_while(|append| {
        bytes += encoded_len(&append.content);
        bytes <= BATCH_BYTES_MAX
    });
    let count = fits.count().clamp(1, waiting.len());
    waiting.drain(..count).collect()
}

/// The length of a text as a JSON string, at most.
fn encoded_len(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        0..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

fn new_message(append: &Append) -> NewMessage {
    NewMessage {
        id: append.id,
        room: append.session.room,
        sender: Some(append.session.user),
        client_id: Some(append.client_id.clone()),
        kind: MessageKind::Text,
        content_type: append.content_type.clone(),
        content: append.content.clone(),
        created_at: append.created_at,
    }
}

fn tell(hub: &Hub, rooms: &Rooms, appends: Vec<Append>, outcomes: Vec<Appended>) {
    let mut by_room: BTreeMap<RoomId, Vec<(i64, Bytes)>> = BTreeMap::new();
    for (append, outcome) in appends.into_iter().zip(outcomes) {
        let (id, seq, created_at) = match outcome {
            Appended::New { seq } => (append.id, seq, append.created_at),
            Appended::Duplicate { id, seq, created_at } => (id, seq, created_at),
            Appended::NoRoom => {
                refuse(&append, Code::NotFound, "The room is closed.");
                continue;
            }
        };
        append.session.say(&ServerFrame::Ack(Ack {
            client_id: append.client_id.clone(),
            id: id.0,
            seq,
            created_at: Timestamp(created_at),
        }));
        if matches!(outcome, Appended::New { .. }) {
            let frames = by_room.entry(append.session.room).or_default();
            frames.push((seq, message_frame(append, seq)));
        }
    }
    for (room, frames) in by_room {
        if let (Some(info), Some((last, _))) = (rooms.get(room), frames.last()) {
            info.published(*last);
        }
        hub.publish(room, &Arc::new(Batch::new(&frames)));
    }
}

fn message_frame(append: Append, seq: i64) -> Bytes {
    let session = append.session;
    encode(&ServerFrame::Message(Message {
        id: append.id.0,
        seq,
        room_id: session.room.0,
        sender: Some(MemberUser { id: session.user.0, name: session.name.to_string() }),
        kind: MessageKind::Text,
        content_type: append.content_type,
        content: append.content,
        created_at: Timestamp(append.created_at),
        updated_at: None,
        deleted_at: None,
        client_id: Some(append.client_id),
    }))
}

fn refuse(append: &Append, code: Code, detail: &str) {
    append.session.say(&ServerFrame::Error(FrameError {
        code,
        detail: detail.to_owned(),
        reference: Some(append.client_id.clone()),
    }));
}

#[cfg(test)]
mod tests {
    use super::encoded_len;

    #[test]
    fn a_text_is_measured_as_it_goes_out() {
        for text in ["", "plain", "\u{1}\u{1f}", "\"quoted\\\"", "한국어\n", "\u{7f}\u{2028}"] {
            let json = serde_json::to_string(text).unwrap();
            assert!(encoded_len(text) + 2 >= json.len(), "{json}");
        }
        assert_eq!(encoded_len("\u{1}"), 6, "the longest escape");
    }
}
