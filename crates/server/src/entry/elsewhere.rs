//! Rooms that other nodes made, changed or closed: what this node knows of them is read again, and whoever is
//! in one that went learns so.

use std::sync::Arc;

use anteroom_core::ids::RoomId;
use anteroom_protocol::{CloseCode, Code};

use super::Duties;
use crate::rooms::RoomInfo;
use crate::storage::Stored;

impl Duties {
    /// The room as the store has it.
    ///
    /// # Errors
    /// The store is away.
    pub(crate) async fn look_at_room(&self, room: RoomId) -> Stored<Option<Arc<RoomInfo>>> {
        let all = &self.aftermath;
        all.rooms.refresh(room, &*all.storage, |gone| self.went(gone)).await
    }

    /// All rooms as the store has them.
    ///
    /// # Errors
    /// The store is away; what went until then is told.
    pub(crate) async fn look_at_rooms(&self) -> Stored<()> {
        let all = &self.aftermath;
        all.rooms.refresh_all(&*all.storage, |gone| self.went(gone)).await
    }

    fn went(&self, room: &RoomInfo) {
        self.hub.end_room_here(room.id, CloseCode::RoomClosed, None);
        self.aftermath.line.end_room(room.id, Code::RoomClosed);
        self.aftermath.presence.tell_closed(room);
    }
}
