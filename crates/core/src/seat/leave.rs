//! The ends: a connection closes, a node is gone, a login is superseded or revoked, a user is
//! removed, the room closes.
//!
//! Nobody releases by user id what a session holds: a close names session, generation and owner,
//! and one that names a former part is stale and changes nothing.

use super::slot::Reservation;
use super::{Change, CloseCause, End, Room, RoomSize, RoomState, Step, WaiterEnd};
use crate::ids::{Generation, LoginId, Owner, SessionId, UserId};
use crate::limits::CAPACITY_MAX;
use crate::mutants::{self, Mutant};
use crate::time::Millis;

/// A live part, as its own node names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartRef {
    /// Whose it is.
    pub user: UserId,
    /// The connection.
    pub session: SessionId,
    /// The grant number it was confirmed with.
    pub generation: Generation,
    /// The node that serves it.
    pub owner: Owner,
}

/// How a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parting {
    /// The user left: the seat is free at once.
    Clean,
    /// The line broke, or the page was reloaded: the seat is held for the grace.
    Unclean,
}

/// What a close did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Closed {
    /// No such part any more: no effect.
    Stale,
    /// The part is gone; the user still sits here, by another part.
    Others,
    /// It was the last, and the seat is held until then.
    Held(Millis),
    /// It was the last, and the stay is over.
    Returned,
}

/// A capacity outside 1 to [`CAPACITY_MAX`], or more staff seats than seats.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a room has 1 to {CAPACITY_MAX} seats, and no more of them are for staff")]
pub struct BadCapacity;

impl Room {
    /// A connection ended. Also for one whose entry is still under way.
    pub fn close(&mut self, step: &mut Step<'_>, part: &PartRef, parting: Parting) -> Closed {
        self.expire(step);
        let named = self.slots.get(&part.user).map_or_else(Vec::new, |slot| {
            slot.sitting.sessions(|it| {
                let by_user = mutants::on(Mutant::B13CloseByUser);
                let any_number = by_user || mutants::on(Mutant::B13CloseWithoutGeneration);
                let any_owner = by_user || mutants::on(Mutant::B13CloseWithoutOwner);
                (it.session == part.session || by_user)
                    && (it.generation == part.generation || any_number)
                    && (it.owner == part.owner || any_owner)
            })
        });
        if named.is_empty() {
            if mutants::on(Mutant::B23StaleReleaseGrows) {
                self.capacity += 1;
            }
            return Closed::Stale;
        }
        let cause = match parting {
            Parting::Clean => End::Left,
            Parting::Unclean => End::Lost,
        };
        let hold = parting == Parting::Unclean;
        self.remove_parts(step, part.user, &named, hold, cause);
        let closed = match self.slots.get(&part.user) {
            Some(slot) if !slot.sitting.live.is_empty() => Closed::Others,
            Some(slot) => slot.held().map_or(Closed::Returned, |held| Closed::Held(held.deadline)),
            None => Closed::Returned,
        };
        self.finish(step);
        closed
    }

    /// The user entered another room under the policy `one`: the part of that generation, live or
    /// held, ends as if cleanly. Returns whether it was still there.
    pub fn move_out(&mut self, step: &mut Step<'_>, user: UserId, generation: Generation) -> bool {
        self.expire(step);
        let (moved, _) = self.end_parts(step, user, End::Moved, |it, _| {
            it == generation || mutants::on(Mutant::B13MoveOutByUser)
        });
        self.finish(step);
        moved
    }

    /// The lease of a node is over: its parts end uncleanly, its waiters' streams are lost, and its
    /// entries under way are forgotten, for it may not ask about them any more. Linear in the slots
    /// and the line.
    pub fn fence(&mut self, step: &mut Step<'_>, owner: Owner) -> Vec<SessionId> {
        self.expire(step);
        if !mutants::on(Mutant::B14FenceForgetsEntries) {
            self.entering.retain(|_, entering| entering.owner != owner);
        }
        let mut users: Vec<UserId> = self.slots.keys().copied().collect();
        users.sort_unstable();
        let mut ended = Vec::new();
        for user in users {
            let Some(slot) = self.slots.get(&user) else { continue };
            let sessions = slot.sitting.sessions(|part| {
                let any_life = mutants::on(Mutant::B14FenceWithoutIncarnation);
                part.owner == owner || any_life && part.owner.node == owner.node
            });
            self.remove_parts(step, user, &sessions, true, End::Fenced);
            ended.extend(sessions);
        }
        self.lose_streams(step, owner);
        self.finish(step);
        ended
    }

    /// A newer login of the same user took over: parts of the old one end and leave the seat held,
    /// the reservation and the place in the line are rebound. Returns the sessions to close.
    pub fn supersede(
        &mut self,
        step: &mut Step<'_>,
        user: UserId,
        old: LoginId,
        new: LoginId,
    ) -> Vec<SessionId> {
        self.expire(step);
        let slot = self.slots.get(&user);
        let sessions =
            slot.map_or_else(Vec::new, |slot| slot.sitting.sessions(|part| part.login == old));
        self.remove_parts(step, user, &sessions, true, End::Superseded);
        if let Some(slot) = self.slots.get_mut(&user) {
            // Neither a deadline nor the state of the slot changes, so no index does.
            if let Some(reservation) = slot.reservation.as_mut().filter(|it| it.login == old) {
                reservation.login = new;
            }
            slot.sitting.map_held(&mut |mut held| {
                held.login = if held.login == old { new } else { held.login };
                Some(held)
            });
        }
        if let Some(&waiter) = self.line.get(user).filter(|waiter| waiter.login == old) {
            self.line.put(super::Waiter { login: new, ..waiter });
        }
        self.finish(step);
        sessions
    }

    /// A login was revoked: its parts, live and held, its reservation and its place in the line go
    /// at once. Returns the sessions to close.
    pub fn revoke_login(
        &mut self,
        step: &mut Step<'_>,
        user: UserId,
        login: LoginId,
    ) -> Vec<SessionId> {
        self.expire(step);
        let cause = End::LoggedOut;
        let dropped = self.alter(step, user, cause, |slot| {
            slot.reservation.take_if(|reservation| reservation.login == login)
        });
        if let Some(Reservation { generation, .. }) = dropped.flatten().as_deref().copied() {
            step.tell(Change::Dropped { user, generation, cause });
        }
        let (_, sessions) = self.end_parts(step, user, cause, |_, it| it == login);
        if self.line.get(user).is_some_and(|waiter| waiter.login == login) {
            self.take_waiter(step, user, WaiterEnd::LoggedOut);
        }
        self.finish(step);
        sessions
    }

    /// Kicked or banned: everything the user has here goes at once. Returns the sessions to close.
    pub fn remove(&mut self, step: &mut Step<'_>, user: UserId) -> Vec<SessionId> {
        self.expire(step);
        let sessions = self.end_slot(step, user, End::Removed);
        self.take_waiter(step, user, WaiterEnd::Removed);
        self.finish(step);
        sessions
    }

    /// Closes the room. Returns the sessions to close. Again: no effect.
    pub fn close_room(&mut self, step: &mut Step<'_>) -> Vec<SessionId> {
        self.expire(step);
        if self.state != RoomState::Open && !mutants::on(Mutant::B17RoomClosedTwice) {
            return Vec::new();
        }
        let sessions = self.end_room(step, CloseCause::Requested);
        self.finish(step);
        sessions
    }

    /// Changes the capacity and how many of its seats are for staff. Nobody is thrown out, and a slot
    /// keeps the class it was given; nobody is let in until there is room again in the class.
    ///
    /// # Errors
    /// No such size is possible; nothing has changed then.
    pub fn set_capacity(&mut self, step: &mut Step<'_>, size: RoomSize) -> Result<(), BadCapacity> {
        self.expire(step);
        if !size.is_possible() {
            return Err(BadCapacity);
        }
        self.capacity = size.capacity;
        if !mutants::on(Mutant::B09KeptSeatsOfBefore) {
            self.staff_seats = size.staff_seats;
        }
        self.finish(step);
        Ok(())
    }

    /// Removes parts of one user, oldest first; entries under way among them learn `cause`.
    fn remove_parts(
        &mut self,
        step: &mut Step<'_>,
        user: UserId,
        sessions: &[SessionId],
        hold: bool,
        cause: End,
    ) {
        let now = step.now;
        let until = now.after(step.terms.grace);
        let until = match mutants::on(Mutant::B19HeldWithoutDeadline) {
            true => Millis(u64::MAX),
            false => until,
        };
        let hold_until = Some(until).filter(|until| hold && now < *until);
        self.mark_ended(sessions, cause);
        self.alter(step, user, cause, |slot| {
            for session in sessions {
                slot.sitting.remove(*session, now, hold_until);
            }
        });
    }

    /// Ends parts of one user, live and held, at any depth. Returns whether there was one, and the
    /// sessions among them.
    fn end_parts(
        &mut self,
        step: &mut Step<'_>,
        user: UserId,
        cause: End,
        wanted: impl Fn(Generation, LoginId) -> bool,
    ) -> (bool, Vec<SessionId>) {
        let now = step.now;
        let ended = self.alter(step, user, cause, |slot| {
            let sitting = &mut slot.sitting;
            let sessions = sitting.sessions(|part| wanted(part.generation, part.login));
            let mut any = !sessions.is_empty();
            sitting.map_held(&mut |held| {
                let gone = wanted(held.generation, held.login);
                any |= gone;
                Some(held).filter(|_| !gone)
            });
            for session in &sessions {
                sitting.remove(*session, now, None);
            }
            (any, sessions)
        });
        let (any, sessions) = ended.unwrap_or_default();
        self.mark_ended(&sessions, cause);
        (any, sessions)
    }
}
