//! The socket of one session: what comes off it as events, and how its end reads.
//!
//! It knows frames and closes, not what they mean; [`crate::Session`] adds the queue and the calls.

use std::time::Duration;

use anteroom_protocol::frame::ServerFrame;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::{WebSocketStream, tungstenite};
use tungstenite::protocol::Message;
use tungstenite::protocol::frame::{CloseFrame, Utf8Bytes};

use crate::error::{Error, Result};

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

/// An open socket, read and written by one owner.
pub(crate) struct Line {
    pub(crate) socket: WebSocketStream<TcpStream>,
    pub(crate) heard_at: Instant,
    /// How it ended, until somebody has been told.
    last: Option<Closed>,
    ended: bool,
}

impl Line {
    pub(crate) fn opened(socket: WebSocketStream<TcpStream>) -> Self {
        Self { socket, heard_at: Instant::now(), last: None, ended: false }
    }

    pub(crate) async fn next_raw(&mut self) -> Option<RawEvent> {
        while self.last.is_none() {
            if self.ended {
                return None;
            }
            let read = self.socket.next().await;
            self.heard_at = Instant::now();
            self.last = match read {
                Some(Ok(Message::Text(text))) => return Some(RawEvent::Text(text)),
                Some(Ok(Message::Binary(bytes))) => return Some(RawEvent::Binary(bytes)),
                Some(Ok(Message::Close(frame))) => Some(Closed::from(frame)),
                Some(Ok(_)) => None,
                Some(Err(error)) => Some(Closed { code: 1006, reason: error.to_string() }),
                None => Some(Closed { code: 1006, reason: "the line broke".into() }),
            };
        }
        if self.last.as_ref().is_some_and(|closed| closed.code != 1006) {
            // The close handshake is ours to finish; the read has queued the answer. The end stays
            // in `last` meanwhile, so that cancelling here loses nothing.
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.socket.flush()).await;
        }
        self.ended = true;
        self.last.take().map(RawEvent::Closed)
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

    pub(crate) async fn write(&mut self, message: Message) -> Result<()> {
        self.socket.send(message).await.map_err(Error::transport)
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
