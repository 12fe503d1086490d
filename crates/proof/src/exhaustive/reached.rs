//! What a search came across, so that one that saw nothing cannot pass for a proof.

use std::sync::atomic::{AtomicU32, Ordering};

/// A set of things that happened in some step of a search.
#[derive(Default, Debug)]
pub(super) struct Reached(AtomicU32);

impl Reached {
    pub(super) const FULL: u32 = 1;
    pub(super) const REPLACED: u32 = 2;
    pub(super) const FENCED: u32 = 4;
    pub(super) const RESUMED: u32 = 8;
    pub(super) const OFFERED: u32 = 16;
    pub(super) const EXPIRED: u32 = 32;
    pub(super) const REVOKED: u32 = 64;
    pub(super) const MOVED: u32 = 128;
    pub(super) const STRAYED: u32 = 256;

    /// What is not of a search: only ever grows, and no order of events hangs on it.
    pub(super) fn note(&self, what: u32) {
        self.0.fetch_or(what, Ordering::Relaxed);
    }

    pub(super) fn has(&self, what: u32) -> bool {
        self.0.load(Ordering::Relaxed) & what != 0
    }
}
