//! Which files are opened, founded, migrated or refused.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::{Form, OpenError, STORAGE, migrate, schema_version};
use crate::storage::sqlite::{SqliteOptions, SqliteStorage};

fn open(path: &Path) -> Result<SqliteStorage, OpenError> {
    SqliteStorage::open(path, SqliteOptions::default())
}

fn pragma<T: rusqlite::types::FromSql>(conn: &Connection, name: &str) -> T {
    conn.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn a_new_database_is_founded_durable_and_ours() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deeper/anteroom.db");
    drop(open(&path).unwrap());
    let conn = super::writer(&path, Duration::ZERO, &STORAGE).unwrap();
    assert_eq!(pragma::<i32>(&conn, "application_id"), STORAGE.application_id);
    assert_eq!(schema_version(&conn).unwrap(), STORAGE.migrations.len());
    assert_eq!(pragma::<String>(&conn, "journal_mode"), "wal");
    assert_eq!(pragma::<i64>(&conn, "synchronous"), 2, "FULL");
    assert_eq!(pragma::<i64>(&conn, "foreign_keys"), 1);
    assert_eq!(pragma::<String>(&conn, "integrity_check"), "ok");
}

#[cfg(unix)]
#[test]
fn others_on_the_machine_cannot_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("anteroom.db")).unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
    drop(store);
}

#[test]
fn a_second_server_is_kept_out_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("anteroom.db");
    let first = open(&path).unwrap();
    let refused = open(&path).err().unwrap();
    assert!(matches!(refused, OpenError::InUse(_)), "{refused}");
    assert!(refused.to_string().contains("another server"));
    drop(first);
    drop(open(&path).unwrap());
}

#[test]
fn a_database_of_another_application_is_left_untouched() {
    for mark in ["PRAGMA application_id = 7", "CREATE TABLE theirs (x)"] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("anteroom.db");
        Connection::open(&path).unwrap().execute_batch(mark).unwrap();
        let before = std::fs::read(&path).unwrap();
        let refused = open(&path).err().unwrap();
        assert!(matches!(refused, OpenError::Foreign(_)), "{mark}: {refused}");
        assert_eq!(std::fs::read(&path).unwrap(), before, "{mark}");
    }
}

#[test]
fn a_database_of_a_newer_release_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("anteroom.db");
    drop(open(&path).unwrap());
    let newer = STORAGE.migrations.len() + 1;
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch(&format!("PRAGMA user_version = {newer}")).unwrap();
    drop(conn);
    let refused = open(&path).err().unwrap();
    assert!(matches!(refused, OpenError::Newer { found, .. } if found == newer), "{refused}");
}

#[test]
fn a_file_that_is_no_database_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("anteroom.db");
    std::fs::write(&path, "not a database at all, but long enough to have a header".repeat(40))
        .unwrap();
    let refused = open(&path).err().unwrap();
    assert!(refused.to_string().contains("not a database"), "{refused}");
}

#[test]
fn a_migration_that_fails_leaves_the_version_before_it() {
    let mut conn = Connection::open_in_memory().unwrap();
    let broken = "CREATE TABLE second (x) STRICT; CREATE TABLE first (x);";
    let list = ["CREATE TABLE first (x);", broken, "CREATE TABLE third (x);"];
    let of = |list: [&'static str; 3]| Form { migrations: list.to_vec().leak(), ..STORAGE };
    let refused = migrate(&mut conn, &of(list)).err().unwrap();
    assert!(matches!(refused, OpenError::Migration { number: 2, .. }), "{refused}");
    assert_eq!(schema_version(&conn).unwrap(), 1);
    let tables: i64 =
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 2, "the first, and what is noted of the versions");
    let mended = [list[0], "CREATE TABLE second (x);", list[2]];
    migrate(&mut conn, &of(mended)).unwrap();
    migrate(&mut conn, &of(mended)).unwrap();
    assert_eq!(schema_version(&conn).unwrap(), 3);
}

#[tokio::test]
async fn f42_a_damaged_file_is_refused_in_words_and_left_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("anteroom.db");
    let store = open(&path).unwrap();
    for n in 0..200 {
        crate::storage::contract::user(&store, &format!("user-{n}")).await;
    }
    crate::storage::Storage::close(&store).await;
    drop(store);
    drop(open(&path).unwrap());
    let whole = std::fs::read(&path).unwrap();
    let page = 4096;
    let (mut refused, mut served) = (0, 0);
    for at in (1..whole.len() / page).map(|number| number * page) {
        let mut damaged = whole.clone();
        // The byte that says what kind of page it is.
        damaged[at] ^= 0x10;
        std::fs::write(&path, &damaged).unwrap();
        match open(&path) {
            Err(why) => {
                // Where the list of tables itself is damaged, nothing can be asked at all.
                let is_said = matches!(why, OpenError::Damaged { .. } | OpenError::Sqlite(_));
                assert!(is_said, "page at {at}: {why}");
                assert!(
                    why.to_string().contains("damaged") || why.to_string().contains("malformed")
                );
                refused += 1;
                assert_eq!(std::fs::read(&path).unwrap(), damaged, "left untouched");
            }
            Ok(store) => {
                // A page that holds the rest of a long text has no kind.
                served += 1;
                drop(store);
            }
        }
    }
    assert!(refused > 20 && served * 10 <= refused, "{refused} refused, {served} served");
}
