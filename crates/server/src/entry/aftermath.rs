//! What follows from a step of a ledger: the log, the memberships, the room's end, and who is told.
//!
//! Everything here is fed from the journal and from nothing else, so no path of entry or exit can
//! forget a part of it. Durable follow-ups run in the background with repeats: a seat is never kept
//! waiting for a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anteroom_core::ids::{Generation, RoomId, UserId};
use anteroom_core::seat::{Change, CloseCause, End, ExpiredOutcome, WaiterEnd};
use tokio_util::task::TaskTracker;

use super::LineBoard;
use anteroom_protocol::room::{Lifetime, RoomState};

use crate::admission::Journal;
use crate::alarms::{Alarms, Kind};
use crate::clock::Clock;
use crate::cluster::{Bus, News};
use crate::entry_log::EntryLog;
use crate::hub::Presence;
use crate::rooms::Rooms;
use crate::storage::{MembershipEnd, SharedStorage, StorageError};
use crate::traces::Traces;

/// The first pause between repeats of a durable follow-up; it doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(6);
/// How often a follow-up is repeated that the store refuses though it is there, or that is outstanding
/// when the server stops, before it is left to the next start's clean-up.
const REPEATS_MAX: u32 = 8;
/// How often a pending room's row is asked to be forgotten before it is closed instead.
const FORGET_ASKS: u32 = 3;

/// Applies journals.
#[derive(Clone)]
pub(crate) struct Aftermath {
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) presence: Arc<Presence>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) line: Arc<LineBoard>,
    pub(crate) storage: SharedStorage,
    pub(crate) clock: Arc<Clock>,
    pub(crate) entry_log: Arc<EntryLog>,
    pub(crate) tasks: TaskTracker,
    /// Set for what will be due.
    pub(crate) alarms: Alarms,
    /// Where what happens to entries is told.
    pub(crate) traces: Traces,
}

impl Aftermath {
    /// Follows up on what steps changed, in order.
    pub(crate) fn apply(&self, journal: Journal) {
        for (room, change) in journal {
            self.presence.mark(room);
            self.entry_log.follow(room, &change);
            self.one(room, change);
        }
    }

    fn one(&self, room: RoomId, change: Change) {
        match change {
            Change::Expired { user, generation, outcome, offered } => {
                let outcome = outcome_word(outcome);
                tracing::info!(event = "reservation.expired", room = room.0, %user, %generation,
                    outcome, offered, "a reservation passed its deadline and was reclaimed");
                let grant = (room, generation);
                self.traces.moment("anteroom.entry.expire", grant, false, outcome);
            }
            Change::Dropped { user, generation, cause } => {
                tracing::info!(event = "reservation.cancelled", room = room.0, %user, %generation,
                    cause = end_word(cause), "a reservation was given back");
            }
            Change::Held { user, until } => {
                self.alarms.set(Kind::Grace, room);
                tracing::info!(event = "seat.held", room = room.0, %user, until_ms = until.0,
                    "the line broke; the seat is kept for the grace");
            }
            Change::Returned { user, entered, last, settled, cause } => {
                tracing::info!(event = "seat.returned", room = room.0, %user, generation = %last,
                    %entered, cause = end_word(cause), "the seat was returned");
                // A stay that was never settled came to nothing, whatever ended it.
                let reason = stay_end(cause, settled);
                match reason {
                    // Closing the room ended its memberships, in the store's own transaction.
                    reason @ MembershipEnd::RoomClosed => ended(room, user, entered, reason),
                    reason => self.end_membership(room, user, entered, reason),
                }
            }
            Change::Opened => {
                self.rooms.opened(room);
                self.tell_room(room);
            }
            Change::Closed { cause } => self.closed(room, cause),
            Change::Offered { user, reservation } => {
                self.alarms.set(Kind::Offer, room);
                tracing::info!(event = "entry.offered", room = room.0, %user,
                    generation = %reservation.generation, "a free seat was offered to the line");
                let grant = (room, reservation.generation);
                self.traces.moment("anteroom.entry.offer", grant, true, "offered");
                self.line.offered(room, user, reservation, self.clock.now());
                self.bus.tell(News::Line { room: room.0, user: user.0 });
            }
            Change::WaiterGone { user, cause } => {
                tracing::info!(event = "waiter.gone", room = room.0, %user,
                    cause = waiter_word(cause), "a waiter left the line without a seat");
                self.line.gone(room, user, cause, self.clock.now());
                let why = waiter_word(cause).to_owned();
                self.bus.tell(News::WaiterGone { room: room.0, user: user.0, why });
            }
            Change::Reserved { .. } => self.alarms.set(Kind::Reservation, room),
            Change::Entered { .. } => {}
        }
    }

    /// The seat store knows nothing of a room that is listed here: its end was journalled, and the
    /// journal was lost with an answer.
    pub(super) fn vanished(&self, room: RoomId) {
        let Some(info) = self.rooms.get(room) else { return };
        match (info.state, info.lifetime) {
            (RoomState::Pending, _) => self.closed(room, CloseCause::PendingExpired),
            (_, Lifetime::UntilEmpty) => self.closed(room, CloseCause::Empty),
            (_, Lifetime::Persistent) => tracing::error!(
                event = "room.without_seats",
                room = room.0,
                "the seat store does not know a room that is open"
            ),
        }
    }

    fn closed(&self, room: RoomId, cause: CloseCause) {
        match cause {
            // Whoever asked for it has made it durable before.
            CloseCause::Requested => {}
            CloseCause::Empty => {
                // Gone before it is told: whoever reads of it finds it so.
                self.drop_room(room);
                tracing::info!(
                    event = "room.closed",
                    room = room.0,
                    cause = "empty",
                    "the last seat went and the room with it"
                );
                let (all, at) = (self.clone(), self.clock.wall());
                self.persist("close room", move || {
                    let all = all.clone();
                    async move {
                        all.storage.close_room(room, at).await?;
                        all.is_gone(room);
                        Ok(())
                    }
                });
            }
            CloseCause::PendingExpired => {
                self.drop_room(room);
                tracing::info!(
                    event = "room.pending_expired",
                    room = room.0,
                    "nobody entered in time; the room is forgotten"
                );
                self.forget_pending(room);
            }
        }
    }

    /// Forgets a room that nobody was let into. The end of a stay that failed may still be on its way
    /// to the store: then it is asked again, and in the end closed at least.
    fn forget_pending(&self, room: RoomId) {
        let (all, at) = (self.clone(), self.clock.wall());
        let asked = Arc::new(AtomicU32::new(0));
        self.persist("forget pending room", move || {
            let (all, asked) = (all.clone(), Arc::clone(&asked));
            async move {
                if !all.storage.forget_pending(room).await? {
                    if asked.fetch_add(1, Ordering::Relaxed) < FORGET_ASKS {
                        return Err(StorageError::Unavailable(
                            "a failed stay is still open".into(),
                        ));
                    }
                    all.storage.close_room(room, at).await?;
                }
                all.is_gone(room);
                Ok(())
            }
        });
    }

    /// The end of a room is durable: who looks from now on finds it so, and whoever looked too early is
    /// told to look again.
    fn is_gone(&self, room: RoomId) {
        if self.bus.is_shared() {
            self.rooms.remove(room);
            self.tell_room(room);
        }
    }

    /// The other nodes are to read the room's record again.
    pub(crate) fn tell_room(&self, room: RoomId) {
        self.bus.tell(News::Room { room: room.0 });
    }

    /// The room is gone from memory, and from the lobby if it stood there.
    pub(crate) fn drop_room(&self, room: RoomId) {
        self.tell_room(room);
        if let Some(info) = self.rooms.remove(room) {
            self.presence.tell_closed(&info);
        }
    }

    /// Ends the membership of a stay, in the background.
    pub(crate) fn end_membership(
        &self,
        room: RoomId,
        user: UserId,
        entered: Generation,
        reason: MembershipEnd,
    ) {
        let (storage, at) = (Arc::clone(&self.storage), self.clock.wall());
        self.persist("end membership", move || {
            let storage = Arc::clone(&storage);
            async move {
                if storage.end_membership(room, entered, reason, at).await? {
                    ended(room, user, entered, reason);
                }
                Ok(())
            }
        });
    }

    /// Repeats a durable step with growing pauses, as long as the store is away: there are no more of
    /// them than stays and rooms when it went. What never succeeds is mended at the next start.
    fn persist<F>(&self, what: &'static str, step: impl Fn() -> F + Send + 'static)
    where
        F: Future<Output = Result<(), StorageError>> + Send,
    {
        let tasks = self.tasks.clone();
        self.tasks.spawn(async move {
            let mut repeats = Repeats::default();
            while let Err(error) = step().await {
                let Some(span) = repeats.next(&error, tasks.is_closed()) else {
                    tracing::error!(event = "store.given_up", what, %error,
                        "a durable step was given up");
                    return;
                };
                // A store may be away for long, for many steps at once.
                if repeats.count <= REPEATS_MAX {
                    tracing::warn!(event = "store.retry", what, repeat = repeats.count, %error,
                        "a durable step failed and will be repeated");
                }
                pause(span).await;
            }
        });
    }
}

/// How often a durable step was repeated.
#[derive(Debug, Default)]
struct Repeats {
    count: u32,
}

impl Repeats {
    /// How long to wait before the next one; `None` when it is to be given up.
    fn next(&mut self, error: &StorageError, is_stopping: bool) -> Option<Duration> {
        let may_pass = matches!(error, StorageError::Unavailable(_)) && !is_stopping;
        if self.count >= REPEATS_MAX && !may_pass {
            return None;
        }
        let span = FIRST_PAUSE.saturating_mul(1 << self.count.min(REPEATS_MAX));
        self.count += 1;
        Some(span.min(LAST_PAUSE))
    }
}

fn ended(room: RoomId, user: UserId, entered: Generation, reason: MembershipEnd) {
    tracing::info!(event = "membership.ended", room = room.0, %user, generation = %entered,
        reason = reason.as_str(), "a membership ended");
}

#[expect(clippy::disallowed_methods, reason = "a pause between repeats has no event to wait for")]
async fn pause(span: Duration) {
    tokio::time::sleep(span).await;
}

fn outcome_word(outcome: ExpiredOutcome) -> &'static str {
    match outcome {
        ExpiredOutcome::NeverConnected => "expired_never_connected",
        ExpiredOutcome::AfterFailedAttempt => "expired_after_failed_attempt",
    }
}

/// Why a stay ended. One that was never settled came to nothing, whatever ended it; one that was
/// settled was real, also when the end was that an entry on top of it failed.
fn stay_end(cause: End, settled: bool) -> MembershipEnd {
    match (settled, membership_end(cause)) {
        (false, _) => MembershipEnd::EntryFailed,
        (true, MembershipEnd::EntryFailed) => MembershipEnd::Left,
        (true, reason) => reason,
    }
}

fn membership_end(cause: End) -> MembershipEnd {
    match cause {
        End::Left | End::Cancelled => MembershipEnd::Left,
        End::Lost | End::HeldExpired | End::Fenced => MembershipEnd::GraceExpired,
        End::Moved => MembershipEnd::Moved,
        End::Removed => MembershipEnd::Removed,
        End::LoggedOut => MembershipEnd::LoggedOut,
        End::RoomClosed => MembershipEnd::RoomClosed,
        End::Aborted => MembershipEnd::EntryFailed,
        End::Replaced | End::Superseded => MembershipEnd::Superseded,
    }
}

/// Every way a wait ends.
const WAITER_ENDS: [WaiterEnd; 6] = [
    WaiterEnd::Stopped,
    WaiterEnd::Away,
    WaiterEnd::Seated,
    WaiterEnd::Removed,
    WaiterEnd::LoggedOut,
    WaiterEnd::RoomClosed,
];

/// The end that another node's word means.
pub(crate) fn waiter_end(word: &str) -> Option<WaiterEnd> {
    WAITER_ENDS.into_iter().find(|end| waiter_word(*end) == word)
}

fn waiter_word(cause: WaiterEnd) -> &'static str {
    match cause {
        WaiterEnd::Stopped => "stopped",
        WaiterEnd::Away => "away",
        WaiterEnd::Seated => "seated",
        WaiterEnd::Removed => "removed",
        WaiterEnd::LoggedOut => "logged_out",
        WaiterEnd::RoomClosed => "room_closed",
    }
}

fn end_word(cause: End) -> &'static str {
    match cause {
        End::Cancelled => "cancelled",
        other => membership_end(other).as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::{LAST_PAUSE, REPEATS_MAX, Repeats};
    use crate::storage::StorageError;

    #[test]
    fn a_store_that_is_away_is_asked_until_it_is_back_or_the_server_stops() {
        let away = StorageError::Unavailable("the disk is full".into());
        let mut repeats = Repeats::default();
        for count in 1..1_000 {
            let span = repeats.next(&away, false).expect("not given up while it may pass");
            assert!(span <= LAST_PAUSE && repeats.count == count);
        }
        assert_eq!(repeats.next(&away, true), None, "it ends with the server");
    }

    #[test]
    fn a_store_that_refuses_is_asked_a_few_times() {
        let failed = StorageError::Failed("a constraint".into());
        let away = StorageError::Unavailable("the disk is full".into());
        for (error, is_stopping) in [(failed, false), (away, true)] {
            let mut repeats = Repeats::default();
            let spans = std::iter::from_fn(|| repeats.next(&error, is_stopping));
            assert_eq!(spans.count() as u32, REPEATS_MAX, "{error}");
        }
    }
}
