//! The things that nodes tell each other beside what is said in rooms.
//!
//! Every kind is safe to hear twice, late, or never: it names what to look at, or ends what is over
//! already where it was decided.

use anteroom_core::ids::{LoginId, RoomId, SessionId, UserId};
use anteroom_protocol::CloseCode;
use opentelemetry::trace::SpanContext;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::traces;

/// The `traceparent` of what made it so, where that is traced. Who tells may not know of it, and who hears
/// may not: it changes nothing but what is told of it.
pub(crate) type Cause = Option<String>;

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub(crate) enum News {
    /// Seats or people of these rooms changed.
    Seats { rooms: Vec<i64> },
    /// A room was asked for, opened, changed or closed: its record says which.
    Room { room: i64 },
    /// These sessions are over.
    Ended {
        sessions: Vec<Uuid>,
        status: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trace: Cause,
    },
    /// Every session under this login is over.
    LoginEnded {
        user: Uuid,
        login: Uuid,
        status: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trace: Cause,
    },
    /// Whatever a user has in a room is over.
    UserEnded {
        room: i64,
        user: Uuid,
        status: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trace: Cause,
    },
    /// Everything in a room is over.
    RoomEnded {
        room: i64,
        status: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trace: Cause,
    },
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
        Self::Ended {
            sessions: sessions.map(|id| id.0).collect(),
            status: code.status(),
            trace: None,
        }
    }

    /// A login that is over.
    pub(crate) fn login_ended(user: UserId, login: LoginId, code: CloseCode) -> Self {
        Self::LoginEnded { user: user.0, login: login.0, status: code.status(), trace: None }
    }

    /// A user whose place in a room is over.
    pub(crate) fn user_ended(room: RoomId, user: UserId, code: CloseCode) -> Self {
        Self::UserEnded { room: room.0, user: user.0, status: code.status(), trace: None }
    }

    /// A room that is over.
    pub(crate) fn room_ended(room: RoomId, code: CloseCode) -> Self {
        Self::RoomEnded { room: room.0, status: code.status(), trace: None }
    }

    /// Because of this.
    #[must_use]
    pub(crate) fn because(mut self, cause: Option<&SpanContext>) -> Self {
        let traceparent = cause.filter(|it| it.is_sampled()).map(traces::traceparent);
        match &mut self {
            Self::Ended { trace, .. }
            | Self::LoginEnded { trace, .. }
            | Self::UserEnded { trace, .. }
            | Self::RoomEnded { trace, .. } => *trace = traceparent,
            _ => {}
        }
        self
    }
}
