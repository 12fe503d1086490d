//! A session as it stands on the wire: every frame in its order, and the close or its absence. Over a
//! WebSocket, or over whatever these tests are run over.
//!
//! The client library refuses what breaks the contract; here it is written down, so that a test can
//! say what a browser would have seen.

use std::net::Ipv4Addr;

use anteroom_client::Transport;
use anteroom_protocol::SUBPROTOCOL;
use anteroom_protocol::entry::Reservation;
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::carried::transport;
use super::sockjs::SockJs;
use super::waiting::within;

/// From whatever address of this machine.
const LOCAL: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
/// Where a WebSocket that speaks SockJS is. Its name says nothing to the server.
const SOCKET_OF_SOCKJS: &str = "/sockjs/000/wire/websocket?";

/// A session that was asked for and has read nothing yet.
pub(crate) struct Wire {
    line: Line,
    heard: Heard,
}

/// What carries it.
enum Line {
    /// With frames of SockJS in its frames, or without.
    Socket(Box<WebSocketStream<TcpStream>>, bool),
    Http(Box<SockJs>),
}

/// What a connection was told from its upgrade on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// The text frames, in their order.
    pub(crate) frames: Vec<Value>,
    /// The code of the close frame; `None` while there was none, for ever when the line broke.
    pub(crate) closed: Option<u16>,
}

impl Heard {
    /// Whether the connection was let in, as far as its peer can tell.
    pub(crate) fn is_welcome(&self) -> bool {
        self.frames.first().is_some_and(|frame| frame["type"] == "welcome")
    }

    /// The code of the last words, which must agree with the close that follows them.
    pub(crate) fn last_words(&self) -> Result<&str, String> {
        let of_end = |frame: &&Value| frame["type"] == "closing" || frame["type"] == "refused";
        let Some(words) = self.frames.iter().find(of_end) else {
            return Err(format!("ended without words: {self:?}"));
        };
        if words["status"].as_u64() != self.closed.map(u64::from) {
            return Err(format!("the words and the close do not agree: {self:?}"));
        }
        words["code"].as_str().ok_or_else(|| format!("words without a code: {self:?}"))
    }
}

impl Heard {
    /// Takes a frame of SockJS; false at the end.
    fn takes(&mut self, frame: &str) -> bool {
        if let Some(array) = frame.strip_prefix('a') {
            let texts: Vec<String> = serde_json::from_str(array).unwrap();
            self.frames
                .extend(texts.iter().map(|text| -> Value { serde_json::from_str(text).unwrap() }));
        } else if let Some(close) = frame.strip_prefix('c') {
            let (code, _): (u16, String) = serde_json::from_str(close).unwrap();
            // Nothing is left to be said of a session that ended without a word.
            self.closed = (code != 3000).then_some(code);
            return false;
        }
        true
    }
}

impl Wire {
    /// Presents the ticket of a reservation.
    pub(crate) async fn open(reservation: &Reservation) -> Self {
        let http = match transport() {
            Transport::WebSocket => return Self::open_from(reservation, LOCAL).await,
            Transport::SockJsWebSocket => {
                let framed = reservation.websocket_url.replacen("/ws?", SOCKET_OF_SOCKJS, 1);
                let socket = upgraded(framed.into_client_request().unwrap(), LOCAL).await;
                return Self::over(Line::Socket(Box::new(socket), true));
            }
            Transport::XhrStreaming => "xhr_streaming",
            Transport::XhrPolling => "xhr",
            Transport::EventSource => "eventsource",
        };
        let mut session = SockJs::of(reservation, http);
        let answer = session.ask().await;
        assert_eq!(answer.status, 200, "{http}");
        session.begin(answer).await;
        Self::over(Line::Http(Box::new(session)))
    }

    /// The same over a WebSocket, from this address of the machine.
    pub(crate) async fn open_from(reservation: &Reservation, from: Ipv4Addr) -> Self {
        let mut request = reservation.websocket_url.as_str().into_client_request().unwrap();
        let protocol = SUBPROTOCOL.parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        Self::over(Line::Socket(Box::new(upgraded(request, from).await), false))
    }

    fn over(line: Line) -> Self {
        Self { line, heard: Heard::default() }
    }

    /// Reads until the first frame or the end; true when it is `welcome`.
    pub(crate) async fn welcomed(&mut self) -> bool {
        while self.heard.frames.is_empty() && self.read().await {}
        self.heard.is_welcome()
    }

    /// What it was told so far.
    pub(crate) fn heard(&self) -> &Heard {
        &self.heard
    }

    /// Reads to the end.
    pub(crate) async fn until_end(mut self) -> Heard {
        within("the end of a connection", async { while self.read().await {} }).await;
        self.heard
    }

    /// Reads once; false at the end.
    async fn read(&mut self) -> bool {
        match &mut self.line {
            Line::Http(session) => match session.frame_if_any().await {
                Ok(frame) => self.heard.takes(&frame),
                Err(_) => false,
            },
            Line::Socket(socket, is_framed) => match socket.next().await {
                // The close frame tells the end, after the words that SockJS has for it.
                Some(Ok(Message::Text(frame))) if *is_framed => {
                    frame.starts_with('c') || self.heard.takes(&frame)
                }
                Some(Ok(Message::Text(text))) => {
                    self.heard.frames.push(serde_json::from_str(&text).unwrap());
                    true
                }
                Some(Ok(Message::Close(frame))) => {
                    self.heard.closed = Some(frame.map_or(1005, |frame| frame.code.into()));
                    false
                }
                Some(Ok(_)) => true,
                Some(Err(_)) | None => false,
            },
        }
    }
}

async fn upgraded(request: Request, from: Ipv4Addr) -> WebSocketStream<TcpStream> {
    let address = request.uri().authority().expect("an absolute address").to_string();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let stream = socket.connect(address.parse().unwrap()).await.unwrap();
    client_async(request, stream).await.unwrap().0
}
