//! What waits for a response, where a session has no socket of its own.
//!
//! Whoever has something for such a session queues it and rings; a response that is attached takes what
//! it may write. Nothing is taken twice, and while no response is attached the queue's bound holds.

use std::collections::VecDeque;

use bytes::Bytes;

use super::super::wake::Wake;
use super::{Outbox, Phase};
use crate::sockjs::frame::{COMMA, HEARTBEAT, gone};

/// How the two who look after such a session are called.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    /// Whoever writes the response that is attached.
    pub(crate) receiver: Wake,
    /// Whoever looks after the session itself.
    pub(crate) keeper: Wake,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// Messages, as pieces of one array.
    Messages(Vec<Bytes>),
    /// A sign of life.
    Heartbeat,
    /// The end. Stays where it is: whoever asks again is told again.
    Close(Bytes),
}

impl Outbox {
    /// Takes what comes next: messages as long as there are fewer than `bytes_max` bytes of them.
    pub(crate) fn fetch(&self, bytes_max: usize) -> Option<Fetched> {
        let mut inner = self.lock();
        let is_over = matches!(inner.phase, Phase::Closing(_));
        let Some(front) = inner.queue.front() else {
            return is_over.then(|| Fetched::Close(gone()));
        };
        if front[0] != COMMA && front[..] != *HEARTBEAT {
            return Some(Fetched::Close(front.clone()));
        }
        if front[0] != COMMA {
            inner.advance(HEARTBEAT.len());
            return Some(Fetched::Heartbeat);
        }
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while let Some(front) = inner.queue.front()
            && front[0] == COMMA
            && bytes < bytes_max
        {
            let piece = front.clone();
            bytes += piece.len();
            inner.advance(piece.len());
            taken.push(piece);
        }
        if inner.queue.is_empty() {
            // An idle session keeps no buffer.
            inner.queue = VecDeque::new();
        }
        Some(Fetched::Messages(taken))
    }

    /// Whether the end has come, and only its last words are left.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.lock().phase, Phase::Closing(_))
    }
}
