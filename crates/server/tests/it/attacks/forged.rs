//! Tokens that are not what they say, and tokens that were good. The forger here has the server's own secret:
//! what is refused is not refused for a wrong signature alone.

use anteroom_client::{Account, ConfirmOptions};
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Scene, routes};
use crate::harness::dice::Dice;
use crate::harness::{Answer, Known as _, PASSWORD, TestServer, alive, ended, refused};

const SECRET: &str = "the secret of a server that somebody has stolen";
const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

/// What the thief can do.
struct Forger {
    scene: Scene,
    victim: Account,
    claims: Value,
}

impl Forger {
    async fn begins() -> Self {
        let scene = Scene::with(|cfg| {
            cfg.set("auth.secret", SECRET);
        })
        .await;
        let victim = scene.server.user("victim").await;
        let claims = victim.token().split('.').nth(1).map(|it| BASE64URL.decode(it).unwrap());
        let claims = serde_json::from_slice(&claims.unwrap()).unwrap();
        let forger = Self { scene, victim, claims };
        // The forger signs as the server does: what follows is refused for what it says.
        assert_eq!(forger.signed(HEADER, &forger.claims_as_text()), *forger.victim.token());
        forger
    }

    fn claims_as_text(&self) -> String {
        let token = self.victim.token();
        String::from_utf8(BASE64URL.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
    }

    /// The claims with one of them changed.
    fn with(&self, claim: &str, value: impl Into<Value>) -> String {
        let mut claims = self.claims.clone();
        claims[claim] = value.into();
        claims.to_string()
    }

    /// The claims with one of them written so.
    fn written(&self, claim: &str, value: &str) -> String {
        let (text, old) = (self.claims_as_text(), format!("\"{claim}\":{}", self.claims[claim]));
        assert!(text.contains(&old), "{old} in {text}");
        text.replace(&old, &format!("\"{claim}\":{value}"))
    }

    fn signed(&self, header: &str, claims: &str) -> String {
        self.signed_by(hmac::HMAC_SHA256, b"token v1", header, claims)
    }

    fn signed_by(&self, by: hmac::Algorithm, label: &[u8], header: &str, claims: &str) -> String {
        let master = hkdf::Salt::new(hkdf::HKDF_SHA256, b"anteroom").extract(SECRET.as_bytes());
        let mut key = [0; 32];
        let label = [label];
        master.expand(&label, hkdf::HKDF_SHA256).unwrap().fill(&mut key).unwrap();
        let message = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(claims));
        let signature = hmac::sign(&hmac::Key::new(by, &key), message.as_bytes());
        format!("{message}.{}", BASE64URL.encode(signature))
    }

    /// It opens nothing: not as a bearer, not as a cookie.
    async fn opens_nothing(&self, token: &str, what: &str) {
        let shown: String = what.chars().take(120).collect();
        let request = self.scene.server.client().request(Method::GET, "/me");
        let Ok(value) = reqwest::header::HeaderValue::from_str(&format!("Bearer {token}")) else {
            return;
        };
        let answer = Answer::to(request.header("authorization", value)).await;
        assert_eq!(answer.status, 401, "{shown}: {answer:?}");
        let cookie = format!("anteroom_token={token}");
        let request = self.scene.server.client().request(Method::GET, "/me");
        let answer = Answer::to(request.header("cookie", cookie)).await;
        assert_eq!(answer.status, 401, "{shown}: {answer:?}");
    }

    async fn ends(self) {
        assert_eq!(self.victim.me().await.unwrap().id, self.victim.id(), "the real one is good");
        self.scene.ends_well().await;
    }
}

#[tokio::test]
async fn a23_no_other_algorithm_is_taken_even_where_the_key_is_right() {
    let forger = Forger::begins().await;
    let claims = forger.claims_as_text();
    let unsigned =
        |header: &str| format!("{}.{}.", BASE64URL.encode(header), BASE64URL.encode(&claims));
    for alg in ["none", "None", "NONE", "nOnE", "", "null", "HS0", "plain"] {
        let header = format!(r#"{{"typ":"JWT","alg":"{alg}"}}"#);
        forger.opens_nothing(&unsigned(&header), &header).await;
        forger.opens_nothing(&forger.signed(&header, &claims), &header).await;
    }
    forger.opens_nothing(&unsigned(HEADER), "no signature").await;
    for alg in ["RS256", "PS256", "ES256", "EdDSA", "hs256", "HS256 "] {
        let header = format!(r#"{{"typ":"JWT","alg":"{alg}"}}"#);
        forger.opens_nothing(&forger.signed(&header, &claims), &header).await;
    }
    for (alg, by) in [("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)] {
        let header = format!(r#"{{"typ":"JWT","alg":"{alg}"}}"#);
        forger.opens_nothing(&forger.signed_by(by, b"token v1", &header, &claims), alg).await;
        forger.opens_nothing(&forger.signed_by(by, b"token v1", HEADER, &claims), alg).await;
    }
    forger.ends().await;
}

#[tokio::test]
async fn a24_what_a_header_points_to_is_never_fetched() {
    let forger = Forger::begins().await;
    let claims = forger.claims_as_text();
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", canary.local_addr().unwrap());
    let long = "k".repeat(4_000);
    let more = [
        r#""kid":"../../../../../../etc/passwd""#.to_owned(),
        r#""kid":"/dev/null""#.into(),
        r#""kid":"' UNION SELECT 'x' --""#.into(),
        format!(r#""kid":"{url}""#),
        format!(r#""kid":"{long}""#),
        format!(r#""jku":"{url}""#),
        format!(r#""x5u":"{url}""#),
        r#""jwk":{"kty":"oct","k":"AAAA"}"#.into(),
        r#""x5c":["AAAA"]"#.into(),
        r#""crit":["exp"]"#.into(),
        r#""b64":false,"crit":["b64"]"#.into(),
        r#""zip":"DEF""#.into(),
        r#""cty":"JWT""#.into(),
    ];
    for member in more {
        let header = format!(r#"{{"typ":"JWT","alg":"HS256",{member}}}"#);
        forger.opens_nothing(&forger.signed(&header, &claims), &member).await;
    }
    let nobody_came = futures_util::poll!(Box::pin(canary.accept()));
    assert!(nobody_came.is_pending(), "the server went where a token sent it");
    forger.ends().await;
}

#[tokio::test]
async fn a25_times_of_the_wrong_kind_or_outside_their_bounds_are_refused() {
    let forger = Forger::begins().await;
    let (iat, exp) =
        (forger.claims["iat"].as_i64().unwrap(), forger.claims["exp"].as_i64().unwrap());
    let text = forger.claims_as_text();
    let mut bent = vec![text.replace(&format!("\"exp\":{exp},"), "")];
    for value in [
        format!("\"{exp}\""),
        format!("{exp}.0"),
        "1e12".into(),
        "-1".into(),
        "0".into(),
        "9223372036854775808".into(),
        "18446744073709551616".into(),
        "1e400".into(),
        "null".into(),
        "true".into(),
        "[1]".into(),
        "{}".into(),
        iat.to_string(),
        (iat - 1).to_string(),
        format!("{exp},\"exp\":{exp}"),
    ] {
        bent.push(forger.written("exp", &value));
    }
    for value in
        ["\"now\"".to_owned(), format!("{iat}.5"), (iat + 3_600).to_string(), "null".into()]
    {
        bent.push(forger.written("iat", &value));
    }
    for nbf in ["\"later\"".to_owned(), (exp + 1).to_string(), "-1".into()] {
        bent.push(text.replacen('{', &format!("{{\"nbf\":{nbf},"), 1));
    }
    for claims in bent {
        forger.opens_nothing(&forger.signed(HEADER, &claims), &claims).await;
    }
    forger.ends().await;
}

#[tokio::test]
async fn a26_a_token_is_good_for_its_own_purpose_only() {
    let forger = Forger::begins().await;
    for (claim, values) in [
        ("iss", vec![json!("other"), json!(["anteroom"]), json!(null), json!("Anteroom")]),
        (
            "aud",
            vec![json!("anteroom.ticket"), json!("anteroom"), json!(["anteroom.api"]), json!(null)],
        ),
        ("sub", vec![json!("nobody"), json!(7), json!(forger.scene.owner.id())]),
        ("roles", vec![json!(["admin"]), json!("admin"), json!([])]),
        ("lid", vec![json!(uuid::Uuid::now_v7()), json!(null)]),
        ("jti", vec![json!(uuid::Uuid::now_v7())]),
        ("admin", vec![json!(true)]),
    ] {
        for value in values {
            let claims = forger.with(claim, value);
            forger.opens_nothing(&forger.signed(HEADER, &claims), &claims).await;
        }
    }
    let claims = forger.claims_as_text();
    for header in [
        r#"{"typ":"at+jwt","alg":"HS256"}"#,
        r#"{"alg":"HS256"}"#,
        r#"{"typ":"ticket","alg":"HS256"}"#,
    ] {
        forger.opens_nothing(&forger.signed(header, &claims), header).await;
    }
    // The key of tickets signs no token, and neither secret is taken for the other.
    let by_tickets = forger.signed_by(hmac::HMAC_SHA256, b"ticket v1", HEADER, &claims);
    forger.opens_nothing(&by_tickets, "signed as a ticket").await;
    let room = forger.scene.room;
    let reservation = forger.victim.reserve(room, &Reserve::default()).await.unwrap();
    forger.opens_nothing(&reservation.ticket, "a ticket").await;
    let client = forger.scene.server.client();
    let as_ticket = client.confirm_ticket(&forger.victim.token(), ConfirmOptions::default()).await;
    refused(as_ticket, 4403, Code::NoReservation);
    let mut session = forger.victim.confirm(&reservation, ConfirmOptions::default()).await.unwrap();
    let resume = session.welcome().resume.clone();
    forger.opens_nothing(&resume, "the secret of a session").await;
    refused(
        client.confirm_ticket(&resume, ConfirmOptions::default()).await,
        4403,
        Code::NoReservation,
    );
    alive(&mut session).await;
    session.leave().await.unwrap();
    forger.ends().await;
}

#[tokio::test]
async fn a27_a_token_has_one_spelling() {
    let forger = Forger::begins().await;
    let good = forger.victim.token().to_string();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let mut bent = vec![
        message.to_owned(),
        format!("{message}."),
        format!("{message}.{}", &signature[..20]),
        format!("{good}."),
        format!("{good}.{signature}"),
        format!("{good}="),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}..{signature}"),
        format!("{payload}.{header}.{signature}"),
        good.replace(['-', '_'], "+"),
        good.to_lowercase(),
        "..".into(),
    ];
    let doubled = forger.claims_as_text().replacen('{', "{\"sub\":\"x\",", 1);
    bent.push(forger.signed(HEADER, &doubled));
    bent.push(
        forger.signed(&HEADER.replacen('{', "{\"alg\":\"none\",", 1), &forger.claims_as_text()),
    );
    // The last character holds bits that belong to nothing: another spelling of the same bytes.
    for stray in ["A", "B", "C", "D", "E", "F", "G", "H"] {
        let twin = format!("{}{stray}", &good[..good.len() - 1]);
        if twin != good {
            bent.push(twin);
        }
    }
    // One bit in each position, and random edits; ten thousand more are in the unit tests of the codec.
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] ^= 1 << (at % 7);
        bent.push(String::from_utf8(bytes).unwrap());
    }
    let mut dice = Dice::new(27);
    for _ in 0..500 {
        let mut bytes = good.clone().into_bytes();
        for _ in 0..=dice.at(3) {
            let (at, other) = (dice.at(bytes.len()), dice.at(bytes.len()));
            bytes.swap(at, other);
        }
        bent.push(String::from_utf8(bytes).unwrap());
    }
    for token in bent.iter().filter(|token| **token != good) {
        forger.opens_nothing(token, token).await;
    }
    forger.ends().await;
}

/// Whoever asks there may be anybody.
fn is_open_to_all(route: &routes::Route) -> bool {
    let open = [
        "/api/v1/users",
        "/api/v1/users/password",
        "/api/v1/sessions",
        "/api/v1/sessions/guest",
        "/api/v1/public/rooms",
        "/api/v1/rooms/events",
    ];
    open.contains(&&*route.path)
}

#[tokio::test]
async fn a28_a_revoked_token_opens_no_route_and_no_socket() {
    let scene = Scene::with(|cfg| {
        cfg.set("auth.logins_per_user", 2);
    })
    .await;
    let server = &scene.server;
    let (victim, chief) = (server.user("victim").await, &scene.chief);
    let over = |what: &str| format!("/admin/users/{}/{what}", victim.id());
    for how in ["logout", "logged out", "locked", "password", "superseded"] {
        let login = server.login("victim").await;
        let ticket = login.reserve(scene.room, &Reserve::default()).await.unwrap();
        let mut session = login.confirm(&ticket, ConfirmOptions::default()).await.unwrap();
        let open = login.reserve(scene.room, &Reserve::default()).await.unwrap();
        match how {
            "logout" => login.logout().await.unwrap(),
            "logged out" => drop(Answer::to(chief.request(Method::POST, &over("logout"))).await),
            "locked" => drop(Answer::to(chief.request(Method::POST, &over("lock"))).await),
            "superseded" => drop((server.login("victim").await, server.login("victim").await)),
            _ => {
                for (from, to) in
                    [(PASSWORD, "another long password"), ("another long password", PASSWORD)]
                {
                    let body = json!({ "username": "victim", "current_password": from, "new_password": to });
                    let change =
                        server.client().request(Method::POST, "/users/password").json(&body);
                    assert_eq!(Answer::to(change).await.status, 204);
                }
            }
        }
        let (_, closed) = ended(&mut session).await;
        assert!(matches!(closed.code, 4440 | 4401), "{how}: {closed:?}");
        let late = login.confirm(&open, ConfirmOptions::default()).await.err();
        let status = late.and_then(|error| error.status());
        assert!(matches!(status, Some(4401 | 4403)), "{how}: {status:?}");
        matrix(server, &login, scene.room, how).await;
        let unlocked = Answer::to(chief.request(Method::POST, &over("unlock"))).await;
        assert_eq!(unlocked.status, 204, "{unlocked:?}");
        // What the newest login may have inherited goes with it.
        server.login("victim").await.logout().await.unwrap();
    }
    Answer::to(chief.request(Method::POST, &over("logout"))).await;
    scene.ends_well().await;
}

/// Every route there is, asked with a token that is good no more.
async fn matrix(server: &TestServer, dead: &Account, room: i64, how: &str) {
    for route in routes::all() {
        let path = route.to(room, dead.id());
        let url = format!("{}{path}", server.base());
        let request = server.client().http().request(route.method.clone(), url);
        if route.is_of_the_api() {
            if is_open_to_all(&route) {
                continue;
            }
            let request = request.bearer_auth(dead.token()).json(&json!({}));
            let answer = Answer::to(request).await;
            assert_eq!(answer.status, 401, "{how}: {} {path}: {answer:?}", route.method);
        } else if !path.starts_with("/sockjs") {
            let cookie = format!("anteroom_token={}", dead.token());
            let request = request.header("cookie", cookie).header("origin", server.base());
            let answer = Answer::to(request.header("sec-fetch-site", "same-origin")).await;
            assert!(
                !answer.body.contains("victim"),
                "{how}: {} {path} knows somebody",
                route.method
            );
        }
    }
}
