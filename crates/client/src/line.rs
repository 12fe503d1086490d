//! What carries one session: a socket, or requests and answers. What comes off it are events, and
//! its end reads the same.
//!
//! It knows frames and closes, not what they mean; [`crate::Session`] adds the queue and the calls.

use std::time::Duration;

use anteroom_protocol::frame::ServerFrame;
use bytes::Bytes;
use tokio::time::Instant;
use tokio_tungstenite::{WebSocketStream, tungstenite};
use tungstenite::protocol::Message;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::frame::{CloseFrame, Utf8Bytes};

use crate::error::{Error, Result};
use crate::socket::SocketLine;
use crate::sockjs::HttpLine;
use crate::tls::Stream;

/// Longest wait for the server's half of a deliberate close.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// What a session hands out.
#[derive(Clone, Debug)]
pub enum Event {
    /// A frame of the contract.
    Frame(ServerFrame),
    /// Something this client does not know, described in words; a text frame is repeated whole.
    Unreadable(String),
    /// The end. It comes exactly once; after it there is only `None`.
    Closed(Closed),
}

/// As [`Event`], with the text not yet taken apart.
#[derive(Clone, Debug)]
pub enum RawEvent {
    /// One text frame.
    Text(Utf8Bytes),
    /// One binary frame, which the contract does not have.
    Binary(Bytes),
    /// The end.
    Closed(Closed),
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The close code; 1005 when the close frame named none, 1006 when the line broke without one.
    pub code: u16,
    /// The close reason, or what broke.
    pub reason: String,
}

/// An open line, read and written by one owner.
pub(crate) enum Line {
    Socket(Box<SocketLine>),
    Http(Box<HttpLine>),
}

impl Line {
    /// When anything last came.
    pub(crate) fn heard_at(&self) -> Instant {
        match self {
            Self::Socket(line) => line.heard_at,
            Self::Http(line) => line.heard_at,
        }
    }

    /// The socket, where there is one that belongs to the session.
    pub(crate) fn socket(&mut self) -> Option<&mut WebSocketStream<Stream>> {
        match self {
            Self::Socket(line) => Some(&mut line.socket),
            Self::Http(_) => None,
        }
    }

    pub(crate) async fn next_raw(&mut self) -> Option<RawEvent> {
        match self {
            Self::Socket(line) => line.next_raw().await,
            Self::Http(line) => line.next_raw().await,
        }
    }

    pub(crate) async fn read(&mut self) -> Option<Event> {
        Some(match self.next_raw().await? {
            RawEvent::Text(text) => match serde_json::from_str(&text) {
                Ok(frame) => Event::Frame(frame),
                Err(error) => Event::Unreadable(format!("{error}: {text}")),
            },
            RawEvent::Binary(bytes) => {
                Event::Unreadable(format!("a binary frame of {} bytes", bytes.len()))
            }
            RawEvent::Closed(closed) => Event::Closed(closed),
        })
    }

    pub(crate) async fn write_text(&mut self, text: String) -> Result<()> {
        match self {
            Self::Socket(line) => line.write_text(text).await,
            Self::Http(line) => line.write(&text).await,
        }
    }

    pub(crate) async fn write_binary(&mut self, bytes: Bytes) -> Result<()> {
        match self {
            Self::Socket(line) => line.write(Message::Binary(bytes)).await,
            Self::Http(_) => Err(Error::Protocol("only a WebSocket has binary frames".into())),
        }
    }

    /// Begins a close with this code. `Some` where there is no answer to wait for: nothing but an end
    /// of the requests can be shown to the server.
    pub(crate) async fn write_close(&mut self, code: u16) -> Result<Option<Closed>> {
        match self {
            Self::Socket(line) => {
                let frame =
                    CloseFrame { code: CloseCode::from(code), reason: Utf8Bytes::default() };
                line.write(Message::Close(Some(frame))).await.map(|()| None)
            }
            Self::Http(_) => Ok(Some(Closed { code, reason: String::new() })),
        }
    }
}

impl From<Option<CloseFrame>> for Closed {
    fn from(frame: Option<CloseFrame>) -> Self {
        match frame {
            Some(frame) => {
                Self { code: frame.code.into(), reason: frame.reason.as_str().to_owned() }
            }
            None => Self { code: 1005, reason: String::new() },
        }
    }
}
