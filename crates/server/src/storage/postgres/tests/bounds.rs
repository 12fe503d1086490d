//! What bounds a call: places, connections, time.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::server::Postgres;
use super::{Fresh, OF_SEVERAL};
use crate::storage::contract::{new_user, open_room, said, user};
use crate::storage::postgres::{PostgresOptions, PostgresStorage};
use crate::storage::{AccountStore, Appended, MessageStore, Storage, StorageError};

#[tokio::test]
async fn a_lock_held_by_another_program_is_a_bounded_wait() {
    let timeout = Duration::from_millis(400);
    let fresh = Fresh::with(PostgresOptions { timeout, ..OF_SEVERAL }).await;
    let me = user(fresh.store(), "me").await;
    let room = open_room(fresh.store(), me).await;
    let other = fresh.node().await;
    let mut line = other.lines.line().await.unwrap();
    let held = line.transaction().await.unwrap();
    held.execute("LOCK TABLE rooms", &[]).await.unwrap();
    let began = Instant::now();
    let waiting = (0..20).map(|n| fresh.store.append(vec![said(room, me, &n.to_string())]));
    for answer in join_all(waiting).await {
        assert!(matches!(answer, Err(StorageError::Unavailable(_))), "{answer:?}");
    }
    // Three turns of eight connections; one after the other it would be twenty.
    assert!(began.elapsed() < 15 * timeout, "{:?}", began.elapsed());
    held.rollback().await.unwrap();
    let answer = fresh.store.append(vec![said(room, me, "late")]).await.unwrap();
    assert_eq!(answer, [Appended::New { seq: 1 }], "nothing of what was refused came after all");
}

#[tokio::test]
async fn a_node_that_stops_in_a_transaction_does_not_hold_its_rooms_for_ever() {
    let timeout = Duration::from_millis(200);
    let fresh = Fresh::with(PostgresOptions { timeout, ..OF_SEVERAL }).await;
    let me = user(fresh.store(), "me").await;
    let room = open_room(fresh.store(), me).await;
    let asleep = PostgresStorage::open(&fresh.url, PostgresOptions { timeout, ..OF_SEVERAL });
    let asleep = asleep.await.unwrap();
    let mut line = asleep.lines.line().await.unwrap();
    let held = line.transaction().await.unwrap();
    held.execute("SELECT FROM rooms FOR UPDATE", &[]).await.unwrap();
    let other = fresh.node().await;
    let answer = other.append(vec![said(room, me, "1")]).await.unwrap();
    assert_eq!(answer, [Appended::New { seq: 1 }]);
    assert!(held.commit().await.is_err(), "it lost its place");
}

#[tokio::test]
async fn more_calls_than_places_are_refused_at_once() {
    let fresh = Fresh::with(PostgresOptions { queue: 2, connections: 1, ..OF_SEVERAL }).await;
    let me = user(fresh.store(), "me").await;
    let mut first = Box::pin(fresh.store.user(me));
    let mut second = Box::pin(fresh.store.user(me));
    let mut third = Box::pin(fresh.store.user(me));
    assert!(futures_util::poll!(&mut first).is_pending());
    assert!(futures_util::poll!(&mut second).is_pending());
    let refused = futures_util::poll!(&mut third);
    let at_once = matches!(refused, std::task::Poll::Ready(Err(StorageError::Unavailable(_))));
    assert!(at_once, "{refused:?}");
    let (first, second) = futures_util::future::join(first, second).await;
    assert!(first.unwrap().is_some() && second.unwrap().is_some());
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_the_line_usable() {
    let fresh = Fresh::with(PostgresOptions { connections: 1, ..OF_SEVERAL }).await;
    for n in 0..50 {
        let mut waiting = Box::pin(fresh.store.create_user(new_user(&format!("gone-{n}"))));
        for _ in 0..n % 7 {
            if futures_util::poll!(&mut waiting).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(waiting);
        let name = format!("there-{n}");
        assert!(fresh.store.create_user(new_user(&name)).await.unwrap().is_some());
        let found = fresh.store.user_by_name(&name).await.unwrap();
        assert!(found.is_some(), "written in a transaction of its own");
    }
    let there = fresh.say("SELECT count(*) FROM users WHERE username LIKE 'there-%'");
    assert_eq!(there, "50");
}

#[tokio::test]
async fn a_server_that_is_full_refuses_some_and_serves_the_rest() {
    let server = Postgres::shared();
    let url = server.database();
    let name = url.rsplit('/').next().unwrap();
    let plain = format!("plain_{name}");
    server.say(&url, &format!("CREATE ROLE {plain} LOGIN CONNECTION LIMIT 4"));
    server.say(&url, &format!("ALTER DATABASE {name} OWNER TO {plain}"));
    // Also: the owner of a database needs no more than that.
    let as_plain = url.replace("anteroom@", &format!("{plain}@"));
    let store = PostgresStorage::open(&as_plain, OF_SEVERAL).await.unwrap();
    let names: Vec<_> = (0..200).map(|n| format!("user-{n}")).collect();
    let answers = join_all(names.iter().map(|name| store.create_user(new_user(name)))).await;
    let made = answers.iter().filter(|answer| matches!(answer, Ok(Some(_)))).count();
    let refused =
        answers.iter().filter(|answer| matches!(answer, Err(StorageError::Unavailable(_)))).count();
    assert_eq!(made + refused, 200, "{answers:?}");
    assert!(made > 0 && refused > 0, "{made} made, {refused} refused");
    assert!(store.ping().await.is_ok(), "who is connected goes on");
    store.close().await;
    server.drop_database(&url);
    let everywhere = url.replace(name, "postgres");
    server.say(&everywhere, &format!("DROP ROLE {plain}"));
}

#[tokio::test]
async fn a_commit_is_durable_before_it_is_answered_whatever_the_server_is_set_to() {
    let fresh = Fresh::new().await;
    let name = fresh.url.rsplit('/').next().unwrap();
    for (set, expected) in
        [("off", "on"), ("local", "on"), ("on", "on"), ("remote_apply", "remote_apply")]
    {
        fresh.say(&format!("ALTER DATABASE {name} SET synchronous_commit = {set}"));
        let store = fresh.node().await;
        let line = store.lines.line().await.unwrap();
        let shown = line.query_one("SHOW synchronous_commit", &[]).await.unwrap();
        assert_eq!(shown.get::<_, &str>(0), expected, "{set}");
    }
}
