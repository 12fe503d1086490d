//! Which life of the seats this node is in.
//!
//! The seats of a deployment begin a new life whenever the seat store lost them, by the store of facts
//! ([`crate::storage::NodeStore::seats_lost`]). Whoever sees the loss begins it; the other nodes hear of it with
//! their leases.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// The life of the seats as this node knows it, and as it is told.
pub(crate) struct SeatsLife {
    known: AtomicU64,
    told: watch::Receiver<u64>,
}

impl SeatsLife {
    /// A node that begins in life `known`, and hears from `told` which one is to be.
    pub(crate) fn new(known: u64, told: watch::Receiver<u64>) -> Self {
        Self { known: AtomicU64::new(known), told }
    }

    /// A node without others: nobody tells it anything.
    pub(crate) fn alone(known: u64) -> Self {
        Self::new(known, watch::channel(known).1)
    }

    pub(super) fn known(&self) -> u64 {
        self.known.load(Ordering::Acquire)
    }

    pub(super) fn is_now(&self, life: u64) {
        self.known.store(life, Ordering::Release);
    }

    /// Resolves when another node began a life that this one is not in.
    pub(super) async fn left_behind(&self) {
        let known = self.known();
        if self.told.clone().wait_for(|life| *life > known).await.is_err() {
            std::future::pending().await
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_node_is_left_behind_by_a_later_life_until_it_is_in_it() {
        let told = watch::Sender::new(7);
        let life = SeatsLife::new(7, told.subscribe());
        assert!(life.left_behind().now_or_never().is_none());
        told.send_replace(9);
        assert!(life.left_behind().now_or_never().is_some());
        life.is_now(9);
        assert!(life.left_behind().now_or_never().is_none());
        // What comes late of an earlier one is none of its business.
        told.send_replace(8);
        assert!(life.left_behind().now_or_never().is_none());
        drop(told);
        assert!(life.left_behind().now_or_never().is_none(), "a lease that ended tells nothing");
        assert!(SeatsLife::alone(7).left_behind().now_or_never().is_none());
    }

    #[test]
    fn a_life_that_began_while_the_node_started_is_not_missed() {
        let told = watch::Sender::new(7);
        told.send_replace(8);
        let life = SeatsLife::new(7, told.subscribe());
        assert!(life.left_behind().now_or_never().is_some());
    }
}
