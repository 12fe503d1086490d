//! The ledger's values as the scripts keep them and tell them.
//!
//! Ids, nonces and hashes are lower-case hex, generations `[epoch, n]`, instants milliseconds,
//! owners `node.incarnation`, choices words. Lua cannot tell an empty list from an empty map, so both
//! are read.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anteroom_core::ids::{
    Generation, LoginId, Nonce, Owner, ResumeHash, RoomId, SessionId, UserId,
};
use anteroom_core::seat::{
    Confirmed, EntryImage, Held, Part, PlaceNo, Reservation, Reserved, Sitting, Stay, Waiter,
};
use anteroom_core::time::Millis;
use serde::de::{DeserializeOwned, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

mod words;

pub(super) use words::{ChangeDoc, EndWord, EntryWord, LifetimeWord, StateWord, lifetime_word};

/// An id as text.
pub(super) fn id_text(id: Uuid) -> String {
    id.simple().to_string()
}

/// Bytes as text.
pub(super) fn hex_text(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// An owner as text.
pub(super) fn owner_text(owner: Owner) -> String {
    format!("{}.{}", owner.node, owner.incarnation)
}

/// Bytes, read from hex.
#[derive(Clone, Copy)]
pub(super) struct Hex<const N: usize>(pub(super) [u8; N]);

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let mut bytes = [0; N];
        let pairs = text.as_bytes().chunks_exact(2);
        if text.len() != 2 * N {
            return Err(D::Error::custom("hex of another length"));
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let digits = std::str::from_utf8(pair).map_err(D::Error::custom)?;
            *byte = u8::from_str_radix(digits, 16).map_err(D::Error::custom)?;
        }
        Ok(Self(bytes))
    }
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

/// An owner, read from text.
#[derive(Clone, Copy)]
pub(super) struct OwnerText(Owner);

impl<'de> Deserialize<'de> for OwnerText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let parts = text.split_once('.');
        let owner = parts.and_then(|(node, incarnation)| {
            Some(Owner { node: node.parse().ok()?, incarnation: incarnation.parse().ok()? })
        });
        owner.map(Self).ok_or_else(|| D::Error::custom("not an owner"))
    }
}

/// A list, which may come as an empty map.
pub(super) fn list<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Items<T>(std::marker::PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = seq.next_element()? {
                items.push(item);
            }
            Ok(items)
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<T>, A::Error> {
            match map.next_key::<IgnoredAny>()? {
                None => Ok(Vec::new()),
                Some(_) => Err(A::Error::custom("a map where a list is meant")),
            }
        }
    }
    from.deserialize_any(Items(std::marker::PhantomData))
}

/// The same, where there may be none.
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

pub(super) fn generation((epoch, n): (u64, u64)) -> Generation {
    Generation { epoch, n }
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
struct PartDoc {
    session: Uuid,
    generation: (u64, u64),
    login: Uuid,
    owner: OwnerText,
    resume: Hex<32>,
    former: Option<Hex<32>>,
    replaced: Option<Box<SittingDoc>>,
}

impl From<PartDoc> for Part {
    fn from(doc: PartDoc) -> Self {
        Self {
            session: SessionId(doc.session),
            generation: generation(doc.generation),
            login: LoginId(doc.login),
            owner: doc.owner.0,
            resume: ResumeHash(doc.resume.0),
            former: doc.former.map(|hash| ResumeHash(hash.0)),
            replaced: doc.replaced.map(|before| Box::new((*before).into())),
        }
    }
}

#[derive(Deserialize)]
struct HeldDoc {
    generation: (u64, u64),
    login: Uuid,
    resume: Hex<32>,
    former: Option<Hex<32>>,
    deadline: u64,
}

impl From<HeldDoc> for Held {
    fn from(doc: HeldDoc) -> Self {
        Self {
            generation: generation(doc.generation),
            login: LoginId(doc.login),
            resume: ResumeHash(doc.resume.0),
            former: doc.former.map(|hash| ResumeHash(hash.0)),
            deadline: Millis(doc.deadline),
        }
    }
}

/// A [`Sitting`].
#[derive(Deserialize)]
pub(super) struct SittingDoc {
    #[serde(deserialize_with = "list")]
    live: Vec<PartDoc>,
    held: Option<HeldDoc>,
}

impl From<SittingDoc> for Sitting {
    fn from(doc: SittingDoc) -> Self {
        Self {
            live: doc.live.into_iter().map(Part::from).collect(),
            held: doc.held.map(Held::from),
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
    sitting: SittingDoc,
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
    /// By the node that serves them.
    streams: BTreeMap<String, u32>,
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
            streams: self.streams.values().sum(),
            away_deadline: self.away.map(Millis),
        }
    }
}

/// An [`EntryImage`], without its session.
#[derive(Deserialize)]
pub(super) struct EntryDoc {
    user: Uuid,
    owner: OwnerText,
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
