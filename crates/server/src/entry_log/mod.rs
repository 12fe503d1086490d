//! The entry log: every attempt to enter, and what it came to.
//!
//! An attempt begins when a seat is asked for or offered to the head of a line, and has exactly one
//! outcome. What needs no request (a deadline, a kick, a closed room) is learnt from the journal; what
//! is no change of a ledger (a refusal, a failed entry) is told by [`crate::entry`]. A ticket that
//! opens nothing is a line of its own, beside whatever becomes of the reservation it may be for.
//!
//! The newest lines are in memory, bounded; all go to the store in the background. Whoever enters
//! waits for none of it: one short lock, and a queue that drops what it cannot take and counts it.
//! Never in a line: tickets, nonces, tokens, passwords, addresses.

mod attempts;
mod ring;
mod spans;
mod writer;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anteroom_core::ids::{Generation, RoomId, UserId};
use anteroom_core::seat::{Change, End, Entry, ExpiredOutcome, Reserved, WaiterEnd};
use anteroom_protocol::Code;
use anteroom_protocol::attempt::{Outcome, Stage};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::clock::Clock;
use crate::metrics::{Metrics, Reclaimed};
use crate::storage::{EntryQuery, EntryRecord, SharedStorage, Stored};
use crate::view;
use attempts::{Attempts, Known};
use ring::Ring;
pub(crate) use spans::{Outcomes, Stretch};
use writer::Writer;

/// Lines that may wait to be written.
const QUEUE: usize = 4_096;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    /// Lines in memory.
    pub(crate) in_memory: usize,
    /// Lines in the store; 0 keeps none there.
    pub(crate) stored: usize,
    /// No reservation stands longer than this.
    pub(crate) reservation_max: Duration,
}

/// Which reservation an attempt is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) room: RoomId,
    pub(crate) user: UserId,
    pub(crate) generation: Generation,
}

/// What a ticket that opened nothing proves: all of it, or some, or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Proven {
    pub(crate) room: Option<RoomId>,
    pub(crate) user: Option<UserId>,
    pub(crate) generation: Option<Generation>,
}

impl From<Grant> for Proven {
    fn from(grant: Grant) -> Self {
        let Grant { room, user, generation } = grant;
        Self { room: Some(room), user: Some(user), generation: Some(generation) }
    }
}

/// The entry log of this process. Its mutex is a leaf.
pub(crate) struct EntryLog {
    metrics: Arc<Metrics>,
    clock: Arc<Clock>,
    storage: SharedStorage,
    state: Mutex<State>,
    queue: Option<mpsc::Sender<EntryRecord>>,
    writer: Mutex<Option<Writer>>,
}

struct State {
    attempts: Attempts,
    ring: Ring,
}

impl EntryLog {
    /// An empty log. [`EntryLog::run`] writes what is stored.
    pub(crate) fn new(
        kept: Kept,
        storage: SharedStorage,
        clock: Arc<Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (queue, lines) = mpsc::channel(QUEUE);
        let writer = Writer {
            lines,
            storage: Arc::clone(&storage),
            keep: kept.stored,
            metrics: Arc::clone(&metrics),
        };
        let attempts = Attempts::new(kept.reservation_max);
        Self {
            metrics,
            clock,
            storage,
            state: Mutex::new(State { attempts, ring: Ring::new(kept.in_memory) }),
            queue: (kept.stored > 0).then_some(queue),
            writer: Mutex::new(Some(writer)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes lines to the store until `stop`, and then what is left. Called once.
    pub(crate) async fn run(&self, stop: tokio_util::sync::CancellationToken) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer.filter(|_| self.queue.is_some()) {
            writer.run(stop).await;
        }
    }

    /// Learns from one change of a ledger.
    pub(crate) fn follow(&self, room: RoomId, change: &Change) {
        match *change {
            Change::Reserved { user, generation } => {
                self.begin(Grant { room, user, generation }, Known::default());
            }
            Change::Offered { user, reservation } => {
                let known = Known { offered: true, ..Known::default() };
                self.begin(Grant { room, user, generation: reservation.generation }, known);
            }
            Change::Expired { user, generation, outcome, offered } => {
                self.expired(Grant { room, user, generation }, outcome, offered);
            }
            Change::Dropped { user, generation, cause } => {
                self.end(Grant { room, user, generation }, Came::to(dropped(cause)));
            }
            // Without a grace the seat goes as the line breaks.
            Change::Returned { cause: End::HeldExpired | End::Lost, .. } => {
                self.metrics.reclaimed(Reclaimed::Grace);
            }
            Change::Returned { cause: End::Fenced, .. } => {
                self.metrics.reclaimed(Reclaimed::Fenced);
            }
            Change::WaiterGone { cause: WaiterEnd::Away, .. } => {
                self.metrics.reclaimed(Reclaimed::WaiterAway);
            }
            Change::Entered { .. }
            | Change::Held { .. }
            | Change::Returned { .. }
            | Change::WaiterGone { .. }
            | Change::Opened
            | Change::Closed { .. } => {}
        }
    }

    /// A reservation was answered: what the journal does not say of it.
    pub(crate) fn granted(&self, room: RoomId, reserved: &Reserved, took: Duration) {
        let grant = grant_of(room, reserved);
        let known = Known {
            takeover: reserved.takeover,
            offered: reserved.reservation.offered,
            decision: reserved.fresh.then_some(took),
            attempts: reserved.reservation.attempts,
        };
        self.lock().attempts.learn(grant, known, self.clock.now());
    }

    /// No seat was given. `took` is how long the strategy needed, where it was asked.
    pub(crate) fn refused(&self, room: RoomId, user: UserId, code: Code, took: Option<Duration>) {
        let proven = Proven { room: Some(room), user: Some(user), generation: None };
        let known = Known { decision: took, ..Known::default() };
        let came = Came::refused(Outcome::Refused, Stage::Reserve, code);
        self.write(&mut self.lock(), proven, known, came);
        self.count(came);
    }

    /// A seat that was given in this very request is about to be taken back: its attempt was refused.
    pub(crate) fn refused_after_all(&self, room: RoomId, reserved: &Reserved, code: Code) {
        let came = Came::refused(Outcome::Refused, Stage::Reserve, code);
        self.end(grant_of(room, reserved), came);
    }

    /// A connection presented the ticket.
    pub(crate) fn connecting(&self, grant: Grant) {
        self.lock().attempts.connecting(grant, self.clock.now());
    }

    /// A ticket opened nothing. The reservation it may be for goes on.
    pub(crate) fn ticket_refused(&self, proven: Proven, code: Code) {
        let came = Came::refused(Outcome::TicketRefused, Stage::Confirm, code);
        self.write(&mut self.lock(), proven, Known::default(), came);
        self.count(came);
    }

    /// The entry is a fact.
    pub(crate) fn entered(&self, grant: Grant, entry: Entry, waited: Duration) {
        let came = Came { entry: Some(entry), waited: Some(waited), ..Came::to(Outcome::Entered) };
        if self.end(grant, came) {
            self.metrics.entered(view::entry_word(entry), waited);
        }
    }

    /// The ticket was good, and the entry was undone.
    pub(crate) fn failed(&self, grant: Grant, stage: Stage, code: Code, waited: Duration) {
        let came = Came::refused(Outcome::Failed, stage, code);
        self.end(grant, Came { waited: Some(waited), ..came });
    }

    /// Lines, newest first: what is in memory, and what is in the store.
    ///
    /// # Errors
    /// The store is away.
    pub(crate) async fn page(&self, query: EntryQuery) -> Stored<Vec<EntryRecord>> {
        // Memory first: a line that is stored meanwhile is then found twice, and not missed.
        let mut found = self.lock().ring.find(&query);
        found.extend(self.storage.entries(query).await?);
        found.sort_unstable_by_key(|record| std::cmp::Reverse(record.id));
        found.dedup_by_key(|record| record.id);
        found.truncate(query.limit);
        Ok(found)
    }

    fn begin(&self, grant: Grant, known: Known) {
        self.lock().attempts.begin(grant, known, self.clock.now());
    }

    fn expired(&self, grant: Grant, outcome: ExpiredOutcome, offered: bool) {
        let (outcome, cause) = match (outcome, offered) {
            (ExpiredOutcome::NeverConnected, true) => {
                (Outcome::ExpiredNeverConnected, Reclaimed::Offer)
            }
            (ExpiredOutcome::NeverConnected, false) => {
                (Outcome::ExpiredNeverConnected, Reclaimed::NeverConnected)
            }
            (ExpiredOutcome::AfterFailedAttempt, _) => {
                (Outcome::ExpiredAfterFailedAttempt, Reclaimed::AfterFailedAttempt)
            }
        };
        self.metrics.reclaimed(cause);
        self.end(grant, Came { offered, ..Came::to(outcome) });
    }

    /// The one outcome of an attempt. False when it had one already.
    fn end(&self, grant: Grant, came: Came) -> bool {
        let mut state = self.lock();
        let Some(known) = state.attempts.end(grant) else { return false };
        self.write(&mut state, grant.into(), known, came);
        drop(state);
        self.count(came);
        true
    }

    /// Adds a line. Its id is drawn under the lock, so the order of ids is the order of lines.
    fn write(&self, state: &mut State, proven: Proven, known: Known, came: Came) {
        let tried = came.outcome == Outcome::ExpiredAfterFailedAttempt;
        let record = EntryRecord {
            id: Uuid::now_v7(),
            at: self.clock.wall(),
            room: proven.room,
            user: proven.user,
            generation: proven.generation,
            strategy: Cow::Borrowed(self.metrics.strategy()),
            outcome: came.outcome,
            code: came.code,
            stage: came.stage,
            entry: came.entry.map(view::entry),
            takeover: known.takeover || came.entry.is_some_and(|it| it != Entry::First),
            offered: known.offered || came.offered,
            attempts: known.attempts.max(u32::from(tried)),
            reservation_to_connect: came.waited.map(|span| whole(span.as_millis())),
            decision: known.decision.map(|span| whole(span.as_micros())),
        };
        if let Some(queue) = &self.queue
            && queue.try_send(record.clone()).is_err()
        {
            self.metrics.entries_dropped(1);
        }
        state.ring.push(record);
    }

    fn count(&self, came: Came) {
        let refused = match came.outcome {
            Outcome::Refused | Outcome::TicketRefused => came.stage.zip(came.code),
            _ => None,
        };
        self.metrics.outcome_of(came.outcome, refused);
    }
}

/// What a line says of the end.
#[derive(Clone, Copy, Debug)]
struct Came {
    outcome: Outcome,
    stage: Option<Stage>,
    code: Option<Code>,
    entry: Option<Entry>,
    waited: Option<Duration>,
    offered: bool,
}

impl Came {
    fn to(outcome: Outcome) -> Self {
        Self { outcome, stage: None, code: None, entry: None, waited: None, offered: false }
    }

    fn refused(outcome: Outcome, stage: Stage, code: Code) -> Self {
        Self { stage: Some(stage), code: Some(code), ..Self::to(outcome) }
    }
}

/// A line as an administrator reads it.
pub(crate) fn shown(record: EntryRecord) -> anteroom_protocol::attempt::Attempt {
    anteroom_protocol::attempt::Attempt {
        id: record.id,
        at: anteroom_protocol::Timestamp(record.at),
        room_id: record.room.map(|room| room.0),
        user_id: record.user.map(|user| user.0),
        generation: record.generation.map(|generation| generation.to_string()),
        strategy: record.strategy.into_owned(),
        outcome: record.outcome,
        code: record.code,
        stage: record.stage,
        entry: record.entry,
        takeover: record.takeover,
        offered: record.offered,
        attempts: record.attempts,
        reservation_to_connect_ms: record.reservation_to_connect,
        decision_us: record.decision,
    }
}

fn grant_of(room: RoomId, reserved: &Reserved) -> Grant {
    Grant { room, user: reserved.user, generation: reserved.reservation.generation }
}

/// What it means for the attempt that its reservation went.
fn dropped(cause: End) -> Outcome {
    match cause {
        End::Superseded | End::Replaced | End::Moved => Outcome::Superseded,
        End::LoggedOut => Outcome::Revoked,
        End::Removed => Outcome::Removed,
        End::RoomClosed => Outcome::RoomClosed,
        End::Cancelled | End::Left | End::Lost | End::HeldExpired | End::Aborted | End::Fenced => {
            Outcome::Cancelled
        }
    }
}

/// A span that nobody waits for to overflow.
fn whole(span: u128) -> u64 {
    u64::try_from(span).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
