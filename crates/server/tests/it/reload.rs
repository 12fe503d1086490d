//! Settings that a running server takes over, and those that it does not.

use anteroom_protocol::Code;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, TestServer, refused};

fn write(server: &TestServer, settings: &str) {
    std::fs::write(server.data_dir().join("anteroom.toml"), settings).unwrap();
}

#[tokio::test]
async fn what_can_be_taken_over_is_taken_over_and_the_rest_is_named() {
    let server = TestServer::plain().await;
    let ann = server.user("ann").await;
    let (_, mut session) = server.room(&ann, 2).await;
    session.send("0123456789a").await.unwrap();
    write(
        &server,
        r#"
        [auth]
        guests = false
        [messages]
        content_chars_max = 10
        [limits]
        body_bytes = "1KiB"
        [server]
        allowed_origins = ["https://elsewhere.example"]
        [admission]
        grace = "3s"
        "#,
    );
    let told = server.command(&["reload"]).await;
    assert!(told.is_success, "{}", told.stderr);
    let lines: Vec<_> = told.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "taken over: auth.guests",
            "taken over: limits.body_bytes",
            "taken over: messages.content_chars_max",
            "taken over: server.allowed_origins",
            "needs a restart: admission.grace",
        ]
    );
    refused(server.client().guest("Guest").await, 403, Code::GuestsDisabled);
    let error = session.send("0123456789a").await.unwrap_err();
    assert_eq!(error.code(), Some(Code::Invalid), "the session goes on, with the new bound");
    session.send("0123456789").await.unwrap();
    let asked = |origin: &str| {
        let rooms = ann.request(Method::GET, "/rooms").header("origin", origin.to_owned());
        async move { rooms.send().await.unwrap().headers().clone() }
    };
    let headers = asked("https://elsewhere.example").await;
    assert_eq!(headers["access-control-allow-origin"], "https://elsewhere.example");
    assert!(!asked("https://other.example").await.contains_key("access-control-allow-origin"));
    let long = json!({ "display_name": "x".repeat(2_000) });
    Answer::to(ann.request(Method::PATCH, "/me").json(&long)).await.refuses(413, "too_large");

    let again = server.command(&["reload"]).await;
    assert_eq!(again.stdout, "needs a restart: admission.grace\n", "until it was restarted");
}

#[tokio::test]
async fn settings_that_cannot_be_used_change_nothing() {
    let server = TestServer::plain().await;
    for (settings, told) in [
        ("[auth]\nguests = false\n[limits]\nbad_frame = 1\n", "limits.bad_frames"),
        ("[auth]\nguests = false\n[heartbeat]\nping = \"2m\"\n", "heartbeat.silence"),
        ("[auth]\nguests = false\n[log]\nlevel = \"a=b=c\"\n", "filter"),
        ("this is no TOML", "TOML"),
    ] {
        server.expect_error("config.not_reloaded");
        write(&server, settings);
        let refused = server.command(&["reload"]).await;
        assert!(!refused.is_success, "{settings}");
        assert!(refused.stderr.contains(told), "{settings}: {}", refused.stderr);
        server.client().guest("Guest").await.unwrap();
    }
}

#[tokio::test]
async fn a_hangup_reloads_as_the_command_does() {
    let server = TestServer::plain().await;
    write(&server, "[log]\nlevel = \"debug\"\n");
    server.hang_up();
    let told = server.event("config.reloaded", json!({})).await;
    assert_eq!(told.text("taken"), "log.level");
    let path = format!("{}/healthz", server.base());
    reqwest::Client::new().delete(path).send().await.unwrap();
    server.event("http.method", json!({})).await;
}
