//! Bounds on proofs that prove nothing: forged tickets, dead ones, stale resume secrets.
//!
//! Neither can be guessed (a MAC of 256 bits, a secret of 192) and neither changes anything; the
//! bounds keep those who try all the same from costing the others much.

use std::net::IpAddr;

use anteroom_core::ids::UserId;
use anteroom_core::seat::{ConfirmRefusal, ReserveRefusal};

use super::{Entry, EntryError};
use crate::admission::{ConfirmError, Refusal};
use crate::traces;

/// Whose bad proofs are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Prover {
    /// Who forges tickets is nobody known.
    Address(IpAddr),
    /// A resume secret is presented by a user who is known by then.
    User(UserId),
    /// A ticket of this server says whose it is, whoever presents it.
    Ticket(UserId),
}

impl Entry {
    /// Whether a ticket may be presented from this address. One that this server did not make is
    /// counted.
    ///
    /// # Errors
    /// Too many forged ones came from there, and this is another; or too many dead ones of this user came.
    pub(crate) fn may_present(
        &self,
        ticket: &str,
        address: Option<IpAddr>,
    ) -> Result<(), EntryError> {
        let now = self.clock.now();
        let wait = match (self.ticket_key.open(ticket), address) {
            (Ok(ticket), _) => {
                traces::belongs(ticket.room, ticket.generation);
                self.bad_proofs.is_over(&Prover::Ticket(ticket.user), now)
            }
            (Err(_), Some(address)) => self.bad_proofs.admit(Prover::Address(address), now).err(),
            (Err(_), None) => None,
        };
        wait.map_or(Ok(()), |wait| Err(EntryError::TooManyBadProofs(wait)))
    }

    /// Whether the user may present a resume secret.
    pub(super) fn may_prove(&self, user: UserId, resume: Option<&str>) -> Result<(), EntryError> {
        let over = self.bad_proofs.is_over(&Prover::User(user), self.clock.now());
        over.filter(|_| resume.is_some())
            .map_or(Ok(()), |wait| Err(EntryError::TooManyBadProofs(wait)))
    }

    /// Counts a ticket of this server that opens nothing any more: each costs a look at the seats, and a line of the log.
    pub(super) fn note_dead(&self, user: UserId) {
        let _ = self.bad_proofs.admit(Prover::Ticket(user), self.clock.now());
    }

    /// Counts a secret that was stale at step 1.
    pub(super) fn note_stale_at_the_door(&self, user: UserId, refusal: &Refusal) {
        if matches!(refusal, Refusal::Ledger(ReserveRefusal::Replaced)) {
            let _ = self.bad_proofs.admit(Prover::User(user), self.clock.now());
        }
    }

    /// Counts a secret that was stale at step 2.
    pub(super) fn note_stale(&self, user: UserId, error: &ConfirmError) {
        if matches!(error, ConfirmError::Ledger(ConfirmRefusal::Replaced)) {
            let _ = self.bad_proofs.admit(Prover::User(user), self.clock.now());
        }
    }
}
