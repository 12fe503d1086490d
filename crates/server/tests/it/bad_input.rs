//! The issue's "Bad input": each piece gets the contract's answer, and afterwards seats, rows and
//! sessions are what they were. No input gives a 500; a panic would fail the test by itself.

use anteroom_client::{Account, Session};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{Answer, TestServer, alive};

/// A server with one room and people in it, and how everything stands.
struct Scene {
    server: TestServer,
    owner: Account,
    room: i64,
    session: Session,
    before: Value,
}

impl Scene {
    async fn set() -> Self {
        let server = TestServer::plain().await;
        let owner = server.user("owner").await;
        let (room, session) = server.room(&owner, 5).await;
        server.seats(room).await;
        let before = standing(&server, room).await;
        Self { server, owner, room, session, before }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.owner.request(method, path)
    }

    /// Nothing was lost, nothing was left behind.
    async fn stands_as_before(mut self) {
        assert_eq!(standing(&self.server, self.room).await, self.before);
        alive(&mut self.session).await;
    }
}

async fn standing(server: &TestServer, room: i64) -> Value {
    let rows = |table: &str| server.rows(table, &[]);
    json!({
        "seats": server.balanced(room).await,
        "users": rows("users"),
        "rooms": rows("rooms"),
        "queue": rows("creation_queue"),
        "open memberships": server.open_memberships(room),
        "sessions": server.logged("session.opened", json!({})).len(),
    })
}

#[tokio::test]
async fn rooms_asked_for_badly_are_refused_by_field() {
    let scene = Scene::set().await;
    let huge = "1".to_owned() + &"0".repeat(30);
    let bodies = [
        (r#"{"name":"x","capacity":0}"#.to_owned(), 422),
        (r#"{"name":"x","capacity":-1}"#.into(), 422),
        (r#"{"name":"x","capacity":10001}"#.into(), 422),
        (r#"{"name":"x","capacity":4294967296}"#.into(), 422),
        (format!(r#"{{"name":"x","capacity":{huge}}}"#), 422),
        (r#"{"name":"x","capacity":"ten"}"#.into(), 422),
        (r#"{"name":"x","capacity":2.5}"#.into(), 422),
        (r#"{"name":"x","capacity":null}"#.into(), 422),
        (r#"{"name":"x"}"#.into(), 422),
        (r#"{"name":"","capacity":5}"#.into(), 422),
        (r#"{"name":"  \t ","capacity":5}"#.into(), 422),
        (format!(r#"{{"name":"{}","capacity":5}}"#, "가".repeat(81)), 422),
        (r#"{"name":7,"capacity":5}"#.into(), 422),
        (r#"{"name":"x","capacity":5,"visibility":"secret"}"#.into(), 422),
        (r#"{"name":"x","capacity":5,"unknown":1}"#.into(), 422),
        (r#"{"name":"x","capacity":5"#.into(), 400),
        ("".into(), 400),
        ("null".into(), 422),
        ("[]".into(), 422),
    ];
    for (body, status) in bodies {
        let request = scene.request(Method::POST, "/rooms").body(body.clone());
        let answer = Answer::to(request.header("content-type", "application/json")).await;
        // Which of the two a value of the wrong type is, is for the reader of JSON to say.
        assert!(
            answer.status == status || matches!(answer.status, 400 | 422),
            "{body}: {answer:?}"
        );
        let code = if answer.status == 422 { "invalid" } else { "bad_request" };
        answer.refuses(answer.status, code);
    }
    for (name, capacity, field) in
        [("", 5, "name"), ("x", 0, "capacity"), ("x", 10_001, "capacity")]
    {
        let body = json!({ "name": name, "capacity": capacity });
        let answer = Answer::to(scene.request(Method::POST, "/rooms").json(&body)).await;
        answer.refuses(422, "invalid");
        assert_eq!(answer.json()["errors"][0]["field"], field);
        assert!(answer.json()["errors"][0]["detail"].as_str().is_some_and(|it| !it.is_empty()));
    }
    scene.stands_as_before().await;
}

#[tokio::test]
async fn bodies_that_are_too_large_or_of_another_kind_are_refused() {
    let scene = Scene::set().await;
    let ten_megabytes = "x".repeat(10 * 1024 * 1024);
    let body = json!({ "name": ten_megabytes, "capacity": 5 });
    for path in ["/rooms", "/users", "/sessions", "/sessions/guest"] {
        let sent = scene.request(Method::POST, path).json(&body).send().await;
        // The answer may come while the body is still being sent, and then be lost with the line.
        let Ok(answer) = sent else { continue };
        assert_eq!(answer.status().as_u16(), 413, "{path}");
    }
    let not_json = scene.request(Method::POST, "/rooms").body("name=x&capacity=5");
    let not_json = not_json.header("content-type", "application/x-www-form-urlencoded");
    Answer::to(not_json).await.refuses(415, "unsupported_media_type");
    for (method, path) in [
        (Method::PUT, "/rooms"),
        (Method::DELETE, "/sessions"),
        (Method::GET, "/sessions/refresh"),
        (Method::PATCH, "/users"),
    ] {
        Answer::to(scene.request(method, path)).await.refuses(405, "method_not_allowed");
    }
    Answer::to(scene.request(Method::GET, "/no/such/thing")).await.refuses(404, "not_found");
    scene.stands_as_before().await;
}

#[tokio::test]
async fn numbers_of_rooms_that_cannot_be_are_not_found() {
    let scene = Scene::set().await;
    for room in [
        "0",
        "-1",
        "999999999",
        "9223372036854775807",
        "9223372036854775808",
        "x",
        "1e3",
        "%F0%9F%91%8B",
    ] {
        for (method, path) in [
            (Method::GET, format!("/rooms/{room}")),
            (Method::DELETE, format!("/rooms/{room}")),
            (Method::GET, format!("/rooms/{room}/members")),
            (Method::GET, format!("/rooms/{room}/messages")),
            (Method::POST, format!("/rooms/{room}/reservations")),
            (Method::DELETE, format!("/rooms/{room}/reservations/current")),
        ] {
            let answer = Answer::to(scene.request(method.clone(), &path)).await;
            assert!(matches!(answer.status, 400 | 404), "{method} {path}: {answer:?}");
            assert!(
                answer.header("content-type").starts_with("application/problem+json"),
                "{path}"
            );
        }
    }
    scene.stands_as_before().await;
}

#[tokio::test]
async fn lists_asked_for_badly_are_refused() {
    let scene = Scene::set().await;
    for query in ["limit=0", "limit=201", "limit=-1", "limit=x", "cursor=x", "cursor=%00", "sort=x"]
    {
        let answer = Answer::to(scene.request(Method::GET, &format!("/rooms?{query}"))).await;
        assert!(matches!(answer.status, 400 | 422), "{query}: {answer:?}");
    }
    for q in ["%25", "_", "'; DROP TABLE rooms; --", "%F0%9F%91%8B", "\\"] {
        let request = scene.request(Method::GET, "/rooms").query(&[("q", q)]);
        assert_eq!(Answer::to(request).await.status, 200, "{q}");
    }
    scene.stands_as_before().await;
}

#[tokio::test]
async fn accounts_asked_for_badly_are_refused_by_field() {
    let scene = Scene::set().await;
    let long = "x".repeat(129);
    for (username, password, field) in [
        ("", "long enough", "username"),
        ("ab", "long enough", "username"),
        (&long[..33], "long enough", "username"),
        ("has space", "long enough", "username"),
        ("tab\tname", "long enough", "username"),
        ("null\0name", "long enough", "username"),
        ("fine", "", "password"),
        ("fine", "short", "password"),
        ("fine", &long, "password"),
    ] {
        let body = json!({ "username": username, "password": password });
        let answer = Answer::to(scene.request(Method::POST, "/users").json(&body)).await;
        answer.refuses(422, "invalid");
        assert_eq!(answer.json()["errors"][0]["field"], field, "{body}");
    }
    for name in ["", "   ", &"가".repeat(41)] {
        let body = json!({ "display_name": name });
        let answer = Answer::to(scene.request(Method::POST, "/sessions/guest").json(&body)).await;
        answer.refuses(422, "invalid");
        assert_eq!(answer.json()["errors"][0]["field"], "display_name");
    }
    scene.stands_as_before().await;
}

#[tokio::test]
async fn headers_and_paths_of_every_kind_are_no_fault_of_the_server() {
    let scene = Scene::set().await;
    for header in
        ["Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "bearer x.y.z", "Bearer a b", "Bearer \u{ff}"]
    {
        let request = scene.server.client().request(Method::GET, "/me");
        let value = reqwest::header::HeaderValue::from_bytes(header.as_bytes()).unwrap();
        Answer::to(request.header("authorization", value)).await.refuses(401, "unauthenticated");
    }
    let http = scene.server.client().http();
    for path in [
        "/%ff%fe",
        "/..%2f..%2fetc%2fpasswd",
        "/assets/../Cargo.toml",
        "/assets/%2e%2e/x",
        "//",
        "/api/v1/",
        "/ws",
    ] {
        let answer = Answer::to(http.get(format!("{}{path}", scene.server.base()))).await;
        assert!((300..500).contains(&answer.status) || answer.status == 200, "{path}: {answer:?}");
        assert!(!answer.body.contains("[package]") && !answer.body.contains("root:"), "{path}");
    }
    scene.stands_as_before().await;
}
