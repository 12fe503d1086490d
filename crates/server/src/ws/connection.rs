//! One connection, from the upgrade to the last byte: a single task that reads, hands frames to the
//! handlers, and writes what the socket would not take at once.
//!
//! How it reads and waits is [`super::reading`]'s. It decides nothing about seats; it tells
//! [`crate::entry`] how it ended.

use std::sync::Arc;

use anteroom_core::mutants::{self, Mutant};
use anteroom_protocol::CloseCode;
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::decode::Event;
use super::frame;
use super::handlers::{self, Conversation};
use super::passage::{Connect, Connections, Departure, Presented, end};
use super::reading::{Hearer, Reading, linger};
use crate::hub::Link;
use crate::hub::form::Form;
use crate::hub::outbox::Outbox;
use crate::socket::Socket;
use crate::sockjs::frame as sockjs;

/// A connection that was let in. All that an idle session's task holds.
struct Inside {
    session: Link,
    reading: Reading,
    talk: Conversation,
}

/// A session as who hears what its peer says.
struct Seated<'c> {
    all: &'c Connections,
    session: &'c Link,
    talk: &'c mut Conversation,
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
        let (stream, unread) = upgraded(upgrade).await?;
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
                let reading = Reading::new(&unread, self.bounds.load().frame_bytes);
                Some((Inside { session, reading, talk: Conversation::default() }, gone))
            }
            Presented::Out(turned) => {
                linger(turned.outbox(), false).await;
                self.turned_away(&turned);
                None
            }
        }
    }

    async fn leave(&self, session: &Link, departure: Departure) {
        self.depart(session, &departure).await;
        linger(&session.outbox, departure.has_closed()).await;
    }

    async fn converse(&self, inside: &mut Inside) -> Departure {
        // Whoever stops the server ends the sessions that are registered; this one may have come
        // right after.
        if self.stopping.is_cancelled() {
            inside.session.end(CloseCode::Restarting);
        }
        let Inside { session, reading, talk } = inside;
        reading.converse(&mut Seated { all: self, session, talk }).await
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
            Event::Close { code, .. } => Some(Departure::closed(code)),
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

impl Hearer for Seated<'_> {
    fn outbox(&self) -> &Outbox {
        &self.session.outbox
    }

    fn hear(&self) {
        if !mutants::on(Mutant::B15LivingPeerDropped) {
            self.session.hear(self.all.clock.now());
        }
    }

    /// Only the client itself says words; pongs and closes come from below it, and do not tell that it
    /// has read its new secret.
    fn is_first(&mut self, event: &Event) -> bool {
        matches!(event, Event::Text(_)) && self.talk.is_first()
    }

    async fn first_words(&mut self, words: Event) -> Option<Departure> {
        self.all.entry.heard(self.session).await;
        self.event(words)
    }

    fn event(&mut self, event: Event) -> Option<Departure> {
        self.all.event(self.session, self.talk, event)
    }
}

/// The connection that an upgrade leads to, and what of it was read with the request. `None` when none
/// came of it.
pub(super) async fn upgraded(upgrade: OnUpgrade) -> Option<(Arc<Socket>, Bytes)> {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(event = "ws.not_upgraded", %error, "no WebSocket came of it");
            return None;
        }
    };
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => return Some((Arc::new(parts.io.into_inner().into()), parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    let Ok(parts) = upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>() else {
        tracing::error!(event = "ws.transport", "an upgraded connection is no TCP stream");
        return None;
    };
    Some((Arc::new(parts.io.into_inner().into()), parts.read_buf))
}
