//! Strategy `conditional`: the seats live in a database, and one transaction decides.
//!
//! A verb is one transaction: the part of the room that the step can touch is loaded ([`scope`]), the
//! step of the ledger is run on it, and what it changed is written ([`difference`]). A new slot is
//! written only while the rows of the room, counted in the same statement, are fewer than its
//! capacity: an independent judge of what the ledger decided. Where the two disagree nothing is
//! given, and the log says so.
//!
//! The verbs ([`book`]) know no driver. [`sqlite`] keeps a file of its own, so that seats are not behind
//! the messages' syncs, and one process owns it. A commit survives the end of the process in whatever
//! way; a power cut may lose the last commits, never the consistency of what is left. A lost reservation
//! cannot come back as somebody else's: each start of the server draws a higher epoch from the main
//! store, which is durable, and every grant number carries it. [`postgres`] keeps the seats beside the
//! facts, for several nodes.
//!
//! After a restart, reservations and places in the line stand as they were, and seats are held for
//! the grace: see `take_up`.

mod answer;
mod book;
mod difference;
mod entering;
mod lives;
mod postgres;
mod scope;
mod sqlite;
mod store;
mod transaction;
mod verbs;
mod words;
mod working;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anteroom_core::ids::{Owner, RoomId};
use anteroom_core::seat::Terms;
use anteroom_core::time::Millis;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::book::{Book, Rules};
use self::store::{OpenTransaction, Store};
use self::transaction::Fetched;
use super::{Bounds, Decided, EndedSessions, Journal, Unavailable, Whose};
use crate::clock::Clock;
use crate::storage::sqlite::OpenError;
use crate::sweeper::{Deadlines, Due};

pub(crate) use self::postgres::Options as PostgresOptions;
pub(crate) use self::sqlite::Options;

/// The seats of every room, in one database.
pub(crate) struct Conditional {
    rules: Rules,
    clock: Arc<Clock>,
    orphans: Arc<Orphans>,
    store: Store,
    /// Sessions that a fence ended before a later part of it failed.
    ended: Mutex<EndedSessions>,
    /// The rooms that were added in this life, until the rest is dropped.
    added: Mutex<Option<HashSet<RoomId>>>,
    /// The database that the seats belong to.
    deployment: Uuid,
}

/// Why the seats in the file are not this life's. Written for the person who starts the server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotOurs {
    /// Of another database.
    #[error(
        "seats.db belongs to another database (deployment {found}, anteroom.db is {own}): put the \
         file that belongs to this one in its place, or move seats.db away together with seats.db-wal \
         and seats.db-shm: reservations, held seats and lines in it are lost then, and nothing else"
    )]
    Foreign {
        /// Whose they are.
        found: uuid::fmt::Simple,
        /// Who asks.
        own: uuid::fmt::Simple,
    },
    /// Of a life of this database that it does not remember.
    #[error(
        "seats.db is of a later life of this database ({found}, and {own} is about to begin): \
         anteroom.db was restored from a backup without it. Restore both, or move seats.db away \
         together with seats.db-wal and seats.db-shm: reservations, held seats and lines in it are \
         lost then, and nothing else"
    )]
    Later {
        /// The last life that began on the file.
        found: u64,
        /// The one that is about to.
        own: u64,
    },
    /// It could not be read.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What follows a decision on the store's own thread.
trait Aftercare: Send + Sync {
    /// Tells the deadline loop when something is due next.
    fn note_deadlines(&self, deadlines: &[(RoomId, Option<Millis>)]);

    /// Takes the journal of a verb whose caller went away before the answer.
    fn adopt(&self, journal: Journal);
}

/// Journals that nobody waited for. The next caller of any verb gets them, and so that there is one,
/// the room is due at once.
struct Orphans {
    clock: Arc<Clock>,
    deadlines: Arc<Deadlines>,
    journal: Mutex<Journal>,
}

impl Orphans {
    fn with(clock: &Arc<Clock>, deadlines: Arc<Deadlines>) -> Arc<Self> {
        Arc::new(Self { clock: Arc::clone(clock), deadlines, journal: Mutex::default() })
    }

    fn take(&self) -> Journal {
        std::mem::take(&mut *self.journal.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Aftercare for Orphans {
    fn note_deadlines(&self, deadlines: &[(RoomId, Option<Millis>)]) {
        for (room, at) in deadlines {
            self.deadlines.set(Due::Room(*room), *at);
        }
    }

    fn adopt(&self, journal: Journal) {
        let Some((room, _)) = journal.first().copied() else { return };
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).extend(journal);
        self.deadlines.set(Due::Room(room), Some(self.clock.now()));
    }
}

impl Conditional {
    /// Opens the seat store at `path`, made or migrated as needed. Blocks; meant for the start.
    /// `fatal` is cancelled when the disk did not take a commit: what it holds is uncertain then.
    ///
    /// # Errors
    /// In words for the person who starts the server.
    pub(crate) fn open(
        path: &Path,
        options: Options,
        fatal: CancellationToken,
        (terms, bounds): (Terms, Bounds),
        clock: Arc<Clock>,
        deadlines: Arc<Deadlines>,
    ) -> Result<Self, OpenError> {
        let orphans = Orphans::with(&clock, deadlines);
        let care = Arc::clone(&orphans) as Arc<dyn Aftercare>;
        let store = Store::Sqlite(sqlite::Store::open(path, options, fatal, care)?);
        Ok(Self::over(store, Rules { terms, bounds }, (clock, orphans)))
    }

    /// Opens the seats that stand beside the facts in a PostgreSQL database, made or migrated as needed.
    /// With several nodes, `life` is this one's: once it is fenced, no verb of it takes effect.
    ///
    /// # Errors
    /// In words for the person who starts the server.
    pub(crate) async fn beside(
        url: &str,
        options: PostgresOptions,
        (terms, bounds): (Terms, Bounds),
        (clock, deadlines): (Arc<Clock>, Arc<Deadlines>),
        life: Option<Owner>,
    ) -> Result<Self, crate::storage::postgres::OpenError> {
        let orphans = Orphans::with(&clock, deadlines);
        let care = Arc::clone(&orphans) as Arc<dyn Aftercare>;
        let store = Store::Postgres(postgres::Store::open(url, options, care, life).await?);
        Ok(Self::over(store, Rules { terms, bounds }, (clock, orphans)))
    }

    fn over(store: Store, rules: Rules, (clock, orphans): (Arc<Clock>, Arc<Orphans>)) -> Self {
        let added = Mutex::new(Some(HashSet::new()));
        let ended = Mutex::default();
        Self { rules, clock, orphans, store, added, ended, deployment: Uuid::nil() }
    }

    /// Makes sure that the seats in a file are those of this database and of its past; those beside the
    /// facts always are. Where lives of it passed the file by, what is in it is forgotten: a ticket that
    /// was used since would stand there unused.
    /// That this life has begun on the seats is noted when they are taken up.
    ///
    /// # Errors
    /// They are not, and were left untouched.
    pub(crate) async fn belonging_to(mut self, whose: Whose) -> Result<Self, NotOurs> {
        let own = whose.owner.incarnation;
        let Store::Sqlite(file) = &self.store else { return Ok(self) };
        match file.read(sqlite::belongs).await? {
            Some((deployment, _)) if deployment != whose.deployment => {
                Err(NotOurs::Foreign { found: deployment.simple(), own: whose.deployment.simple() })
            }
            // A number that began twice would take parts of the other life for its own.
            Some((_, found)) if found >= own => Err(NotOurs::Later { found, own }),
            known => {
                self.deployment = whose.deployment;
                if let Some((_, found)) = known.filter(|(_, found)| found + 1 < own) {
                    tracing::warn!(
                        event = "seat_store.outdated",
                        found,
                        own,
                        "seats.db missed the last life of this database; what it holds is forgotten"
                    );
                    self.decide_silently(async |book| book.forget_all().await).await?;
                }
                Ok(self)
            }
        }
    }

    /// Decides one verb, and tells what it changed.
    async fn decide<R, F>(&self, journal: &mut Journal, verb: F) -> Decided<R>
    where
        R: Send + 'static,
        F: for<'b, 'c> AsyncFn(&'b mut Book<'_, OpenTransaction<'c>>) -> Fetched<R>
            + Send
            + 'static,
    {
        let (answer, changes) = self.decided(verb).await?;
        journal.extend(self.orphans.take());
        journal.extend(changes);
        Ok(answer)
    }

    /// The same for a verb that changes no seat.
    async fn decide_silently<R, F>(&self, verb: F) -> Decided<R>
    where
        R: Send + 'static,
        F: for<'b, 'c> AsyncFn(&'b mut Book<'_, OpenTransaction<'c>>) -> Fetched<R>
            + Send
            + 'static,
    {
        self.decided(verb).await.map(|(answer, _)| answer)
    }

    async fn decided<R, F>(&self, verb: F) -> Decided<(R, Journal)>
    where
        R: Send + 'static,
        F: for<'b, 'c> AsyncFn(&'b mut Book<'_, OpenTransaction<'c>>) -> Fetched<R>
            + Send
            + 'static,
    {
        self.store.decide((self.rules, Arc::clone(&self.clock)), verb).await
    }
}
