//! From what is durable to who sits there, on this node and on the others.
//!
//! One node alone tells its members what it stored, in the order in which it was committed. With others
//! beside it, each node's [`Tails`] decide the order, because others store in the same room.

use std::sync::Arc;

use anteroom_core::ids::RoomId;
use bytes::Bytes;
use opentelemetry::trace::SpanKind;

use super::Pending;
use super::history::encoded;
use crate::cluster::{Bus, Ground, NotAttended, Numbered, Tails};
use crate::hub::{Hub, Own};
use crate::rooms::Rooms;
use crate::storage::{SharedStorage, Stored};
use crate::traces::Traces;

/// What is read from the store at once to close a gap.
const READ_MAX: i64 = 200;

/// The ways to the members of rooms.
pub(crate) struct Delivery {
    ways: Ways,
    bus: Arc<dyn Bus>,
    tails: Tails,
}

struct Ways {
    traces: Traces,
    hub: Arc<Hub>,
    rooms: Arc<Rooms>,
    storage: SharedStorage,
    /// What senders here wait for, where messages go through a queue.
    pending: Option<Arc<Pending>>,
}

impl Delivery {
    pub(crate) fn new(
        (hub, rooms): (Arc<Hub>, Arc<Rooms>),
        storage: SharedStorage,
        (bus, traces): (Arc<dyn Bus>, Traces),
        pending: Option<Arc<Pending>>,
    ) -> Self {
        let ways = Ways { traces, hub, rooms, storage, pending };
        Self { ways, bus, tails: Tails::default() }
    }

    /// Where what is said is traced.
    pub(super) fn traces(&self) -> &Traces {
        &self.ways.traces
    }

    /// What senders here wait for, where messages go through a queue.
    pub(crate) fn pending(&self) -> Option<Arc<Pending>> {
        self.ways.pending.clone()
    }

    /// One commit of this node made these frames durable; `own` is what single sessions are told beside
    /// it, in the same write.
    pub(super) fn committed(&self, room: RoomId, frames: Numbered, own: Own) {
        if !self.bus.is_shared() {
            self.ways.publish(room, &frames, own, SpanKind::Internal);
            return;
        }
        let passing = self.ways.traces.passing(room, &frames);
        self.bus.publish(room, &frames);
        let step = ("anteroom.message.publish", SpanKind::Producer);
        self.ways.traces.passed(passing, step, None);
        let here = SpanKind::Internal;
        self.tails.pass(room, frames, |due| self.ways.publish(room, due, own, here));
    }

    /// Another node made these durable.
    pub(crate) fn heard(&self, room: RoomId, frames: Numbered) {
        self.tails.offer(room, frames, &self.ways);
    }

    /// Sees to it that a session that was registered is told everything from the room's last number on.
    ///
    /// # Errors
    /// The nodes cannot hear each other, or the store is away.
    pub(crate) async fn attend(&self, room: RoomId) -> Result<(), NotAttended> {
        if !self.bus.is_shared() {
            return Ok(());
        }
        self.tails.attend(room, &*self.bus, &self.ways).await
    }

    /// How far an attended room is, with whatever is durable told here before the answer.
    ///
    /// # Errors
    /// The store is away.
    pub(crate) async fn bring_up(&self, room: RoomId) -> Stored<()> {
        if !self.bus.is_shared() {
            return Ok(());
        }
        self.tails.bring_up(room, &self.ways).await
    }

    /// Reads what does not arrive, for ever.
    pub(crate) async fn repair(&self) {
        self.tails.repair(&self.ways).await;
    }

    /// Tells what was missed in every attended room.
    pub(crate) async fn compare(&self) -> Stored<()> {
        self.tails.compare(&*self.bus, &self.ways).await
    }
}

impl Ways {
    /// Whoever waits here for something of this is told so first.
    fn publish(&self, room: RoomId, frames: &[(i64, Bytes)], mut own: Own, kind: SpanKind) {
        let passing = self.traces.passing(room, frames);
        if let Some((last, _)) = frames.last() {
            self.reached(room, *last);
        }
        if let Some(pending) = &self.pending {
            for (session, (link, words)) in pending.told(room, frames) {
                own.entry(session).or_insert_with(|| (link, Vec::new())).1.extend(words);
            }
        }
        self.hub.publish(room, frames, own);
        if passing.is_some() {
            let sessions = self.hub.count_in_room(room);
            self.traces.passed(passing, ("anteroom.message.deliver", kind), Some(sessions));
        }
    }
}

impl Ground for Ways {
    fn tell(&self, room: RoomId, frames: &[(i64, Bytes)]) {
        self.publish(room, frames, Own::default(), SpanKind::Consumer);
    }

    fn reached(&self, room: RoomId, seq: i64) {
        if let Some(info) = self.rooms.get(room) {
            info.published(seq);
        }
    }

    async fn last(&self, room: RoomId) -> Stored<i64> {
        Ok(self.storage.room(room).await?.map_or(0, |record| record.last_seq))
    }

    async fn between(&self, room: RoomId, after: i64, last: i64) -> Stored<Numbered> {
        let items = self.storage.log(room, after, last.min(after + READ_MAX)).await?;
        Ok(items.into_iter().map(|item| (item.seq(), encoded(item))).collect())
    }

    fn has_members(&self, room: RoomId) -> bool {
        self.hub.count_in_room(room) > 0
    }
}
