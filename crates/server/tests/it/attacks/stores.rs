//! What reaches a store, and what is found there: strings that want to be SQL, keys that want to be others',
//! revocations while a store is away, and a dump in the hands of a thief.

use anteroom_client::{Account, ConfirmOptions, Session};
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use reqwest::Method;
use serde_json::{Value, json};

use super::Scene;
use crate::harness::{
    Answer, Known as _, Nodes, Postgres, Redis, TestServer, alive, encode, refused, within,
};

#[tokio::test]
async fn a29_a_revocation_that_is_not_durable_is_not_acknowledged_and_no_store_undoes_one() {
    let scene = Scene::set().await;
    let server = &scene.server;
    let victim = server.user("victim").await;
    // The store takes no change: nobody is told that the login is over, and then it is not.
    server.break_store("UPDATE ON logins");
    let failed = Answer::to(victim.request(Method::DELETE, "/sessions/current")).await;
    assert!(failed.status >= 500, "{failed:?}");
    server.mend_store();
    server.break_store("UPDATE ON users");
    let over = format!("/admin/users/{}/lock", victim.id());
    let failed = Answer::to(scene.chief.request(Method::POST, &over)).await;
    assert!(failed.status >= 500, "{failed:?}");
    server.mend_store();
    assert_eq!(server.rows("users WHERE locked_at IS NOT NULL", &[]), 0);
    let done = Answer::to(victim.request(Method::DELETE, "/sessions/current")).await;
    assert_eq!(done.status, 204, "{done:?}");
    refused(victim.me().await, 401, Code::Unauthenticated);

    // Several nodes, who have copies at hand in Redis: a Redis that forgets lets nobody in again, and one
    // that says nothing keeps no revocation from being heard everywhere.
    let nodes = Nodes::start(2, |_| {}).await;
    for node in &nodes.nodes {
        // Their seats are there too.
        node.expect_error("seat_store.lost");
    }
    let (ann, ben) = (nodes.nodes[0].user("ann").await, nodes.nodes[0].user("ben").await);
    for who in [&ann, &ben] {
        assert_eq!(nodes.at(1, who).me().await.unwrap().id, who.id());
    }
    nodes.at(1, &ann).logout().await.unwrap();
    assert_eq!(nodes.redis.say("FLUSHALL"), "+OK");
    for place in 0..2 {
        refused(nodes.at(place, &ann).me().await, 401, Code::Unauthenticated);
        assert_eq!(
            nodes.at(place, &ben).me().await.unwrap().id,
            ben.id(),
            "the facts are elsewhere"
        );
    }
    nodes.redis.sleeps();
    let out = within("a logout", nodes.at(1, &ben).logout()).await;
    for place in 0..2 {
        let known = within("an answer", nodes.at(place, &ben).me()).await;
        assert!(out.is_err() || known.is_err(), "acknowledged, and still good on node {place}");
    }
    nodes.redis.wakes();
    if out.is_ok() {
        for place in 0..2 {
            refused(nodes.at(place, &ben).me().await, 401, Code::Unauthenticated);
        }
    }
    scene.ends_well().await;
}

#[tokio::test]
async fn a31_a_dump_of_a_store_opens_nothing() {
    let nodes = Nodes::start(1, |_| {}).await;
    let node = &nodes.nodes[0];
    let owner = node.user("owner").await;
    let (room, mut session) = node.room(&owner, 5).await;
    let victim = node.user("victim").await;
    let ticket = victim.reserve(room, &Reserve::default()).await.unwrap().ticket;
    let used = node.guest("guest").await;
    let reservation = used.reserve(room, &Reserve::default()).await.unwrap();
    let inside = used.confirm(&reservation, ConfirmOptions::default()).await.unwrap();
    assert_eq!(victim.me().await.unwrap().id, victim.id(), "read once, so that a copy is at hand");
    assert_eq!(nodes.redis.say("CONFIG SET rdbcompression no"), "+OK");
    assert_eq!(nodes.redis.say("SAVE"), "+OK");
    let dump = nodes.redis.dump();
    let tables = ["users", "logins", "rooms", "memberships", "meta"];
    let facts: String = tables
        .iter()
        .map(|table| nodes.stored(&format!("SELECT t::text FROM {table} t")))
        .collect();
    let has = |bytes: &[u8]| dump.windows(bytes.len()).any(|some| some == bytes);
    assert!(has(victim.id().to_string().as_bytes()), "the dump is readable");
    assert!(facts.contains(&victim.id().to_string()), "and so are the facts");
    let mut secrets = vec![("ticket", ticket.clone()), ("ticket", reservation.ticket)];
    for session in [&session, &inside] {
        secrets.push(("resume", session.welcome().resume.clone()));
    }
    for token in [owner.token(), victim.token(), used.token()] {
        secrets.push(("signature", token.rsplit('.').next().unwrap().to_owned()));
    }
    for (what, secret) in &secrets {
        assert!(!has(secret.as_bytes()), "a {what} is in the dump of Redis");
        assert!(!facts.contains(secret.as_str()), "a {what} is in the facts");
        // As bytes, and as hexadecimal digits. Of a ticket the seal at its end is the proof.
        let bytes = BASE64URL.decode(secret).unwrap_or_else(|_| secret.clone().into_bytes());
        let proof = &bytes[bytes.len().saturating_sub(32)..];
        let digits: String = proof.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!has(proof) && !has(digits.as_bytes()), "a {what} is in the dump, as bytes");
        assert!(!facts.contains(&digits), "a {what} is in the facts, as bytes");
    }
    alive(&mut session).await;
}

/// Strings that have been more than strings elsewhere.
const CORPUS: &[&str] = &[
    "'",
    "''",
    "\"",
    "`",
    "\\",
    "';--",
    "' OR '1'='1",
    "' OR 1=1 --",
    "admin'--",
    "1; DROP TABLE users",
    "'; DROP TABLE users; --",
    "' UNION SELECT password_hash FROM users --",
    "') OR ('a'='a",
    "1' AND (SELECT 1 FROM (SELECT pg_sleep(9)) x) --",
    "'||(SELECT pg_sleep(9))||'",
    "$$;SELECT pg_sleep(9);$$",
    "%",
    "_",
    "%%%%",
    "a%' ESCAPE '%",
    "*",
    "NEAR(a b)",
    "\"a\" OR b*",
    "a AND NOT b",
    "content:x",
    "-",
    "^x",
    "(((",
    ":*",
    "a & !b | c <-> d",
    "'a':*B",
    "${jndi:ldap://127.0.0.1/x}",
    "{{7*7}}",
    "/*",
    "?1",
    "$1",
    "@x",
    ":x",
    "\u{ff07} OR 1=1",
    "\u{2019}--",
];

#[tokio::test]
async fn a49_no_string_is_ever_sql() {
    let scene = Scene::set().await;
    let mut said = scene.server.guest("speaker").await.enter(scene.room).await.unwrap();
    tried_on(&scene.server, &scene.chief, scene.room, &mut said).await;
    said.leave().await.unwrap();
    assert!(scene.server.rows("users", &[]) > 3 && scene.server.rows("rooms", &[]) > 0);
    scene.ends_well().await;

    let url = Postgres::shared().database();
    let server = TestServer::start(|cfg| {
        cfg.set("storage.url", &url);
    })
    .await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 5).await;
    Postgres::shared().say(&url, "INSERT INTO user_roles SELECT id, 'admin' FROM users");
    // Roles are part of a token: a new one has them.
    owner.refresh().await.unwrap();
    tried_on(&server, &owner, room, &mut session).await;
    alive(&mut session).await;
    assert_eq!(Postgres::shared().say(&url, "SELECT count(*) FROM rooms"), "1");
}

/// Each of the strings, in every place that takes one.
async fn tried_on(server: &TestServer, chief: &Account, room: i64, session: &mut Session) {
    within("an ack", session.send("nothing to see here")).await.unwrap();
    let long = format!("a{}", "'".repeat(60_000));
    let mut strings: Vec<&str> = CORPUS.to_vec();
    strings.extend(["a\0b", "\0", &long]);
    for text in strings {
        let shown: String = text.chars().take(40).collect();
        for answer in everywhere(server, chief, room, text).await {
            assert!(answer.status < 500, "{shown}: {answer:?}");
            assert!(!answer.body.contains("nothing to see here"), "{shown}: {answer:?}");
        }
        if text.len() > 4_000 || text.contains('\0') {
            continue;
        }
        // As a message it is a text like any other, and found as such or not at all.
        within("an ack", session.send(text)).await.unwrap();
        let search = format!("/rooms/{room}/messages/search?q={}", encode(text));
        let found = Answer::to(chief.request(Method::GET, &search)).await;
        assert!(matches!(found.status, 200 | 400 | 422), "{shown}: {found:?}");
        assert!(!found.body.contains("nothing to see here"), "{shown}: {found:?}");
    }
}

/// What becomes of a text in each place that takes one and may give something back.
async fn everywhere(server: &TestServer, owner: &Account, room: i64, text: &str) -> Vec<Answer> {
    let short: String = text.chars().take(1_000).collect();
    let q = encode(&short);
    let mut answers = Vec::new();
    for path in [
        format!("/rooms?q={q}"),
        format!("/rooms?cursor={q}"),
        format!("/rooms?sort={q}"),
        format!("/rooms/{q}"),
        format!("/rooms/{room}?key={q}"),
        format!("/rooms/{room}/messages?before={q}"),
        format!("/users/{q}/presence"),
        format!("/admin/users?q={q}&role={q}"),
        format!("/admin/entries?room={q}&user={q}&outcome={q}&cursor={q}"),
        format!("/admin/audit?actor={q}&act={q}&cursor={q}"),
        format!("/admin/sessions?room={q}&user={q}"),
    ] {
        answers.push(Answer::to(owner.request(Method::GET, &path)).await);
    }
    let post = |path: &str, body: Value| server.client().request(Method::POST, path).json(&body);
    answers
        .push(Answer::to(post("/sessions", json!({ "username": text, "password": text }))).await);
    answers.push(
        Answer::to(post("/users", json!({ "username": text, "password": "long enough" }))).await,
    );
    let body = json!({ "name": text, "capacity": 0, "password": text });
    answers.push(Answer::to(owner.request(Method::POST, "/rooms").json(&body)).await);
    let path = format!("/rooms/{room}/reservations");
    let body = json!({ "password": text, "resume": text, "key": text, "users": [text] });
    answers.push(Answer::to(owner.request(Method::POST, &path).json(&body)).await);
    let body = json!({ "display_name": text, "contact_number": text });
    answers.push(Answer::to(owner.request(Method::PATCH, "/me").json(&body)).await);
    answers
}

#[tokio::test]
async fn a50_keys_are_made_of_the_server_s_own_numbers_only() {
    let redis = Redis::start();
    let server = redis
        .server(|cfg| {
            cfg.set("redis.prefix", "own:");
        })
        .await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 5).await;
    let long = "x".repeat(300);
    for odd in ["1\r\nFLUSHALL\r\n", "{1}", "1:2", "*", "#", "1}{2", "own:*", "..", "%00", &long] {
        let id = encode(odd);
        for (method, path) in [
            (Method::POST, format!("/rooms/{id}/reservations")),
            (Method::DELETE, format!("/rooms/{id}/reservations/current")),
            (Method::POST, format!("/rooms/{id}/waitlist")),
            (Method::GET, format!("/rooms/{id}")),
            (Method::DELETE, format!("/rooms/{room}/members/{id}")),
        ] {
            let answer = Answer::to(owner.request(method, &path)).await;
            assert!(matches!(answer.status, 400 | 404 | 422), "{path}: {answer:?}");
        }
        let body = json!({ "resume": odd, "password": odd, "key": odd });
        let guest: Account = server.guest("guest").await;
        let path = format!("/rooms/{room}/reservations");
        let answer = Answer::to(guest.request(Method::POST, &path).json(&body)).await;
        assert!(
            matches!(answer.status, 200 | 201),
            "{odd:?} opens nothing and harms nothing: {answer:?}"
        );
        let options = ConfirmOptions { resume: Some(odd.into()), ..ConfirmOptions::default() };
        let reservation = guest.reserve(room, &Reserve::default()).await.unwrap();
        guest.confirm(&reservation, options).await.unwrap().leave().await.unwrap();
    }
    for key in redis.keys() {
        let rest = key.strip_prefix("own:").unwrap_or_else(|| panic!("a foreign key: {key:?}"));
        let is_own = |c: char| c.is_ascii_alphanumeric() || "-_:{}.".contains(c);
        assert!(
            rest.chars().all(is_own) && rest.len() < 80,
            "a key that nobody here made: {key:?}"
        );
    }
    alive(&mut session).await;
}
