//! The message log: what sessions say and change becomes durable, in order, and is then told.
//!
//! One task takes whatever waits (so messages of all rooms that arrive during one commit share the
//! next), has it committed in one transaction, and only then acknowledges and publishes: the message
//! to everyone, encoded once, and to its sender in the same write first the `ack`. An edit or delete
//! goes the same way; its frame to everyone is the answer ([`super::change`]). What one commit made
//! durable is told before the next is written, or, where much waits, meanwhile. While nothing waits
//! there is no delay. The queue is bounded; who finds it full is told `unavailable` at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use anteroom_core::ids::{MessageId, RoomId};
use anteroom_protocol::frame::{Ack, FrameError, ServerFrame};
use anteroom_protocol::message::{Message, MessageKind};
use anteroom_protocol::{Code, Timestamp};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

use super::{Delivery, Indexer, change};
use crate::hub::{Link, Own, encode};
use crate::pace::Pace;
use crate::storage::{Alteration, Appended, NewMessage, NewRecord, SharedStorage, Stored};

/// Messages in one transaction.
const BATCH_MAX: usize = 512;
/// From so many waiting messages on, they are being written while the commit before is told. With
/// fewer, the log tells first: what comes in meanwhile joins them, and half as many commits and writes
/// carry the same messages.
const OVERLAP_FROM: usize = 64;
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
    delivery: Arc<Delivery>,
    indexer: Arc<Indexer>,
) {
    let out = Told { delivery, indexer, lost: Mutex::default() };
    let mut log = Log { taken: &mut taken, waiting: VecDeque::new(), received: Vec::new() };
    let Some(mut appends) = log.batch().await else { return };
    let mut stored = storage.record(appends.iter().map(new_record).collect()).await;
    loop {
        if stored.is_err() {
            // A store that refuses at once must not keep the runtime from everybody else.
            tokio::task::yield_now().await;
        }
        let Some(next) = log.large_batch() else {
            out.tell(appends, stored);
            let Some(next) = log.batch().await else { return };
            appends = next;
            stored = storage.record(appends.iter().map(new_record).collect()).await;
            continue;
        };
        // Polled in this order: the writer has the next batch before this one is told.
        let record = storage.record(next.iter().map(new_record).collect());
        let telling = async { out.tell(appends, stored) };
        (stored, ()) = tokio::join!(biased; record, telling);
        appends = next;
    }
}

/// What waits to be stored.
struct Log<'a> {
    taken: &'a mut mpsc::Receiver<Append>,
    waiting: VecDeque<Append>,
    received: Vec<Append>,
}

impl Log<'_> {
    /// The next transaction, as soon as there is something for it; `None` when there never will be.
    async fn batch(&mut self) -> Option<Vec<Append>> {
        if self.waiting.is_empty() {
            if self.taken.recv_many(&mut self.received, BATCH_MAX).await == 0 {
                return None;
            }
            self.waiting.extend(self.received.drain(..));
            // Whoever hands something over wakes this task before the sessions that became readable
            // in the same turn were read: after a turn what they say is here too. No time passes
            // while there is nothing else to do.
            tokio::task::yield_now().await;
            self.take();
        }
        Some(next_batch(&mut self.waiting))
    }

    fn take(&mut self) {
        while self.waiting.len() < BATCH_MAX
            && let Ok(append) = self.taken.try_recv()
        {
            self.waiting.push_back(append);
        }
    }

    /// The next transaction, if so much waits for it that it need not wait for more.
    fn large_batch(&mut self) -> Option<Vec<Append>> {
        self.take();
        (self.waiting.len() >= OVERLAP_FROM).then(|| next_batch(&mut self.waiting))
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

/// What one commit has for one room.
#[derive(Default)]
struct ForRoom {
    frames: Vec<(i64, Bytes)>,
    /// The acknowledgements, which go out in the same write as the frames.
    own: Own,
}

impl ForRoom {
    /// Whether everybody is told the very change that is the answer: said to its asker alone before
    /// what comes earlier in the room, it would hide that.
    fn tells(&self, outcome: &Appended) -> bool {
        let Appended::Unchanged(first) = outcome else { return false };
        self.frames.iter().any(|(seq, _)| *seq == first.seq)
    }
}

/// The way out of the log.
struct Told {
    delivery: Arc<Delivery>,
    indexer: Arc<Indexer>,
    /// Batches that could not be stored.
    lost: Mutex<Pace>,
}

impl Told {
    /// Tells what became of a batch.
    fn tell(&self, appends: Vec<Append>, stored: Stored<Vec<Appended>>) {
        match stored {
            Ok(outcomes) => self.tell_outcomes(appends, outcomes),
            Err(error) => {
                let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(batches) = lost.met(Instant::now()) {
                    tracing::warn!(event = "messages.unavailable", %error, batches,
                        messages = appends.len(), "messages could not be stored; their senders were told");
                }
                for append in &appends {
                    let words = refusal(append, Code::Unavailable, "It could not be stored.");
                    append.session.push(words);
                }
            }
        }
    }

    fn tell_outcomes(&self, appends: Vec<Append>, outcomes: Vec<Appended>) {
        let mut by_room: BTreeMap<RoomId, ForRoom> = BTreeMap::new();
        for (append, outcome) in appends.into_iter().zip(outcomes) {
            let session = Link::clone(&append.session);
            let it = by_room.entry(session.room).or_default();
            if it.tells(&outcome) {
                continue;
            }
            let (own, frame) = answer(append, outcome);
            it.frames.extend(frame);
            if let Some(own) = own {
                let kept = it.own.entry(session.id).or_insert_with(|| (session, Vec::new()));
                kept.1.extend_from_slice(&own);
            }
        }
        self.indexer.committed(by_room.keys().copied());
        for (room, ForRoom { frames, own }) in by_room {
            self.delivery.committed(room, frames, own);
        }
    }
}

/// What the sender is told, and what is for everyone, with its number.
fn answer(append: Append, outcome: Appended) -> (Option<Bytes>, Option<(i64, Bytes)>) {
    let (id, seq, created_at) = match outcome {
        Appended::New { seq } => (append.id, seq, append.created_at),
        Appended::Duplicate { id, seq, created_at } => (id, seq, created_at),
        Appended::Changed(made) => return (None, Some((made.seq, encode(&change::frame(made))))),
        Appended::Unchanged(first) => return (Some(encode(&change::frame(first))), None),
        Appended::Refused(why) => {
            let (code, detail) = change::refusal(why);
            return (Some(refusal(&append, code, detail)), None);
        }
        // Of what came from a queue only; its sender's node sees to it.
        Appended::NotTaken(_) => {
            return (Some(refusal(&append, Code::Unavailable, "It could not be stored.")), None);
        }
        Appended::NoRoom => {
            return (Some(refusal(&append, Code::NotFound, "The room is closed.")), None);
        }
    };
    let is_new = matches!(outcome, Appended::New { .. });
    let Wish::Say { client_id, content_type, content } = append.what else { return (None, None) };
    let ack = encode(&ServerFrame::Ack(Ack {
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
    (Some(ack), is_new.then(|| (seq, encode(&ServerFrame::Message(message)))))
}

fn refusal(append: &Append, code: Code, detail: &str) -> Bytes {
    encode(&ServerFrame::Error(FrameError {
        code,
        detail: detail.to_owned(),
        reference: Some(append.reference()),
    }))
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
