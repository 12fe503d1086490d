//! The ways out: a connection ends, a login ends, somebody is removed, a room is closed.
//!
//! What takes rights away (logout, kick, ban, close) is durable before it is called here, reaches the
//! ledger second, and the connections last. A late close of an old connection finds no part of its
//! generation and changes nothing.

use anteroom_core::ids::{LoginId, RoomId, UserId};
use anteroom_core::seat::{Closed, Parting};
use anteroom_protocol::CloseCode;

use super::Entry;
use crate::admission::Journal;
use crate::hub::Link;

impl Entry {
    /// A connection is over. Its seat is returned, or held for the grace when it ended uncleanly.
    pub(crate) async fn close(&self, session: &Link, parting: Parting) -> Closed {
        self.hub.remove(session.id);
        let mut journal = Journal::new();
        let closed =
            self.admission.close(session.room, session.part(), parting, &mut journal).await;
        self.aftermath.apply(journal);
        closed
    }

    /// The session's peer was heard for the first time.
    pub(crate) async fn heard(&self, session: &Link) {
        self.admission.heard(session.room, session.user, session.id).await;
    }

    /// Tells sessions that gave way, after the `welcome` of the one that replaced them is queued.
    pub(crate) fn tell_replaced(&self, by: &Link, replaced: &[anteroom_core::ids::SessionId]) {
        for id in replaced {
            tracing::info!(event = "session.replaced", session = %id, by = %by.id, user = %by.user,
                room = by.room.0, "a session gave way to a newer one of the same user");
        }
        self.hub.end(replaced, CloseCode::Replaced);
    }

    /// A newer login superseded an older one: its sockets close, its seats are kept for the grace.
    pub(crate) async fn login_superseded(&self, user: UserId, old: LoginId, new: LoginId) {
        let mut journal = Journal::new();
        let ended = self.admission.supersede(user, old, new, &mut journal).await;
        self.aftermath.apply(journal);
        self.hub.end(&ended, CloseCode::Unauthenticated);
        self.hub.end_login(user, old, CloseCode::Unauthenticated);
    }

    /// A login ended for good: everything under it goes at once.
    pub(crate) async fn login_ended(&self, user: UserId, login: LoginId) {
        let mut journal = Journal::new();
        let ended = self.admission.revoke_login(user, login, &mut journal).await;
        self.aftermath.apply(journal);
        self.hub.end(&ended, CloseCode::LoggedOut);
        self.hub.end_login(user, login, CloseCode::LoggedOut);
    }

    /// Kicked or banned: everything the user has in the room goes at once.
    pub(crate) async fn remove(&self, room: RoomId, user: UserId) {
        let mut journal = Journal::new();
        let ended = self.admission.remove(room, user, &mut journal).await;
        self.aftermath.apply(journal);
        self.hub.end(&ended, CloseCode::Removed);
    }

    /// A room that the store has closed takes nobody any more, and everyone in it ends.
    pub(crate) async fn room_closed(&self, room: RoomId) {
        self.aftermath.drop_room(room);
        let mut journal = Journal::new();
        let ended = self.admission.close_room(room, &mut journal).await;
        self.aftermath.apply(journal);
        self.hub.end(&ended, CloseCode::RoomClosed);
    }
}
