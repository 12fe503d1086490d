//! The hash tables of the domain.
//!
//! Keys are ids that this server made, so nobody outside can choose them to collide, and the
//! standard library's guard against that would cost more than the seat itself.

use std::hash::Hash;

use foldhash::fast::RandomState;

/// A map by id.
pub type Map<K, V> = std::collections::HashMap<K, V, RandomState>;

/// A set of ids.
pub type Set<T> = std::collections::HashSet<T, RandomState>;

/// A set of ids that nearly always has one element, as the rooms and the sessions of one user: it
/// takes no memory of its own until there is a second. Every step is O(1) at every size.
#[derive(Clone, Debug, Default)]
pub enum Few<T> {
    /// Nothing.
    #[default]
    None,
    /// The usual case.
    One(T),
    /// What once was more than one.
    Many(Box<Set<T>>),
}

impl<T: Copy + Eq + Hash> Few<T> {
    /// Adds an element. False when it is there already.
    pub fn insert(&mut self, new: T) -> bool {
        match self {
            Self::None => *self = Self::One(new),
            Self::One(one) if *one == new => return false,
            Self::One(one) => *self = Self::Many(Box::new(Set::from_iter([*one, new]))),
            Self::Many(all) => return all.insert(new),
        }
        true
    }

    /// Takes an element out. False when it is not there.
    pub fn remove(&mut self, old: &T) -> bool {
        match self {
            Self::None => false,
            Self::One(one) if one != old => false,
            Self::One(_) => {
                *self = Self::None;
                true
            }
            Self::Many(all) => all.remove(old),
        }
    }

    /// Whether an element is there.
    #[must_use]
    pub fn contains(&self, wanted: &T) -> bool {
        match self {
            Self::None => false,
            Self::One(one) => one == wanted,
            Self::Many(all) => all.contains(wanted),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Many(all) => all.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        let (one, many) = match self {
            Self::None => (None, None),
            Self::One(one) => (Some(*one), None),
            Self::Many(all) => (None, Some(all)),
        };
        one.into_iter().chain(many.into_iter().flat_map(|all| all.iter().copied()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::Few;

    proptest! {
        #[test]
        fn a_few_are_a_set(steps in prop::collection::vec((any::<bool>(), 0_u8..4), 0..40)) {
            let (mut few, mut plain) = (Few::default(), BTreeSet::new());
            for (adds, id) in steps {
                match adds {
                    true => prop_assert_eq!(few.insert(id), plain.insert(id)),
                    false => prop_assert_eq!(few.remove(&id), plain.remove(&id)),
                }
                prop_assert_eq!(few.iter().collect::<BTreeSet<_>>(), plain.clone());
                prop_assert_eq!((few.len(), few.is_empty()), (plain.len(), plain.is_empty()));
                prop_assert_eq!(few.contains(&0), plain.contains(&0));
            }
        }
    }
}
