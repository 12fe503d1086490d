//! Nodes as the store they share knows them.

use anteroom_core::ids::Owner;

/// The last life of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeRecord {
    /// Which node, and which life of it.
    pub owner: Owner,
    /// Milliseconds until its lease runs out, on the store's clock; negative when it has.
    pub lease_left: i64,
    /// Its lease is over for good.
    pub fenced: bool,
    /// What it had in the seat store was ended as well.
    pub swept: bool,
}
