//! Takes away what people said whose accounts have ended, where they asked for that.
//!
//! Each message is deleted like any other: as a change with a number of its own, through the log, told to whoever
//! sits there. In a closed room nothing gets a number any more, and the words go without one. Who is to be erased
//! stands in the store until a look through all their rooms found nothing left, so a server that stops in the
//! middle goes on after it, and two nodes do no harm.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::RoomId;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::log::MessageLog;
use crate::clock::{Clock, millis};
use crate::storage::{
    Alteration, Erasure, MessageRecord, NewChange, SharedStorage, StorageError, Stored,
};

/// How often it is looked for what another node, or an earlier life of this one, has left.
const EVERY: Duration = Duration::from_secs(60);
/// What a session said just before it ended may still be on its way to the store for so long.
const LATE: Duration = Duration::from_secs(60);
/// Rows looked at in one read.
const WIDTH: usize = 5_000;
/// Messages looked at in one read, and deleted before the next.
const STEP: usize = 200;
/// How long it rests after a step, as a multiple of how long that took, and at least.
const REST: u32 = 4;
const REST_MIN: Duration = Duration::from_millis(100);
/// Accounts looked at in one go.
const ACCOUNTS: usize = 100;

/// The one who does it.
pub(crate) struct Eraser {
    pub(crate) storage: SharedStorage,
    pub(crate) log: MessageLog,
    /// There is something to do.
    pub(crate) wake: Arc<Notify>,
}

impl Eraser {
    /// For ever.
    pub(crate) async fn run(&self, clock: &Clock) {
        loop {
            if let Err(error) = self.look(clock).await {
                tracing::warn!(event = "erasure.not_done", %error, "what somebody said goes later");
            }
            let _ = tokio::time::timeout_at(Instant::now() + EVERY, self.wake.notified()).await;
        }
    }

    async fn look(&self, clock: &Clock) -> Stored<()> {
        for erasure in self.storage.erasures(ACCOUNTS).await? {
            // Before the look: what was stored after it began is not looked for.
            let is_quiet = erasure.since.saturating_add(millis(LATE)) < clock.wall();
            let found = self.erase(erasure, clock).await?;
            if found > 0 {
                tracing::info!(event = "erasure.made", user = %erasure.user, messages = found,
                    "what somebody said whose account has ended is deleted");
            } else if is_quiet {
                self.storage.erased(erasure.user).await?;
            }
        }
        Ok(())
    }

    /// Deletes whatever they said and is not deleted; how much that was.
    async fn erase(&self, erasure: Erasure, clock: &Clock) -> Stored<usize> {
        let mut found = 0;
        for room in self.rooms(erasure).await? {
            let is_open =
                self.storage.room(room).await?.is_some_and(|room| room.closed_at.is_none());
            let mut behind = Some(0);
            while let Some(after) = behind {
                if is_open {
                    let said = self.storage.messages_of(erasure.user, room, after, STEP).await?;
                    found += self.delete(erasure, said.items, clock).await?;
                    behind = said.next;
                } else {
                    let whose = (erasure.user, clock.wall());
                    let (emptied, next) =
                        self.storage.erase_closed(whose, room, after, STEP).await?;
                    found += emptied;
                    behind = next;
                }
            }
        }
        Ok(found)
    }

    async fn rooms(&self, erasure: Erasure) -> Stored<BTreeSet<RoomId>> {
        let (mut rooms, mut behind) = (BTreeSet::new(), Some(0));
        while let Some(after) = behind {
            let stays = self.storage.stays_of(erasure.user, after, WIDTH).await?;
            rooms.extend(stays.items.into_iter().map(|stay| stay.room));
            behind = stays.next;
        }
        Ok(rooms)
    }

    /// Through the log, in the order in which everybody is told; done when all of it was told.
    async fn delete(
        &self,
        erasure: Erasure,
        said: Vec<MessageRecord>,
        clock: &Clock,
    ) -> Stored<usize> {
        let began = Instant::now();
        let said: Vec<_> = said.into_iter().filter(|it| it.deleted_at.is_none()).collect();
        let count = said.len();
        for message in said {
            let change = NewChange {
                room: message.room,
                target: message.id,
                by: erasure.user,
                what: Alteration::Delete,
                at: clock.wall(),
            };
            self.log.erase(change).await.map_err(|()| closed())?;
        }
        if count > 0 {
            self.log.settled().await.map_err(|()| closed())?;
            // Everybody in the room is told of each one: those who read slowly are to keep up, and those who talk too.
            tokio::time::sleep_until(Instant::now() + (began.elapsed() * REST).max(REST_MIN)).await;
        }
        Ok(count)
    }
}

fn closed() -> StorageError {
    StorageError::Unavailable("the log is closed".into())
}
