//! One server on a database, unless it is told that there are several.

use super::{Fresh, OF_SEVERAL, until};
use crate::storage::postgres::alone::SERVING;
use crate::storage::postgres::{OpenError, PostgresOptions, PostgresStorage};
use crate::storage::{RoomStore, Storage};

const ALONE: PostgresOptions = PostgresOptions { alone: true, ..OF_SEVERAL };

const HOLDER: &str = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

#[tokio::test]
async fn a_second_server_is_kept_out_until_the_first_is_gone() {
    let fresh = Fresh::with(ALONE).await;
    let refused = PostgresStorage::open(&fresh.url, ALONE).await.err().unwrap();
    assert!(matches!(refused, OpenError::InUse), "{refused}");
    fresh.store.close().await;
    let second = PostgresStorage::open(&fresh.url, ALONE).await.unwrap();
    // Without a close, as after a crash: the server notices by itself.
    drop(second);
    assert!(PostgresStorage::open(&fresh.url, ALONE).await.is_ok());
}

#[tokio::test]
async fn a_lock_whose_line_broke_is_taken_again() {
    let fresh = Fresh::with(ALONE).await;
    fresh.store.begin_epoch().await.unwrap();
    let holder = fresh.say(HOLDER);
    fresh.say(&format!("SELECT pg_terminate_backend({holder})"));
    until("the lock is held again".into(), || {
        let now = fresh.say(HOLDER);
        !now.is_empty() && now != holder
    })
    .await;
    assert!(!fresh.store.fatal().is_cancelled());
    assert!(fresh.store.ping().await.is_ok());
}

#[tokio::test]
async fn a_server_that_was_overtaken_while_its_line_was_down_stops() {
    // Another one is there, or was there and has gone.
    for goes in [false, true] {
        let fresh = Fresh::with(ALONE).await;
        fresh.store.begin_epoch().await.unwrap();
        let other = fresh.node().await;
        let line = other.lines.line().await.unwrap();
        let serving = format!("SELECT pg_advisory_lock({SERVING})");
        let (lock, ended) = futures_util::future::join(line.batch_execute(&serving), async {
            fresh.until("SELECT count(*) FROM pg_locks WHERE NOT granted", "1").await;
            fresh.say(&format!("SELECT pg_terminate_backend(({HOLDER}))"))
        })
        .await;
        lock.unwrap();
        assert_eq!(ended, "t");
        if goes {
            other.begin_epoch().await.unwrap();
            line.batch_execute("SELECT pg_advisory_unlock_all()").await.unwrap();
        }
        let stops = tokio::time::timeout(super::PATIENCE, fresh.store.fatal().cancelled_owned());
        assert!(stops.await.is_ok(), "it goes on beside another one, goes: {goes}");
    }
}
