//! TLS of the server's own: everything that goes over plain connections goes over these too.

use std::path::Path;
use std::sync::Arc;

use anteroom_protocol::entry::Reservation;
use futures_util::{SinkExt as _, StreamExt as _};
use rcgen::KeyPair;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::harness::{Authority, Settings, TestServer, within};

impl Authority {
    /// A connection to the server, by a client that trusts this authority alone.
    async fn connect(&self, server: &TestServer) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tcp = TcpSocket::new_v4().unwrap();
        // A client with little room, so that what it does not read stays with the server.
        tcp.set_recv_buffer_size(16 << 10).unwrap();
        let tcp = tcp.connect(([127, 0, 0, 1], server.port()).into()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await.expect("a handshake")
    }

    /// One request with a body; the head and the body of its answer.
    async fn ask(
        &self,
        server: &TestServer,
        line: &str,
        token: &str,
        body: &Value,
    ) -> (String, Value) {
        let mut stream = self.connect(server).await;
        let body = body.to_string();
        let port = server.port();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {token}\r\nContent-Type: \
             application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        within("an answer", stream.read_to_string(&mut answer)).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head.to_owned(), serde_json::from_str(body).expect(body))
    }

    async fn guest(&self, server: &TestServer, name: &str) -> (String, String) {
        let wish = json!({ "display_name": name });
        let (head, body) = self.ask(server, "POST /api/v1/sessions/guest", "", &wish).await;
        (head, body["token"].as_str().unwrap().to_owned())
    }

    /// The second step of an entry.
    async fn confirm(&self, server: &TestServer, reservation: &Reservation) -> Socket {
        let stream = self.connect(server).await;
        let url = reservation.websocket_url.replace("wss://", "ws://");
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "anteroom.v1".parse().unwrap());
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        socket
    }
}

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// The next text frame.
async fn next(socket: &mut Socket) -> Value {
    loop {
        match within("a frame", socket.next()).await.expect("the session goes on").unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Close(close) => panic!("closed: {close:?}"),
            _ => {}
        }
    }
}

async fn next_of(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let frame = next(socket).await;
        if frame["type"] == kind {
            return frame;
        }
    }
}

async fn start(authority: &Authority, change: impl FnOnce(&mut Settings)) -> TestServer {
    TestServer::start(|cfg| {
        authority.is_used_by(cfg);
        change(cfg);
    })
    .await
}

/// Two people in a room of two.
async fn two_inside(authority: &Authority, server: &TestServer) -> [Socket; 2] {
    let (_, ann) = authority.guest(server, "Ann").await;
    let wish = json!({ "name": "Behind a lock", "capacity": 2 });
    let (_, made) = authority.ask(server, "POST /api/v1/rooms", &ann, &wish).await;
    let own: Reservation = serde_json::from_value(made["reservation"].clone()).unwrap();
    let mut first = authority.confirm(server, &own).await;
    assert_eq!(next(&mut first).await["type"], "welcome");
    let (_, bob) = authority.guest(server, "Bob").await;
    let reserve = format!("POST /api/v1/rooms/{}/reservations", made["room"]["id"]);
    let (_, his) = authority.ask(server, &reserve, &bob, &json!({})).await;
    let his: Reservation = serde_json::from_value(his).unwrap();
    let mut second = authority.confirm(server, &his).await;
    assert_eq!(next(&mut second).await["type"], "welcome");
    [first, second]
}

#[tokio::test]
async fn an_entry_and_a_conversation_go_over_tls() {
    let authority = Authority::new();
    let server = start(&authority, |cfg| {
        cfg.set("limits.outbound_bytes", "64MiB");
    })
    .await;
    assert!(server.base().starts_with("https://"), "as the ready line says");
    let (head, _) = authority.guest(&server, "Ann").await;
    let cookie = head.lines().find(|line| line.starts_with("set-cookie: __Host-anteroom_token="));
    let cookie = cookie.expect("bound to this host");
    assert!(cookie.contains("; Secure") && cookie.contains("; Path=/;"), "{head}");
    assert!(!cookie.contains("Domain"), "{head}");
    let hsts = head.lines().find(|line| line.starts_with("strict-transport-security: "));
    assert!(hsts.unwrap().contains("max-age=31536000"), "{head}");

    let [mut first, mut second] = two_inside(&authority, &server).await;
    // More than fits in a record, a buffer or what the sockets of both sides take, while nobody reads; and
    // nothing more is said after it that could push it on.
    const WORDS: usize = 1_000;
    for n in 0..WORDS {
        let content = format!("{n} {}", "방".repeat(3_900));
        let frame = json!({ "type": "send", "client_id": format!("c{n}"), "content": content });
        first.send(Message::text(frame.to_string())).await.unwrap();
        assert_eq!(next_of(&mut first, "ack").await["seq"], n + 1);
    }
    for n in 0..WORDS {
        let message = next_of(&mut second, "message").await;
        assert_eq!(message["seq"], n + 1);
        assert!(message["content"].as_str().unwrap().starts_with(&format!("{n} ")));
    }
    second.send(Message::text(r#"{"type":"leave"}"#)).await.unwrap();
    let closed = within("the close", async {
        while let Some(frame) = second.next().await {
            if let Ok(Message::Close(close)) = frame {
                return close;
            }
        }
        None
    });
    assert_eq!(u16::from(closed.await.expect("a close frame").code), 1000);
    server.event("session.closed", json!({ "code": 1000, "clean": true })).await;
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_cut_and_costs_the_others_nothing() {
    let authority = Authority::new();
    let server = start(&authority, |cfg| {
        cfg.set("limits.outbound_bytes", "64KiB");
    })
    .await;
    let [mut first, second] = two_inside(&authority, &server).await;
    let closed = server.event("session.closed", json!({ "code": 4508 }));
    let talk = async {
        for n in 0.. {
            let frame = json!({ "type": "send", "client_id": format!("c{n}"), "content": "x".repeat(4_000) });
            first.send(Message::text(frame.to_string())).await.unwrap();
            next_of(&mut first, "ack").await;
        }
    };
    tokio::select! {
        _ = closed => {}
        () = talk => {}
    }
    drop(second);
}

#[tokio::test]
async fn a_new_certificate_is_taken_over_without_a_restart_and_a_wrong_one_is_not() {
    let authority = Authority::new();
    let server = start(&authority, |_| {}).await;
    let [mut first, _second] = two_inside(&authority, &server).await;
    let renewed = authority.issue();
    assert!(server.command(&["reload"]).await.is_success);
    let shown = async || {
        let stream = authority.connect(&server).await;
        stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    };
    assert_eq!(shown().await, renewed, "to those who come from now on");

    server.expect_error("config.not_reloaded");
    let other = KeyPair::generate().unwrap();
    std::fs::write(authority.file("key.pem"), other.serialize_pem()).unwrap();
    let refused = server.command(&["reload"]).await;
    assert!(refused.stderr.contains("does not belong"), "{}", refused.stderr);
    assert_eq!(shown().await, renewed);
    let frame = json!({ "type": "send", "client_id": "c", "content": "still here" });
    first.send(Message::text(frame.to_string())).await.unwrap();
    next_of(&mut first, "ack").await;
}

#[tokio::test]
async fn what_is_no_tls_is_turned_away_and_a_start_without_usable_files_is_refused_in_words() {
    let authority = Authority::new();
    let server = start(&authority, |_| {}).await;
    let mut plain = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // A reset is as good as an end.
    let _ = within("the end", plain.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP/"), "nothing is said in the clear");
    authority.guest(&server, "Ann").await;
    assert!(server.command(&["healthcheck"]).await.is_success, "over the socket");

    let missing = Path::new("/nonexistent/cert.pem");
    let told = TestServer::refused_to_start(|cfg| {
        authority.is_used_by(cfg);
        cfg.set("tls.certificate", missing.display());
    })
    .await;
    assert!(told.contains("tls.certificate") && told.contains("/nonexistent"), "{told}");
    let told = TestServer::refused_to_start(|cfg| {
        cfg.set("tls.certificate", "cert.pem");
    })
    .await;
    assert!(told.contains("tls.key"), "{told}");
}
