//! The audit trail: every act of administration, who did it, to whom, and what it came to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;
use crate::attempt::words;

words! {
    /// An act of administration.
    Act {
        /// Somebody was taken out of a room.
        Kick => "kick",
        /// Somebody was taken out of a room and may not come back.
        Ban => "ban",
        /// Somebody may come back to a room.
        Unban => "unban",
        /// A room was closed.
        CloseRoom => "close_room",
        /// A room's settings were changed; `detail` names which.
        ChangeRoom => "change_room",
        /// Every login of an account was ended.
        Logout => "logout",
        /// An account was locked.
        Lock => "lock",
        /// An account was unlocked.
        Unlock => "unlock",
        /// An account's roles were replaced; `detail` names the new ones.
        Roles => "roles",
        /// Words were said to all sessions of a user. What was said is not kept.
        Direct => "direct",
        /// An account was made by the command.
        AddUser => "add_user",
        /// What is stored of a user was read out.
        Export => "export",
        /// An account was ended for good.
        DeleteUser => "delete_user",
    }
}

words! {
    /// What an act came to.
    ActOutcome {
        /// It was begun, and nothing is known of its end: the server may have stopped in the middle.
        Begun => "begun",
        /// It was done.
        Done => "done",
        /// It was refused, and nothing was changed; `code` says why.
        Refused => "refused",
        /// It was allowed and could not be carried through; a part of it may have happened.
        Failed => "failed",
    }
}

/// A user as the trail names one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditUser {
    /// The user.
    pub id: Uuid,
    /// The user name, if there is such an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

/// One line of the audit trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditLine {
    /// Names the line. UUIDv7, so it is ordered like the trail.
    pub id: Uuid,
    /// When the act was begun.
    pub at: Timestamp,
    /// Who acted; absent for the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<AuditUser>,
    /// Whether who acted was a moderator, an administrator or the command line then.
    pub by_staff: bool,
    /// What was done.
    pub act: Act,
    /// To whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<AuditUser>,
    /// In which room, or to which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_id: Option<i64>,
    /// What belongs to the act: new roles, the names of what was changed. Never a secret, a password or
    /// what was said.
    pub detail: BTreeMap<String, String>,
    /// What it came to.
    pub outcome: ActOutcome,
    /// Why it was refused or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::{Act, ActOutcome};

    #[test]
    fn each_word_is_spelled_the_same_by_serde_and_by_as_str() {
        for act in Act::ALL {
            assert_eq!(serde_json::to_value(act).unwrap(), act.as_str());
            assert_eq!(Act::parse(act.as_str()), Some(*act));
        }
        for outcome in ActOutcome::ALL {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_str());
        }
        assert_eq!(Act::parse("told"), None);
    }
}
