//! Lines that break at the worst moment, and servers that go away.

use std::time::Instant;

use super::server::Postgres;
use super::wire::Wire;
use super::{Fresh, OF_SEVERAL, PATIENCE, node, until};
use crate::storage::contract::{new_user, open_room, said, stay, user};
use crate::storage::postgres::{PostgresOptions, PostgresStorage};
use crate::storage::{
    AccountStore, Appended, MessageStore, RoomStore, Storage, StorageError, Stored,
};

#[track_caller]
fn unavailable<T: std::fmt::Debug>(answer: &Stored<T>) {
    assert!(matches!(answer, Err(StorageError::Unavailable(_))), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_backend_is_ended_leaves_nothing_and_can_be_said_again() {
    // It stands there for as long as it takes to find it.
    let fresh = Fresh::with(PostgresOptions { timeout: super::PATIENCE, ..OF_SEVERAL }).await;
    let me = user(fresh.store(), "me").await;
    let room = open_room(fresh.store(), me).await;
    // Holds the room, so that the batch stands in the middle of its transaction.
    let options = PostgresOptions { timeout: super::PATIENCE, ..OF_SEVERAL };
    let holder = PostgresStorage::open(&fresh.url, options).await.unwrap();
    let mut line = holder.lines.line().await.unwrap();
    let held = line.transaction().await.unwrap();
    held.execute("SELECT FROM rooms FOR UPDATE", &[]).await.unwrap();
    let message = said(room, me, "1");
    let mut append = Box::pin(fresh.store.append(vec![message.clone(), said(room, me, "2")]));
    assert!(futures_util::poll!(&mut append).is_pending());
    let waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let end_it = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let looking = fresh.until(waiting, "1");
    tokio::select! {
        () = looking => {}
        answer = &mut append => panic!("it was not held: {answer:?}"),
    }
    assert_eq!(fresh.say(end_it), "1");
    unavailable(&append.await);
    held.rollback().await.unwrap();
    assert_eq!(fresh.say("SELECT count(*) FROM messages"), "0");
    // The broken line is not lent again.
    let again = fresh.store.append(vec![message.clone()]).await.unwrap();
    assert_eq!(again, [Appended::New { seq: 1 }]);
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_repeated_without_a_double() {
    let fresh = Fresh::new().await;
    let me = user(fresh.store(), "me").await;
    let room = open_room(fresh.store(), me).await;
    let (wire, through) = Wire::to(&fresh.url).await;
    let far = node(&through).await;
    let message = said(room, me, "1");
    wire.lose_next_commit();
    unavailable(&far.append(vec![message.clone()]).await);
    assert_eq!(fresh.say("SELECT count(*) FROM messages"), "1", "it was committed");
    let (id, created_at) = (message.id, message.created_at);
    let again = far.append(vec![message, said(room, me, "2")]).await.unwrap();
    assert_eq!(again, [Appended::Duplicate { id, seq: 1, created_at }, Appended::New { seq: 2 }]);

    // The same for whoever enters, and for whoever signs up.
    let guest = new_user("guest");
    wire.lose_next_commit();
    unavailable(&far.create_user(guest.clone()).await);
    let guest = far.create_user(guest).await.unwrap().expect("the same sign-up").id;
    wire.lose_next_commit();
    unavailable(&far.enter(stay(room, guest, 1, 2)).await);
    far.enter(stay(room, guest, 1, 2)).await.unwrap();
    assert_eq!(far.open_memberships(room).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_fall_silent_are_given_up_and_not_lent_again() {
    let fresh = Fresh::new().await;
    let (wire, through) = Wire::to(&fresh.url).await;
    let timeout = std::time::Duration::from_millis(500);
    let options = PostgresOptions { connections: 1, timeout, ..OF_SEVERAL };
    let far = PostgresStorage::open(&through, options).await.unwrap();
    let me = user(&far, "me").await;
    wire.silence();
    let began = Instant::now();
    unavailable(&far.user(me).await);
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    assert!(far.user(me).await.unwrap().is_some(), "over a new line");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_away_only_now_and_then_somebody_tries() {
    let fresh = Fresh::new().await;
    let (wire, through) = Wire::to(&fresh.url).await;
    let far = node(&through).await;
    wire.cut(true);
    let before = wire.lines();
    for _ in 0..2_000 {
        unavailable(&far.ping().await);
    }
    let tried = wire.lines() - before;
    assert!((1..30).contains(&tried), "{tried} attempts");
    wire.cut(false);
    works_again(&far).await;
}

#[tokio::test]
async fn a_store_whose_server_was_away_works_again_by_itself() {
    let server = Postgres::start();
    let url = server.database();
    let store = node(&url).await;
    let me = user(&store, "me").await;
    let room = open_room(&store, me).await;
    store.append(vec![said(room, me, "1")]).await.unwrap();
    server.stop();
    let began = Instant::now();
    for n in 0..200 {
        unavailable(&store.append(vec![said(room, me, &format!("lost-{n}"))]).await);
        unavailable(&store.ping().await);
    }
    assert!(began.elapsed() < OF_SEVERAL.patience, "refused at once: {:?}", began.elapsed());
    server.start_again();
    works_again(&store).await;
    let again = store.append(vec![said(room, me, "1"), said(room, me, "2")]).await.unwrap();
    assert!(matches!(again[0], Appended::Duplicate { seq: 1, .. }), "{again:?}");
    assert_eq!(again[1], Appended::New { seq: 2 });
}

async fn works_again(store: &PostgresStorage) {
    let mut look = tokio::time::interval(std::time::Duration::from_millis(20));
    let looking = async {
        while store.ping().await.is_err() {
            look.tick().await;
        }
    };
    assert!(tokio::time::timeout(super::PATIENCE, looking).await.is_ok(), "it never came back");
}

#[tokio::test]
async fn a_server_that_takes_no_writes_takes_none_and_is_not_ready() {
    let server = Postgres::start();
    let url = server.database();
    let store = node(&url).await;
    let me = user(&store, "me").await;
    let room = open_room(&store, me).await;
    let set = |on: &str| {
        server.say(&url, &format!("ALTER SYSTEM SET default_transaction_read_only = {on}"));
        server.say(&url, "SELECT pg_reload_conf()");
    };
    set("on");
    let shows = |expected: &'static str| {
        let (server, url) = (&server, &url);
        move || {
            // As anybody is told who sets nothing for itself.
            let mut psql = server.psql(url.rsplit('/').next().unwrap());
            let told = psql.args(["-c", "SHOW default_transaction_read_only"]).output().unwrap();
            String::from_utf8_lossy(&told.stdout).trim() == expected
        }
    };
    until("read-only".into(), shows("on")).await;
    // Lines that were there before learn of it between two statements.
    let mut look = tokio::time::interval(std::time::Duration::from_millis(20));
    while store.ping().await.is_ok() {
        look.tick().await;
    }
    for n in 0..20 {
        unavailable(&store.append(vec![said(room, me, &n.to_string())]).await);
    }
    assert!(PostgresStorage::open(&url, OF_SEVERAL).await.is_err(), "nor does it start on one");
    set("off");
    until("writes".into(), shows("off")).await;
    works_again(&store).await;
    assert_eq!(store.append(vec![said(room, me, "1")]).await.unwrap(), [Appended::New { seq: 1 }]);
}
