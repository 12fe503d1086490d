//! Section 4 of RFC 6455: the opening handshake.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Scene, text};
use crate::harness::within;

/// The key of the RFC's example, and its answer.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// The lines that make an upgrade.
const LINES: [(&str, &str); 5] = [
    ("Host", "localhost"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", KEY),
];

/// An answer's head, and the connection.
struct Answer {
    head: String,
    stream: TcpStream,
}

impl Answer {
    fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Asks `path` with this first line and these headers; `behind` follows in the same write.
async fn ask(scene: &Scene, start: &str, lines: &[(&str, &str)], behind: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", scene.server.port())).await.unwrap();
    let lines: String = lines.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = [format!("{start}\r\n{lines}\r\n").as_bytes(), behind].concat();
    stream.write_all(&request).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within("a head", stream.read_u8()).await.unwrap());
    }
    Answer { head: String::from_utf8(head).unwrap(), stream }
}

fn with(name: &str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut lines = LINES.to_vec();
    lines.iter_mut().filter(|line| line.0 == name).for_each(|line| line.1 = value);
    if !lines.iter().any(|line| line.0 == name) {
        lines.push((name.to_owned().leak(), value));
    }
    lines
}

fn without(name: &str) -> Vec<(&'static str, &'static str)> {
    LINES.into_iter().filter(|line| line.0 != name).collect()
}

async fn start_line(scene: &Scene) -> String {
    format!("GET /ws?ticket={} HTTP/1.1", scene.reserve().await.ticket)
}

#[tokio::test]
async fn the_example_of_the_rfc_is_answered_as_there_and_with_nothing_else() {
    let scene = Scene::set().await;
    let answer = ask(&scene, &start_line(&scene).await, &LINES, b"").await;
    assert_eq!(answer.status(), 101, "{}", answer.head);
    assert_eq!(answer.header("sec-websocket-accept"), Some(ACCEPT));
    assert_eq!(answer.header("upgrade").map(str::to_ascii_lowercase).as_deref(), Some("websocket"));
    assert!(answer.header("connection").unwrap().eq_ignore_ascii_case("upgrade"));
    for absent in ["sec-websocket-extensions", "sec-websocket-protocol", "content-length"] {
        assert_eq!(answer.header(absent), None, "{}", answer.head);
    }
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn names_lists_and_offers_are_read_as_http_has_them() {
    let scene = Scene::set().await;
    for (lines, protocol) in [
        (with("Connection", "keep-alive, UPGRADE"), None),
        (with("Upgrade", "WebSocket"), None),
        (LINES.map(|(name, value)| (name.to_ascii_uppercase().leak() as &str, value)).into(), None),
        (with("Sec-WebSocket-Protocol", "chat, anteroom.v1"), Some("anteroom.v1")),
        (with("Sec-WebSocket-Protocol", "chat"), None),
        (with("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"), None),
    ] {
        let answer = ask(&scene, &start_line(&scene).await, &lines, b"").await;
        assert_eq!(answer.status(), 101, "{lines:?}: {}", answer.head);
        assert_eq!(answer.header("sec-websocket-protocol"), protocol, "{lines:?}");
        assert_eq!(answer.header("sec-websocket-extensions"), None, "{lines:?}");
    }
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn what_is_no_handshake_is_refused_in_http_and_costs_no_ticket() {
    let scene = Scene::set().await;
    let start = start_line(&scene).await;
    let (twice, mut post) = ([&LINES[..], &[("Sec-WebSocket-Key", KEY)]].concat(), start.clone());
    post.replace_range(..3, "POST");
    let old = start.replace("HTTP/1.1", "HTTP/1.0");
    for (start, lines, status) in [
        (&post, LINES.to_vec(), 405),
        (&old, LINES.to_vec(), 400),
        (&start, without("Upgrade"), 426),
        (&start, without("Connection"), 426),
        (&start, with("Connection", "close"), 426),
        (&start, with("Upgrade", "h2c"), 426),
        (&start, without("Sec-WebSocket-Version"), 426),
        (&start, with("Sec-WebSocket-Version", "8"), 426),
        (&start, with("Sec-WebSocket-Version", "14"), 426),
        (&start, without("Sec-WebSocket-Key"), 400),
        (&start, with("Sec-WebSocket-Key", ""), 400),
        (&start, with("Sec-WebSocket-Key", "c2hvcnQ="), 400),
        (&start, with("Sec-WebSocket-Key", "not base64, sixteen bytes"), 400),
        (&start, twice, 400),
    ] {
        let answer = ask(&scene, start, &lines, b"").await;
        assert_eq!(answer.status(), status, "{start} {lines:?}: {}", answer.head);
        assert_eq!(answer.header("sec-websocket-accept"), None);
        match status {
            426 => assert_eq!(answer.header("sec-websocket-version"), Some("13")),
            405 => assert_eq!(answer.header("allow"), Some("GET")),
            _ => {}
        }
    }
    let answer = ask(&scene, &start, &LINES, b"").await;
    assert_eq!(answer.status(), 101, "the ticket is as good as new: {}", answer.head);
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn what_is_sent_with_the_request_is_not_lost() {
    let scene = Scene::set().await;
    let first = text(r#"{"type":"ping","nonce":"early"}"#);
    let mut answer = ask(&scene, &start_line(&scene).await, &LINES, &first).await;
    assert_eq!(answer.status(), 101);
    let mut read = Vec::new();
    let pong = br#"{"type":"pong","nonce":"early"}"#;
    within("a pong", async {
        while !read.windows(pong.len()).any(|part| part == pong) {
            assert_ne!(answer.stream.read_buf(&mut read).await.unwrap(), 0, "the line stands");
        }
    })
    .await;
    scene.noticed_nothing().await;
}
