//! The ways out: a connection ends, a login ends, somebody is removed, a room is closed.
//!
//! What takes rights away (logout, kick, ban, close) is durable before it is called here, reaches the
//! ledger second, and the connections last: also when the seat store is away, for then the ledger is
//! reached later. A late close of an old connection finds no part of its generation and changes
//! nothing.

use std::time::Duration;

use anteroom_core::ids::{LoginId, RoomId, UserId};
use anteroom_core::mutants::{self, Mutant};
use anteroom_core::seat::{Closed, Parting};
use anteroom_protocol::{CloseCode, Code};

use super::Entry;
use super::duty::{Done, Duty};
use crate::hub::Link;

/// Beyond so long a socket is closed before its seat is given back.
const CLOSE_PATIENCE: Duration = Duration::from_millis(500);

impl Entry {
    /// A connection is over. Its seat is returned, or held for the grace when it ended uncleanly.
    /// `None`: the seat store is away or slow, and the seat will be given back when it answers.
    pub(crate) async fn close(&self, session: &Link, parting: Parting) -> Option<Closed> {
        if !mutants::on(Mutant::B11HubKeepsTheSession) {
            self.hub.remove(session.id);
        }
        let duty = Duty::Close { room: session.room, part: session.part(), parting };
        match self.duties.perform_within(CLOSE_PATIENCE, duty).await {
            Done::Now(closed) => closed,
            Done::Later => None,
        }
    }

    /// The session's peer was heard for the first time.
    pub(crate) async fn heard(&self, session: &Link) {
        let (room, user, session) = (session.room, session.user, session.id);
        self.duties.perform(Duty::Heard { room, user, session }).await;
    }

    /// Tells sessions that gave way, after the `welcome` of the one that replaced them is queued.
    pub(crate) fn tell_replaced(&self, by: &Link, replaced: &[anteroom_core::ids::SessionId]) {
        for id in replaced {
            tracing::info!(event = "session.replaced", session = %id, by = %by.id, user = %by.user,
                room = by.room.0, "a session gave way to a newer one of the same user");
        }
        if !mutants::on(Mutant::B31ReplacedIsNotTold) {
            self.hub.end(replaced, CloseCode::Replaced);
        }
    }

    /// A newer login superseded an older one: its sockets close, its seats are kept for the grace.
    pub(crate) async fn login_superseded(&self, user: UserId, old: LoginId, new: LoginId) {
        self.duties.perform(Duty::Supersede { user, old, new }).await;
        self.hub.end_login(user, old, CloseCode::Unauthenticated);
        self.aftermath.line.end_login(user, old, Code::Unauthenticated);
    }

    /// A login ended for good: everything under it goes at once.
    pub(crate) async fn login_ended(&self, user: UserId, login: LoginId) {
        self.duties.perform(Duty::Revoke { user, login }).await;
        self.hub.end_login(user, login, CloseCode::LoggedOut);
        self.aftermath.line.end_login(user, login, Code::LoggedOut);
    }

    /// Kicked or banned: everything the user has in the room goes at once.
    pub(crate) async fn remove(&self, room: RoomId, user: UserId) {
        if self.duties.perform(Duty::Remove { room, user }).await == Done::Later {
            self.hub.end_user_in(room, user, CloseCode::Removed);
            self.aftermath.line.end_user_in(room, user, Code::Removed);
        }
    }

    /// A room that the store has closed takes nobody any more, and everyone in it ends.
    pub(crate) async fn room_closed(&self, room: RoomId) {
        self.aftermath.drop_room(room);
        if self.duties.perform(Duty::CloseRoom { room }).await == Done::Later {
            self.hub.end_room(room, CloseCode::RoomClosed);
            self.aftermath.line.end_room(room, Code::RoomClosed);
        }
    }

    /// The capacity and the staff seats that a room's record says are in force from now on.
    pub(crate) async fn set_capacity(&self, room: RoomId) {
        self.duties.perform(Duty::SetCapacity { room }).await;
    }
}
