//! The sessions over HTTP by the names that their clients gave them.
//!
//! A name is found only together with the ticket that opened it. A session stays for as long as a client may
//! still ask what became of it, and is then forgotten with everything that was said to it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::keeper;
use super::line::{Cut, Line, Unattached};
use super::names::Names;
use super::receiver::Receiver;
use super::transport::Transport;
use crate::ws::{Connect, Connections};

/// How long a server that stops goes on for those who have yet to ask.
const STOP_MAX: Duration = Duration::from_secs(2);

/// Every session over HTTP of this node.
pub(crate) struct Lines {
    pub(super) connections: Arc<Connections>,
    tasks: TaskTracker,
    /// Those who have yet to hear that their session is over.
    pub(super) untold: TaskTracker,
    names: Arc<Names>,
}

/// What a name stands for.
pub(crate) enum Found {
    /// The session that this ticket opened.
    Known(Arc<Line>),
    /// Another ticket's.
    Foreign,
    /// Nothing.
    Unknown,
}

impl Lines {
    /// No sessions yet; those to come, at most `max` at once, live on `tasks`.
    pub(crate) fn new(
        connections: &Arc<Connections>,
        tasks: &TaskTracker,
        max: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            connections: Arc::clone(connections),
            tasks: tasks.clone(),
            untold: TaskTracker::new(),
            names: Arc::new(Names::new(max)),
        })
    }

    /// Looks a name up.
    pub(crate) fn find(&self, name: &str, ticket: &str) -> Found {
        match self.names.find(name) {
            Some(line) if line.is_of(ticket) => Found::Known(line),
            Some(_) => Found::Foreign,
            None => Found::Unknown,
        }
    }

    /// Opens a session, whose first response is the one returned.
    ///
    /// # Errors
    /// The name was taken meanwhile, or there are as many sessions as may be. The ticket was not presented.
    pub(crate) fn open(
        self: &Arc<Self>,
        name: &str,
        connect: Connect,
        (transport, cut): (Transport, Option<Cut>),
    ) -> Result<Receiver, Unattached> {
        let bounds = self.connections.bounds.load();
        let line = Arc::new(Line::new(&connect.ticket, bounds.frame_bytes, bounds.silence));
        line.attach(cut)?;
        let named = self.names.give(name, &line)?;
        tracing::debug!(
            event = "sockjs.opened",
            transport = transport.as_str(),
            "a session over HTTP begins"
        );
        let receiver = Receiver::new(line, transport);
        self.tasks.spawn(keeper::keep(Arc::clone(self), named, connect));
        Ok(receiver)
    }

    /// The next response of a session.
    ///
    /// # Errors
    /// Another is attached, or the session is over.
    pub(crate) fn attach(
        &self,
        line: &Arc<Line>,
        (transport, cut): (Transport, Option<Cut>),
    ) -> Result<Receiver, Unattached> {
        line.attach(cut)?;
        self.hear(line);
        Ok(Receiver::new(Arc::clone(line), transport))
    }

    /// Notes that the client of a session is there.
    pub(crate) fn hear(&self, line: &Line) {
        if let Some(session) = line.session() {
            session.hear(self.connections.clock.now());
        }
    }

    /// Resolves when everybody has heard that the server stops; whoever does not ask in time is not waited
    /// for. Until then requests have to be taken: who polls asks once more.
    pub(crate) async fn told(&self) {
        self.untold.close();
        let _ = timeout(STOP_MAX, self.untold.wait()).await;
    }
}
