//! The body of a response that carries a session's frames: it takes what there is and waits for more.
//!
//! Whether a client has read what was written nobody is told. So a response that breaks with something
//! in it ends the session, as a broken WebSocket does; the client comes back and says up to where it has
//! read.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};

use super::frame::{HEARTBEAT, OPEN, gone, joined};
use super::line::Line;
use super::transport::Transport;
use crate::hub::outbox::{Fetched, Outbox};

/// The one response that a session's frames go to.
pub(crate) struct Receiver {
    line: Arc<Line>,
    transport: Transport,
    prelude: Option<Bytes>,
    /// Bytes of frames so far.
    written: usize,
    is_done: bool,
}

impl Receiver {
    /// A response that is attached to `line`.
    pub(super) fn new(line: Arc<Line>, transport: Transport) -> Self {
        let prelude = transport.prelude();
        Self { line, transport, prelude, written: 0, is_done: false }
    }

    fn next(&mut self) -> Option<Bytes> {
        if self.line.greets() {
            return Some(self.frame(OPEN.to_vec()));
        }
        if self.line.is_gone() {
            self.is_done = true;
            return None;
        }
        let outbox = self.line.outbox()?;
        if self.line.is_broken() {
            self.line.told();
            return Some(self.last(gone().to_vec()));
        }
        match outbox.fetch(self.transport.frame_bytes())? {
            Fetched::Messages(pieces) => Some(self.frame(joined(&pieces))),
            // The response ends with it: who asks anew is there.
            Fetched::Heartbeat => Some(self.last(HEARTBEAT.to_vec())),
            Fetched::Close(words) => {
                self.line.told();
                Some(self.last(words.to_vec()))
            }
        }
    }

    fn frame(&mut self, frame: Vec<u8>) -> Bytes {
        let bytes = self.transport.wrap(frame);
        self.written += bytes.len();
        self.is_done = self.written >= self.transport.response_bytes() && !self.may_end();
        bytes
    }

    /// Whether the last words follow at once. A client that asks again for them may find a server that
    /// has stopped.
    fn may_end(&self) -> bool {
        let is_over = self.line.outbox().is_some_and(Outbox::is_over);
        is_over && self.transport.takes_several()
    }

    fn last(&mut self, frame: Vec<u8>) -> Bytes {
        let bytes = self.frame(frame);
        self.is_done = true;
        bytes
    }
}

impl Body for Receiver {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(prelude) = self.prelude.take() {
            return Poll::Ready(Some(Ok(Frame::data(prelude))));
        }
        loop {
            if self.is_done {
                return Poll::Ready(None);
            }
            // First the waker, then the look.
            let is_called = self.line.bell.receiver.poll(cx).is_ready();
            if let Some(bytes) = self.next() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if !is_called && !self.is_done {
                return Poll::Pending;
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.prelude.is_none() && self.is_done
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.line.detach(self.written, !self.is_done && self.written > 0);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;
    use std::time::Duration;

    use anteroom_core::ids::{Generation, LoginId, Owner, RoomId, SessionId, UserId};
    use anteroom_core::seat::PartRef;
    use anteroom_core::time::Millis;
    use uuid::Uuid;

    use super::*;
    use crate::hub::{Link, NewSession, Session};
    use crate::sockjs::line::Judged;
    use crate::ws::frame;

    /// A session that was let in.
    fn line() -> (Arc<Line>, Link) {
        let line = Arc::new(Line::new("a ticket", 64 << 10, Duration::from_secs(60)));
        let outbox = Outbox::fetched(Arc::clone(&line.bell), 1 << 20);
        outbox.open(Vec::new(), 0);
        let id = Uuid::from_u128(1);
        let part = PartRef {
            user: UserId(id),
            session: SessionId(id),
            generation: Generation { epoch: 1, n: 1 },
            owner: Owner { node: 0, incarnation: 1 },
        };
        let (name, login, room) = ("somebody".into(), LoginId(id), RoomId(1));
        let session =
            Arc::new(Session::new(NewSession { part, name, login, room, outbox, now: Millis(0) }));
        line.judged(Judged::In(Arc::clone(&session)));
        (line, session)
    }

    fn asks(line: &Arc<Line>) -> Receiver {
        line.attach(None).unwrap();
        Receiver::new(Arc::clone(line), Transport::XhrStreaming)
    }

    /// The next piece of an answer; `None` where it waits or has ended.
    fn piece(receiver: &mut Receiver) -> Option<String> {
        let cx = &mut Context::from_waker(Waker::noop());
        match Pin::new(receiver).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
            }
            Poll::Ready(None) | Poll::Pending => None,
        }
    }

    #[test]
    fn behind_a_hole_nothing_is_told() {
        let (line, session) = line();
        let mut first = asks(&line);
        assert_eq!(piece(&mut first).unwrap().len(), 2_049);
        assert_eq!(piece(&mut first).unwrap(), "o\n");
        session.push(frame::text(b"one"));
        assert_eq!(piece(&mut first).unwrap(), "a[\"one\"]\n");
        session.push(frame::text(b"two"));
        drop(first);
        // Before anybody has seen to the loss.
        let mut second = asks(&line);
        piece(&mut second).unwrap();
        assert_eq!(piece(&mut second).unwrap(), "c[3000,\"Go away!\"]\n");
        assert_eq!(piece(&mut second), None);
        assert!(second.is_end_stream());
    }
}
