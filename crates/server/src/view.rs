//! From what the domain and the store know to what the wire shows.

use anteroom_core::seat;
use anteroom_protocol::Timestamp;
use anteroom_protocol::account::{CheckedToken, User};
use anteroom_protocol::frame::EntryKind;
use anteroom_protocol::message::{FoundMessage, Message, SnippetPiece};
use anteroom_protocol::room::{self, MemberUser};

use crate::search::{Piece, snippet};
use crate::storage::{Found, MessageRecord, UserRecord};
use crate::tokens::Identity;

/// How seats stand.
pub(crate) fn seats(seats: seat::Seats) -> room::Seats {
    room::Seats {
        capacity: seats.capacity,
        occupied: seats.occupied,
        reserved: seats.reserved,
        held: seats.held,
        free: seats.free,
        waiting: seats.waiting,
        staff: seats
            .staff
            .map(|staff| room::StaffSeats { capacity: staff.capacity, taken: staff.taken }),
        frees_in_ms: None,
    }
}

/// How a session came in.
pub(crate) fn entry(entry: seat::Entry) -> EntryKind {
    match entry {
        seat::Entry::First => EntryKind::First,
        seat::Entry::Refresh => EntryKind::Refresh,
        seat::Entry::Takeover => EntryKind::Takeover,
        seat::Entry::SecondDevice => EntryKind::SecondDevice,
    }
}

/// As it is logged.
pub(crate) fn entry_word(entry: seat::Entry) -> &'static str {
    match entry {
        seat::Entry::First => "first",
        seat::Entry::Refresh => "refresh",
        seat::Entry::Takeover => "takeover",
        seat::Entry::SecondDevice => "second_device",
    }
}

/// A user; the contact number only for the owner.
pub(crate) fn user(record: &UserRecord, is_owner: bool) -> User {
    User {
        id: record.id.0,
        username: record.username.clone(),
        display_name: record.display_name.clone(),
        roles: record.roles.clone(),
        created_at: Timestamp(record.created_at),
        contact_number: record.contact_number.clone().filter(|_| is_owner),
    }
}

/// What a token says and is worth now.
pub(crate) fn token(who: &Identity) -> CheckedToken {
    CheckedToken {
        user_id: who.user.0,
        login: who.login.0,
        name: who.name.clone(),
        roles: who.roles.clone(),
        expires_at: Timestamp(who.expires_at),
    }
}

/// A message that was found, with the part that shows why.
pub(crate) fn found(found: Found) -> FoundMessage {
    let pieces = snippet(&found.message.content, &found.hits);
    let piece = |piece: Piece| SnippetPiece { text: piece.text, hit: piece.is_hit };
    FoundMessage {
        snippet: pieces.into_iter().map(piece).collect(),
        message: message(found.message),
    }
}

/// A message in its final state.
pub(crate) fn message(record: MessageRecord) -> Message {
    Message {
        id: record.id.0,
        seq: record.seq,
        room_id: record.room.0,
        sender: record.sender.map(|(id, name)| MemberUser { id: id.0, name }),
        kind: record.kind,
        content_type: record.content_type,
        content: if record.deleted_at.is_some() { String::new() } else { record.content },
        created_at: Timestamp(record.created_at),
        updated_at: record.updated_at.map(Timestamp),
        deleted_at: record.deleted_at.map(Timestamp),
        client_id: record.client_id,
        reply_to: record.reply_to,
    }
}
