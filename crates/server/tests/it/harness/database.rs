//! The server's database, seen from outside: rows to look at, and real failures to put in.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params};

use super::people::Known as _;
use super::server::TestServer;
use super::waiting::PATIENCE;

/// As long as this lives the store commits nothing; what is asked of it meanwhile waits, and goes on
/// when it is dropped. Reads are answered.
pub(crate) struct StoreHeld(
    #[expect(dead_code, reason = "the transaction lives in it")] Connection,
);

impl TestServer {
    fn database(&self) -> Connection {
        let connection = Connection::open(self.data_dir().join("anteroom.db")).unwrap();
        connection.busy_timeout(PATIENCE).unwrap();
        connection
    }

    /// How many rows there are of `what`, which is a table and its conditions.
    pub(crate) fn rows(&self, what: &str, params: impl Params) -> i64 {
        let sql = format!("SELECT count(*) FROM {what}");
        self.database().query_row(&sql, params, |row| row.get(0)).unwrap()
    }

    /// Everything a table holds, written out.
    pub(crate) fn table_as_text(&self, table: &str) -> String {
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
        self.rows("memberships WHERE room_id = ?1 AND left_at IS NULL", [room])
    }

    /// How many stays of one user the store has as open in a room.
    pub(crate) fn memberships_of(&self, room: i64, account: &anteroom_client::Account) -> i64 {
        let what = "memberships WHERE room_id = ?1 AND user_id = ?2 AND left_at IS NULL";
        self.rows(what, rusqlite::params![room, account.id()])
    }

    /// From now on the store refuses this kind of statement, such as `INSERT ON memberships`.
    pub(crate) fn break_store(&self, statement: &str) {
        let sql = format!(
            "CREATE TRIGGER injected BEFORE {statement} BEGIN SELECT RAISE(ABORT, 'injected'); END"
        );
        self.database().execute_batch(&sql).unwrap();
    }

    /// The store works again.
    pub(crate) fn mend_store(&self) {
        self.database().execute_batch("DROP TRIGGER injected").unwrap();
    }

    /// From now on this kind of statement keeps the store busy for some hundredth parts of a second.
    pub(crate) fn slow_store(&self, statement: &str, steps: u32) {
        let name = statement.replace(' ', "_");
        let sql = format!(
            "CREATE VIEW work_{name} AS WITH RECURSIVE n(x) AS
                 (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT {steps}) SELECT max(x) AS c FROM n;
             CREATE TRIGGER slow_{name} BEFORE {statement} BEGIN SELECT c FROM work_{name}; END"
        );
        self.database().execute_batch(&sql).unwrap();
    }

    /// Holds the store; not for longer than the few seconds it waits before it refuses.
    pub(crate) fn hold_store(&self) -> StoreHeld {
        let connection = self.database();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        StoreHeld(connection)
    }

    /// Changes the schema behind the server's back.
    pub(crate) fn alter_store(&self, sql: &str) {
        self.database().execute_batch(sql).unwrap();
    }

    /// Runs a statement that changes rows behind the server's back; how many it changed.
    pub(crate) fn change_rows(&self, sql: &str, params: impl Params) -> usize {
        self.database().execute(sql, params).unwrap()
    }
}
