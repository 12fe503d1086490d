//! Step 2 of an entry: the reservation becomes a live part, first provisionally.
//!
//! Between `confirm` and `settle_entry` the caller persists and registers. Until then the new part
//! keeps what it replaced, and `abort` puts that back. Exactly one of the two is called for every
//! confirm that succeeded, also when the part ended meanwhile: that is how the entry learns why.

use std::time::Duration;

use super::index::Due;
use super::permit::Class;
use super::resume::{self, Arrival};
use super::sitting::{Part, Sitting};
use super::slot::{Slot, Stay};
use super::{Change, End, Entry, Room, RoomState, Step};
use crate::ids::{Generation, LoginId, Nonce, Owner, ResumeHash, SessionId, UserId};
use crate::mutants::{self, Mutant};

use super::room::Entering;

/// A ticket, presented by a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The user the ticket names.
    pub user: UserId,
    /// The generation the ticket names.
    pub generation: Generation,
    /// The nonce the ticket carries.
    pub nonce: Nonce,
    /// The login the ticket names; live, as the caller has checked.
    pub login: LoginId,
    /// The connection; fresh.
    pub session: SessionId,
    /// The node that serves it.
    pub owner: Owner,
    /// The hash of the resume secret that the connection will be given.
    pub new_resume: ResumeHash,
    /// The hash of the resume secret it presented, if it did.
    pub presented: Option<ResumeHash>,
}

/// A reservation that became a live part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Confirmed {
    /// The grant number of the part.
    pub generation: Generation,
    /// How the user came in.
    pub entry: Entry,
    /// The sessions that give way if the entry is settled. They are not to be told before.
    pub replaced: Vec<SessionId>,
    /// The generation of the first entry of the stay; equal to `generation` for a first entry.
    pub entered: Generation,
    /// An earlier entry of the same stay was settled: the stay is recorded already. Until then
    /// every entry records it, because the one that was first may yet fail.
    pub is_recorded: bool,
    /// The user had no live part before: the seat now counts as occupied.
    pub became_occupied: bool,
    /// From the reservation to this step.
    pub waited: Duration,
}

/// Why a ticket opened nothing. Nothing changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConfirmRefusal {
    /// No such reservation: used, cancelled, under another login, or never made.
    #[error("no such reservation")]
    NoReservation,
    /// The deadline passed first. A reservation that a sweeper took already is not known any more,
    /// so the caller compares the deadline in the ticket too.
    #[error("the reservation has expired")]
    Expired,
    /// A resume secret that is not the current one, while the user sits here.
    #[error("the user sits here with another resume secret")]
    Replaced,
    /// The user sits here, and a newcomer may not take a living session's seat.
    #[error("the user sits here already")]
    AlreadySeated,
    /// The room is closed.
    #[error("the room is closed")]
    RoomClosed,
}

impl From<resume::Unwelcome> for ConfirmRefusal {
    fn from(unwelcome: resume::Unwelcome) -> Self {
        match unwelcome {
            resume::Unwelcome::StaleResume => Self::Replaced,
            resume::Unwelcome::Seated => Self::AlreadySeated,
        }
    }
}

impl Room {
    /// Turns a reservation into a live part, provisionally.
    ///
    /// # Errors
    /// As [`ConfirmRefusal`] says. The reservation then stands as before.
    pub fn confirm(
        &mut self,
        step: &mut Step<'_>,
        claim: &Claim,
    ) -> Result<Confirmed, ConfirmRefusal> {
        if mutants::on(Mutant::B20LateTicketEnters) {
            return self.confirm_now(step, claim);
        }
        // Asked before lazy expiry, which would make a late ticket an unknown one.
        let is_late = self.claimed(claim).is_some_and(|deadline| deadline <= step.now);
        self.expire(step);
        if is_late {
            return Err(ConfirmRefusal::Expired);
        }
        let answer = self.confirm_now(step, claim);
        self.finish(step);
        answer
    }

    fn confirm_now(
        &mut self,
        step: &mut Step<'_>,
        claim: &Claim,
    ) -> Result<Confirmed, ConfirmRefusal> {
        let is_zombie = mutants::on(Mutant::B06ReservationOutlivesItsRoom);
        if self.state != RoomState::Open && !is_zombie {
            return Err(ConfirmRefusal::RoomClosed);
        }
        self.claimed(claim).ok_or(ConfirmRefusal::NoReservation)?;
        let slot = self.slots.get(&claim.user).ok_or(ConfirmRefusal::NoReservation)?;
        let judged = resume::judge(&slot.sitting, claim.presented.as_ref(), step.terms);
        if judged.is_err() && mutants::on(Mutant::B05WrongSecretStopsTheGrace) {
            self.index.deadline(claim.user, Due::Held, slot.marks().held, None);
        }
        if judged.is_err() && mutants::on(Mutant::B05RefusalUsesTheTicketUp) {
            self.alter(step, claim.user, End::Left, |slot| slot.reservation.take());
        }
        let arrival = judged?;
        if mutants::on(Mutant::B01ReservationGoneBeforeThePart) {
            self.alter(step, claim.user, End::Left, |slot| slot.reservation.take());
            self.finish(step);
            let late = || Box::new(Slot::new(self.permits.issue(Class::Ordinary)));
            self.slots.entry(claim.user).or_insert_with(late);
        }
        let now = step.now;
        let seated = self.alter(step, claim.user, End::Left, |slot| {
            let became_occupied = slot.sitting.live.is_empty();
            let waited = slot.reservation.take().map(|it| now.since(it.since));
            let replaced = sit_down(slot, claim, arrival);
            let stay = *slot.stay.get_or_insert(Stay {
                entered: claim.generation,
                since: now,
                settled: false,
            });
            (became_occupied, replaced, stay, waited.unwrap_or_default())
        });
        let (became_occupied, replaced, stay, waited) =
            seated.ok_or(ConfirmRefusal::NoReservation)?;
        let &Claim { user, session, generation, owner, .. } = claim;
        self.entering.insert(session, Entering { user, owner, ended: None });
        if mutants::on(Mutant::B07RefreshCountsUp) && !became_occupied {
            self.elsewhere.ordinary += 1;
        }
        let entry = match arrival {
            Arrival::First => Entry::First,
            Arrival::RefreshOf(_) | Arrival::RefreshOfHeld => Entry::Refresh,
            Arrival::TakeoverOf(_) | Arrival::TakeoverOfHeld => Entry::Takeover,
            Arrival::Beside => Entry::SecondDevice,
        };
        step.tell(Change::Entered { user, session, generation, entry });
        Ok(Confirmed {
            generation,
            entry,
            replaced,
            entered: stay.entered,
            is_recorded: stay.settled,
            became_occupied,
            waited,
        })
    }

    /// The deadline of the reservation that the claim is for.
    fn claimed(&self, claim: &Claim) -> Option<crate::time::Millis> {
        let reservation = self.slots.get(&claim.user)?.reservation.as_ref()?;
        let matches = reservation.generation == claim.generation
            && (reservation.nonce == claim.nonce || mutants::on(Mutant::B08NonceNotCompared))
            && (reservation.login == claim.login || mutants::on(Mutant::B20ForeignLoginConfirms));
        matches.then_some(reservation.deadline)
    }

    /// The entry is complete: what it replaced is gone for good, and a pending room is open.
    ///
    /// Returns the sessions replaced, those of entries still under way included; they are to be
    /// told, oldest first.
    ///
    /// # Errors
    /// Why the part ended meanwhile. [`End::Fenced`] also stands for a session the room does not
    /// know, which is what a node that slept through its lease is told.
    pub fn settle_entry(
        &mut self,
        step: &mut Step<'_>,
        session: SessionId,
    ) -> Result<Vec<SessionId>, End> {
        self.expire(step);
        let settled = self.finish_entering(session).map(|user| {
            let slot = self.slots.get_mut(&user);
            let part = slot.and_then(|slot| {
                slot.stay.iter_mut().for_each(|stay| stay.settled = true);
                slot.sitting.find_mut(session)
            });
            let before = part.and_then(|part| part.replaced.take());
            before.map_or_else(Vec::new, |before| before.sessions(|_| true))
        });
        if let Ok(replaced) = &settled {
            self.mark_ended(replaced, End::Replaced);
            if self.pending_until.take().is_some() {
                step.tell(Change::Opened);
            }
        }
        self.finish(step);
        settled
    }

    /// The peer of a session was heard, so it knows its own resume secret: the former one is void.
    /// True when there was one.
    pub fn heard(&mut self, user: UserId, session: SessionId) -> bool {
        let slot = self.slots.get_mut(&user);
        let part = slot.and_then(|slot| slot.sitting.find_mut(session));
        part.is_some_and(|part| part.former.take().is_some())
    }

    /// The entry failed: what it replaced is restored as it stands by now; after a first entry the
    /// seat is returned. The reservation is not restored, it was consumed.
    ///
    /// # Errors
    /// Why the part had ended already, as for [`Room::settle_entry`]; nothing is left to do.
    pub fn abort(&mut self, step: &mut Step<'_>, session: SessionId) -> Result<(), End> {
        self.expire(step);
        let aborted = self.finish_entering(session).map(|user| {
            let now = step.now;
            if mutants::on(Mutant::B03AbortKeepsTheSeat) {
                return;
            }
            self.alter(step, user, End::Aborted, |slot| slot.sitting.remove(session, now, None));
        });
        self.finish(step);
        aborted
    }

    /// Forgets that `session` is entering; its user, or why its part is gone.
    fn finish_entering(&mut self, session: SessionId) -> Result<UserId, End> {
        let entering = self.entering.remove(&session).ok_or(End::Fenced)?;
        if mutants::on(Mutant::B04SettledThoughItEnded) {
            return Ok(entering.user);
        }
        entering.ended.map_or(Ok(entering.user), Err)
    }

    /// How many confirmed entries are neither settled nor aborted.
    #[must_use]
    pub fn entries_under_way(&self) -> usize {
        self.entering.len()
    }
}

/// Puts the new part on the slot, with what gives way for it inside.
fn sit_down(slot: &mut Slot, claim: &Claim, arrival: Arrival) -> Vec<SessionId> {
    let sitting = &mut slot.sitting;
    let is_refresh = matches!(arrival, Arrival::RefreshOf(_) | Arrival::RefreshOfHeld);
    let (live, held) = match arrival {
        Arrival::TakeoverOf(_) if mutants::on(Mutant::B31ReplacedPartStays) => (None, None),
        Arrival::RefreshOf(session) | Arrival::TakeoverOf(session) => (sitting.lift(session), None),
        Arrival::RefreshOfHeld | Arrival::TakeoverOfHeld => (None, sitting.held.take()),
        Arrival::First | Arrival::Beside => (None, None),
    };
    let before = Sitting { live: live.into_iter().collect(), held };
    let replaced = before.sessions(|_| true);
    // Hardly anybody sits twice: no place is kept for more.
    sitting.live.reserve_exact(1);
    sitting.live.push(Part {
        session: claim.session,
        generation: claim.generation,
        login: claim.login,
        owner: claim.owner,
        resume: claim.new_resume,
        former: claim.presented.filter(|_| is_refresh).map(Box::new),
        replaced: Some(Box::new(before)),
    });
    replaced
}
