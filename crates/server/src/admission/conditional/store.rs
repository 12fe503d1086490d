//! The databases that seats can be in, behind one name each: the store, and a transaction of it.

use std::net::IpAddr;
use std::sync::Arc;

use anteroom_core::ids::{Generation, RoomId, SessionId, UserId};
use anteroom_core::place::Place;
use anteroom_core::seat::{Header, Member, PlaceNo, Position, Seats, SlotImage, Snapshot};
use anteroom_core::time::Millis;
use futures_util::FutureExt as _;
use futures_util::future::Either;

use super::answer::Decision;
use super::book::{Book, Rules};
use super::difference::Difference;
use super::postgres::{self, PostgresTransaction};
use super::scope::{Loaded, Scope};
use super::sqlite::{self, SqliteTransaction};
use super::transaction::{Fault, Fetched, Transaction};
use crate::admission::{Decided, Journal, Whose};
use crate::clock::Clock;

/// Where the seats are.
pub(super) enum Store {
    /// In a file of their own.
    Sqlite(sqlite::Store),
    /// Beside the facts.
    Postgres(postgres::Store),
}

macro_rules! asked {
    ($self:ident, $store:ident => $call:expr) => {
        match $self {
            Self::Sqlite($store) => $call.await,
            Self::Postgres($store) => $call.await,
        }
    };
}

impl Store {
    /// Decides a verb in one transaction. It may be begun anew before it is decided.
    pub(super) async fn decide<R, F>(
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
        let store = match self {
            Self::Sqlite(store) => store,
            Self::Postgres(store) => return store.decide((rules, clock), verb).await,
        };
        let decide = move |conn: &_| {
            let mut transaction = OpenTransaction::Sqlite(SqliteTransaction(conn));
            let mut book = Book::new(&mut transaction, &rules, clock.now());
            let waited = || Fault::Broken("a driver that blocks was waited for".into());
            let answer = verb(&mut book).now_or_never().ok_or_else(waited)??;
            let Book { journal, deadlines, .. } = book;
            Ok(Decision { answer, journal, deadlines })
        };
        store.decide(decide).await
    }

    /// How the seats of several rooms stand, in one go.
    pub(super) async fn seats(&self, rooms: Vec<RoomId>) -> Decided<Vec<Option<Seats>>> {
        asked!(self, store => store.seats(rooms))
    }

    pub(super) async fn members(&self, room: RoomId) -> Decided<Vec<Member>> {
        asked!(self, store => store.members(room))
    }

    pub(super) async fn slot(&self, room: RoomId, user: UserId) -> Decided<Option<SlotImage>> {
        asked!(self, store => store.slot(room, user))
    }

    pub(super) async fn position(&self, room: RoomId, user: UserId) -> Decided<Option<Position>> {
        asked!(self, store => store.position(room, user))
    }

    pub(super) async fn line(&self, room: RoomId, most: usize) -> Decided<Vec<UserId>> {
        asked!(self, store => store.line(room, most))
    }

    pub(super) async fn snapshot(&self, room: RoomId) -> Decided<Option<Snapshot>> {
        asked!(self, store => store.snapshot(room))
    }

    /// At most `most` rooms in which something was due at that instant, and still is. Whoever has a file
    /// alone has its deadlines too.
    pub(super) async fn overdue(&self, at: Millis, most: usize) -> Decided<Vec<RoomId>> {
        match self {
            Self::Sqlite(_) => Ok(Vec::new()),
            Self::Postgres(store) => store.overdue(at, most).await,
        }
    }

    pub(super) async fn entering(&self) -> Decided<usize> {
        asked!(self, store => store.entering())
    }

    /// The file, where there is one.
    #[cfg(test)]
    pub(super) fn file(&self) -> &sqlite::Store {
        match self {
            Self::Sqlite(store) => store,
            Self::Postgres(_) => panic!("the seats are in no file"),
        }
    }
}

/// A transaction that was begun.
pub(super) enum OpenTransaction<'a> {
    Sqlite(SqliteTransaction<'a>),
    Postgres(PostgresTransaction<'a>),
}

macro_rules! passed_on {
    ($(fn $name:ident(&mut self $(, $argument:ident: $kind:ty)*) -> $answer:ty;)*) => {
        impl Transaction for OpenTransaction<'_> {
            $(
                fn $name(
                    &mut self $(, $argument: $kind)*
                ) -> impl Future<Output = Fetched<$answer>> + Send {
                    match self {
                        Self::Sqlite(it) => Either::Left(it.$name($($argument),*)),
                        Self::Postgres(it) => Either::Right(it.$name($($argument),*)),
                    }
                }
            )*
        }
    };
}

passed_on! {
    fn load(&mut self, room: RoomId, scope: &Scope, now: Millis) -> Option<Loaded>;
    fn write(&mut self, difference: &Difference) -> ();
    fn add(&mut self, header: &Header) -> ();
    fn drop_room(&mut self, room: RoomId) -> ();
    fn next_deadline(&mut self, room: RoomId) -> Option<Millis>;
    fn ahead(&mut self, room: RoomId, place: PlaceNo) -> usize;
    fn rooms(&mut self) -> Vec<RoomId>;
    fn strangers(&mut self, kept: &[RoomId]) -> Vec<RoomId>;
    fn inhabited(&mut self) -> Vec<RoomId>;
    fn rooms_of(&mut self, user: UserId) -> Vec<RoomId>;
    fn open_of(&mut self, user: UserId) -> Vec<RoomId>;
    fn open_from(&mut self, address: IpAddr) -> usize;
    fn current_place(&mut self, user: UserId) -> Option<Place>;
    fn take_place(&mut self, user: UserId, room: RoomId, generation: Generation, session: SessionId) -> ();
    fn settle_places(&mut self, user: UserId, session: SessionId) -> Vec<Place>;
    fn forget_place(&mut self, user: UserId, session: SessionId) -> ();
    fn forget_stay(&mut self, user: UserId, room: RoomId, last: Generation) -> ();
    fn begin(&mut self, whose: &Whose) -> ();
    fn forget_places(&mut self) -> ();
    fn forget_lost_places(&mut self) -> ();
}
