//! Identifiers: a type for each, so that a room never stands where a user is meant.

use std::fmt;

use uuid::Uuid;

/// A room's number, as people say it aloud. Allotted by the store, never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId(pub i64);

/// A person with an account, or a guest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub Uuid);

/// One live connection. It names what is to be closed; it is no secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub Uuid);

/// One login of a user: all tokens refreshed from one sign-in share it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoginId(pub Uuid);

/// A message. Tells its creation time (UUIDv7); order within a room is `seq`, not this.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub Uuid);

/// The grant number of a reservation or a seat: `(epoch, n)`.
///
/// `n` rises inside the room's atomic unit and is never reused; `epoch` comes from the durable store
/// and rises with every start of the seat store, so a number of before a restart can never match
/// one of after it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation {
    /// Which life of the seat store allotted it.
    pub epoch: u64,
    /// Rises by one with every reservation of the room.
    pub n: u64,
}

/// The node that holds a live part, and which life of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Owner {
    /// The node's number within the deployment; 0 on a single machine.
    pub node: u32,
    /// Rises with each start of that node.
    pub incarnation: u64,
}

/// One stream of a waiter, as the node that serves it calls it. The name is used once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StreamId {
    /// The node, and which life of it.
    pub owner: Owner,
    /// Its own number for the stream within that life.
    pub n: u64,
}

/// The secret half of a reservation, drawn by the caller from a cryptographic source.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce(pub [u8; 16]);

/// The hash of a resume secret. The ledger only compares it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResumeHash(pub [u8; 32]);

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce(..)")
    }
}

impl fmt::Debug for ResumeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResumeHash(..)")
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.n)
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "g{self}")
    }
}

macro_rules! shown_as_inner {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    )*};
}

shown_as_inner!(RoomId, UserId, SessionId, LoginId, MessageId);
