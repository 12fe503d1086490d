//! The things that nodes tell each other beside what is said in rooms.
//!
//! Every kind is safe to hear twice, late, or never: it names what to look at, or ends what is over
//! already where it was decided.

use anteroom_core::ids::{LoginId, RoomId, SessionId, UserId};
use anteroom_protocol::CloseCode;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub(crate) enum News {
    /// Seats or people of these rooms changed.
    Seats { rooms: Vec<i64> },
    /// A room was asked for, opened, changed or closed: its record says which.
    Room { room: i64 },
    /// These sessions are over.
    Ended { sessions: Vec<Uuid>, status: u16 },
    /// Every session under this login is over.
    LoginEnded { user: Uuid, login: Uuid, status: u16 },
    /// Whatever a user has in a room is over.
    UserEnded { room: i64, user: Uuid, status: u16 },
    /// Everything in a room is over.
    RoomEnded { room: i64, status: u16 },
    /// An encoded frame for every session of a user.
    Direct { user: Uuid, frame: Vec<u8> },
    /// Who types in a room, and how far some have read.
    Passing { room: i64, typing: Vec<Uuid>, read: Vec<(Uuid, i64)> },
    /// Something was offered to somebody who waits.
    Line { room: i64, user: Uuid },
    /// Somebody left a line without a seat; the word says why.
    WaiterGone { room: i64, user: Uuid, why: String },
    /// The first member of a room sits on the teller: how far have those elsewhere read?
    Marks { room: i64 },
    /// The teller could not be heard for a while.
    Silence,
}

impl News {
    /// Sessions that are over.
    pub(crate) fn ended(sessions: impl Iterator<Item = SessionId>, code: CloseCode) -> Self {
        Self::Ended { sessions: sessions.map(|id| id.0).collect(), status: code.status() }
    }

    /// A login that is over.
    pub(crate) fn login_ended(user: UserId, login: LoginId, code: CloseCode) -> Self {
        Self::LoginEnded { user: user.0, login: login.0, status: code.status() }
    }

    /// A user whose place in a room is over.
    pub(crate) fn user_ended(room: RoomId, user: UserId, code: CloseCode) -> Self {
        Self::UserEnded { room: room.0, user: user.0, status: code.status() }
    }

    /// A room that is over.
    pub(crate) fn room_ended(room: RoomId, code: CloseCode) -> Self {
        Self::RoomEnded { room: room.0, status: code.status() }
    }
}
