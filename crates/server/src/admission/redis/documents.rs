//! The ledger's values as the scripts keep them and tell them.
//!
//! Ids, nonces and hashes are lower-case hex, generations `[epoch, n]`, instants milliseconds,
//! owners `node.incarnation`, choices words. Who sits on a slot is the document that other strategies
//! keep too.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use anteroom_core::ids::{LoginId, Nonce, Owner, RoomId, SessionId, StreamId, UserId};
use anteroom_core::seat::{
    Confirmed, EntryImage, PlaceNo, Reservation, Reserved, Rival, RivalClaim, Sitting, Stay, Waiter,
};
use anteroom_core::time::Millis;
use serde::de::{DeserializeOwned, Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use crate::admission::documents::{Hex, OwnerDocument, SittingDocument, owner_of};

mod words;

pub(super) use crate::admission::documents::{generation, hex_text, list};
pub(super) use words::{ChangeDoc, EndWord, EntryWord, LifetimeWord, StateWord, lifetime_word};

/// An id as text.
pub(super) fn id_text(id: Uuid) -> String {
    id.simple().to_string()
}

/// An owner as text.
pub(super) fn owner_text(owner: Owner) -> String {
    format!("{}.{}", owner.node, owner.incarnation)
}

/// A stream's name as text.
pub(super) fn stream_text(stream: StreamId) -> String {
    format!("{}/{}", owner_text(stream.owner), stream.n)
}

/// A room's number, written as text.
#[derive(Clone, Copy)]
pub(super) struct RoomText(pub(super) RoomId);

impl<'de> Deserialize<'de> for RoomText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        i64::from_str(&text).map(|id| Self(RoomId(id))).map_err(D::Error::custom)
    }
}

/// A stream's name, read from text.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct StreamText(StreamId);

impl<'de> Deserialize<'de> for StreamText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let parts = text.split_once('/');
        let stream = parts
            .and_then(|(owner, n)| Some(StreamId { owner: owner_of(owner)?, n: n.parse().ok()? }));
        stream.map(Self).ok_or_else(|| D::Error::custom("not a stream"))
    }
}

/// A list, which may come as an empty map, where there may be none.
pub(super) fn some_list<'de, D, T>(from: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    list(from).map(Some)
}

/// A document that is kept as text inside another.
pub(super) fn parsed<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    serde_json::from_str(text)
}

/// A [`Reservation`].
#[derive(Deserialize)]
pub(super) struct ReservationDoc {
    generation: (u64, u64),
    nonce: Hex<16>,
    login: Uuid,
    deadline: u64,
    since: u64,
    attempts: u32,
    offered: bool,
}

impl From<ReservationDoc> for Reservation {
    fn from(doc: ReservationDoc) -> Self {
        Self {
            generation: generation(doc.generation),
            nonce: Nonce(doc.nonce.0),
            login: LoginId(doc.login),
            deadline: Millis(doc.deadline),
            since: Millis(doc.since),
            attempts: doc.attempts,
            offered: doc.offered,
        }
    }
}

/// A [`Reserved`].
#[derive(Deserialize)]
pub(super) struct ReservedDoc {
    user: Uuid,
    reservation: ReservationDoc,
    takeover: bool,
    fresh: bool,
}

impl From<ReservedDoc> for Reserved {
    fn from(doc: ReservedDoc) -> Self {
        Self {
            user: UserId(doc.user),
            reservation: doc.reservation.into(),
            takeover: doc.takeover,
            fresh: doc.fresh,
        }
    }
}

/// A [`Rival`]: one of its two claims is there.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct RivalDoc {
    login: Uuid,
    reservation: Option<(u64, u64)>,
    place: Option<u64>,
}

impl RivalDoc {
    /// The rival it is; `None` when it claims nothing.
    pub(super) fn rival(self) -> Option<Rival> {
        let reservation = self.reservation.map(|it| RivalClaim::Reservation(generation(it)));
        let place = self.place.map(|it| RivalClaim::Place(PlaceNo(it)));
        Some(Rival { login: LoginId(self.login), claim: reservation.or(place)? })
    }
}

/// A [`Confirmed`].
#[derive(Deserialize)]
pub(super) struct ConfirmedDoc {
    generation: (u64, u64),
    entry: EntryWord,
    #[serde(deserialize_with = "list")]
    replaced: Vec<Uuid>,
    entered: (u64, u64),
    is_recorded: bool,
    became_occupied: bool,
    waited: u64,
}

impl From<ConfirmedDoc> for Confirmed {
    fn from(doc: ConfirmedDoc) -> Self {
        Self {
            generation: generation(doc.generation),
            entry: doc.entry.into(),
            replaced: doc.replaced.into_iter().map(SessionId).collect(),
            entered: generation(doc.entered),
            is_recorded: doc.is_recorded,
            became_occupied: doc.became_occupied,
            waited: Duration::from_millis(doc.waited),
        }
    }
}

#[derive(Deserialize)]
struct StayDoc {
    entered: (u64, u64),
    since: u64,
    settled: bool,
}

impl From<StayDoc> for Stay {
    fn from(doc: StayDoc) -> Self {
        Self { entered: generation(doc.entered), since: Millis(doc.since), settled: doc.settled }
    }
}

#[derive(Deserialize)]
struct SlotDoc {
    reservation: Option<ReservationDoc>,
    #[serde(flatten)]
    sitting: SittingDocument,
    stay: Option<StayDoc>,
}

/// What a slot document says of its user.
#[derive(Deserialize)]
#[serde(from = "SlotDoc")]
pub(super) struct SlotParts {
    pub(super) reservation: Option<Reservation>,
    pub(super) sitting: Sitting,
    pub(super) stay: Option<Stay>,
}

impl From<SlotDoc> for SlotParts {
    fn from(doc: SlotDoc) -> Self {
        Self {
            reservation: doc.reservation.map(Reservation::from),
            sitting: doc.sitting.into(),
            stay: doc.stay.map(Stay::from),
        }
    }
}

impl SlotParts {
    /// Whether somebody sits here or is held.
    pub(super) fn is_seated(&self) -> bool {
        !self.sitting.live.is_empty() || self.sitting.held.is_some()
    }
}

/// A [`Waiter`], without whose it is.
#[derive(Deserialize)]
pub(super) struct WaiterDoc {
    login: Uuid,
    nonce: Hex<16>,
    staff: bool,
    place: u64,
    joined: u64,
    streams: BTreeMap<StreamText, IgnoredAny>,
    away: Option<u64>,
}

impl WaiterDoc {
    /// The waiter it is.
    pub(super) fn of(self, user: UserId) -> Waiter {
        Waiter {
            user,
            login: LoginId(self.login),
            nonce: Nonce(self.nonce.0),
            is_staff: self.staff,
            place: PlaceNo(self.place),
            joined: Millis(self.joined),
            streams: self.streams.into_keys().map(|name| name.0).collect(),
            away_deadline: self.away.map(Millis),
        }
    }
}

/// An [`EntryImage`], without its session.
#[derive(Deserialize)]
pub(super) struct EntryDoc {
    user: Uuid,
    owner: OwnerDocument,
    ended: Option<EndWord>,
}

impl EntryDoc {
    /// The entry it is.
    pub(super) fn of(self, session: SessionId) -> EntryImage {
        EntryImage {
            session,
            user: UserId(self.user),
            owner: self.owner.0,
            ended: self.ended.map(Into::into),
        }
    }
}
