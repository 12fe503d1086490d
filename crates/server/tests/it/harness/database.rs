//! The server's database, seen from outside: rows to look at, and real failures to put in.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Stdio};

use anteroom_client::Account;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use uuid::Uuid;

use super::people::Known as _;
use super::postgres::Postgres;
use super::server::TestServer;
use super::waiting::PATIENCE;

/// Where the facts of a server are.
pub(crate) enum Facts {
    /// In a file.
    Sqlite(PathBuf),
    /// In a database of that address, of the PostgreSQL that the tests share.
    Postgres(String),
}

/// As long as this lives the store commits nothing; what is asked of it meanwhile waits, and goes on
/// when it is dropped. Reads are answered.
pub(crate) struct StoreHeld(#[expect(dead_code, reason = "the transaction lives in it")] Holder);

#[expect(dead_code, reason = "the transaction lives in them")]
enum Holder {
    Sqlite(Connection),
    Postgres(Kept),
}

/// What nodes do for themselves goes on: their leases are their own.
const HOLD: &str =
    "SELECT 'LOCK TABLE ' || string_agg(quote_ident(tablename), ', ') || ' IN SHARE MODE'
     FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'nodes' \\gexec";

/// A connection that stays until it is dropped.
struct Kept {
    psql: Child,
    _said: ChildStdin,
}

impl Kept {
    /// Holds the tables of the database of that address.
    fn holding(url: &str) -> Self {
        let mut psql = Postgres::shared().psql(url.rsplit('/').next().unwrap_or_default());
        psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut psql = psql.spawn().expect("psql runs");
        let mut said = psql.stdin.take().expect("its input");
        writeln!(said, "BEGIN;\n{HOLD}\n\\echo held").expect("psql listens");
        let mut heard = BufReader::new(psql.stdout.take().expect("its words")).lines();
        assert!(heard.any(|line| line.is_ok_and(|line| line == "held")), "the tables are held");
        Self { psql, _said: said }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.psql.kill();
        let _ = self.psql.wait();
    }
}

/// A value as SQL writes it.
pub(crate) trait Literal {
    fn literal(&self, facts: &Facts) -> String;
}

impl Literal for i64 {
    fn literal(&self, _: &Facts) -> String {
        self.to_string()
    }
}

impl Literal for &str {
    fn literal(&self, _: &Facts) -> String {
        format!("'{}'", self.replace('\'', "''"))
    }
}

impl Literal for Uuid {
    fn literal(&self, facts: &Facts) -> String {
        match facts {
            Facts::Sqlite(_) => format!("x'{}'", self.simple()),
            Facts::Postgres(_) => format!("'{self}'"),
        }
    }
}

/// Puts the values in the places of `?1`, `?2` and so on.
fn with_values(sql: &str, values: &[&dyn Literal], facts: &Facts) -> String {
    let mut sql = sql.to_owned();
    for (n, value) in values.iter().enumerate().rev() {
        sql = sql.replace(&format!("?{}", n + 1), &value.literal(facts));
    }
    sql
}

impl TestServer {
    /// The file; for what only SQLite can be made to do.
    fn database(&self) -> Connection {
        let Facts::Sqlite(path) = self.facts() else {
            panic!("this test looks into a file, and the facts are in PostgreSQL")
        };
        let connection = Connection::open(path).unwrap();
        connection.busy_timeout(PATIENCE).unwrap();
        connection
    }

    /// What the file answers to this, as `psql` would print it: a line for a row, `|` between its columns.
    pub(crate) fn database_says(&self, sql: &str) -> String {
        let database = self.database();
        let mut asked = database.prepare(sql).unwrap();
        let columns = asked.column_count();
        let of_row = |row: &rusqlite::Row<'_>| -> rusqlite::Result<String> {
            let texts = (0..columns).map(|at| {
                Ok(match row.get_ref(at)? {
                    ValueRef::Null => String::new(),
                    ValueRef::Integer(number) => number.to_string(),
                    ValueRef::Real(number) => number.to_string(),
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                        String::from_utf8_lossy(bytes).into_owned()
                    }
                })
            });
            Ok(texts.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
        };
        let rows: Vec<String> = asked.query_map([], of_row).unwrap().map(Result::unwrap).collect();
        rows.join("\n")
    }

    /// How many rows there are of `what`, which is a table and its conditions.
    pub(crate) fn rows(&self, what: &str, values: &[&dyn Literal]) -> i64 {
        let sql = format!("SELECT count(*) FROM {what}");
        self.counted(&sql, values)
    }

    fn counted(&self, sql: &str, values: &[&dyn Literal]) -> i64 {
        let facts = self.facts();
        let sql = with_values(sql, values, &facts);
        match &facts {
            Facts::Sqlite(_) => self.database().query_row(&sql, [], |row| row.get(0)).unwrap(),
            Facts::Postgres(url) => Postgres::shared().say(url, &sql).parse().unwrap(),
        }
    }

    /// Everything a table holds, written out.
    pub(crate) fn table_as_text(&self, table: &str) -> String {
        if let Facts::Postgres(url) = self.facts() {
            return Postgres::shared().say(&url, &format!("SELECT t::text FROM {table} t"));
        }
        let connection = self.database();
        let mut select = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = select.column_count();
        let mut rows = select.query([]).unwrap();
        let mut text = String::new();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                match row.get_ref(column).unwrap() {
                    ValueRef::Text(bytes) => text.push_str(&String::from_utf8_lossy(bytes)),
                    other => text.push_str(&format!("{other:?}")),
                }
                text.push(' ');
            }
        }
        text
    }

    /// How many stays the store has as open in a room.
    pub(crate) fn open_memberships(&self, room: i64) -> i64 {
        self.rows("memberships WHERE room_id = ?1 AND left_at IS NULL", &[&room])
    }

    /// How many stays of one user the store has as open in a room.
    pub(crate) fn memberships_of(&self, room: i64, account: &Account) -> i64 {
        let what = "memberships WHERE room_id = ?1 AND user_id = ?2 AND left_at IS NULL";
        self.rows(what, &[&room, &account.id()])
    }

    /// From now on the store refuses this kind of statement, such as `INSERT ON memberships`.
    pub(crate) fn break_store(&self, statement: &str) {
        match self.facts() {
            Facts::Sqlite(_) => self.alter_store(&format!(
                "CREATE TRIGGER injected BEFORE {statement}
                 BEGIN SELECT RAISE(ABORT, 'injected'); END"
            )),
            Facts::Postgres(_) => self.alter_store(&format!(
                "CREATE FUNCTION injected() RETURNS trigger LANGUAGE plpgsql
                 AS $$ BEGIN RAISE EXCEPTION 'injected'; END $$;
                 CREATE TRIGGER injected BEFORE {statement} EXECUTE FUNCTION injected()"
            )),
        }
    }

    /// The store works again.
    pub(crate) fn mend_store(&self) {
        match self.facts() {
            Facts::Sqlite(_) => self.alter_store("DROP TRIGGER injected"),
            Facts::Postgres(_) => self.alter_store("DROP FUNCTION injected CASCADE"),
        }
    }

    /// From now on this kind of statement keeps the store busy for some hundredth parts of a second.
    pub(crate) fn slow_store(&self, statement: &str, steps: u32) {
        let name = statement.replace(' ', "_");
        if let Facts::Postgres(_) = self.facts() {
            // A step is a tenth of a microsecond, about what it is there.
            let (name, seconds) = (statement.replace(' ', "_"), f64::from(steps) * 1e-7);
            return self.alter_store(&format!(
                "CREATE FUNCTION slow_{name}() RETURNS trigger LANGUAGE plpgsql
                 AS $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END $$;
                 CREATE TRIGGER slow_{name} BEFORE {statement} EXECUTE FUNCTION slow_{name}()"
            ));
        }
        let sql = format!(
            "CREATE VIEW work_{name} AS WITH RECURSIVE n(x) AS
                 (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT {steps}) SELECT max(x) AS c FROM n;
             CREATE TRIGGER slow_{name} BEFORE {statement} BEGIN SELECT c FROM work_{name}; END"
        );
        self.database().execute_batch(&sql).unwrap();
    }

    /// Holds the store; not for longer than the few seconds it waits before it refuses.
    pub(crate) fn hold_store(&self) -> StoreHeld {
        if let Facts::Postgres(url) = self.facts() {
            return StoreHeld(Holder::Postgres(Kept::holding(&url)));
        }
        let connection = self.database();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        StoreHeld(Holder::Sqlite(connection))
    }

    /// Changes the schema behind the server's back.
    pub(crate) fn alter_store(&self, sql: &str) {
        match self.facts() {
            Facts::Sqlite(_) => self.database().execute_batch(sql).unwrap(),
            Facts::Postgres(url) => drop(Postgres::shared().say(&url, sql)),
        }
    }

    /// Runs a statement that changes rows behind the server's back; how many it changed.
    pub(crate) fn change_rows(&self, sql: &str, values: &[&dyn Literal]) -> i64 {
        let facts = self.facts();
        let Facts::Postgres(_) = facts else {
            let sql = with_values(sql, values, &facts);
            return i64::try_from(self.database().execute(&sql, []).unwrap()).unwrap();
        };
        let sql = format!("WITH changed AS ({sql} RETURNING 1) SELECT count(*) FROM changed");
        self.counted(&sql, values)
    }

    /// Changes the tables themselves behind the server's back.
    pub(crate) fn change_schema(&self, sql: &str) {
        match self.facts() {
            Facts::Postgres(url) => drop(Postgres::shared().say(&url, sql)),
            Facts::Sqlite(_) => self.database().execute_batch(sql).unwrap(),
        }
    }
}
