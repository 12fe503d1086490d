//! The lines of the audit trail as they cross the storage boundary.

use anteroom_core::ids::{RoomId, UserId};
use anteroom_protocol::audit::{Act, ActOutcome};
use uuid::Uuid;

use super::WallMillis;

/// One line of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// UUIDv7: the trail is ordered by it.
    pub id: Uuid,
    /// When the act was begun.
    pub at: WallMillis,
    /// Who acted; `None` is the command line.
    pub actor: Option<UserId>,
    /// Whether that was a moderator, an administrator or the command line.
    pub by_staff: bool,
    /// What was done.
    pub act: Act,
    /// To whom.
    pub user: Option<UserId>,
    /// In which room, or to which.
    pub room: Option<RoomId>,
    /// A JSON object.
    pub detail: String,
    /// What it came to.
    pub outcome: ActOutcome,
    /// Why it was refused or failed.
    pub code: Option<String>,
}

/// A line, and the user names of whom it names, as far as there are such accounts now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedAudit {
    /// The line.
    pub record: AuditRecord,
    /// Of who acted.
    pub actor_name: Option<String>,
    /// Of whom it was done to.
    pub user_name: Option<String>,
}

/// Who acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// This user.
    User(UserId),
    /// Whoever has the command line of the server.
    CommandLine,
}

/// Which lines of the audit trail, newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// By this one only.
    pub actor: Option<Actor>,
    /// By staff only, or by others only.
    pub by_staff: Option<bool>,
    /// Of this act only.
    pub act: Option<Act>,
    /// Done to this user only.
    pub user: Option<UserId>,
    /// Of this room only.
    pub room: Option<RoomId>,
    /// Older than this line.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: usize,
}
