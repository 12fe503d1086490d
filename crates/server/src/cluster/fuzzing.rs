//! For the fuzz targets: what nodes read of each other.

use anteroom_core::ids::RoomId;
use bytes::Bytes;
use uuid::Uuid;

use super::{Heard, wire};

/// Whether this is news that a node understands.
#[must_use]
pub fn is_news(bytes: &[u8]) -> bool {
    wire::read(Uuid::nil(), None, Bytes::copy_from_slice(bytes)).is_some()
}

/// The frames of a room in this, written anew; `None` where they cannot be read.
#[must_use]
pub fn frames(bytes: &[u8]) -> Option<Vec<u8>> {
    let read = wire::read(Uuid::nil(), Some(RoomId(1)), Bytes::copy_from_slice(bytes));
    match read? {
        (from, Heard::Published(_, frames)) => Some(wire::batch(from, &frames).to_vec()),
        _ => None,
    }
}
