//! What this node remembers of the store: the rooms it added, how far it was answered, and whether
//! the store was lost.
//!
//! A store is lost when it does not hold every step that this node was answered with: it came back
//! empty, or without its last moments. The scripts find out, for every call tells them how far the
//! node had been answered; here is only kept that a lost room is not asked for until it is added
//! again in a higher epoch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anteroom_core::ids::RoomId;
use anteroom_core::time::Millis;
use tokio::sync::Notify;

use super::reply::Touched;
use crate::admission::{Decided, Unavailable};
use crate::sweeper::{Deadlines, Due};

struct Known {
    epoch: u64,
    /// The step that last told of it; what an earlier one says is out of date.
    step: u64,
    is_lost: bool,
}

#[derive(Default)]
struct Pages {
    rooms: HashMap<RoomId, Known>,
    seen: u64,
    seen_run: Arc<str>,
    /// Rises with every loss.
    life: u64,
    /// A loss that nobody was told of yet.
    is_news: bool,
    /// Until every room was added again, also one that this node did not know.
    is_lost: bool,
}

impl Pages {
    fn lose(&mut self) {
        self.life += 1;
        self.seen = 0;
        self.is_news = true;
        self.is_lost = true;
        for known in self.rooms.values_mut() {
            known.is_lost = true;
            known.step = 0;
        }
    }
}

/// How far this node had been answered when it made a call.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) step: u64,
    pub(super) run: Arc<str>,
    life: u64,
}

/// The memory of a node. The mutex is held over the deadlines only.
#[derive(Default)]
pub(super) struct Book {
    pages: Mutex<Pages>,
    lost: Notify,
}

/// The answer where a room of the lost store is asked for.
pub(super) fn was_lost() -> Unavailable {
    Unavailable("the seat store was lost".to_owned())
}

impl Book {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far this node has been answered.
    ///
    /// # Errors
    /// The room was lost and has not been added again.
    pub(super) fn seen(&self, room: Option<RoomId>) -> Decided<Seen> {
        let pages = self.pages();
        let is_lost = |room: RoomId| match pages.rooms.get(&room) {
            Some(known) => known.is_lost,
            // Made by another node: that it is not there means nothing now.
            None => pages.is_lost,
        };
        if room.is_some_and(is_lost) {
            return Err(was_lost());
        }
        Ok(Seen { step: pages.seen, run: Arc::clone(&pages.seen_run), life: pages.life })
    }

    /// The same for a call that adds a room, and whether that room was lost.
    ///
    /// # Errors
    /// It was lost, and is not added in a higher epoch.
    pub(super) fn seen_adding(&self, room: RoomId, epoch: u64) -> Decided<(Seen, bool)> {
        let pages = self.pages();
        let lost = pages.rooms.get(&room).filter(|known| known.is_lost);
        if lost.is_some_and(|known| epoch <= known.epoch) {
            return Err(was_lost());
        }
        let seen = Seen { step: pages.seen, run: Arc::clone(&pages.seen_run), life: pages.life };
        Ok((seen, lost.is_some()))
    }

    /// Notes an answer: how far it goes, and when the rooms it tells of are due, on `deadlines`;
    /// `local` puts an instant of the store on this node's clock.
    pub(super) fn answered(
        &self,
        (asked, run, step): (&Seen, &Arc<str>, u64),
        rooms: &[Touched],
        deadlines: &Deadlines,
        local: impl Fn(u64) -> Millis,
    ) {
        let mut pages = self.pages();
        if asked.life != pages.life {
            return;
        }
        if step >= pages.seen {
            pages.seen = step;
            pages.seen_run = Arc::clone(run);
        }
        for Touched { room, due, gone } in rooms {
            let id = room.0;
            if pages.rooms.get(&id).is_some_and(|known| known.step > step) {
                continue;
            }
            if *gone {
                pages.rooms.remove(&id);
            } else if due.is_some() || pages.rooms.contains_key(&id) {
                let known =
                    pages.rooms.entry(id).or_insert(Known { epoch: 0, step, is_lost: false });
                known.step = step;
            }
            deadlines.set(Due::Room(id), due.map(&local));
        }
    }

    /// Notes that a room was added, in the life of the store in which the call was made.
    pub(super) fn added(&self, asked: &Seen, room: RoomId, epoch: u64) {
        let mut pages = self.pages();
        if asked.life != pages.life {
            return;
        }
        let known = pages.rooms.entry(room).or_insert(Known { epoch, step: 0, is_lost: false });
        known.epoch = known.epoch.max(epoch);
        known.is_lost = false;
    }

    /// Whether every room may be asked for.
    ///
    /// # Errors
    /// The store was lost, and not every room has been added again.
    pub(super) fn nothing_is_lost(&self) -> Decided<()> {
        if self.pages().is_lost { Err(was_lost()) } else { Ok(()) }
    }

    /// Whether this node added the room, or was told of it.
    pub(super) fn knows(&self, room: RoomId) -> bool {
        self.pages().rooms.contains_key(&room)
    }

    /// Notes that the store was lost, unless that was noted since the call was made.
    pub(super) fn lose(&self, asked: &Seen) {
        let mut pages = self.pages();
        if asked.life == pages.life {
            pages.lose();
            self.lost.notify_one();
        }
    }

    /// Notes that the store was lost, as other nodes saw it.
    pub(super) fn lose_all(&self) {
        self.pages().lose();
        self.lost.notify_one();
    }

    /// Forgets the rooms that were lost and not added again: they were closed meanwhile. Answers them.
    pub(super) fn forget_lost(&self) -> Vec<RoomId> {
        let mut pages = self.pages();
        pages.is_lost = false;
        let lost = pages.rooms.iter().filter(|(_, known)| known.is_lost).map(|(room, _)| *room);
        let lost: Vec<RoomId> = lost.collect();
        pages.rooms.retain(|_, known| !known.is_lost);
        lost
    }

    /// Resolves once for each loss.
    pub(super) async fn lost(&self) {
        loop {
            if std::mem::take(&mut self.pages().is_news) {
                return;
            }
            self.lost.notified().await;
        }
    }
}
