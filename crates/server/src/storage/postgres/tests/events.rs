//! Several processes publish from one database, and one at a time.

use std::time::Duration;

use uuid::Uuid;

use super::{Fresh, PATIENCE};
use crate::storage::contract::{self, user};
use crate::storage::{EventRecord, EventStore as _, Storage};

const LONG: Duration = PATIENCE;
/// Over at once.
const NONE: Duration = Duration::ZERO;

async fn next(store: &dyn Storage, by: Uuid, span: Duration) -> Option<Vec<EventRecord>> {
    store.next_events(by, span, 100).await.unwrap()
}

#[tokio::test]
async fn one_publisher_at_a_time_has_the_turn() {
    let fresh = Fresh::telling().await;
    let other = fresh.node().await;
    let (a, b) = (Uuid::now_v7(), Uuid::now_v7());
    assert_eq!(next(fresh.store(), a, LONG).await, Some(vec![]), "nothing to take turns for");
    user(fresh.store(), "me").await;
    let taken = next(fresh.store(), a, LONG).await.unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(next(&other, b, LONG).await, None, "it is another one's turn");
    assert_eq!(next(fresh.store(), a, LONG).await, Some(taken.clone()), "it goes on");

    other.leave_events(b).await.unwrap();
    assert_eq!(next(&other, b, LONG).await, None, "nobody leaves for another one");
    fresh.store.leave_events(a).await.unwrap();
    assert_eq!(next(&other, b, NONE).await, Some(taken.clone()), "left, and not published yet");
    assert_eq!(next(fresh.store(), a, LONG).await, Some(taken), "that turn was over at once");
}

#[tokio::test]
async fn a_store_without_events_writes_none() {
    let fresh = Fresh::new().await;
    contract::events::a_whole_life(fresh.store()).await;
    assert_eq!(fresh.say("SELECT count(*) FROM events"), "0");
}
