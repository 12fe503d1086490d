//! The scripted peer: it answers one connection after the other, exactly as the test says.

use anteroom_client::{Account, Client};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

pub(crate) const ROOM: i64 = 101;

pub(crate) struct Peer {
    listener: TcpListener,
}

/// One HTTP request as it arrived.
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) body: Value,
}

/// The server's end of one WebSocket, and the address it was asked for.
pub(crate) struct Line {
    pub(crate) address: String,
    socket: WebSocketStream<TcpStream>,
}

impl Peer {
    pub(crate) async fn bind() -> (Self, Account) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = Client::new(format!("http://{address}/")).unwrap();
        (Self { listener }, client.with_token("a.b.c"))
    }

    /// Answers the next request.
    pub(crate) async fn answer(&self, status: u16, body: &Value) -> Asked {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let head = head_of(&mut stream).await;
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
            })
            .unwrap_or(0);
        let mut asked = vec![0; length];
        stream.read_exact(&mut asked).await.unwrap();
        let body = body.to_string();
        let answer = format!(
            "HTTP/1.1 {status} X\r\nconnection: close\r\nretry-after: 0\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        Asked {
            line: head.lines().next().unwrap().into(),
            body: serde_json::from_slice(&asked).unwrap_or(Value::Null),
        }
    }

    /// Answers step 1 with a reservation whose ticket is `ticket`.
    pub(crate) async fn reserved(&self, ticket: &str) -> Asked {
        self.answer(201, &reservation(ticket)).await
    }

    /// Hears the next request and is gone, as a server is that is killed.
    pub(crate) async fn hear_and_die(&self) {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        head_of(&mut stream).await;
        stream.write_all(b"HTTP/1.1 101 Switching").await.unwrap();
    }

    /// Accepts the next connection as a WebSocket.
    pub(crate) async fn upgrade(&self) -> Line {
        let (stream, _) = self.listener.accept().await.unwrap();
        let mut address = String::new();
        let keep = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
            address = request.uri().to_string();
            let offered = request.headers()["sec-websocket-protocol"].clone();
            response.headers_mut().insert("sec-websocket-protocol", offered);
            Ok(response)
        };
        let socket = accept_hdr_async(stream, keep).await.unwrap();
        Line { address, socket }
    }

    /// [`Peer::upgrade`], then `welcome`.
    pub(crate) async fn welcomed(&self, resume: &str, last_seq: i64) -> Line {
        let mut line = self.upgrade().await;
        line.say(&welcome(resume, last_seq, 60_000)).await;
        line
    }
}

impl Line {
    pub(crate) async fn say(&mut self, frame: &Value) {
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
    }

    pub(crate) async fn ping(&mut self) {
        self.socket.send(Message::Ping("alive?".into())).await.unwrap();
    }

    pub(crate) async fn close(&mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "scripted".into() };
        self.socket.close(Some(frame)).await.unwrap();
    }

    /// The next frame, or `None` when the line broke without a close frame.
    pub(crate) async fn hear(&mut self) -> Option<Message> {
        self.socket.next().await?.ok()
    }

    pub(crate) async fn hear_json(&mut self) -> Value {
        let heard = self.hear().await.unwrap();
        serde_json::from_str(heard.to_text().unwrap()).unwrap()
    }
}

/// The head of a request.
async fn head_of(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

pub(crate) fn reservation(ticket: &str) -> Value {
    json!({
        "ticket": ticket, "room_id": ROOM, "seat": {"generation": "1.1", "takeover": false},
        "expires_at": "2026-11-21T08:00:00.000Z", "expires_in_ms": 120_000,
        "websocket_url": format!("/ws?ticket={ticket}"),
    })
}

pub(crate) fn problem(status: u16, code: &str) -> Value {
    json!({"type": "about:blank", "title": code, "status": status, "detail": "", "code": code})
}

pub(crate) fn refused(status: u16, code: &str) -> Value {
    json!({"type": "refused", "status": status, "code": code, "detail": "no"})
}

pub(crate) fn welcome(resume: &str, last_seq: i64, heartbeat_ms: u64) -> Value {
    let seats = json!(
        {"capacity": 2, "occupied": 1, "reserved": 0, "held": 0, "free": 1, "waiting": 0});
    json!({
        "type": "welcome", "session": id(1), "you": {"id": id(2), "name": "Ada"},
        "room": {
            "id": ROOM, "name": "Room", "capacity": 2, "state": "open", "visibility": "public",
            "has_password": false, "lifetime": "persistent", "seats": seats,
            "created_at": "2026-11-21T08:00:00.000Z", "last_seq": last_seq,
        },
        "members": [], "member_count": 1, "seats": seats, "last_seq": last_seq,
        "resume": resume, "heartbeat_ms": heartbeat_ms, "entry": "first",
        "login_expires_at": "2026-11-21T08:30:00.000Z",
    })
}

pub(crate) fn item(seq: i64) -> Value {
    json!({
        "id": id(100 + seq), "seq": seq, "room_id": ROOM, "sender": null, "kind": "text",
        "content_type": "text/plain", "content": format!("number {seq}"),
        "created_at": "2026-11-21T08:00:00.000Z",
    })
}

pub(crate) fn message(seq: i64) -> Value {
    let mut message = item(seq);
    message["type"] = "message".into();
    message
}

pub(crate) fn ack(client_id: &str, seq: i64) -> Value {
    json!({
        "type": "ack", "client_id": client_id, "id": id(100 + seq), "seq": seq,
        "created_at": "2026-11-21T08:00:00.000Z",
    })
}

fn id(n: i64) -> String {
    format!("01890000-0000-7000-8000-{n:012}")
}
