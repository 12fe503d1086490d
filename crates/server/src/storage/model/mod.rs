//! The records that cross the storage boundary. Plain data; times are wall-clock milliseconds.

mod accounts;
mod messages;
mod nodes;
mod person;
mod rooms;

pub use accounts::*;
use anteroom_protocol::Timestamp;
pub use messages::*;
pub use nodes::*;
pub use person::*;
pub use rooms::*;

/// A wall-clock instant in milliseconds since the Unix epoch.
pub type WallMillis = i64;

/// Wall-clock milliseconds as the wire shows them.
#[must_use]
pub const fn shown(at: WallMillis) -> Timestamp {
    Timestamp(at)
}
