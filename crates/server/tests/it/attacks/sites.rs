//! Other sites, and files that are none of the pages': nothing is done, read, framed or found.

use super::bytes::{answer, last_request};
use super::{Scene, Way};
use crate::harness::encode;

#[tokio::test]
async fn a52_nothing_is_a_file_but_the_files_of_the_pages() {
    let scene = Scene::set().await;
    let paths = [
        "/assets/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/assets/....//....//etc/passwd",
        "/assets/..\\..\\etc\\passwd",
        "/assets/..%5c..%5cetc%5cpasswd",
        "/assets/%252e%252e%252fetc%252fpasswd",
        "/assets/%c0%ae%c0%ae/etc/passwd",
        "/assets//etc/passwd",
        "/assets/app.css%00.html",
        "/assets/app.css%00",
        "/assets/app.css/",
        "/assets/app.css.map",
        "/assets/room.js.map",
        "/assets/",
        "/assets",
        "/assets/.git/config",
        "/assets/APP.CSS",
        "/assets/app.css;x",
        "/.git/config",
        "/.env",
        "/.well-known/security.txt/../../.env",
        "/anteroom.toml",
        "/data/anteroom.db",
        "/data/secret",
        "/anteroom.db",
        "/Cargo.toml",
        "/server-status",
        "/debug/pprof/",
        "/actuator/env",
        "/console",
        "/phpinfo.php",
        "/backup.zip",
        "/robots.txt~",
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/..;/admin",
        "//evil.example/..",
    ];
    for way in &Way::all(&scene.server).await {
        for path in paths {
            let reply = answer(way.port, last_request(&format!("GET {path}"), &[], "")).await;
            // A proxy may put a path in order before it asks, or refuse it itself.
            let is_due = reply.status == 404 || (reply.status == 400 && !way.is_straight());
            assert!(is_due, "{}, {path}: {} {}", way.name, reply.status, reply.body);
            for inside in ["root:", "[package]", "SQLite", "[server]", "\"sources\"", "Index of"] {
                assert!(!reply.body.contains(inside), "{}, {path}: {reply:?}", way.name);
            }
        }
        let reply = answer(way.port, last_request("GET /assets/app.css", &[], "")).await;
        assert_eq!(reply.status, 200, "{}", way.name);
    }
    // Nothing of what is served points to its sources.
    for asset in ["app.css", "room.js", "anteroom.js"] {
        let line = format!("GET /assets/{asset}");
        let reply = answer(scene.server.port(), last_request(&line, &[], "")).await;
        assert!(!reply.body.contains("sourceMappingURL"), "{asset}");
    }
    scene.ends_well().await;
}

#[tokio::test]
async fn a53_another_site_does_nothing_reads_nothing_and_leads_nowhere() {
    let scene = Scene::with(|cfg| {
        cfg.set("server.allowed_origins", "https://good.example");
    })
    .await;
    let (server, room) = (&scene.server, scene.room);
    let victim = server.user("victim").await;
    let cookie = format!("anteroom_token={}", victim.token());
    let (form, text) = ("application/x-www-form-urlencoded", "text/plain");
    for way in &Way::all(server).await {
        let evil = [
            ("Origin", "https://evil.example"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Cookie", &*cookie),
        ];
        // Forms, and JSON in the disguise of a text, which browsers send without asking first.
        for (line, kind, body) in [
            ("POST /profile", form, "display_name=Mallory&contact_number=&next="),
            ("POST /logout", form, ""),
            ("POST /rooms/new", form, "name=x&capacity=3"),
            ("POST /api/v1/rooms", text, r#"{"name":"x","capacity":3}"#),
            ("POST /api/v1/rooms", "application/json", r#"{"name":"x","capacity":3}"#),
            ("PATCH /api/v1/me", "application/json", r#"{"display_name":"Mallory"}"#),
            ("DELETE /api/v1/sessions/current", text, ""),
        ] {
            let headers = [&evil[..], &[("Content-Type", kind)]].concat();
            let reply = answer(way.port, last_request(line, &headers, body)).await;
            assert_eq!(reply.status, 403, "{}, {line}: {reply:?}", way.name);
            // Also without a word of where it comes from: old browsers.
            let silent = [("Cookie", &*cookie), ("Content-Type", kind)];
            let reply = answer(way.port, last_request(line, &silent, body)).await;
            assert_eq!(reply.status, 403, "{}, {line} without an origin: {reply:?}", way.name);
            let none = [("Origin", "null"), ("Cookie", &*cookie), ("Content-Type", kind)];
            let reply = answer(way.port, last_request(line, &none, body)).await;
            assert_eq!(reply.status, 403, "{}, {line} from null: {reply:?}", way.name);
        }
        reads_nothing(way, &cookie, room).await;
        leads_nowhere(way).await;
    }
    assert_eq!(victim.me().await.unwrap().display_name, "victim");
    scene.ends_well().await;
}

/// What a page of another site may read of an answer.
async fn reads_nothing(way: &Way, cookie: &str, room: i64) {
    for origin in
        ["https://evil.example", "null", "https://good.example.evil.example", "http://good.example"]
    {
        for line in
            ["GET /api/v1/me", "GET /api/v1/rooms", "OPTIONS /api/v1/rooms", "GET /sockjs/info"]
        {
            let asking =
                [("Origin", origin), ("Cookie", cookie), ("Access-Control-Request-Method", "POST")];
            let reply = answer(way.port, last_request(line, &asking, "")).await;
            let allowed = reply.header("access-control-allow-origin");
            assert_eq!(allowed, "", "{}, {line} from {origin}: {reply:?}", way.name);
        }
    }
    let good = [("Origin", "https://good.example"), ("Access-Control-Request-Method", "POST")];
    let reply = answer(way.port, last_request("OPTIONS /api/v1/rooms", &good, "")).await;
    assert_eq!(reply.header("access-control-allow-origin"), "https://good.example", "{}", way.name);
    assert_eq!(reply.header("access-control-allow-credentials"), "", "never with cookies");
    // Anybody reads the public list, which says the same to all.
    let evil = [("Origin", "https://evil.example"), ("Cookie", cookie)];
    let reply = answer(way.port, last_request("GET /api/v1/public/rooms", &evil, "")).await;
    assert_eq!(reply.header("access-control-allow-origin"), "*", "{}", way.name);
    assert_eq!(reply.header("access-control-allow-credentials"), "", "{}", way.name);
    // In a frame no page of the server is shown.
    for page in ["/", "/login", &format!("/rooms/{room}"), "/no/such/page"] {
        let reply =
            answer(way.port, last_request(&format!("GET {page}"), &[("Cookie", cookie)], "")).await;
        assert!(
            reply.header("content-security-policy").contains("frame-ancestors 'none'"),
            "{page}: {reply:?}"
        );
        assert_eq!(reply.header("x-frame-options"), "DENY", "{}, {page}", way.name);
    }
}

/// A login leads back into this site and nowhere else.
async fn leads_nowhere(way: &Way) {
    for (n, next) in [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/%09/evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        " //evil.example",
        "http:evil.example",
        "/\r\nSet-Cookie: x=y",
    ]
    .iter()
    .enumerate()
    {
        let own = format!("http://127.0.0.1:{}", way.port);
        let body = format!("display_name=guest{n}&next={}", encode(next));
        let headers = [
            ("Sec-Fetch-Site", "same-origin"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        let reply = answer(way.port, last_request("POST /guest", &headers, &body)).await;
        assert_eq!(reply.status, 303, "{}, {own}, {next:?}: {reply:?}", way.name);
        let to = reply.header("location");
        let stays = to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\");
        assert!(stays, "{}, {next:?} leads to {to:?}", way.name);
        assert!(!reply.header("set-cookie").contains("x=y"), "{next:?}: {reply:?}");
        let cookie = reply.header("set-cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        let language = format!("GET /lang/ko?next={}", encode(next));
        let reply = answer(way.port, last_request(&language, &[], "")).await;
        assert!(
            !reply.header("location").contains("evil.example")
                || reply.header("location").starts_with("/%09"),
            "{next:?}: {reply:?}"
        );
    }
}
