//! One live session: frames out, events in, and the ways to end it.
//!
//! Over a WebSocket nothing runs in the background: pings are answered while somebody waits in
//! [`Session::next`] or another reading call, so a session nobody reads is, to the server, a silent
//! one. Over SockJS one task asks for what there is, up to a bound. Frames are handed out in the order
//! they came, whichever call read them from the line.

use std::collections::VecDeque;

use anteroom_protocol::frame::{Ack, Change, ClientFrame, Send, ServerFrame, Welcome};
use bytes::Bytes;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::line::{CLOSE_TIMEOUT, Line};
pub use crate::line::{Closed, Event, RawEvent};
use crate::tls::{Stream, tcp};

/// One live connection into a room.
pub struct Session {
    line: Line,
    welcome: Box<Welcome>,
    queued: VecDeque<Event>,
}

impl Session {
    pub(crate) fn welcomed(line: Line, welcome: Box<Welcome>) -> Self {
        Self { line, welcome, queued: VecDeque::new() }
    }

    /// The first frame of this session.
    #[must_use]
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// When anything, pings included, last came from the server.
    #[must_use]
    pub fn heard_at(&self) -> Instant {
        self.line.heard_at()
    }

    /// The socket underneath, for tests that must break the rules; `None` over requests and answers.
    pub fn socket_mut(&mut self) -> Option<&mut WebSocketStream<Stream>> {
        self.line.socket()
    }

    /// The next event; `None` after [`Event::Closed`]. Cancelling the call loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        if let Some(event) = self.queued.pop_front() {
            return Some(event);
        }
        self.line.read().await
    }

    /// The next frame as it stands on the wire, for callers that read only a part of each. It skips
    /// what another call has queued: do not mix the two.
    pub async fn next_raw(&mut self) -> Option<RawEvent> {
        self.line.next_raw().await
    }

    /// Sends a text to the room and waits until it is durable. Frames that come first are queued.
    ///
    /// # Errors
    /// [`Error::FrameRefused`] when the server answers with an `error` for it, [`Error::Closed`]
    /// when the session ends first.
    pub async fn send(&mut self, content: impl Into<String>) -> Result<Ack> {
        self.send_as(Uuid::now_v7().to_string(), content).await
    }

    /// As [`Session::send`] under a `client_id` of the caller's, so that a retry is safe.
    ///
    /// # Errors
    /// As [`Session::send`].
    pub async fn send_as(
        &mut self,
        client_id: impl Into<String>,
        content: impl Into<String>,
    ) -> Result<Ack> {
        let client_id = client_id.into();
        let send = Send {
            client_id: client_id.clone(),
            content: content.into(),
            content_type: None,
            reply_to: None,
        };
        self.send_frame(&ClientFrame::Send(send)).await?;
        loop {
            match self.line.read().await {
                Some(Event::Frame(ServerFrame::Ack(ack))) if ack.client_id == client_id => {
                    return Ok(ack);
                }
                Some(Event::Frame(ServerFrame::Error(error)))
                    if error.reference.as_deref() == Some(&*client_id) =>
                {
                    return Err(Error::FrameRefused(error));
                }
                Some(Event::Closed(closed)) => {
                    self.queued.push_back(Event::Closed(closed.clone()));
                    return Err(Error::Closed { code: closed.code, reason: closed.reason });
                }
                Some(event) => self.queued.push_back(event),
                None => return Err(already_over()),
            }
        }
    }

    /// Gives a message of one's own other words and waits until that is durable. Asking again is safe.
    /// Frames that come first are queued, and so is the `edited` frame itself.
    ///
    /// # Errors
    /// As [`Session::send`].
    pub async fn edit(&mut self, id: Uuid, content: impl Into<String>) -> Result<Change> {
        let content = content.into();
        self.send_frame(&ClientFrame::Edit { id, content: content.clone() }).await?;
        let is_it = |change: &Change| change.content.as_deref() == Some(&*content);
        self.changed(id, |frame| match frame {
            ServerFrame::Edited(change) if is_it(change) => Some(change),
            _ => None,
        })
        .await
    }

    /// Takes a message back and waits until that is durable. As [`Session::edit`].
    ///
    /// # Errors
    /// As [`Session::send`].
    pub async fn delete(&mut self, id: Uuid) -> Result<Change> {
        self.send_frame(&ClientFrame::Delete { id }).await?;
        self.changed(id, |frame| match frame {
            ServerFrame::Deleted(change) => Some(change),
            _ => None,
        })
        .await
    }

    async fn changed(
        &mut self,
        id: Uuid,
        wanted: impl Fn(&ServerFrame) -> Option<&Change>,
    ) -> Result<Change> {
        let reference = id.to_string();
        loop {
            let Some(event) = self.line.read().await else { return Err(already_over()) };
            let answer = match &event {
                Event::Frame(ServerFrame::Error(error))
                    if error.reference.as_deref() == Some(&*reference) =>
                {
                    return Err(Error::FrameRefused(error.clone()));
                }
                Event::Frame(frame) => wanted(frame).filter(|it| it.target.id == id).cloned(),
                Event::Closed(closed) => {
                    let closed = closed.clone();
                    self.queued.push_back(event);
                    return Err(Error::Closed { code: closed.code, reason: closed.reason });
                }
                _ => None,
            };
            self.queued.push_back(event);
            if let Some(change) = answer {
                return Ok(change);
            }
        }
    }

    /// Tells the room that one types. The server tells it on at its own pace.
    ///
    /// # Errors
    /// [`Error::Transport`] when the line is broken.
    pub async fn typing(&mut self) -> Result<()> {
        self.send_frame(&ClientFrame::Typing {}).await
    }

    /// Tells the room up to where one has read.
    ///
    /// # Errors
    /// [`Error::Transport`] when the line is broken.
    pub async fn read(&mut self, seq: i64) -> Result<()> {
        self.send_frame(&ClientFrame::Read { seq }).await
    }

    /// Reads until a frame is what the caller asks for; frames that come first stay queued for
    /// [`Session::next`] in their order.
    ///
    /// # Errors
    /// [`Error::Closed`] when the session ends first.
    pub async fn wait_for<T>(
        &mut self,
        mut wanted: impl FnMut(&ServerFrame) -> Option<T>,
    ) -> Result<T> {
        let mut found = None;
        for (at, event) in self.queued.iter().enumerate() {
            if let Event::Frame(frame) = event
                && let Some(value) = wanted(frame)
            {
                found = Some((at, value));
                break;
            }
        }
        if let Some((at, value)) = found {
            self.queued.remove(at);
            return Ok(value);
        }
        loop {
            match self.line.read().await {
                Some(Event::Frame(frame)) => match wanted(&frame) {
                    Some(value) => return Ok(value),
                    None => self.queued.push_back(Event::Frame(frame)),
                },
                Some(Event::Closed(closed)) => {
                    self.queued.push_back(Event::Closed(closed.clone()));
                    return Err(Error::Closed { code: closed.code, reason: closed.reason });
                }
                Some(event) => self.queued.push_back(event),
                None => return Err(already_over()),
            }
        }
    }

    /// Sends one frame and returns when the socket has taken it.
    ///
    /// # Errors
    /// [`Error::Transport`] when the line is broken.
    pub async fn send_frame(&mut self, frame: &ClientFrame) -> Result<()> {
        let text = serde_json::to_string(frame)
            .map_err(|error| Error::Protocol(format!("frame not writable: {error}")))?;
        self.send_raw_text(text).await
    }

    /// Sends any text as one text frame.
    ///
    /// # Errors
    /// [`Error::Transport`] when the line is broken.
    pub async fn send_raw_text(&mut self, text: impl Into<String>) -> Result<()> {
        self.line.write_text(text.into()).await
    }

    /// Sends any bytes as one binary frame.
    ///
    /// # Errors
    /// [`Error::Transport`] when the line is broken, [`Error::Protocol`] where there is no WebSocket.
    pub async fn send_raw_binary(&mut self, bytes: impl Into<Bytes>) -> Result<()> {
        self.line.write_binary(bytes.into()).await
    }

    /// Sends `leave` and reads until the server has closed. Unread frames are dropped.
    ///
    /// # Errors
    /// [`Error::Transport`] when the line is broken, [`Error::TimedOut`] after 10 s.
    pub async fn leave(mut self) -> Result<Closed> {
        self.send_frame(&ClientFrame::Leave {}).await?;
        self.until_closed().await
    }

    /// Sends a close frame with `code` and reads until the server has answered it. Only 1000 is a
    /// clean end. Unread frames are dropped. Without a WebSocket there is no such frame: the requests
    /// end, as those of a page do, which is never clean; only [`Session::leave`] is.
    ///
    /// # Errors
    /// As [`Session::leave`].
    pub async fn close(mut self, code: u16) -> Result<Closed> {
        if let Some(closed) = self.line.write_close(code).await? {
            return Ok(closed);
        }
        self.until_closed().await
    }

    /// Drops the connections without a close frame: an unclean end. What was sent before may
    /// still arrive.
    pub fn abort(self) {
        drop(self);
    }

    /// As [`Session::abort`] with a TCP reset, as from a machine that lost its memory of the
    /// connection. What was sent before may be lost.
    pub fn reset(mut self) {
        // When the option cannot be set the drop still ends the connection, only less rudely. The
        // connections of requests are not ours to reset.
        if let Some(socket) = self.line.socket() {
            let _ = tcp(socket.get_ref()).set_zero_linger();
        }
    }

    async fn until_closed(mut self) -> Result<Closed> {
        if let Some(Event::Closed(closed)) = self.queued.pop_back() {
            return Ok(closed);
        }
        let reading = async {
            loop {
                match self.line.next_raw().await {
                    Some(RawEvent::Closed(closed)) => return Ok(closed),
                    Some(_) => {}
                    None => return Err(already_over()),
                }
            }
        };
        tokio::time::timeout(CLOSE_TIMEOUT, reading)
            .await
            .unwrap_or(Err(Error::TimedOut("waiting for the close")))
    }
}

fn already_over() -> Error {
    Error::Closed { code: 1006, reason: "the session is over".into() }
}
