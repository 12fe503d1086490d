//! The resume rule: who may come back to which part.
//!
//! (a) Nobody of the user sits there: the secret is ignored. (b) It is the secret of a part, live or
//! held: that part, and no other, gives way. (c) It is another secret: refused, so that a stale tab
//! that wakes up cannot throw out the active one. Without a secret the arrival is a deliberate
//! takeover. Where the policy leaves room for one more part an unknown secret throws nobody out, so
//! it is not refused there: that is the second device coming back after a lost line.

use super::sitting::Sitting;
use super::terms::{Arrivals, Terms};
use crate::ids::{ResumeHash, SessionId};
use crate::mutants::{self, Mutant};

/// How a presented resume secret compares with those that are current.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResumeMatch {
    /// The user has no live or held part here.
    NotSeated,
    /// It is the secret of this live part.
    Part(SessionId),
    /// It is the secret of the held part.
    Held,
    /// The user sits here with another secret.
    Other,
}

/// What a confirmed arrival does to those who sit there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Arrival {
    /// Nobody sat there.
    First,
    /// Comes back to its own live part.
    RefreshOf(SessionId),
    /// Comes back to the held part.
    RefreshOfHeld,
    /// Takes the held part over.
    TakeoverOfHeld,
    /// Takes this live part over.
    TakeoverOf(SessionId),
    /// Sits down beside the others.
    Beside,
}

/// Why an arrival may not sit down: nothing may change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unwelcome {
    /// The secret is not the current one and the user sits there.
    StaleResume,
    /// No secret, and the policy does not let a newcomer take a living session's seat.
    Seated,
}

/// Applies the resume rule and the policies of sessions and arrivals.
pub(super) fn judge(
    sitting: &Sitting,
    presented: Option<&ResumeHash>,
    terms: &Terms,
) -> Result<Arrival, Unwelcome> {
    let parts = terms.sessions.parts_per_slot();
    match presented.map(|secret| sitting.compare(secret)) {
        Some(ResumeMatch::Part(session)) => return Ok(Arrival::RefreshOf(session)),
        Some(ResumeMatch::Held) => return Ok(Arrival::RefreshOfHeld),
        Some(ResumeMatch::Other)
            if sitting.len() >= parts && !mutants::on(Mutant::B29StaleSecretTakesOver) =>
        {
            return Err(Unwelcome::StaleResume);
        }
        Some(ResumeMatch::Other | ResumeMatch::NotSeated) | None => {}
    }
    if sitting.held.is_some() {
        return Ok(Arrival::TakeoverOfHeld);
    }
    Ok(match sitting.oldest() {
        None => Arrival::First,
        Some(_) if sitting.live.len() >= parts && terms.arrivals == Arrivals::RefuseNew => {
            return Err(Unwelcome::Seated);
        }
        Some(oldest) if sitting.live.len() >= parts => Arrival::TakeoverOf(oldest),
        Some(_) => Arrival::Beside,
    })
}
