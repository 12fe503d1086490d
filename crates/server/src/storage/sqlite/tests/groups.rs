//! Group commit: who is undone by whose failure, and what bounds the wait.

use std::sync::mpsc;
use std::time::Duration;

use futures_util::future::join_all;
use rusqlite::params;

use super::{Fresh, SqliteOptions};
use crate::storage::contract::{new_user, open_room, said, user};
use crate::storage::{
    AccountChanged, AccountStore, Appended, LastAdmin, MessageStore, Storage, StorageError, Stored,
};

/// Stops the writer inside a job until the sender is dropped; returns once it stands there.
async fn hold_writer(fresh: &Fresh) -> (mpsc::Sender<()>, impl Future<Output = Stored<()>>) {
    let (release, held) = mpsc::channel::<()>();
    let (arrived, standing) = tokio::sync::oneshot::channel();
    let (job, answer) = super::super::job(move |_| {
        let _ = arrived.send(());
        let _ = held.recv();
        Ok(())
    });
    fresh.store.sender().unwrap().try_send(job).ok().unwrap();
    standing.await.unwrap();
    (release, async move { answer.await.unwrap() })
}

#[tokio::test]
async fn a_failing_and_a_panicking_job_undo_only_themselves() {
    let fresh = Fresh::new();
    let store = &fresh.store;
    let (release, held) = hold_writer(&fresh).await;
    let before = store.create_user(new_user("before"));
    let failing = store.write(|conn| -> Stored<()> {
        conn.execute("UPDATE meta SET epoch = 77", [])?;
        Err(StorageError::Failed("on purpose".into()))
    });
    let panicking = store.write(|conn| -> Stored<()> {
        conn.execute("UPDATE meta SET epoch = 88", [])?;
        panic!("on purpose")
    });
    let after = store.create_user(new_user("after"));
    // Polled once, all four stand in the queue behind the held job, so they share the next group.
    let all = async { tokio::join!(before, failing, panicking, after) };
    let (all, ()) = tokio::join!(all, async { drop(release) });
    held.await.unwrap();
    assert!(all.0.unwrap().is_some());
    assert!(matches!(all.1, Err(StorageError::Failed(why)) if why == "on purpose"));
    assert!(matches!(all.2, Err(StorageError::Failed(why)) if why.contains("panicked")));
    assert!(all.3.unwrap().is_some());
    let epoch: i64 =
        fresh.aside().query_row("SELECT epoch FROM meta", [], |row| row.get(0)).unwrap();
    assert_eq!(epoch, 0);
}

#[tokio::test]
async fn a_failed_commit_answers_unavailable_to_all_and_the_next_one_works() {
    let fresh = Fresh::new();
    let store = &fresh.store;
    let (release, held) = hold_writer(&fresh).await;
    let neighbour = store.create_user(new_user("neighbour"));
    // A deferred foreign key is checked by COMMIT alone, so this job succeeds and its group fails.
    let breaks_commit = store.write(|conn| {
        conn.execute_batch("PRAGMA defer_foreign_keys = ON")?;
        let nobody = uuid::Uuid::now_v7();
        conn.execute("INSERT INTO user_roles (user_id, role) VALUES (?1, 'user')", [nobody])?;
        Ok(())
    });
    let both = async { tokio::join!(neighbour, breaks_commit) };
    let (both, ()) = tokio::join!(both, async { drop(release) });
    held.await.unwrap();
    assert!(matches!(both.0, Err(StorageError::Unavailable(_))), "{:?}", both.0);
    assert!(matches!(both.1, Err(StorageError::Unavailable(_))), "{:?}", both.1);
    assert_eq!(
        store.user_by_name("neighbour").await.unwrap(),
        None,
        "nothing of the group is left"
    );
    assert!(store.create_user(new_user("neighbour")).await.unwrap().is_some());
    assert!(!store.fatal().is_cancelled());
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers_without_a_restart() {
    let fresh = Fresh::new();
    let me = user(fresh.store(), "me").await;
    let room = open_room(fresh.store(), me).await;
    let limit = |pages: i64| {
        fresh.store.write(move |conn| {
            Ok(conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?)
        })
    };
    limit(1).await.unwrap(); // cannot go below what is in use
    let mut big = said(room, me, "big");
    big.content = "x".repeat(100_000);
    let refused = fresh.store.append(vec![big.clone()]).await;
    assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
    limit(1_000_000).await.unwrap();
    assert_eq!(fresh.store.append(vec![big]).await.unwrap(), [Appended::New { seq: 1 }]);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_undo_its_job() {
    let fresh = Fresh::new();
    let (release, held) = hold_writer(&fresh).await;
    let mut waiting = Box::pin(fresh.store.create_user(new_user("gone")));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    drop(waiting);
    drop(release);
    held.await.unwrap();
    fresh.store.ping().await.unwrap(); // behind the abandoned job
    assert!(fresh.store.user_by_name("gone").await.unwrap().is_some());
}

#[tokio::test]
async fn a_full_queue_refuses_messages_at_once_and_lets_releases_wait() {
    let options = SqliteOptions { queue: 2, ..SqliteOptions::default() };
    let fresh = Fresh::with(options);
    let me = user(fresh.store(), "me").await;
    let room = open_room(fresh.store(), me).await;
    let (release, held) = hold_writer(&fresh).await;
    let mut first = Box::pin(fresh.store.append(vec![said(room, me, "1")]));
    let mut second = Box::pin(fresh.store.append(vec![said(room, me, "2")]));
    assert!(futures_util::poll!(&mut first).is_pending());
    assert!(futures_util::poll!(&mut second).is_pending());
    let mut third = Box::pin(fresh.store.append(vec![said(room, me, "3")]));
    let refused = futures_util::poll!(&mut third);
    let at_once = matches!(refused, std::task::Poll::Ready(Err(StorageError::Unavailable(_))));
    assert!(at_once, "{refused:?}");

    let mut patient = Box::pin(fresh.store.set_locked(me, Some(1), LastAdmin::MayGo));
    assert!(futures_util::poll!(&mut patient).is_pending());
    drop(release);
    held.await.unwrap();
    assert_eq!(patient.await.unwrap(), AccountChanged::Done);
    assert_eq!(first.await.unwrap(), [Appended::New { seq: 1 }]);
    assert_eq!(second.await.unwrap(), [Appended::New { seq: 2 }]);
}

#[tokio::test]
async fn a_lock_held_by_another_program_is_a_bounded_wait() {
    let busy_timeout = Duration::from_millis(500);
    let fresh = Fresh::with(SqliteOptions { busy_timeout, group: 1, ..SqliteOptions::default() });
    let other = fresh.aside();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = std::time::Instant::now();
    let names: Vec<_> = (0..20).map(|i| format!("user-{i}")).collect();
    let answers = join_all(names.iter().map(|n| fresh.store.create_user(new_user(n)))).await;
    for answer in answers {
        assert!(matches!(answer, Err(StorageError::Unavailable(_))), "{answer:?}");
    }
    // Who queued up behind the first does not wait for a time-out of its own: 20 would take 10 s.
    assert!(began.elapsed() < 15 * busy_timeout, "{:?}", began.elapsed());
    other.execute_batch("ROLLBACK").unwrap();
    assert!(fresh.store.create_user(new_user("late")).await.unwrap().is_some());
}

#[tokio::test]
async fn after_a_disk_failure_every_call_is_refused() {
    let fresh = Fresh::new();
    let me = user(fresh.store(), "me").await;
    let mut queued = Box::pin(fresh.store.create_user(new_user("late")));
    let (release, held) = hold_writer(&fresh).await;
    assert!(futures_util::poll!(&mut queued).is_pending());
    fresh.store.fatal().cancel();
    drop(release);
    held.await.unwrap();
    let late = queued.await;
    assert!(matches!(late, Err(StorageError::Unavailable(_))), "queued before it: {late:?}");
    assert!(matches!(fresh.store.ping().await, Err(StorageError::Unavailable(_))));
    assert!(matches!(fresh.store.user(me).await, Err(StorageError::Unavailable(_))));
    let written: i64 = fresh
        .aside()
        .query_row("SELECT count(*) FROM users WHERE username = ?1", params!["late"], |r| r.get(0))
        .unwrap();
    assert_eq!(written, 0);
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let fresh = Fresh::new();
    let answer = fresh.store.read(|conn| Ok(conn.execute("UPDATE meta SET epoch = 9", [])?)).await;
    assert!(answer.is_err(), "{answer:?}");
    let panicked = fresh.store.read(|_| -> Stored<()> { panic!("on purpose") }).await;
    assert!(matches!(panicked, Err(StorageError::Failed(_))));
    for _ in 0..8 {
        fresh.store.ping().await.unwrap(); // every reader is still there
    }
}
