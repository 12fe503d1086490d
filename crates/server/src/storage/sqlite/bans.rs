//! Who is banned where, at hand: every entry asks twice, and none should wait for a reader.
//!
//! The lock file makes this process the only writer of its database, so the copy taken at the start
//! stays right as long as every ban goes through it.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use anteroom_core::ids::{RoomId, UserId};
use rusqlite::Connection;

statements! {
    ALL_BANS = "SELECT room_id, user_id FROM bans";
}

/// The bans of the store.
pub(super) struct Bans {
    all: RwLock<HashSet<(RoomId, UserId)>>,
    turn: tokio::sync::Mutex<()>,
}

impl Bans {
    /// All that the store has.
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let mut select = conn.prepare(ALL_BANS)?;
        let rows = select.query_map([], |row| Ok((RoomId(row.get(0)?), UserId(row.get(1)?))))?;
        let all = RwLock::new(rows.collect::<Result<_, _>>()?);
        Ok(Self { all, turn: tokio::sync::Mutex::default() })
    }

    /// Held while a ban is being written.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// False when the user was banned there before.
    pub(super) fn add(&self, room: RoomId, user: UserId) -> bool {
        self.write().insert((room, user))
    }

    pub(super) fn remove(&self, room: RoomId, user: UserId) {
        self.write().remove(&(room, user));
    }

    pub(super) fn has(&self, room: RoomId, user: UserId) -> bool {
        self.read().contains(&(room, user))
    }

    fn read(&self) -> RwLockReadGuard<'_, HashSet<(RoomId, UserId)>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashSet<(RoomId, UserId)>> {
        self.all.write().unwrap_or_else(PoisonError::into_inner)
    }
}
