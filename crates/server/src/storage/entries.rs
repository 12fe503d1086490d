//! The lines of the entry log as they cross the storage boundary.

use std::borrow::Cow;

use anteroom_core::ids::{Generation, RoomId, UserId};
use anteroom_protocol::Code;
use anteroom_protocol::attempt::{Outcome, Stage};
use anteroom_protocol::frame::EntryKind;
use uuid::Uuid;

use super::WallMillis;

/// One line of the entry log. What is absent was not proven or did not come to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRecord {
    /// UUIDv7: the log is ordered by it.
    pub id: Uuid,
    /// When the outcome was known.
    pub at: WallMillis,
    /// The room that was asked for.
    pub room: Option<RoomId>,
    /// Who asked.
    pub user: Option<UserId>,
    /// The grant number of the reservation.
    pub generation: Option<Generation>,
    /// How seats were decided.
    pub strategy: Cow<'static, str>,
    /// What it came to.
    pub outcome: Outcome,
    /// Why.
    pub code: Option<Code>,
    /// Where it was refused or failed.
    pub stage: Option<Stage>,
    /// How the user came in.
    pub entry: Option<EntryKind>,
    /// The user sat there already.
    pub takeover: bool,
    /// The seat was offered to a waiter.
    pub offered: bool,
    /// How often the ticket was presented.
    pub attempts: u32,
    /// Milliseconds.
    pub reservation_to_connect: Option<u64>,
    /// Microseconds.
    pub decision: Option<u64>,
}

/// Which lines of the entry log, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryQuery {
    /// Of this room only.
    pub room: Option<RoomId>,
    /// Of this user only.
    pub user: Option<UserId>,
    /// With this outcome only.
    pub outcome: Option<Outcome>,
    /// Older than this line.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: usize,
}

impl EntryQuery {
    /// Whether a line is asked for.
    #[must_use]
    pub fn wants(&self, record: &EntryRecord) -> bool {
        self.room.is_none_or(|room| record.room == Some(room))
            && self.user.is_none_or(|user| record.user == Some(user))
            && self.outcome.is_none_or(|outcome| record.outcome == outcome)
            && self.before.is_none_or(|before| record.id < before)
    }
}

/// How many lines of the entry log in one span of time had one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryCount {
    /// When the span begins.
    pub begins: WallMillis,
    /// The outcome.
    pub outcome: Outcome,
    /// Lines.
    pub count: u64,
}
