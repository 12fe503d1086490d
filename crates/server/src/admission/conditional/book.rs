//! The verbs over one open transaction: what to load, what to decide, what to write. No driver.
//!
//! Each is the step of [`anteroom_core::seat::Room`] of the same name, with what crosses rooms in
//! the same transaction: the quota, and under the policy of one session in all the places of the
//! user. Places are recorded at a confirm, former ones are given up when it is settled, the new one
//! is forgotten when it is aborted, and all of a stay's when it ends, as in
//! [`anteroom_core::place::Places`].

use anteroom_core::ids::{ResumeHash, RoomId, UserId};
use anteroom_core::seat::{ReserveRefusal, Room, RoomSize, RoomState, SessionPolicy, Step, Terms};
use anteroom_core::time::Millis;

use super::scope::Scope;
use super::transaction::{Fetched, Transaction};
use super::working::Working;
use crate::admission::{Bounds, Journal};

/// What verbs are decided by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) terms: Terms,
    pub(super) bounds: Bounds,
}

impl Rules {
    pub(super) fn one_session_in_all(&self) -> bool {
        self.terms.sessions == SessionPolicy::One
    }
}

/// One verb's work.
pub(super) struct Book<'a, T> {
    pub(super) tx: &'a mut T,
    pub(super) rules: &'a Rules,
    /// The instant of the verb.
    pub(super) now: Millis,
    pub(super) journal: Journal,
    /// When each room that was touched has something due next.
    pub(super) deadlines: Vec<(RoomId, Option<Millis>)>,
}

impl<'a, T: Transaction> Book<'a, T> {
    pub(super) fn new(tx: &'a mut T, rules: &'a Rules, now: Millis) -> Self {
        Self { tx, rules, now, journal: Journal::new(), deadlines: Vec::new() }
    }

    /// One step of one room. `None` when there is no such room.
    pub(super) async fn step<R>(
        &mut self,
        room: RoomId,
        scope: Scope,
        act: impl FnOnce(&mut Room, &mut Step<'_>) -> R,
    ) -> Fetched<Option<R>> {
        let Some(mut working) = self.open(room, &scope).await? else { return Ok(None) };
        let answer = self.act(&mut working, act);
        self.keep(working).await?;
        Ok(Some(answer))
    }

    /// A step in each of several rooms for one user; what they answer, together.
    pub(super) async fn step_each<R>(
        &mut self,
        rooms: Vec<RoomId>,
        user: UserId,
        act: impl Fn(&mut Room, &mut Step<'_>) -> Vec<R>,
    ) -> Fetched<Vec<R>> {
        let mut all = Vec::new();
        for room in rooms {
            all.extend(self.step(room, Scope::of(user), &act).await?.unwrap_or_default());
        }
        Ok(all)
    }

    /// The rooms in which the user has a slot or waits.
    pub(super) async fn rooms_of(&mut self, user: UserId) -> Fetched<Vec<RoomId>> {
        self.tx.rooms_of(user).await
    }

    pub(super) async fn open(&mut self, room: RoomId, scope: &Scope) -> Fetched<Option<Working>> {
        Ok(self.tx.load(room, scope, self.now).await?.map(Working::new))
    }

    pub(super) fn act<R>(
        &mut self,
        working: &mut Working,
        act: impl FnOnce(&mut Room, &mut Step<'_>) -> R,
    ) -> R {
        let (answer, changes) = working.act(self.now, &self.rules.terms, act);
        let room = working.room.id();
        self.journal.extend(changes.into_iter().map(|change| (room, change)));
        answer
    }

    /// Ends what is overdue, and writes that: a slot that goes and is made anew in one verb is a new
    /// row, and judged as one.
    pub(super) async fn expire_first(&mut self, working: &mut Working) -> Fetched<()> {
        self.act(working, |room, step| room.expire(step));
        self.write(working).await
    }

    /// Writes what changed so far.
    pub(super) async fn write(&mut self, working: &mut Working) -> Fetched<()> {
        let difference = working.difference()?;
        if !difference.is_empty() {
            self.tx.write(&difference).await?;
        }
        let ended = std::mem::take(&mut working.stays_ended);
        if self.rules.one_session_in_all() {
            for (user, last) in ended {
                self.tx.forget_stay(user, working.room.id(), last).await?;
            }
        }
        Ok(())
    }

    /// Changes the size; what is overdue is ended, and offered, under the one before.
    pub(super) async fn set_capacity(&mut self, room: RoomId, size: RoomSize) -> Fetched<bool> {
        let scope = Scope { size: Some(size), ..Scope::default() };
        let Some(mut working) = self.open(room, &scope).await? else { return Ok(false) };
        self.expire_first(&mut working).await?;
        let done = self.act(&mut working, |it, step| it.set_capacity(step, size).is_ok());
        self.keep(working).await?;
        Ok(done)
    }

    /// Writes what changed, and notes when something is due next. A room that is gone is dropped.
    pub(super) async fn keep(&mut self, mut working: Working) -> Fetched<()> {
        self.write(&mut working).await?;
        let room = working.room.id();
        let next = if working.room.state() == RoomState::Gone {
            self.tx.drop_room(room).await?;
            None
        } else if working.is_whole() {
            working.room.next_deadline()
        } else {
            let of_rows = self.tx.next_deadline(room).await?;
            of_rows.into_iter().chain(working.room.next_deadline()).min()
        };
        self.deadlines.push((room, next));
        Ok(())
    }

    /// Under the policy of one session in all: what the room where the user is says of an arrival in
    /// `room`.
    pub(super) async fn lets_move(
        &mut self,
        room: RoomId,
        user: UserId,
        resume: Option<ResumeHash>,
    ) -> Fetched<Result<(), ReserveRefusal>> {
        if !self.rules.one_session_in_all() {
            return Ok(Ok(()));
        }
        let current = self.tx.current_place(user).await?;
        let Some(place) = current.filter(|place| place.room != room) else { return Ok(Ok(())) };
        let other = self.open(place.room, &Scope::of(user)).await?;
        let terms = &self.rules.terms;
        Ok(other.map_or(Ok(()), |other| other.room.lets_move(user, resume.as_ref(), terms)))
    }
}
