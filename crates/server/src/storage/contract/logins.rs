//! Which logins are alive: how many at most, and which token is in force.

use anteroom_core::ids::LoginId;
use futures_util::future::{join, join_all};

use super::{NOW, login, token, user};
use crate::storage::{LoginEnd, LoginRefresh, RefreshOutcome, Storage};

async fn live(store: &dyn Storage, user: anteroom_core::ids::UserId) -> Vec<LoginId> {
    store.logins(user).await.unwrap().into_iter().map(|login| login.id).collect()
}

fn refresh(login: LoginId, expected: u8, new: u8) -> LoginRefresh {
    LoginRefresh { login, expected: [expected; 32], new: token(new), previous_until: NOW + 10_000 }
}

pub(crate) async fn the_oldest_logins_beyond_keep_are_ended_oldest_first(store: &dyn Storage) {
    let me = user(store, "me").await;
    let mut all = Vec::new();
    for mark in 0..5 {
        let mut next = login(me, mark);
        // The clock steps back; the order of the logins does not.
        next.created_at = NOW - i64::from(mark);
        all.push(next.id);
        assert_eq!(store.start_login(next, 5).await.unwrap(), []);
    }
    assert_eq!(live(store, me).await, all);
    let newest = login(me, 9);
    assert_eq!(store.start_login(newest.clone(), 3).await.unwrap(), all[..3]);
    assert_eq!(live(store, me).await, [all[3], all[4], newest.id]);
    assert_eq!(store.logins(me).await.unwrap()[2], newest);
}

pub(crate) async fn a_hundred_parallel_logins_with_keep_one_leave_exactly_one(store: &dyn Storage) {
    let me = user(store, "me").await;
    let logins: Vec<_> = (0..100).map(|mark| login(me, mark)).collect();
    let answers = join_all(logins.iter().map(|l| store.start_login(l.clone(), 1))).await;
    let mut gone: Vec<_> = answers.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(gone.len(), 99, "each ended login is told to exactly one caller");
    let left = live(store, me).await;
    assert_eq!(left.len(), 1);
    gone.extend(left);
    gone.sort_unstable();
    let mut all: Vec<_> = logins.iter().map(|l| l.id).collect();
    all.sort_unstable();
    assert_eq!(gone, all);
}

pub(crate) async fn repeating_a_login_changes_nothing(store: &dyn Storage) {
    let me = user(store, "me").await;
    let same = login(me, 1);
    assert_eq!(store.start_login(same.clone(), 1).await.unwrap(), []);
    assert_eq!(store.start_login(same.clone(), 1).await.unwrap(), []);
    assert_eq!(store.logins(me).await.unwrap(), [same]);
}

pub(crate) async fn the_end_of_a_login_is_known_by_its_reason(store: &dyn Storage) {
    let me = user(store, "me").await;
    let first = login(me, 1);
    let end = async |id| store.login_end(id).await.unwrap();
    assert_eq!(end(first.id).await, None, "there is no such login yet");
    store.start_login(first.clone(), 1).await.unwrap();
    assert_eq!(end(first.id).await, None);
    for (mark, reason) in (2..).zip(LoginEnd::ALL) {
        let next = login(me, mark);
        store.start_login(next.clone(), 1).await.unwrap();
        store.end_login(next.id, reason, NOW).await.unwrap();
        assert_eq!(end(next.id).await, Some(reason));
    }
    assert_eq!(end(first.id).await, Some(LoginEnd::Superseded));
}

pub(crate) async fn logins_of_others_are_left_alone(store: &dyn Storage) {
    let (me, other) = (user(store, "me").await, user(store, "other").await);
    let theirs = login(other, 1);
    store.start_login(theirs.clone(), 1).await.unwrap();
    assert_eq!(store.start_login(login(me, 2), 1).await.unwrap(), []);
    assert_eq!(store.end_logins(me, LoginEnd::Locked, NOW).await.unwrap().len(), 1);
    assert_eq!(live(store, other).await, [theirs.id]);
}

pub(crate) async fn of_two_parallel_refreshes_one_wins_and_the_other_learns_the_winner(
    store: &dyn Storage,
) {
    let me = user(store, "me").await;
    let mine = login(me, 1);
    store.start_login(mine.clone(), 1).await.unwrap();
    let (a, b) = join(
        store.refresh_login(refresh(mine.id, 1, 2)),
        store.refresh_login(refresh(mine.id, 1, 3)),
    )
    .await;
    let (winner, loser) = match (a.unwrap(), b.unwrap()) {
        (RefreshOutcome::Refreshed, stale) => (2, stale),
        (stale, RefreshOutcome::Refreshed) => (3, stale),
        both => panic!("nobody won: {both:?}"),
    };
    let RefreshOutcome::Stale(standing) = loser else {
        panic!("two won, or it is gone: {loser:?}")
    };
    assert_eq!(standing.current, token(winner));
    assert_eq!(standing.previous, Some(([1; 32], NOW + 10_000)));
    assert_eq!(standing.created_at, mine.created_at);
    assert_eq!(store.logins(me).await.unwrap(), [standing]);
}

pub(crate) async fn an_ended_login_cannot_be_refreshed(store: &dyn Storage) {
    let me = user(store, "me").await;
    let mine = login(me, 1);
    store.start_login(mine.clone(), 1).await.unwrap();
    assert!(store.end_login(mine.id, LoginEnd::LoggedOut, NOW).await.unwrap());
    assert!(!store.end_login(mine.id, LoginEnd::Forced, NOW).await.unwrap(), "only once");
    let outcome = store.refresh_login(refresh(mine.id, 1, 2)).await.unwrap();
    assert_eq!(outcome, RefreshOutcome::Gone);
    // A repeated start must not bring it back to life.
    store.start_login(mine, 1).await.unwrap();
    assert_eq!(live(store, me).await, []);
}

pub(crate) async fn ending_all_logins_tells_which(store: &dyn Storage) {
    let me = user(store, "me").await;
    let (first, second) = (login(me, 1), login(me, 2));
    store.start_login(first.clone(), 2).await.unwrap();
    store.start_login(second.clone(), 2).await.unwrap();
    let ended = store.end_logins(me, LoginEnd::PasswordChanged, NOW).await.unwrap();
    assert_eq!(ended, [first.id, second.id]);
    assert_eq!(store.end_logins(me, LoginEnd::PasswordChanged, NOW).await.unwrap(), []);
    assert_eq!(live(store, me).await, []);
}
