//! What is on disk at any instant holds every answered append: the files are copied mid-flight.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::join_all;
use rusqlite::Connection;

use super::{Fresh, SqliteOptions, SqliteStorage, database};
use crate::storage::contract::{open_room, said, user};
use crate::storage::{Appended, HistoryPage, MessageStore};

/// Takes what a power cut would leave. Files cannot be copied at one instant, so a reader keeps the
/// log from starting over meanwhile: whatever the main file lacks or holds half is in the log.
fn copy_files(reader: &Connection, from: &Path, to: &Path) {
    reader.execute_batch("BEGIN; SELECT count(*) FROM messages;").unwrap();
    for name in ["anteroom.db", "anteroom.db-wal"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answered_append_is_in_a_copy_taken_mid_flight() {
    let fresh = Fresh::new();
    let me = user(fresh.store(), "me").await;
    let room = open_room(fresh.store(), me).await;
    let (answered, store) = (AtomicI64::new(0), &fresh.store);
    let (copy, answered_before_copy) = {
        let writers = join_all((0..8).map(|writer| {
            let answered = &answered;
            async move {
                for i in 0..50 {
                    let message = said(room, me, &format!("{writer}-{i}"));
                    let [Appended::New { seq }] = store.append(vec![message]).await.unwrap()[..]
                    else {
                        panic!("not new")
                    };
                    answered.fetch_max(seq, Ordering::SeqCst);
                }
            }
        }));
        let copier = async {
            while answered.load(Ordering::SeqCst) < 100 {
                tokio::task::yield_now().await;
            }
            let seen = answered.load(Ordering::SeqCst);
            let copy = tempfile::tempdir().unwrap();
            let (from, to) = (fresh.dir.path().to_owned(), copy.path().to_owned());
            let reader = fresh.aside();
            let copied = tokio::task::spawn_blocking(move || copy_files(&reader, &from, &to));
            copied.await.unwrap();
            (copy, seen)
        };
        tokio::join!(writers, copier).1
    };
    assert!(answered_before_copy < 400, "the copy was taken while writers were at work");
    let after_crash =
        SqliteStorage::open(&database(copy.path()), SqliteOptions::default()).unwrap();
    let all = HistoryPage::After { seq: 0, limit: 1_000 };
    let stored: Vec<i64> =
        after_crash.messages(room, all).await.unwrap().iter().map(|m| m.seq).collect();
    let last = i64::try_from(stored.len()).unwrap();
    assert!(last >= answered_before_copy, "{last} of {answered_before_copy} answered");
    assert_eq!(stored, (1..=last).collect::<Vec<_>>(), "no gap");
}
