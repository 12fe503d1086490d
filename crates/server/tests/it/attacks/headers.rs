//! What every answer says of itself to a browser, and what is there without anybody having made it.

use std::collections::BTreeMap;

use anteroom_client::Account;
use reqwest::Method;
use serde_json::json;

use super::bytes::{Reply, answer, last_request};
use super::{Scene, routes};
use crate::harness::{Answer, Known as _, Proxy, TestServer};

/// What every answer says of itself.
fn audited(what: &str, reply: &Reply, is_tls: bool) -> Vec<String> {
    let mut missing = Vec::new();
    if !reply.body.is_empty() {
        let kind = reply.header("content-type");
        let due = if kind.starts_with("text/") { "charset=utf-8" } else { "/" };
        if !kind.to_ascii_lowercase().contains(due) {
            missing.push(format!("{what} ({}): content-type: {kind:?}", reply.status));
        }
    }
    let mut due = |name: &str, wanted: &str| {
        let found = reply.header(name);
        if !found.contains(wanted) || (wanted.is_empty() && !found.is_empty()) {
            missing.push(format!(
                "{what} ({}): {name}: {found:?} where {wanted:?} is due",
                reply.status
            ));
        }
    };
    due("x-content-type-options", "nosniff");
    due("referrer-policy", "no-referrer");
    due("content-security-policy", "default-src 'none'");
    due("content-security-policy", "frame-ancestors ");
    due(
        "cross-origin-resource-policy",
        if what.contains("/assets/") || what.contains("/sockjs") {
            "cross-origin"
        } else {
            "same-origin"
        },
    );
    due("strict-transport-security", if is_tls { "max-age=31536000" } else { "" });
    due("server", "");
    due("x-powered-by", "");
    if what.contains("/sockjs") {
        return missing;
    }
    due("x-frame-options", "DENY");
    due("cross-origin-opener-policy", "same-origin");
    let is_for_all = what.contains("/assets/")
        || what.contains("api.json ")
        || what.contains("/api/v1/rooms ")
        || what.contains("/public/rooms");
    if !is_for_all || reply.status >= 400 {
        due("cache-control", "no-store");
    }
    missing
}

#[tokio::test]
async fn a54_every_answer_says_what_browsers_may_do_with_it() {
    let scene = Scene::set().await;
    let tls = TestServer::start(|cfg| {
        cfg.set("server.public_url", "https://chat.example.org");
    })
    .await;
    let chief_of_tls = tls.administrator().await;
    let own = scene.server.base();
    every_answer(&scene.server, &scene.chief, (scene.room, own), false).await;
    every_answer(&tls, &chief_of_tls, (scene.room, "https://chat.example.org"), true).await;
    frames_and_cookies(&scene.server, &tls).await;
    nothing_by_default(&scene.server).await;
}

/// Asks on every route, as everybody: a program of an administrator, a form of the own site, another site with
/// somebody's cookie, nobody.
async fn every_answer(
    server: &TestServer,
    chief: &Account,
    (room, own): (i64, &str),
    is_tls: bool,
) {
    let bearer = format!("Bearer {}", chief.token());
    let name = if is_tls { "__Host-anteroom_token" } else { "anteroom_token" };
    let cookie = format!("{name}={}", chief.token());
    let json = ("Content-Type", "application/json");
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let askers = [
        vec![("Authorization", &*bearer), json],
        vec![("Cookie", &*cookie), ("Origin", own), form],
        vec![("Cookie", &*cookie), ("Origin", "https://evil.example"), json],
        vec![json],
    ];
    let mut lines: Vec<String> = ["GET /no/such/page", "GET /api/v1/none", "PUT /", "TRACE /"]
        .into_iter()
        .chain(["PUT /api/v1/rooms", "GET /assets/none"])
        .map(str::to_owned)
        .collect();
    for route in routes::all() {
        let path = route.to(room, chief.id());
        // Streams have no end to wait for, and the asker has to stay logged in.
        let is_stream = path.ends_with("/events") || route.path.starts_with("/sockjs/{server}");
        let is_end = ["/sessions/current", "/logout", "/lock"].iter().any(|it| path.contains(it));
        if !is_stream && !is_end {
            lines.push(format!("{} {path}", route.method));
        }
    }
    let (mut missing, mut kinds) = (Vec::new(), BTreeMap::new());
    let host = format!("Host: {}\r\n", server.base().trim_start_matches("http://"));
    for line in lines {
        for headers in &askers {
            let asked = last_request(&line, headers, "{}").replace("Host: 127.0.0.1\r\n", &host);
            let reply = answer(server.port(), asked).await;
            *kinds.entry(reply.status).or_insert(0) += 1;
            missing.extend(audited(&format!("{line} "), &reply, is_tls));
        }
    }
    let shown = missing[..missing.len().min(40)].join("\n");
    assert!(missing.is_empty(), "{} things are not said:\n{shown}", missing.len());
    for status in [200, 303, 401, 403, 404, 405, 415, 422, 426] {
        assert!(kinds.contains_key(&status), "no answer with {status} among {kinds:?}");
    }
}

/// The one page that other sites may frame says which; cookies are sent over TLS only, where there is TLS.
async fn frames_and_cookies(plain: &TestServer, tls: &TestServer) {
    let page = answer(plain.port(), last_request("GET /sockjs/iframe.html", &[], "")).await;
    assert_eq!(page.status, 200);
    assert!(!page.header("content-security-policy").contains("frame-ancestors *"), "{page:?}");
    for (server, is_tls) in [(plain, false), (tls, true)] {
        let body = json!({ "display_name": "guest" }).to_string();
        let headers = [("Content-Type", "application/json")];
        let reply =
            answer(server.port(), last_request("POST /api/v1/sessions/guest", &headers, &body))
                .await;
        let cookie = reply.header("set-cookie");
        assert_eq!(cookie.contains("; Secure"), is_tls, "{cookie}");
        assert_eq!(cookie.starts_with("__Host-anteroom_token="), is_tls, "{cookie}");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    }
}

/// No account that nobody made, nothing for developers, and metrics only where nobody outside can ask.
async fn nothing_by_default(server: &TestServer) {
    for (name, password) in [
        ("admin", "admin"),
        ("admin", "password"),
        ("root", "root"),
        ("anteroom", "anteroom"),
        ("guest", "guest"),
        ("admin", ""),
        ("administrator", "changeme"),
    ] {
        let body = json!({ "username": name, "password": password });
        let answer =
            Answer::to(server.client().request(Method::POST, "/sessions").json(&body)).await;
        assert!(matches!(answer.status, 401 | 422), "{name}: {answer:?}");
    }
    let open = TestServer::start(|cfg| {
        cfg.set("server.listen", "0.0.0.0:0");
    })
    .await;
    for path in
        ["/metrics", "/debug", "/debug/vars", "/swagger", "/graphql", "/api/v1/debug", "/trace"]
    {
        assert_eq!(open.metrics_at(&open.base().replace("0.0.0.0", "127.0.0.1")).await.status, 404);
        let reply = answer(open.port(), last_request(&format!("GET {path}"), &[], "")).await;
        assert_eq!(reply.status, 404, "{path}");
    }
    let nginx = Proxy::nginx(server).await;
    let reply = answer(nginx.port(), last_request("GET /metrics", &[], "")).await;
    assert_eq!(reply.status, 404, "not through a proxy either");
}
