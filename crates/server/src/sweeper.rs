//! The deadline loop: one task that sleeps until the next deadline of anything.
//!
//! Rooms (reservations, held seats, waiters, pending rooms) and sessions (heartbeats, login ends)
//! each have at most one entry: their earliest deadline. There is no timer per seat and no polling:
//! the loop is woken when an entry becomes the new earliest. Whoever schedules a room's deadline does
//! so while it holds the room's lock, so a stale deadline never replaces a newer one.
//!
//! Where alarms are set elsewhere (`alarms.rs`), the loop stays a bounded time behind them in rooms.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use anteroom_core::ids::{RoomId, SessionId};
use anteroom_core::maps::Map;
use anteroom_core::mutants::{self, Mutant};
use anteroom_core::time::Millis;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::sync::{Mutex, MutexGuard};

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Due {
    /// Something in this room's ledger.
    Room(RoomId),
    /// This session's heartbeat or login.
    Session(SessionId),
}

#[derive(Debug, Default)]
struct Schedule {
    by_time: BTreeSet<(Millis, Due)>,
    at: Map<Due, Millis>,
}

/// The deadlines of everything. The mutex is a leaf.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    /// What is due in a room is taken so much later: somebody else sees to it before.
    behind: Duration,
    schedule: Mutex<Schedule>,
    earlier: Notify,
}

impl Deadlines {
    fn lock(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Deadlines of rooms that are taken `behind` after they are due: a backstop.
    pub(crate) fn behind(behind: Duration) -> Self {
        Self { behind, ..Self::default() }
    }

    /// Sets, moves or (with `None`) removes the deadline of one thing.
    pub(crate) fn set(&self, due: Due, at: Option<Millis>) {
        let at = match due {
            Due::Room(_) => at.map(|at| at.after(self.behind)),
            Due::Session(_) => at,
        };
        let mut schedule = self.lock();
        if schedule.at.get(&due).copied() == at {
            return;
        }
        let first = schedule.by_time.first().map(|(at, _)| *at);
        if let Some(old) = schedule.at.remove(&due) {
            schedule.by_time.remove(&(old, due));
        }
        if let Some(at) = at {
            schedule.at.insert(due, at);
            schedule.by_time.insert((at, due));
            let is_awake = first.is_some() && mutants::on(Mutant::B24WakeUpLost);
            if first.is_none_or(|first| at < first) && !is_awake {
                drop(schedule);
                self.earlier.notify_one();
            }
        }
    }

    /// Waits until something is due and takes it, with everything else that is due by then.
    pub(crate) async fn next(&self, clock: &Clock) -> Vec<Due> {
        loop {
            let first = self.lock().by_time.first().map(|(at, _)| *at);
            match first {
                None => self.earlier.notified().await,
                Some(at) if at <= clock.now() => return self.take(clock.now()),
                Some(at) => {
                    let until = Instant::now() + at.since(clock.now());
                    let _ = tokio::time::timeout_at(until, self.earlier.notified()).await;
                }
            }
        }
    }

    fn take(&self, now: Millis) -> Vec<Due> {
        let mut schedule = self.lock();
        let mut taken = Vec::new();
        while let Some(&(at, due)) = schedule.by_time.first() {
            if at > now {
                break;
            }
            schedule.by_time.pop_first();
            schedule.at.remove(&due);
            taken.push(due);
        }
        taken
    }

    /// When a thing is due.
    #[cfg(test)]
    pub(crate) fn at(&self, due: Due) -> Option<Millis> {
        self.lock().at.get(&due).copied()
    }

    /// How many deadlines are set.
    pub(crate) fn len(&self) -> usize {
        self.lock().at.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bug_b24_the_loop_wakes_for_an_earlier_deadline_and_forgets_a_removed_one() {
        let deadlines = std::sync::Arc::new(Deadlines::default());
        let clock = std::sync::Arc::new(Clock::new());
        let (far, near, gone) = (RoomId(1), RoomId(2), RoomId(3));
        let hour = clock.now().after(std::time::Duration::from_secs(3_600));
        deadlines.set(Due::Room(far), Some(hour));
        deadlines.set(Due::Room(gone), Some(clock.now()));
        deadlines.set(Due::Room(gone), None);
        let waiting = tokio::spawn({
            let (deadlines, clock) = (deadlines.clone(), clock.clone());
            async move { deadlines.next(&clock).await }
        });
        tokio::task::yield_now().await;
        deadlines.set(Due::Room(near), Some(clock.now()));
        let woken = tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await;
        assert_eq!(woken.expect("woken at once").unwrap(), [Due::Room(near)]);
        assert_eq!(deadlines.len(), 1, "only the far one is left");
    }
}
