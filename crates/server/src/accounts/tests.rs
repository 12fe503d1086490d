//! Accounts over the real store: who gets in, who does not, and what each is told.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anteroom_core::ids::UserId;
use anteroom_protocol::account::{
    GuestSignIn, PasswordChange, ProfileChange, Role, SignIn, SignUp,
};

use super::{AccountError, Accounts, AccountsConfig, PasswordConfig, ThrottleConfig};
use crate::storage::sqlite::{SqliteOptions, SqliteStorage};
use crate::storage::{AccountEnd, LastAdmin, SharedStorage, UserRecord};
use crate::tokens::{AuthError, IssuedToken, Keys, Tokens, TokensConfig};

const NOW: i64 = 1_763_712_000_000;
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const AWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
const PASSWORD: &str = "correct horse";

struct House {
    accounts: Accounts,
    tokens: Tokens,
    storage: SharedStorage,
    _dir: tempfile::TempDir,
}

fn house(config: AccountsConfig) -> House {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions::default();
    let storage = SqliteStorage::open(&dir.path().join("anteroom.db"), options).unwrap();
    let storage: SharedStorage = Arc::new(storage);
    let keys = Keys::from_secret("a secret of the tests, long enough to be one").unwrap();
    let many = TokensConfig { logins_per_user: 3, ..TokensConfig::default() };
    let tokens = Tokens::new(Arc::clone(&storage), &keys, many);
    let accounts = Accounts::new(Arc::clone(&storage), tokens.clone(), config);
    House { accounts, tokens, storage, _dir: dir }
}

fn unthrottled() -> AccountsConfig {
    let throttle = ThrottleConfig { enabled: false, ..ThrottleConfig::default() };
    AccountsConfig { throttle, ..AccountsConfig::default() }
}

fn wish(username: &str, password: &str) -> SignIn {
    SignIn { username: username.into(), password: password.into() }
}

fn new_user(username: &str) -> SignUp {
    SignUp {
        username: username.into(),
        password: PASSWORD.into(),
        display_name: None,
        contact_number: None,
    }
}

impl House {
    async fn sign_up(&self, username: &str) -> UserRecord {
        self.accounts.sign_up(new_user(username), NOW).await.unwrap()
    }

    async fn sign_in(&self, username: &str, password: &str) -> Result<IssuedToken, AccountError> {
        self.accounts.sign_in(wish(username, password), HOME, NOW).await
    }

    async fn is_good(&self, issued: &IssuedToken, now: i64) -> bool {
        self.tokens.authenticate(&issued.token, now).await.is_ok()
    }
}

fn word<T>(outcome: Result<T, AccountError>) -> &'static str {
    outcome.err().map_or("ok", |error| error.as_str())
}

fn fields<T: std::fmt::Debug>(
    outcome: Result<T, AccountError>,
) -> Vec<(&'static str, &'static str)> {
    match outcome {
        Err(AccountError::Invalid(faults)) => faults.iter().map(|f| (f.field, f.code)).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn who_signed_up_signs_in_however_the_name_is_written() {
    let house = house(unthrottled());
    let user = house.sign_up("Kim.Hana").await;
    assert_eq!((user.display_name.as_str(), &user.roles[..]), ("Kim.Hana", &[Role::User][..]));
    for name in ["Kim.Hana", "kim.hana", "ＫＩＭ.HANA"] {
        let issued = house.sign_in(name, PASSWORD).await.unwrap();
        assert_eq!(issued.user, user);
        assert!(house.is_good(&issued, NOW).await);
    }
    assert_eq!(word(house.accounts.sign_up(new_user("KIM.hana"), NOW).await), "username_taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_sign_ups_of_one_name_leave_exactly_one() {
    let house = house(unthrottled());
    let tries: Vec<_> = ["hana", "HANA", "Hana", "ｈａｎａ", "hAnA", "hana"]
        .map(|name| {
            let accounts = house.accounts.clone();
            tokio::spawn(async move { word(accounts.sign_up(new_user(name), NOW).await) })
        })
        .into();
    let mut words = Vec::new();
    for one in tries {
        words.push(one.await.unwrap());
    }
    words.sort_unstable();
    assert_eq!(
        words,
        [
            "ok",
            "username_taken",
            "username_taken",
            "username_taken",
            "username_taken",
            "username_taken"
        ]
    );
}

#[tokio::test]
async fn everything_wrong_with_a_sign_up_is_told_at_once() {
    let house = house(unthrottled());
    let sign_up = SignUp {
        username: "a b".into(),
        password: "short".into(),
        display_name: Some("\u{202e}".into()),
        contact_number: Some("call me".into()),
    };
    assert_eq!(
        fields(house.accounts.sign_up(sign_up, NOW).await),
        [
            ("username", "characters"),
            ("password", "too_short"),
            ("display_name", "characters"),
            ("contact_number", "characters"),
        ]
    );
    assert_eq!(fields(house.accounts.sign_up(new_user(""), NOW).await), [("username", "required")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_user_costs_a_hash_like_a_known_one_and_an_overlong_password_none() {
    let passwords = PasswordConfig { at_once: 1, waiting: 0 };
    let house = house(AccountsConfig { passwords, ..unthrottled() });
    house.sign_up("hana").await;
    let guest = house.accounts.guest(GuestSignIn { display_name: "G".into() }, NOW).await.unwrap();
    for name in ["hana", "nobody", "no such name", guest.user.username.as_str(), &"x".repeat(500)] {
        assert_eq!(word(house.sign_in(name, "wrong password").await), "bad_credentials", "{name}");
    }
    // Dropped when an assertion fails, which lets the blocked one go as well.
    let (started, has_started) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let passwords = house.accounts.passwords().clone();
    let blocked = tokio::spawn(async move {
        let wait = move || {
            started.send(()).unwrap();
            assert!(may_go_on.recv().is_err());
        };
        passwords.run(wait).await
    });
    tokio::task::block_in_place(|| has_started.recv().unwrap());
    for name in ["hana", "nobody", "no such name", guest.user.username.as_str(), &"x".repeat(500)] {
        assert_eq!(word(house.sign_in(name, "wrong password").await), "busy", "{name}");
        let overlong = house.sign_in(name, &"x".repeat(129)).await;
        assert_eq!(fields(overlong), [("password", "too_long")], "{name}");
    }
    drop(go_on);
    blocked.await.unwrap().unwrap();
}

#[tokio::test]
async fn after_five_failures_not_even_the_right_password_is_heard() {
    let house = house(AccountsConfig::default());
    house.sign_up("hana").await;
    for _ in 0..4 {
        assert_eq!(word(house.sign_in("hana", "wrong password").await), "bad_credentials");
    }
    assert_eq!(word(house.sign_in("hana", PASSWORD).await), "ok");
    // The success cleared the account, not the address.
    assert_eq!(word(house.sign_in("hana", "wrong password").await), "bad_credentials");
    assert_eq!(word(house.sign_in("hana", PASSWORD).await), "throttled");
    for _ in 0..5 {
        let answer = house.accounts.sign_in(wish("HANA", "wrong password"), AWAY, NOW).await;
        assert_eq!(word(answer), "bad_credentials");
    }
    let right = || house.accounts.sign_in(wish("hana", PASSWORD), AWAY, NOW);
    match right().await {
        Err(AccountError::Throttled { retry_after }) => {
            assert_eq!(retry_after, Duration::from_secs(15 * 60));
        }
        other => panic!("{other:?}"),
    }
    let later = house.accounts.sign_in(wish("hana", PASSWORD), AWAY, NOW + 15 * 60 * 1000).await;
    assert_eq!(word(later), "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_parallel_guesses_learns_no_more_than_five() {
    let house = house(AccountsConfig::default());
    house.sign_up("hana").await;
    let guesses: Vec<_> = (0..16)
        .map(|n| {
            let accounts = house.accounts.clone();
            let guess = async move {
                let guess = wish("hana", &format!("wrong password {n}"));
                word(accounts.sign_in(guess, HOME, NOW).await)
            };
            tokio::spawn(guess)
        })
        .collect();
    let mut heard = 0;
    for guess in guesses {
        match guess.await.unwrap() {
            "bad_credentials" => heard += 1,
            other => assert_eq!(other, "throttled"),
        }
    }
    assert_eq!(heard, 5);
}

#[tokio::test]
async fn a_locked_account_opens_nothing_and_its_old_logins_never_come_back() {
    let house = house(unthrottled());
    let user = house.sign_up("hana").await;
    let before = house.sign_in("hana", PASSWORD).await.unwrap();
    assert!(house.is_good(&before, NOW).await);
    assert_eq!(house.accounts.lock(user.id, NOW, LastAdmin::MayGo).await.unwrap(), [before.login]);
    let refused = house.tokens.authenticate(&before.token, NOW).await;
    assert!(matches!(refused, Err(AuthError::Revoked)));
    assert!(house.tokens.refresh(&before.token, NOW).await.is_err());
    assert_eq!(word(house.sign_in("hana", PASSWORD).await), "account_locked");
    // Only who knows the password learns of the lock.
    assert_eq!(word(house.sign_in("hana", "wrong password").await), "bad_credentials");
    house.accounts.unlock(user.id, NOW).await.unwrap();
    assert!(!house.is_good(&before, NOW).await);
    assert_eq!(word(house.sign_in("hana", PASSWORD).await), "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_races_with_a_lock_leaves_no_login_behind() {
    let house = house(unthrottled());
    let user = house.sign_up("hana").await;
    for _ in 0..6 {
        let attempts: Vec<_> = (0..4)
            .map(|_| {
                let accounts = house.accounts.clone();
                tokio::spawn(
                    async move { accounts.sign_in(wish("hana", PASSWORD), HOME, NOW).await },
                )
            })
            .collect();
        tokio::task::yield_now().await;
        house.accounts.lock(user.id, NOW, LastAdmin::MayGo).await.unwrap();
        for attempt in attempts {
            if let Ok(issued) = attempt.await.unwrap() {
                assert!(!house.is_good(&issued, NOW).await);
            }
        }
        assert!(house.storage.logins(user.id).await.unwrap().is_empty());
        house.accounts.unlock(user.id, NOW).await.unwrap();
    }
}

#[tokio::test]
async fn an_account_s_life_ends_its_tokens_and_its_sign_in() {
    let account_life = Some(Duration::from_secs(60));
    let house = house(AccountsConfig { account_life, ..unthrottled() });
    house.sign_up("hana").await;
    let issued = house.sign_in("hana", PASSWORD).await.unwrap();
    assert!(house.is_good(&issued, NOW + 59_999).await);
    assert!(!house.is_good(&issued, NOW + 60_000).await);
    let late = house.accounts.sign_in(wish("hana", PASSWORD), HOME, NOW + 60_000).await;
    assert_eq!(word(late), "account_expired");
}

#[tokio::test]
async fn an_old_password_must_be_changed_before_it_lets_in() {
    let credentials_life = Some(Duration::from_secs(60));
    let house = house(AccountsConfig { credentials_life, ..unthrottled() });
    house.sign_up("hana").await;
    let late = NOW + 60_000;
    let sign_in = |password| house.accounts.sign_in(wish("hana", password), HOME, late);
    assert_eq!(word(sign_in(PASSWORD).await), "credentials_expired");
    assert_eq!(word(sign_in("wrong password").await), "bad_credentials");
    let change = |current: &str, new: &str| {
        let change = PasswordChange {
            username: "Hana".into(),
            current_password: current.into(),
            new_password: new.into(),
        };
        house.accounts.change_password(change, HOME, late)
    };
    assert_eq!(fields(change(PASSWORD, PASSWORD).await), [("new_password", "unchanged")]);
    assert_eq!(fields(change(PASSWORD, "short").await), [("new_password", "too_short")]);
    assert_eq!(word(change("wrong password", "battery staple").await), "bad_credentials");
    assert_eq!(word(change(PASSWORD, "battery staple").await), "ok");
    assert_eq!(word(sign_in(PASSWORD).await), "bad_credentials");
    assert_eq!(word(sign_in("battery staple").await), "ok");
}

#[tokio::test]
async fn a_changed_password_ends_every_login_but_the_asker_s() {
    let house = house(unthrottled());
    house.sign_up("hana").await;
    let mine = house.sign_in("hana", PASSWORD).await.unwrap();
    let other = house.sign_in("hana", PASSWORD).await.unwrap();
    let asker = house.tokens.authenticate(&mine.token, NOW).await.unwrap();
    let change = |current: Option<&str>| ProfileChange {
        password: Some("battery staple".into()),
        current_password: current.map(Into::into),
        ..ProfileChange::default()
    };
    let change_with = |current| house.accounts.change_profile(&asker, change(current), HOME, NOW);
    assert_eq!(fields(change_with(None).await), [("current_password", "required")]);
    assert_eq!(word(change_with(Some("wrong password")).await), "bad_credentials");
    assert!(house.is_good(&other, NOW).await);
    assert_eq!(change_with(Some(PASSWORD)).await.unwrap().ended, [other.login]);
    assert!(house.is_good(&mine, NOW).await);
    assert!(!house.is_good(&other, NOW).await);
    let change = PasswordChange {
        username: "hana".into(),
        current_password: "battery staple".into(),
        new_password: PASSWORD.into(),
    };
    let ended = house.accounts.change_password(change, HOME, NOW).await.unwrap();
    assert_eq!(ended, [mine.login]);
    assert!(!house.is_good(&mine, NOW).await);
}

#[tokio::test]
async fn guests_come_in_by_name_only_where_they_are_welcome() {
    let house_with = house(unthrottled());
    let guest = |name: &str| GuestSignIn { display_name: name.into() };
    let issued = house_with.accounts.guest(guest(" 하나 "), NOW).await.unwrap();
    let identity = house_with.tokens.authenticate(&issued.token, NOW).await.unwrap();
    assert_eq!((identity.name.as_str(), &identity.roles[..]), ("하나", &[Role::Guest][..]));
    let nameless = house_with.accounts.guest(guest("  "), NOW).await;
    assert_eq!(fields(nameless), [("display_name", "required")]);
    let change = ProfileChange {
        password: Some("battery staple".into()),
        current_password: Some(String::new()),
        ..ProfileChange::default()
    };
    let changed = house_with.accounts.change_profile(&identity, change, HOME, NOW).await;
    assert_eq!(fields(changed), [("password", "not_allowed")]);
    let without = house(AccountsConfig { guests: false, ..unthrottled() });
    assert_eq!(word(without.accounts.guest(guest("하나"), NOW).await), "guests_disabled");
}

#[tokio::test]
async fn a_new_name_and_new_roles_are_in_force_with_the_next_request() {
    let house = house(unthrottled());
    let user = house.sign_up("hana").await;
    let issued = house.sign_in("hana", PASSWORD).await.unwrap();
    let asker = house.tokens.authenticate(&issued.token, NOW).await.unwrap();
    let change = ProfileChange {
        display_name: Some("Kim 하나".into()),
        contact_number: Some("+82 10 1234 5678".into()),
        ..ProfileChange::default()
    };
    house.accounts.change_profile(&asker, change, HOME, NOW).await.unwrap();
    let roles = vec![Role::Moderator, Role::User, Role::User];
    house.accounts.set_roles(user.id, roles, LastAdmin::MayGo).await.unwrap();
    let asker = house.tokens.authenticate(&issued.token, NOW).await.unwrap();
    assert_eq!(asker.name, "Kim 하나");
    assert_eq!(asker.roles, [Role::User, Role::Moderator]);
    assert_eq!(
        house.accounts.find("HANA").await.unwrap().contact_number.unwrap(),
        "+82 10 1234 5678"
    );
    assert_eq!(
        fields(house.accounts.set_roles(user.id, vec![], LastAdmin::MayGo).await),
        [("roles", "required")]
    );
    assert_eq!(word(house.accounts.find("nobody").await), "no_such_user");
}

#[tokio::test]
async fn the_last_administrator_is_told_apart_from_nobody() {
    let house = house(unthrottled());
    let user = house.sign_up("hana").await;
    let (stays, roles) = (LastAdmin::Stays(NOW), vec![Role::User]);
    let admin = vec![Role::User, Role::Admin];
    house.accounts.set_roles(user.id, admin, stays).await.unwrap();
    let end = AccountEnd { user: user.id, at: NOW, erase: false, last: stays };
    assert_eq!(word(house.accounts.lock(user.id, NOW, stays).await), "last_admin");
    assert_eq!(word(house.accounts.set_roles(user.id, roles.clone(), stays).await), "last_admin");
    assert_eq!(word(house.accounts.end(end).await), "last_admin");
    let nobody = UserId(uuid::Uuid::now_v7());
    assert_eq!(word(house.accounts.lock(nobody, NOW, stays).await), "no_such_user");
    assert_eq!(word(house.accounts.set_roles(nobody, roles, stays).await), "no_such_user");
    assert_eq!(house.accounts.administrators(NOW).await.unwrap(), 1);
}
