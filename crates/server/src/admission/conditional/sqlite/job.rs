//! The thread that decides, and how verbs reach it.
//!
//! Verbs queue up for one thread and share transactions (group commit, see
//! [`crate::storage::sqlite`]). The queue is bounded, and so is the time: a verb that did not start
//! in time is taken back, so that it never runs; one that started is waited for, and what bounds it
//! is how long the database may be locked. So whoever asked always knows what happened.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::admission::conditional::Aftercare;
use crate::admission::conditional::answer::{Asked, Decision, report};
use crate::admission::conditional::transaction::{Fault, Fetched};
use crate::admission::{Decided, Journal, Unavailable};
use crate::pace::Pace;
use crate::storage::sqlite::open::{self, Form, OpenError, Synchronous};
use crate::storage::sqlite::readers::Readers;
use crate::storage::sqlite::writer::{Job, Writer};
use crate::storage::{StorageError, Stored};

/// The seat store's file: what it is known by, and how it is founded.
const FORM: Form = Form {
    // "AntS" in ASCII: neither store is taken for the other.
    application_id: 0x416e_7453,
    migrations: &[
        include_str!("../../../../migrations/seats/0001_founding.sql"),
        include_str!("../../../../migrations/seats/0002_belongs.sql"),
        include_str!("../../../../migrations/seats/0003_stream_names.sql"),
    ],
    compatible_from: 3,
    lock_file: "seats.lock",
    synchronous: Synchronous::Normal,
};

const READERS: usize = 2;

/// How much the seat store takes on at once, and for how long anybody waits for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Verbs that may wait; more are refused.
    pub(crate) queue: usize,
    /// Verbs that may share one transaction.
    pub(crate) group: usize,
    /// How long another process may hold the database before what waits is refused.
    pub(crate) busy_timeout: Duration,
    /// How long a verb waits to be started, and a read for a reader.
    pub(crate) patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue: 1024,
            group: 256,
            busy_timeout: Duration::from_secs(1),
            patience: Duration::from_secs(2),
        }
    }
}

/// The database file and its thread. Dropping it finishes what was taken, and blocks until then.
pub(in crate::admission::conditional) struct Store {
    jobs: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    readers: Readers,
    patience: Duration,
    care: Arc<dyn Aftercare>,
}

impl Store {
    pub(in crate::admission::conditional) fn open(
        path: &Path,
        options: Options,
        fatal: CancellationToken,
        care: Arc<dyn Aftercare>,
    ) -> Result<Self, OpenError> {
        let lock = open::lock(path, &FORM)?;
        let conn = open::writer(path, options.busy_timeout, &FORM)?;
        let readers = (0..READERS)
            .map(|_| open::reader(path, options.busy_timeout))
            .collect::<Result<Vec<_>, _>>()?;
        let (sender, jobs) = mpsc::channel(options.queue.max(1));
        let group = options.group.max(1);
        let writer = Writer { conn, jobs, group, fatal, lock, lost: Pace::default() };
        let thread = std::thread::Builder::new()
            .name("seats-writer".into())
            .spawn(move || writer.run())
            .map_err(|source| OpenError::File { path: path.into(), source })?;
        Ok(Self {
            jobs: Mutex::new(Some(sender)),
            thread: Mutex::new(Some(thread)),
            readers: Readers::new(readers, options.patience),
            patience: options.patience,
            care,
        })
    }

    /// Decides a verb on the store's thread, inside a transaction that is committed before this
    /// answers.
    pub(in crate::admission::conditional) async fn decide<R, F>(
        &self,
        verb: F,
    ) -> Decided<(R, Journal)>
    where
        R: Send + 'static,
        F: FnOnce(&Connection) -> Fetched<Decision<R>> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let turn = Arc::new(Turn::default());
        let care = Arc::clone(&self.care);
        let task = Task {
            verb: Some(verb),
            outcome: None,
            turn: Arc::clone(&turn),
            answer: sender,
            care: Arc::clone(&care),
        };
        self.hand_over(Box::new(task))?;
        let mut asked = Asked { receiver, care };
        let answer = match tokio::time::timeout(self.patience, &mut asked.receiver).await {
            Ok(answer) => answer,
            Err(_) if turn.take_back() => {
                return Err(Unavailable("the seat store did not come to it in time".into()));
            }
            Err(_) => (&mut asked.receiver).await,
        };
        answer.unwrap_or_else(|_| Err(closed()))
    }

    fn hand_over(&self, job: Box<dyn Job>) -> Decided<()> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = jobs.as_ref() else { return Err(closed()) };
        sender.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                Unavailable("the queue of the seat store is full".into())
            }
            mpsc::error::TrySendError::Closed(_) => closed(),
        })
    }

    /// Looks something up on a connection that only reads. What was answered before is seen.
    pub(in crate::admission::conditional) async fn read<R, F>(&self, look: F) -> Decided<R>
    where
        R: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<R> + Send + 'static,
    {
        let look = move |conn: &Connection| -> Stored<R> {
            // One transaction, so that several statements see one state.
            let transaction = conn.unchecked_transaction()?;
            Ok(look(&transaction)?)
        };
        self.readers.read(look).await.map_err(|error: StorageError| Unavailable(error.to_string()))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            drop(thread.join());
        }
    }
}

fn closed() -> Unavailable {
    Unavailable("the seat store is closed".into())
}

/// Whether a verb has begun, or was taken back before.
#[derive(Default)]
struct Turn(AtomicU8);

impl Turn {
    const WAITS: u8 = 0;
    const BEGUN: u8 = 1;
    const TAKEN_BACK: u8 = 2;

    /// True unless it was taken back.
    fn begin(&self) -> bool {
        self.settle(Self::BEGUN)
    }

    /// True unless it has begun.
    fn take_back(&self) -> bool {
        self.settle(Self::TAKEN_BACK)
    }

    fn settle(&self, to: u8) -> bool {
        self.0.compare_exchange(Self::WAITS, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// A verb in the queue.
struct Task<R, F> {
    verb: Option<F>,
    outcome: Option<Fetched<Decision<R>>>,
    turn: Arc<Turn>,
    answer: oneshot::Sender<Decided<(R, Journal)>>,
    care: Arc<dyn Aftercare>,
}

impl<R, F> Job for Task<R, F>
where
    R: Send,
    F: FnOnce(&Connection) -> Fetched<Decision<R>> + Send,
{
    fn run(&mut self, conn: &Connection) -> bool {
        let Some(verb) = self.verb.take().filter(|_| self.turn.begin()) else { return false };
        // The connection is whole after a panic, and what it changed is rolled back.
        let outcome = catch_unwind(AssertUnwindSafe(|| verb(conn)))
            .unwrap_or_else(|_| Err(Fault::Broken("a verb panicked".into())));
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn settle(self: Box<Self>, lost: Option<&str>) {
        let answer = match (self.outcome, lost) {
            (Some(Ok(decision)), None) => {
                // On this thread, so that the deadlines of one room are noted in its steps' order.
                self.care.note_deadlines(&decision.deadlines);
                Ok((decision.answer, decision.journal))
            }
            (Some(Err(fault)), _) => {
                report(&fault);
                Err(Unavailable(fault.to_string()))
            }
            (_, lost) => Err(Unavailable(lost.unwrap_or("the verb was not decided").to_owned())),
        };
        if let Err(Ok((_, journal))) = self.answer.send(answer) {
            self.care.adopt(journal);
        }
    }
}
