//! The streams that keep a waiter's place: a small set of names.
//!
//! A set and not a number, so that attaching twice is attaching once, and the end of a stream takes
//! off that stream or nothing.

use crate::ids::{Owner, StreamId};
use crate::limits::STREAMS_MAX;

/// At most [`STREAMS_MAX`] streams, each once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Streams {
    /// In order, with the free places last: equal sets are equal values.
    named: [Option<StreamId>; STREAMS_MAX],
}

impl Streams {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.named[0].is_none()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn contains(&self, stream: StreamId) -> bool {
        self.named.contains(&Some(stream))
    }

    /// The streams, in order.
    pub fn iter(&self) -> impl Iterator<Item = StreamId> {
        self.named.iter().flatten().copied()
    }

    /// Whether a stream of this node's life is among them.
    #[must_use]
    pub fn has_of(&self, owner: Owner) -> bool {
        self.iter().any(|stream| stream.owner == owner)
    }

    /// Adds a stream. False when there is no place for another; one that is there stays.
    pub fn insert(&mut self, stream: StreamId) -> bool {
        if self.contains(stream) {
            return true;
        }
        let Some(free) = self.named.iter_mut().find(|it| it.is_none()) else { return false };
        *free = Some(stream);
        self.sort();
        true
    }

    /// Takes a stream out, if it is there.
    pub fn remove(&mut self, stream: StreamId) {
        self.keep(|it| it != stream);
    }

    /// Takes out every stream of a node's life.
    pub fn remove_of(&mut self, owner: Owner) {
        self.keep(|it| it.owner != owner);
    }

    fn keep(&mut self, wanted: impl Fn(StreamId) -> bool) {
        for place in &mut self.named {
            *place = place.filter(|it| wanted(*it));
        }
        self.sort();
    }

    fn sort(&mut self) {
        self.named.sort_unstable_by_key(|it| (it.is_none(), *it));
    }
}

/// As many of them as there is place for.
impl FromIterator<StreamId> for Streams {
    fn from_iter<T: IntoIterator<Item = StreamId>>(streams: T) -> Self {
        let mut all = Self::default();
        for stream in streams {
            all.insert(stream);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(incarnation: u64, n: u64) -> StreamId {
        StreamId { owner: Owner { node: 1, incarnation }, n }
    }

    #[test]
    fn the_set_holds_each_stream_once_and_no_more_than_its_bound() {
        let most: Vec<StreamId> = (0..STREAMS_MAX as u64).map(|n| stream(1, n)).collect();
        let mut set: Streams = most.iter().rev().copied().collect();
        assert!(most.iter().all(|it| set.insert(*it)), "again: no effect");
        assert_eq!(set.iter().collect::<Vec<_>>(), most);
        assert!(!set.insert(stream(2, 0)), "one too many");
        assert_eq!(set, most.iter().copied().collect());
        set.remove(stream(2, 0));
        assert_eq!(set.len(), STREAMS_MAX, "one that was not there takes none off");
        set.remove(most[1]);
        assert!(set.insert(stream(2, 0)));
        assert!(set.has_of(stream(2, 9).owner));
        set.remove_of(stream(1, 9).owner);
        assert_eq!(set, [stream(2, 0)].into_iter().collect());
        set.remove(stream(2, 0));
        assert_eq!(set, Streams::default());
    }
}
