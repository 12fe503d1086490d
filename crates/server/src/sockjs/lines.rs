//! The sessions over HTTP by the names that their clients gave them.
//!
//! A name is found only together with the ticket that opened it. A session stays for as long as a client may
//! still ask what became of it, and is then forgotten with everything that was said to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::keeper;
use super::line::{Cut, Line};
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
    by_name: Mutex<HashMap<Box<str>, Arc<Line>>>,
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
    /// No sessions yet; those to come live on `tasks`.
    pub(crate) fn new(connections: Arc<Connections>, tasks: TaskTracker) -> Self {
        Self { connections, tasks, untold: TaskTracker::new(), by_name: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<Line>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks a name up.
    pub(crate) fn find(&self, name: &str, ticket: &str) -> Found {
        let line = self.lock().get(name).map(Arc::clone);
        match line {
            Some(line) if line.is_of(ticket) => Found::Known(line),
            Some(_) => Found::Foreign,
            None => Found::Unknown,
        }
    }

    /// Opens a session, whose first response is the one returned. `None` when the name was taken meanwhile.
    pub(crate) fn open(
        self: &Arc<Self>,
        name: &str,
        connect: Connect,
        (transport, cut): (Transport, Option<Cut>),
    ) -> Option<Receiver> {
        let line = Arc::new(Line::new(&connect.ticket, self.connections.bounds.frame_bytes));
        line.attach(cut);
        {
            let mut lines = self.lock();
            if lines.contains_key(name) {
                return None;
            }
            lines.insert(name.into(), Arc::clone(&line));
        }
        tracing::debug!(
            event = "sockjs.opened",
            transport = transport.as_str(),
            "a session over HTTP begins"
        );
        let receiver = Receiver::new(Arc::clone(&line), transport);
        self.tasks.spawn(keeper::keep(Arc::clone(self), name.into(), line, connect));
        Some(receiver)
    }

    /// The next response of a session. `None` while another is attached.
    pub(crate) fn attach(
        &self,
        line: &Arc<Line>,
        (transport, cut): (Transport, Option<Cut>),
    ) -> Option<Receiver> {
        if !line.attach(cut) {
            return None;
        }
        self.hear(line);
        Some(Receiver::new(Arc::clone(line), transport))
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

    pub(super) fn forget(&self, name: &str) {
        self.lock().remove(name);
    }
}
