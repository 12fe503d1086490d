//! An older program beside a newer schema, on PostgreSQL.

use super::opening::Empty;
use super::{Fresh, OF_SEVERAL, statements};
use crate::storage::AccountStore as _;
use crate::storage::postgres::open::{self, FACTS, Schema};
use crate::storage::postgres::{OpenError, PostgresStorage};
use crate::storage::upgrade::{Catalogue, Rule, recorded, records_all};

/// What may be there in a column belongs to its kind: who reads it counts on that.
const COLUMNS: &str = "SELECT relname, attname,
        format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END,
        attnotnull AND NOT atthasdef AND attidentity = ''
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v')
      AND attnum > 0 AND NOT attisdropped";
const RULES: &str = "WITH ours AS (
        SELECT oid, relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace)
    SELECT relname, pg_get_constraintdef(k.oid),
           (SELECT string_agg(attname, ',') FROM pg_attribute
            WHERE attrelid = conrelid AND attnum = ANY (conkey))
    FROM pg_constraint k JOIN ours ON ours.oid = conrelid WHERE contype IN ('c', 'f', 'x')
    UNION ALL
    SELECT ours.relname, 'kept by ' || conrelid::regclass || ' ' || pg_get_constraintdef(k.oid), NULL
    FROM pg_constraint k JOIN ours ON ours.oid = confrelid
    WHERE contype = 'f' AND confdeltype IN ('a', 'r')
    UNION ALL
    SELECT relname, regexp_replace(pg_get_indexdef(indexrelid), ' INDEX \\S+ ', ' INDEX '),
           (SELECT string_agg(attname, ',') FROM pg_attribute
            WHERE attrelid = indrelid AND attnum = ANY (indkey))
    FROM pg_index JOIN ours ON ours.oid = indrelid WHERE indisunique
    UNION ALL
    SELECT relname, pg_get_triggerdef(t.oid), NULL
    FROM pg_trigger t JOIN ours ON ours.oid = tgrelid WHERE NOT tgisinternal";

fn catalogue(of: &Empty) -> Catalogue {
    let mut catalogue = Catalogue::default();
    for line in of.say(COLUMNS).lines() {
        let [table, column, kind, required] =
            line.split('|').collect::<Vec<_>>().try_into().expect("four columns");
        let column = (table.to_owned(), column.to_owned());
        catalogue.columns.insert(column, (kind.to_owned(), required == "t"));
    }
    for line in of.say(RULES).lines() {
        let (table, rest) = line.split_once('|').expect("three columns");
        let (words, columns) = rest.rsplit_once('|').expect("three columns");
        let columns = columns.split(',').filter(|it| !it.is_empty()).map(str::to_owned);
        let (table, words) = (table.to_owned(), words.to_owned());
        catalogue.rules.insert(Rule { table, columns: columns.collect(), words });
    }
    catalogue
}

async fn made_by(schema: Schema) -> Empty {
    let empty = Empty::new();
    open::prepare(&empty.address(), &schema).await.unwrap();
    empty
}

#[tokio::test]
async fn every_migration_that_older_programs_are_to_work_with_only_adds() {
    let older = Schema { migrations: &FACTS.migrations[..FACTS.compatible_from], ..FACTS };
    let (older, newer) = (made_by(older).await, made_by(FACTS).await);
    let found = catalogue(&older).narrowed_in(&catalogue(&newer));
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn a_migration_that_takes_something_away_is_found_out() {
    const BASE: &str =
        "CREATE TABLE a (k integer UNIQUE, x integer NOT NULL, y text, CHECK (x > 0));";
    let harmless = [
        "ALTER TABLE a ADD COLUMN z integer",
        "ALTER TABLE a ADD COLUMN z integer NOT NULL DEFAULT 1 CHECK (z > 0)",
        "CREATE TABLE b (x integer NOT NULL UNIQUE)",
        "CREATE INDEX ON a (y)",
        "CREATE TABLE b (x integer REFERENCES a (k) ON DELETE CASCADE)",
    ];
    let harmful = [
        "ALTER TABLE a ALTER COLUMN x DROP NOT NULL",
        "CREATE TABLE b (x integer REFERENCES a (k))",
        "ALTER TABLE a DROP COLUMN y",
        "ALTER TABLE a RENAME COLUMN y TO z",
        "ALTER TABLE a RENAME TO b",
        "DROP TABLE a",
        "ALTER TABLE a ALTER COLUMN x TYPE bigint",
        "ALTER TABLE a ALTER COLUMN y SET NOT NULL",
        "ALTER TABLE a ADD COLUMN z integer NOT NULL",
        "ALTER TABLE a ADD CHECK (x < 9)",
        "CREATE UNIQUE INDEX ON a (y)",
        "CREATE TRIGGER t BEFORE UPDATE ON a EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    ];
    let made = |more: &str| {
        let empty = Empty::new();
        empty.say(BASE);
        if !more.is_empty() {
            empty.say(more);
        }
        catalogue(&empty)
    };
    let base = made("");
    for sql in harmless {
        assert_eq!(base.narrowed_in(&made(sql)), Vec::<String>::new(), "{sql}");
    }
    for sql in harmful {
        assert!(!base.narrowed_in(&made(sql)).is_empty(), "{sql}");
    }
}

#[tokio::test]
async fn what_older_releases_say_can_be_said_to_the_newest_schema() {
    records_all("postgres", FACTS.migrations.len(), &statements());
    let fresh = Fresh::new().await;
    let line = fresh.store.lines.line().await.unwrap();
    for (version, sql) in recorded("postgres", FACTS.compatible_from) {
        if let Err(error) = line.prepare(&sql).await {
            panic!("a program of schema {version} says {sql}: {error:?}");
        }
    }
}

/// What a release later than this one does to the database: one migration more.
async fn newer_release(empty: &Empty, compatible_from: usize) {
    let mut migrations = FACTS.migrations.to_vec();
    migrations.push("ALTER TABLE rooms ADD COLUMN theirs integer;");
    let schema = Schema { migrations: migrations.leak(), compatible_from, ..FACTS };
    open::prepare(&empty.address(), &schema).await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_that_only_adds_is_worked_on_also_from_a_new_start() {
    let known = FACTS.migrations.len();
    let empty = Empty::new();
    let there = PostgresStorage::open(&empty.0, OF_SEVERAL).await.unwrap();
    newer_release(&empty, known).await;
    let me = crate::storage::contract::user(&there, "me").await;
    let again = PostgresStorage::open(&empty.0, OF_SEVERAL).await.unwrap();
    assert!(again.user(me).await.unwrap().is_some());
    let newest = empty.say("SELECT max(number) FROM anteroom_schema");
    assert_eq!(newest, (known + 1).to_string(), "it is left as it is");
}

#[tokio::test]
async fn a_newer_schema_that_takes_away_is_refused() {
    let known = FACTS.migrations.len();
    let empty = Empty::new();
    drop(PostgresStorage::open(&empty.0, OF_SEVERAL).await.unwrap());
    newer_release(&empty, known + 1).await;
    let refused = PostgresStorage::open(&empty.0, OF_SEVERAL).await.err().expect("refused");
    assert!(matches!(refused, OpenError::Newer { found, .. } if found == known + 1), "{refused}");
}

#[tokio::test]
async fn a_database_whose_versions_say_nothing_about_others_is_brought_up_to_date() {
    let empty = made_by(FACTS).await;
    // As a release founded it that noted nothing.
    empty.say("ALTER TABLE anteroom_schema DROP COLUMN compatible_from");
    newer_release(&empty, FACTS.migrations.len()).await;
    drop(PostgresStorage::open(&empty.0, OF_SEVERAL).await.unwrap());
}
