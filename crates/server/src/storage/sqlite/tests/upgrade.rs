//! An older program beside a newer schema, on SQLite.

use rusqlite::Connection;

use super::super::open::{Form, OpenError, STORAGE, compatible_from, migrate, refuse_strangers};
use super::Fresh;
use crate::storage::upgrade::{Catalogue, Rule, recorded, records_all};

const COLUMNS: &str =
    "SELECT t.name, c.name, c.type, c.\"notnull\" AND c.dflt_value IS NULL AND NOT c.pk
    FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type IN ('table', 'view')";
/// Indexes that refuse, whatever is said in a table's own words beside its columns, and rows elsewhere without which a
/// row may not go.
const RULES: &str = "SELECT tbl_name, sql FROM sqlite_schema
    WHERE type = 'trigger' OR (type = 'index' AND sql LIKE 'CREATE UNIQUE%')
    UNION ALL
    SELECT f.\"table\", 'kept by ' || t.name || '.' || f.\"from\"
    FROM sqlite_schema t, pragma_foreign_key_list(t.name) f
    WHERE t.type = 'table' AND f.on_delete IN ('NO ACTION', 'RESTRICT')";
const TABLES: &str =
    "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'";

fn catalogue(conn: &Connection) -> Catalogue {
    let mut catalogue = Catalogue::default();
    let mut asked = conn.prepare(COLUMNS).unwrap();
    let rows = asked
        .query_map([], |it| Ok(((it.get(0)?, it.get(1)?), (it.get::<_, String>(2)?, it.get(3)?))));
    catalogue.columns.extend(rows.unwrap().map(Result::unwrap));
    let mut asked = conn.prepare(RULES).unwrap();
    let rows = asked
        .query_map([], |it| Ok(Rule { table: it.get(0)?, columns: Vec::new(), words: it.get(1)? }));
    catalogue.rules.extend(rows.unwrap().map(Result::unwrap));
    catalogue
}

/// The words in which each table was made: SQLite keeps them, and writes what is added between them.
fn words(conn: &Connection) -> Vec<(String, String)> {
    let mut asked = conn.prepare(TABLES).unwrap();
    let rows = asked.query_map([], |it| Ok((it.get(0)?, it.get::<_, String>(1)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

/// How far two texts are the same. They are ASCII.
fn common(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count()
}

/// What somebody could stumble over who knows the first schema, once the second is there.
fn narrowed(older: &Connection, newer: &Connection) -> Vec<String> {
    let mut found = catalogue(older).narrowed_in(&catalogue(newer));
    let now = words(newer);
    for (table, was) in words(older) {
        let stands = |is: &str| is.len() >= was.len() && is.ends_with(&was[common(&was, is)..]);
        if !now.iter().any(|(name, is)| *name == table && stands(is)) {
            found.push(format!("{table} is made in other words"));
        }
    }
    found
}

fn made_by(migrations: &'static [&'static str]) -> Connection {
    let mut conn = Connection::open_in_memory().unwrap();
    migrate(&mut conn, &Form { migrations, ..STORAGE }).unwrap();
    conn
}

#[test]
fn every_migration_that_older_programs_are_to_work_with_only_adds() {
    let older = made_by(&STORAGE.migrations[..STORAGE.compatible_from]);
    let newer = made_by(STORAGE.migrations);
    assert_eq!(narrowed(&older, &newer), Vec::<String>::new());
}

#[test]
fn a_migration_that_takes_something_away_is_found_out() {
    const BASE: &str =
        "CREATE TABLE a (k INTEGER UNIQUE, x INTEGER NOT NULL, y TEXT, CHECK (x > 0)) STRICT;";
    let harmless = [
        "ALTER TABLE a ADD COLUMN z INTEGER;",
        "ALTER TABLE a ADD COLUMN z INTEGER NOT NULL DEFAULT 1;",
        "CREATE TABLE b (x INTEGER NOT NULL UNIQUE);",
        "CREATE INDEX a_y ON a (y);",
        "CREATE TABLE b (k INTEGER REFERENCES a (k) ON DELETE CASCADE);",
    ];
    let harmful = [
        "ALTER TABLE a DROP COLUMN y;",
        "ALTER TABLE a RENAME COLUMN y TO z;",
        "ALTER TABLE a RENAME TO b;",
        "DROP TABLE a;",
        "CREATE TABLE b (k INTEGER REFERENCES a (k));",
        "ALTER TABLE a ADD COLUMN z INTEGER REFERENCES a (k);",
        "CREATE UNIQUE INDEX a_y ON a (y);",
        "CREATE TRIGGER t BEFORE INSERT ON a BEGIN SELECT RAISE(ABORT, 'no'); END;",
        "DROP TABLE a; CREATE TABLE a (k INTEGER UNIQUE, x INTEGER NOT NULL, y TEXT NOT NULL, CHECK (x > 0)) STRICT;",
        "DROP TABLE a; CREATE TABLE a (k INTEGER UNIQUE, x INTEGER NOT NULL, y TEXT, CHECK (x > 9)) STRICT;",
        "DROP TABLE a; CREATE TABLE a (k INTEGER UNIQUE, x TEXT NOT NULL, y TEXT, CHECK (x > 0)) STRICT;",
    ];
    let made = |more: &str| {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(&format!("{BASE}{more}")).unwrap();
        conn
    };
    for sql in harmless {
        assert_eq!(narrowed(&made(""), &made(sql)), Vec::<String>::new(), "{sql}");
    }
    for sql in harmful {
        assert!(!narrowed(&made(""), &made(sql)).is_empty(), "{sql}");
    }
    // One of ours, before the first release: a column of the rooms got another name.
    let found = narrowed(&made_by(&STORAGE.migrations[..5]), &made_by(&STORAGE.migrations[..6]));
    assert!(found.iter().any(|it| it.contains("rooms.last_seq is gone")), "{found:?}");
}

#[test]
fn what_older_releases_say_can_be_said_to_the_newest_schema() {
    records_all("sqlite", STORAGE.migrations.len(), &super::statements());
    let fresh = Fresh::new();
    let conn = fresh.aside();
    for (version, sql) in recorded("sqlite", STORAGE.compatible_from) {
        if let Err(error) = conn.prepare(&sql) {
            panic!("a program of schema {version} says {sql}: {error}");
        }
    }
}

/// A release later than this one: so many migrations more, which say since when they only add.
fn newer_release(conn: &mut Connection, compatible_from: usize) {
    let mut migrations = STORAGE.migrations.to_vec();
    migrations.push("ALTER TABLE rooms ADD COLUMN theirs INTEGER;");
    migrate(conn, &Form { migrations: migrations.leak(), compatible_from, ..STORAGE }).unwrap();
}

#[tokio::test]
async fn a_newer_schema_that_only_adds_is_worked_on() {
    let known = STORAGE.migrations.len();
    let dir = tempfile::tempdir().unwrap();
    let path = super::database(dir.path());
    let mut conn = Connection::open(&path).unwrap();
    migrate(&mut conn, &STORAGE).unwrap();
    newer_release(&mut conn, known);
    drop(conn);
    let store = super::SqliteStorage::open(&path, super::SqliteOptions::default()).unwrap();
    let older = Fresh { store, dir };
    let me = super::user(older.store(), "me").await;
    assert!(super::AccountStore::user(older.store(), me).await.unwrap().is_some());
    let room = older.store().queue_room(super::new_room(me)).await.unwrap();
    older.store().enter(super::stay(room.id, me, 1, 1)).await.unwrap();
    let version: i64 = older.aside().query_row("PRAGMA user_version", [], |it| it.get(0)).unwrap();
    assert_eq!(usize::try_from(version).unwrap(), known + 1, "it is left as it is");
}

#[test]
fn a_newer_schema_that_takes_away_or_says_nothing_is_refused() {
    let known = STORAGE.migrations.len();
    let path = std::path::Path::new("anteroom.db");
    let mut conn = made_by(STORAGE.migrations);
    newer_release(&mut conn, known + 1);
    assert_eq!(compatible_from(&conn, known + 1).unwrap(), known + 1);
    let refused = refuse_strangers(&conn, path, &STORAGE).err().unwrap();
    assert!(matches!(refused, OpenError::Newer { found, .. } if found == known + 1), "{refused}");
    // The number alone is raised: nobody said anything about it.
    conn.execute_batch(&format!("PRAGMA user_version = {}", known + 2)).unwrap();
    assert!(refuse_strangers(&conn, path, &STORAGE).is_err());
}
