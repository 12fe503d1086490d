//! The WebSocket of one session. Where it speaks SockJS, the frames within its frames.

use std::collections::VecDeque;

use futures_util::{SinkExt, StreamExt};
use tokio::time::Instant;
use tokio_tungstenite::{WebSocketStream, tungstenite};
use tungstenite::protocol::Message;
use tungstenite::protocol::frame::Utf8Bytes;

use crate::error::{Error, Result};
use crate::line::{CLOSE_TIMEOUT, Closed, RawEvent};
use crate::sockjs::frame::{Frame, array};
use crate::tls::Stream;

/// An open socket, read and written by one owner.
pub(crate) struct SocketLine {
    pub(crate) socket: WebSocketStream<Stream>,
    pub(crate) heard_at: Instant,
    /// Texts that came together with others, where the socket speaks SockJS.
    framed: Option<VecDeque<String>>,
    /// How it ended, until somebody has been told.
    last: Option<Closed>,
    ended: bool,
}

impl SocketLine {
    pub(crate) fn opened(socket: WebSocketStream<Stream>, is_sockjs: bool) -> Self {
        let framed = is_sockjs.then(VecDeque::new);
        Self { socket, heard_at: Instant::now(), framed, last: None, ended: false }
    }

    pub(crate) async fn next_raw(&mut self) -> Option<RawEvent> {
        while self.last.is_none() {
            if let Some(text) = self.framed.as_mut().and_then(VecDeque::pop_front) {
                return Some(RawEvent::Text(text.into()));
            }
            if self.ended {
                return None;
            }
            let read = self.socket.next().await;
            self.heard_at = Instant::now();
            self.last = match read {
                Some(Ok(Message::Text(text))) if self.framed.is_none() => {
                    return Some(RawEvent::Text(text));
                }
                Some(Ok(Message::Text(text))) => self.unframe(&text),
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

    /// Takes a frame of SockJS; the end is what the close frame after it says.
    fn unframe(&mut self, text: &Utf8Bytes) -> Option<Closed> {
        match Frame::parse(text) {
            Ok(Frame::Messages(texts)) => {
                self.framed.get_or_insert_default().extend(texts);
                None
            }
            Ok(Frame::Open | Frame::Heartbeat | Frame::Close(_)) => None,
            Err(error) => Some(Closed { code: 1006, reason: error.to_string() }),
        }
    }

    pub(crate) async fn write_text(&mut self, text: String) -> Result<()> {
        let text = if self.framed.is_some() { array(&text)? } else { text };
        self.write(Message::text(text)).await
    }

    pub(crate) async fn write(&mut self, message: Message) -> Result<()> {
        self.socket.send(message).await.map_err(Error::transport)
    }
}
