//! How verbs reach the database: one connection and one transaction each, begun anew where another verb
//! was in the way.
//!
//! The future of a verb stays on one thread, so each runs on a thread of its own; there are never more
//! than connections. It goes on when whoever asked has gone away. Where a commit's answer is lost nobody
//! knows what happened: the answer is [`Unavailable`], every verb is safe to repeat, and the rooms are
//! looked at again soon.

use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::{Owner, RoomId};
use deadpool_postgres::Object;
use tokio::sync::{Semaphore, oneshot};

use super::{Locks, PostgresTransaction};
use crate::admission::conditional::Aftercare;
use crate::admission::conditional::answer::{Asked, Decision, report};
use crate::admission::conditional::book::{Book, Rules};
use crate::admission::conditional::store::OpenTransaction;
use crate::admission::conditional::transaction::{Fault, Fetched};
use crate::admission::{Decided, Journal, Unavailable};
use crate::clock::Clock;
use crate::storage::StorageError;
use crate::storage::postgres::lines::Lines;
use crate::storage::postgres::open::{self, Schema};
use crate::storage::postgres::{OpenError, PostgresOptions, error, nodes};

/// How often a verb is begun anew.
const TRIES: usize = 16;
/// A room whose step may have been taken without an answer is looked at after this.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

const SEATS: Schema = Schema {
    table: "anteroom_seats_schema",
    is_first: false,
    migrations: &[include_str!("../../../../migrations/seats_postgres/0001_founding.sql")],
    compatible_from: 1,
};

/// How much the seat store takes on at once, and for how long anybody waits for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Connections at once.
    pub(crate) connections: usize,
    /// Verbs that may run or wait; more are refused.
    pub(crate) queue: usize,
    /// How long a verb waits for a connection.
    pub(crate) patience: Duration,
    /// How long it has from then on.
    pub(crate) timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: 8,
            queue: 1024,
            patience: Duration::from_secs(2),
            timeout: Duration::from_secs(2),
        }
    }
}

/// The seats in a database, as one node sees them.
pub(in crate::admission::conditional) struct Store {
    pub(super) lines: Lines,
    places: Arc<Semaphore>,
    timeout: Duration,
    care: Arc<dyn Aftercare>,
    /// Which life of which node this is, where there are several.
    life: Option<Owner>,
}

impl Store {
    /// Opens the seats in the database of the facts, founding them if there are none.
    ///
    /// # Errors
    /// In words for the person who starts the server.
    pub(in crate::admission::conditional) async fn open(
        url: &str,
        options: Options,
        care: Arc<dyn Aftercare>,
        life: Option<Owner>,
    ) -> Result<Self, OpenError> {
        let address = open::address(url, options.patience)?;
        open::prepare(&address, &SEATS).await?;
        let Options { connections, queue, patience, timeout } = options;
        let of_lines =
            PostgresOptions { connections, queue, patience, timeout, alone: false, events: false };
        let lines =
            Lines::new(address, of_lines).map_err(|why| OpenError::Pool(why.to_string()))?;
        Ok(Self { lines, places: Arc::new(Semaphore::new(queue.max(1))), timeout, care, life })
    }

    /// Decides a verb inside a transaction that is committed before this answers.
    pub(in crate::admission::conditional) async fn decide<R, F>(
        &self,
        (rules, clock): (Rules, Arc<Clock>),
        verb: F,
    ) -> Decided<(R, Journal)>
    where
        R: Send + 'static,
        F: for<'b, 'c> AsyncFn(&'b mut Book<'_, OpenTransaction<'c>>) -> Fetched<R>
            + Send
            + 'static,
    {
        let full = |_| Unavailable("too many verbs wait for the seat store".into());
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(full)?;
        let away = |error: StorageError| Unavailable(error.to_string());
        let line = self.lines.line().await.map_err(away)?;
        let (sender, receiver) = oneshot::channel();
        let care = Arc::clone(&self.care);
        let mut asked = Asked { receiver, care: Arc::clone(&care) };
        let (timeout, life) = (self.timeout, self.life);
        let task = Task { rules, clock, timeout, care: Arc::clone(&care), life };
        let runtime = tokio::runtime::Handle::current();
        // Given up with its caller only before it begins.
        tokio::task::spawn_blocking(move || {
            let answer = runtime.block_on(task.run(line, verb));
            drop(place);
            if let Err(Ok((_, journal))) = sender.send(answer) {
                care.adopt(journal);
            }
        });
        let lost = || Unavailable("a verb panicked".into());
        (&mut asked.receiver).await.unwrap_or_else(|_| Err(lost()))
    }
}

/// A verb that has its connection.
struct Task {
    rules: Rules,
    clock: Arc<Clock>,
    timeout: Duration,
    care: Arc<dyn Aftercare>,
    life: Option<Owner>,
}

/// How a verb ended.
enum End {
    /// It was undone, and why.
    Undone(Fault),
    /// Nobody knows whether it was committed.
    InDoubt(error::Fault),
}

impl Task {
    async fn run<R, F>(self, mut line: Object, verb: F) -> Decided<(R, Journal)>
    where
        F: for<'b, 'c> AsyncFn(&'b mut Book<'_, OpenTransaction<'c>>) -> Fetched<R>,
    {
        let mut noted = Vec::new();
        let decided = self.decided(&mut line, &verb, &mut noted);
        let (is_usable, why) = match tokio::time::timeout(self.timeout, decided).await {
            Ok(Ok(Decision { answer, journal, .. })) => return Ok((answer, journal)),
            Ok(Err(End::Undone(fault))) => {
                report(&fault);
                (!line.is_closed(), fault.to_string())
            }
            Ok(Err(End::InDoubt(fault))) => {
                (!fault.broke_the_line(), StorageError::from(fault).to_string())
            }
            Err(_) => (false, "the seat store did not answer in time".to_owned()),
        };
        if !is_usable {
            drop(Object::take(line));
        }
        // What was noted is of a step that may not have been taken.
        let soon = self.clock.now().after(LOOK_AGAIN);
        let again: Vec<_> = noted.into_iter().map(|room| (room, Some(soon))).collect();
        self.care.note_deadlines(&again);
        Err(Unavailable(why))
    }

    /// Decides, beginning anew where another verb was in the way. `noted` gets the rooms whose deadlines
    /// were told.
    async fn decided<R, F>(
        &self,
        line: &mut Object,
        verb: &F,
        noted: &mut Vec<RoomId>,
    ) -> Result<Decision<R>, End>
    where
        F: for<'b, 'c> AsyncFn(&'b mut Book<'_, OpenTransaction<'c>>) -> Fetched<R>,
    {
        let mut needed = Locks::default();
        let mut late = Fault::Store("too many verbs want the same".into());
        for _ in 0..TRIES {
            let on = line.transaction().await.map_err(undone)?;
            let transaction = match PostgresTransaction::begin(&on, &needed).await {
                Ok(transaction) => transaction,
                Err(fault) if fault.lost_a_race() => continue,
                Err(fault) => return Err(undone(fault)),
            };
            let mut transaction = OpenTransaction::Postgres(transaction);
            let mut book = Book::new(&mut transaction, &self.rules, self.clock.now());
            let outcome = verb(&mut book).await;
            let Book { journal, deadlines, .. } = book;
            let (is_late, locks) = match transaction {
                OpenTransaction::Postgres(it) => (it.is_late, it.locks),
                OpenTransaction::Sqlite(_) => (false, Locks::default()),
            };
            match outcome {
                Ok(answer) => {
                    // Others gave this node's seats away: what it decides counts no more.
                    nodes::holds(&on, self.life).await.map_err(undone)?;
                    // While the rooms are held, so that the deadlines of one room are noted in its steps'
                    // order.
                    noted.extend(deadlines.iter().map(|(room, _)| *room));
                    self.care.note_deadlines(&deadlines);
                    on.commit().await.map_err(|error| End::InDoubt(error.into()))?;
                    return Ok(Decision { answer, journal, deadlines });
                }
                Err(fault) if is_late => (needed, late) = (locks, fault),
                Err(fault) => return Err(End::Undone(fault)),
            }
        }
        Err(End::Undone(late))
    }
}

fn undone(fault: impl Into<error::Fault>) -> End {
    End::Undone(Fault::Store(StorageError::from(fault.into()).to_string()))
}
