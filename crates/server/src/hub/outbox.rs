//! What one connection still has to be told, and the write that tells it.
//!
//! Whoever has a frame for a session writes it straight to the socket when nothing is queued there;
//! only what the socket did not take is queued, bounded in bytes. So no task is woken per member and
//! message, and a reader that does not read costs the others nothing: at the bound it is cut.
//!
//! A session is registered before its `welcome` is written, so that nothing said in between is lost.
//! Until [`Outbox::open`] frames are kept apart; numbered ones that the replay already covered are
//! dropped then. After that the cursor alone decides: a numbered frame is delivered once, in order.
//!
//! A session without a socket of its own, whose transport asks for what there is, has the same queue and the
//! same bound ([`fetch`]). Frames come plain and are put into the form of the transport here.
//!
//! The mutex is a leaf: nothing is locked while it is held, and no await happens under it.

mod fetch;
#[cfg(test)]
mod secure_tests;

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use anteroom_protocol::CloseCode;
use bytes::Bytes;
pub(crate) use fetch::{Bell, Fetched};

use super::form::{Batch, Form, Shared};
use super::wake::Wake;
use crate::socket::Socket;

/// Most buffers handed to one vectored write.
const SLICES_MAX: usize = 64;

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Written or queued.
    Taken,
    /// The session is ending; nothing more is delivered.
    Ended,
    /// The bound was reached: the caller ends the session as a slow consumer.
    Overflow,
}

#[derive(Debug)]
enum Phase {
    /// Registered, `welcome` not yet written: frames wait apart, numbered ones by batch.
    Opening(Vec<Early>),
    Live,
    /// The close frame is queued; nothing follows it. With why, where the server ended it.
    Closing(Option<CloseCode>),
}

#[derive(Debug)]
enum Early {
    Frame(Bytes),
    Batch(Arc<Batch>),
}

#[derive(Debug)]
struct Inner {
    phase: Phase,
    queue: VecDeque<Bytes>,
    /// Bytes in `queue` (or in the early frames), the bound's measure.
    bytes: usize,
    /// How many of them are the answer to the session's own arrival: a replay may be larger than
    /// the bound without the reader being slow. Written first, so used up first.
    exempt: usize,
    /// The highest `seq` delivered.
    cursor: i64,
    /// Bytes that ever left the queue.
    written: u64,
}

/// Where it goes.
#[derive(Debug)]
enum Sink {
    Socket(Arc<Socket>),
    /// A socket whose peer speaks SockJS.
    Framed(Arc<Socket>),
    /// Whatever response asks for it.
    Fetched(Arc<Bell>),
}

/// One session's outgoing side.
#[derive(Debug)]
pub(crate) struct Outbox {
    sink: Sink,
    inner: Mutex<Inner>,
    /// Wakes the session's task when something is left to be written.
    wake: Wake,
    bytes_max: usize,
}

impl Outbox {
    /// An outbox in the opening phase that queues at most `bytes_max` bytes.
    pub(crate) fn new(stream: Arc<Socket>, bytes_max: usize) -> Self {
        Self::over(Sink::Socket(stream), bytes_max)
    }

    /// The same for a peer that speaks SockJS; `first` is said before anything else.
    pub(crate) fn framed(stream: Arc<Socket>, bytes_max: usize, first: Bytes) -> Self {
        let outbox = Self::over(Sink::Framed(stream), bytes_max);
        outbox.lock().enqueue(first);
        outbox
    }

    /// The same without a socket.
    pub(crate) fn fetched(bell: Arc<Bell>, bytes_max: usize) -> Self {
        Self::over(Sink::Fetched(bell), bytes_max)
    }

    fn over(sink: Sink, bytes_max: usize) -> Self {
        let inner = Inner {
            phase: Phase::Opening(Vec::new()),
            queue: VecDeque::new(),
            bytes: 0,
            exempt: 0,
            cursor: 0,
            written: 0,
        };
        Self { sink, inner: Mutex::new(inner), wake: Wake::default(), bytes_max }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The form that the transport needs.
    pub(crate) fn form(&self) -> Form {
        match self.sink {
            Sink::Socket(_) => Form::Plain,
            Sink::Framed(_) => Form::Framed,
            Sink::Fetched(_) => Form::Pieces,
        }
    }

    /// Sends frames that have no number.
    pub(crate) fn push(&self, frames: Bytes) -> Pushed {
        self.send(self.form().of(frames))
    }

    /// The same with frames that others are sent too.
    pub(crate) fn push_shared(&self, frames: &Shared) -> Pushed {
        self.send(frames.in_form(self.form()))
    }

    fn send(&self, frame: Bytes) -> Pushed {
        let mut inner = self.lock();
        match &mut inner.phase {
            Phase::Closing(_) => Pushed::Ended,
            Phase::Opening(early) => {
                early.push(Early::Frame(frame.clone()));
                inner.bytes += frame.len();
                self.within_bound(&inner)
            }
            Phase::Live => self.write_or_queue(&mut inner, [frame, Bytes::new()]),
        }
    }

    /// Sends what is this session's own, if anything (acknowledgements), and then what of the batch
    /// it has not seen, in one write.
    pub(crate) fn deliver(&self, own: Bytes, batch: &Arc<Batch>) -> Pushed {
        let form = self.form();
        let own = form.of(own);
        let mut inner = self.lock();
        match &mut inner.phase {
            Phase::Closing(_) => Pushed::Ended,
            Phase::Opening(early) => {
                let bytes = own.len() + batch.len();
                if !own.is_empty() {
                    early.push(Early::Frame(own));
                }
                early.push(Early::Batch(Arc::clone(batch)));
                inner.bytes += bytes;
                self.within_bound(&inner)
            }
            Phase::Live => {
                let unseen = batch.after(inner.cursor, form);
                let (bytes, cursor) = unseen.unwrap_or((Bytes::new(), inner.cursor));
                inner.cursor = cursor;
                self.write_or_queue(&mut inner, [own, bytes])
            }
        }
    }

    /// Ends the opening phase: first `head` (the `welcome` and the replay, which together cover
    /// everything up to `cursor`), then what arrived meanwhile and is not covered.
    pub(crate) fn open(&self, head: Vec<Bytes>, cursor: i64) -> Pushed {
        let form = self.form();
        let mut inner = self.lock();
        if matches!(inner.phase, Phase::Closing(_)) {
            return Pushed::Ended;
        }
        let Phase::Opening(early) = std::mem::replace(&mut inner.phase, Phase::Live) else {
            return Pushed::Taken;
        };
        inner.bytes = 0;
        inner.cursor = cursor;
        for frame in head {
            inner.enqueue(form.of(frame));
        }
        inner.exempt = inner.bytes;
        for item in early {
            match item {
                Early::Frame(frame) => inner.enqueue(frame),
                Early::Batch(batch) => {
                    if let Some((bytes, cursor)) = batch.after(inner.cursor, form) {
                        inner.cursor = cursor;
                        inner.enqueue(bytes);
                    }
                }
            }
        }
        drop(inner);
        self.call();
        Pushed::Taken
    }

    /// Queues the last frames; whatever is pushed later is dropped. Only the first call has an
    /// effect: true then. Why it ends and the words for it are one step, so whoever sees the
    /// reason finds the words queued. With `cut`, what waits is dropped too, except the frame that
    /// is half written.
    pub(crate) fn finish(&self, why: Option<CloseCode>, last: Vec<Bytes>, cut: bool) -> bool {
        self.finish_in_words(why, cut, |_| last)
    }

    /// The same, with last frames that depend on whether the opening phase is over: whoever was not
    /// welcomed yet was never let in, and is told so in other words.
    pub(crate) fn finish_in_words(
        &self,
        why: Option<CloseCode>,
        cut: bool,
        words: impl FnOnce(bool) -> Vec<Bytes>,
    ) -> bool {
        let mut inner = self.lock();
        let was_welcomed = match inner.phase {
            Phase::Closing(_) => return false,
            Phase::Opening(_) => false,
            Phase::Live => true,
        };
        inner.phase = Phase::Closing(why);
        if cut {
            let is_half_written = self.stream().is_some();
            inner.queue.truncate(usize::from(is_half_written));
            inner.bytes = inner.queue.front().map_or(0, Bytes::len);
        }
        for frame in words(was_welcomed) {
            inner.enqueue(self.form().of(frame));
        }
        drop(inner);
        self.call();
        if let Sink::Fetched(bell) = &self.sink {
            bell.keeper.notify_one();
        }
        true
    }

    /// Calls whoever writes.
    fn call(&self) {
        match &self.sink {
            Sink::Socket(_) | Sink::Framed(_) => self.wake.notify_one(),
            Sink::Fetched(bell) => bell.receiver.notify_one(),
        }
    }

    /// Why the server ended it, once it has.
    pub(crate) fn ending(&self) -> Option<CloseCode> {
        match self.lock().phase {
            Phase::Closing(why) => why,
            Phase::Opening(_) | Phase::Live => None,
        }
    }

    /// Whether something waits for the socket.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.lock().queue.is_empty() || !self.is_flushed()
    }

    /// Whether everything that left the queue is on its way.
    fn is_flushed(&self) -> bool {
        self.stream().is_none_or(Socket::is_flushed)
    }

    /// Ready when something was queued since it was ready last. For the session's task only.
    pub(crate) fn poll_woken(&self, cx: &Context<'_>) -> Poll<()> {
        self.wake.poll(cx)
    }

    /// Resolves when something was queued since the last call.
    #[cfg(test)]
    pub(crate) async fn woken(&self) {
        std::future::poll_fn(|cx| self.poll_woken(cx)).await;
    }

    /// The connection itself, where it is the session's own.
    pub(crate) fn stream(&self) -> Option<&Socket> {
        match &self.sink {
            Sink::Socket(stream) | Sink::Framed(stream) => Some(stream),
            Sink::Fetched(_) => None,
        }
    }

    /// Writes what the socket takes now. True when nothing is left.
    pub(crate) fn drain(&self) -> io::Result<bool> {
        let Some(stream) = self.stream() else { return Ok(true) };
        let mut inner = self.lock();
        while !inner.queue.is_empty() {
            let slices: Vec<IoSlice<'_>> =
                inner.queue.iter().take(SLICES_MAX).map(|bytes| IoSlice::new(bytes)).collect();
            match stream.try_write(&slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => inner.advance(written),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(e) => return Err(e),
            }
        }
        // An idle session keeps no buffer.
        inner.queue = VecDeque::new();
        stream.flush()
    }

    /// Straight to the socket when nothing is queued; the rest waits for the session's task. What
    /// the socket did not take of one call is no sign of a slow reader, however much it is: only what
    /// comes on top of it is.
    fn write_or_queue(&self, inner: &mut Inner, [first, second]: [Bytes; 2]) -> Pushed {
        if !inner.queue.is_empty() || !self.is_flushed() {
            inner.enqueue(first);
            inner.enqueue(second);
            return self.within_bound(inner);
        }
        if first.is_empty() && second.is_empty() {
            return Pushed::Taken;
        }
        let written = match self.stream() {
            Some(stream) => try_write(stream, &first, &second),
            None => Ok(0),
        };
        let written = match written {
            Ok(written) if written == first.len() + second.len() && self.is_flushed() => {
                return Pushed::Taken;
            }
            Ok(written) => written,
            // Whatever kept the socket from taking it, it is not lost: it waits for the session's task,
            // which tries again, and ends the session when the line is broken.
            Err(_) => 0,
        };
        inner.enqueue(first);
        inner.enqueue(second);
        inner.advance(written);
        self.call();
        Pushed::Taken
    }

    /// How much was ever written, when something still waits: the measure of a reader that stands
    /// still.
    pub(crate) fn waiting_at(&self) -> Option<u64> {
        let inner = self.lock();
        (!inner.queue.is_empty() || !self.is_flushed()).then_some(inner.written)
    }

    fn within_bound(&self, inner: &Inner) -> Pushed {
        let counted = inner.bytes.saturating_sub(inner.exempt);
        if counted > self.bytes_max { Pushed::Overflow } else { Pushed::Taken }
    }
}

fn try_write(socket: &Socket, first: &Bytes, second: &Bytes) -> io::Result<usize> {
    match (first.is_empty(), second.is_empty()) {
        (_, true) => socket.try_write(&[IoSlice::new(first)]),
        (true, false) => socket.try_write(&[IoSlice::new(second)]),
        (false, false) => socket.try_write(&[IoSlice::new(first), IoSlice::new(second)]),
    }
}

impl Inner {
    fn enqueue(&mut self, frame: Bytes) {
        if !frame.is_empty() {
            self.bytes += frame.len();
            self.queue.push_back(frame);
        }
    }

    fn advance(&mut self, mut written: usize) {
        self.bytes = self.bytes.saturating_sub(written);
        self.exempt = self.exempt.saturating_sub(written);
        self.written += written as u64;
        while written > 0 {
            let Some(front) = self.queue.front_mut() else { return };
            if written < front.len() {
                bytes::Buf::advance(front, written);
                return;
            }
            written -= front.len();
            self.queue.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    async fn pair() -> (Arc<Socket>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        server.writable().await.unwrap();
        (Arc::new(server.into()), client)
    }

    fn batch(from: i64, to: i64) -> Arc<Batch> {
        let frames: Vec<_> =
            (from..=to).map(|seq| (seq, Bytes::from(format!("<{seq}>")))).collect();
        Arc::new(Batch::new(&frames))
    }

    async fn received(client: &mut TcpStream, len: usize) -> String {
        let mut buf = vec![0; len];
        client.read_exact(&mut buf).await.unwrap();
        String::from_utf8(buf).unwrap()
    }

    #[tokio::test]
    async fn replay_and_live_frames_join_without_a_hole_or_a_double() {
        let (server, mut client) = pair().await;
        let outbox = Outbox::new(server, 1 << 20);
        outbox.deliver(Bytes::from_static(b"a"), &batch(3, 5));
        outbox.push(Bytes::from_static(b"p"));
        let head = vec![Bytes::from_static(b"w"), Bytes::from_static(b"<4>")];
        outbox.open(head, 4);
        tokio::time::timeout(std::time::Duration::from_secs(10), outbox.woken()).await.unwrap();
        assert!(outbox.drain().unwrap());
        outbox.deliver(Bytes::from_static(b"b"), &batch(5, 6));
        outbox.deliver(Bytes::from_static(b"c"), &batch(5, 6));
        assert_eq!(received(&mut client, 14).await, "w<4>a<5>pb<6>c");
    }

    #[tokio::test]
    async fn a_replay_larger_than_the_bound_is_no_slow_reader() {
        let (server, mut client) = pair().await;
        let outbox = Outbox::new(server, 1_000);
        let replay = Bytes::from(vec![b'r'; 8 << 20]);
        outbox.open(vec![replay.clone()], 0);
        assert!(!outbox.drain().unwrap(), "the socket does not take all of it at once");
        assert_eq!(outbox.push(Bytes::from(vec![b'x'; 900])), Pushed::Taken);
        assert_eq!(outbox.push(Bytes::from(vec![b'x'; 200])), Pushed::Overflow);
        let mut read = vec![0; 1 << 20];
        client.read_exact(&mut read).await.unwrap();
    }

    #[tokio::test]
    async fn what_the_socket_did_not_take_of_one_batch_is_no_slow_reader_what_comes_on_top_is() {
        let (server, _client) = pair().await;
        let outbox = Outbox::new(server, 1_000);
        outbox.open(Vec::new(), 0);
        let large = Arc::new(Batch::new(&[(1, Bytes::from(vec![b'x'; 16 << 20]))]));
        assert_eq!(
            outbox.deliver(Bytes::new(), &large),
            Pushed::Taken,
            "one commit cuts nobody by itself"
        );
        let waiting = outbox.waiting_at();
        assert!(waiting.is_some(), "the socket did not take all of it");
        assert_eq!(outbox.push(Bytes::from_static(b"y")), Pushed::Overflow);
        assert_eq!(outbox.waiting_at(), waiting, "nobody reads: nothing leaves");
    }

    #[tokio::test]
    async fn the_last_words_depend_on_whether_the_welcome_was_queued() {
        let words = |was_welcomed| {
            vec![Bytes::from_static(if was_welcomed { b"closing" } else { b"refused" })]
        };
        let (server, mut client) = pair().await;
        let outbox = Outbox::new(server, 1 << 10);
        outbox.push(Bytes::from_static(b"early"));
        assert!(outbox.finish_in_words(Some(CloseCode::Replaced), false, words));
        assert_eq!(outbox.open(vec![Bytes::from_static(b"welcome")], 0), Pushed::Ended);
        assert!(outbox.drain().unwrap());
        assert_eq!(received(&mut client, 7).await, "refused", "and nothing before it");

        let (server, mut client) = pair().await;
        let outbox = Outbox::new(server, 1 << 10);
        outbox.open(vec![Bytes::from_static(b"welcome")], 0);
        assert!(outbox.finish_in_words(Some(CloseCode::Replaced), false, words));
        assert!(outbox.drain().unwrap());
        assert_eq!(received(&mut client, 14).await, "welcomeclosing");
    }

    #[tokio::test]
    async fn what_a_broken_line_does_not_take_waits_for_the_task_that_ends_the_session() {
        let (server, _client) = pair().await;
        let outbox = Outbox::new(Arc::clone(&server), 1 << 10);
        outbox.open(Vec::new(), 0);
        outbox.woken().await;
        // Nothing is to be read then: only who writes can tell.
        server.finish().unwrap();
        assert_eq!(outbox.deliver(Bytes::new(), &batch(1, 2)), Pushed::Taken);
        tokio::time::timeout(std::time::Duration::from_secs(10), outbox.woken()).await.unwrap();
        assert_eq!(outbox.drain().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(outbox.is_waiting(), "nothing is lost of a session that is not over");
    }

    #[tokio::test]
    async fn the_bound_is_told_and_nothing_follows_the_close() {
        let (server, _client) = pair().await;
        let outbox = Outbox::new(server, 64 << 10);
        outbox.open(Vec::new(), 0);
        let frame = Bytes::from(vec![b'x'; 60 << 10]);
        let mut pushed = Pushed::Taken;
        for _ in 0..200 {
            pushed = outbox.push(frame.clone());
            if pushed == Pushed::Overflow {
                break;
            }
        }
        assert_eq!(pushed, Pushed::Overflow, "a reader that never reads must hit the bound");
        assert!(outbox.finish(None, vec![Bytes::from_static(b"close")], true));
        assert_eq!(outbox.push(frame), Pushed::Ended);
        assert!(outbox.lock().bytes <= (60 << 10) + 5, "what waited was dropped");
    }
}
