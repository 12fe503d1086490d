//! Which live session belongs to whom: three indexes, two writers.
//!
//! Room → sessions, session → (user, room, login, payload), user → sessions. Only `insert` and
//! `remove` write, and removal starts from the session id; so the indexes cannot come apart, and
//! `check` asserts it. Every look-up is one hash look-up; a set that becomes empty drops its key.

use crate::ids::{LoginId, RoomId, SessionId, UserId};
use crate::maps::{Few, Map};
use crate::mutants::{self, Mutant};

/// What is known of a session. `S` is the connection, cheap to clone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registered<S> {
    /// Whose it is.
    pub user: UserId,
    /// The room it is in.
    pub room: RoomId,
    /// The login it entered under.
    pub login: LoginId,
    /// The connection.
    pub link: S,
}

/// The live sessions of this node. No lock inside.
#[derive(Debug)]
pub struct Registry<S> {
    sessions: Map<SessionId, Registered<S>>,
    /// The link is repeated here so that a fan-out walks one map.
    rooms: Map<RoomId, Map<SessionId, S>>,
    users: Map<UserId, Few<SessionId>>,
}

impl<S> Default for Registry<S> {
    fn default() -> Self {
        Self { sessions: Map::default(), rooms: Map::default(), users: Map::default() }
    }
}

impl<S: Clone> Registry<S> {
    /// Adds a session. `false` and no change if that id is registered already.
    #[must_use = "a session that was not inserted must not be served"]
    pub fn insert(&mut self, session: SessionId, entry: Registered<S>) -> bool {
        if self.sessions.contains_key(&session) && !mutants::on(Mutant::B17InsertedTwice) {
            return false;
        }
        self.rooms.entry(entry.room).or_default().insert(session, entry.link.clone());
        self.users.entry(entry.user).or_default().insert(session);
        self.sessions.insert(session, entry);
        true
    }

    /// Removes a session and returns what was known of it; `None` if it is not registered.
    pub fn remove(&mut self, session: SessionId) -> Option<Registered<S>> {
        let entry = self.sessions.remove(&session)?;
        if let Some(of_room) = self.rooms.get_mut(&entry.room) {
            if !mutants::on(Mutant::B11RoomKeepsTheSession) {
                of_room.remove(&session);
            }
            if of_room.is_empty() {
                self.rooms.remove(&entry.room);
            }
        }
        if let Some(of_user) = self.users.get_mut(&entry.user) {
            of_user.remove(&session);
            if of_user.is_empty() && !mutants::on(Mutant::B22EmptySetKept) {
                self.users.remove(&entry.user);
            }
        }
        Some(entry)
    }

    /// What is known of a session.
    #[must_use]
    pub fn get(&self, session: SessionId) -> Option<&Registered<S>> {
        self.sessions.get(&session)
    }

    /// The sessions in a room, with their links.
    pub fn in_room(&self, room: RoomId) -> impl Iterator<Item = (SessionId, &S)> {
        self.rooms.get(&room).into_iter().flatten().map(|(session, link)| (*session, link))
    }

    /// How many sessions are in a room.
    #[must_use]
    pub fn count_in_room(&self, room: RoomId) -> usize {
        self.rooms.get(&room).map_or(0, Map::len)
    }

    /// The sessions of a user, in all rooms.
    pub fn of_user(&self, user: UserId) -> impl Iterator<Item = (SessionId, &Registered<S>)> {
        let sessions = self.users.get(&user).into_iter().flat_map(Few::iter);
        sessions.filter_map(|session| Some((session, self.sessions.get(&session)?)))
    }

    /// Every session, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (SessionId, &Registered<S>)> {
        self.sessions.iter().map(|(session, entry)| (*session, entry))
    }

    /// The rooms that have sessions here.
    pub fn rooms(&self) -> impl Iterator<Item = RoomId> {
        self.rooms.keys().copied()
    }

    /// How many users have sessions here.
    #[must_use]
    pub fn user_count(&self) -> usize {
        self.users.len()
    }

    /// How many sessions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Panics unless the three indexes agree.
    pub fn check(&self) {
        for (session, entry) in &self.sessions {
            let in_room = self.rooms.get(&entry.room);
            assert!(in_room.is_some_and(|it| it.contains_key(session)), "found by room");
            let of_user = self.users.get(&entry.user);
            assert!(of_user.is_some_and(|it| it.contains(session)), "found by user");
        }
        let in_rooms: usize = self.rooms.values().map(Map::len).sum();
        let of_users: usize = self.users.values().map(Few::len).sum();
        assert_eq!(in_rooms, self.sessions.len(), "no session in a room only");
        assert_eq!(of_users, self.sessions.len(), "no session of a user only");
        assert!(self.rooms.values().all(|it| !it.is_empty()), "an empty room has no key");
        assert!(self.users.values().all(|it| !it.is_empty()), "an absent user has no key");
    }
}
