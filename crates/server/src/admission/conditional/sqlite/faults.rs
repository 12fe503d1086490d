//! The store is away, slow, full, or disagrees: nothing is given then, in bounded time, and it works
//! again afterwards.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anteroom_core::ids::Owner;
use anteroom_core::seat::{Change, RoomSpec, Step, Terms};
use futures_util::FutureExt as _;
use rusqlite::Connection;

use super::{Options, SqliteTransaction};
use crate::admission::conditional::answer::Decision;

use crate::admission::conditional::book::Book;
use crate::admission::conditional::scope::Scope;
use crate::admission::conditional::tests::{Fixture, GENEROUS, ROOM, ask, spec, stream, user};
use crate::admission::{Admission, Journal, Refusal, Unavailable};
use crate::sweeper::Due;

/// Far more than any bound here, and far less than a lock is held.
const BOUNDED: Duration = Duration::from_secs(5);

fn impatient(queue: usize) -> Options {
    let patience = Duration::from_millis(200);
    Options { queue, patience, busy_timeout: Duration::from_millis(50), ..Options::default() }
}

fn unavailable(refusal: Result<impl std::fmt::Debug, Refusal>) -> String {
    match refusal.unwrap_err() {
        Refusal::Unavailable(Unavailable(why)) => why,
        other => panic!("{other}"),
    }
}

/// Holds the store's thread until the sender goes.
fn hold(it: &Arc<Fixture>) -> std::sync::mpsc::Sender<()> {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (begun, has_begun) = std::sync::mpsc::channel();
    let it = Arc::clone(it);
    tokio::spawn(async move {
        it.seats
            .store
            .file()
            .decide(move |_| {
                begun.send(()).unwrap();
                let _ = held.recv();
                Ok(Decision { answer: (), journal: Journal::new(), deadlines: vec![] })
            })
            .await
            .unwrap();
    });
    has_begun.recv().unwrap();
    release
}

#[tokio::test]
async fn a_lock_held_by_another_process_refuses_in_bounded_time_and_passes() {
    let it = Fixture::with(Terms::default(), GENEROUS, impatient(8)).room(2).await;
    it.reserve(ROOM, 1).await.unwrap();
    let other = Connection::open(it.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let asked = Instant::now();
    assert!(unavailable(it.reserve(ROOM, 2).await).contains("locked"));
    assert!(it.seats.ping().await.is_err(), "and so it is not ready");
    assert!(asked.elapsed() < BOUNDED, "{:?}", asked.elapsed());
    assert_eq!(it.seats.seats(ROOM).await.unwrap().unwrap().reserved, 1, "reading goes on");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(it.seats.seats(ROOM).await.unwrap().unwrap().reserved, 1, "nothing was given");
    it.reserve(ROOM, 2).await.unwrap();
    it.seats.ping().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_gives_nothing_and_passes() {
    let it = Fixture::with(Terms::default(), GENEROUS, impatient(8)).room(10_000).await;
    let limit = async |pages: i64| {
        let limited = it.seats.store.file().decide(move |conn| {
            let sql = format!("PRAGMA max_page_count = {pages}");
            conn.query_row(&sql, [], |_| Ok(()))?;
            Ok(Decision { answer: (), journal: Journal::new(), deadlines: vec![] })
        });
        limited.await.unwrap();
    };
    limit(1).await;
    let mut given = 0_u32;
    let refused = loop {
        match it.reserve(ROOM, u128::from(given) + 1).await {
            Ok(_) => given += 1,
            refused => break refused,
        }
    };
    assert!(unavailable(refused).contains("full"));
    assert_eq!(it.seats.seats(ROOM).await.unwrap().unwrap().reserved, given);
    assert_eq!(it.seats.standing(ROOM, user(u128::from(given) + 1)).await.unwrap(), None);
    limit(1_000_000).await;
    it.reserve(ROOM, u128::from(given) + 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_that_did_not_start_in_time_never_runs() {
    let it = Arc::new(Fixture::with(Terms::default(), GENEROUS, impatient(8)).room(2).await);
    let release = hold(&it);
    let asked = Instant::now();
    assert!(unavailable(it.reserve(ROOM, 1).await).contains("in time"));
    assert!(asked.elapsed() < BOUNDED);
    drop(release);
    it.seats.ping().await.unwrap();
    assert_eq!(it.seats.seats(ROOM).await.unwrap().unwrap().reserved, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_once() {
    let options = Options { patience: BOUNDED, ..impatient(1) };
    let it = Arc::new(Fixture::with(Terms::default(), GENEROUS, options).room(2).await);
    let release = hold(&it);
    let queued = Arc::clone(&it);
    let queued = tokio::spawn(async move { queued.reserve(ROOM, 1).await });
    let mut refused = it.reserve(ROOM, 2).now_or_never();
    while refused.is_none() {
        tokio::task::yield_now().await;
        refused = it.reserve(ROOM, 2).now_or_never();
    }
    assert!(unavailable(refused.unwrap()).contains("queue"));
    drop(release);
    drop(queued.await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_for_a_caller_who_went_away_is_told_to_the_next() {
    let options = Options { patience: BOUNDED, ..impatient(8) };
    let it = Arc::new(Fixture::with(Terms::default(), GENEROUS, options).room(2).await);
    let release = hold(&it);
    // Polled once, so that it is queued, and then dropped.
    assert!(it.reserve(ROOM, 1).now_or_never().is_none());
    drop(release);
    it.seats.ping().await.unwrap();
    assert_eq!(it.deadlines.at(Due::Room(ROOM)), Some(it.clock.now()), "the loop will come by");
    let mut journal = Journal::new();
    it.seats.expire(ROOM, &mut journal).await.unwrap();
    assert!(matches!(journal[..], [(ROOM, Change::Reserved { .. })]), "{journal:?}");
    let standing = it.seats.standing(ROOM, user(1)).await.unwrap().unwrap();
    assert_eq!(it.deadlines.at(Due::Room(ROOM)), Some(standing.reservation.deadline));
    journal.clear();
    it.seats.expire(ROOM, &mut journal).await.unwrap();
    assert_eq!(journal, [], "once");
}

#[tokio::test]
async fn the_rows_are_the_judge_when_the_ledger_gives_too_much() {
    let it = Fixture::new().room(3).await;
    for who in 1..=3 {
        it.reserve(ROOM, who).await.unwrap();
    }
    let before = it.seats.snapshot(ROOM).await.unwrap();
    let mut journal = Journal::new();
    // A scope that does not say that slots are made: the ledger is told of one other slot, not three.
    let misled = it.seats.decide(&mut journal, async |book: &mut Book<'_, _>| {
        let reserve = |it: &mut anteroom_core::seat::Room, step: &mut Step<'_>| {
            it.reserve(step, &ask(4)).unwrap();
        };
        book.step(ROOM, Scope::of(user(4)), reserve).await
    });
    let Unavailable(why) = misled.await.unwrap_err();
    assert!(why.contains("no place left"), "{why}");
    assert_eq!(it.seats.snapshot(ROOM).await.unwrap(), before, "nothing was given");
    assert_eq!(journal, []);
}

#[tokio::test]
async fn a_change_that_meets_no_row_undoes_the_verb() {
    let it = Fixture::new().room(3).await;
    it.reserve(ROOM, 1).await.unwrap();
    let before = it.seats.snapshot(ROOM).await.unwrap();
    let rules = it.seats.rules;
    let now = it.clock.now();
    let undone = it.seats.store.file().decide(move |conn| {
        let mut transaction = SqliteTransaction(conn);
        let mut book = Book::new(&mut transaction, &rules, now);
        let opened = book.open(ROOM, &Scope::of(user(1))).now_or_never().unwrap();
        let mut working = opened?.unwrap();
        conn.execute("DELETE FROM slots", [])?;
        book.act(&mut working, |it, step| it.cancel(step, user(1)));
        book.keep(working).now_or_never().unwrap()?;
        Ok(Decision { answer: (), journal: Journal::new(), deadlines: vec![] })
    });
    let Unavailable(why) = undone.await.unwrap_err();
    assert!(why.contains("met 0 rows"), "{why}");
    assert_eq!(it.seats.snapshot(ROOM).await.unwrap(), before);
}

#[tokio::test]
async fn a_verb_that_panics_changes_nothing_and_the_next_one_is_decided() {
    let it = Fixture::new().room(1).await;
    let mut journal = Journal::new();
    let panicked = it.seats.decide(&mut journal, async |book: &mut Book<'_, _>| {
        book.reserve(ROOM, ask(1), None).await?.unwrap();
        panic!("a verb that panics");
        #[expect(unreachable_code, reason = "says what it would answer")]
        Ok(())
    });
    assert!(panicked.await.is_err());
    it.reserve(ROOM, 2).await.unwrap();
}

#[tokio::test]
async fn a_second_server_and_the_other_store_are_kept_out() {
    let it = Fixture::new();
    let again = crate::admission::Conditional::open(
        &it.path(),
        Options::default(),
        Default::default(),
        (Terms::default(), GENEROUS),
        Arc::clone(&it.clock),
        Arc::clone(&it.deadlines),
    );
    assert!(again.err().unwrap().to_string().contains("another server"));
    it.seats.add_room(spec(ROOM, 1)).await.unwrap();
    let path = it.path();
    let storage = crate::storage::sqlite::SqliteStorage::open(&path, Default::default());
    assert!(storage.err().unwrap().to_string().contains("another application"));
}

#[tokio::test]
async fn a_waiter_written_before_streams_had_names_gets_its_time_in_the_next_life() {
    let it = Fixture::new().room(1).await;
    it.reserve(ROOM, 1).await.unwrap();
    it.seats.wait(ROOM, ask(2), None, &mut Journal::new()).await.unwrap();
    it.seats.stream_attached(ROOM, user(2), stream(1), &mut Journal::new()).await.unwrap();
    let other = Connection::open(it.path()).unwrap();
    assert_eq!(other.execute("UPDATE waiters SET stream_names = NULL", []).unwrap(), 1);
    drop(other);
    it.pass(Duration::from_secs(60));
    let it = it.reopened();
    it.seats.add_room(RoomSpec { epoch: 2, ..spec(ROOM, 1) }).await.unwrap();
    let next = Owner { node: 0, incarnation: 2 };
    it.seats.take_up(next, &mut Journal::new()).await.unwrap();
    assert_eq!(it.seats.line(ROOM).await.unwrap(), [user(2)]);
    it.pass(Duration::from_secs(29));
    it.seats.expire(ROOM, &mut Journal::new()).await.unwrap();
    assert_eq!(it.seats.line(ROOM).await.unwrap(), [user(2)]);
    it.pass(Duration::from_secs(1));
    it.seats.expire(ROOM, &mut Journal::new()).await.unwrap();
    assert_eq!(it.seats.line(ROOM).await.unwrap(), []);
}
