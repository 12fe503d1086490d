//! Permits: what the `semaphore` strategy is named after.
//!
//! A slot owns the permit it was made with, and dropping the slot is the only way to give it back.
//! Nothing here counts up or down: what is outstanding is how many permits exist.

use std::sync::Arc;

/// Which pool a seat came from; fixed when the slot is made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Class {
    /// One of `capacity - staff_seats`.
    Ordinary,
    /// One of `staff_seats`.
    Staff,
}

/// The right to one place. Neither `Clone` nor constructible elsewhere.
#[derive(Debug)]
pub(super) struct Permit {
    class: Class,
    _token: Arc<()>,
}

impl Permit {
    pub(super) fn class(&self) -> Class {
        self.class
    }
}

/// The two pools of one room.
#[derive(Debug, Default)]
pub(super) struct Permits {
    ordinary: Arc<()>,
    staff: Arc<()>,
}

impl Permits {
    /// A permit of `class`, unless `limit` of them are outstanding.
    pub(super) fn try_acquire(&self, class: Class, limit: usize) -> Option<Permit> {
        (self.outstanding(class) < limit).then(|| self.issue(class))
    }

    /// A permit for a slot that exists already, in a store: its place was counted there.
    pub(super) fn issue(&self, class: Class) -> Permit {
        Permit { class, _token: Arc::clone(self.pool(class)) }
    }

    /// How many permits of `class` exist.
    pub(super) fn outstanding(&self, class: Class) -> usize {
        Arc::strong_count(self.pool(class)) - 1
    }

    fn pool(&self, class: Class) -> &Arc<()> {
        match class {
            Class::Ordinary => &self.ordinary,
            Class::Staff => &self.staff,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_gives_no_more_than_its_limit_and_a_dropped_permit_comes_back() {
        let permits = Permits::default();
        let first = permits.try_acquire(Class::Ordinary, 1).unwrap();
        assert!(permits.try_acquire(Class::Ordinary, 1).is_none());
        assert!(permits.try_acquire(Class::Staff, 1).is_some(), "the pools are apart");
        drop(first);
        assert_eq!(permits.outstanding(Class::Ordinary), 0);
        assert!(permits.try_acquire(Class::Ordinary, 1).is_some());
    }
}
