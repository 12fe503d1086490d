//! What a verb asks of the database: one transaction, as a driver offers it.
//!
//! Nothing here names a driver. The verbs ([`super::book`]) are written once over this; a driver
//! whose calls block answers with futures that are ready, one that waits for a network does not.
//! Whoever opens the transaction makes sure that no other one changes the same rooms and users
//! meanwhile, commits it if the verb was decided, and undoes it on any [`Fault`].

use std::net::IpAddr;

use anteroom_core::ids::{Generation, RoomId, SessionId, UserId};
use anteroom_core::place::Place;
use anteroom_core::seat::{Header, PlaceNo};
use anteroom_core::time::Millis;

use super::difference::Difference;
use super::scope::{Loaded, Scope};
use crate::admission::Whose;

/// Why a verb could not be decided. The transaction must be undone.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The database refused or was away.
    #[error("{0}")]
    Store(String),
    /// The database holds something else than the ledger believes.
    #[error("{0}")]
    Broken(String),
    /// The ledger gave a place that the database says is not there.
    #[error("room {0} has no place left by the count of its rows")]
    NoPlace(RoomId),
}

pub(super) type Fetched<T> = Result<T, Fault>;

/// An open transaction.
pub(super) trait Transaction {
    /// What of a room a step of that scope can touch at `now`; `None` when there is no such room.
    fn load(
        &mut self,
        room: RoomId,
        scope: &Scope,
        now: Millis,
    ) -> impl Future<Output = Fetched<Option<Loaded>>> + Send;

    /// Writes what a step changed. A new slot is written only while, by the count of the rows, the
    /// room and the slot's class have a place; every change checks that it met exactly one row.
    fn write(&mut self, difference: &Difference) -> impl Future<Output = Fetched<()>> + Send;

    /// Adds a room that nobody has a seat in.
    fn add(&mut self, header: &Header) -> impl Future<Output = Fetched<()>> + Send;

    /// Drops a room with everything in it. Places in it stay.
    fn drop_room(&mut self, room: RoomId) -> impl Future<Output = Fetched<()>> + Send;

    /// The earliest deadline of the room's slots and waiters.
    fn next_deadline(
        &mut self,
        room: RoomId,
    ) -> impl Future<Output = Fetched<Option<Millis>>> + Send;

    /// How many wait in front of a place. Linear in that number.
    fn ahead(
        &mut self,
        room: RoomId,
        place: PlaceNo,
    ) -> impl Future<Output = Fetched<usize>> + Send;

    /// Every room.
    fn rooms(&mut self) -> impl Future<Output = Fetched<Vec<RoomId>>> + Send;

    /// The rooms that are none of `kept` and that nobody else can know of: they are left over.
    fn strangers(&mut self, kept: &[RoomId]) -> impl Future<Output = Fetched<Vec<RoomId>>> + Send;

    /// The rooms that have a slot, a waiter or an entry under way.
    fn inhabited(&mut self) -> impl Future<Output = Fetched<Vec<RoomId>>> + Send;

    /// The rooms in which the user has a slot or waits.
    fn rooms_of(&mut self, user: UserId) -> impl Future<Output = Fetched<Vec<RoomId>>> + Send;

    /// The rooms in which the user has an open reservation or waits, in order.
    fn open_of(&mut self, user: UserId) -> impl Future<Output = Fetched<Vec<RoomId>>> + Send;

    /// How many open reservations and places in lines were asked for from an address.
    fn open_from(&mut self, address: IpAddr) -> impl Future<Output = Fetched<usize>> + Send;

    /// The user's place of the highest `ugen`.
    fn current_place(
        &mut self,
        user: UserId,
    ) -> impl Future<Output = Fetched<Option<Place>>> + Send;

    /// Records a place above the user's others.
    fn take_place(
        &mut self,
        user: UserId,
        room: RoomId,
        generation: Generation,
        session: SessionId,
    ) -> impl Future<Output = Fetched<()>> + Send;

    /// Forgets the places below that of `session`, and answers them, oldest first. None when the
    /// place of `session` is not recorded.
    fn settle_places(
        &mut self,
        user: UserId,
        session: SessionId,
    ) -> impl Future<Output = Fetched<Vec<Place>>> + Send;

    /// Forgets the place of a session.
    fn forget_place(
        &mut self,
        user: UserId,
        session: SessionId,
    ) -> impl Future<Output = Fetched<()>> + Send;

    /// Forgets the user's places in a room up to a generation.
    fn forget_stay(
        &mut self,
        user: UserId,
        room: RoomId,
        last: Generation,
    ) -> impl Future<Output = Fetched<()>> + Send;

    /// Notes whose seats these are, and that this life has begun on them.
    fn begin(&mut self, whose: &Whose) -> impl Future<Output = Fetched<()>> + Send;

    /// Forgets the places of everybody.
    fn forget_places(&mut self) -> impl Future<Output = Fetched<()>> + Send;

    /// Forgets the places in rooms that are not there. Linear in all places.
    fn forget_lost_places(&mut self) -> impl Future<Output = Fetched<()>> + Send;
}
