//! Everything that is stored of one user, for that user.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;
use crate::account::User;
use crate::attempt::Attempt;
use crate::audit::AuditLine;
use crate::message::Message;

/// The form of [`PersonExport`]. A higher number may have members that are not here.
pub const FORMAT: u32 = 1;

/// `GET /me/export`. No password, no token and no hash of one; nothing that others said.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PersonExport {
    /// The form of all this: 1.
    pub format: u32,
    /// When it was begun. What is written later may be in it or not.
    pub exported_at: Timestamp,
    /// Who it is about.
    pub account: ExportedAccount,
    /// Every login, oldest first.
    pub logins: Vec<ExportedLogin>,
    /// Every stay in a room, oldest first.
    pub stays: Vec<ExportedStay>,
    /// Rooms of their own, open and closed, by number.
    pub rooms: Vec<ExportedRoom>,
    /// Rooms that they may not come back to, by number.
    pub bans: Vec<ExportedBan>,
    /// What they said, room by room, in its order and final state.
    pub messages: Vec<Message>,
    /// What became of their attempts to enter, newest first, as far as the entry log is kept.
    pub entries: Vec<Attempt>,
    /// What staff and owners did to them, newest first. Who did it is named by the id alone.
    pub done_to: Vec<AuditLine>,
    /// What they did as staff or as owners, newest first.
    pub done_by: Vec<AuditLine>,
}

/// An account, as its owner gets it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExportedAccount {
    /// As `GET /me` shows it.
    #[serde(flatten)]
    pub user: User,
    /// Whether there is a password; guests have none.
    pub has_password: bool,
    /// When the password must be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_expires_at: Option<Timestamp>,
    /// When the account's life ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Since when it is locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_at: Option<Timestamp>,
}

/// A login, living or over.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExportedLogin {
    /// Names it.
    pub id: Uuid,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended; absent while it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A stay in a room, going on or over.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExportedStay {
    /// Where.
    pub room_id: i64,
    /// From when on.
    pub entered_at: Timestamp,
    /// Until when; absent while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_at: Option<Timestamp>,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A room of one's own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExportedRoom {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
}

/// A room that one may not come back to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExportedBan {
    /// Which.
    pub room_id: i64,
    /// Since when.
    pub banned_at: Timestamp,
}
