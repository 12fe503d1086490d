//! The contract on SQLite, and what only this store promises: groups, bounds, locks, crashes.

mod crash;
mod groups;
mod speed;
mod upgrade;

use std::path::{Path, PathBuf};

use anteroom_core::ids::{MessageId, UserId};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{SqliteOptions, SqliteStorage};
use crate::storage::contract::{self, new_room, stay, storage_contract, user};
use crate::storage::{AccountStore, MessageStore, RoomStore, Storage};

/// A fresh store in a directory of its own.
pub(super) struct Fresh {
    pub(super) store: SqliteStorage,
    pub(super) dir: TempDir,
}

impl Fresh {
    pub(super) fn new() -> Self {
        Self::with(SqliteOptions::default())
    }

    pub(super) fn with(options: SqliteOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStorage::open(&database(dir.path()), options).unwrap();
        Self { store, dir }
    }

    /// With events.
    pub(super) fn telling() -> Self {
        Self::with(SqliteOptions { events: true, ..SqliteOptions::default() })
    }

    pub(super) fn store(&self) -> &dyn Storage {
        &self.store
    }

    /// A second connection, as another program would have one.
    pub(super) fn aside(&self) -> Connection {
        Connection::open(database(self.dir.path())).unwrap()
    }
}

pub(super) fn database(dir: &Path) -> PathBuf {
    dir.join("anteroom.db")
}

storage_contract!(Fresh::new());

/// Where every fact leaves an event, all is as it is elsewhere.
mod telling {
    use super::Fresh;
    use crate::storage::contract::storage_contract;

    storage_contract!(Fresh::telling());
    storage_contract!(events: Fresh::telling());
}

#[tokio::test]
async fn a_store_without_events_writes_none() {
    let fresh = Fresh::new();
    contract::events::a_whole_life(fresh.store()).await;
    let told: i64 =
        fresh.aside().query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
    assert_eq!(told, 0);
}

#[test]
fn every_statement_can_be_prepared() {
    let fresh = Fresh::new();
    let conn = fresh.aside();
    for (name, sql) in statements() {
        if let Err(error) = conn.prepare(sql) {
            panic!("{name}: {error}");
        }
    }
}

/// Everything that is said to it, by name.
fn statements() -> Vec<(&'static str, &'static str)> {
    [
        super::accounts::ALL,
        super::administrators::ALL,
        super::audit::ALL,
        super::changes::ALL,
        super::bans::ALL,
        super::entries::ALL,
        super::events::ALL,
        super::index::ALL,
        super::keeping::ALL,
        super::logins::ALL,
        super::memberships::ALL,
        super::messages::ALL,
        super::person::ALL,
        super::rooms::ALL,
        super::search::ALL,
    ]
    .concat()
}

#[tokio::test]
async fn a_room_row_is_undone_when_its_first_membership_fails() {
    let fresh = Fresh::new();
    let me = user(fresh.store(), "me").await;
    let room = fresh.store.queue_room(new_room(me)).await.unwrap();
    fresh
        .aside()
        .execute_batch(
            "CREATE TRIGGER broken BEFORE INSERT ON memberships
             BEGIN SELECT RAISE(ABORT, 'broken on purpose'); END;",
        )
        .unwrap();
    assert!(fresh.store.enter(stay(room.id, me, 1, 1)).await.is_err());
    assert_eq!(fresh.store.room(room.id).await.unwrap(), None);
    assert_eq!(fresh.store.queued_rooms().await.unwrap().first(), Some(&room), "still queued");

    fresh.aside().execute_batch("DROP TRIGGER broken").unwrap();
    let entered = fresh.store.enter(stay(room.id, me, 1, 1)).await.unwrap();
    assert_eq!(entered, crate::storage::Entered::Opened);
}

#[tokio::test]
async fn the_database_itself_refuses_a_second_open_stay() {
    let fresh = Fresh::new();
    let me = user(fresh.store(), "me").await;
    let room = contract::open_room(fresh.store(), me).await;
    let second = fresh.aside().execute(
        "INSERT INTO memberships (room_id, user_id, epoch, n, entered_at) VALUES (?1, ?2, 9, 9, 0)",
        rusqlite::params![room.0, me.0],
    );
    assert!(second.unwrap_err().to_string().contains("UNIQUE"), "one stay per room and user");
}

#[tokio::test]
async fn a_closed_store_refuses_and_its_data_is_there_again() {
    let Fresh { store, dir } = Fresh::new();
    let me = user(&store, "me").await;
    assert!(store.ping().await.is_ok());
    store.close().await;
    store.close().await;
    let refused = crate::storage::StorageError::Unavailable("the store is closed".into());
    for answer in [store.ping().await, store.user(me).await.map(drop)] {
        assert_eq!(answer.unwrap_err().to_string(), refused.to_string());
    }
    let wal = std::fs::metadata(dir.path().join("anteroom.db-wal"));
    assert!(wal.is_err(), "a tidy close leaves one file");
    let again = SqliteStorage::open(&database(dir.path()), SqliteOptions::default()).unwrap();
    assert!(again.user(me).await.unwrap().is_some());
}

#[tokio::test]
async fn bans_are_there_again_and_one_that_was_not_written_is_none() {
    let Fresh { store, dir } = Fresh::new();
    let (me, them, other) =
        (user(&store, "me").await, user(&store, "them").await, user(&store, "other").await);
    let room = contract::open_room(&store, me).await;
    store.ban(room, them, me, contract::NOW).await.unwrap();
    Connection::open(database(dir.path()))
        .unwrap()
        .execute_batch(
            "CREATE TRIGGER broken BEFORE INSERT ON bans
             BEGIN SELECT RAISE(ABORT, 'broken on purpose'); END;",
        )
        .unwrap();
    assert!(store.ban(room, other, me, contract::NOW).await.is_err());
    assert!(!store.is_banned(room, other).await.unwrap());
    store.close().await;
    let again = SqliteStorage::open(&database(dir.path()), SqliteOptions::default()).unwrap();
    assert!(again.is_banned(room, them).await.unwrap());
    assert!(!again.is_banned(room, other).await.unwrap());
}

#[tokio::test]
async fn numbers_of_rows_that_were_taken_away_are_not_given_again() {
    let fresh = Fresh::new();
    let me = user(fresh.store(), "me").await;
    let room = contract::open_room(fresh.store(), me).await;
    fresh.store.append(vec![contract::said(room, me, "1")]).await.unwrap();
    let raised = "BEGIN; DELETE FROM messages; UPDATE rooms SET seq_floor = 7; COMMIT;";
    fresh.aside().execute_batch(raised).unwrap();
    assert_eq!(fresh.store.room(room).await.unwrap().unwrap().last_seq, 7);
    let answers = fresh.store.append(vec![contract::said(room, me, "2")]).await.unwrap();
    assert_eq!(answers, [crate::storage::Appended::New { seq: 8 }]);
}

#[tokio::test]
async fn a_commit_of_eight_senders_writes_few_pages() {
    const PAGE: u64 = 4096 + 24;
    let fresh = Fresh::new();
    let mut senders = Vec::new();
    for n in 0..8 {
        senders.push(user(fresh.store(), &format!("sender-{n}")).await);
    }
    let room = contract::open_room(fresh.store(), senders[0]).await;
    let wal = || std::fs::metadata(fresh.dir.path().join("anteroom.db-wal")).unwrap().len();
    let (mut pages, mut commits) = (0, 0);
    for round in 0..200 {
        let before = wal();
        let say = |(n, sender): (usize, &UserId)| crate::storage::NewMessage {
            id: MessageId(uuid::Uuid::now_v7()),
            ..contract::said(room, *sender, &format!("{round:08}-{n}"))
        };
        fresh.store.append(senders.iter().enumerate().map(say).collect()).await.unwrap();
        if let Some(grown) = wal().checked_sub(before).filter(|grown| *grown > 0) {
            (pages, commits) = (pages + grown / PAGE, commits + 1);
        }
    }
    assert!(commits > 100, "the log was folded in too often to tell");
    let each = pages as f64 / f64::from(commits);
    assert!(
        each < 7.0,
        "{each} pages for a commit: one for the rows, one in each index, and their splits"
    );
}
