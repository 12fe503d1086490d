//! Logins against the real store: what is refused, from when on, and under which races.

use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::{LoginId, UserId};
use anteroom_protocol::account::Role;
use uuid::Uuid;

use crate::storage::sqlite::{SqliteOptions, SqliteStorage};
use crate::storage::{LastAdmin, LoginEnd, NewUser, SharedStorage, StorageError, UserRecord};
use crate::tokens::{AuthError, IssueError, Keys, Tokens, TokensConfig};

const NOW: i64 = 1_763_712_000_250;

/// A store of its own, removed with the value.
struct House {
    tokens: Tokens,
    storage: SharedStorage,
    _dir: tempfile::TempDir,
}

fn keys() -> Keys {
    Keys::from_secret("a secret of the tests, long enough to be one").unwrap()
}

fn house(config: TokensConfig) -> House {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions::default();
    let storage = SqliteStorage::open(&dir.path().join("anteroom.db"), options).unwrap();
    let storage: SharedStorage = Arc::new(storage);
    let tokens = Tokens::new(Arc::clone(&storage), &keys(), config);
    House { tokens, storage, _dir: dir }
}

impl House {
    async fn user(&self, expires_at: Option<i64>) -> UserRecord {
        let id = Uuid::now_v7();
        let user = NewUser {
            id: UserId(id),
            username: id.to_string(),
            username_folded: id.to_string(),
            display_name: "Kim 하나".into(),
            password_hash: Some("a hash".into()),
            password_expires_at: None,
            expires_at,
            contact_number: None,
            roles: vec![Role::User],
            created_at: NOW,
        };
        self.storage.create_user(user).await.unwrap().unwrap()
    }

    async fn assert_revoked(&self, token: &str, now: i64) {
        let answer = self.tokens.authenticate(token, now).await;
        assert!(matches!(answer, Err(AuthError::Revoked)), "{answer:?}");
    }

    async fn assert_good(&self, token: &str, now: i64) {
        self.tokens.authenticate(token, now).await.unwrap();
    }
}

fn logins(logins_per_user: usize) -> TokensConfig {
    TokensConfig { logins_per_user, ..TokensConfig::default() }
}

#[tokio::test]
async fn an_issued_token_tells_who_asks_until_its_time_passes() {
    let house = house(logins(1));
    let user = house.user(None).await;
    let issued = house.tokens.issue(&user, NOW).await.unwrap();
    let identity = house.tokens.authenticate(&issued.token, NOW).await.unwrap();
    assert_eq!((identity.user, identity.login), (user.id, issued.login));
    assert_eq!(
        (identity.name.as_str(), identity.roles.as_slice()),
        ("Kim 하나", &[Role::User][..])
    );
    // Half an hour, rounded up to the next whole second.
    assert_eq!(issued.expires_at, NOW + 30 * 60 * 1000 + 750);
    let deadline = house.tokens.login_deadline(user.id, issued.login, NOW).await.unwrap();
    assert_eq!(deadline, Some(issued.expires_at));
    house.assert_good(&issued.token, issued.expires_at - 1).await;
    let late = house.tokens.authenticate(&issued.token, issued.expires_at).await;
    assert!(matches!(late, Err(AuthError::Expired)));
    assert!(!house.tokens.is_live(user.id, issued.login, issued.expires_at).await.unwrap());
    assert!(matches!(house.tokens.authenticate("", NOW).await, Err(AuthError::Missing)));
    assert!(matches!(house.tokens.authenticate("x", NOW).await, Err(AuthError::Malformed)));
}

#[tokio::test]
async fn a_newer_login_ends_the_oldest_beyond_what_is_allowed() {
    let house = house(logins(2));
    let user = house.user(None).await;
    let first = house.tokens.issue(&user, NOW).await.unwrap();
    let second = house.tokens.issue(&user, NOW).await.unwrap();
    assert!(second.superseded.is_empty());
    let third = house.tokens.issue(&user, NOW).await.unwrap();
    assert_eq!(third.superseded, [first.login]);
    house.assert_revoked(&first.token, NOW).await;
    house.assert_good(&second.token, NOW).await;
    house.assert_good(&third.token, NOW).await;
}

#[tokio::test]
async fn a_login_whose_time_passed_does_not_push_out_one_in_use() {
    let house = house(logins(2));
    let user = house.user(None).await;
    let first = house.tokens.issue(&user, NOW).await.unwrap();
    let abandoned = house.tokens.issue(&user, NOW).await.unwrap();
    let first = house.tokens.refresh(&first.token, NOW + 60_000).await.unwrap();
    let third = house.tokens.issue(&user, abandoned.expires_at).await.unwrap();
    assert!(third.superseded.is_empty());
    house.assert_good(&first.token, abandoned.expires_at).await;
}

#[tokio::test]
async fn two_tabs_that_refresh_at_once_get_the_same_bytes() {
    let house = house(logins(1));
    let user = house.user(None).await;
    let old = house.tokens.issue(&user, NOW).await.unwrap();
    let (one, other) = tokio::join!(
        house.tokens.refresh(&old.token, NOW + 1_000),
        house.tokens.refresh(&old.token, NOW + 1_007)
    );
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.token, other.token);
    assert_eq!((one.login, one.expires_at), (old.login, other.expires_at));
    assert_ne!(one.token, old.token);
    // Refreshing is all the old token is good for.
    house.assert_revoked(&old.token, NOW + 1_010).await;
    house.assert_good(&one.token, NOW + 1_010).await;
    let late = house.tokens.refresh(&old.token, NOW + 10_999).await.unwrap();
    assert_eq!(late.token, one.token);
    let too_late = house.tokens.refresh(&old.token, NOW + 11_007).await;
    assert!(matches!(too_late, Err(AuthError::Revoked)), "{too_late:?}");
    house.assert_good(&one.token, NOW + 11_008).await;
}

#[tokio::test]
async fn the_second_tab_also_succeeds_when_the_name_changed_in_between() {
    let house = house(logins(1));
    let user = house.user(None).await;
    let old = house.tokens.issue(&user, NOW).await.unwrap();
    let one = house.tokens.refresh(&old.token, NOW + 1_000).await.unwrap();
    house
        .storage
        .set_roles(user.id, vec![Role::User, Role::Admin], LastAdmin::MayGo)
        .await
        .unwrap();
    let other = house.tokens.refresh(&old.token, NOW + 2_000).await.unwrap();
    assert_ne!(one.token, other.token);
    house.assert_good(&other.token, NOW + 2_000).await;
}

#[tokio::test]
async fn a_refresh_moves_the_deadline_but_never_past_the_account_s_life() {
    let house = house(logins(1));
    let life = NOW + 35 * 60 * 1000;
    let user = house.user(Some(life)).await;
    let issued = house.tokens.issue(&user, NOW).await.unwrap();
    let refreshed = house.tokens.refresh(&issued.token, NOW + 20 * 60 * 1000).await.unwrap();
    assert_eq!(refreshed.expires_at, life);
    house.assert_good(&refreshed.token, life - 1).await;
    let over = house.tokens.authenticate(&refreshed.token, life).await;
    assert!(matches!(over, Err(AuthError::Expired)), "{over:?}");
    assert!(matches!(house.tokens.issue(&user, life).await, Err(IssueError::Expired)));
}

#[tokio::test]
async fn asvs_7_3_2_a_login_is_not_renewed_beyond_its_life_however_often_it_was() {
    const MINUTE: i64 = 60_000;
    let life = Some(Duration::from_secs(70 * 60));
    let house = house(TokensConfig { login_life: life, ..logins(1) });
    let user = house.user(None).await;
    let mut issued = house.tokens.issue(&user, NOW).await.unwrap();
    for minutes in [25, 50] {
        issued = house.tokens.refresh(&issued.token, NOW + minutes * MINUTE).await.unwrap();
    }
    // Ends are told in whole seconds.
    let late = issued.expires_at;
    let over_by = late - (NOW + 70 * MINUTE);
    assert!((0..1_000).contains(&over_by), "not 80: the last token ends with the login, {over_by}");
    let over = house.tokens.refresh(&issued.token, late).await;
    assert!(matches!(over, Err(AuthError::Expired)), "{over:?}");
    let again = house.tokens.issue(&user, late).await.unwrap();
    assert!(again.expires_at >= late + 30 * MINUTE, "a new login begins anew");
}

#[tokio::test]
async fn an_ended_login_is_refused_at_once_and_cannot_be_refreshed() {
    let house = house(logins(3));
    let user = house.user(None).await;
    let one = house.tokens.issue(&user, NOW).await.unwrap();
    let two = house.tokens.issue(&user, NOW).await.unwrap();
    house.assert_good(&one.token, NOW).await;
    assert!(house.tokens.end(user.id, one.login, LoginEnd::LoggedOut, NOW).await.unwrap());
    assert!(!house.tokens.end(user.id, one.login, LoginEnd::LoggedOut, NOW).await.unwrap());
    house.assert_revoked(&one.token, NOW).await;
    let refreshed = house.tokens.refresh(&one.token, NOW).await;
    assert!(matches!(refreshed, Err(AuthError::Revoked)));
    house.assert_good(&two.token, NOW).await;
    let ended = house.tokens.end_all(user.id, LoginEnd::Forced, NOW).await.unwrap();
    assert_eq!(ended, [two.login]);
    house.assert_revoked(&two.token, NOW).await;
}

#[tokio::test]
async fn a_restart_forgets_no_login_and_another_secret_knows_none() {
    let house = house(logins(1));
    let user = house.user(None).await;
    let issued = house.tokens.issue(&user, NOW).await.unwrap();
    let storage = || Arc::clone(&house.storage);
    let again = Tokens::new(storage(), &keys(), logins(1));
    assert!(again.authenticate(&issued.token, NOW).await.is_ok());
    let foreign = Keys::from_secret(&"another".repeat(8)).unwrap();
    let foreign =
        Tokens::new(storage(), &foreign, logins(1)).authenticate(&issued.token, NOW).await;
    assert!(matches!(foreign, Err(AuthError::Malformed)));
}

#[tokio::test]
async fn a_token_well_signed_but_not_stored_opens_nothing() {
    let here = house(logins(1));
    let user = here.user(None).await;
    let issued = here.tokens.issue(&user, NOW).await.unwrap();
    // The same secret over a store that knows neither the user nor the login.
    let elsewhere = house(logins(1));
    elsewhere.assert_revoked(&issued.token, NOW).await;
}

#[tokio::test]
async fn a_login_is_not_started_on_a_password_that_changed_while_it_was_checked() {
    let house = house(logins(1));
    let checked = house.user(None).await;
    house.storage.set_password(checked.id, "another hash".into(), None).await.unwrap();
    let issued = house.tokens.issue(&checked, NOW).await;
    assert!(matches!(issued, Err(IssueError::Changed)));
}

#[tokio::test]
async fn a_store_that_is_away_is_not_mistaken_for_a_revoked_token() {
    let house = house(TokensConfig { cached_users: 1, ..logins(1) });
    let user = house.user(None).await;
    let issued = house.tokens.issue(&user, NOW).await.unwrap();
    house.storage.close().await;
    let answer = house.tokens.authenticate(&issued.token, NOW).await;
    assert!(matches!(answer, Err(AuthError::StoreUnavailable(_))), "{answer:?}");
    let answer = house.tokens.refresh(&issued.token, NOW).await;
    assert!(matches!(answer, Err(AuthError::StoreUnavailable(_))), "{answer:?}");
    let ended = house.tokens.end(user.id, issued.login, LoginEnd::LoggedOut, NOW).await;
    assert!(matches!(ended, Err(StorageError::Unavailable(_))));
}

// One thread, so that who waits first is served first: the readers before the end, those after it.
#[tokio::test]
async fn reads_that_race_with_the_end_of_a_login_leave_no_stale_copy() {
    let house = house(TokensConfig { cached_users: 2, ..logins(1) });
    let users = [house.user(None).await, house.user(None).await, house.user(None).await];
    for round in 0..40 {
        let user = &users[round % 3];
        let issued = house.tokens.issue(user, NOW).await.unwrap();
        let read = || {
            let (tokens, token) = (house.tokens.clone(), issued.token.clone());
            tokio::spawn(async move { tokens.authenticate(&token, NOW).await })
        };
        let before: Vec<_> = (0..4).map(|_| read()).collect();
        // The one who logs out hangs up before the answer.
        let (tokens, id, login) = (house.tokens.clone(), user.id, issued.login);
        let mut end = Box::pin(tokens.end(id, login, LoginEnd::LoggedOut, NOW));
        assert!(futures_util::poll!(&mut end).is_pending());
        drop(end);
        let after: Vec<_> = (0..4).map(|_| read()).collect();
        for reader in before {
            reader.await.unwrap().unwrap();
        }
        for reader in after {
            assert!(matches!(reader.await.unwrap(), Err(AuthError::Revoked)));
        }
        house.assert_revoked(&issued.token, NOW).await;
        assert!(house.storage.logins(id).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_logins_of_one_user_leave_exactly_one() {
    let house = house(logins(1));
    let user = house.user(None).await;
    let starts: Vec<_> = (0..20)
        .map(|_| {
            let (tokens, user) = (house.tokens.clone(), user.clone());
            tokio::spawn(async move { tokens.issue(&user, NOW).await.unwrap() })
        })
        .collect();
    let mut good: Vec<LoginId> = Vec::new();
    let mut superseded = 0;
    for start in starts {
        let issued = start.await.unwrap();
        superseded += issued.superseded.len();
        if house.tokens.is_live(user.id, issued.login, NOW).await.unwrap() {
            good.push(issued.login);
        }
    }
    assert_eq!(superseded, 19);
    let live = house.storage.logins(user.id).await.unwrap();
    assert_eq!(live.len(), 1);
    assert!(good.contains(&live[0].id));
}

#[tokio::test]
async fn a_token_life_of_less_than_a_second_is_still_a_life() {
    let config = TokensConfig { token_ttl: Duration::from_millis(300), ..logins(1) };
    let house = house(config);
    let user = house.user(None).await;
    let issued = house.tokens.issue(&user, NOW).await.unwrap();
    house.assert_good(&issued.token, NOW + 299).await;
    assert!(issued.expires_at <= NOW + 1_300);
}
