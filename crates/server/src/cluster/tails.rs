//! The order in which a room's durable things reach the members on this node.
//!
//! Several nodes store in one room, and each tells what it stored: what arrives here may be out of order,
//! doubled or missing. For each attended room the tail knows the number up to which everything was told.
//! What comes next goes out at once; what comes early is kept; a number that stays away is read from the
//! store, where it must be, because the numbers of a room are committed in their order.
//!
//! Lock order: one room's tail, and under it the registry and the outboxes. So frames of one room leave
//! in one order, whoever brings them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anteroom_core::ids::RoomId;
use bytes::Bytes;
use tokio::sync::{Notify, OnceCell};
use tokio::time::Instant;

use super::{Away, Bus, Numbered};
use crate::storage::{StorageError, Stored};

/// A number that is missing for so long is read from the store. In between it usually arrives: two nodes
/// that store at once tell it within a round trip of each other.
const PATIENCE: Duration = Duration::from_millis(25);
/// How often the last numbers of attended rooms are compared with the store's: a message that was lost
/// on the bus and followed by none would not be missed otherwise.
pub(crate) const COMPARED_EVERY: Duration = Duration::from_secs(2);
/// How long a room may take to be attended. A bus or a store that is slower is away for whoever enters.
const ATTENDED_WITHIN: Duration = Duration::from_secs(5);
/// Locks for the turns of rooms: two rooms share one now and then, and nobody waits for all.
const TURNS: usize = 64;
/// What one room keeps of early frames, in bytes; beyond it they are dropped and read again from the store.
const EARLY_MAX: usize = 4 << 20;

/// What tails need of the rest of the server.
pub(crate) trait Ground: Send + Sync {
    /// Tells the members here, in order, and notes how far the room is.
    fn tell(&self, room: RoomId, frames: &[(i64, Bytes)]);

    /// Everything up to here is known to be durable, and nobody here has to be told of it.
    fn reached(&self, room: RoomId, seq: i64);

    /// The number of the last durable thing of a room.
    fn last(&self, room: RoomId) -> impl Future<Output = Stored<i64>> + Send;

    /// The encoded frames of what is durable above `after` and up to `last`, a bounded number of them.
    fn between(
        &self,
        room: RoomId,
        after: i64,
        last: i64,
    ) -> impl Future<Output = Stored<Numbered>> + Send;

    /// Whether anybody sits there on this node.
    fn has_members(&self, room: RoomId) -> bool;
}

/// Why a room cannot be attended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAttended {
    #[error(transparent)]
    Bus(#[from] Away),
    #[error(transparent)]
    Store(#[from] StorageError),
}

#[derive(Debug, Default)]
struct Tail {
    /// Everything up to here was told, or was durable before anybody here attended. `None`: not known
    /// yet, and nothing goes out.
    told: Option<i64>,
    /// What came before what precedes it.
    early: BTreeMap<i64, Bytes>,
    early_bytes: usize,
    /// Since when something precedes what is here.
    gap_since: Option<Instant>,
}

impl Tail {
    /// Takes frames in, and answers those whose turn it is.
    fn take(&mut self, frames: impl Iterator<Item = (i64, Bytes)>) -> Numbered {
        let mut due = Numbered::new();
        for (seq, frame) in frames {
            match &mut self.told {
                Some(told) if seq <= *told => {}
                // However much waits: what is next does not.
                Some(told) if seq == *told + 1 => {
                    *told = seq;
                    due.push((seq, frame));
                }
                _ => self.keep(seq, frame),
            }
        }
        let Some(told) = &mut self.told else { return due };
        while let Some(next) = self.early.first_entry().filter(|it| *it.key() <= *told + 1) {
            let (seq, frame) = next.remove_entry();
            self.early_bytes -= frame.len();
            if seq > *told {
                *told = seq;
                due.push((seq, frame));
            }
        }
        match (self.early.is_empty(), self.gap_since) {
            (true, _) => self.gap_since = None,
            (false, None) => self.gap_since = Some(Instant::now()),
            // What moved on waits anew for what is missing now.
            (false, Some(_)) if !due.is_empty() => self.gap_since = Some(Instant::now()),
            (false, Some(_)) => {}
        }
        due
    }

    /// Keeps what is early; of too much the latest goes, and is read from the store when it is its turn.
    fn keep(&mut self, seq: i64, frame: Bytes) {
        self.early_bytes += frame.len();
        if let Some(twice) = self.early.insert(seq, frame) {
            self.early_bytes -= twice.len();
        }
        while self.early_bytes > EARLY_MAX
            && let Some((_, latest)) = self.early.pop_last()
        {
            self.early_bytes -= latest.len();
        }
    }
}

#[derive(Debug, Default)]
struct Attended {
    ready: OnceCell<()>,
    tail: Mutex<Tail>,
}

impl Attended {
    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tails of all rooms that have members on this node.
#[derive(Debug)]
pub(crate) struct Tails {
    rooms: Mutex<HashMap<RoomId, Arc<Attended>>>,
    /// A room's is held while it begins or ceases to be attended: the bus hears of both in one order.
    turns: [tokio::sync::Mutex<()>; TURNS],
    gap: Notify,
}

impl Default for Tails {
    fn default() -> Self {
        let turns = std::array::from_fn(|_| tokio::sync::Mutex::default());
        Self { rooms: Mutex::default(), turns, gap: Notify::default() }
    }
}

impl Tails {
    async fn turn(&self, room: RoomId) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = usize::try_from(room.0.unsigned_abs()).unwrap_or_default() % TURNS;
        self.turns[turn].lock().await
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomId, Arc<Attended>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From its return on, whoever sits in the room here is told everything that becomes durable there.
    /// Called for a session that is registered already.
    ///
    /// # Errors
    /// The bus or the store is away; nobody may be welcomed then.
    pub(crate) async fn attend(
        &self,
        room: RoomId,
        bus: &dyn Bus,
        ground: &impl Ground,
    ) -> Result<(), NotAttended> {
        let attended = Arc::clone(self.rooms().entry(room).or_default());
        let begin = || async {
            let _turn = self.turn(room).await;
            self.begin(room, &attended, bus, ground).await
        };
        let ready = tokio::time::timeout(ATTENDED_WITHIN, attended.ready.get_or_try_init(begin));
        ready.await.map_err(|_| Away("a room could not be attended in time".into()))?.copied()
    }

    async fn begin(
        &self,
        room: RoomId,
        attended: &Attended,
        bus: &dyn Bus,
        ground: &impl Ground,
    ) -> Result<(), NotAttended> {
        bus.attend(room).await?;
        let known = attended.tail().told;
        if known.is_some() {
            return Ok(self.catch_up(room, attended, ground).await?);
        }
        // Read after it: what becomes durable later arrives here.
        let last = ground.last(room).await?;
        let mut tail = attended.tail();
        tail.told = Some(last);
        ground.reached(room, last);
        let due = tail.take(std::iter::empty());
        if !due.is_empty() {
            ground.tell(room, &due);
        }
        Ok(())
    }

    /// Tells here whatever is durable in an attended room, as the store has it now.
    ///
    /// # Errors
    /// The store is away.
    pub(crate) async fn bring_up(&self, room: RoomId, ground: &impl Ground) -> Stored<()> {
        let attended = self.rooms().get(&room).cloned();
        match attended {
            Some(attended) => self.catch_up(room, &attended, ground).await,
            None => Ok(()),
        }
    }

    /// Something durable of a room is known here, stored by this node or by another.
    pub(crate) fn offer(&self, room: RoomId, frames: Numbered, ground: &impl Ground) {
        self.pass(room, frames, |due| {
            if !due.is_empty() {
                ground.tell(room, due);
            }
        });
    }

    /// The same; `tell` is given those whose turn it is, maybe none, and nothing else of the room is told
    /// meanwhile.
    pub(crate) fn pass(&self, room: RoomId, frames: Numbered, tell: impl FnOnce(&[(i64, Bytes)])) {
        // Of a room that nobody attends nobody has to be told.
        let attended = self.rooms().get(&room).cloned();
        let Some(attended) = attended else { return tell(&[]) };
        let mut tail = attended.tail();
        tell(&tail.take(frames.into_iter()));
        let has_gap = tail.gap_since.is_some();
        drop(tail);
        if has_gap {
            self.gap.notify_one();
        }
    }

    /// Closes gaps, for ever.
    pub(crate) async fn repair(&self, ground: &impl Ground) {
        loop {
            self.gap.notified().await;
            while let Some(due) = self.first_gap() {
                tokio::time::sleep_until(due).await;
                for room in self.overdue() {
                    if let Err(error) = self.fill(room, ground).await {
                        tracing::warn!(event = "bus.gap_stays", room = room.0, %error,
                            "what is missing cannot be read yet");
                        tokio::time::sleep_until(Instant::now() + COMPARED_EVERY).await;
                    }
                }
            }
        }
    }

    /// Compares every attended room with the store, and lets go of those without members here.
    pub(crate) async fn compare(&self, bus: &dyn Bus, ground: &impl Ground) -> Stored<()> {
        let rooms: Vec<(RoomId, Arc<Attended>)> =
            self.rooms().iter().map(|(room, it)| (*room, Arc::clone(it))).collect();
        let mut outcome = Ok(());
        for (room, attended) in rooms {
            if !ground.has_members(room) {
                // Also one that never came to be attended: its first member was sent away.
                self.let_go(room, bus, ground).await;
                continue;
            }
            if !attended.ready.initialized() {
                continue;
            }
            outcome = outcome.and(self.catch_up(room, &attended, ground).await);
        }
        outcome
    }

    async fn let_go(&self, room: RoomId, bus: &dyn Bus, ground: &impl Ground) {
        let _turn = self.turn(room).await;
        let Some(attended) = self.rooms().remove(&room) else { return };
        bus.leave(room).await;
        if !ground.has_members(room) {
            return;
        }
        // Somebody came just then and found the room attended. It goes on from where it was.
        let goes_on = Arc::clone(self.rooms().entry(room).or_insert_with(|| Arc::clone(&attended)));
        if !Arc::ptr_eq(&goes_on, &attended) {
            let told = attended.tail().told;
            goes_on.tail().told = told;
        } else if let Err(error) = self.begin(room, &attended, bus, ground).await {
            tracing::warn!(event = "bus.not_attended", room = room.0, %error,
                "a room is not attended; it is compared with the store instead");
        }
    }

    /// Tells what is durable and was not told.
    async fn catch_up(
        &self,
        room: RoomId,
        attended: &Attended,
        ground: &impl Ground,
    ) -> Stored<()> {
        let last = ground.last(room).await?;
        let mut told = attended.tail().told;
        while let Some(from) = told.filter(|told| *told < last) {
            let frames = ground.between(room, from, last).await?;
            self.offer(room, frames, ground);
            // A bounded part at a time; without progress there is nothing more to be had now.
            told = attended.tail().told.filter(|now| *now > from);
        }
        Ok(())
    }

    /// Reads what is missing before what is there.
    async fn fill(&self, room: RoomId, ground: &impl Ground) -> Stored<()> {
        let Some(attended) = self.rooms().get(&room).cloned() else { return Ok(()) };
        let gap = {
            let tail = attended.tail();
            tail.told.zip(tail.early.first_key_value().map(|(first, _)| first - 1))
        };
        if let Some((after, last)) = gap {
            let frames = ground.between(room, after, last).await?;
            tracing::debug!(
                event = "bus.gap_filled",
                room = room.0,
                after,
                last,
                "what the bus did not bring was read from the store"
            );
            self.offer(room, frames, ground);
            let mut tail = attended.tail();
            if tail.told == Some(after) && tail.gap_since.is_some() {
                // The store does not have it now: it is not asked without a pause.
                tail.gap_since = Some(Instant::now() + COMPARED_EVERY);
            }
        }
        Ok(())
    }

    fn gaps(&self) -> Vec<(RoomId, Instant)> {
        let rooms = self.rooms();
        let gap = |(room, it): (&RoomId, &Arc<Attended>)| Some((*room, it.tail().gap_since?));
        rooms.iter().filter_map(gap).collect()
    }

    fn first_gap(&self) -> Option<Instant> {
        self.gaps().into_iter().map(|(_, since)| since + PATIENCE).min()
    }

    fn overdue(&self) -> Vec<RoomId> {
        let now = Instant::now();
        let is_due = |(_, since): &(RoomId, Instant)| *since + PATIENCE <= now;
        self.gaps().into_iter().filter(is_due).map(|(room, _)| room).collect()
    }
}

#[cfg(test)]
#[path = "tails_tests.rs"]
mod tests;
