//! SockJS by hand, over whatever transport a test is about.

use std::collections::VecDeque;

use anteroom_client::Account;
use anteroom_protocol::entry::Reservation;
use serde_json::{Value, json};
use uuid::Uuid;

use super::http::Http;
use super::server::TestServer;
use super::web::encode;

/// The transports whose answers carry what a session is told.
pub(crate) const RECEIVERS: [&str; 5] =
    ["xhr_streaming", "xhr", "eventsource", "htmlfile", "jsonp"];

/// One session of a client that speaks SockJS over HTTP.
pub(crate) struct SockJs {
    port: u16,
    path: String,
    pub(crate) query: String,
    transport: &'static str,
    /// The answer that is being read.
    answer: Option<Http>,
    /// Frames that came with others.
    unread: VecDeque<String>,
}

impl SockJs {
    /// A session that has asked for nothing yet.
    pub(crate) fn new(server: &TestServer, transport: &'static str, ticket: &str) -> Self {
        Self::named(server.port(), transport, format!("ticket={}", encode(ticket)))
    }

    /// The same for a reservation of whatever server.
    pub(super) fn of(reservation: &Reservation, transport: &'static str) -> Self {
        let (_, rest) = reservation.websocket_url.split_once("://").expect("an absolute address");
        let (address, query) = rest.split_once("/ws?").expect("the address of the WebSocket");
        let (_, port) = address.rsplit_once(':').expect("a port");
        Self::named(port.parse().expect("a port"), transport, query.into())
    }

    fn named(port: u16, transport: &'static str, query: String) -> Self {
        let name = &Uuid::new_v4().simple().to_string()[..8];
        let path = format!("/sockjs/000/{name}");
        Self { port, path, query, transport, answer: None, unread: VecDeque::new() }
    }

    /// Enters a room; with what `welcome` said.
    pub(crate) async fn enter(
        server: &TestServer,
        transport: &'static str,
        (account, room): (&Account, i64),
    ) -> (Self, Value) {
        let reservation = account.reserve(room, &Default::default()).await.unwrap();
        Self::opened(server, transport, &reservation.ticket).await
    }

    /// The same with a ticket.
    pub(crate) async fn opened(
        server: &TestServer,
        transport: &'static str,
        ticket: &str,
    ) -> (Self, Value) {
        let mut session = Self::new(server, transport, ticket);
        assert_eq!(session.frame().await, "o");
        let welcome = session.next("welcome").await;
        (session, welcome)
    }

    /// The address of something of this session.
    pub(crate) fn address(&self, what: &str) -> String {
        let callback = if matches!(what, "htmlfile" | "jsonp") { "&c=_jp.aBcDef" } else { "" };
        format!("{}/{what}?{}{callback}", self.path, self.query)
    }

    /// Asks for what there is, in the way of this transport.
    pub(crate) async fn ask(&self) -> Http {
        self.ask_as(self.transport, &[]).await
    }

    /// The same over another transport, with these headers.
    pub(crate) async fn ask_as(&self, transport: &str, headers: &[(&str, &str)]) -> Http {
        let method = if transport.starts_with("xhr") { "POST" } else { "GET" };
        Http::ask(self.port, &format!("{method} {}", self.address(transport)), headers, "").await
    }

    /// The next frame, asking again where an answer has ended as it should.
    pub(crate) async fn frame(&mut self) -> String {
        self.frame_if_any().await.unwrap_or_else(|part| panic!("the line broke after {part:?}"))
    }

    /// The same, or what there was of it when the line broke.
    pub(super) async fn frame_if_any(&mut self) -> Result<String, String> {
        loop {
            if let Some(frame) = self.unread.pop_front() {
                return Ok(frame);
            }
            if self.answer.is_none() {
                let answer = self.ask().await;
                assert_eq!(answer.status, 200, "{}", self.transport);
                self.begin(answer).await;
            }
            let mark = self.mark();
            let answer = self.answer.as_mut().expect("just asked");
            let part = answer.until(mark).await;
            if let Some(frame) = unwrapped(self.transport, &part) {
                return Ok(frame);
            }
            if !answer.is_whole() {
                return Err(part);
            }
            self.answer = None;
        }
    }

    /// Takes an answer that was just asked for, past what it begins with.
    pub(crate) async fn begin(&mut self, mut answer: Http) {
        let first = match self.transport {
            "xhr_streaming" => answer.until("\n").await,
            "eventsource" => answer.until("\r\n").await,
            "htmlfile" => answer.until("\r\n\r\n").await,
            _ => String::new(),
        };
        if self.transport == "xhr_streaming" {
            assert_eq!(first, "h".repeat(2_048) + "\n");
        }
        self.answer = Some(answer);
    }

    /// Whether an answer is still being given.
    pub(crate) fn is_attached(&self) -> bool {
        self.answer.is_some()
    }

    /// Hangs up in the midst of an answer.
    pub(crate) fn hang_up(&mut self) {
        self.answer = None;
    }

    /// The next message of the session's own of that type; others are passed over.
    pub(crate) async fn next(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.frame().await;
            let Some(array) = frame.strip_prefix('a') else {
                assert_eq!(frame, "h", "instead of {kind}");
                continue;
            };
            let texts: Vec<String> = serde_json::from_str(array).unwrap();
            let messages: Vec<Value> =
                texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
            let Some(at) = messages.iter().position(|it| it["type"] == kind) else { continue };
            // What came behind it is for whoever asks next.
            if at + 1 < texts.len() {
                let behind = serde_json::to_string(&texts[at + 1..]).unwrap();
                self.unread.push_front(format!("a{behind}"));
            }
            return messages[at].clone();
        }
    }

    /// Reads to the end: its code and name.
    pub(crate) async fn end(&mut self) -> (u16, String) {
        loop {
            if let Some(close) = self.frame().await.strip_prefix('c') {
                return serde_json::from_str(close).unwrap();
            }
        }
    }

    /// Sends frames; the status of the answer.
    pub(crate) async fn send(&self, frames: &[Value]) -> u16 {
        let texts: Vec<String> = frames.iter().map(ToString::to_string).collect();
        self.send_raw(&serde_json::to_string(&texts).unwrap(), &[]).await.status
    }

    /// Sends a body as it is, in the way of this transport.
    pub(crate) async fn send_raw(&self, body: &str, headers: &[(&str, &str)]) -> Http {
        if self.transport == "jsonp" {
            let line = format!("POST {}", self.address("jsonp_send"));
            let form = ("Content-Type", "application/x-www-form-urlencoded");
            let headers = [&[form], headers].concat();
            return Http::ask(self.port, &line, &headers, &format!("d={}", encode(body))).await;
        }
        let line = format!("POST {}", self.address("xhr_send"));
        let headers = [&[("Content-Type", "text/plain")], headers].concat();
        Http::ask(self.port, &line, &headers, body).await
    }

    /// Says something in the room.
    pub(crate) async fn say(&self, content: &str) {
        let id = Uuid::new_v4().to_string();
        let frame = json!({"type": "send", "client_id": id, "content": content});
        let due = if self.transport == "jsonp" { 200 } else { 204 };
        assert_eq!(self.send(&[frame]).await, due);
    }

    fn mark(&self) -> &'static str {
        match self.transport {
            "eventsource" => "\r\n\r\n",
            "htmlfile" => "</script>\r\n",
            "jsonp" => ");\r\n",
            _ => "\n",
        }
    }
}

/// The frame in a part of an answer.
fn unwrapped(transport: &str, part: &str) -> Option<String> {
    let script = |before: &str, after: &str| {
        let json = part.strip_prefix(before)?.strip_suffix(after)?;
        Some(serde_json::from_str(json).unwrap())
    };
    match transport {
        "eventsource" => Some(part.strip_prefix("data: ")?.strip_suffix("\r\n\r\n")?.to_owned()),
        "htmlfile" => script("<script>\np(", ");\n</script>\r\n"),
        "jsonp" => script("/**/_jp.aBcDef(", ");\r\n"),
        _ => Some(part.strip_suffix('\n')?.to_owned()),
    }
}
