//! What the server does not do of itself, and what it says when it fails.

use anteroom_client::Account;
use anteroom_protocol::entry::Reserve;
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::{Scene, routes};
use crate::harness::{Answer, Known as _, PASSWORD, TestServer, encode, within};

#[tokio::test]
async fn a51_no_address_that_people_write_is_ever_asked() {
    let scene = Scene::with(|cfg| {
        cfg.set("admission.pending_room_ttl", "2s").set("admission.reservation_ttl", "2s");
    })
    .await;
    let server = &scene.server;
    let canary = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = canary.local_addr().unwrap().port();
    let mut session = server.guest("linker").await.enter(scene.room).await.unwrap();
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "017700000001",
        "[::ffff:127.0.0.1]",
        "0",
        "127.1",
    ] {
        let url = format!("http://{host}:{port}/preview.png");
        within("an ack", session.send(url.clone())).await.unwrap();
        within("an ack", session.send(format!("![x]({url}) <img src=\"{url}\">"))).await.unwrap();
        for (method, path, body) in [
            (
                Method::PATCH,
                "/me",
                json!({ "display_name": url.chars().take(40).collect::<String>() }),
            ),
            (Method::POST, "/rooms", json!({ "name": url, "capacity": 3 })),
            (Method::PATCH, "/me", json!({ "avatar": url })),
        ] {
            let answer = Answer::to(scene.owner.request(method, path).json(&body)).await;
            assert!(answer.status < 500, "{answer:?}");
        }
        let request =
            server.client().http().get(format!("{}/?next={}", server.base(), encode(&url)));
        let request =
            request.header("referer", &url).header("origin", &url).header("x-callback-url", &url);
        assert_eq!(Answer::to(request).await.status, 200);
    }
    session.leave().await.unwrap();
    let nobody = futures_util::poll!(Box::pin(canary.accept()));
    assert!(nobody.is_pending(), "the server asked an address that somebody wrote");
    scene
        .owner
        .change_me(&anteroom_protocol::account::ProfileChange {
            display_name: Some("owner".into()),
            ..Default::default()
        })
        .await
        .unwrap();
    scene.ends_well().await;
}

#[tokio::test]
async fn a55_whatever_fails_says_no_more_than_that_it_failed_and_lets_nobody_in() {
    let scene = Scene::set().await;
    let (server, room) = (&scene.server, scene.room);
    let victim = server.user("victim").await;
    server.expect_error("http.panicked");
    let tables = [
        "users",
        "logins",
        "user_roles",
        "rooms",
        "memberships",
        "messages",
        "creation_queue",
        "bans",
        "audit",
        "entries",
    ];
    let is_there =
        |it: &&str| server.rows("sqlite_master WHERE type = 'table' AND name = ?1", &[it]) == 1;
    let there: Vec<&str> = tables.into_iter().filter(is_there).collect();
    assert!(there.len() > 5, "{there:?}");
    for table in &there {
        server.alter_store(&format!("ALTER TABLE {table} RENAME TO {table}_away"));
    }
    fails_everywhere(server, &scene.chief, room, victim.id()).await;
    // Closed, not open: no login, no seat for somebody unknown, no history.
    let known = server.client().login("victim", PASSWORD).await;
    assert!(known.is_err(), "a login without the facts");
    let stranger = server.client().with_token(scene.owner.token().replace('e', "f"));
    assert!(stranger.reserve(room, &Reserve::default()).await.is_err());
    for table in &there {
        server.alter_store(&format!("ALTER TABLE {table}_away RENAME TO {table}"));
    }
    server.client().login("victim", PASSWORD).await.unwrap();
    // Who was known, to a room that was known: that needs no store, and was granted.
    scene.chief.cancel(room).await.ok();
    scene.ends_well().await;
}

/// What would tell how the server is made.
const INSIDE: &[&str] = &[
    "sql",
    "no such table",
    "_away",
    "panicked",
    "src/",
    ".rs:",
    "backtrace",
    "stack trace",
    "anteroom.db",
    "tokio",
];

/// Asks on every route as an administrator, whom the server knows. Many fail, and none tells more than that.
async fn fails_everywhere(server: &TestServer, chief: &Account, room: i64, someone: Uuid) {
    let mut failed = 0;
    for route in routes::all() {
        let path = route.to(room, someone);
        let is_stream = path.ends_with("/events") || path.starts_with("/sockjs") || path == "/ws";
        let is_end = ["/sessions/current", "logout", "/lock"].iter().any(|it| path.contains(it));
        if is_stream || is_end {
            continue;
        }
        let url = format!("{}{path}", server.base());
        let request = server.client().http().request(route.method.clone(), url);
        let request = match route.is_of_the_api() {
            true => request.bearer_auth(chief.token()).json(&body_for(&path)),
            false => request
                .header("cookie", format!("anteroom_token={}", chief.token()))
                .header("origin", server.base())
                .header("content-type", "application/x-www-form-urlencoded")
                .body(as_form(&body_for(&path))),
        };
        let answer = Answer::to(request).await;
        if answer.status < 400 {
            continue;
        }
        failed += usize::from(answer.status >= 500);
        let told = answer.body.to_lowercase();
        let inside = INSIDE.iter().find(|it| told.contains(*it));
        assert_eq!(inside, None, "{} {path}: {answer:?}", route.method);
    }
    assert!(failed > 10, "only {failed} failed");
}

fn as_form(body: &serde_json::Value) -> String {
    let fields = body.as_object().into_iter().flatten();
    let text = |value: &serde_json::Value| value.as_str().map_or(value.to_string(), str::to_owned);
    fields.map(|(name, value)| format!("{name}={}&", encode(&text(value)))).collect()
}

/// What brings a request as far as the store.
fn body_for(path: &str) -> serde_json::Value {
    if path.ends_with("/users") || path == "/signup" {
        return json!({ "username": "newcomer", "password": PASSWORD });
    }
    if path.ends_with("/guest") {
        return json!({ "display_name": "newcomer" });
    }
    if path.ends_with("/rooms") {
        return json!({ "name": "new", "capacity": 3 });
    }
    if path.ends_with("/sessions") || path == "/login" {
        return json!({ "username": "victim", "password": PASSWORD });
    }
    if path.ends_with("/roles") {
        return json!({ "roles": ["user"] });
    }
    json!({})
}
