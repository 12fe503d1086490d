//! Reading what was said: pages, and the replay of what a returning session missed.

use std::sync::Arc;

use anteroom_core::ids::RoomId;
use anteroom_core::limits::REPLAY_MAX;
use anteroom_protocol::account::Role;
use anteroom_protocol::frame::{Replay, ServerFrame};
use anteroom_protocol::message::History as Page;
use anteroom_protocol::room::Visibility;
use bytes::Bytes;

use super::change;
use crate::admission::{Admission, Unavailable};
use crate::hub::encode;
use crate::storage::{FoundPage, HistoryPage, LogItem, SearchAsk, SharedStorage, StorageError};
use crate::tokens::Identity;
use crate::view;

/// Bytes in one replay; beyond it the oldest are left to history pages.
const REPLAY_BYTES_MAX: usize = 8 << 20;

/// Reads messages for those who may.
pub(crate) struct History {
    pub(crate) storage: SharedStorage,
    pub(crate) admission: Arc<dyn Admission>,
}

/// What a returning session missed.
pub(crate) struct Replayed {
    /// Oldest first.
    pub(crate) frames: Vec<Bytes>,
    /// Set when they are not all of it.
    pub(crate) replay: Option<Replay>,
    /// The lowest number that is kept.
    pub(crate) first_seq: i64,
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HistoryError {
    /// Not seated or held there, nor its owner, nor staff.
    #[error("not allowed to read this room")]
    Forbidden,
    /// No such room.
    #[error("no such room")]
    NoRoom,
    /// The store is away.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The seat store is away, and nobody can say who sits where.
    #[error(transparent)]
    Seats(#[from] Unavailable),
}

impl History {
    /// One page, in final states.
    pub(crate) async fn page(
        &self,
        who: &Identity,
        room: RoomId,
        page: HistoryPage,
    ) -> Result<Page, HistoryError> {
        self.admit(who, room).await?;
        let records = self.storage.messages(room, page).await?;
        // Only now: what went while the page was read is not passed off as a page without it.
        let first_seq = self.storage.first_seq(room).await?;
        Ok(Page { items: records.into_iter().map(view::message).collect(), first_seq })
    }

    /// Messages that match, newest first, for those who may read them.
    pub(crate) async fn search(
        &self,
        who: &Identity,
        ask: SearchAsk,
    ) -> Result<FoundPage, HistoryError> {
        self.admit(who, ask.room).await?;
        Ok(self.storage.search(ask).await?)
    }

    /// Lets through who sits there, owns the room or is staff.
    async fn admit(&self, who: &Identity, room: RoomId) -> Result<(), HistoryError> {
        let Some(record) = self.storage.room(room).await? else {
            return Err(HistoryError::NoRoom);
        };
        let is_staff = who.has(Role::Admin) || who.has(Role::Moderator);
        let may_read = is_staff
            || who.user == record.room.owner
            || self.admission.is_seated(room, who.user).await?;
        // Who may not know of the room is not told that there is one.
        match (may_read, record.room.visibility) {
            (true, _) => Ok(()),
            (false, Visibility::Public) => Err(HistoryError::Forbidden),
            (false, Visibility::Unlisted) => Err(HistoryError::NoRoom),
        }
    }

    /// The frames of what was said and changed after `since` and up to `last`, oldest first, and
    /// whether they are all of it; and the lowest number that is kept. Messages and edits carry the words
    /// that stand now.
    pub(crate) async fn replay(
        &self,
        room: RoomId,
        since: i64,
        last: i64,
    ) -> Result<Replayed, StorageError> {
        if since > last {
            let first_seq = self.storage.first_seq(room).await?;
            return Ok(Replayed { frames: Vec::new(), replay: Some(Replay::Reset), first_seq });
        }
        let missed = usize::try_from(last - since).unwrap_or(usize::MAX);
        let truncated = (missed > REPLAY_MAX).then_some(Replay::Truncated);
        let from = if truncated.is_some() { last - REPLAY_MAX as i64 } else { since };
        let items = self.storage.log(room, from, last).await?;
        let mut frames: Vec<Bytes> = items.into_iter().map(encoded).collect();
        let surplus = beyond(&frames, REPLAY_BYTES_MAX);
        frames.drain(..surplus);
        // Only now: what went while the log was read is missing in it.
        let first_seq = self.storage.first_seq(room).await?;
        let is_cut = surplus > 0 || since.max(0) + 1 < first_seq;
        let replay = if is_cut { Some(Replay::Truncated) } else { truncated };
        Ok(Replayed { frames, replay, first_seq })
    }
}

/// Something durable as it goes over the wire.
pub(super) fn encoded(item: LogItem) -> Bytes {
    encode(&match item {
        LogItem::Message(record) => ServerFrame::Message(view::message(record)),
        LogItem::Change(record) => change::frame(record),
    })
}

/// How many of the oldest frames must go for the rest to fit.
fn beyond(frames: &[Bytes], bytes_max: usize) -> usize {
    let mut bytes = 0;
    let fits = frames.iter().rev().take_while(|frame| {
        bytes += frame.len();
        bytes <= bytes_max
    });
    frames.len() - fits.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_that_fit_are_kept() {
        let frames: Vec<Bytes> = [5, 4, 3, 2].map(|len| Bytes::from(vec![0; len])).to_vec();
        assert_eq!(beyond(&frames, 14), 0);
        assert_eq!(beyond(&frames, 13), 1);
        assert_eq!(beyond(&frames, 5), 2);
        assert_eq!(beyond(&frames, 1), 4);
        assert_eq!(beyond(&[], 1), 0);
    }
}
