//! What waits for a response, where a session has no socket of its own.
//!
//! Whoever has something for such a session queues it and rings; a response that is attached takes what
//! it may write. Nothing is taken twice, and while no response is attached the queue's bound holds.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::super::wake::Wake;
use super::{Outbox, Phase};
use crate::sockjs::frame::{COMMA, HEARTBEAT, gone};

/// How the two who look after such a session are called.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    /// Whoever writes the response that is attached.
    pub(crate) receiver: Turns,
    /// Whoever looks after the session itself.
    pub(crate) keeper: Wake,
}

/// Calls whoever's turn it is, and nobody whose turn is over: those come at once and see it.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<Turn>);

#[derive(Debug, Default)]
struct Turn {
    number: u64,
    is_called: bool,
    task: Option<Waker>,
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, Turn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a turn; its number. Whoever had the last one is called to see that it is over.
    pub(crate) fn next_turn(&self) -> u64 {
        let mut turn = self.lock();
        turn.number += 1;
        let (number, last) = (turn.number, turn.task.take());
        drop(turn);
        if let Some(last) = last {
            last.wake();
        }
        number
    }

    /// Calls. A call while nobody waits is kept; two are one.
    pub(crate) fn notify_one(&self) {
        let mut turn = self.lock();
        turn.is_called = true;
        let task = turn.task.take();
        drop(turn);
        if let Some(task) = task {
            task.wake();
        }
    }

    /// Ready when it was called, or when the turn of that number is over; else the task of `cx` is woken by
    /// the next call.
    pub(crate) fn poll(&self, number: u64, cx: &Context<'_>) -> Poll<()> {
        let mut turn = self.lock();
        if turn.number != number || std::mem::take(&mut turn.is_called) {
            return Poll::Ready(());
        }
        turn.task = Some(cx.waker().clone());
        Poll::Pending
    }
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;

    use anteroom_protocol::CloseCode;

    use super::super::Pushed;
    use super::*;
    use crate::hub::form::Batch;
    use crate::ws::frame;

    fn outbox(bytes_max: usize) -> (Outbox, Arc<Bell>) {
        let bell = Arc::new(Bell::default());
        (Outbox::fetched(Arc::clone(&bell), bytes_max), bell)
    }

    fn messages(texts: &[&'static str]) -> Option<Fetched> {
        Some(Fetched::Messages(
            texts.iter().map(|text| Bytes::from_static(text.as_bytes())).collect(),
        ))
    }

    #[test]
    fn what_waits_comes_once_in_its_order_and_the_end_is_told_each_time() {
        let (outbox, _) = outbox(1 << 10);
        let batch = Arc::new(Batch::new(&[(1, frame::text(b"a")), (2, frame::text(b"b"))]));
        outbox.deliver(Bytes::new(), &batch);
        assert_eq!(outbox.fetch(1_000), None, "nothing before the welcome");
        outbox.open(vec![frame::text(b"w"), frame::text(b"a")], 1);
        outbox.push(frame::ping(b""));
        outbox.deliver(frame::text(b"own"), &batch);
        outbox.push(frame::text(b"c"));
        assert_eq!(
            outbox.fetch(1),
            messages(&[r#","w""#]),
            "no more than is asked for, and a piece"
        );
        assert_eq!(outbox.fetch(1_000), messages(&[r#","a""#, r#","b""#]));
        assert_eq!(outbox.fetch(1_000), Some(Fetched::Heartbeat));
        assert_eq!(outbox.fetch(1_000), messages(&[r#","own""#, r#","c""#]));
        assert_eq!(outbox.fetch(1_000), None);
        outbox.finish(Some(CloseCode::Replaced), vec![frame::close(4409, "")], false);
        for _ in 0..2 {
            let close = Bytes::from_static(br#"c[4409,"replaced"]"#);
            assert_eq!(outbox.fetch(1_000), Some(Fetched::Close(close)));
        }
    }

    #[test]
    fn without_a_response_the_bound_holds_and_what_is_cut_is_gone() {
        let (outbox, _) = outbox(1_000);
        outbox.open(Vec::new(), 0);
        let frame = frame::text(&[b'x'; 400]);
        let pushed: Vec<_> = (0..3).map(|_| outbox.push(frame.clone())).collect();
        assert_eq!(pushed, [Pushed::Taken, Pushed::Taken, Pushed::Overflow]);
        outbox.finish(None, Vec::new(), true);
        assert_eq!(outbox.fetch(1_000), Some(Fetched::Close(gone())), "and said in words");
    }

    #[tokio::test]
    async fn only_whose_turn_it_is_is_called() {
        let turns = Turns::default();
        let first = turns.next_turn();
        assert!(poll_fn(|cx| Poll::Ready(turns.poll(first, cx))).await.is_pending());
        let second = turns.next_turn();
        assert!(poll_fn(|cx| Poll::Ready(turns.poll(second, cx))).await.is_pending());
        // Who looks after its turn takes neither the call nor the place of who waits.
        assert!(poll_fn(|cx| Poll::Ready(turns.poll(first, cx))).await.is_ready());
        turns.notify_one();
        poll_fn(|cx| turns.poll(second, cx)).await;
        assert!(poll_fn(|cx| Poll::Ready(turns.poll(second, cx))).await.is_pending());
    }
}
