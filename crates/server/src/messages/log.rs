//! The message log: what sessions say and change becomes durable, in order, and is then told.
//!
//! One task takes whatever waits (so messages of all rooms that arrive during one commit share the
//! next), has it committed in one transaction, and only then acknowledges and publishes: the message
//! to everyone, encoded once, and to its sender in the same write first the `ack`. An edit or delete
//! goes the same way; its frame to everyone is the answer ([`super::change`]). What one commit made
//! durable is told before the next is written, or, where much waits, meanwhile. While nothing waits
//! there is no delay. The queue is bounded; who finds it full is told `unavailable` at once.

use std::collections::VecDeque;
use std::time::SystemTime;

use anteroom_core::ids::MessageId;
use anteroom_protocol::message::MessageKind;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::change;
use super::queued::{Record, Settle};
use super::told::Told;
use crate::clock::stamp;
use crate::hub::Link;
use crate::storage::{
    Alteration, Appended, NewChange, NewMessage, NewRecord, SharedStorage, Stored,
};

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
    Say { client_id: String, content_type: String, content: String, reply_to: Option<i64> },
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

/// What comes into the log.
pub(crate) enum Taken {
    /// A session of this node wants it.
    Said(Append),
    /// It comes out of the queue, and may be of any node.
    Queued(Box<Record>, Settle),
    /// A message goes because the account of its sender has ended; nobody waits for an answer.
    Erased(Box<NewChange>),
    /// The same as what comes out of the queue, and nobody here can read it.
    Unread(Settle),
    /// Whoever waits here learns that everything before it was told.
    Mark(oneshot::Sender<()>),
}

impl Taken {
    /// What takes the room.
    fn content(&self) -> &str {
        match self {
            Self::Said(append) => append.content(),
            Self::Queued(record, _) => record.content(),
            Self::Erased(_) | Self::Unread(_) | Self::Mark(_) => "",
        }
    }

    /// What the store is asked, if it is asked something.
    fn record(&self) -> Option<NewRecord> {
        match self {
            Self::Said(append) => Some(new_record(append)),
            Self::Queued(record, _) => Some(NewRecord::Queued(record.queued())),
            Self::Erased(change) => Some(NewRecord::Change(NewChange::clone(change))),
            Self::Unread(_) | Self::Mark(_) => None,
        }
    }
}

/// The entrance to the log.
#[derive(Clone)]
pub(crate) struct MessageLog {
    straight: mpsc::Sender<Taken>,
    /// For what is said, where that goes through a queue.
    queue: Option<mpsc::Sender<Append>>,
}

impl MessageLog {
    /// A log that holds at most `backlog` messages not yet stored, and its other end.
    pub(crate) fn new(backlog: usize) -> (Self, mpsc::Receiver<Taken>) {
        let (straight, taken) = mpsc::channel(backlog.max(1));
        (Self { straight, queue: None }, taken)
    }

    /// From now on what is said comes out of the receiver, at most `backlog` of it waiting, and whoever has
    /// that brings it to the sender.
    pub(crate) fn by_queue(
        &mut self,
        backlog: usize,
    ) -> (mpsc::Receiver<Append>, mpsc::Sender<Taken>) {
        let (queue, said) = mpsc::channel(backlog.max(1));
        self.queue = Some(queue);
        (said, self.straight.clone())
    }

    /// Hands a deletion over that no session asks for; waits while the log is full.
    ///
    /// # Errors
    /// The log is closed.
    pub(crate) async fn erase(&self, change: NewChange) -> Result<(), ()> {
        self.straight.send(Taken::Erased(Box::new(change))).await.map_err(drop)
    }

    /// Waits until whatever was handed over before was told.
    ///
    /// # Errors
    /// The log is closed.
    pub(crate) async fn settled(&self) -> Result<(), ()> {
        let (mark, told) = oneshot::channel();
        self.straight.send(Taken::Mark(mark)).await.map_err(drop)?;
        told.await.map_err(drop)
    }

    /// Hands something over.
    ///
    /// # Errors
    /// It is given back when the log is full or closed.
    pub(crate) fn append(&self, append: Append) -> Result<(), Append> {
        if let (Some(queue), Wish::Say { .. }) = (&self.queue, &append.what) {
            return queue.try_send(append).map_err(TrySendError::into_inner);
        }
        self.straight.try_send(Taken::Said(append)).map_err(|error| match error.into_inner() {
            Taken::Said(append) => append,
            _ => unreachable!("it is what was handed over"),
        })
    }
}

/// Stores and tells, until every entrance is gone.
pub(crate) async fn run(mut taken: mpsc::Receiver<Taken>, storage: SharedStorage, out: Told) {
    let mut log = Log { taken: &mut taken, waiting: VecDeque::new(), received: Vec::new() };
    let Some(mut batch) = log.batch().await else { return };
    let timed = out.is_traced();
    let mut stored = record(&storage, &batch, timed).await;
    loop {
        if stored.outcomes.is_err() {
            // A store that refuses at once must not keep the runtime from everybody else.
            tokio::task::yield_now().await;
        }
        let Some(next) = log.large_batch() else {
            out.tell(batch, stored);
            let Some(next) = log.batch().await else { return };
            batch = next;
            stored = record(&storage, &batch, timed).await;
            continue;
        };
        // Polled in this order: the writer has the next batch before this one is told.
        let recorded = record(&storage, &next, timed);
        let telling = async { out.tell(batch, stored) };
        (stored, ()) = tokio::join!(biased; recorded, telling);
        batch = next;
    }
}

/// What a commit came to.
pub(super) struct Commit {
    /// One answer for each of the batch that asks something of the store.
    pub(super) outcomes: Stored<Vec<Appended>>,
    /// From when to when, where that is traced.
    pub(super) span: Option<(SystemTime, SystemTime)>,
}

async fn record(storage: &SharedStorage, batch: &[Taken], timed: bool) -> Commit {
    let from = timed.then(stamp);
    let outcomes = storage.record(batch.iter().filter_map(Taken::record).collect()).await;
    Commit { outcomes, span: from.map(|from| (from, stamp())) }
}

/// What waits to be stored.
struct Log<'a> {
    taken: &'a mut mpsc::Receiver<Taken>,
    waiting: VecDeque<Taken>,
    received: Vec<Taken>,
}

impl Log<'_> {
    /// The next transaction, as soon as there is something for it; `None` when there never will be.
    async fn batch(&mut self) -> Option<Vec<Taken>> {
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
            && let Ok(taken) = self.taken.try_recv()
        {
            self.waiting.push_back(taken);
        }
    }

    /// The next transaction, if so much waits for it that it need not wait for more.
    fn large_batch(&mut self) -> Option<Vec<Taken>> {
        self.take();
        (self.waiting.len() >= OVERLAP_FROM).then(|| next_batch(&mut self.waiting))
    }
}

/// As many as fit into one transaction, at least one.
fn next_batch(waiting: &mut VecDeque<Taken>) -> Vec<Taken> {
    let mut bytes = 0;
    let fits = waiting.iter().take_while(|taken| {
        bytes += encoded_len(taken.content());
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
        Wish::Say { client_id, content_type, content, reply_to } => {
            NewRecord::Message(NewMessage {
                id: append.id,
                room: session.room,
                sender: Some(session.user),
                client_id: Some(client_id.clone()),
                kind: MessageKind::Text,
                content_type: content_type.clone(),
                content: content.clone(),
                reply_to: *reply_to,
                created_at: append.created_at,
            })
        }
        Wish::Alter(what) => change::new_record(append, what),
    }
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
