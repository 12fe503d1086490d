//! After the seat store was lost: every room is made anew, in a new epoch.
//!
//! A store that came back empty knows of no seat, but sockets are still open. If rooms were given
//! out again at once, more people would sit in them than they hold. So the sessions of this node end
//! first, and only when none of them is left, and every other node has said the same of its own or is
//! fenced, are the rooms added. Until then the strategy refuses every verb as unavailable.
//!
//! Not every node sees a loss by itself, and the others would wait for it for ever: so each hears of it with its
//! lease.

use std::time::Duration;

use anteroom_core::ids::RoomId;
use anteroom_core::time::Millis;
use anteroom_protocol::CloseCode;
use anteroom_protocol::room::RoomState;

use super::service::{RoomError, RoomService};
use crate::admission::Unavailable;

/// How long the sessions of the lost store are waited for; one that has not ended by then is not
/// counted any more.
const SESSIONS_END_IN: Duration = Duration::from_secs(10);
/// Rooms that are asked for at once.
const TOGETHER: usize = 256;
const PAUSE: Duration = Duration::from_millis(20);
/// Before a rebuild that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

impl RoomService {
    /// Waits for the seat store to be lost and rebuilds it, for ever.
    pub(crate) async fn keep_built(&self) {
        loop {
            self.a_loss().await;
            tracing::error!(
                event = "seat_store.lost",
                "the seat store lost what it held; all sessions end and every room is made anew"
            );
            // Before anything that may have to wait.
            self.entry.hub.end_all(CloseCode::Fenced);
            let mut life = self.next_life().await;
            while let Err(error) = self.rebuild(life).await {
                tracing::warn!(event = "seat_store.rebuild_failed", %error,
                    "the seats cannot be made anew yet");
                // Of seats that were lost again meanwhile nothing must be given in the life before.
                tokio::select! {
                    biased;
                    () = self.a_loss() => life = self.next_life().await,
                    () = pause(AGAIN) => {}
                }
            }
            tracing::info!(
                event = "seat_store.rebuilt",
                epoch = self.epoch(),
                "seats are given again"
            );
        }
    }

    /// Resolves once for each loss of the store, whoever saw it.
    async fn a_loss(&self) {
        let admission = &self.entry.admission;
        tokio::select! {
            biased;
            () = admission.lost() => return,
            () = self.seats_life.left_behind() => {
                admission.lose();
            }
        }
        admission.lost().await;
    }

    /// Whether the seat store knows nothing of one of these rooms, which are open: it was emptied, or is of
    /// before, and nobody has made it anew yet.
    ///
    /// # Errors
    /// One of the stores is away.
    pub(super) async fn lacks_one_of(&self, open: &[RoomId]) -> Result<bool, RoomError> {
        let mut missing = Vec::new();
        for some in open.chunks(TOGETHER) {
            let seats = self.entry.admission.seats_of(some).await?;
            let without = some.iter().zip(seats).filter(|(_, seats)| seats.is_none());
            missing.extend(without.map(|(room, _)| *room));
        }
        if missing.is_empty() {
            return Ok(false);
        }
        // Closed since by another node, which says so to the facts first.
        let open = self.entry.storage.open_rooms().await?;
        Ok(open.iter().any(|room| missing.contains(&room.id)))
    }

    /// The life of the seats that is to be; of several nodes that lost them the first begins it.
    async fn next_life(&self) -> u64 {
        let known = self.seats_life.known();
        loop {
            match self.entry.storage.seats_lost(Some(known)).await {
                Ok(life) => {
                    self.seats_life.is_now(life);
                    return life;
                }
                Err(error) => {
                    tracing::warn!(event = "seat_store.rebuild_failed", %error,
                        "the store must say which life of the seats is next");
                    pause(AGAIN).await;
                }
            }
        }
    }

    async fn rebuild(&self, life: u64) -> Result<(), RoomError> {
        let entry = &self.entry;
        entry.hub.end_all(CloseCode::Fenced);
        let mut waited = Duration::ZERO;
        while entry.hub.counts().sessions > 0 && waited < SESSIONS_END_IN {
            pause(PAUSE).await;
            waited += PAUSE;
        }
        entry.storage.seats_cleared(entry.owner, life).await?;
        let is_shared = entry.aftermath.bus.is_shared();
        if is_shared && !entry.storage.all_cleared(life).await? {
            return Err(Unavailable("sessions of other nodes have not ended yet".into()).into());
        }
        // Where the store is away, or keeps another's seats by now, no epoch is spent on it.
        entry.admission.seats_of(&[]).await?;
        let epoch = entry.storage.begin_epoch().await?;
        self.set_epoch(epoch);
        let queued = entry.storage.queued_rooms().await?;
        for info in entry.rooms.all() {
            let pending = queued.iter().find(|it| it.id == info.id);
            if info.state == RoomState::Pending && pending.is_none() {
                // Its first entry was made a row just when the store was lost: nobody is in.
                if entry.storage.forget_pending(info.id).await? {
                    entry.aftermath.drop_room(info.id);
                    continue;
                }
                entry.rooms.opened(info.id);
            }
            let until = pending.map(|it| {
                let left = u64::try_from(it.room.pending_until - entry.clock.wall()).unwrap_or(0);
                Millis(entry.admission.now().0.saturating_add(left))
            });
            entry.admission.add_room(info.spec(epoch, until)).await?;
            entry.aftermath.presence.mark(info.id);
        }
        entry.admission.rebuilt().await;
        if is_shared {
            entry.look_again();
            return Ok(());
        }
        entry.end_stale_memberships().await?;
        self.close_emptied().await
    }
}

#[expect(clippy::disallowed_methods, reason = "a store that comes back sends no event to wait for")]
async fn pause(span: Duration) {
    tokio::time::sleep(span).await;
}
