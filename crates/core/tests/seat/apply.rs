//! One operation, taken by the ledger and by the model alike.

use anteroom_core::ids::{LoginId, Nonce, Owner, ResumeHash, SessionId, UserId};
use anteroom_core::seat::{Ask, Change, Claim, Closed, PartRef, Parting, RoomState, Step, Waiting};
use uuid::Uuid;

use crate::ops::{Op, Pick, Secret, Twist};
use crate::world::World;

fn user(n: u8) -> UserId {
    UserId(Uuid::from_u128(u128::from(n) + 1))
}

fn login(user: u8, n: u8) -> LoginId {
    LoginId(Uuid::from_u128(100 + u128::from(user) * 10 + u128::from(n)))
}

/// Two lives of one node, and another node.
fn owner(n: u8) -> Owner {
    Owner { node: u32::from(n / 2), incarnation: 1 + u64::from(n % 2) }
}

fn picked<T: Copy>(all: &[T], pick: Pick) -> Option<T> {
    if all.is_empty() { None } else { Some(all[all.len() - 1 - pick % all.len()]) }
}

/// Takes the step in the ledger and in the model; the answers must agree.
macro_rules! both {
    ($world:ident, $journal:ident, $step:ident ( $($arg:expr),* )) => {{
        let step = &mut Step::new($world.now, &$world.terms, $journal);
        let answer = $world.room.$step(step, $($arg),*);
        let expected = $world.model.$step($($arg),*);
        assert_eq!(answer, expected, "the ledger (left) answers as the model (right)");
        answer
    }};
}

impl World {
    fn secret(&self, secret: Secret) -> Option<ResumeHash> {
        match secret {
            Secret::None => None,
            Secret::Unknown => Some(ResumeHash([255; 32])),
            Secret::Of(pick) => picked(&self.parts, pick).map(|(_, resume)| resume),
        }
    }

    fn ask(&mut self, who: u8, of: u8, is_staff: bool, resume: Secret) -> Ask {
        let nonce = Nonce(self.mint().to_be_bytes());
        let resume = self.secret(resume);
        Ask { user: user(who), login: login(who, of), nonce, is_staff, resume }
    }

    /// Applies `op` to both. Returns whether it was refused, so that nothing may have changed.
    pub(crate) fn apply(&mut self, op: &Op, journal: &mut Vec<Change>) -> bool {
        match op {
            Op::Reserve { .. } | Op::Party { .. } | Op::Connecting { .. } => {
                self.apply_reserve(op, journal)
            }
            Op::Confirm { .. } | Op::Settle { .. } | Op::Abort { .. } | Op::Heard { .. } => {
                self.apply_entry(op, journal)
            }
            Op::Wait { .. }
            | Op::StopWaiting { .. }
            | Op::Attach { .. }
            | Op::StreamLost { .. } => self.apply_waiting(op, journal),
            _ => self.apply_leaving(op, journal),
        }
    }

    fn apply_reserve(&mut self, op: &Op, journal: &mut Vec<Change>) -> bool {
        match *op {
            Op::Reserve { user, login, staff, resume } => {
                let ask = self.ask(user, login, staff, resume);
                let answer = both!(self, journal, reserve(&ask));
                if let Ok(reserved) = &answer {
                    self.tickets.push((ask.user, reserved.reservation));
                }
                answer.is_err()
            }
            Op::Party { ref users, staff } => {
                let party: Vec<Ask> =
                    users.iter().map(|who| self.ask(*who, 0, staff, Secret::None)).collect();
                let answer = both!(self, journal, reserve_party(&party));
                for reserved in answer.iter().flatten() {
                    self.tickets.push((reserved.user, reserved.reservation));
                }
                answer.is_err()
            }
            Op::Connecting { ticket, twist } => {
                let Some((user, it)) = picked(&self.tickets, ticket) else { return false };
                let nonce = if matches!(twist, Twist::Nonce) { Nonce([0; 16]) } else { it.nonce };
                !both!(self, journal, connecting(user, it.generation, nonce))
            }
            _ => unreachable!("not a way to reserve"),
        }
    }

    fn apply_entry(&mut self, op: &Op, journal: &mut Vec<Change>) -> bool {
        match *op {
            Op::Confirm { ticket, twist, resume, node } => {
                let Some((who, it)) = picked(&self.tickets, ticket) else { return false };
                let (session, new_resume) = (self.mint(), self.mint());
                let mut claim = Claim {
                    user: who,
                    generation: it.generation,
                    nonce: it.nonce,
                    login: it.login,
                    session: SessionId(Uuid::from_u128(session)),
                    owner: owner(node),
                    new_resume: ResumeHash([new_resume as u8; 32]),
                    presented: self.secret(resume),
                };
                claim.new_resume.0[..16].copy_from_slice(&new_resume.to_be_bytes());
                match twist {
                    Twist::Nonce => claim.nonce = Nonce([0; 16]),
                    Twist::Login => claim.login = LoginId(Uuid::nil()),
                    Twist::Generation => claim.generation.n += 1,
                    Twist::User => claim.user = user(0),
                    Twist::Owner | Twist::None => {}
                }
                let answer = both!(self, journal, confirm(&claim));
                if answer.is_ok() {
                    let Claim { user, session, generation, owner, .. } = claim;
                    let part = PartRef { user, session, generation, owner };
                    self.parts.push((part, claim.new_resume));
                    self.entries.push(session);
                }
                answer.is_err()
            }
            Op::Settle { entry } => {
                let Some(session) = picked(&self.entries, entry) else { return false };
                self.entries.retain(|it| *it != session);
                let _ = both!(self, journal, settle_entry(session));
                false
            }
            Op::Abort { entry } => {
                let Some(session) = picked(&self.entries, entry) else { return false };
                self.entries.retain(|it| *it != session);
                let _ = both!(self, journal, abort(session));
                false
            }
            Op::Heard { session } => {
                let Some((part, _)) = picked(&self.parts, session) else { return false };
                let heard = self.room.heard(part.user, part.session);
                assert_eq!(heard, self.model.heard(part.user, part.session));
                !heard
            }
            _ => unreachable!("no part of an entry"),
        }
    }

    fn apply_leaving(&mut self, op: &Op, journal: &mut Vec<Change>) -> bool {
        match *op {
            Op::Cancel { user: who } => both!(self, journal, cancel(user(who))).is_none(),
            Op::Close { session, twist, clean } => {
                let Some((mut part, _)) = picked(&self.parts, session) else { return false };
                match twist {
                    Twist::Generation => part.generation.n += 1,
                    Twist::Owner => part.owner.incarnation += 1,
                    Twist::User => part.user = user(0),
                    Twist::None | Twist::Nonce | Twist::Login => {}
                }
                let parting = if clean { Parting::Clean } else { Parting::Unclean };
                both!(self, journal, close(&part, parting)) == Closed::Stale
            }
            Op::MoveOut { session } => {
                let Some((part, _)) = picked(&self.parts, session) else { return false };
                !both!(self, journal, move_out(part.user, part.generation))
            }
            Op::Fence { node } => {
                both!(self, journal, fence(owner(node)));
                false
            }
            Op::Supersede { user: who, old, new } => {
                both!(self, journal, supersede(user(who), login(who, old), login(who, new)));
                false
            }
            Op::Revoke { user: who, login: of } => {
                both!(self, journal, revoke_login(user(who), login(who, of)));
                false
            }
            Op::Remove { user: who } => {
                both!(self, journal, remove(user(who)));
                false
            }
            Op::CloseRoom => {
                let again = self.room.state() != RoomState::Open;
                both!(self, journal, close_room());
                again
            }
            Op::SetCapacity { capacity } => {
                let step = &mut Step::new(self.now, &self.terms, journal);
                let answer = self.room.set_capacity(step, capacity).is_ok();
                assert_eq!(answer, self.model.set_capacity(capacity));
                !answer
            }
            Op::Expire => {
                let step = &mut Step::new(self.now, &self.terms, journal);
                self.room.expire(step);
                self.model.expire();
                false
            }
            _ => unreachable!("no way to leave"),
        }
    }

    fn apply_waiting(&mut self, op: &Op, journal: &mut Vec<Change>) -> bool {
        match *op {
            Op::Wait { user, login, staff } => {
                let ask = self.ask(user, login, staff, Secret::None);
                let answer = both!(self, journal, wait(&ask));
                if let Ok(Waiting::Reserved(reserved)) = &answer {
                    self.tickets.push((ask.user, reserved.reservation));
                }
                answer.is_err()
            }
            Op::StopWaiting { user: who } => !both!(self, journal, stop_waiting(user(who))),
            Op::Attach { user: who } => {
                let place = both!(self, journal, stream_attached(user(who)));
                self.streams.extend(place.map(|place| (user(who), place)));
                place.is_none()
            }
            Op::StreamLost { stream } => {
                let Some((who, place)) = picked(&self.streams, stream) else { return false };
                let at = self.streams.iter().position(|it| *it == (who, place)).unwrap();
                self.streams.remove(at);
                both!(self, journal, stream_lost(who, place));
                false
            }
            _ => unreachable!("nothing about waiting"),
        }
    }
}
