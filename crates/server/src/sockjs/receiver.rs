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

use super::frame::{HEARTBEAT, OPEN, joined};
use super::line::{Line, Next};
use super::transport::Transport;
use crate::hub::outbox::Fetched;

/// The one response that a session's frames go to.
pub(crate) struct Receiver {
    line: Arc<Line>,
    /// Its number among those of the session.
    turn: u64,
    transport: Transport,
    prelude: Option<Bytes>,
    /// Bytes of frames so far.
    written: usize,
    is_done: bool,
}

impl Receiver {
    /// A response that is attached to `line`.
    pub(super) fn new(line: Arc<Line>, turn: u64, transport: Transport) -> Self {
        let prelude = transport.prelude();
        Self { line, turn, transport, prelude, written: 0, is_done: false }
    }

    fn next(&mut self) -> Option<Bytes> {
        match self.line.next(self.turn, self.transport.frame_bytes()) {
            Next::Open => Some(self.frame(OPEN.to_vec())),
            Next::Fetched(Fetched::Messages(pieces)) => Some(self.frame(joined(&pieces))),
            // The response ends with it: who asks anew is there.
            Next::Fetched(Fetched::Heartbeat) => Some(self.last(HEARTBEAT.to_vec())),
            Next::Fetched(Fetched::Close(words)) => {
                self.line.told();
                Some(self.last(words.to_vec()))
            }
            Next::Nothing => None,
            Next::Over => {
                self.is_done = true;
                None
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
        self.line.is_over() && self.transport.takes_several()
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
            // First the call is taken, then the look: whoever calls in between calls again.
            let is_called = self.line.bell.receiver.poll(self.turn, cx).is_ready();
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
        self.line.detach(self.turn, !self.is_done && self.written > 0);
    }
}
