//! What the scripts answer.

use std::collections::BTreeMap;

use anteroom_core::ids::{RoomId, SessionId, UserId};
use anteroom_core::seat::{
    Attachment, Class, Closed, ConfirmRefusal, Confirmed, Elsewhere, Header, Member, PartyRefusal,
    Position, ReserveRefusal, Reserved, Rival, Seats, SlotImage, SlotState, Snapshot, StaffSeats,
    WaitRefusal,
};
use anteroom_core::time::Millis;
use serde::Deserialize;
use uuid::Uuid;

use super::documents::{
    ChangeDoc, ConfirmedDoc, EndWord, EntryDoc, LifetimeWord, ReservedDoc, RivalDoc, RoomText,
    SlotParts, StateWord, WaiterDoc, generation, list, parsed, some_list,
};
use crate::admission::{ConfirmError, Refusal, Unavailable, WaitError};

/// The reply of any script.
#[derive(Deserialize)]
pub(super) struct Reply {
    pub(super) refused: Option<Guard>,
    /// What stands in the way, where somebody else's seats do.
    #[serde(default)]
    pub(super) found: String,
    #[serde(default)]
    pub(super) now: u64,
    #[serde(default)]
    pub(super) step: u64,
    #[serde(default)]
    pub(super) answer: Answer,
    #[serde(default, deserialize_with = "list")]
    pub(super) journal: Vec<Told>,
    #[serde(default, deserialize_with = "list")]
    pub(super) rooms: Vec<Touched>,
}

/// Why nothing was done at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Guard {
    /// The seats belong to another database.
    Foreign,
    /// A later life of this database has them.
    Superseded,
    /// The lease of this node's life is over.
    Fenced,
    /// The store does not hold what this node knows it held.
    Lost,
    /// The call came after the instant until which its caller waits.
    Late,
}

/// A change, and in which room.
#[derive(Deserialize)]
pub(super) struct Told {
    pub(super) room: RoomText,
    #[serde(flatten)]
    pub(super) change: ChangeDoc,
}

/// How a room that the script touched was left.
#[derive(Deserialize)]
pub(super) struct Touched {
    pub(super) room: RoomText,
    pub(super) due: Option<u64>,
    #[serde(default)]
    pub(super) gone: bool,
}

/// Why a verb was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    NoRoom,
    RoomFull,
    Closed,
    Gone,
    Replaced,
    AlreadySeated,
    TooMany,
    AddressBusy,
    NoReservation,
    Expired,
    RoomClosed,
    LineFull,
    Contested,
}

/// What a close did.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ClosedWord {
    Stale,
    Others,
    Held,
    Returned,
}

/// What became of a stream.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AttachedWord {
    Attached,
    TooMany,
    NotWaiting,
}

#[derive(Deserialize)]
pub(super) struct Failed {
    user: Uuid,
    refused: Word,
    rival: Option<RivalDoc>,
}

#[derive(Deserialize)]
pub(super) struct PositionDoc {
    position: usize,
    ahead: usize,
    joined: u64,
}

impl From<PositionDoc> for Position {
    fn from(doc: PositionDoc) -> Self {
        Self { position: doc.position, ahead: doc.ahead, joined: Millis(doc.joined) }
    }
}

/// The seats of a room; without a capacity there is no such room.
#[derive(Deserialize)]
pub(super) struct SeatsDoc {
    capacity: Option<u32>,
    #[serde(default)]
    occupied: u32,
    #[serde(default)]
    reserved: u32,
    #[serde(default)]
    held: u32,
    #[serde(default)]
    free: u32,
    #[serde(default)]
    waiting: u32,
    staff: Option<u32>,
    #[serde(default)]
    staff_taken: u32,
}

impl SeatsDoc {
    pub(super) fn seats(self) -> Option<Seats> {
        Some(Seats {
            capacity: self.capacity?,
            occupied: self.occupied,
            reserved: self.reserved,
            held: self.held,
            free: self.free,
            waiting: self.waiting,
            staff: self.staff.map(|capacity| StaffSeats { capacity, taken: self.staff_taken }),
        })
    }
}

#[derive(Deserialize)]
pub(super) struct MemberDoc {
    user: Uuid,
    entered: (u64, u64),
    since: u64,
    settled: bool,
    held: bool,
}

impl From<MemberDoc> for Member {
    fn from(doc: MemberDoc) -> Self {
        Self {
            user: UserId(doc.user),
            entered: generation(doc.entered),
            since: Millis(doc.since),
            settled: doc.settled,
            state: if doc.held { SlotState::Held } else { SlotState::Occupied },
        }
    }
}

#[derive(Deserialize)]
pub(super) struct HeaderDoc {
    epoch: u64,
    next: u64,
    next_place: u64,
    capacity: u32,
    staff_seats: u32,
    state: StateWord,
    lifetime: LifetimeWord,
    pending_until: Option<u64>,
    was_used: bool,
}

/// What a verb was answered. Which fields are there depends on the verb; its script says so.
#[derive(Default, Deserialize)]
pub(super) struct Answer {
    /// The store's clock at the answer.
    #[serde(skip)]
    pub(super) now: Millis,
    pub(super) refused: Option<Word>,
    rival: Option<RivalDoc>,
    #[serde(default, deserialize_with = "list")]
    rooms: Vec<RoomText>,
    pub(super) reserved: Option<ReservedDoc>,
    #[serde(default, deserialize_with = "some_list")]
    pub(super) party: Option<Vec<ReservedDoc>>,
    #[serde(default, deserialize_with = "list")]
    failed: Vec<Failed>,
    pub(super) confirmed: Option<ConfirmedDoc>,
    #[serde(default, deserialize_with = "list")]
    pub(super) ended: Vec<Uuid>,
    pub(super) over: Option<EndWord>,
    pub(super) closed: Option<ClosedWord>,
    pub(super) until: Option<u64>,
    pub(super) generation: Option<(u64, u64)>,
    #[serde(default)]
    pub(super) yes: bool,
    attached: Option<AttachedWord>,
    pub(super) position: Option<PositionDoc>,
    #[serde(default)]
    pub(super) fresh: bool,
    #[serde(default, deserialize_with = "list")]
    pub(super) due: Vec<RoomText>,
    #[serde(default, deserialize_with = "list")]
    pub(super) seats: Vec<SeatsDoc>,
    #[serde(default, deserialize_with = "list")]
    pub(super) members: Vec<MemberDoc>,
    slot: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) sessions: Vec<(RoomText, Uuid)>,
    #[serde(default, deserialize_with = "list")]
    pub(super) line: Vec<Uuid>,
    header: Option<HeaderDoc>,
    #[serde(default)]
    slots: BTreeMap<Uuid, String>,
    #[serde(default)]
    waiters: BTreeMap<Uuid, String>,
    #[serde(default)]
    entering: BTreeMap<Uuid, String>,
    #[serde(default, deserialize_with = "list")]
    staff: Vec<Uuid>,
    #[serde(default)]
    pub(super) count: usize,
}

/// The script and this program do not speak of the same thing.
pub(super) fn unreadable(what: impl std::fmt::Display) -> Unavailable {
    Unavailable(format!("the answer of a script cannot be read: {what}"))
}

fn ledger_word(word: Word, rival: Option<RivalDoc>) -> Result<ReserveRefusal, Unavailable> {
    Ok(match word {
        Word::RoomFull => ReserveRefusal::RoomFull,
        Word::Closed => ReserveRefusal::Closed,
        Word::Gone => ReserveRefusal::Gone,
        Word::Replaced => ReserveRefusal::Replaced,
        Word::AlreadySeated => ReserveRefusal::AlreadySeated,
        Word::Contested => ReserveRefusal::Contested(contested(rival)?),
        other => return Err(unreadable(format_args!("{other:?}"))),
    })
}

fn contested(rival: Option<RivalDoc>) -> Result<Rival, Unavailable> {
    rival.and_then(RivalDoc::rival).ok_or_else(|| unreadable("nobody stands in the way"))
}

impl Answer {
    pub(super) fn sessions(self) -> Vec<SessionId> {
        self.ended.into_iter().map(SessionId).collect()
    }

    fn rooms(&self) -> Vec<RoomId> {
        let mut rooms: Vec<RoomId> = self.rooms.iter().map(|room| room.0).collect();
        rooms.sort_unstable();
        rooms
    }

    /// Why nothing was reserved.
    pub(super) fn reserve_refusal(&self, word: Word) -> Refusal {
        match word {
            Word::NoRoom => Refusal::NoRoom,
            Word::TooMany => Refusal::TooMany(self.rooms()),
            Word::AddressBusy => Refusal::AddressBusy,
            word => ledger_word(word, self.rival).map_or_else(Refusal::from, Refusal::from),
        }
    }

    /// Why nobody waits.
    pub(super) fn wait_refusal(&self, word: Word) -> WaitError {
        match word {
            Word::NoRoom => WaitError::NoRoom,
            Word::TooMany => WaitError::TooMany(self.rooms()),
            Word::AddressBusy => WaitError::AddressBusy,
            Word::AlreadySeated => WaitRefusal::AlreadySeated.into(),
            Word::LineFull => WaitRefusal::LineFull.into(),
            Word::Closed => WaitRefusal::Closed.into(),
            Word::Gone => WaitRefusal::Gone.into(),
            Word::Contested => contested(self.rival)
                .map_or_else(WaitError::from, |rival| WaitRefusal::Contested(rival).into()),
            other => unreadable(format_args!("{other:?}")).into(),
        }
    }

    /// Why nobody of a party got a seat; `None` when they did.
    pub(super) fn party_refusal(&self) -> Result<Option<PartyRefusal>, Unavailable> {
        let failed = self
            .failed
            .iter()
            .map(|it| Ok::<_, Unavailable>((UserId(it.user), ledger_word(it.refused, it.rival)?)));
        let failed = failed.collect::<Result<Vec<_>, _>>()?;
        Ok(Some(PartyRefusal { failed }).filter(|refusal| !refusal.failed.is_empty()))
    }

    pub(super) fn confirmed(self) -> Result<Confirmed, ConfirmError> {
        let refusal = match self.refused {
            None => {
                let confirmed = self.confirmed.ok_or_else(|| unreadable("no part"))?;
                return Ok(confirmed.into());
            }
            Some(Word::NoRoom) => return Err(ConfirmError::NoRoom),
            Some(Word::NoReservation) => ConfirmRefusal::NoReservation,
            Some(Word::Expired) => ConfirmRefusal::Expired,
            Some(Word::Replaced) => ConfirmRefusal::Replaced,
            Some(Word::AlreadySeated) => ConfirmRefusal::AlreadySeated,
            Some(Word::RoomClosed) => ConfirmRefusal::RoomClosed,
            Some(other) => return Err(unreadable(format_args!("{other:?}")).into()),
        };
        Err(refusal.into())
    }

    pub(super) fn closed(&self) -> Result<Closed, Unavailable> {
        Ok(match (self.closed, self.until) {
            _ if self.refused.is_some() => Closed::Stale,
            (Some(ClosedWord::Stale), _) => Closed::Stale,
            (Some(ClosedWord::Others), _) => Closed::Others,
            (Some(ClosedWord::Returned), _) => Closed::Returned,
            (Some(ClosedWord::Held), Some(until)) => Closed::Held(Millis(until)),
            other => return Err(unreadable(format_args!("{other:?}"))),
        })
    }

    pub(super) fn attached(&self) -> Result<Attachment, Unavailable> {
        match self.attached {
            _ if self.refused.is_some() => Ok(Attachment::NotWaiting),
            Some(AttachedWord::Attached) => Ok(Attachment::Attached),
            Some(AttachedWord::TooMany) => Ok(Attachment::TooMany),
            Some(AttachedWord::NotWaiting) => Ok(Attachment::NotWaiting),
            None => Err(unreadable("no word of a stream")),
        }
    }

    /// What the user has in the room.
    pub(super) fn slot(&self) -> Result<Option<SlotParts>, Unavailable> {
        self.slot.as_deref().map(parsed).transpose().map_err(unreadable)
    }

    /// The reservation among it, if its deadline has not passed.
    pub(super) fn standing(&self, user: UserId) -> Result<Option<Reserved>, Unavailable> {
        let Some(slot) = self.slot()? else { return Ok(None) };
        let standing = slot.reservation.filter(|it| self.now < it.deadline);
        let takeover = slot.is_seated();
        Ok(standing.map(|reservation| Reserved { user, reservation, takeover, fresh: false }))
    }

    /// The whole room.
    pub(super) fn snapshot(self, id: RoomId) -> Result<Snapshot, Unavailable> {
        let header = self.header.ok_or_else(|| unreadable("no header"))?;
        let slots = self.slots.iter().map(|(user, text)| {
            let SlotParts { reservation, sitting, stay } = parsed(text)?;
            let class = if self.staff.contains(user) { Class::Staff } else { Class::Ordinary };
            Ok(SlotImage { user: UserId(*user), class, reservation, sitting, stay })
        });
        let line = self
            .waiters
            .iter()
            .map(|(user, text)| Ok(parsed::<WaiterDoc>(text)?.of(UserId(*user))));
        let entering = self
            .entering
            .iter()
            .map(|(session, text)| Ok(parsed::<EntryDoc>(text)?.of(SessionId(*session))));
        let unread = |error: serde_json::Error| unreadable(error);
        let mut snapshot = Snapshot {
            header: Header {
                id,
                epoch: header.epoch,
                next: header.next,
                next_place: header.next_place,
                capacity: header.capacity,
                staff_seats: header.staff_seats,
                state: header.state.into(),
                lifetime: header.lifetime.into(),
                pending_until: header.pending_until.map(Millis),
                was_used: header.was_used,
            },
            slots: slots.collect::<Result<_, _>>().map_err(unread)?,
            line: line.collect::<Result<_, _>>().map_err(unread)?,
            entering: entering.collect::<Result<_, _>>().map_err(unread)?,
            elsewhere: Elsewhere::default(),
        };
        snapshot.sort();
        Ok(snapshot)
    }
}
