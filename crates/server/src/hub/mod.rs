//! The live sessions of this node, and how they are told things.
//!
//! One registry behind one mutex; nobody writes to a socket while it is held: a fan-out copies the
//! list of links and lets go. Which session sits where is the registry's knowledge; which seat is
//! taken is not: that is the ledger's.

mod frees;
pub(crate) mod form;
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
use opentelemetry::trace::SpanContext;
pub(crate) use presence::{Among, Presence, lobby_room};
pub(crate) use session::{NewSession, Session, decode, encode, farewell};

use crate::cluster::{Bus, Local, News};
use crate::traces::{self, Traces};
use form::{Batch, Shared};

/// A session as the registry holds it.
pub(crate) type Link = Arc<Session>;

/// Encoded frames that are one session's own, beside what a whole room is told.
pub(crate) type Own = HashMap<SessionId, (Link, Vec<u8>)>;

/// The registry, and the ways to reach who is in it, or on another node.
pub(crate) struct Hub {
    registry: Mutex<Registry<Link>>,
    bus: Arc<dyn Bus>,
    traces: Traces,
}

impl Default for Hub {
    /// The hub of one node alone.
    fn default() -> Self {
        Self::new(Arc::new(Local))
    }
}

/// How much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sessions: usize,
    pub(crate) users: usize,
}

impl Hub {
    /// A hub without sessions, beside others on `bus`.
    pub(crate) fn new(bus: Arc<dyn Bus>) -> Self {
        Self { registry: Mutex::default(), bus, traces: Traces::default() }
    }

    /// With a place where the ends of sessions are told that somebody else brought about.
    pub(crate) fn traced(self, traces: Traces) -> Self {
        Self { traces, ..self }
    }

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

    /// Tells sessions, wherever they are, that their end has come. One that is still entering is in no
    /// registry yet: its own entry learns it from the ledger when it settles.
    pub(crate) fn end(&self, sessions: &[SessionId], code: CloseCode) {
        let cause = traces::here();
        let mut elsewhere = self.end_here(sessions, code, cause.as_ref()).peekable();
        if elsewhere.peek().is_some() {
            self.bus.tell(News::ended(elsewhere, code).because(cause.as_ref()));
        }
    }

    /// The same for this node; answers those that are not here.
    pub(crate) fn end_here(
        &self,
        sessions: &[SessionId],
        code: CloseCode,
        cause: Option<&SpanContext>,
    ) -> impl Iterator<Item = SessionId> {
        sessions.iter().copied().filter(move |id| match self.get(*id) {
            Some(session) => {
                self.end_one(&session, code, cause);
                false
            }
            None => true,
        })
    }

    fn end_one(&self, session: &Session, code: CloseCode, cause: Option<&SpanContext>) {
        self.traces.ended(cause, (session.room, session.generation), code.status());
        session.end(code);
    }

    /// Ends every session under a login, whatever the ledger says.
    pub(crate) fn end_login(&self, user: UserId, login: LoginId, code: CloseCode) {
        let cause = traces::here();
        self.end_login_here(user, login, code, cause.as_ref());
        self.bus.tell(News::login_ended(user, login, code).because(cause.as_ref()));
    }

    /// The same for this node.
    pub(crate) fn end_login_here(
        &self,
        user: UserId,
        login: LoginId,
        code: CloseCode,
        cause: Option<&SpanContext>,
    ) {
        for session in self.of_user(user) {
            if session.login == login {
                self.end_one(&session, code, cause);
            }
        }
    }

    /// Ends a user's sessions in a room, whatever the ledger says.
    pub(crate) fn end_user_in(&self, room: RoomId, user: UserId, code: CloseCode) {
        let cause = traces::here();
        self.end_user_here(room, user, code, cause.as_ref());
        self.bus.tell(News::user_ended(room, user, code).because(cause.as_ref()));
    }

    /// The same for this node.
    pub(crate) fn end_user_here(
        &self,
        room: RoomId,
        user: UserId,
        code: CloseCode,
        cause: Option<&SpanContext>,
    ) {
        let sits_there = |session: &&Link| session.room == room;
        let all = self.of_user(user);
        all.iter().filter(sits_there).for_each(|session| self.end_one(session, code, cause));
    }

    /// Ends every session in a room, whatever the ledger says.
    pub(crate) fn end_room(&self, room: RoomId, code: CloseCode) {
        let cause = traces::here();
        self.end_room_here(room, code, cause.as_ref());
        self.bus.tell(News::room_ended(room, code).because(cause.as_ref()));
    }

    /// The same for this node.
    pub(crate) fn end_room_here(&self, room: RoomId, code: CloseCode, cause: Option<&SpanContext>) {
        self.in_room(room).iter().for_each(|session| self.end_one(session, code, cause));
    }

    /// Sends one frame to every session of a user, on every node. Answers how many took it on this one.
    pub(crate) fn push_to_user(&self, user: UserId, frame: &Bytes) -> usize {
        self.bus.tell(News::Direct { user: user.0, frame: frame.to_vec() });
        self.push_to_user_here(user, frame)
    }

    /// The same for this node.
    pub(crate) fn push_to_user_here(&self, user: UserId, frame: &Bytes) -> usize {
        let frame = Shared::new(frame.clone());
        self.of_user(user).iter().filter(|session| session.push_shared(&frame)).count()
    }

    /// Ends every session of this node.
    pub(crate) fn end_all(&self, code: CloseCode) {
        self.all().iter().for_each(|session| session.end(code));
    }

    /// Sends one frame to everyone in a room.
    pub(crate) fn broadcast(&self, room: RoomId, frame: &Bytes) {
        let frame = Shared::new(frame.clone());
        for session in self.in_room(room) {
            session.push_shared(&frame);
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
