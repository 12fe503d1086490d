//! Rooms that other nodes change too: the copies here follow the store.

use std::collections::HashMap;
use std::sync::Arc;

use anteroom_core::ids::RoomId;
use anteroom_protocol::room::RoomState;

use super::reading::{Found, Overtaken, Reading};
use super::{RoomInfo, Rooms};
use crate::storage::{QueuedRoom, RoomRecord, StandingRoom, Storage, Stored};

impl Rooms {
    /// Reads one room's record again, and once more where it changed meanwhile. Answers the room as it
    /// stands; `went` is told what it was when it has just gone.
    pub(crate) async fn refresh(
        &self,
        room: RoomId,
        storage: &dyn Storage,
        went: impl FnOnce(&RoomInfo),
    ) -> Stored<Option<Arc<RoomInfo>>> {
        loop {
            let reading = Reading::one(self, room);
            let found = match storage.standing_room(room).await? {
                Some(StandingRoom::Opened(record)) if record.closed_at.is_some() => Found::Closed,
                Some(StandingRoom::Opened(record)) => Found::Stands(open(record)),
                Some(StandingRoom::Queued(queued)) => Found::Stands(pending(queued)),
                None => Found::Nothing,
            };
            if let Ok(gone) = reading.take_over(room, found) {
                if let Some(gone) = gone {
                    went(&gone);
                }
                return Ok(self.get(room));
            }
        }
    }

    /// Reads all of them again; `went` is told what each was that has just gone.
    pub(crate) async fn refresh_all(
        &self,
        storage: &dyn Storage,
        mut went: impl FnMut(&RoomInfo),
    ) -> Stored<()> {
        let reading = Reading::all(self);
        // Known before the store is read: what is made later is not missed in it.
        let known: Vec<RoomId> = self.all().iter().map(|info| info.id).collect();
        // A pending room that opens in between stands in the second answer.
        let queued = storage.queued_rooms().await?.into_iter().map(pending);
        let open = storage.open_rooms().await?.into_iter().map(open);
        let mut found: HashMap<RoomId, Found> =
            queued.chain(open).map(|info| (info.id, Found::Stands(info))).collect();
        for room in known {
            found.entry(room).or_insert(Found::Nothing);
        }
        let mut again = Vec::new();
        for (room, found) in found {
            match reading.take_over(room, found) {
                Ok(Some(gone)) => went(&gone),
                Ok(None) => {}
                Err(Overtaken) => again.push(room),
            }
        }
        drop(reading);
        for room in again {
            self.refresh(room, storage, &mut went).await?;
        }
        Ok(())
    }
}

fn pending(queued: QueuedRoom) -> RoomInfo {
    RoomInfo::new(queued.id, queued.room, RoomState::Pending, 0)
}

fn open(record: RoomRecord) -> RoomInfo {
    RoomInfo::new(record.id, record.room, RoomState::Open, record.last_seq)
}
