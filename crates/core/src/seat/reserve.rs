//! Step 1 of an entry: a seat is counted for a user until a deadline.

use super::index::Due;
use super::permit::Class;
use super::resume;
use super::rival::Rival;
use super::slot::Reservation;
use super::{Change, End, Room, RoomState, Step, WaiterEnd};
use crate::ids::{Generation, LoginId, Nonce, ResumeHash, UserId};
use crate::mutants::{self, Mutant};

/// Who asks for a seat, or for a place in the line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ask {
    /// The user.
    pub user: UserId,
    /// The login that the reservation will stand under; live, as the caller has checked.
    pub login: LoginId,
    /// The secret half of the ticket, fresh; used only if a new reservation comes of it.
    pub nonce: Nonce,
    /// May use staff seats.
    pub is_staff: bool,
    /// The hash of the resume secret that came along, if one did.
    pub resume: Option<ResumeHash>,
    /// What of another login of the user the ask may take the place of. Only what was seen to stand
    /// *before* the asking login was seen to live.
    pub over: Option<Rival>,
}

/// The answer to a granted ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reserved {
    /// Whose it is.
    pub user: UserId,
    /// The reservation, complete: the ticket is made from it.
    pub reservation: Reservation,
    /// The user sits here already (live or held): no second seat is counted.
    pub takeover: bool,
    /// Made by this ask; `false` when it stood before.
    pub fresh: bool,
}

/// Why no seat was reserved. Nothing changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReserveRefusal {
    /// No place of the user's kind is free, or others wait for it.
    #[error("the room is full")]
    RoomFull,
    /// The room is closing.
    #[error("the room is closed")]
    Closed,
    /// The room is no more.
    #[error("the room is gone")]
    Gone,
    /// A resume secret that is not the current one, while the user sits here.
    #[error("the user sits here with another resume secret")]
    Replaced,
    /// The user sits here, and a newcomer may not take a living session's seat.
    #[error("the user sits here already")]
    AlreadySeated,
    /// Another login of the user has something here, which the ask did not name.
    #[error("another login of the user has something here")]
    Contested(Rival),
}

impl From<resume::Unwelcome> for ReserveRefusal {
    fn from(unwelcome: resume::Unwelcome) -> Self {
        match unwelcome {
            resume::Unwelcome::StaleResume => Self::Replaced,
            resume::Unwelcome::Seated => Self::AlreadySeated,
        }
    }
}

/// Why a party got no seats; nobody of it did.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{} of the party cannot be seated", failed.len())]
pub struct PartyRefusal {
    /// Those who stood in the way, in the order in which they were named.
    pub failed: Vec<(UserId, ReserveRefusal)>,
}

impl Room {
    /// Counts a seat for a user.
    ///
    /// An unexpired reservation under the same login is answered as it stands; one under another login
    /// is replaced by a new one if the ask names it. A user with a slot needs no second place. Who may ask at all
    /// (ban, password, quota) the caller has checked.
    ///
    /// # Errors
    /// As [`ReserveRefusal`] says; nothing has changed then.
    pub fn reserve(&mut self, step: &mut Step<'_>, ask: &Ask) -> Result<Reserved, ReserveRefusal> {
        self.expire(step);
        let answer = self.reserve_now(step, ask);
        self.finish(step);
        answer
    }

    fn reserve_now(&mut self, step: &mut Step<'_>, ask: &Ask) -> Result<Reserved, ReserveRefusal> {
        self.must_be_open()?;
        if let Some(rival) = self.rival_of(ask) {
            return Err(ReserveRefusal::Contested(rival));
        }
        if let Some(slot) = self.slots.get(&ask.user) {
            resume::judge(&slot.sitting, ask.resume.as_ref(), step.terms)?;
            return Ok(self.reserve_within(step, ask));
        }
        let class = self.class_for(ask.is_staff).ok_or(ReserveRefusal::RoomFull)?;
        if !self.add_slot(ask.user, class) {
            return Err(ReserveRefusal::RoomFull);
        }
        self.take_waiter(step, ask.user, WaiterEnd::Seated);
        Ok(self.reserve_within(step, ask))
    }

    /// Reserves for a user who has a slot.
    pub(super) fn reserve_within(&mut self, step: &mut Step<'_>, ask: &Ask) -> Reserved {
        let slot = self.slots.get(&ask.user);
        let takeover = slot.is_some_and(|slot| !slot.sitting.is_empty());
        let standing = slot.and_then(|slot| slot.reservation()).filter(|it| it.login == ask.login);
        let standing = standing.copied().filter(|_| !mutants::on(Mutant::B19AskingExtends));
        let reservation =
            standing.unwrap_or_else(|| self.grant(step, ask.user, ask.login, ask.nonce, false));
        Reserved { user: ask.user, reservation, takeover, fresh: standing.is_none() }
    }

    /// Counts seats for several users at once: all of them or none.
    ///
    /// # Errors
    /// Names those who cannot be seated; nothing has changed then. While anyone waits, that is the
    /// whole party.
    pub fn reserve_party(
        &mut self,
        step: &mut Step<'_>,
        party: &[Ask],
    ) -> Result<Vec<Reserved>, PartyRefusal> {
        self.expire(step);
        let seats = self.seats_for_party(step, party)?;
        for (user, class) in seats {
            let added = self.add_slot(user, class);
            debug_assert!(added, "the party was measured against the free places");
        }
        let answers = party.iter().map(|ask| self.reserve_within(step, ask)).collect();
        self.finish(step);
        Ok(answers)
    }

    /// Which new slots the party needs, or who has no place.
    fn seats_for_party(
        &self,
        step: &Step<'_>,
        party: &[Ask],
    ) -> Result<Vec<(UserId, Class)>, PartyRefusal> {
        let mut staff = self.free(Class::Staff);
        let mut ordinary = self.free(Class::Ordinary);
        let mut places = (self.capacity as usize).saturating_sub(self.occupancy());
        let mut seats: Vec<(UserId, Class)> = Vec::new();
        let mut failed = Vec::new();
        for ask in party {
            let refusal = match (self.must_be_open(), self.slots.get(&ask.user)) {
                (Err(refusal), _) => Some(refusal),
                _ if self.waiting() > 0 => Some(ReserveRefusal::RoomFull),
                (Ok(()), Some(slot)) => {
                    let judged = resume::judge(&slot.sitting, ask.resume.as_ref(), step.terms);
                    let rival = self.rival_of(ask).map(ReserveRefusal::Contested);
                    rival.or(judged.err().map(ReserveRefusal::from))
                }
                (Ok(()), None) if seats.iter().any(|(user, _)| *user == ask.user) => None,
                (Ok(()), None) => {
                    let (pool, class) = match ask.is_staff && staff > 0 {
                        true => (&mut staff, Class::Staff),
                        false => (&mut ordinary, Class::Ordinary),
                    };
                    let fits = *pool > 0 && places > 0;
                    if fits {
                        *pool -= 1;
                        places -= 1;
                        seats.push((ask.user, class));
                    }
                    (!fits).then_some(ReserveRefusal::RoomFull)
                }
            };
            failed.extend(refusal.map(|refusal| (ask.user, refusal)));
        }
        if failed.is_empty() { Ok(seats) } else { Err(PartyRefusal { failed }) }
    }

    /// Counts an attempt to connect with a ticket; `false` when it matches no reservation.
    pub fn connecting(
        &mut self,
        step: &mut Step<'_>,
        user: UserId,
        generation: Generation,
        nonce: Nonce,
    ) -> bool {
        self.expire(step);
        let slot = self.slots.get_mut(&user);
        let Some(reservation) = slot.and_then(|slot| slot.reservation.as_mut()) else {
            return false;
        };
        let matches = reservation.generation == generation && reservation.nonce == nonce;
        if matches {
            reservation.count_attempt();
        } else if mutants::on(Mutant::B05WrongTicketStopsTheTimer) {
            self.index.deadline(user, Due::Reservation, Some(reservation.deadline), None);
        }
        matches
    }

    /// Removes the user's reservation, for its owner. Returns its generation, if there was one.
    pub fn cancel(&mut self, step: &mut Step<'_>, user: UserId) -> Option<Generation> {
        self.expire(step);
        let taken = self.alter(step, user, End::Cancelled, |slot| slot.reservation.take());
        let generation = taken.flatten()?.generation;
        step.tell(Change::Dropped { user, generation, cause: End::Cancelled });
        self.finish(step);
        Some(generation)
    }

    /// Removes one grant, and no other: for a caller who found out after its step that it must not
    /// stand. False when that reservation is not there any more, or stands under another login.
    pub fn withdraw(
        &mut self,
        step: &mut Step<'_>,
        user: UserId,
        generation: Generation,
        login: LoginId,
    ) -> bool {
        let slot = self.slots.get(&user);
        let stands = slot.and_then(|slot| slot.reservation()).is_some_and(|reservation| {
            (reservation.generation == generation || mutants::on(Mutant::B13WithdrawByUser))
                && (reservation.login == login || mutants::on(Mutant::B20ForeignGrantWithdrawn))
        });
        stands && self.cancel(step, user) == Some(generation)
    }

    pub(super) fn must_be_open(&self) -> Result<(), ReserveRefusal> {
        match self.state {
            RoomState::Open => Ok(()),
            RoomState::Closing if mutants::on(Mutant::B06ReserveInAClosingRoom) => Ok(()),
            RoomState::Closing => Err(ReserveRefusal::Closed),
            RoomState::Gone => Err(ReserveRefusal::Gone),
        }
    }

    /// Which pool a newcomer's place would come from now. Staff pass the line to a staff seat.
    fn class_for(&self, is_staff: bool) -> Option<Class> {
        if is_staff && self.free(Class::Staff) > 0 {
            return Some(Class::Staff);
        }
        (self.waiting() == 0 && self.free(Class::Ordinary) > 0).then_some(Class::Ordinary)
    }
}
