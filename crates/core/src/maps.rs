//! The hash tables of the domain.
//!
//! Keys are ids that this server made, so nobody outside can choose them to collide, and the
//! standard library's guard against that would cost more than the seat itself.

use foldhash::fast::RandomState;

/// A map by id.
pub type Map<K, V> = std::collections::HashMap<K, V, RandomState>;

/// A set of ids.
pub type Set<T> = std::collections::HashSet<T, RandomState>;
