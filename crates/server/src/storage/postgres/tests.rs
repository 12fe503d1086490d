//! The contract on PostgreSQL, and what only this store promises: several nodes, lost lines, refusals.

mod alone;
mod bounds;
mod events;
mod leases;
mod lost;
mod nodes;
mod opening;
mod reach;
mod upgrade;
#[path = "../../../tests/it/harness/postgres.rs"]
pub(crate) mod server;
pub(crate) mod wire;

use std::time::Duration;

use server::Postgres;

use super::{PostgresOptions, PostgresStorage};
use crate::storage::Storage;
use crate::storage::contract::storage_contract;

/// How long anything may take here before it counts as never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A fresh database on the server that the tests share.
pub(crate) struct Fresh {
    pub(crate) store: PostgresStorage,
    pub(crate) url: String,
}

impl Fresh {
    pub(crate) async fn new() -> Self {
        Self::with(OF_SEVERAL).await
    }

    pub(crate) async fn with(options: PostgresOptions) -> Self {
        let url = Postgres::shared().database();
        let store = PostgresStorage::open(&url, options).await.unwrap();
        Self { store, url }
    }

    /// With events.
    pub(crate) async fn telling() -> Self {
        Self::with(PostgresOptions { events: true, ..OF_SEVERAL }).await
    }

    pub(crate) fn store(&self) -> &dyn Storage {
        &self.store
    }

    /// Another node on the same database.
    pub(crate) async fn node(&self) -> PostgresStorage {
        node(&self.url).await
    }

    /// Runs SQL as another program would.
    pub(crate) fn say(&self, sql: &str) -> String {
        Postgres::shared().say(&self.url, sql)
    }

    /// Waits until SQL answers what is expected.
    pub(crate) async fn until(&self, sql: &str, expected: &str) {
        let sql = format!("SELECT ({sql})::text");
        until(sql.clone(), || self.say(&sql) == expected).await;
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        Postgres::shared().drop_database(&self.url);
    }
}

/// The options of one of several nodes.
pub(crate) const OF_SEVERAL: PostgresOptions = PostgresOptions {
    connections: 8,
    queue: 1024,
    patience: Duration::from_secs(3),
    timeout: Duration::from_secs(5),
    alone: false,
    events: false,
};

/// One of several nodes on a database.
pub(crate) async fn node(url: &str) -> PostgresStorage {
    PostgresStorage::open(url, OF_SEVERAL).await.unwrap()
}

/// Looks again until something is so.
pub(crate) async fn until(what: String, mut is_so: impl FnMut() -> bool) {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    // A look blocks the thread: whatever is waited for runs in between.
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let looking = async {
        while !is_so() {
            look.tick().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, looking).await.is_ok(), "never: {what}");
}

storage_contract!(Fresh::new().await);

/// Where every fact leaves an event, all is as it is elsewhere.
mod telling {
    use super::Fresh;
    use crate::storage::contract::storage_contract;

    storage_contract!(Fresh::telling().await);
    storage_contract!(events: Fresh::telling().await);
}

#[tokio::test]
async fn every_statement_can_be_prepared() {
    let fresh = Fresh::new().await;
    let line = fresh.store.lines.line().await.unwrap();
    for (name, sql) in statements() {
        if let Err(error) = line.prepare(sql).await {
            panic!("{name}: {error:?}");
        }
    }
}

/// Everything that is said to it, by name.
fn statements() -> Vec<(&'static str, &'static str)> {
    [
        super::accounts::ALL,
        super::administrators::ALL,
        super::audit::ALL,
        super::bans::ALL,
        super::changes::ALL,
        super::entries::ALL,
        super::events::ALL,
        super::index::ALL,
        super::keeping::ALL,
        super::logins::ALL,
        super::memberships::ALL,
        super::messages::ALL,
        super::nodes::ALL,
        super::open::ALL,
        super::person::ALL,
        super::rooms::ALL,
        super::search::ALL,
    ]
    .concat()
}

#[tokio::test]
async fn a_closed_store_refuses_and_its_data_is_there_again() {
    let fresh = Fresh::new().await;
    let me = crate::storage::contract::user(fresh.store(), "me").await;
    assert!(fresh.store.ping().await.is_ok());
    fresh.store.close().await;
    fresh.store.close().await;
    let refused = fresh.store.ping().await.unwrap_err().to_string();
    assert_eq!(refused, super::closed().to_string());
    let again = fresh.node().await;
    assert!(crate::storage::AccountStore::user(&again, me).await.unwrap().is_some());
}
