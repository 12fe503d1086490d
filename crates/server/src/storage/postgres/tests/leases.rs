//! A node that is silent for longer than its lease is fenced, and writes nothing more.

use std::time::Duration;

use anteroom_core::ids::Owner;

use super::{Fresh, until};
use crate::storage::contract::{open_room, queued, said, stay, user};
use crate::storage::{
    Appended, Entered, MessageStore as _, NodeStore as _, NotTaken, RoomStore as _, StorageError,
};

const LONG: Duration = Duration::from_secs(600);

fn life(node: u32, incarnation: u64) -> Owner {
    Owner { node, incarnation }
}

#[tokio::test]
async fn a_fenced_node_writes_nothing_and_its_later_life_does() {
    let fresh = Fresh::new().await;
    let (me, other) = (user(fresh.store(), "me").await, user(fresh.store(), "other").await);
    let room = open_room(fresh.store(), me).await;
    let (asleep, awake) = (fresh.node().await, fresh.node().await);
    assert!(asleep.take_lease(life(1, 5), Duration::ZERO).await.unwrap().is_some());
    assert!(awake.take_lease(life(2, 6), LONG).await.unwrap().is_some());
    let first = asleep.append(vec![said(room, me, "1")]).await.unwrap();
    assert_eq!(first, [Appended::New { seq: 1 }], "a lease that ran out is not over yet");

    until("the lease is over".into(), || {
        fresh.say("SELECT leased_until < now() FROM nodes WHERE node = 1") == "t"
    })
    .await;
    assert_eq!(awake.fence_overdue().await.unwrap(), [life(1, 5)]);
    assert!(asleep.renew_lease(life(1, 5), LONG).await.unwrap().is_none(), "over for good");
    let refused = asleep.append(vec![said(room, me, "2")]).await.unwrap_err();
    assert!(matches!(refused, StorageError::Unavailable(_)), "{refused}");
    assert!(asleep.enter(stay(room, other, 5, 9)).await.is_err());
    assert_eq!(fresh.say("SELECT count(*) FROM messages"), "1");
    let said_by_the_other = awake.append(vec![said(room, me, "3")]).await.unwrap();
    assert_eq!(said_by_the_other, [Appended::New { seq: 2 }], "nothing of it took a number");

    assert_eq!(awake.fence_overdue().await.unwrap(), [life(1, 5)], "until it is swept");
    awake.swept(life(1, 5)).await.unwrap();
    assert_eq!(awake.fence_overdue().await.unwrap(), []);

    let again = fresh.node().await;
    assert!(again.take_lease(life(1, 5), LONG).await.unwrap().is_none(), "no life begins twice");
    assert!(again.take_lease(life(1, 7), LONG).await.unwrap().is_some());
    assert_eq!(again.enter(stay(room, other, 5, 9)).await.unwrap(), Entered::Joined);
    assert!(awake.renew_lease(life(2, 6), LONG).await.unwrap().is_some());
    assert_eq!(awake.fence_overdue().await.unwrap(), []);
}

#[tokio::test]
async fn what_a_fenced_node_queued_is_not_stored_by_others() {
    let fresh = Fresh::new().await;
    let me = user(fresh.store(), "me").await;
    let room = open_room(fresh.store(), me).await;
    let (asleep, awake) = (fresh.node().await, fresh.node().await);
    let (old, young) = (life(1, 5), life(2, 6));
    assert!(asleep.take_lease(old, Duration::ZERO).await.unwrap().is_some());
    assert!(awake.take_lease(young, LONG).await.unwrap().is_some());
    let stored = said(room, me, "1");
    let first = awake.record(vec![queued(stored.clone(), old, None)]).await.unwrap();
    assert_eq!(first, [Appended::New { seq: 1 }], "a lease that ran out is not over yet");

    until("the lease is over".into(), || {
        fresh.say("SELECT leased_until < now() FROM nodes WHERE node = 1") == "t"
    })
    .await;
    assert_eq!(awake.fence_overdue().await.unwrap(), [old]);
    let batch = vec![
        queued(said(room, me, "2"), old, None),
        queued(said(room, me, "3"), young, None),
        queued(said(room, me, "4"), life(3, 9), None),
        queued(stored, old, None),
    ];
    let answers = awake.record(batch).await.unwrap();
    let fenced = Appended::NotTaken(NotTaken::Fenced);
    assert_eq!(answers[..3], [fenced.clone(), Appended::New { seq: 2 }, fenced.clone()]);
    assert!(matches!(answers[3], Appended::Duplicate { seq: 1, .. }), "{answers:?}");

    // Its next life is another one.
    assert!(fresh.node().await.take_lease(life(1, 7), LONG).await.unwrap().is_some());
    let late = awake.record(vec![queued(said(room, me, "5"), old, None)]).await.unwrap();
    assert_eq!(late, [fenced]);
}

#[tokio::test]
async fn a_node_that_gives_up_in_order_is_not_swept() {
    let fresh = Fresh::new().await;
    let node = fresh.node().await;
    assert!(node.take_lease(life(3, 1), Duration::ZERO).await.unwrap().is_some());
    node.give_up_lease(life(3, 1)).await.unwrap();
    assert_eq!(node.fence_overdue().await.unwrap(), []);
    assert!(node.renew_lease(life(3, 1), LONG).await.unwrap().is_none());
}

#[tokio::test]
async fn nobody_fences_itself_after_a_pause_of_all() {
    let fresh = Fresh::new().await;
    let node = fresh.node().await;
    assert!(node.take_lease(life(1, 5), Duration::ZERO).await.unwrap().is_some());
    fresh.say("UPDATE nodes SET leased_until = now() - interval '1 minute'");
    assert_eq!(node.fence_overdue().await.unwrap(), []);
    assert!(node.renew_lease(life(1, 5), LONG).await.unwrap().is_some());
}

#[tokio::test]
async fn a_lease_tells_in_which_life_of_the_seats_it_was_taken_and_to_which_the_others_went_on() {
    let fresh = Fresh::new().await;
    let (early, late) = (fresh.node().await, fresh.node().await);
    assert_eq!(early.take_lease(life(1, 5), LONG).await.unwrap(), Some(0));
    assert_eq!(late.seats_lost(Some(0)).await.unwrap(), 1);
    assert_eq!(late.take_lease(life(2, 6), LONG).await.unwrap(), Some(1));
    assert!(!late.all_cleared(1).await.unwrap(), "one began before, and has yet to hear of it");
    assert_eq!(early.renew_lease(life(1, 5), LONG).await.unwrap(), Some(1));
    early.seats_cleared(life(1, 5), 1).await.unwrap();
    assert!(late.all_cleared(1).await.unwrap());
    assert_eq!(early.seats_lost(Some(0)).await.unwrap(), 1, "a loss is counted once");
    assert_eq!(early.seats_lost(Some(1)).await.unwrap(), 2);
    assert!(!late.all_cleared(1).await.unwrap(), "there is a later life to wait for");
}

#[tokio::test]
async fn a_fenced_node_begins_no_life_of_the_seats() {
    let fresh = Fresh::new().await;
    let (asleep, awake) = (fresh.node().await, fresh.node().await);
    assert!(asleep.take_lease(life(1, 5), Duration::ZERO).await.unwrap().is_some());
    assert!(awake.take_lease(life(2, 6), LONG).await.unwrap().is_some());
    fresh.say("UPDATE nodes SET leased_until = now() - interval '1 second' WHERE node = 1");
    assert_eq!(awake.fence_overdue().await.unwrap(), [life(1, 5)]);
    let refused = asleep.seats_lost(Some(0)).await.unwrap_err();
    assert!(matches!(refused, StorageError::Unavailable(_)), "{refused}");
    assert_eq!(awake.renew_lease(life(2, 6), LONG).await.unwrap(), Some(0));
}
