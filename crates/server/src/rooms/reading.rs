//! Reading the store while the copies here change: whoever knows something newer is not set back.
//!
//! A record is older than whatever was noted here since the reader began. Rooms that ended meanwhile stay
//! gone, for that is final; rooms that changed meanwhile are read again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anteroom_core::ids::RoomId;

use super::{RoomInfo, Rooms};

/// Who reads just now.
#[derive(Debug, Default)]
pub(super) struct Readers {
    all: HashMap<u64, Reader>,
    next: u64,
}

/// What was noted since it began.
#[derive(Debug)]
struct Reader {
    /// The room it reads; all where none is named.
    only: Option<RoomId>,
    changed: HashSet<RoomId>,
    ended: HashSet<RoomId>,
}

impl Readers {
    pub(super) fn changed(&mut self, id: RoomId) {
        for reader in self.of(id) {
            reader.changed.insert(id);
        }
    }

    pub(super) fn ended(&mut self, id: RoomId) {
        for reader in self.of(id) {
            reader.ended.insert(id);
        }
    }

    fn of(&mut self, id: RoomId) -> impl Iterator<Item = &mut Reader> {
        self.all.values_mut().filter(move |it| it.only.is_none_or(|only| only == id))
    }
}

/// What the store says of a room.
pub(super) enum Found {
    Stands(RoomInfo),
    Closed,
    /// It was forgotten, or never was.
    Nothing,
}

/// Something newer was noted of the room than what was read.
#[derive(Debug, PartialEq)]
pub(super) struct Overtaken;

/// Somebody who reads; begun before the store is asked.
pub(super) struct Reading<'a> {
    rooms: &'a Rooms,
    number: u64,
}

impl<'a> Reading<'a> {
    pub(super) fn one(rooms: &'a Rooms, room: RoomId) -> Self {
        Self::begin(rooms, Some(room))
    }

    pub(super) fn all(rooms: &'a Rooms) -> Self {
        Self::begin(rooms, None)
    }

    fn begin(rooms: &'a Rooms, only: Option<RoomId>) -> Self {
        let readers = &mut rooms.write().readers;
        let number = readers.next;
        readers.next += 1;
        let reader = Reader { only, changed: HashSet::new(), ended: HashSet::new() };
        readers.all.insert(number, reader);
        Self { rooms, number }
    }

    /// Takes over what was read; answers what the room was when it has just gone. How far the room is,
    /// only whoever attends it knows better.
    pub(super) fn take_over(
        &self,
        id: RoomId,
        found: Found,
    ) -> Result<Option<Arc<RoomInfo>>, Overtaken> {
        let mut kept = self.rooms.write();
        let since = kept.readers.all.get(&self.number);
        if since.is_some_and(|since| since.ended.contains(&id)) {
            return Ok(None);
        }
        if since.is_some_and(|since| since.changed.contains(&id)) {
            return Err(Overtaken);
        }
        let known = kept.rooms.get(&id);
        match (found, known) {
            // It may be made in this moment.
            (Found::Nothing, None) => Ok(None),
            (Found::Nothing | Found::Closed, _) => Ok(kept.end(id)),
            (Found::Stands(mut info), Some(known)) => {
                info.last_seq = known.last_seq.clone();
                if **known != info {
                    kept.put(Arc::new(info));
                }
                Ok(None)
            }
            (Found::Stands(info), None) => {
                kept.put(Arc::new(info));
                Ok(None)
            }
        }
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.rooms.write().readers.all.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use anteroom_core::ids::UserId;
    use anteroom_protocol::room::{Lifetime, RoomState, Visibility};

    use super::*;
    use crate::storage::NewRoom;

    const ROOM: RoomId = RoomId(101);

    fn info(name: &str, state: RoomState) -> RoomInfo {
        let room = NewRoom {
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
        };
        RoomInfo::new(ROOM, room, state, 0)
    }

    fn open(name: &str) -> Found {
        Found::Stands(info(name, RoomState::Open))
    }

    fn name(rooms: &Rooms) -> Option<String> {
        rooms.get(ROOM).map(|info| info.name.clone())
    }

    #[test]
    fn what_ended_while_it_was_read_stays_gone() {
        let rooms = Rooms::default();
        let (first, second) = (Reading::one(&rooms, ROOM), Reading::all(&rooms));
        assert_eq!(first.take_over(ROOM, open("read before it was closed")), Ok(None));
        assert!(rooms.remove(ROOM).is_some());
        assert_eq!(second.take_over(ROOM, open("read before it was closed")), Ok(None));
        assert!(rooms.get(ROOM).is_none());
        // Also where the room was never known here.
        let rooms = Rooms::default();
        let (slow, quick) = (Reading::one(&rooms, ROOM), Reading::one(&rooms, ROOM));
        assert_eq!(quick.take_over(ROOM, Found::Closed), Ok(None));
        assert_eq!(slow.take_over(ROOM, open("read before it was closed")), Ok(None));
        assert!(rooms.get(ROOM).is_none());
    }

    #[test]
    fn who_asked_before_a_room_was_made_does_not_take_it_away() {
        let rooms = Rooms::default();
        let (one, all) = (Reading::one(&rooms, ROOM), Reading::all(&rooms));
        rooms.put(info("just made", RoomState::Pending));
        assert_eq!(one.take_over(ROOM, Found::Nothing), Err(Overtaken));
        assert_eq!(all.take_over(ROOM, Found::Nothing), Err(Overtaken));
        assert_eq!(name(&rooms).as_deref(), Some("just made"));
        // Nor does asking for a number that is given later keep it from being known.
        let rooms = Rooms::default();
        let (early, late) = (Reading::one(&rooms, ROOM), Reading::one(&rooms, ROOM));
        assert_eq!(early.take_over(ROOM, Found::Nothing), Ok(None));
        assert_eq!(late.take_over(ROOM, open("made since")), Ok(None));
        assert_eq!(name(&rooms).as_deref(), Some("made since"));
    }

    #[test]
    fn what_is_read_late_sets_nothing_back() {
        let rooms = Rooms::default();
        rooms.put(info("as it was", RoomState::Pending));
        let reading = Reading::one(&rooms, ROOM);
        rooms.opened(ROOM);
        rooms.get(ROOM).unwrap().published(7);
        let old = Found::Stands(info("as it was", RoomState::Pending));
        assert_eq!(reading.take_over(ROOM, old), Err(Overtaken));
        assert_eq!(rooms.get(ROOM).unwrap().state, RoomState::Open);
        // Who reads again knows it; how far the room is stays.
        drop(reading);
        let again = Reading::one(&rooms, ROOM);
        assert_eq!(again.take_over(ROOM, open("as it is")), Ok(None));
        assert_eq!(rooms.get(ROOM).unwrap().last_seq(), 7);
        assert_eq!(name(&rooms).as_deref(), Some("as it is"));
    }

    #[test]
    fn many_who_read_the_same_overtake_nobody() {
        let rooms = Rooms::default();
        rooms.put(info("the same", RoomState::Open));
        let readings: Vec<_> = (0..9).map(|_| Reading::one(&rooms, ROOM)).collect();
        for reading in &readings {
            assert_eq!(reading.take_over(ROOM, open("the same")), Ok(None));
        }
        drop(readings);
        assert!(rooms.read().readers.all.is_empty(), "nothing is kept once nobody reads");
    }

    #[test]
    fn what_is_gone_is_told_once() {
        let rooms = Rooms::default();
        rooms.put(info("forgotten", RoomState::Pending));
        let (first, second) = (Reading::one(&rooms, ROOM), Reading::one(&rooms, ROOM));
        assert!(first.take_over(ROOM, Found::Nothing).unwrap().is_some());
        assert_eq!(second.take_over(ROOM, Found::Nothing), Ok(None));
    }
}
