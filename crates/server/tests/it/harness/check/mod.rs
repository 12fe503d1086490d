//! Judges of what was recorded from outside: small functions over histories, each for one promise.
//!
//! None of them knows a server. What is not certain counts for the server: an answer that never came may
//! stand for either outcome. Times are microseconds since the history began ([`Since`]). Each says in words
//! what is wrong, and each is seen to convict a history that is.

mod capacity;
mod held;
mod messages;
mod once;
mod resources;
mod sessions;

use std::time::Instant;

pub(crate) use capacity::{Stay, capacity};
pub(crate) use held::{AtRest, leak, rooms};
pub(crate) use messages::{Heard, Said, Stored, messages};
pub(crate) use once::{Grant, Logs, Span, Step, once, once_between};
pub(crate) use resources::{Resources, resources};
pub(crate) use sessions::{Accepted, Revoked, one, revoked};

/// What a judge says: what it saw where all is well, or what is wrong, in words.
pub(crate) type Verdict<T = ()> = Result<T, String>;

/// The beginning of a history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Since(Instant);

impl Since {
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    /// How far the history is.
    pub(crate) fn at(self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap()
    }
}
