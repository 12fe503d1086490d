//! Who sits on a slot: live parts, or one held part, never both.
//!
//! A part that entered but is not settled yet keeps what it replaced, as a `Sitting` of its own, so
//! that undoing the entry is putting that value back. The nesting is as deep as entries of one user
//! are under way at once. Removing a part works at any depth and is the same everywhere: an
//! unsettled part gives way to what it had replaced, a settled one may leave a held part behind.

use super::resume::ResumeMatch;
use crate::ids::{Generation, LoginId, Owner, ResumeHash, SessionId};
use crate::time::Millis;

/// A live part of a seat: one session.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Part {
    /// The connection.
    pub session: SessionId,
    /// The grant number; with session and owner it is what a close must name.
    pub generation: Generation,
    /// The login it entered under.
    pub login: LoginId,
    /// The node that serves it.
    pub owner: Owner,
    /// Proves an automatic reconnect of this very part.
    pub resume: ResumeHash,
    /// The secret that brought it here by a refresh, good until its peer was heard: the line may
    /// have broken before the peer learnt the new one, and then it has only this.
    /// Apart: it is there for a moment only.
    pub former: Option<Box<ResumeHash>>,
    /// What the entry of this part replaced; `Some` until the entry is settled.
    pub replaced: Option<Box<Sitting>>,
}

impl Part {
    /// Whether its entry is complete.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.replaced.is_none()
    }

    fn hold(&self, deadline: Millis) -> Box<Held> {
        let &Self { generation, login, resume, ref former, .. } = self;
        Box::new(Held { generation, login, resume, former: former.as_deref().copied(), deadline })
    }
}

/// A seat kept after an unclean close.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Held {
    /// The grant number of the part that ended.
    pub generation: Generation,
    /// The login it was under.
    pub login: LoginId,
    /// Proves the return of that part.
    pub resume: ResumeHash,
    /// As [`Part::former`].
    pub former: Option<ResumeHash>,
    /// The seat is reclaimed at this instant.
    pub deadline: Millis,
}

/// Live parts, or one held part, or nobody.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Sitting {
    /// The live parts, in no particular order.
    pub live: Vec<Part>,
    /// The held part; `None` whenever a live one is there.
    pub held: Option<Box<Held>>,
}

impl Sitting {
    pub(super) fn is_empty(&self) -> bool {
        self.live.is_empty() && self.held.is_none()
    }

    /// How many parts sit here now; a held one counts.
    pub(super) fn len(&self) -> usize {
        self.live.len() + usize::from(self.held.is_some())
    }

    /// Visits every part, those inside entries under way included.
    pub(super) fn each(&self, visit: &mut dyn FnMut(&Part)) {
        for part in &self.live {
            visit(part);
            if let Some(before) = &part.replaced {
                before.each(visit);
            }
        }
    }

    /// The sessions at any depth for which `wanted` holds, oldest first.
    pub(super) fn sessions(&self, wanted: impl Fn(&Part) -> bool) -> Vec<SessionId> {
        let mut found = Vec::new();
        self.each(&mut |part| {
            if wanted(part) {
                found.push((part.generation, part.session));
            }
        });
        found.sort_unstable();
        found.into_iter().map(|(_, session)| session).collect()
    }

    /// The part of `session`, at any depth.
    pub(super) fn find_mut(&mut self, session: SessionId) -> Option<&mut Part> {
        for part in &mut self.live {
            if part.session == session {
                return Some(part);
            }
            let inside = part.replaced.as_mut().and_then(|before| before.find_mut(session));
            if inside.is_some() {
                return inside;
            }
        }
        None
    }

    /// Changes every held part, at any depth, by `keep`: `None` drops it.
    pub(super) fn map_held(&mut self, map: &mut dyn FnMut(Held) -> Option<Held>) {
        let held = self.held.take().and_then(|held| map(*held));
        self.held = held.map(Box::new);
        for before in self.live.iter_mut().filter_map(|part| part.replaced.as_mut()) {
            before.map_held(map);
        }
    }

    /// The youngest generation that sits here now.
    pub(super) fn youngest(&self) -> Option<Generation> {
        let live = self.live.iter().map(|part| part.generation);
        live.chain(self.held.as_ref().map(|held| held.generation)).max()
    }

    /// How `presented` compares with the secrets that are current here.
    pub(super) fn compare(&self, presented: &ResumeHash) -> ResumeMatch {
        if self.is_empty() {
            return ResumeMatch::NotSeated;
        }
        let fits = |resume: ResumeHash, former: Option<&ResumeHash>| {
            resume == *presented || former == Some(presented)
        };
        if self.held.as_ref().is_some_and(|held| fits(held.resume, held.former.as_ref())) {
            return ResumeMatch::Held;
        }
        match self.live.iter().find(|part| fits(part.resume, part.former.as_deref())) {
            Some(part) => ResumeMatch::Part(part.session),
            None => ResumeMatch::Other,
        }
    }

    /// Takes one part out of this level, for a new part to keep as replaced.
    pub(super) fn lift(&mut self, session: SessionId) -> Option<Part> {
        let at = self.live.iter().position(|part| part.session == session)?;
        Some(self.live.remove(at))
    }

    /// The part that has sat here longest.
    pub(super) fn oldest(&self) -> Option<SessionId> {
        self.live.iter().min_by_key(|part| part.generation).map(|part| part.session)
    }

    /// Removes the part of `session` at whatever depth it is.
    ///
    /// An unsettled part gives way to what it had replaced, as far as that still stands at `now`. A
    /// settled one that was the last of its level is held until `hold_until`, if that is given.
    pub(super) fn remove(
        &mut self,
        session: SessionId,
        now: Millis,
        hold_until: Option<Millis>,
    ) -> Option<Part> {
        let Some(mut part) = self.lift(session) else {
            let mut inside = self.live.iter_mut().filter_map(|part| part.replaced.as_mut());
            return inside.find_map(|before| before.remove(session, now, hold_until));
        };
        match part.replaced.take() {
            Some(before) => {
                self.live.extend(before.live);
                if self.live.is_empty() {
                    self.held = before.held.filter(|held| now < held.deadline);
                }
            }
            None if self.live.is_empty() => self.held = hold_until.map(|until| part.hold(until)),
            None => {}
        }
        Some(part)
    }
}
