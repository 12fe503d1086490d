//! The way out of the log: who is told what of a batch that was stored, or was not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anteroom_core::ids::{Owner, RoomId};
use anteroom_protocol::frame::{Ack, FrameError, ServerFrame};
use anteroom_protocol::message::{Message, MessageKind};
use anteroom_protocol::{Code, Timestamp};
use bytes::Bytes;
use tokio::time::Instant;
use uuid::Uuid;

use super::log::{Append, Commit, Taken, Wish};
use super::queued::{Became, Pending, Record, Report, Reporter, Settle};
use super::{Delivery, Indexer, change};
use crate::hub::{Link, Own, encode};
use crate::pace::Pace;
use crate::storage::{Appended, NotTaken};
use crate::traces::{Said, Traces};

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

/// Where messages go through a queue.
pub(crate) struct Queue {
    /// What this node put into it.
    pub(crate) pending: Arc<Pending>,
    /// What others put into it.
    pub(crate) reporter: Reporter,
    /// The life of this node.
    pub(crate) me: Owner,
}

/// What one batch has to say.
#[derive(Default)]
struct Words {
    rooms: BTreeMap<RoomId, ForRoom>,
    /// To other nodes.
    reports: BTreeMap<String, Vec<Report>>,
    /// What of it is traced, and where.
    said: Vec<Said>,
    traces: Traces,
}

impl Words {
    fn notes(&mut self, room: RoomId, seq: i64, came: i64) {
        self.said.extend(self.traces.said(room, seq, came));
    }

    /// Whoever sits there is told; nobody asked.
    fn erased(&mut self, room: RoomId, outcome: Option<Appended>) {
        if let Some(Appended::Changed(made)) = outcome {
            let seq = made.seq;
            self.notes(room, seq, made.at);
            let frame = encode(&change::frame(made));
            self.rooms.entry(room).or_default().frames.push((seq, frame));
        }
    }

    fn answered(&mut self, append: Append, outcome: Appended) {
        let session = Link::clone(&append.session);
        match &outcome {
            Appended::New { seq } => self.notes(session.room, *seq, append.created_at),
            Appended::Changed(made) => self.notes(session.room, made.seq, append.created_at),
            _ => {}
        }
        let it = self.rooms.entry(session.room).or_default();
        if it.tells(&outcome) {
            return;
        }
        let (own, frame) = answer(append, outcome);
        it.frames.extend(frame);
        if let Some(own) = own {
            let kept = it.own.entry(session.id).or_insert_with(|| (session, Vec::new()));
            kept.1.extend_from_slice(&own);
        }
    }
}

/// The way out of the log.
pub(crate) struct Told {
    delivery: Arc<Delivery>,
    indexer: Arc<Indexer>,
    queue: Option<Queue>,
    /// Batches that could not be stored.
    lost: Mutex<Pace>,
    /// Messages of nodes that are fenced.
    fenced: Mutex<Pace>,
}

impl Told {
    pub(crate) fn new(
        delivery: Arc<Delivery>,
        indexer: Arc<Indexer>,
        queue: Option<Queue>,
    ) -> Self {
        Self { delivery, indexer, queue, lost: Mutex::default(), fenced: Mutex::default() }
    }

    /// Whether commits are to be timed.
    pub(super) fn is_traced(&self) -> bool {
        self.delivery.traces().is_on()
    }

    /// Tells what became of a batch.
    pub(super) fn tell(&self, batch: Vec<Taken>, commit: Commit) {
        let traces = self.delivery.traces();
        let mut words = Words { traces: traces.clone(), ..Words::default() };
        let (size, span) = (batch.len(), commit.span);
        let outcomes = match commit.outcomes {
            Ok(outcomes) => outcomes,
            Err(error) => {
                self.warn(&error.to_string(), batch.len());
                Vec::new()
            }
        };
        let mut outcomes = outcomes.into_iter();
        let (mut settled, mut marks) = (Vec::new(), Vec::new());
        for taken in batch {
            match taken {
                Taken::Said(append) => match outcomes.next() {
                    Some(outcome) => words.answered(append, outcome),
                    None => {
                        let refused =
                            refusal(&append, Code::Unavailable, "It could not be stored.");
                        append.session.push(refused);
                    }
                },
                Taken::Queued(record, settle) => {
                    self.queued(*record, outcomes.next(), &mut words);
                    settled.push(settle);
                }
                Taken::Erased(change) => words.erased(change.room, outcomes.next()),
                Taken::Unread(settle) => settled.push(settle),
                Taken::Mark(mark) => marks.push(mark),
            }
        }
        let said = std::mem::take(&mut words.said);
        self.say(words);
        if let Some(span) = span.filter(|_| !said.is_empty()) {
            traces.stored(said, span, size);
        }
        settled.into_iter().for_each(Settle::done);
        for mark in marks {
            // Whoever does not wait any more is as good.
            let _ = mark.send(());
        }
    }

    fn warn(&self, error: &str, messages: usize) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(batches) = lost.met(Instant::now()) {
            tracing::warn!(
                event = "messages.unavailable",
                error,
                batches,
                messages,
                "messages could not be stored; their senders were told"
            );
        }
    }

    /// Something came out of the queue, and this became of it; `None`: it could not be stored.
    fn queued(&self, record: Record, outcome: Option<Appended>, words: &mut Words) {
        let Some(queue) = &self.queue else { return };
        let is_ours = record.origin() == queue.me;
        let (id, to) = (record.id(), record.reports_to().to_owned());
        let report = |became| {
            if !is_ours {
                words.reports.entry(to).or_default().push(Report { id: id.0, became });
            }
        };
        let outcome = match outcome {
            Some(Appended::NotTaken(why)) => {
                self.not_taken(why, record.room());
                queue.pending.not_taken(id);
                return report(Became::NotTaken);
            }
            None => {
                queue.pending.not_taken(id);
                return report(Became::NotTaken);
            }
            Some(outcome) => outcome,
        };
        // Its sender sits here, and is told in the same write as everybody.
        if let Some(append) = queue.pending.claim(id) {
            return words.answered(append, outcome);
        }
        match outcome {
            Appended::New { seq } => {
                let (room, message) = (record.room(), record.told(seq));
                let created_at = message.created_at.0;
                report(Became::Stored { id: id.0, seq, created_at });
                words.notes(room, seq, created_at);
                let frame = encode(&ServerFrame::Message(message));
                words.rooms.entry(room).or_default().frames.push((seq, frame));
            }
            Appended::Duplicate { id, seq, created_at } => {
                report(Became::Stored { id: id.0, seq, created_at });
            }
            _ => report(Became::NoRoom),
        }
    }

    fn not_taken(&self, why: NotTaken, room: RoomId) {
        // What comes out of turn is seen to by its origin, and nothing to speak of.
        let mut fenced = self.fenced.lock().unwrap_or_else(PoisonError::into_inner);
        if why == NotTaken::Fenced
            && let Some(messages) = fenced.met(Instant::now())
        {
            tracing::warn!(
                event = "messages.of_fenced",
                messages,
                room = room.0,
                "messages that a fenced node had queued were refused"
            );
        }
    }

    fn say(&self, Words { rooms, reports, .. }: Words) {
        self.indexer.committed(rooms.keys().copied());
        for (room, ForRoom { frames, own }) in rooms {
            self.delivery.committed(room, frames, own);
        }
        if let Some(queue) = &self.queue {
            for (to, reports) in reports {
                queue.reporter.report(to, reports);
            }
        }
    }
}

/// What the sender is told, and what is for everyone, with its number.
pub(super) fn answer(append: Append, outcome: Appended) -> (Option<Bytes>, Option<(i64, Bytes)>) {
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
    let Wish::Say { client_id, content_type, content, reply_to } = append.what else {
        return (None, None);
    };
    let ack = ack(client_id.clone(), (id.0, seq), created_at);
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
        reply_to,
    };
    (Some(ack), is_new.then(|| (seq, encode(&ServerFrame::Message(message)))))
}

fn ack(client_id: String, (id, seq): (Uuid, i64), created_at: i64) -> Bytes {
    encode(&ServerFrame::Ack(Ack { client_id, id, seq, created_at: Timestamp(created_at) }))
}

/// What its sender is told of a message that is stored.
pub(super) fn ack_of(append: &Append, place: (Uuid, i64), created_at: i64) -> Bytes {
    ack(append.reference(), place, created_at)
}

fn refusal(append: &Append, code: Code, detail: &str) -> Bytes {
    encode(&ServerFrame::Error(FrameError {
        code,
        detail: detail.to_owned(),
        reference: Some(append.reference()),
    }))
}
