//! Rooms that other nodes change too: the copies here follow the store.

use std::collections::HashSet;
use std::sync::Arc;

use anteroom_core::ids::RoomId;
use anteroom_protocol::room::RoomState;

use super::{RoomInfo, Rooms};
use crate::storage::{NewRoom, StandingRoom, Storage, Stored};

/// Somebody who reads the store for what is kept here.
struct Reading<'a>(&'a Rooms);

impl<'a> Reading<'a> {
    fn begin(rooms: &'a Rooms) -> Self {
        rooms.write().readers += 1;
        Self(rooms)
    }

    /// Takes over what a record says, unless the room went since it was read. How far the room is, only
    /// whoever attends it knows better.
    fn stands(&self, id: RoomId, room: NewRoom, state: RoomState, last_seq: i64) {
        let mut info = RoomInfo::new(id, room, state, last_seq);
        let mut kept = self.0.write();
        if kept.gone.contains(&id) {
            return;
        }
        if let Some(known) = kept.rooms.get(&id) {
            // An entry may have opened it since the record was read.
            if known.state == RoomState::Open {
                info.state = RoomState::Open;
            }
            info.last_seq = Arc::clone(&known.last_seq);
        }
        kept.rooms.insert(id, Arc::new(info));
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let mut kept = self.0.write();
        kept.readers -= 1;
        if kept.readers == 0 {
            kept.gone = HashSet::new();
        }
    }
}

impl Rooms {
    /// Reads one room's record again. Answers the room as it stands, and what it was when it has just
    /// gone.
    pub(crate) async fn refresh(
        &self,
        room: RoomId,
        storage: &dyn Storage,
    ) -> Stored<(Option<Arc<RoomInfo>>, Option<Arc<RoomInfo>>)> {
        let reading = Reading::begin(self);
        match storage.standing_room(room).await? {
            Some(StandingRoom::Opened(record)) if record.closed_at.is_none() => {
                reading.stands(room, record.room, RoomState::Open, record.last_seq);
            }
            Some(StandingRoom::Queued(queued)) => {
                reading.stands(room, queued.room, RoomState::Pending, 0);
            }
            Some(StandingRoom::Opened(_)) | None => return Ok((None, self.remove(room))),
        }
        Ok((self.get(room), None))
    }

    /// Reads all of them again; answers those that are gone.
    pub(crate) async fn refresh_all(&self, storage: &dyn Storage) -> Stored<Vec<Arc<RoomInfo>>> {
        let reading = Reading::begin(self);
        // Known before the store is read: what is made later is not missed in it.
        let known: Vec<RoomId> = self.all().iter().map(|info| info.id).collect();
        // A pending room that opens in between stands in the second answer.
        let queued = storage.queued_rooms().await?;
        let open = storage.open_rooms().await?;
        let mut standing = HashSet::with_capacity(open.len() + queued.len());
        for queued in queued {
            standing.insert(queued.id);
            reading.stands(queued.id, queued.room, RoomState::Pending, 0);
        }
        for record in open {
            standing.insert(record.id);
            reading.stands(record.id, record.room, RoomState::Open, record.last_seq);
        }
        let gone = known.into_iter().filter(|room| !standing.contains(room));
        Ok(gone.filter_map(|room| self.remove(room)).collect())
    }
}

#[cfg(test)]
mod tests {
    use anteroom_core::ids::UserId;
    use anteroom_protocol::room::{Lifetime, Visibility};

    use super::*;

    const ROOM: RoomId = RoomId(101);

    fn record(name: &str) -> NewRoom {
        NewRoom {
            name: name.to_owned(),
            capacity: 2,
            staff_seats: 0,
            visibility: Visibility::Public,
            key: None,
            password_hash: None,
            lifetime: Lifetime::Persistent,
            owner: UserId(uuid::Uuid::nil()),
            created_at: 0,
            pending_until: 1,
        }
    }

    #[test]
    fn what_went_while_it_was_read_stays_gone() {
        let rooms = Rooms::default();
        let (early, late) = (Reading::begin(&rooms), Reading::begin(&rooms));
        early.stands(ROOM, record("first"), RoomState::Open, 0);
        assert!(rooms.remove(ROOM).is_some());
        drop(early);
        late.stands(ROOM, record("read before it went"), RoomState::Open, 0);
        assert!(rooms.get(ROOM).is_none());
        drop(late);
        assert!(rooms.read().gone.is_empty(), "nothing is remembered once nobody reads");
    }

    #[test]
    fn what_is_read_late_does_not_set_a_room_back() {
        let rooms = Rooms::default();
        let reading = Reading::begin(&rooms);
        reading.stands(ROOM, record("pending"), RoomState::Pending, 0);
        rooms.opened(ROOM);
        rooms.get(ROOM).unwrap().published(7);
        reading.stands(ROOM, record("read before"), RoomState::Pending, 0);
        let info = rooms.get(ROOM).unwrap();
        assert_eq!((info.state, info.last_seq()), (RoomState::Open, 7));
    }
}
