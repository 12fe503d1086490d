//! What has no test elsewhere. The number of the requirement is in the name.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anteroom_client::ConfirmOptions;
use anteroom_protocol::account::ProfileChange;
use anteroom_protocol::entry::Reserve;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{
    ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion, version,
};

use crate::harness::{Answer, Authority, Known as _, PASSWORD, TestServer, within};

/// The one field that is at fault, and why.
fn fault(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 422, "{answer:?}");
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let text = |key: &str| body["errors"][0][key].as_str().unwrap().to_owned();
    assert_eq!(body["errors"].as_array().unwrap().len(), 1, "{body}");
    (text("field"), text("code"))
}

#[tokio::test]
async fn asvs_6_2_4_a_common_password_is_refused_in_words_wherever_one_is_chosen() {
    let server = TestServer::plain().await;
    let ann = server.user("ann").await;
    let post = |path: &str, body: Value| server.client().request(Method::POST, path).json(&body);
    let sign_up = post("/users", json!({ "username": "bob", "password": "Password1" }));
    let told = fault(&Answer::to(sign_up).await);
    assert_eq!(told, ("password".into(), "too_common".into()));
    let change = json!({
        "username": "ann", "current_password": PASSWORD, "new_password": "qwertyuiop",
    });
    let told = fault(&Answer::to(post("/users/password", change)).await);
    assert_eq!(told, ("new_password".into(), "too_common".into()));
    let change = ProfileChange {
        password: Some("12345678".into()),
        current_password: Some(PASSWORD.into()),
        ..ProfileChange::default()
    };
    let told = fault(&Answer::to(ann.request(Method::PATCH, "/me").json(&change)).await);
    assert_eq!(told, ("password".into(), "too_common".into()));
    for (language, words) in [("en", "guessed first"), ("ko", "쉽게 뚫려요")] {
        let fields = [("username", "bob"), ("password", "iloveyou1"), ("next", "/")];
        let page = server.browser(language).post("/signup", &fields).await;
        assert!(page.status == 422 && page.body.contains(words), "{page:?}");
    }
    let told = server.command_told("password\n", &["user", "add", "bob"]).await;
    assert!(!told.is_success, "{}", told.stdout);
    server.client().login("ann", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn asvs_6_2_6_passwords_are_hidden_and_left_to_password_managers() {
    let server = TestServer::plain().await;
    let mut browser = server.browser("en");
    let mut seen = 0;
    for path in ["/signup", "/login", "/password"] {
        let page = browser.get(path).await;
        for input in page.body.split("<input ").skip(1) {
            let input = input.split('>').next().unwrap();
            if input.contains("name=\"username\"") {
                assert!(input.contains("autocomplete=\"username\""), "{path}: {input}");
            }
            if !input.contains("password\"") {
                continue;
            }
            assert!(input.contains("type=\"password\""), "{path}: {input}");
            let is_named = ["new-password", "current-password"]
                .iter()
                .any(|it| input.contains(&format!("autocomplete=\"{it}\"")));
            assert!(is_named, "{path}: {input}");
            seen += 1;
        }
    }
    assert_eq!(seen, 4, "one each to sign up and to log in, two to change it");
    for (file, text) in scripts() {
        assert!(!text.contains("'paste'") && !text.contains("onpaste"), "{file}");
    }
}

/// Every script that the pages load.
fn scripts() -> Vec<(String, String)> {
    fn gather(dir: &Path, all: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !["node_modules", "test", "tests"].contains(&&*name) {
                gather(&path, all);
            } else if name.ends_with(".js") && !name.ends_with(".test.js") {
                all.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut all = Vec::new();
    for dir in ["../../clients/js", "assets"] {
        gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join(dir), &mut all);
    }
    assert!(all.len() > 15, "the scripts are found");
    all
}

#[tokio::test]
async fn asvs_14_3_1_nothing_outlives_a_tab_but_the_cookie_a_sound_and_how_far_was_read() {
    for (file, text) in scripts() {
        for place in ["localStorage", "indexedDB", "document.cookie", "caches."] {
            let may = ["/chime.js", "/unread.js"].iter().any(|it| file.ends_with(it));
            assert!(
                (may && place == "localStorage") || !text.contains(place),
                "{file} keeps something in {place}"
            );
        }
    }
    let server = TestServer::plain().await;
    let mut browser = server.browser_of(&server.user("ann").await, "en");
    let page = browser.get("/profile").await;
    assert_eq!(page.headers["cache-control"], "no-store");
    let out = browser.post("/logout", &[]).await;
    let cookie = out.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("anteroom_token=;") && cookie.contains("Max-Age=0"), "{cookie}");
}

#[tokio::test]
async fn asvs_7_2_3_what_proves_something_has_128_random_bits_and_never_comes_twice() {
    const NONCE: std::ops::Range<usize> = 65..81;
    let server = TestServer::plain().await;
    let (room, _session) = server.room(&server.user("owner").await, 40).await;
    let (mut nonces, mut resumes) = (BTreeSet::new(), BTreeSet::new());
    for n in 0..16 {
        let guest = server.guest(&format!("guest {n}")).await;
        let seat = guest.reserve(room, &Reserve::default()).await.unwrap();
        let ticket = seat.websocket_url.split("ticket=").nth(1).unwrap().split('&').next().unwrap();
        nonces.insert(URL_SAFE_NO_PAD.decode(ticket).unwrap()[NONCE].to_vec());
        let session = guest.confirm(&seat, ConfirmOptions::default()).await.unwrap();
        let resume = URL_SAFE_NO_PAD.decode(&session.welcome().resume).unwrap();
        assert!(resume.len() >= 16, "{} bytes", resume.len());
        resumes.insert(resume);
        session.leave().await.unwrap();
    }
    assert_eq!((nonces.len(), resumes.len()), (16, 16), "none comes twice");
    // Each bit is once set and once not: with 16 of them a fair one fails once in a quarter of a million runs.
    for place in 0..16 {
        let (all, any) =
            nonces.iter().fold((0xff, 0), |(all, any), it| (all & it[place], any | it[place]));
        assert!(all != any, "byte {place} is always {all:#x}");
    }
}

/// A handshake with these versions of TLS; the one that was agreed on.
async fn agreed(
    authority: &Authority,
    server: &TestServer,
    versions: &[&'static SupportedProtocolVersion],
) -> Option<ProtocolVersion> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.issuer.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    stream.get_ref().1.protocol_version()
}

#[tokio::test]
async fn asvs_12_1_1_tls_1_3_is_taken_first_1_2_still_and_older_ones_are_turned_away() {
    const ALERT: u8 = 21;
    let authority = Authority::new();
    let server = TestServer::start(|cfg| authority.is_used_by(cfg)).await;
    let both = [&version::TLS12, &version::TLS13];
    let taken = agreed(&authority, &server, &both).await;
    assert_eq!(taken, Some(ProtocolVersion::TLSv1_3));
    let taken = agreed(&authority, &server, &[&version::TLS12]).await;
    assert_eq!(taken, Some(ProtocolVersion::TLSv1_2));
    // No library of today says so any more: a hello of SSL 3.0, TLS 1.0 and 1.1 by hand.
    for minor in 0..=2 {
        let suites = [0x00, 0x04, 0xc0, 0x13, 0x00, 0x2f];
        let body = [&[3, minor][..], &[7; 32], &[0], &suites, &[1, 0]].concat();
        let length = u8::try_from(body.len()).unwrap();
        let hello = [&[22, 3, minor, 0, length + 4, 1, 0, 0, length][..], &body].concat();
        let mut stream = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
        stream.write_all(&hello).await.unwrap();
        let mut answer = Vec::new();
        within("the end", stream.read_to_end(&mut answer)).await.unwrap();
        assert_eq!(answer.first(), Some(&ALERT), "3.{minor}: {answer:?}");
        assert_eq!(answer.len(), 7, "an alert, and nothing behind it");
    }
}

#[tokio::test]
async fn asvs_16_3_2_who_asks_for_what_only_staff_may_is_in_the_log() {
    let server = TestServer::plain().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let answer = Answer::to(ann.request(Method::GET, "/admin/overview")).await;
    assert_eq!(answer.status, 403);
    server.event("auth.forbidden", json!({ "user": ann.id() })).await;
    let page = server.browser_of(&bob, "en").get("/admin/people").await;
    assert_eq!(page.status, 403);
    server.event("auth.forbidden", json!({ "user": bob.id() })).await;
}

#[tokio::test]
async fn asvs_16_3_3_whoever_asks_too_often_is_in_the_log() {
    let server = TestServer::start(|cfg| {
        cfg.set("limits.enabled", true).set("limits.requests_per_address", 2);
    })
    .await;
    let url = server.client().api_url("/public/rooms");
    let ask = async || Answer::to(server.client().http().get(&url)).await.status;
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(ask().await);
    }
    assert_eq!(answers, [200, 200, 429]);
    server.event("http.limited", json!({ "limit": "address", "who": "127.0.0.1" })).await;
}
