//! The message log: what sessions say and change becomes durable, in order, and is then told.
//!
//! One task takes whatever waits (so messages of all rooms that arrive during one commit share the
//! next), has it committed in one transaction, and only then acknowledges and publishes: first the
//! `ack` to the sender, then the message to everyone, encoded once. An edit or delete goes the same way;
//! its frame to everyone is the answer ([`super::change`]). While nothing waits there is no
//! delay. The queue is bounded; who finds it full is told `unavailable` at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use anteroom_core::ids::{MessageId, RoomId};
use anteroom_protocol::frame::{Ack, FrameError, ServerFrame};
use anteroom_protocol::message::{Message, MessageKind};
use anteroom_protocol::{Code, Timestamp};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::{Indexer, change};
use crate::hub::outbox::Batch;
use crate::hub::{Hub, Link, encode};
use crate::rooms::Rooms;
use crate::storage::{Alteration, Appended, NewMessage, NewRecord, SharedStorage};

/// Messages in one transaction.
const BATCH_MAX: usize = 512;
/// Content in one transaction, in bytes as they go out: what one commit tells a room must not by itself fill the
/// outbox of everyone in it.
const BATCH_BYTES_MAX: usize = 256 << 10;

/// One durable thing on its way to the store.
pub(crate) struct Append {
    pub(crate) session: Link,
    /// The new message, or the one to be changed.
    pub(crate) id: MessageId,
    pub(crate) what: Wish,
    pub(crate) created_at: i64,
}

/// What a session wants of the log.
pub(crate) enum Wish {
    /// A new message.
    Say { client_id: String, content_type: String, content: String },
    /// Another state of an older one.
    Alter(Alteration),
}

impl Append {
    /// What takes the room.
    fn content(&self) -> &str {
        match &self.what {
            Wish::Say { content, .. } | Wish::Alter(Alteration::Edit(content)) => content,
            Wish::Alter(Alteration::Delete) => "",
        }
    }

    /// How the sender knows it again.
    pub(crate) fn reference(&self) -> String {
        match &self.what {
            Wish::Say { client_id, .. } => client_id.clone(),
            Wish::Alter(_) => self.id.to_string(),
        }
    }
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

    /// Hands something over.
    ///
    /// # Errors
    /// It is given back when the log is full or closed.
    pub(crate) fn append(&self, append: Append) -> Result<(), Append> {
        self.queue.try_send(append).map_err(TrySendError::into_inner)
    }
}

/// Stores and tells, until every entrance is gone.
pub(crate) async fn run(
    mut taken: mpsc::Receiver<Append>,
    storage: SharedStorage,
    hub: Arc<Hub>,
    rooms: Arc<Rooms>,
    indexer: Arc<Indexer>,
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
        let stored = storage.record(appends.iter().map(new_record).collect()).await;
        match stored {
            Ok(outcomes) => indexer.committed(tell(&hub, &rooms, appends, outcomes)),
            Err(error) => {
                tracing::warn!(event = "messages.unavailable", %error, messages = appends.len(),
                    "messages could not be stored; their senders were told");
                for append in &appends {
                    refuse(append, Code::Unavailable, "It could not be stored.");
                }
            }
        }
    }
}

/// As many as fit into one transaction, at least one.
fn next_batch(waiting: &mut VecDeque<Append>) -> Vec<Append> {
    let mut bytes = 0;
    let fits = waiting.iter().take_while(|append| {
        bytes += encoded_len(append.content());
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

fn new_record(append: &Append) -> NewRecord {
    let session = &append.session;
    match &append.what {
        Wish::Say { client_id, content_type, content } => NewRecord::Message(NewMessage {
            id: append.id,
            room: session.room,
            sender: Some(session.user),
            client_id: Some(client_id.clone()),
            kind: MessageKind::Text,
            content_type: content_type.clone(),
            content: content.clone(),
            created_at: append.created_at,
        }),
        Wish::Alter(what) => change::new_record(append, what),
    }
}

/// Answers in which rooms there was something to tell.
fn tell(
    hub: &Hub,
    rooms: &Rooms,
    appends: Vec<Append>,
    outcomes: Vec<Appended>,
) -> impl Iterator<Item = RoomId> + use<> {
    let mut by_room: BTreeMap<RoomId, Vec<(i64, Bytes)>> = BTreeMap::new();
    for (append, outcome) in appends.into_iter().zip(outcomes) {
        let room = append.session.room;
        if let Some(frame) = answer(append, outcome) {
            by_room.entry(room).or_default().push(frame);
        }
    }
    for (room, frames) in &by_room {
        if let (Some(info), Some((last, _))) = (rooms.get(*room), frames.last()) {
            info.published(*last);
        }
        hub.publish(*room, &Arc::new(Batch::new(frames)));
    }
    by_room.into_keys()
}

/// Tells the sender; what is for everyone, with its number.
fn answer(append: Append, outcome: Appended) -> Option<(i64, Bytes)> {
    let (id, seq, created_at) = match outcome {
        Appended::New { seq } => (append.id, seq, append.created_at),
        Appended::Duplicate { id, seq, created_at } => (id, seq, created_at),
        Appended::Changed(made) => return Some((made.seq, encode(&change::frame(made)))),
        Appended::Unchanged(first) => {
            append.session.say(&change::frame(first));
            return None;
        }
        Appended::Refused(why) => {
            let (code, detail) = change::refusal(why);
            refuse(&append, code, detail);
            return None;
        }
        Appended::NoRoom => {
            refuse(&append, Code::NotFound, "The room is closed.");
            return None;
        }
    };
    let is_new = matches!(outcome, Appended::New { .. });
    let Wish::Say { client_id, content_type, content } = append.what else { return None };
    append.session.say(&ServerFrame::Ack(Ack {
        client_id: client_id.clone(),
        id: id.0,
        seq,
        created_at: Timestamp(created_at),
    }));
    let message = Message {
        id: id.0,
        seq,
        room_id: append.session.room.0,
        sender: Some(append.session.member()),
        kind: MessageKind::Text,
        content_type,
        content,
        created_at: Timestamp(created_at),
        updated_at: None,
        deleted_at: None,
        client_id: Some(client_id),
    };
    is_new.then(|| (seq, encode(&ServerFrame::Message(message))))
}

fn refuse(append: &Append, code: Code, detail: &str) {
    append.session.say(&ServerFrame::Error(FrameError {
        code,
        detail: detail.to_owned(),
        reference: Some(append.reference()),
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
