//! Edits and deletes on their way through the log: what the store is asked, and what is told.

use anteroom_protocol::frame::{Change, ServerFrame, Target};
use anteroom_protocol::{Code, Timestamp};

use super::log::Append;
use crate::storage::{Alteration, ChangeKind, ChangeRecord, NewChange, NewRecord, NoChange};

pub(super) fn new_record(append: &Append, what: &Alteration) -> NewRecord {
    NewRecord::Change(NewChange {
        room: append.session.room,
        target: append.id,
        by: append.session.user,
        what: what.clone(),
        at: append.created_at,
    })
}

/// The frame that tells of a change, live or in a replay.
pub(super) fn frame(change: ChangeRecord) -> ServerFrame {
    let told = |content| Change {
        seq: change.seq,
        target: Target { id: change.target.0, seq: change.target_seq },
        content,
        updated_at: Timestamp(change.at),
    };
    match change.kind {
        ChangeKind::Edited => ServerFrame::Edited(told(Some(change.content))),
        ChangeKind::Deleted => ServerFrame::Deleted(told(None)),
    }
}

pub(super) const fn refusal(why: NoChange) -> (Code, &'static str) {
    match why {
        NoChange::NotFound => (Code::NotFound, "There is no such message here, or it was deleted."),
        NoChange::Forbidden => (Code::Forbidden, "This message is not yours to change."),
        NoChange::NotJson => (Code::Invalid, "The message is JSON, and the new content is not."),
    }
}
