//! What becomes of a batch, worked out in memory from what the store knew when its rooms were locked.
//!
//! Knows no database: the statements around it are in [`super::messages`]. Nobody else gives numbers in
//! these rooms or changes their messages until the transaction ends, so what is worked out here holds.

use std::collections::{BTreeSet, HashMap, HashSet};

use anteroom_core::ids::{MessageId, Owner, RoomId, UserId};

use crate::storage::changes::{Judgement, Standing, judge};
use crate::storage::{
    Alteration, Appended, ChangeKind, ChangeRecord, NewChange, NewMessage, NewRecord, NoChange,
    NotTaken, QueuedMessage, StorageError, Stored, WallMillis,
};

/// A message as it stands.
pub(super) struct Stands {
    pub(super) standing: Standing,
    pub(super) seq: i64,
    pub(super) created_at: WallMillis,
    pub(super) updated_at: Option<WallMillis>,
    pub(super) deleted_at: Option<WallMillis>,
    /// The number of its last change.
    pub(super) changed_seq: Option<i64>,
}

/// What was stored under a sender's own id.
#[derive(Clone, Copy)]
pub(super) struct First {
    pub(super) id: MessageId,
    pub(super) seq: i64,
    pub(super) created_at: WallMillis,
}

/// What the store knew.
#[derive(Default)]
pub(super) struct Known {
    /// The last numbers of those rooms that are open.
    pub(super) rooms: HashMap<RoomId, i64>,
    pub(super) by_client: HashMap<(RoomId, UserId, String), First>,
    pub(super) by_id: HashMap<MessageId, Stands>,
    /// Who owns a room or is staff, of those who want to delete something in it.
    pub(super) staff: HashSet<(RoomId, UserId)>,
    /// Of the lives that queued something, those that are not fenced.
    pub(super) lives: HashSet<Owner>,
}

/// An edit or a delete that is made.
pub(super) struct Made {
    pub(super) room: RoomId,
    pub(super) seq: i64,
    pub(super) target_seq: i64,
    pub(super) kind: ChangeKind,
    pub(super) by: UserId,
    pub(super) at: WallMillis,
}

/// What is to be written.
#[derive(Default)]
pub(super) struct Plan<'b> {
    pub(super) answers: Vec<Appended>,
    /// New messages, with their final states in [`Known::by_id`].
    pub(super) said: Vec<&'b NewMessage>,
    pub(super) made: Vec<Made>,
    /// Older messages whose final states are in [`Known::by_id`].
    pub(super) altered: BTreeSet<MessageId>,
    /// Rooms that got numbers, and their last ones.
    pub(super) counted: HashMap<RoomId, i64>,
    fresh: HashSet<MessageId>,
}

/// Works a batch out, bringing what is known up to date with it.
///
/// # Errors
/// A message whose id belongs to a message elsewhere.
pub(super) fn plan<'b>(batch: &'b [NewRecord], known: &mut Known) -> Stored<Plan<'b>> {
    let mut plan = Plan::default();
    for record in batch {
        let answer = match record {
            NewRecord::Message(message) => plan.message(known, message)?,
            NewRecord::Queued(queued) => plan.queued(known, queued)?,
            NewRecord::Change(change) => plan.change(known, change)?,
        };
        plan.answers.push(answer);
    }
    Ok(plan)
}

impl<'b> Plan<'b> {
    /// The number that comes next in a room; `None` when it is not open.
    fn next(&self, known: &Known, room: RoomId) -> Option<i64> {
        let stored = known.rooms.get(&room)?;
        Some(self.counted.get(&room).unwrap_or(stored) + 1)
    }

    fn message(&mut self, known: &mut Known, message: &'b NewMessage) -> Stored<Appended> {
        // A retry of what was stored while the room was open still gets its first answer.
        if let Some(first) = first_outcome(known, message) {
            return Ok(first);
        }
        let Some(seq) = self.next(known, message.room) else { return Ok(Appended::NoRoom) };
        if known.by_id.contains_key(&message.id) {
            let collides = format!("message {} collides in room {}", message.id, message.room);
            return Err(StorageError::Failed(collides));
        }
        let first = First { id: message.id, seq, created_at: message.created_at };
        if let Some(key) = client_key(message) {
            known.by_client.insert(key, first);
        }
        known.by_id.insert(message.id, stands(message, seq));
        self.counted.insert(message.room, seq);
        self.fresh.insert(message.id);
        self.said.push(message);
        Ok(Appended::New { seq })
    }

    fn queued(&mut self, known: &mut Known, queued: &'b QueuedMessage) -> Stored<Appended> {
        let QueuedMessage { message, origin, after } = queued;
        if first_outcome(known, message).is_none() {
            if !known.lives.contains(origin) {
                return Ok(Appended::NotTaken(NotTaken::Fenced));
            }
            let before = after.clone().zip(message.sender);
            let before = before.map(|(client_id, sender)| (message.room, sender, client_id));
            let is_open = known.rooms.contains_key(&message.room);
            if is_open && before.is_some_and(|before| !known.by_client.contains_key(&before)) {
                return Ok(Appended::NotTaken(NotTaken::OutOfTurn));
            }
        }
        self.message(known, message)
    }

    fn change(&mut self, known: &mut Known, ask: &NewChange) -> Stored<Appended> {
        let seq = self.next(known, ask.room);
        let Some(stands) = known.by_id.get_mut(&ask.target) else {
            return Ok(seq.map_or(Appended::NoRoom, |_| Appended::Refused(NoChange::NotFound)));
        };
        let is_staff = || Ok::<_, StorageError>(known.staff.contains(&(ask.room, ask.by)));
        let (kind, seq) = match (judge(ask, &stands.standing, is_staff)?, seq) {
            (Judgement::Stands(kind), _) => {
                return Ok(Appended::Unchanged(unchanged(ask, stands, kind)));
            }
            (_, None) => return Ok(Appended::NoRoom),
            (Judgement::Refuse(why), _) => return Ok(Appended::Refused(why)),
            (Judgement::Make(kind), Some(seq)) => (kind, seq),
        };
        alter(stands, ask, seq);
        self.counted.insert(ask.room, seq);
        if !self.fresh.contains(&ask.target) {
            self.altered.insert(ask.target);
        }
        let (room, target_seq, at) = (ask.room, stands.seq, ask.at);
        self.made.push(Made { room, seq, target_seq, kind, by: ask.by, at });
        let content = stands.standing.content.clone();
        Ok(Appended::Changed(ChangeRecord {
            seq,
            target: ask.target,
            target_seq,
            kind,
            content,
            at,
        }))
    }
}

fn client_key(message: &NewMessage) -> Option<(RoomId, UserId, String)> {
    Some((message.room, message.sender?, message.client_id.clone()?))
}

/// What the first copy of this message got: the same sender's `client_id`, or the same message again.
fn first_outcome(known: &Known, message: &NewMessage) -> Option<Appended> {
    let by_client = client_key(message).and_then(|key| known.by_client.get(&key).copied());
    let by_id = || {
        let stands = known.by_id.get(&message.id)?;
        let first = First { id: message.id, seq: stands.seq, created_at: stands.created_at };
        (stands.standing.room == message.room).then_some(first)
    };
    let First { id, seq, created_at } = by_client.or_else(by_id)?;
    Some(Appended::Duplicate { id, seq, created_at })
}

fn stands(message: &NewMessage, seq: i64) -> Stands {
    Stands {
        standing: Standing {
            room: message.room,
            sender: message.sender,
            kind: message.kind,
            content_type: message.content_type.clone(),
            content: message.content.clone(),
            is_deleted: false,
        },
        seq,
        created_at: message.created_at,
        updated_at: None,
        deleted_at: None,
        changed_seq: None,
    }
}

fn alter(stands: &mut Stands, ask: &NewChange, seq: i64) {
    stands.changed_seq = Some(seq);
    match &ask.what {
        Alteration::Edit(words) => {
            stands.standing.content.clone_from(words);
            stands.updated_at = Some(ask.at);
        }
        Alteration::Delete => {
            stands.standing.content.clear();
            stands.standing.is_deleted = true;
            stands.deleted_at = Some(ask.at);
        }
    }
}

fn unchanged(ask: &NewChange, stands: &Stands, kind: ChangeKind) -> ChangeRecord {
    let edited_at = stands.updated_at.unwrap_or(stands.created_at);
    ChangeRecord {
        seq: stands.changed_seq.unwrap_or(stands.seq),
        target: ask.target,
        target_seq: stands.seq,
        kind,
        content: stands.standing.content.clone(),
        at: match kind {
            ChangeKind::Edited => edited_at,
            ChangeKind::Deleted => stands.deleted_at.unwrap_or(edited_at),
        },
    }
}
