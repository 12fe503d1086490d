//! A file has one server, which holds it by a lock: there is no lease to lose, and nobody else to fence.

use std::time::Duration;

use anteroom_core::ids::Owner;
use async_trait::async_trait;

use super::SqliteStorage;
use crate::storage::{NodeRecord, NodeStore, Stored};

#[async_trait]
impl NodeStore for SqliteStorage {
    async fn take_lease(&self, _: Owner, _: Duration) -> Stored<Option<u64>> {
        Ok(Some(0))
    }

    async fn renew_lease(&self, _: Owner, _: Duration) -> Stored<Option<u64>> {
        Ok(Some(0))
    }

    async fn give_up_lease(&self, _: Owner) -> Stored<()> {
        Ok(())
    }

    async fn fence_overdue(&self) -> Stored<Vec<Owner>> {
        Ok(Vec::new())
    }

    async fn swept(&self, _: Owner) -> Stored<()> {
        Ok(())
    }

    async fn seats_lost(&self, _: Option<u64>) -> Stored<u64> {
        Ok(0)
    }

    async fn seats_cleared(&self, _: Owner, _: u64) -> Stored<()> {
        Ok(())
    }

    async fn all_cleared(&self, _: u64) -> Stored<bool> {
        Ok(true)
    }

    async fn nodes(&self) -> Stored<Vec<NodeRecord>> {
        Ok(Vec::new())
    }
}
