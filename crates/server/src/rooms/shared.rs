//! Rooms that other nodes change too: the copies here follow the store.

use std::collections::HashSet;
use std::sync::Arc;

use anteroom_core::ids::RoomId;
use anteroom_protocol::room::RoomState;

use super::{RoomInfo, Rooms};
use crate::storage::{NewRoom, Storage, Stored};

impl Rooms {
    /// Reads one room's record again. Answers the room as it stands, and what it was when it has just
    /// gone.
    pub(crate) async fn refresh(
        &self,
        room: RoomId,
        storage: &dyn Storage,
    ) -> Stored<(Option<Arc<RoomInfo>>, Option<Arc<RoomInfo>>)> {
        match storage.room(room).await? {
            Some(record) if record.closed_at.is_none() => {
                let last_seq = record.last_seq;
                self.stands(room, record.room, RoomState::Open, last_seq);
            }
            Some(_) => return Ok((None, self.remove(room))),
            None => {
                let queued = storage.queued_rooms().await?.into_iter().find(|it| it.id == room);
                let Some(queued) = queued else { return Ok((None, self.remove(room))) };
                self.stands(room, queued.room, RoomState::Pending, 0);
            }
        }
        Ok((self.get(room), None))
    }

    /// Reads all of them again; answers those that are gone.
    pub(crate) async fn refresh_all(&self, storage: &dyn Storage) -> Stored<Vec<Arc<RoomInfo>>> {
        // Known before the store is read: what is made later is not missed in it.
        let known: Vec<RoomId> = self.all().iter().map(|info| info.id).collect();
        // A pending room that opens in between stands in the second answer.
        let queued = storage.queued_rooms().await?;
        let open = storage.open_rooms().await?;
        let mut standing = HashSet::with_capacity(open.len() + queued.len());
        for queued in queued {
            standing.insert(queued.id);
            self.stands(queued.id, queued.room, RoomState::Pending, 0);
        }
        for record in open {
            standing.insert(record.id);
            self.stands(record.id, record.room, RoomState::Open, record.last_seq);
        }
        let gone = known.into_iter().filter(|room| !standing.contains(room));
        Ok(gone.filter_map(|room| self.remove(room)).collect())
    }

    /// Takes over what a record says. How far the room is, only whoever attends it knows better.
    fn stands(&self, id: RoomId, room: NewRoom, state: RoomState, last_seq: i64) {
        let Some(known) = self.get(id) else {
            self.put(RoomInfo::new(id, room, state, last_seq));
            return;
        };
        let mut info = RoomInfo::new(id, room, state, last_seq);
        // An entry may have opened it since the record was read.
        if known.state == RoomState::Open {
            info.state = RoomState::Open;
        }
        info.last_seq = Arc::clone(&known.last_seq);
        self.put(info);
    }
}
