//! Rooms and nodes across the lives of a store: what is added, taken up, fenced and dropped.

use std::collections::{BTreeSet, HashSet};

use anteroom_core::ids::{Owner, RoomId, SessionId};
use anteroom_core::seat::{Header, Room, RoomSpec, RoomState, Sitting, Snapshot};

use super::book::Book;
use super::scope::Scope;
use super::transaction::{Fetched, Transaction};
use super::working::Working;
use crate::admission::{EndedSessions, Whose};

impl<T: Transaction> Book<'_, T> {
    /// Adds a room, or takes up one of an earlier life.
    pub(super) async fn add_room(&mut self, spec: RoomSpec) -> Fetched<()> {
        let scope = Scope::default();
        let Some(mut working) = self.open(spec.id, &scope).await? else {
            return self.add_new(spec).await;
        };
        let header = working.room.header();
        if header.epoch >= spec.epoch {
            return Ok(());
        }
        if header.state != RoomState::Open {
            // It was closing and its row is there still, but whoever adds it knows it as open.
            self.tx.drop_room(spec.id).await?;
            return self.add_new(spec).await;
        }
        working.room.renew(&spec);
        self.keep(working).await
    }

    async fn add_new(&mut self, spec: RoomSpec) -> Fetched<()> {
        self.tx.add(&Header::new(spec)).await?;
        self.deadlines.push((spec.id, Room::new(spec).next_deadline()));
        Ok(())
    }

    /// Drops every room, and what anybody has in it.
    pub(super) async fn forget_all(&mut self) -> Fetched<()> {
        for room in self.tx.rooms().await? {
            self.tx.drop_room(room).await?;
        }
        self.tx.forget_places().await
    }

    /// Begins this life, and drops the rooms that are left over. Answers the rooms that somebody is in.
    pub(super) async fn take_up(
        &mut self,
        whose: Whose,
        kept: &HashSet<RoomId>,
    ) -> Fetched<Vec<RoomId>> {
        self.tx.begin(&whose).await?;
        let kept: Vec<RoomId> = kept.iter().copied().collect();
        for room in self.tx.strangers(&kept).await? {
            self.tx.drop_room(room).await?;
            self.deadlines.push((room, None));
        }
        if self.rules.one_session_in_all() {
            self.tx.forget_lost_places().await?;
        } else {
            self.tx.forget_places().await?;
        }
        self.tx.inhabited().await
    }

    /// Ends what earlier lives of the node left in these rooms.
    pub(super) async fn bring_up(&mut self, rooms: &[RoomId], owner: Owner) -> Fetched<()> {
        for room in rooms {
            let Some(mut working) = self.open(*room, &Scope::whole()).await? else { continue };
            let former = owners(&working.room.snapshot());
            let former = former.into_iter().filter(|it| it.node == owner.node && *it != owner);
            for owner in former {
                self.fence_one(&mut working, owner).await?;
            }
            self.bring_into_time(&mut working);
            self.keep(working).await?;
        }
        Ok(())
    }

    /// The rooms that somebody is in, or in front of.
    pub(super) async fn inhabited(&mut self) -> Fetched<Vec<RoomId>> {
        self.tx.inhabited().await
    }

    /// Ends the parts of an owner in these rooms.
    pub(super) async fn fence(&mut self, rooms: &[RoomId], owner: Owner) -> Fetched<EndedSessions> {
        let mut ended = Vec::new();
        for room in rooms {
            let Some(mut working) = self.open(*room, &Scope::whole()).await? else { continue };
            ended.extend(self.fence_one(&mut working, owner).await?);
            self.keep(working).await?;
        }
        Ok(ended)
    }

    /// Its entries under way will neither be settled nor aborted, so their places go here.
    async fn fence_one(&mut self, working: &mut Working, owner: Owner) -> Fetched<Vec<SessionId>> {
        if self.rules.one_session_in_all() {
            let entering = working.room.snapshot().entering;
            for entry in entering.into_iter().filter(|it| it.owner == owner) {
                self.tx.forget_place(entry.user, entry.session).await?;
            }
        }
        Ok(self.act(working, |it, step| it.fence(step, owner)))
    }

    /// A wall clock that was set back between two lives must not keep a seat for longer than its
    /// span: deadlines lie at most that far ahead.
    fn bring_into_time(&self, working: &mut Working) {
        let (now, terms) = (self.now, &self.rules.terms);
        let mut snapshot = working.room.snapshot();
        for slot in &mut snapshot.slots {
            if let Some(held) = &mut slot.sitting.held {
                held.deadline = held.deadline.min(now.after(terms.grace));
            }
            // One that was made in the past keeps the deadline that its ticket says.
            if let Some(it) = slot.reservation.as_mut().filter(|it| it.since > now) {
                it.deadline = it.deadline.min(now.after(terms.reservation_ttl));
            }
        }
        // One that never comes is that of a waiter whose streams had no names yet.
        for deadline in snapshot.line.iter_mut().filter_map(|it| it.away_deadline.as_mut()) {
            *deadline = (*deadline).min(now.after(terms.waiter_ttl));
        }
        working.replace(snapshot);
    }
}

/// Who owns parts, streams and entries under way of a room, in order.
fn owners(room: &Snapshot) -> BTreeSet<Owner> {
    let mut owners: BTreeSet<Owner> = room.entering.iter().map(|it| it.owner).collect();
    owners.extend(room.line.iter().flat_map(|waiter| waiter.streams.iter().map(|it| it.owner)));
    room.slots.iter().for_each(|slot| owners_of(&slot.sitting, &mut owners));
    owners
}

fn owners_of(sitting: &Sitting, owners: &mut BTreeSet<Owner>) {
    for part in &sitting.live {
        owners.insert(part.owner);
        if let Some(before) = &part.replaced {
            owners_of(before, owners);
        }
    }
}
