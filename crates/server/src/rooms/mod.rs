//! Rooms as this process knows them: pending and open ones, with what the door asks for.
//!
//! The store is the home of the facts; this is the copy that every request reads, changed only after
//! the store. A closed room is not in it any more: who asks for one is answered from the store.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use anteroom_core::ids::{RoomId, UserId};
use anteroom_core::seat::{self, RoomSize, RoomSpec};
use anteroom_core::time::Millis;
use anteroom_protocol::room::{Lifetime, RoomState, Visibility};

use crate::storage::{NewRoom, QueuedRoom, RoomRecord, WallMillis};

mod acts;
mod checks;
mod reading;
mod rebuild;
mod seats_life;
mod service;
mod shared;

use reading::Readers;
pub(crate) use seats_life::SeatsLife;
pub(crate) use service::{RoomError, RoomService, view_of};

/// What is known of a room. Replaced as a whole when something changes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RoomInfo {
    pub(crate) id: RoomId,
    pub(crate) name: String,
    pub(crate) capacity: u32,
    pub(crate) staff_seats: u32,
    pub(crate) visibility: Visibility,
    pub(crate) key: Option<String>,
    pub(crate) password_hash: Option<String>,
    pub(crate) lifetime: Lifetime,
    pub(crate) owner: UserId,
    pub(crate) created_at: WallMillis,
    pub(crate) state: RoomState,
    /// The last `seq` that was published.
    last_seq: LastSeq,
}

/// Shared by all that is ever known of one room; no record decides about it.
#[derive(Clone, Debug)]
struct LastSeq(Arc<AtomicI64>);

impl PartialEq for LastSeq {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl RoomInfo {
    fn new(id: RoomId, room: NewRoom, state: RoomState, last_seq: i64) -> Self {
        Self {
            id,
            name: room.name,
            capacity: room.capacity,
            staff_seats: room.staff_seats,
            visibility: room.visibility,
            key: room.key,
            password_hash: room.password_hash,
            lifetime: room.lifetime,
            owner: room.owner,
            created_at: room.created_at,
            state,
            last_seq: LastSeq(Arc::new(AtomicI64::new(last_seq))),
        }
    }

    /// The number of the last durable thing that was published in the room.
    pub(crate) fn last_seq(&self) -> i64 {
        self.last_seq.0.load(Ordering::Acquire)
    }

    /// Raises it; called by the message log alone, in order.
    pub(crate) fn published(&self, seq: i64) {
        self.last_seq.0.fetch_max(seq, Ordering::AcqRel);
    }

    /// How large it is. A record of before the two were kept in step may name more staff seats than
    /// seats: then all of them are for staff.
    pub(crate) fn size(&self) -> RoomSize {
        let staff_seats = self.staff_seats.min(self.capacity);
        RoomSize { capacity: self.capacity, staff_seats }
    }

    /// What the ledger needs.
    pub(crate) fn spec(&self, epoch: u64, pending_until: Option<Millis>) -> RoomSpec {
        RoomSpec {
            id: self.id,
            epoch,
            capacity: self.capacity,
            staff_seats: self.staff_seats,
            lifetime: match self.lifetime {
                Lifetime::Persistent => seat::Lifetime::Persistent,
                Lifetime::UntilEmpty => seat::Lifetime::UntilEmpty,
            },
            pending_until,
        }
    }
}

/// All pending and open rooms.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    kept: RwLock<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    rooms: HashMap<RoomId, Arc<RoomInfo>>,
    readers: Readers,
}

impl Kept {
    fn put(&mut self, info: Arc<RoomInfo>) {
        self.readers.changed(info.id);
        self.rooms.insert(info.id, info);
    }

    /// A number is never given again: what is gone is gone for good.
    fn end(&mut self, id: RoomId) -> Option<Arc<RoomInfo>> {
        self.readers.ended(id);
        self.rooms.remove(&id)
    }
}

impl Rooms {
    fn read(&self) -> RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Kept> {
        self.kept.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// One room.
    pub(crate) fn get(&self, id: RoomId) -> Option<Arc<RoomInfo>> {
        self.read().rooms.get(&id).cloned()
    }

    /// All of them, by number.
    pub(crate) fn all(&self) -> Vec<Arc<RoomInfo>> {
        let mut rooms: Vec<_> = self.read().rooms.values().cloned().collect();
        rooms.sort_by_key(|room| room.id);
        rooms
    }

    /// How many of a user's rooms are pending.
    pub(crate) fn pending_of(&self, owner: UserId) -> usize {
        let is_pending =
            |room: &&Arc<RoomInfo>| room.owner == owner && room.state == RoomState::Pending;
        self.read().rooms.values().filter(is_pending).count()
    }

    pub(crate) fn add_queued(&self, queued: QueuedRoom) -> Arc<RoomInfo> {
        self.put(RoomInfo::new(queued.id, queued.room, RoomState::Pending, 0))
    }

    pub(crate) fn add_open(&self, record: RoomRecord) -> Arc<RoomInfo> {
        self.put(RoomInfo::new(record.id, record.room, RoomState::Open, record.last_seq))
    }

    fn put(&self, info: RoomInfo) -> Arc<RoomInfo> {
        let info = Arc::new(info);
        self.write().put(Arc::clone(&info));
        info
    }

    /// The first entry made it a row.
    pub(crate) fn opened(&self, id: RoomId) {
        self.change(id, |info| info.state = RoomState::Open);
    }

    /// Changes one room.
    pub(crate) fn change(&self, id: RoomId, change: impl FnOnce(&mut RoomInfo)) {
        let mut kept = self.write();
        kept.readers.changed(id);
        if let Some(info) = kept.rooms.get_mut(&id) {
            change(Arc::make_mut(info));
        }
    }

    /// Closed or forgotten; answers what it was.
    pub(crate) fn remove(&self, id: RoomId) -> Option<Arc<RoomInfo>> {
        self.write().end(id)
    }
}
