//! The live sessions of this node, and how they are told things.
//!
//! One registry behind one mutex; nobody writes to a socket while it is held: a fan-out copies the
//! list of links and lets go. Which session sits where is the registry's knowledge; which seat is
//! taken is not: that is the ledger's.

pub(crate) mod outbox;
mod passing;
mod presence;
mod session;
mod wake;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anteroom_core::ids::{LoginId, RoomId, SessionId, UserId};
use anteroom_core::registry::{Registered, Registry};
use anteroom_protocol::CloseCode;
use bytes::Bytes;
pub(crate) use presence::{Presence, lobby_room};
pub(crate) use session::{NewSession, Session, encode, farewell};

use outbox::Batch;

/// A session as the registry holds it.
pub(crate) type Link = Arc<Session>;

/// Encoded frames that are one session's own, beside what a whole room is told.
pub(crate) type Own = HashMap<SessionId, (Link, Vec<u8>)>;

/// The registry, and the ways to reach who is in it.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    registry: Mutex<Registry<Link>>,
}

/// How much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sessions: usize,
    pub(crate) users: usize,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Registry<Link>> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a session. False when its id is taken, which a fresh UUID never is.
    #[must_use]
    pub(crate) fn insert(&self, session: &Link) -> bool {
        let entry = Registered {
            user: session.user,
            room: session.room,
            login: session.login,
            link: Arc::clone(session),
        };
        self.lock().insert(session.id, entry)
    }

    /// Takes a session out. False when it was not in.
    pub(crate) fn remove(&self, session: SessionId) -> bool {
        self.lock().remove(session).is_some()
    }

    /// The sessions in a room.
    pub(crate) fn in_room(&self, room: RoomId) -> Vec<Link> {
        self.lock().in_room(room).map(|(_, link)| Arc::clone(link)).collect()
    }

    /// How many sessions are in a room.
    pub(crate) fn count_in_room(&self, room: RoomId) -> usize {
        self.lock().count_in_room(room)
    }

    /// The sessions of a user.
    pub(crate) fn of_user(&self, user: UserId) -> Vec<Link> {
        self.lock().of_user(user).map(|(_, entry)| Arc::clone(&entry.link)).collect()
    }

    /// Every session.
    pub(crate) fn all(&self) -> Vec<Link> {
        self.lock().iter().map(|(_, entry)| Arc::clone(&entry.link)).collect()
    }

    /// One session.
    pub(crate) fn get(&self, session: SessionId) -> Option<Link> {
        self.lock().get(session).map(|entry| Arc::clone(&entry.link))
    }

    /// How much there is.
    pub(crate) fn counts(&self) -> Counts {
        let registry = self.lock();
        Counts { sessions: registry.len(), users: registry.user_count() }
    }

    /// Tells sessions that their end has come. One that is still entering is not here yet: its
    /// own entry learns it from the ledger when it settles.
    pub(crate) fn end(&self, sessions: &[SessionId], code: CloseCode) {
        for id in sessions {
            if let Some(session) = self.get(*id) {
                session.end(code);
            }
        }
    }

    /// Ends every session under a login, whatever the ledger says.
    pub(crate) fn end_login(&self, user: UserId, login: LoginId, code: CloseCode) {
        for session in self.of_user(user) {
            if session.login == login {
                session.end(code);
            }
        }
    }

    /// Ends a user's sessions in a room, whatever the ledger says.
    pub(crate) fn end_user_in(&self, room: RoomId, user: UserId, code: CloseCode) {
        self.of_user(user).iter().filter(|it| it.room == room).for_each(|it| it.end(code));
    }

    /// Ends every session in a room, whatever the ledger says.
    pub(crate) fn end_room(&self, room: RoomId, code: CloseCode) {
        self.in_room(room).iter().for_each(|session| session.end(code));
    }

    /// Ends every session.
    pub(crate) fn end_all(&self, code: CloseCode) {
        self.all().iter().for_each(|session| session.end(code));
    }

    /// Sends one frame to everyone in a room.
    pub(crate) fn broadcast(&self, room: RoomId, frame: &Bytes) {
        for session in self.in_room(room) {
            session.push(frame.clone());
        }
    }

    /// Sends numbered frames to everyone in a room who lacks them; before them, in the same write,
    /// each session in `own` what is its own.
    pub(crate) fn publish(&self, room: RoomId, frames: &[(i64, Bytes)], mut own: Own) {
        if !frames.is_empty() {
            let batch = Arc::new(Batch::new(frames));
            for session in self.in_room(room) {
                let first = if own.is_empty() { None } else { own.remove(&session.id) };
                session.deliver(first.map(|(_, bytes)| bytes.into()).unwrap_or_default(), &batch);
            }
        }
        // Whoever is not in the room any more is still told what became of what it sent.
        for (session, bytes) in own.into_values() {
            session.push(bytes.into());
        }
    }
}
