//! What comes in over one connection, and the wait for it, whoever it is said to.
//!
//! Idle it holds no buffer: the read goes through the stack, and what is left of an unfinished frame
//! is all that is kept. What is said to whom is the [`Hearer`]'s; what of it ends a connection is said
//! as a [`Departure`], whose last words [`linger`] gets through.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use anteroom_protocol::CloseCode;
use bytes::BytesMut;

use super::decode::{Decoder, Event, Limits};
use super::passage::Departure;
use crate::hub::outbox::Outbox;
use crate::socket::Socket;

/// Bytes read at once.
const READ_CHUNK: usize = 8 << 10;
/// Fragments in one message before 1008, where messages are small.
const FRAGMENTS_MAX: usize = 1_024;
/// Where messages may be larger, their fragments must be so large on average.
const FRAGMENT_BYTES: usize = 64;
/// How long a close may take to be written and answered.
const LINGER: Duration = Duration::from_secs(1);

/// Whoever a connection speaks to.
pub(super) trait Hearer {
    /// What is still to be written to the connection.
    fn outbox(&self) -> &Outbox;

    /// Notes that the peer is alive.
    fn hear(&self);

    /// Why the connection ends, once it does.
    fn ending(&self) -> Option<CloseCode> {
        self.outbox().ending()
    }

    /// Whether this has to be heard at leisure, by [`Hearer::first_words`].
    fn is_first(&mut self, _event: &Event) -> bool {
        false
    }

    /// Obeys what may take its time. With the departure that it leads to, if it does.
    fn first_words(&mut self, words: Event) -> impl Future<Output = Option<Departure>> + Send;

    /// Obeys what was said. With the departure that it leads to, if it does.
    fn event(&mut self, event: Event) -> Option<Departure>;
}

/// The incoming side of one connection.
pub(super) struct Reading {
    /// What was read and not decoded yet.
    buf: BytesMut,
    decoder: Decoder,
}

/// What a connection does next.
enum Next {
    Depart(Departure),
    /// Obey the first words of the peer.
    Hear(Event),
    /// Wait: everything that was read is obeyed.
    Wait,
}

impl Reading {
    /// Begins with what came with the request, for messages of at most `bytes_max` bytes.
    pub(super) fn new(unread: &[u8], bytes_max: usize) -> Self {
        let frames_max = FRAGMENTS_MAX.max(bytes_max / FRAGMENT_BYTES);
        let limits = Limits {
            message_bytes_max: bytes_max,
            frames_per_message_max: u32::try_from(frames_max).unwrap_or(u32::MAX),
        };
        // A copy: the buffer of the request is larger than what is left in it.
        Self { buf: BytesMut::from(unread), decoder: Decoder::new(limits) }
    }

    /// Obeys what comes until it leads to an end.
    pub(super) async fn converse(&mut self, hearer: &mut impl Hearer) -> Departure {
        loop {
            match self.obey(hearer) {
                Next::Depart(departure) => return departure,
                // Boxed: it is over before the session's long life begins.
                Next::Hear(words) => {
                    if let Some(departure) = Box::pin(hearer.first_words(words)).await {
                        return departure;
                    }
                }
                Next::Wait => {
                    if poll_fn(|cx| self.wait(hearer, cx)).await.is_err() {
                        return Departure::Broken;
                    }
                }
            }
        }
    }

    /// Obeys what was read, as far as it is complete.
    fn obey(&mut self, hearer: &mut impl Hearer) -> Next {
        loop {
            match self.decoder.decode(&mut self.buf) {
                Ok(None) => break,
                Ok(Some(event)) => {
                    // What was read before the end came is not obeyed after it.
                    if let Some(code) = hearer.ending() {
                        return Next::Depart(Departure::Ended(code));
                    }
                    if hearer.is_first(&event) {
                        return Next::Hear(event);
                    }
                    if let Some(departure) = hearer.event(event) {
                        return Next::Depart(departure);
                    }
                }
                Err(violation) => return Next::Depart(Departure::Violated(violation)),
            }
        }
        if self.buf.is_empty() {
            self.buf = BytesMut::new();
        }
        hearer.ending().map_or(Next::Wait, |code| Next::Depart(Departure::Ended(code)))
    }

    /// Waits until there is something to read, to write, or to learn, and does what of it can be done
    /// at once.
    ///
    /// Polled and not awaited as readiness: this task's waker takes the place of the one that the
    /// request's task left with the socket, and with it goes what is left of that task.
    fn wait(&mut self, hearer: &impl Hearer, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outbox = hearer.outbox();
        let Some(stream) = outbox.stream() else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        if outbox.poll_woken(cx).is_ready()
            || outbox.is_waiting() && stream.poll_write_ready(cx)?.is_ready()
        {
            return Poll::Ready(outbox.drain().map(drop));
        }
        ready!(stream.poll_read_ready(cx)?);
        if read_some(stream, &mut self.buf)? {
            hearer.hear();
        }
        Poll::Ready(Ok(()))
    }
}

/// Reads once, through the stack. True when something came.
///
/// # Errors
/// The end of the stream too.
fn read_some(stream: &Socket, buf: &mut BytesMut) -> io::Result<bool> {
    let mut chunk = [0; READ_CHUNK];
    match stream.try_read(&mut chunk) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(read) => {
            buf.extend_from_slice(&chunk[..read]);
            Ok(true)
        }
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(e) => Err(e),
    }
}

/// Reads and throws away until there is nothing more; answers how it ended.
async fn read_away(stream: &Socket) -> io::Error {
    let mut unread = BytesMut::new();
    loop {
        let read = match poll_fn(|cx| stream.poll_read_ready(cx)).await {
            Ok(()) => read_some(stream, &mut unread),
            Err(error) => Err(error),
        };
        if let Err(error) = read {
            return error;
        }
        unread.clear();
    }
}

/// Writes what is queued, says that nothing follows, and waits for the peer to close, all within
/// [`LINGER`]. What the peer still sends is read and thrown away, so that the close frame is not lost
/// to a reset. A peer that has closed already is not waited for.
pub(super) async fn linger(outbox: &Outbox, has_closed: bool) {
    let Some(stream) = outbox.stream() else { return };
    let flush = async {
        while !outbox.drain()? {
            poll_fn(|cx| stream.poll_write_ready(cx)).await?;
        }
        stream.finish()?;
        if has_closed { Ok(()) } else { Err(read_away(stream).await) }
    };
    // Both a peer that closes and one that never does end here.
    let _ = tokio::time::timeout(LINGER, flush).await;
}
