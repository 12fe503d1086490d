//! One connection, from the upgrade to the last byte: a single task that reads, hands frames to the
//! handlers, and writes what the socket would not take at once.
//!
//! Idle it holds no buffer: the read goes through the stack, and what is left of an unfinished frame
//! is all that is kept. It decides nothing about seats; it tells [`crate::entry`] how it ended.

use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use anteroom_core::ids::SessionId;
use anteroom_core::mutants::{self, Mutant};
use anteroom_core::seat::{Entry, Parting};
use anteroom_protocol::CloseCode;
use bytes::{Bytes, BytesMut};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::decode::{Decoder, Event, Limits, Violation};
use super::handlers::{self, Conversation, Flow};
use super::{frame, heartbeat, welcome};
use crate::clock::Clock;
use crate::entry::{self, Arrival, Arrived, Entered};
use crate::hub::outbox::Outbox;
use crate::hub::{Link, farewell};
use crate::messages::{Delivery, History, MessageLog};
use crate::metrics::Metrics;
use crate::storage::MembershipEnd;
use crate::sweeper::{Deadlines, Due};
use crate::tokens::Identity;

/// Bytes read at once.
const READ_CHUNK: usize = 8 << 10;
/// Fragments in one message before 1008.
const FRAGMENTS_MAX: u32 = 1_024;
/// How long a close may take to be written and answered.
const LINGER: Duration = Duration::from_secs(1);

/// What connections need of the server.
pub(crate) struct Connections {
    pub(crate) entry: Arc<entry::Entry>,
    pub(crate) history: Arc<History>,
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) log: MessageLog,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) deadlines: Arc<Deadlines>,
    pub(crate) stopping: CancellationToken,
    pub(crate) bounds: Bounds,
}

/// The bounds of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) frame_bytes: usize,
    pub(crate) outbound_bytes: usize,
    pub(crate) content_chars_max: usize,
    /// `None` switches the bound off.
    pub(crate) bad_frames: Option<usize>,
    /// `None` switches the bound off.
    pub(crate) frames_per_10s: Option<usize>,
    pub(crate) ping: Duration,
    pub(crate) silence: Duration,
}

/// What the upgrade request asked for.
#[derive(Debug)]
pub(crate) struct Connect {
    pub(crate) ticket: String,
    pub(crate) resume: Option<String>,
    pub(crate) since: Option<i64>,
    pub(crate) beside: Option<Identity>,
    /// The query cannot be read: refused with 4400.
    pub(crate) malformed: bool,
}

/// A connection that was let in. All that an idle session's task holds.
struct Inside {
    session: Link,
    /// What was read and not decoded yet.
    buf: BytesMut,
    decoder: Decoder,
    talk: Conversation,
}

/// What a connection does next.
enum Next {
    Depart(Departure),
    /// Obey the first words of the client.
    Hear(Event),
    /// Wait: everything that was read is obeyed.
    Wait,
}

/// How the read loop ended.
enum Departure {
    /// The peer left, with the frame.
    Left,
    /// The peer closed with code 1000, which is leaving too.
    ClosedCleanly,
    /// The peer closed with another code, or none.
    ClosedByPeer(Option<u16>),
    /// The line broke.
    Broken,
    /// The peer broke the protocol.
    Violated(Violation),
    /// The server ended it; the words are queued.
    Ended(CloseCode),
    /// A first entry ended before its `welcome`: the seat is returned, not held.
    Undone,
}

impl Connections {
    /// Serves a connection from its upgrade to its end, and keeps `place` as long. Whatever ends a
    /// session, also before its `welcome`, is followed by its departure: the seat is returned or held,
    /// and who gave way is told.
    pub(crate) fn serve(
        self: Arc<Self>,
        upgrade: OnUpgrade,
        connect: Connect,
        place: impl Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        // Boxed: what only the arrival or the departure needs has no place in the session's long life.
        let arrival = Box::pin(Arc::clone(&self).arrive(upgrade, connect));
        async move {
            let Some((mut inside, gone)) = arrival.await else { return };
            let departure = match gone {
                Some(_) if mutants::on(Mutant::B04NoPartingBeforeWelcome) => return,
                Some(departure) => departure,
                None => self.converse(&mut inside).await,
            };
            Box::pin(self.leave(&inside.session, departure)).await;
            drop(place);
        }
    }

    /// Lets a connection in, up to its `welcome`, or refuses it in words and ends it. With the
    /// departure of one that is over before its `welcome`.
    async fn arrive(
        self: Arc<Self>,
        upgrade: OnUpgrade,
        connect: Connect,
    ) -> Option<(Inside, Option<Departure>)> {
        let upgraded = match upgrade.await {
            Ok(upgraded) => upgraded,
            Err(error) => {
                tracing::debug!(event = "ws.not_upgraded", %error, "no WebSocket came of it");
                return None;
            }
        };
        let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
            tracing::error!(event = "ws.transport", "an upgraded connection is no TCP stream");
            return None;
        };
        let stream = Arc::new(parts.io.into_inner());
        let outbox = Outbox::new(stream, self.bounds.outbound_bytes);
        if connect.malformed {
            outbox.finish(None, farewell(CloseCode::BadRequest, false), false);
            self.metrics.closed(CloseCode::BadRequest.status());
            linger(&outbox, false).await;
            return None;
        }
        let session = SessionId(Uuid::new_v4());
        let arrival = Arrival {
            session,
            ticket: &connect.ticket,
            resume: connect.resume.as_deref(),
            beside: connect.beside.as_ref(),
            outbox,
        };
        let code = match self.entry.confirm(arrival).await {
            Ok(Arrived::Entered(entered)) => {
                let gone = self.begin(&entered, connect.since).await.err();
                // A copy: the buffer of the request is larger than what is left in it.
                let unread = BytesMut::from(&parts.read_buf[..]);
                return Some((self.inside(entered.session, unread), gone));
            }
            Ok(Arrived::Undone(link)) => {
                linger(&link.outbox, false).await;
                link.ending().unwrap_or(CloseCode::EntryFailed)
            }
            Err((error, outbox)) => {
                let code = crate::edge::close(error.code());
                outbox.finish(None, farewell(code, false), false);
                linger(&outbox, false).await;
                code
            }
        };
        self.metrics.closed(code.status());
        tracing::info!(
            event = "session.closed",
            %session,
            code = code.status(),
            clean = false,
            "a connection ended that was never let in"
        );
        None
    }

    fn inside(&self, session: Link, buf: BytesMut) -> Inside {
        let limits = Limits {
            message_bytes_max: self.bounds.frame_bytes,
            frames_per_message_max: FRAGMENTS_MAX,
        };
        Inside { session, buf, decoder: Decoder::new(limits), talk: Conversation::default() }
    }

    /// Says `welcome`, and then to who gave way that it did.
    ///
    /// # Errors
    /// The departure of a session that could not be welcomed.
    async fn begin(&self, entered: &Entered, since: Option<i64>) -> Result<(), Departure> {
        let session = &entered.session;
        let is_welcome = self.welcome(entered, since).await;
        self.entry.tell_replaced(session, &entered.replaced);
        if !is_welcome && entered.kind == Entry::First {
            return Err(Departure::Undone);
        }
        if !is_welcome {
            let code = session.ending().unwrap_or(CloseCode::Unavailable);
            return Err(Departure::Ended(code));
        }
        // At once: what is due first, the line or the login, is worked out there.
        self.deadlines.set(Due::Session(session.id), Some(self.clock.now()));
        tracing::info!(
            event = "session.opened",
            session = %session.id,
            user = %session.user,
            room = session.room.0,
            "a session is live"
        );
        Ok(())
    }

    async fn leave(&self, session: &Link, departure: Departure) {
        self.depart(session, &departure).await;
        let has_closed = matches!(
            departure,
            Departure::ClosedCleanly | Departure::ClosedByPeer(_) | Departure::Broken
        );
        linger(&session.outbox, has_closed).await;
    }

    /// Queues `welcome` and the replay. False when it could not be composed: the session ends with
    /// the reason.
    async fn welcome(&self, entered: &Entered, since: Option<i64>) -> bool {
        let session = &entered.session;
        match welcome::compose(self, entered, since).await {
            Ok((head, cursor)) => {
                session.outbox.open(head, cursor);
                true
            }
            Err(error) => {
                tracing::warn!(event = "welcome.failed", session = %session.id, %error,
                    "a welcome could not be composed");
                session.refuse(crate::edge::close(error.code()));
                false
            }
        }
    }

    async fn converse(&self, inside: &mut Inside) -> Departure {
        // Whoever stops the server ends the sessions that are registered; this one may have come
        // right after.
        if self.stopping.is_cancelled() {
            inside.session.end(CloseCode::Restarting);
        }
        loop {
            match self.obey(inside) {
                Next::Depart(departure) => return departure,
                Next::Hear(words) => {
                    if let Some(departure) = Box::pin(self.first_words(inside, words)).await {
                        return departure;
                    }
                }
                Next::Wait => {
                    if poll_fn(|cx| self.wait(inside, cx)).await.is_err() {
                        return Departure::Broken;
                    }
                }
            }
        }
    }

    /// Obeys what was read, as far as it is complete.
    fn obey(&self, inside: &mut Inside) -> Next {
        let Inside { session, buf, decoder, talk } = inside;
        loop {
            match decoder.decode(buf) {
                Ok(None) => break,
                Ok(Some(event)) => {
                    // What was read before the end came is not obeyed after it.
                    if let Some(code) = session.ending() {
                        return Next::Depart(Departure::Ended(code));
                    }
                    if matches!(event, Event::Text(_)) && talk.is_first() {
                        return Next::Hear(event);
                    }
                    if let Some(departure) = self.event(session, talk, event) {
                        return Next::Depart(departure);
                    }
                }
                Err(violation) => return Next::Depart(Departure::Violated(violation)),
            }
        }
        if buf.is_empty() {
            *buf = BytesMut::new();
        }
        session.ending().map_or(Next::Wait, |code| Next::Depart(Departure::Ended(code)))
    }

    /// Only the client itself says words; pongs and closes come from below it, and do not tell that it
    /// has read its new secret.
    async fn first_words(&self, inside: &mut Inside, words: Event) -> Option<Departure> {
        self.entry.heard(&inside.session).await;
        self.event(&inside.session, &mut inside.talk, words)
    }

    /// Waits until there is something to read, to write, or to learn, and does what of it can be done
    /// at once.
    ///
    /// Polled and not awaited as readiness: this task's waker takes the place of the one that the
    /// request's task left with the socket, and with it goes what is left of that task.
    fn wait(&self, inside: &mut Inside, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outbox = &inside.session.outbox;
        let stream = outbox.stream();
        if outbox.poll_woken(cx).is_ready()
            || outbox.is_waiting() && stream.poll_write_ready(cx)?.is_ready()
        {
            return Poll::Ready(outbox.drain().map(drop));
        }
        ready!(stream.poll_read_ready(cx)?);
        if read_some(stream, &mut inside.buf)? && !mutants::on(Mutant::B15LivingPeerDropped) {
            inside.session.hear(self.clock.now());
        }
        Poll::Ready(Ok(()))
    }

    fn event(&self, session: &Link, talk: &mut Conversation, event: Event) -> Option<Departure> {
        match event {
            Event::Text(text) => match handlers::text(self, session, talk, text.as_str()) {
                Flow::Continue => None,
                Flow::Leave => Some(Departure::Left),
                Flow::End(code) => Some(end(session, code)),
            },
            Event::Binary(_) => {
                handlers::bad_frame(self, session, talk, "Only text frames are understood.").map(
                    |code| {
                        session.end(code);
                        Departure::Ended(code)
                    },
                )
            }
            Event::Ping(payload) => {
                session.push(frame::pong(&payload));
                handlers::control(self, talk).map(|code| end(session, code))
            }
            Event::Pong(_) => handlers::control(self, talk).map(|code| end(session, code)),
            Event::Close { code: Some(1000), .. } => Some(Departure::ClosedCleanly),
            Event::Close { code, .. } => Some(Departure::ClosedByPeer(code)),
        }
    }

    /// Gives the seat back or has it held, then says the last words.
    async fn depart(&self, session: &Link, departure: &Departure) {
        let is_clean =
            matches!(departure, Departure::Left | Departure::ClosedCleanly | Departure::Undone);
        let parting = if is_clean { Parting::Clean } else { Parting::Unclean };
        self.entry.close(session, parting).await;
        if mutants::on(Mutant::B27CloseWaitsForTheStore) {
            let store = &self.entry.storage;
            let (grant, at) = (session.generation, self.clock.wall());
            let _ = store.end_membership(session.room, grant, MembershipEnd::Left, at).await;
        }
        // After the registry: see `due`.
        if !mutants::on(Mutant::B22DeadlineKept) {
            self.deadlines.set(Due::Session(session.id), None);
        }
        let (code, last): (u16, Vec<Bytes>) = match departure {
            Departure::Left | Departure::ClosedCleanly => (1000, vec![frame::close(1000, "")]),
            Departure::ClosedByPeer(Some(code)) => (*code, vec![frame::close(*code, "")]),
            Departure::ClosedByPeer(None) => (1005, vec![frame::close_without_code()]),
            Departure::Broken => (1006, Vec::new()),
            Departure::Violated(violation) => {
                let code = violation.close_code();
                (code, vec![frame::close(code, &violation.to_string())])
            }
            Departure::Ended(code) => (code.status(), Vec::new()),
            Departure::Undone => (CloseCode::EntryFailed.status(), Vec::new()),
        };
        session.outbox.finish(None, last, false);
        self.metrics.closed(code);
        tracing::info!(event = "session.closed", session = %session.id, user = %session.user,
            room = session.room.0, code, clean = is_clean, "a session ended");
    }
}

/// Ends a session for what its peer sent.
fn end(session: &Link, code: CloseCode) -> Departure {
    session.end(code);
    Departure::Ended(code)
}

/// Reads once, through the stack. True when something came.
///
/// # Errors
/// The end of the stream too.
fn read_some(stream: &TcpStream, buf: &mut BytesMut) -> io::Result<bool> {
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
async fn read_away(stream: &TcpStream) -> io::Error {
    let mut unread = BytesMut::new();
    loop {
        let read = match stream.readable().await {
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
async fn linger(outbox: &Outbox, has_closed: bool) {
    let stream = outbox.stream();
    let flush = async {
        while !outbox.drain()? {
            stream.writable().await?;
        }
        SockRef::from(stream).shutdown(Shutdown::Write)?;
        if has_closed { Ok(()) } else { Err(read_away(stream).await) }
    };
    // Both a peer that closes and one that never does end here.
    let _ = tokio::time::timeout(LINGER, flush).await;
}

impl Connections {
    /// A session's deadline came: asks whether the peer is there, or ends the session.
    pub(crate) async fn due(&self, id: anteroom_core::ids::SessionId) {
        let next = heartbeat::due(self, id).await;
        self.deadlines.set(Due::Session(id), next);
        // The session may have departed meanwhile and taken its deadline out before this set it.
        if self.entry.hub.get(id).is_none() {
            self.deadlines.set(Due::Session(id), None);
        }
    }
}
