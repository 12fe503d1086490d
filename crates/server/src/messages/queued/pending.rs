//! What this node took from senders and put into the queue, until it knows what became of it.
//!
//! Bounded by whoever notes things here. Lock order: this, and under it one session's outbox.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anteroom_core::ids::{MessageId, RoomId, SessionId};
use anteroom_protocol::frame::ServerFrame;
use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::super::log::{Append, Wish};
use super::super::told::{ack_of, answer};
use super::{Became, Report};
use crate::hub::{Link, Own, decode};
use crate::metrics::Metrics;
use crate::storage::Appended;

/// Messages without an answer, in the order in which they were said.
pub(crate) struct Pending {
    kept: Mutex<Kept>,
    /// Something was answered.
    answered: Notify,
    /// Something has to be seen to.
    doubt: Notify,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Kept {
    next: u64,
    in_order: BTreeMap<u64, (Append, Instant)>,
    places: HashMap<MessageId, u64>,
    /// How many of each room.
    rooms: HashMap<RoomId, usize>,
    /// What each session said last.
    last: HashMap<SessionId, u64>,
    is_in_doubt: bool,
}

impl Kept {
    fn take(&mut self, id: MessageId) -> Option<Append> {
        let place = self.places.remove(&id)?;
        let (append, _) = self.in_order.remove(&place)?;
        let (session, room) = (append.session.id, append.session.room);
        if self.last.get(&session) == Some(&place) {
            self.last.remove(&session);
        }
        if let Some(count) = self.rooms.get_mut(&room) {
            *count -= 1;
            if *count == 0 {
                self.rooms.remove(&room);
            }
        }
        Some(append)
    }

    fn note(&mut self, append: Append, now: Instant) {
        let place = self.next;
        self.next += 1;
        self.places.insert(append.id, place);
        *self.rooms.entry(append.session.room).or_default() += 1;
        self.last.insert(append.session.id, place);
        self.in_order.insert(place, (append, now));
    }

    /// The `client_id` of what a session said last and has no answer for.
    fn said_last(&self, session: SessionId) -> Option<&str> {
        let (append, _) = self.in_order.get(self.last.get(&session)?)?;
        match &append.what {
            Wish::Say { client_id, .. } => Some(client_id),
            Wish::Alter(_) => None,
        }
    }
}

impl Pending {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        let (answered, doubt) = (Notify::new(), Notify::new());
        Self { kept: Mutex::default(), answered, doubt, metrics }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self) -> usize {
        self.lock().in_order.len()
    }

    /// Keeps a message from now on. Answers what its session said before and has no answer for.
    pub(super) fn note(&self, append: Append) -> Option<String> {
        let mut kept = self.lock();
        let after = kept.said_last(append.session.id).map(str::to_owned);
        kept.note(append, Instant::now());
        after
    }

    /// Everything, in its order. Nothing is in doubt then.
    pub(super) fn take_all(&self) -> Vec<Append> {
        let mut kept = self.lock();
        let next = kept.next;
        let all = std::mem::take(&mut *kept);
        kept.next = next;
        drop(kept);
        let all: Vec<_> = all.in_order.into_values().map(|(append, _)| append).collect();
        self.metrics.brokered.fell_back(all.len());
        all
    }

    /// When the oldest has been here for `span`; `None` when there is none.
    pub(super) fn due(&self, span: Duration) -> Option<Instant> {
        self.lock().in_order.first_key_value().map(|(_, (_, since))| *since + span)
    }

    /// Waits until something is answered.
    pub(super) async fn answered(&self) {
        self.answered.notified().await;
    }

    /// Waits until something has to be seen to.
    pub(super) async fn doubted(&self) {
        while !self.lock().is_in_doubt {
            self.doubt.notified().await;
        }
    }

    /// Lets go of a message that has its answer, if it is kept here.
    pub(crate) fn claim(&self, id: MessageId) -> Option<Append> {
        self.claimed(&mut self.lock(), id)
    }

    fn claimed(&self, kept: &mut Kept, id: MessageId) -> Option<Append> {
        let claimed = kept.take(id);
        if claimed.is_some() {
            self.metrics.brokered.stored();
            self.answered.notify_one();
        }
        claimed
    }

    /// The queue did not bring this one to the store. True if it is this node's to see to.
    pub(crate) fn not_taken(&self, id: MessageId) -> bool {
        let mut kept = self.lock();
        let is_here = kept.places.contains_key(&id);
        kept.is_in_doubt |= is_here;
        drop(kept);
        if is_here {
            self.doubt.notify_one();
        }
        is_here
    }

    /// What senders here are told before those frames, which tell the room what they said.
    pub(crate) fn told(&self, room: RoomId, frames: &[(i64, Bytes)]) -> Own {
        let mut own = Own::default();
        if !self.lock().rooms.contains_key(&room) {
            return own;
        }
        for (_, frame) in frames {
            let Some(ServerFrame::Message(message)) = decode(frame) else { continue };
            let Some(append) = self.claim(MessageId(message.id)) else { continue };
            let ack = ack_of(&append, (message.id, message.seq), message.created_at.0);
            let session = Link::clone(&append.session);
            let kept = own.entry(session.id).or_insert_with(|| (session, Vec::new()));
            kept.1.extend_from_slice(&ack);
        }
        own
    }

    /// Another node says what became of messages of this one.
    pub(super) fn reported(&self, reports: Vec<Report>) {
        for Report { id, became } in reports {
            let id = MessageId(id);
            let outcome = match became {
                Became::Stored { id, seq, created_at } => {
                    Appended::Duplicate { id: MessageId(id), seq, created_at }
                }
                Became::NoRoom => Appended::NoRoom,
                Became::NotTaken => {
                    self.not_taken(id);
                    continue;
                }
            };
            // Said under the lock: whoever tells the message itself and finds it claimed comes after.
            let mut kept = self.lock();
            let Some(append) = self.claimed(&mut kept, id) else { continue };
            let session = Link::clone(&append.session);
            if let (Some(words), _) = answer(append, outcome) {
                session.push(words);
            }
        }
    }
}
