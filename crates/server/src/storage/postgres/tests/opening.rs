//! Which databases are opened, founded, migrated or refused.

use futures_util::future::join_all;

use super::server::Postgres;
use super::{OF_SEVERAL, until};
use crate::storage::RoomStore;
use crate::storage::postgres::open::{self, FACTS, Schema};
use crate::storage::postgres::{OpenError, PostgresStorage};

async fn refused(url: &str) -> OpenError {
    PostgresStorage::open(url, OF_SEVERAL).await.err().expect("it was opened")
}

/// An empty database, dropped with its owner.
pub(super) struct Empty(pub(super) String);

impl Empty {
    pub(super) fn new() -> Self {
        Self(Postgres::shared().database())
    }

    pub(super) fn say(&self, sql: &str) -> String {
        Postgres::shared().say(&self.0, sql)
    }

    pub(super) fn address(&self) -> tokio_postgres::Config {
        open::address(&self.0, OF_SEVERAL.patience).unwrap()
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        Postgres::shared().drop_database(&self.0);
    }
}

#[tokio::test]
async fn of_nodes_that_start_at_once_one_founds_the_database() {
    let empty = Empty::new();
    let starts = join_all((0..4).map(|_| PostgresStorage::open(&empty.0, OF_SEVERAL))).await;
    let mut names = Vec::new();
    for node in starts {
        names.push(node.unwrap().founded().await.unwrap());
    }
    names.dedup();
    assert_eq!(names.len(), 1, "they found the same one");
    let numbers: Vec<String> = (1..=FACTS.migrations.len()).map(|n| n.to_string()).collect();
    let applied =
        empty.say("SELECT string_agg(number::text, ',' ORDER BY number) FROM anteroom_schema");
    assert_eq!(applied, numbers.join(","));
}

#[tokio::test]
async fn the_stores_have_the_same_migrations_by_number_and_name() {
    let names = |store: &str| {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(store);
        let files = std::fs::read_dir(dir).unwrap().map(|it| it.unwrap().file_name());
        let mut names: Vec<_> = files.collect();
        names.sort();
        names
    };
    assert_eq!(names("postgres"), names("sqlite"));
    assert_eq!(names("postgres").len(), FACTS.migrations.len());
}

#[tokio::test]
async fn a_database_of_a_newer_release_is_refused() {
    let empty = Empty::new();
    drop(PostgresStorage::open(&empty.0, OF_SEVERAL).await.unwrap());
    empty.say("INSERT INTO anteroom_schema (number) VALUES (999)");
    let refused = refused(&empty.0).await;
    assert!(matches!(refused, OpenError::Newer { found: 999, .. }), "{refused}");
    assert!(refused.to_string().contains("newer release"), "{refused}");
}

#[tokio::test]
async fn a_database_of_another_application_is_left_untouched() {
    let empty = Empty::new();
    empty.say("CREATE TABLE theirs (x integer)");
    let refused = refused(&empty.0).await;
    assert!(matches!(refused, OpenError::Foreign), "{refused}");
    let tables =
        "SELECT string_agg(relname, ',') FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(empty.say(tables), "theirs");
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_version_before_it() {
    let empty = Empty::new();
    const FIRST: &str = "CREATE TABLE first (x integer);";
    const THIRD: &str = "CREATE TABLE third (x integer);";
    const BROKEN: [&str; 3] =
        [FIRST, "CREATE TABLE second (x integer); CREATE TABLE first (x integer);", THIRD];
    const MENDED: [&str; 3] = [FIRST, "CREATE TABLE second (x integer);", THIRD];
    let broken = Schema { migrations: &BROKEN, ..FACTS };
    let refused = open::prepare(&empty.address(), &broken).await.unwrap_err();
    assert!(matches!(refused, OpenError::Migration { number: 2, .. }), "{refused}");
    let tables = "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class
                  WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'";
    assert_eq!(empty.say(tables), "anteroom_schema,first");
    let mended = Schema { migrations: &MENDED, ..FACTS };
    open::prepare(&empty.address(), &mended).await.unwrap();
    open::prepare(&empty.address(), &mended).await.unwrap();
    assert_eq!(empty.say("SELECT max(number) FROM anteroom_schema"), "3");
}

#[tokio::test]
async fn a_migration_that_waits_for_a_table_keeps_nobody_else_from_it_for_long() {
    const ONE: [&str; 1] = ["CREATE TABLE used (x integer);"];
    const TWO: [&str; 2] = [ONE[0], "ALTER TABLE used ADD COLUMN y integer;"];
    let empty = Empty::new();
    open::prepare(&empty.address(), &Schema { migrations: &ONE, ..FACTS }).await.unwrap();
    let (reader, line) = empty.address().connect(tokio_postgres::NoTls).await.unwrap();
    let line = tokio::spawn(line);
    reader.batch_execute("BEGIN; SELECT FROM used").await.unwrap();
    let address = empty.address();
    let migrating = tokio::spawn(async move {
        open::prepare(&address, &Schema { migrations: &TWO, ..FACTS }).await
    });
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database =
                 (SELECT oid FROM pg_database WHERE datname = current_database())";
    until(waits.to_owned(), || empty.say(waits) == "1").await;
    empty.say("SET statement_timeout = '20s'; INSERT INTO used VALUES (1)");
    reader.batch_execute("COMMIT").await.unwrap();
    migrating.await.unwrap().unwrap();
    assert_eq!(empty.say("SELECT count(*) FROM used WHERE y IS NULL"), "1");
    drop(reader);
    line.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_no_address_or_asks_for_encryption_is_refused_in_words() {
    for url in [
        "postgres://me:hush@db.example/chat?sslmode=require",
        "postgres://me:hush@db.example/chat?sslmode=verify-full",
    ] {
        let refused = refused(url).await;
        assert!(matches!(refused, OpenError::Encrypted), "{refused}");
    }
    for url in [
        "postgres://me:hush@db.example:port/chat",
        "postgres://me:hush@db.example/chat?no_such_setting=1",
        "postgres:///",
    ] {
        let refused = refused(url).await;
        assert!(matches!(refused, OpenError::Address(_)), "{url}: {refused}");
        assert!(!refused.to_string().contains("hush"), "{refused}");
    }
    let refused = refused("postgres://me:hush@127.0.0.1:1/chat").await;
    assert!(matches!(refused, OpenError::Unreachable(_)), "{refused}");
    assert!(!refused.to_string().contains("hush"), "{refused}");
}

#[tokio::test]
async fn a_server_that_does_not_keep_what_it_confirms_is_refused() {
    let server = Postgres::start();
    let url = server.database();
    for name in ["fsync", "full_page_writes"] {
        server.say(&url, &format!("ALTER SYSTEM SET {name} = off"));
        server.say(&url, "SELECT pg_reload_conf()");
        until(format!("{name} is off"), || server.say(&url, &format!("SHOW {name}")) == "off")
            .await;
        let refused = refused(&url).await;
        assert!(matches!(refused, OpenError::NotDurable(it) if it == name), "{refused}");
        server.say(&url, &format!("ALTER SYSTEM RESET {name}"));
        server.say(&url, "SELECT pg_reload_conf()");
        until(format!("{name} is on"), || server.say(&url, &format!("SHOW {name}")) == "on").await;
    }
    server.say(&url, "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
    let name = url.rsplit('/').next().unwrap();
    let refused = refused(&url.replace(name, "latin")).await;
    assert!(matches!(&refused, OpenError::Encoding(it) if it == "LATIN1"), "{refused}");
}
