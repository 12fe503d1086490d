//! One connection, from the upgrade to the last byte: a single task that reads, hands frames to the
//! handlers, and writes what the socket would not take at once.
//!
//! Idle it holds no buffer: the read goes through the stack, and what is left of an unfinished frame
//! is all that is kept. It decides nothing about seats; it tells [`crate::entry`] how it ended.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use anteroom_core::mutants::{self, Mutant};
use anteroom_protocol::CloseCode;
use bytes::{Bytes, BytesMut};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::decode::{Decoder, Event, Limits};
use super::frame;
use super::handlers::{self, Conversation};
use super::passage::{Connect, Connections, Departure, Presented, end};
use crate::hub::Link;
use crate::hub::form::Form;
use crate::hub::outbox::Outbox;
use crate::socket::Socket;
use crate::sockjs::frame as sockjs;

/// Bytes read at once.
const READ_CHUNK: usize = 8 << 10;
/// Fragments in one message before 1008.
const FRAGMENTS_MAX: u32 = 1_024;
/// How long a close may take to be written and answered.
const LINGER: Duration = Duration::from_secs(1);

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
        let Some((socket, read)) = taken_over(upgraded) else {
            tracing::error!(event = "ws.transport", "an upgraded connection is no TCP stream");
            return None;
        };
        let stream = Arc::new(socket);
        let bytes_max = self.bounds.load().outbound_bytes;
        let outbox = if connect.form == Form::Framed {
            // At once: such a client takes a transport that says nothing for one that does not work.
            let outbox = Outbox::framed(stream, bytes_max, frame::text(sockjs::OPEN));
            outbox.drain().ok()?;
            outbox
        } else {
            Outbox::new(stream, bytes_max)
        };
        match self.present(&connect, outbox).await {
            Presented::In(session, gone) => {
                // A copy: the buffer of the request is larger than what is left in it.
                let unread = BytesMut::from(&read[..]);
                Some((self.inside(session, unread), gone))
            }
            Presented::Out(turned) => {
                linger(turned.outbox(), false).await;
                self.turned_away(&turned);
                None
            }
        }
    }

    fn inside(&self, session: Link, buf: BytesMut) -> Inside {
        let limits = Limits {
            message_bytes_max: self.bounds.load().frame_bytes,
            frames_per_message_max: FRAGMENTS_MAX,
        };
        Inside { session, buf, decoder: Decoder::new(limits), talk: Conversation::default() }
    }

    async fn leave(&self, session: &Link, departure: Departure) {
        self.depart(session, &departure).await;
        let has_closed = matches!(
            departure,
            Departure::ClosedCleanly | Departure::ClosedByPeer(_) | Departure::Broken
        );
        linger(&session.outbox, has_closed).await;
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
        let Some(stream) = outbox.stream() else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
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
            Event::Text(text) if session.outbox.form() == Form::Framed => {
                self.framed_texts(session, talk, text.as_str())
            }
            Event::Text(text) => self.text(session, talk, text.as_str()),
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

    /// Obeys the texts in what a peer sent that speaks SockJS.
    fn framed_texts(
        &self,
        session: &Link,
        talk: &mut Conversation,
        sent: &str,
    ) -> Option<Departure> {
        let Ok(texts) = sockjs::socket_texts(sent) else { return Some(Departure::BrokenFraming) };
        for text in texts {
            if let Some(departure) = self.text(session, talk, &text) {
                return Some(departure);
            }
            if let Some(code) = session.ending() {
                return Some(Departure::Ended(code));
            }
        }
        None
    }
}

/// What was upgraded, with what was read of it already.
fn taken_over(upgraded: Upgraded) -> Option<(Socket, Bytes)> {
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => return Some((parts.io.into_inner().into(), parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    let parts = upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>().ok()?;
    Some((parts.io.into_inner().into(), parts.read_buf))
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
async fn linger(outbox: &Outbox, has_closed: bool) {
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
