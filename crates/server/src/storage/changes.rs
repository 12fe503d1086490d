//! Who may change what was said. Judged inside a store's transaction, the same for every database;
//! knows none.

use anteroom_core::ids::{RoomId, UserId};
use anteroom_protocol::message::{APPLICATION_JSON, MessageKind};

use super::{Alteration, ChangeKind, NewChange, NoChange};

/// The message that a change is about, as it stands in the transaction.
pub(super) struct Standing {
    pub(super) room: RoomId,
    pub(super) sender: Option<UserId>,
    pub(super) kind: MessageKind,
    pub(super) content_type: String,
    pub(super) content: String,
    pub(super) is_deleted: bool,
}

/// What follows from a change that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It is made.
    Make(ChangeKind),
    /// The message is like that already.
    Stands(ChangeKind),
    /// It is not made.
    Refuse(NoChange),
}

/// Judges a change. `is_staff` is asked only where it matters: whether the one who asks owns the room
/// or is a moderator or administrator.
///
/// # Errors
/// Those of `is_staff`.
pub(super) fn judge<E>(
    change: &NewChange,
    standing: &Standing,
    is_staff: impl FnOnce() -> Result<bool, E>,
) -> Result<Judgement, E> {
    if standing.room != change.room {
        return Ok(Judgement::Refuse(NoChange::NotFound));
    }
    let is_own = standing.sender == Some(change.by);
    Ok(match &change.what {
        Alteration::Edit(_) if !is_own || standing.kind == MessageKind::Notification => {
            Judgement::Refuse(NoChange::Forbidden)
        }
        Alteration::Edit(_) if standing.is_deleted => Judgement::Refuse(NoChange::NotFound),
        Alteration::Edit(words) if *words == standing.content => {
            Judgement::Stands(ChangeKind::Edited)
        }
        Alteration::Edit(words) if standing.content_type == APPLICATION_JSON && !is_json(words) => {
            Judgement::Refuse(NoChange::NotJson)
        }
        Alteration::Edit(_) => Judgement::Make(ChangeKind::Edited),
        Alteration::Delete if !is_own && !is_staff()? => Judgement::Refuse(NoChange::Forbidden),
        Alteration::Delete if standing.is_deleted => Judgement::Stands(ChangeKind::Deleted),
        Alteration::Delete => Judgement::Make(ChangeKind::Deleted),
    })
}

/// Whether a text is one JSON document.
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}
