//! Tokens that are not what they say: each is refused, over HTTP and in pages, and none is a fault
//! of the server.

use anteroom_protocol::frame::ServerFrame;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Known as _, TestServer, within};

/// The token with one bit of its signature turned over.
pub(crate) fn with_flipped_bit(token: &str) -> String {
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = BASE64URL.decode(signature).unwrap();
    bytes[0] ^= 1;
    format!("{rest}.{}", BASE64URL.encode(bytes))
}

/// The token's parts: header and claims as JSON, signature as text.
fn parts(token: &str) -> (Value, Value, String) {
    let mut parts = token.split('.');
    let mut json = || {
        let bytes = BASE64URL.decode(parts.next().unwrap()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    let (header, claims) = (json(), json());
    (header, claims, parts.next().unwrap().to_owned())
}

fn assembled(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |json: &Value| BASE64URL.encode(json.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

fn with(json: &Value, key: &str, value: Value) -> Value {
    let mut changed = json.clone();
    changed[key] = value;
    changed
}

/// Every way we know to be somebody one is not.
fn forgeries(token: &str, other: &str) -> Vec<(&'static str, String)> {
    let (header, claims, signature) = parts(token);
    let (_, others_claims, others_signature) = parts(other);
    let none = with(&header, "alg", json!("none"));
    let mut endless = claims.clone();
    endless.as_object_mut().unwrap().remove("exp");
    vec![
        ("empty", String::new()),
        ("no token at all", "hello".into()),
        ("two parts", token.rsplit_once('.').unwrap().0.to_owned()),
        ("four parts", format!("{token}.{signature}")),
        ("a flipped bit", with_flipped_bit(token)),
        ("no signature", assembled(&header, &claims, "")),
        ("alg none", assembled(&none, &claims, "")),
        ("alg none, signed", assembled(&none, &claims, &signature)),
        ("alg RS256", assembled(&with(&header, "alg", json!("RS256")), &claims, &signature)),
        ("no exp", assembled(&header, &endless, &signature)),
        (
            "exp far away",
            assembled(&header, &with(&claims, "exp", json!(9_999_999_999_i64)), &signature),
        ),
        ("more roles", assembled(&header, &with(&claims, "roles", json!(["admin"])), &signature)),
        ("another's claims", assembled(&header, &others_claims, &signature)),
        ("another's signature", assembled(&header, &claims, &others_signature)),
        ("not base64", format!("{token}!")),
        ("long", "a".repeat(7_000)),
    ]
}

#[tokio::test]
async fn behaviour_b27_no_forged_token_opens_anything() {
    let server = TestServer::plain().await;
    let ann = server.user("ann").await;
    let ben = server.user("ben").await;
    for (name, token) in forgeries(&ann.token(), &ben.token()) {
        let forged = server.client().with_token(&token);
        let answer = Answer::to(forged.request(Method::GET, "/me")).await;
        assert_eq!(answer.status, 401, "{name}: {answer:?}");
        answer.refuses(401, "unauthenticated");
        let mut browser = server.browser_of(&forged, "en");
        let page = browser.get("/profile").await;
        assert!(page.header("location").starts_with("/login"), "{name}: {page:?}");
    }
    assert_eq!(ann.me().await.unwrap().id, ann.id(), "the real one still works");
}

#[tokio::test]
async fn behaviour_b27_a_token_is_signed_and_says_who_until_when() {
    let server = TestServer::plain().await;
    let ann = server.user("ann").await;
    let (header, claims, _) = parts(&ann.token());
    assert_ne!(header["alg"], "none");
    assert_eq!(claims["sub"], ann.id().to_string());
    assert_eq!(claims["roles"], json!(["user"]));
    assert!(claims["exp"].as_i64() > claims["iat"].as_i64(), "{claims}");
    assert!(claims["jti"].is_string() && claims["name"].is_string(), "{claims}");
}

#[tokio::test]
async fn a_secret_of_another_installation_signs_nothing_here() {
    let server = TestServer::plain().await;
    let elsewhere = TestServer::plain().await;
    let ann = elsewhere.user("ann").await;
    server.user("ann").await;
    let stranger = server.client().with_token(ann.token());
    Answer::to(stranger.request(Method::GET, "/me")).await.refuses(401, "unauthenticated");
}

/// What is due of a session is worked out when it enters, not at its first ping.
#[tokio::test]
async fn who_enters_shortly_before_the_login_ends_is_warned_at_once() {
    let server = TestServer::start(|cfg| {
        cfg.set("auth.token_ttl", "110s");
        cfg.set("heartbeat.ping", "90s").set("heartbeat.silence", "200s");
    })
    .await;
    let (_room, mut session) = server.room(&server.user("owner").await, 2).await;
    let ends = session.welcome().login_expires_at;
    let warning = |frame: &ServerFrame| match frame {
        ServerFrame::LoginExpiring { expires_at } => Some(*expires_at),
        _ => None,
    };
    assert_eq!(within("a warning", session.wait_for(warning)).await.unwrap(), ends);
}
