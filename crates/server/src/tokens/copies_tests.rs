//! A copy is found where it is right, and nowhere else; over a real Redis.

use super::*;
use crate::admission::RedisForTests as Store;

const TIMEOUT: Duration = Duration::from_secs(2);
const ANN: UserId = UserId(Uuid::from_u128(7));

fn copies(store: &Store) -> Arc<Copies> {
    Copies::at(&store.url(), "test:", TIMEOUT).unwrap()
}

fn standing(name: &str) -> Standing {
    let login = Live {
        id: LoginId(Uuid::from_u128(9)),
        signature_hash: [0xA7; 32],
        ends: 1_700_000_000_000,
    };
    let roles = vec![Role::User, Role::Moderator];
    Standing::from_parts((name.into(), roles), (false, Some(5)), Box::new([login]))
}

/// Where a copy may be put.
async fn place(copies: &Copies) -> Place {
    match copies.look(ANN).await {
        Look::Missing(place) => place,
        Look::Found(it) => panic!("a copy of {}", it.name),
        Look::Closed => panic!("closed"),
    }
}

async fn found(copies: &Copies) -> Option<String> {
    match copies.look(ANN).await {
        Look::Found(it) => Some(it.name.to_string()),
        _ => None,
    }
}

#[tokio::test]
async fn a_copy_says_all_that_stands_and_no_signature() {
    let store = Store::start();
    let (one, other) = (copies(&store), copies(&store));
    one.put(ANN, place(&one).await, &standing("Ann")).await;
    let Look::Found(copy) = other.look(ANN).await else { panic!("another node finds it") };
    assert_eq!((&*copy.name, copy.roles()), ("Ann", vec![Role::User, Role::Moderator]));
    assert_eq!((copy.is_locked, copy.life_ends), (false, Some(5)));
    let login = copy.login(LoginId(Uuid::from_u128(9))).unwrap();
    assert_eq!((login.signature_hash, login.ends), ([0xA7; 32], 1_700_000_000_000));
    let life: i64 = store.command(&["PTTL", &one.key(ANN)]).await;
    assert!(life > 0 && life <= 10_000, "it runs out by itself: {life}");
}

#[tokio::test]
async fn what_was_read_before_or_during_a_change_is_not_put_there_after_it() {
    let store = Store::start();
    let (reader, writer) = (copies(&store), copies(&store));
    reader.put(ANN, place(&reader).await, &standing("before")).await;
    assert_eq!(found(&writer).await.as_deref(), Some("before"));

    let change = writer.changing(ANN).await.unwrap();
    assert!(matches!(reader.look(ANN).await, Look::Closed), "nobody is answered meanwhile");
    writer.changed(ANN, &change).await.unwrap();
    let late = place(&reader).await;
    let change = writer.changing(ANN).await.unwrap();
    reader.put(ANN, late, &standing("late")).await;
    assert!(matches!(reader.look(ANN).await, Look::Closed));
    writer.changed(ANN, &change).await.unwrap();
    assert_eq!(found(&reader).await, None);

    let early = place(&reader).await;
    let change = writer.changing(ANN).await.unwrap();
    writer.changed(ANN, &change).await.unwrap();
    reader.put(ANN, early, &standing("early")).await;
    assert_eq!(found(&reader).await, None, "a change came and went since the look");
    reader.put(ANN, place(&reader).await, &standing("after")).await;
    assert_eq!(found(&writer).await.as_deref(), Some("after"));
}

#[tokio::test]
async fn a_copy_that_comes_late_is_not_put_there_and_none_outlives_its_look() {
    let store = Store::start();
    let node = copies(&store);
    let in_time = place(&node).await;
    let late = Place { until: in_time.until - 10_000, ..place(&node).await };
    node.put(ANN, late, &standing("late")).await;
    assert_eq!(found(&node).await, None);
    let half = Place { until: in_time.until - 5_000, ..place(&node).await };
    node.put(ANN, half, &standing("half over")).await;
    let life: i64 = store.command(&["PTTL", &node.key(ANN)]).await;
    assert!(life > 0 && life <= 5_000, "{life}");
}

#[tokio::test]
async fn of_two_changes_the_one_that_ends_first_opens_nothing() {
    let store = Store::start();
    let (one, other) = (copies(&store), copies(&store));
    let first = one.changing(ANN).await.unwrap();
    let second = other.changing(ANN).await.unwrap();
    one.changed(ANN, &first).await.unwrap();
    assert!(matches!(one.look(ANN).await, Look::Closed));
    other.changed(ANN, &second).await.unwrap();
    place(&one).await;
}

#[tokio::test]
async fn a_copy_of_another_run_of_redis_counts_for_nothing() {
    let mut store = Store::start();
    let node = copies(&store);
    node.put(ANN, place(&node).await, &standing("revoked since")).await;
    let kept: String = store.command(&["GET", &node.key(ANN)]).await;
    store.restart();
    // As a snapshot would bring it back, or a replica that took over.
    store.command::<()>(&["SET", &node.key(ANN), &kept]).await;
    let again = copies(&store);
    assert_eq!(found(&again).await, None);
    again.put(ANN, place(&again).await, &standing("as it stands")).await;
    assert_eq!(found(&again).await.as_deref(), Some("as it stands"));
}

#[tokio::test]
async fn a_full_redis_takes_no_copy_and_lets_every_change_through() {
    let store = Store::start();
    let node = copies(&store);
    store.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    node.put(ANN, place(&node).await, &standing("Ann")).await;
    assert_eq!(found(&node).await, None);
    let change = node.changing(ANN).await.unwrap();
    node.changed(ANN, &change).await.unwrap();
}

#[tokio::test]
async fn where_redis_is_away_nothing_is_found_and_no_change_is_announced() {
    let mut store = Store::start();
    let node = copies(&store);
    node.put(ANN, place(&node).await, &standing("Ann")).await;
    store.restart();
    let change = node.changing(ANN).await.expect("a line that broke is made anew");
    node.changed(ANN, &change).await.unwrap();
    store.stop();
    assert!(matches!(node.look(ANN).await, Look::Closed));
    node.changing(ANN).await.unwrap_err();
}
