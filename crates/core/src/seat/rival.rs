//! Two logins of one user, and what one of them may take from the other.
//!
//! A request is in flight for a while: its login was good when it came in, and may have ended when it
//! reaches the ledger. What stands here under another login may by then be that of the login that took
//! over. The ledger knows no order of logins, and where several are allowed there is none: which one
//! lives, the store of logins says. So an ask never takes what stands under another login unseen. It
//! is refused with the name of what stands there; the caller asks the store whether its own login
//! lives *after that*, and then asks again for this very thing. Whatever an ended login names stood
//! already when it was still good, so nothing that came after its end is lost to it.

use super::{Ask, Room};
use crate::ids::{Generation, LoginId};
use crate::mutants::{self, Mutant};
use crate::seat::PlaceNo;

/// What stands here under another login of the user who asks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rival {
    /// The other login.
    pub login: LoginId,
    /// What stands under it.
    pub claim: RivalClaim,
}

/// A reservation or a place in the line, by its number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RivalClaim {
    /// A reservation.
    Reservation(Generation),
    /// A place in the line.
    Place(PlaceNo),
}

impl Room {
    /// What the ask would take from another login of its user without having named it.
    pub(super) fn rival_of(&self, ask: &Ask) -> Option<Rival> {
        if mutants::on(Mutant::B13LateAskTakesAnotherLogins) {
            return None;
        }
        let reservation = self.slots.get(&ask.user).and_then(|slot| slot.reservation());
        let reservation = reservation
            .map(|it| Rival { login: it.login, claim: RivalClaim::Reservation(it.generation) });
        let place = || {
            let waiter = self.line.get(ask.user)?;
            Some(Rival { login: waiter.login, claim: RivalClaim::Place(waiter.place) })
        };
        let other = reservation.or_else(place).filter(|it| it.login != ask.login);
        other.filter(|it| ask.over != Some(*it))
    }
}
