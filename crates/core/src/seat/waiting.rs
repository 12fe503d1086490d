//! Waiting for a seat: joining the line, keeping the place, leaving it.

use super::index::Due;
use super::line::Waiter;
use super::reserve::{Ask, Reserved};
use super::rival::Rival;
use super::streams::Streams;
use super::{Room, RoomState, Step, WaiterEnd};
use crate::ids::{Owner, StreamId, UserId};
use crate::limits::WAITLIST_MAX;
use crate::mutants::{self, Mutant};
use crate::time::Millis;

/// The answer to one who asked to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waiting {
    /// In the line.
    InLine {
        /// Where.
        position: Position,
        /// Joined by this ask; `false` when the place was kept.
        fresh: bool,
    },
    /// A place was free, or a reservation stood already: this is it.
    Reserved(Reserved),
}

/// A place in the line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// Counted from 1.
    pub position: usize,
    /// How many stand in front.
    pub ahead: usize,
    /// When the place was taken.
    pub joined: Millis,
}

/// Why somebody cannot wait. Nothing changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WaitRefusal {
    /// The user sits here.
    #[error("the user sits here already")]
    AlreadySeated,
    /// [`WAITLIST_MAX`] wait already.
    #[error("the line is full")]
    LineFull,
    /// The room is closing.
    #[error("the room is closed")]
    Closed,
    /// The room is no more.
    #[error("the room is gone")]
    Gone,
    /// Another login of the user has something here, which the ask did not name.
    #[error("another login of the user has something here")]
    Contested(Rival),
}

/// What became of a stream that was to be attached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attachment {
    /// The user does not wait here.
    NotWaiting,
    /// It keeps the place.
    Attached,
    /// [`STREAMS_MAX`](crate::limits::STREAMS_MAX) others keep it already: this one has no say. It
    /// may ask again.
    TooMany,
}

impl Room {
    /// Puts a user at the end of the line, or offers a place at once if one is free.
    ///
    /// Asked again, the place is kept, and without a stream its deadline starts anew. A place under
    /// another login comes under the one that asks if the ask names it.
    ///
    /// # Errors
    /// As [`WaitRefusal`] says; nothing has changed then.
    pub fn wait(&mut self, step: &mut Step<'_>, ask: &Ask) -> Result<Waiting, WaitRefusal> {
        self.expire(step);
        match self.state {
            RoomState::Open => {}
            RoomState::Closing => return Err(WaitRefusal::Closed),
            RoomState::Gone => return Err(WaitRefusal::Gone),
        }
        if self.is_seated(ask.user) {
            return Err(WaitRefusal::AlreadySeated);
        }
        if let Some(rival) = self.rival_of(ask) {
            return Err(WaitRefusal::Contested(rival));
        }
        if self.slots.contains_key(&ask.user) {
            return Ok(Waiting::Reserved(self.reserve_within(step, ask)));
        }
        let away = Some(step.now.after(step.terms.waiter_ttl));
        let former = self.line.get(ask.user).copied();
        if former.is_none() && self.waiting() >= WAITLIST_MAX {
            return Err(WaitRefusal::LineFull);
        }
        let waiter = match former {
            Some(former) => {
                let away_deadline = former.away_deadline.and(away);
                Waiter { login: ask.login, is_staff: ask.is_staff, away_deadline, ..former }
            }
            None => Waiter {
                user: ask.user,
                login: ask.login,
                nonce: ask.nonce,
                is_staff: ask.is_staff,
                place: self.line.draw(),
                joined: step.now,
                streams: Streams::default(),
                away_deadline: away,
            },
        };
        self.put_waiter(waiter);
        self.finish(step);
        Ok(match self.standing(ask.user, step.now) {
            Some(offer) => Waiting::Reserved(Reserved { fresh: true, ..offer }),
            None => {
                Waiting::InLine { position: self.position_of(&waiter), fresh: former.is_none() }
            }
        })
    }

    /// Leaves the line. Returns whether the user stood there; an offer is cancelled, not this.
    pub fn stop_waiting(&mut self, step: &mut Step<'_>, user: UserId) -> bool {
        self.expire(step);
        let gone = self.take_waiter(step, user, WaiterEnd::Stopped);
        self.finish(step);
        gone
    }

    /// A stream of the waiter is attached: the place has no deadline until that stream is lost.
    /// Attached again: no effect.
    pub fn stream_attached(
        &mut self,
        step: &mut Step<'_>,
        user: UserId,
        stream: StreamId,
    ) -> Attachment {
        self.expire(step);
        let Some(&waiter) = self.line.get(user) else { return Attachment::NotWaiting };
        let mut streams = waiter.streams;
        if !streams.insert(stream) {
            return Attachment::TooMany;
        }
        let away = waiter.away_deadline.filter(|_| mutants::on(Mutant::B15AttachedWaiterTimesOut));
        self.put_waiter(Waiter { streams, away_deadline: away, ..waiter });
        Attachment::Attached
    }

    /// A stream ended. With the last one the place gets a deadline. A stream that is not attached to
    /// the place has no effect.
    pub fn stream_lost(&mut self, step: &mut Step<'_>, user: UserId, stream: StreamId) {
        self.expire(step);
        let Some(&waiter) = self.line.get(user) else { return };
        let stream = match waiter.streams.iter().next() {
            Some(other) if mutants::on(Mutant::B13StreamOfAFormerPlace) => other,
            _ => stream,
        };
        self.let_go(step, &waiter, |streams| streams.remove(stream));
    }

    /// The life of a node is over, and with it every stream that it served. Linear in the line.
    pub(super) fn lose_streams(&mut self, step: &Step<'_>, owner: Owner) {
        let served: Vec<Waiter> =
            self.line.iter().filter(|waiter| waiter.streams.has_of(owner)).copied().collect();
        for waiter in served {
            self.let_go(step, &waiter, |streams| streams.remove_of(owner));
        }
    }

    /// Takes streams from a waiter; the place that lost its last one gets a deadline.
    fn let_go(&mut self, step: &Step<'_>, waiter: &Waiter, take: impl FnOnce(&mut Streams)) {
        let mut streams = waiter.streams;
        take(&mut streams);
        if streams == waiter.streams {
            return;
        }
        let away = step.now.after(step.terms.waiter_ttl);
        let away_deadline = Some(away).filter(|_| streams.is_empty());
        self.put_waiter(Waiter { streams, away_deadline, ..*waiter });
    }

    /// Where the user stands among the waiters that are loaded; linear in those in front.
    #[must_use]
    pub fn position(&self, user: UserId) -> Option<Position> {
        self.line.get(user).map(|waiter| self.position_of(waiter))
    }

    /// Whether the user stands in the line.
    #[must_use]
    pub fn waits(&self, user: UserId) -> bool {
        self.line.get(user).is_some()
    }

    fn position_of(&self, waiter: &Waiter) -> Position {
        let ahead = self.line.ahead_of(waiter.place);
        Position { position: ahead + 1, ahead, joined: waiter.joined }
    }

    /// The line from its head: to tell everybody where they stand, walk it once.
    pub fn waiters(&self) -> impl Iterator<Item = &Waiter> {
        self.line.iter()
    }

    pub(super) fn put_waiter(&mut self, waiter: Waiter) {
        let before = self.line.get(waiter.user).and_then(|former| former.away_deadline);
        self.index.deadline(waiter.user, Due::Waiter, before, waiter.away_deadline);
        self.line.put(waiter);
    }
}
