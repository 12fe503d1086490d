//! What accounts write to the log. A program of its own: whether an event is wanted at all is decided
//! once per process, so another test that signs somebody in beside this one would decide it too.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use anteroom::accounts::{Accounts, AccountsConfig};
use anteroom::storage::sqlite::{SqliteOptions, SqliteStorage};
use anteroom::storage::{LoginEnd, SharedStorage};
use anteroom::tokens::{Keys, Tokens, TokensConfig};
use anteroom_protocol::account::{SignIn, SignUp};

const NOW: i64 = 1_763_712_000_000;
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PASSWORD: &str = "correct horse";
const WRONG: &str = "wrong password";

fn wish(password: &str) -> SignIn {
    SignIn { username: "hana".into(), password: password.into() }
}

#[tokio::test]
async fn the_log_tells_who_came_and_went_and_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let written = dir.path().join("log");
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(Arc::new(std::fs::File::create(&written).unwrap()))
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let storage =
        SqliteStorage::open(&dir.path().join("anteroom.db"), SqliteOptions::default()).unwrap();
    let storage: SharedStorage = Arc::new(storage);
    let keys = Keys::load_or_generate(dir.path()).unwrap();
    let tokens = Tokens::new(Arc::clone(&storage), &keys, TokensConfig::default());
    let accounts = Accounts::new(storage, tokens.clone(), AccountsConfig::default());

    let sign_up = SignUp {
        username: "hana".into(),
        password: PASSWORD.into(),
        display_name: None,
        contact_number: None,
    };
    let user = accounts.sign_up(sign_up, NOW).await.unwrap();
    let first = accounts.sign_in(wish(PASSWORD), HOME, NOW).await.unwrap();
    let second = accounts.sign_in(wish(PASSWORD), HOME, NOW).await.unwrap();
    accounts.sign_in(wish(WRONG), HOME, NOW).await.unwrap_err();
    tokens.authenticate(&first.token, NOW).await.unwrap_err();
    tokens.end(user.id, second.login, LoginEnd::LoggedOut, NOW).await.unwrap();

    let log = std::fs::read_to_string(&written).unwrap();
    for (event, id) in [
        ("auth.signed_up", user.id.to_string()),
        ("auth.signed_in", first.login.to_string()),
        ("auth.superseded", first.login.to_string()),
        ("auth.failed", user.id.to_string()),
        ("auth.failed", HOME.to_string()),
        ("auth.refused", "bad_credentials".to_owned()),
        ("auth.refused", "token_revoked".to_owned()),
        ("auth.logged_out", second.login.to_string()),
    ] {
        let event = format!("\"event\":\"{event}\"");
        let told = |line: &str| line.contains(&event) && line.contains(&id);
        assert!(log.lines().any(told), "{event} {id} is not in {log}");
    }
    let secret = std::fs::read_to_string(dir.path().join("secret")).unwrap();
    for secret in [PASSWORD, WRONG, first.token.as_str(), "$argon2id", "eyJ", secret.trim()] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
