//! From a ticket to a session, and from a session to its end, whatever carries its frames.
//!
//! The bytes belong to whoever calls: [`super::connection`] for a WebSocket. Here is what holds for
//! every session: how it is let in and welcomed, what its words do, and how it departs.

use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::SessionId;
use anteroom_core::mutants::{self, Mutant};
use anteroom_core::seat::{Entry, Parting};
use anteroom_protocol::CloseCode;
use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::decode::Violation;
use super::handlers::{self, Conversation, Flow};
use super::{frame, heartbeat, welcome};
use crate::clock::Clock;
use crate::entry::{self, Arrival, Arrived, Entered};
use crate::hub::form::Form;
use crate::hub::outbox::Outbox;
use crate::hub::{Link, farewell};
use crate::messages::{Delivery, History, MessageLog};
use crate::metrics::Metrics;
use crate::storage::MembershipEnd;
use crate::sweeper::{Deadlines, Due};
use crate::tokens::Identity;
use crate::traces::{self, Own};

/// How SockJS says that a text was none of its own.
const BROKEN_FRAMING: (u16, &str) = (3000, "Broken framing.");

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
    pub(crate) bounds: ArcSwap<Bounds>,
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
    /// How its transport writes frames.
    pub(crate) form: Form,
}

/// What became of a connection that presented a ticket.
pub(crate) enum Presented {
    /// It was let in; with the departure of a session that is over before its `welcome`.
    In(Link, Option<Departure>),
    /// It was not; the words are queued.
    Out(Turned),
}

/// A connection that was never let in.
pub(crate) struct Turned {
    session: SessionId,
    code: CloseCode,
    outgoing: Outgoing,
}

/// Where the last words of such a connection wait.
enum Outgoing {
    Bare(Outbox),
    Undone(Link),
}

impl Turned {
    /// Where the words wait.
    pub(crate) fn outbox(&self) -> &Outbox {
        match &self.outgoing {
            Outgoing::Bare(outbox) => outbox,
            Outgoing::Undone(link) => &link.outbox,
        }
    }
}

/// How a session ended.
pub(crate) enum Departure {
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
    /// What the peer sent is no SockJS.
    BrokenFraming,
    /// The server ended it; the words are queued.
    Ended(CloseCode),
    /// A first entry ended before its `welcome`: the seat is returned, not held.
    Undone,
}

impl Departure {
    /// The peer closed, with this code.
    pub(super) fn closed(code: Option<u16>) -> Self {
        if code == Some(1000) { Self::ClosedCleanly } else { Self::ClosedByPeer(code) }
    }

    /// Whether the peer says nothing any more.
    pub(super) fn has_closed(&self) -> bool {
        matches!(self, Self::ClosedCleanly | Self::ClosedByPeer(_) | Self::Broken)
    }

    /// The code it ends with, and the frames that are still to be said.
    pub(super) fn last_words(&self) -> (u16, Vec<Bytes>) {
        match self {
            Self::Left | Self::ClosedCleanly => (1000, vec![frame::close(1000, "")]),
            Self::ClosedByPeer(Some(code)) => (*code, vec![frame::close(*code, "")]),
            Self::ClosedByPeer(None) => (1005, vec![frame::close_without_code()]),
            Self::Broken => (1006, Vec::new()),
            Self::Violated(violation) => {
                let code = violation.close_code();
                (code, vec![frame::close(code, &violation.to_string())])
            }
            Self::BrokenFraming => {
                (BROKEN_FRAMING.0, vec![frame::close(BROKEN_FRAMING.0, BROKEN_FRAMING.1)])
            }
            Self::Ended(code) => (code.status(), Vec::new()),
            Self::Undone => (CloseCode::EntryFailed.status(), Vec::new()),
        }
    }
}

impl Connections {
    /// Lets a connection in, up to its `welcome`, or refuses it in words.
    pub(crate) async fn present(&self, connect: &Connect, outbox: Outbox) -> Presented {
        let own = || Own::step("anteroom.entry.confirm");
        self.entry.aftermath.traces.scope(own, self.judge(connect, outbox)).await
    }

    async fn judge(&self, connect: &Connect, outbox: Outbox) -> Presented {
        let session = SessionId(Uuid::new_v4());
        let turned = |code, outgoing| Presented::Out(Turned { session, code, outgoing });
        if connect.malformed {
            let code = CloseCode::BadRequest;
            traces::outcome("bad_request");
            outbox.finish(None, farewell(code, false), false);
            return turned(code, Outgoing::Bare(outbox));
        }
        let arrival = Arrival {
            session,
            ticket: &connect.ticket,
            resume: connect.resume.as_deref(),
            beside: connect.beside.as_ref(),
            outbox,
        };
        match self.entry.confirm(arrival).await {
            Ok(Arrived::Entered(entered)) => {
                traces::outcome(crate::view::entry_word(entered.kind));
                let gone = self.begin(&entered, connect.since).await.err();
                Presented::In(entered.session, gone)
            }
            Ok(Arrived::Undone(link)) => {
                traces::outcome("undone");
                turned(link.ending().unwrap_or(CloseCode::EntryFailed), Outgoing::Undone(link))
            }
            Err((error, outbox)) => {
                traces::outcome(error.code().as_str());
                let code = crate::edge::close(error.code());
                outbox.finish(None, farewell(code, false), false);
                turned(code, Outgoing::Bare(outbox))
            }
        }
    }

    /// Notes that a connection ended that was never let in.
    pub(crate) fn turned_away(&self, turned: &Turned) {
        self.metrics.closed(turned.code.status());
        tracing::info!(
            event = "session.closed",
            session = %turned.session,
            code = turned.code.status(),
            clean = false,
            "a connection ended that was never let in"
        );
    }

    /// Says `welcome`, and then to who gave way that it did.
    ///
    /// # Errors
    /// The departure of a session that could not be welcomed.
    async fn begin(&self, entered: &Entered, since: Option<i64>) -> Result<(), Departure> {
        let session = &entered.session;
        let welcome = self.welcome(entered, since);
        let is_welcome = traces::part("anteroom.entry.welcome", welcome).await;
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

    /// Obeys one text of a client. With the departure that it leads to, if it does.
    pub(crate) fn text(
        &self,
        session: &Link,
        talk: &mut Conversation,
        text: &str,
    ) -> Option<Departure> {
        match handlers::text(self, session, talk, text) {
            Flow::Continue => None,
            Flow::Leave => Some(Departure::Left),
            Flow::End(code) => Some(end(session, code)),
        }
    }

    /// Gives the seat back or has it held, then says the last words.
    pub(crate) async fn depart(&self, session: &Link, departure: &Departure) {
        let own = || {
            let code = i64::from(departure.last_words().0);
            Own::step("anteroom.session.close").with(traces::key::CLOSE, code)
        };
        let departing = async {
            traces::belongs(session.room, session.generation);
            self.part_with(session, departure).await;
        };
        self.entry.aftermath.traces.scope(own, departing).await;
    }

    async fn part_with(&self, session: &Link, departure: &Departure) {
        let is_clean =
            matches!(departure, Departure::Left | Departure::ClosedCleanly | Departure::Undone);
        let parting = if is_clean { Parting::Clean } else { Parting::Unclean };
        traces::outcome(if is_clean { "left" } else { "lost" });
        traces::part("anteroom.seat.close", self.entry.close(session, parting)).await;
        if mutants::on(Mutant::B27CloseWaitsForTheStore) {
            let store = &self.entry.storage;
            let (grant, at) = (session.generation, self.clock.wall());
            let _ = store.end_membership(session.room, grant, MembershipEnd::Left, at).await;
        }
        // After the registry: see `due`.
        if !mutants::on(Mutant::B22DeadlineKept) {
            self.deadlines.set(Due::Session(session.id), None);
        }
        let (code, last) = departure.last_words();
        session.outbox.finish(None, last, false);
        self.metrics.closed(code);
        tracing::info!(event = "session.closed", session = %session.id, user = %session.user,
            room = session.room.0, code, clean = is_clean, "a session ended");
    }

    /// A session's deadline came: asks whether the peer is there, or ends the session.
    pub(crate) async fn due(&self, id: SessionId) {
        let next = heartbeat::due(self, id).await;
        self.deadlines.set(Due::Session(id), next);
        // The session may have departed meanwhile and taken its deadline out before this set it.
        if self.entry.hub.get(id).is_none() {
            self.deadlines.set(Due::Session(id), None);
        }
    }
}

/// Ends a session for what its peer sent.
pub(super) fn end(session: &Link, code: CloseCode) -> Departure {
    session.end(code);
    Departure::Ended(code)
}
