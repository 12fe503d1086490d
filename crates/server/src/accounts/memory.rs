//! The memory that passwords are hashed in, kept from one hash to the next.
//!
//! Each hash fills 19 MiB. Given back and asked for anew, it would be kept by the allocator for every
//! thread that ever hashed (glibc: 8 arenas a core), and a burst of sign-ins would leave the process
//! many times the size that it needs. So there are as many pieces as hashes ever ran at once, and no more.

use std::sync::{Mutex, PoisonError};

use argon2::Block;

/// Pieces of memory that no hash is being made in. What is left in them tells of a password no more
/// than freed memory would.
#[derive(Default)]
pub(super) struct Memory(Mutex<Vec<Vec<Block>>>);

impl Memory {
    /// Lends so many blocks to `work`.
    pub(super) fn lend<T>(&self, blocks: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
        let mut piece = self.pieces().pop().unwrap_or_default();
        if piece.len() < blocks {
            piece = vec![Block::new(); blocks];
        }
        let done = work(&mut piece[..blocks]);
        self.pieces().push(piece);
        done
    }

    fn pieces(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_lent_again_and_grows_when_it_must() {
        let memory = Memory::default();
        let at = memory.lend(8, |piece| piece.as_ptr().addr());
        assert_eq!(memory.lend(4, |piece| (piece.as_ptr().addr(), piece.len())), (at, 4));
        let other = memory.lend(8, |_| memory.lend(8, |piece| piece.as_ptr().addr()));
        assert_ne!(other, at, "two at once");
        assert_eq!(memory.lend(16, |piece| piece.len()), 16);
        assert_eq!(memory.pieces().len(), 2, "no more than were ever lent at once");
    }
}
