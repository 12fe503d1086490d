//! Each attempt has one outcome, whatever the order of the news; everything is bounded; what is
//! written is in the store, in order, once.

use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::{Generation, LoginId, Nonce, RoomId, UserId};
use anteroom_core::seat::{Change, End, Entry, ExpiredOutcome, Reservation, Reserved};
use anteroom_core::time::Millis;
use anteroom_protocol::Code;
use anteroom_protocol::attempt::{Outcome, Stage};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::attempts::{Attempts, Known};
use super::{EntryLog, Grant, Kept, Proven, QUEUE};
use crate::clock::Clock;
use crate::metrics::{Metrics, Standing};
use crate::storage::sqlite::{SqliteOptions, SqliteStorage};
use crate::storage::{EntryQuery, EntryRecord, SharedStorage};

const ROOM: RoomId = RoomId(101);
const ALL: EntryQuery =
    EntryQuery { room: None, user: None, outcome: None, before: None, limit: 100_000 };

struct Fresh {
    log: EntryLog,
    metrics: Arc<Metrics>,
    storage: SharedStorage,
    user: UserId,
    _dir: TempDir,
}

impl Fresh {
    fn new(in_memory: usize, stored: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("anteroom.db");
        let storage = SqliteStorage::open(&path, SqliteOptions::default()).unwrap();
        let storage: SharedStorage = Arc::new(storage);
        let metrics = Arc::new(Metrics::new("semaphore"));
        let kept = Kept { in_memory, stored, reservation_max: Duration::from_secs(120) };
        let log =
            EntryLog::new(kept, Arc::clone(&storage), Arc::new(Clock::new()), Arc::clone(&metrics));
        Self { log, metrics, storage, user: UserId(Uuid::now_v7()), _dir: dir }
    }

    fn grant(&self, n: u64) -> Grant {
        Grant { room: ROOM, user: self.user, generation: Generation { epoch: 1, n } }
    }

    fn reserved(&self, n: u64) -> Change {
        Change::Reserved { user: self.user, generation: self.grant(n).generation }
    }

    fn dropped(&self, n: u64, cause: End) -> Change {
        Change::Dropped { user: self.user, generation: self.grant(n).generation, cause }
    }

    fn lines(&self) -> Vec<EntryRecord> {
        self.log.lock().ring.find(&ALL)
    }

    fn outcomes(&self) -> Vec<Outcome> {
        self.lines().iter().map(|line| line.outcome).collect()
    }

    fn refuse(&self, times: usize) {
        (0..times).for_each(|_| self.log.refused(ROOM, self.user, Code::RoomFull, None));
    }

    fn metric(&self, name: &str) -> f64 {
        let text = self.metrics.render(&Standing::default());
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().parse().unwrap()
    }
}

#[tokio::test]
async fn an_attempt_has_one_outcome_in_whatever_order_its_news_come() {
    let fresh = Fresh::new(100, 0);
    let log = &fresh.log;
    log.follow(ROOM, &fresh.reserved(1));
    log.follow(ROOM, &fresh.dropped(1, End::Cancelled));
    log.follow(ROOM, &fresh.dropped(1, End::Removed));
    assert_eq!(fresh.outcomes(), [Outcome::Cancelled], "the second end ends nothing");
    // The journal of the kick is applied before that of the reservation it ended.
    log.follow(ROOM, &fresh.dropped(2, End::Removed));
    log.follow(ROOM, &fresh.reserved(2));
    log.connecting(fresh.grant(2));
    assert_eq!(fresh.outcomes(), [Outcome::Removed, Outcome::Cancelled]);
    assert_eq!(log.lock().attempts.sizes().0, 0, "what had ended did not begin");
    log.entered(fresh.grant(2), Entry::First, Duration::ZERO);
    assert_eq!(fresh.outcomes().len(), 2, "nor end again");
    assert_eq!(fresh.metric("anteroom_entries_total{kind=\"first\"}"), 0.0);
}

#[tokio::test]
async fn a_seat_that_is_taken_back_by_the_same_request_was_refused_and_not_cancelled() {
    let fresh = Fresh::new(100, 0);
    let now = Millis(0);
    let reservation = Reservation {
        generation: fresh.grant(1).generation,
        nonce: Nonce([0; 16]),
        login: LoginId(Uuid::nil()),
        deadline: now,
        since: now,
        attempts: 0,
        offered: false,
    };
    let reserved = Reserved { user: fresh.user, reservation, takeover: true, fresh: true };
    fresh.log.follow(ROOM, &fresh.reserved(1));
    fresh.log.granted(ROOM, &reserved, Duration::from_micros(9));
    fresh.log.refused_after_all(ROOM, &reserved, Code::Banned);
    fresh.log.follow(ROOM, &fresh.dropped(1, End::Cancelled));
    let lines = fresh.lines();
    assert_eq!(fresh.outcomes(), [Outcome::Refused]);
    assert_eq!((lines[0].code, lines[0].decision), (Some(Code::Banned), Some(9)));
    assert_eq!(lines[0].generation, Some(fresh.grant(1).generation));
}

#[tokio::test]
async fn a_line_says_what_is_known_of_its_attempt_and_no_more() {
    let fresh = Fresh::new(100, 0);
    let (log, user) = (&fresh.log, fresh.user);
    log.follow(ROOM, &fresh.reserved(1));
    log.connecting(fresh.grant(1));
    log.connecting(fresh.grant(1));
    log.ticket_refused(fresh.grant(1).into(), Code::Replaced);
    log.entered(fresh.grant(1), Entry::Takeover, Duration::from_millis(250));
    log.ticket_refused(Proven::default(), Code::NoReservation);
    let generation = fresh.grant(2).generation;
    let outcome = ExpiredOutcome::AfterFailedAttempt;
    log.follow(ROOM, &Change::Expired { user, generation, outcome, offered: true });
    log.failed(fresh.grant(3), Stage::Persist, Code::EntryFailed, Duration::ZERO);

    let lines = fresh.lines();
    let [failed, expired, forged, entered, refused] = lines.as_slice() else {
        panic!("five lines: {lines:?}")
    };
    assert_eq!((refused.outcome, refused.stage), (Outcome::TicketRefused, Some(Stage::Confirm)));
    assert_eq!(refused.generation, Some(fresh.grant(1).generation));
    assert_eq!((entered.attempts, entered.takeover), (2, true));
    assert_eq!(entered.reservation_to_connect, Some(250));
    assert_eq!((forged.room, forged.user, forged.generation), (None, None, None));
    assert_eq!(forged.code, Some(Code::NoReservation));
    assert_eq!((expired.offered, expired.attempts), (true, 1), "known from the journal alone");
    assert_eq!((failed.stage, failed.code), (Some(Stage::Persist), Some(Code::EntryFailed)));
    assert!(lines.is_sorted_by_key(|line| std::cmp::Reverse(line.id)), "newest first");
}

#[tokio::test]
async fn memory_is_bounded_and_keeps_the_newest() {
    let fresh = Fresh::new(3, 0);
    fresh.refuse(5);
    let newest = fresh.lines();
    assert_eq!(fresh.log.lock().ring.len(), 3);
    fresh.refuse(1);
    assert_eq!(fresh.lines()[1..], newest[..2]);
    let none = Fresh::new(0, 0);
    none.refuse(5);
    assert_eq!(none.lines(), []);
}

#[tokio::test]
async fn a_store_that_cannot_keep_up_costs_lines_and_never_a_wait() {
    let fresh = Fresh::new(10, 100_000);
    // Nobody writes: the queue fills, and what it does not take is counted.
    fresh.refuse(QUEUE + 7);
    assert_eq!(fresh.metric("anteroom_entry_log_dropped_total"), 7.0);
    let stop = CancellationToken::new();
    stop.cancel();
    fresh.log.run(stop).await;
    let stored = fresh.storage.entries(ALL).await.unwrap();
    assert_eq!(stored.len(), QUEUE, "what was taken is written, also at the stop");
}

#[tokio::test]
async fn lines_are_stored_in_batches_and_the_oldest_dropped() {
    let fresh = Fresh::new(1, 50);
    fresh.refuse(500);
    // More was kept before, and the bound was lowered.
    let line = fresh.lines().remove(0);
    let older = (1..=900).map(|n| EntryRecord { id: Uuid::from_u128(n), ..line.clone() });
    fresh.storage.add_entries(older.collect()).await.unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    fresh.log.run(stop).await;
    let stored = fresh.storage.entries(ALL).await.unwrap();
    assert_eq!(stored.len(), 50, "no more than is kept");
    assert_eq!(stored.first(), fresh.lines().first(), "and those are the newest");
    assert_eq!(fresh.metric("anteroom_entry_log_dropped_total"), 0.0);
}

#[tokio::test]
async fn a_page_has_what_is_in_memory_and_in_the_store_once_each() {
    let fresh = Fresh::new(6, 100);
    fresh.refuse(10);
    let all = fresh.lines();
    // Some lines are in both, some in the store alone, some in memory alone.
    fresh.storage.add_entries(all[2..].to_vec()).await.unwrap();
    let older: Vec<EntryRecord> =
        (1..=3).map(|n| EntryRecord { id: Uuid::from_u128(n), ..all[5].clone() }).collect();
    fresh.storage.add_entries(older).await.unwrap();
    let page = fresh.log.page(EntryQuery { limit: 7, ..ALL }).await.unwrap();
    assert_eq!(page[..6], all[..]);
    assert_eq!(page[6].id, Uuid::from_u128(3));
    let rest = EntryQuery { before: Some(page[6].id), ..ALL };
    assert_eq!(fresh.log.page(rest).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_store_that_fails_for_good_is_given_up_on_and_counted() {
    let fresh = Fresh::new(1, 100);
    fresh.refuse(3);
    fresh.storage.close().await;
    let stop = CancellationToken::new();
    stop.cancel();
    fresh.log.run(stop).await;
    assert_eq!(fresh.metric("anteroom_entry_log_dropped_total"), 3.0);
}

#[test]
fn attempts_whose_end_nobody_told_are_forgotten_and_ends_are_remembered_to_a_bound() {
    let user = UserId(Uuid::from_u128(7));
    let grant = |n| Grant { room: ROOM, user, generation: Generation { epoch: 1, n } };
    let mut attempts = Attempts::new(Duration::from_secs(120));
    let hour = Millis(3_600_000);
    (0..1_000).for_each(|n| attempts.begin(grant(n), Known::default(), hour));
    let soon = hour.after(Duration::from_secs(179));
    attempts.begin(grant(2_000), Known::default(), soon);
    assert_eq!(attempts.sizes().0, 1_001, "their entries may still be under way");
    let later = soon.after(Duration::from_secs(61));
    attempts.begin(grant(2_001), Known::default(), later);
    assert_eq!(attempts.sizes().0, 2);
    (3_000..13_000).for_each(|n| assert!(attempts.end(grant(n)).is_some()));
    let (_, ended, order) = attempts.sizes();
    assert_eq!((ended, order), (4_096, 4_096));
}
