//! A WebSocket as it stands on the wire: every frame in its order, and the close or its absence.
//!
//! The client library refuses what breaks the contract; here it is written down, so that a test can
//! say what a browser would have seen.

use std::net::Ipv4Addr;

use anteroom_protocol::SUBPROTOCOL;
use anteroom_protocol::entry::Reservation;
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::waiting::within;

/// An upgraded connection that has read nothing yet.
pub(crate) struct Wire {
    socket: WebSocketStream<TcpStream>,
    heard: Heard,
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

impl Wire {
    /// Presents the ticket of a reservation.
    pub(crate) async fn open(reservation: &Reservation) -> Self {
        Self::open_from(reservation, Ipv4Addr::UNSPECIFIED).await
    }

    /// The same, from this address of the machine.
    pub(crate) async fn open_from(reservation: &Reservation, from: Ipv4Addr) -> Self {
        let mut request = reservation.websocket_url.as_str().into_client_request().unwrap();
        let protocol = SUBPROTOCOL.parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let address = request.uri().authority().expect("an absolute address").to_string();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let stream = socket.connect(address.parse().unwrap()).await.unwrap();
        let (socket, _) = client_async(request, stream).await.unwrap();
        Self { socket, heard: Heard::default() }
    }

    /// Reads until the first frame or the end; true when it is `welcome`.
    pub(crate) async fn welcomed(&mut self) -> bool {
        while self.heard.frames.is_empty() && self.read().await {}
        self.heard.is_welcome()
    }

    /// Reads to the end.
    pub(crate) async fn until_end(mut self) -> Heard {
        within("the end of a connection", async { while self.read().await {} }).await;
        self.heard
    }

    /// Reads once; false at the end.
    async fn read(&mut self) -> bool {
        match self.socket.next().await {
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
        }
    }
}
