//! Settings that a running server takes over, and those that it does not.

use std::time::Duration;

use anteroom_client::Event;
use anteroom_protocol::Code;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, TestServer, alive, refused};

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
async fn a_silence_that_becomes_shorter_cuts_nobody_who_was_not_asked() {
    let mut server = TestServer::plain().await;
    server.stop().await;
    write(&server, "[heartbeat]\nping = \"3s\"\nsilence = \"30s\"\n");
    server.restart().await;
    let (_, mut session) = server.room(&server.user("ann").await, 2).await;
    write(&server, "[heartbeat]\nping = \"500ms\"\nsilence = \"2500ms\"\n");
    let told = server.command(&["reload"]).await;
    assert!(told.is_success, "{}", told.stderr);
    // By the new span it was silent for too long before anybody asked it.
    let ended = async {
        loop {
            if let Some(Event::Closed(closed)) = session.next().await {
                return closed;
            }
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(5), ended).await;
    assert!(ended.is_err(), "it reads and answers pings: {ended:?}");
    alive(&mut session).await;
}

#[tokio::test]
async fn a_secret_in_a_line_that_cannot_be_read_is_in_no_log() {
    let server = TestServer::plain().await;
    write(&server, "[auth]\n# a quote is missing\nsecret = \"correct-horse-battery-staple\n");
    let told = server.command(&["reload"]).await;
    assert!(!told.is_success && told.stderr.contains("line 3"), "{}", told.stderr);
    server.expect_error("config.not_reloaded");
    server.hang_up();
    server.event("config.not_reloaded", json!({})).await;
    assert!(!told.stderr.contains("battery") && !server.log_has("battery"));
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
    crate::harness::http_client().delete(path).send().await.unwrap();
    server.event("http.method", json!({})).await;
}
