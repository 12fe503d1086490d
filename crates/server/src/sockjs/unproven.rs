//! What was told to a client that has not shown yet that it hears.
//!
//! SockJS clients try one transport after the other, all with the one ticket there is. Behind a proxy that
//! keeps answers back until they end, a stream tells nothing: the client gives it up and polls instead. What
//! it was told until then is told again, so the ticket was not used up for nothing.

use bytes::Bytes;

/// What is kept at most, in bytes. A client that has taken more is taken to hear.
const BYTES_MAX: usize = 256 << 10;

/// What a client was told before it has shown that it hears.
#[derive(Debug, Default)]
pub(super) struct Unproven {
    told: Vec<Bytes>,
    bytes: usize,
    has_broken: bool,
    is_too_much: bool,
}

impl Unproven {
    /// Keeps what is told.
    pub(super) fn keeps(&mut self, pieces: &[Bytes]) {
        self.bytes += pieces.iter().map(Bytes::len).sum::<usize>();
        self.is_too_much |= self.bytes > BYTES_MAX;
        if self.is_too_much {
            self.told = Vec::new();
        } else {
            self.told.extend_from_slice(pieces);
        }
    }

    /// Begins anew: what was told is to be told again. `None` when it was more than is kept.
    pub(super) fn begins_anew(&mut self) -> Option<Vec<Bytes>> {
        self.has_broken = false;
        (!self.is_too_much).then(|| self.told.clone())
    }

    /// A response broke, with something of it.
    pub(super) fn breaks(&mut self) {
        self.has_broken = true;
    }

    /// Whether one did.
    pub(super) fn has_broken(&self) -> bool {
        self.has_broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_told_again_each_time() {
        let mut unproven = Unproven::default();
        assert_eq!(unproven.begins_anew().unwrap(), [""; 0], "nothing was told yet");
        unproven.keeps(&[Bytes::from_static(b",1"), Bytes::from_static(b",2")]);
        unproven.breaks();
        assert_eq!(unproven.begins_anew().unwrap(), [",1", ",2"]);
        assert!(!unproven.has_broken());
        unproven.keeps(&[Bytes::from_static(b",3")]);
        assert_eq!(unproven.begins_anew().unwrap(), [",1", ",2", ",3"]);
    }

    #[test]
    fn more_than_is_kept_is_not_told_again() {
        let mut unproven = Unproven::default();
        for _ in 0..5 {
            unproven.keeps(&[Bytes::from(vec![b'x'; 64 << 10])]);
        }
        assert!(unproven.begins_anew().is_none());
        assert!(unproven.told.is_empty());
    }
}
