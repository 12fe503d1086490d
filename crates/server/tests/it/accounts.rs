//! Accounts: sign-up, login, guests, refresh, profile, and the states in which a login is refused.

use anteroom_client::{Account, Error};
use anteroom_protocol::Code;
use anteroom_protocol::account::{PasswordChange, ProfileChange, Role, SignUp};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, Known as _, PASSWORD, TestServer, alive, ended, refused};

fn sign_up(username: &str) -> SignUp {
    SignUp {
        username: username.into(),
        password: PASSWORD.into(),
        display_name: None,
        contact_number: None,
    }
}

#[tokio::test]
async fn behaviour_b28_sign_up_makes_one_account_of_that_name() {
    let server = TestServer::plain().await;
    let body = SignUp {
        display_name: Some(" 김하나 ".into()),
        contact_number: Some("010-1234-5678".into()),
        ..sign_up("hana")
    };
    let user = server.client().sign_up(&body).await.unwrap();
    assert_eq!((&*user.username, &*user.display_name), ("hana", "김하나"));
    assert_eq!(user.roles, [Role::User]);
    refused(server.client().sign_up(&sign_up("HANA")).await, 409, Code::UsernameTaken);
    let hana = server.login("hana").await;
    let me = hana.me().await.unwrap();
    assert_eq!(me.contact_number.as_deref(), Some("010-1234-5678"), "the owner's own view");
    server.event("auth.signed_up", json!({ "user": user.id })).await;
    server.event("auth.signed_in", json!({ "user": user.id })).await;
}

#[tokio::test]
async fn behaviour_b28_of_many_parallel_sign_ups_of_one_name_one_succeeds() {
    let server = TestServer::plain().await;
    let body = sign_up("wanted");
    let outcomes = join_all((0..20).map(|_| server.client().sign_up(&body))).await;
    let (made, refusals): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refusals.len()), (1, 19));
    for refusal in refusals {
        refused(refusal, 409, Code::UsernameTaken);
    }
    assert_eq!(server.rows("users WHERE username_folded = 'wanted'", &[]), 1);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_answered_alike() {
    let server = TestServer::plain().await;
    server.user("ann").await;
    let answer = async |username: &str| {
        let body = json!({ "username": username, "password": "not the password" });
        Answer::to(server.client().request(Method::POST, "/sessions").json(&body)).await
    };
    let (wrong, unknown) = (answer("ann").await, answer("nobody").await);
    wrong.refuses(401, "bad_credentials");
    assert_eq!(wrong.body, unknown.body);
}

#[tokio::test]
async fn repeated_failures_are_slowed_down() {
    let server = TestServer::start(|cfg| {
        cfg.set("limits.enabled", true);
    })
    .await;
    server.user("ann").await;
    let mut limited = None;
    for _ in 0..8 {
        let outcome = server.client().login("ann", "not the password").await;
        if let Err(Error::Refused(refusal)) = &outcome
            && refusal.problem.code == Code::RateLimited
        {
            limited = refusal.retry_after;
            break;
        }
        refused(outcome, 401, Code::BadCredentials);
    }
    assert!(limited.is_some_and(|wait| !wait.is_zero()), "429 with Retry-After");
}

#[tokio::test]
async fn passwords_are_stored_as_argon2id_only() {
    let server = TestServer::plain().await;
    server.user("ann").await;
    assert_eq!(server.rows("users WHERE password_hash LIKE '$argon2id$%'", &[]), 1);
    for entry in std::fs::read_dir(server.data_dir()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let secret = PASSWORD.as_bytes();
            assert!(!bytes.windows(secret.len()).any(|it| it == secret), "{}", path.display());
        }
    }
}

#[tokio::test]
async fn behaviour_b26_a_newer_login_supersedes_the_older_and_closes_its_socket() {
    let server = TestServer::plain().await;
    let old = server.user("ann").await;
    let (room, mut session) = server.room(&old, 2).await;
    let new = server.login("ann").await;
    assert_eq!(ended(&mut session).await.1.code, 4401);
    refused(old.me().await, 401, Code::Unauthenticated);
    assert_eq!(new.me().await.unwrap().id, old.id());
    let seats = server.balanced(room).await;
    assert_eq!((seats.held, seats.free), (1, 1), "the seat is kept for the grace");
    refused(old.reserve(room, &Default::default()).await, 401, Code::Unauthenticated);
}

#[tokio::test]
async fn behaviour_b26_a_reservation_moves_to_the_newer_login() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 2).await;
    let old = server.user("ann").await;
    let ticket = old.reserve(room, &Default::default()).await.unwrap();
    let new = server.login("ann").await;
    let stale = old.confirm(&ticket, Default::default()).await;
    assert!(matches!(stale.err().unwrap().status(), Some(4401 | 4403)));
    assert_eq!(server.seats(room).await.reserved, 1, "the seat is still counted");
    alive(&mut new.enter(room).await.unwrap()).await;
    assert_eq!(server.balanced(room).await.free, 0);
}

#[tokio::test]
async fn a_refresh_keeps_the_login_and_ends_the_old_token() {
    let server = TestServer::plain().await;
    let ann = server.user("ann").await;
    let (_, mut session) = server.room(&ann, 2).await;
    let old = server.client().with_token(ann.token());
    let twin = server.client().with_token(ann.token());
    ann.refresh().await.unwrap();
    assert_ne!(ann.token(), old.token());
    ann.me().await.unwrap();
    alive(&mut session).await;
    refused(old.me().await, 401, Code::Unauthenticated);
    twin.refresh().await.unwrap();
    assert_eq!(twin.token(), ann.token(), "two tabs that refresh at once get the same token");
}

#[tokio::test]
async fn guests_have_a_name_and_no_account() {
    let server = TestServer::plain().await;
    let guest = server.guest("지나가던 손님").await;
    let me = guest.me().await.unwrap();
    assert_eq!((&*me.display_name, &*me.roles), ("지나가던 손님", &[Role::Guest][..]));
    let (_, mut session) = server.room(&guest, 2).await;
    alive(&mut session).await;
    let closed = TestServer::start(|cfg| {
        cfg.set("auth.guests", false);
    })
    .await;
    refused(closed.client().guest("x").await, 403, Code::GuestsDisabled);
}

#[tokio::test]
async fn behaviour_b42_each_state_of_an_account_refuses_with_its_own_code() {
    let server = TestServer::plain().await;
    for (username, change, code) in [
        ("locked", "locked_at = created_at", Code::AccountLocked),
        ("expired", "expires_at = created_at", Code::AccountExpired),
        ("stale", "password_expires_at = created_at", Code::CredentialsExpired),
    ] {
        server.client().sign_up(&sign_up(username)).await.unwrap();
        let sql = format!("UPDATE users SET {change} WHERE username_folded = ?1");
        assert_eq!(server.change_rows(&sql, &[&username]), 1);
        refused(server.client().login(username, PASSWORD).await, 403, code);
        let wrong = server.client().login(username, "not the password").await;
        refused(wrong, 401, Code::BadCredentials);
    }
    let change = PasswordChange {
        username: "stale".into(),
        current_password: PASSWORD.into(),
        new_password: "a fresh long password".into(),
    };
    server.client().change_password(&change).await.unwrap();
    server.client().login("stale", "a fresh long password").await.unwrap();
}

#[tokio::test]
async fn a_profile_is_changed_by_its_owner() {
    let server = TestServer::plain().await;
    let ann = server.user("ann").await;
    let rename = ProfileChange { display_name: Some("Ann B.".into()), ..ProfileChange::default() };
    assert_eq!(ann.change_me(&rename).await.unwrap().display_name, "Ann B.");
    let blank = ProfileChange { display_name: Some("  ".into()), ..ProfileChange::default() };
    refused(ann.change_me(&blank).await, 422, Code::Invalid);
    let password = |current: &str| ProfileChange {
        password: Some("another long password".into()),
        current_password: Some(current.into()),
        ..ProfileChange::default()
    };
    assert!(ann.change_me(&password("wrong")).await.is_err());
    ann.change_me(&password(PASSWORD)).await.unwrap();
    refused(server.client().login("ann", PASSWORD).await, 401, Code::BadCredentials);
    server.client().login("ann", "another long password").await.unwrap();
}

#[tokio::test]
async fn who_is_online_is_told_to_oneself_only() {
    let server = TestServer::plain().await;
    let (ann, ben): (Account, Account) = (server.user("ann").await, server.user("ben").await);
    assert!(!ann.presence(ann.id()).await.unwrap().online);
    refused(ben.presence(ann.id()).await, 403, Code::Forbidden);
    let (room, _session) = server.room(&ann, 2).await;
    assert_eq!(ann.presence(ann.id()).await.unwrap().rooms, [room]);
}
