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
use super::line::{Cut, FIRST, Line, mark_of};
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
    index: Mutex<Index>,
}

/// Two ways to find the same sessions.
#[derive(Default)]
struct Index {
    by_name: HashMap<Box<str>, Arc<Line>>,
    /// By the mark of the ticket; of several sessions that presented it, the newest.
    by_ticket: HashMap<Box<[u8]>, Arc<Line>>,
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
        Self { connections, tasks, untold: TaskTracker::new(), index: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks a name up.
    pub(crate) fn find(&self, name: &str, ticket: &str) -> Found {
        let line = self.lock().by_name.get(name).map(Arc::clone);
        match line {
            Some(line) if line.is_of(ticket) => Found::Known(line),
            Some(_) => Found::Foreign,
            None => Found::Unknown,
        }
    }

    /// Opens a session, whose first response is the one returned; or goes on with the one that this ticket
    /// opened under another name, when its client has heard nothing there. `None` when the name was taken
    /// meanwhile.
    pub(crate) fn open(
        self: &Arc<Self>,
        name: &str,
        connect: Connect,
        (transport, cut): (Transport, Option<Cut>),
    ) -> Option<Receiver> {
        let mut index = self.lock();
        if index.by_name.contains_key(name) {
            return None;
        }
        let earlier = index.by_ticket.get(mark_of(&connect.ticket).as_ref()).map(Arc::clone);
        if let Some(line) = earlier {
            let was = line.name();
            if let Some(turn) = line.moves(name, cut.clone()) {
                index.by_name.remove(&was);
                index.by_name.insert(name.into(), Arc::clone(&line));
                tracing::debug!(
                    event = "sockjs.moved",
                    transport = transport.as_str(),
                    "a client goes on over another transport"
                );
                return Some(Receiver::new(line, turn, transport));
            }
        }
        let line = Arc::new(Line::new(name, &connect.ticket, cut));
        index.by_name.insert(name.into(), Arc::clone(&line));
        index.by_ticket.insert(line.mark().into(), Arc::clone(&line));
        drop(index);
        tracing::debug!(
            event = "sockjs.opened",
            transport = transport.as_str(),
            "a session over HTTP begins"
        );
        let receiver = Receiver::new(Arc::clone(&line), FIRST, transport);
        self.tasks.spawn(keeper::keep(Arc::clone(self), line, connect));
        Some(receiver)
    }

    /// The next response of a session. `None` while another is attached.
    pub(crate) fn attach(
        &self,
        line: &Arc<Line>,
        (transport, cut): (Transport, Option<Cut>),
    ) -> Option<Receiver> {
        let turn = line.attach(cut)?;
        self.hear(line);
        Some(Receiver::new(Arc::clone(line), turn, transport))
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

    pub(super) fn forget(&self, line: &Arc<Line>) {
        let mut index = self.lock();
        let is_it = |found: Option<&Arc<Line>>| found.is_some_and(|found| Arc::ptr_eq(found, line));
        let name = line.name();
        if is_it(index.by_name.get(&name)) {
            index.by_name.remove(&name);
        }
        if is_it(index.by_ticket.get(line.mark())) {
            index.by_ticket.remove(line.mark());
        }
    }
}
