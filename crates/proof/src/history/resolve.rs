//! From an operation to a call: which ticket, which session, which place is meant.
//!
//! Everything known is kept for ever, so that what comes late comes: a ticket that was used, the
//! close of a session long gone, a stream of a former place.

use anteroom_core::ids::{LoginId, Nonce, Owner, ResumeHash, SessionId, StreamId, UserId};
use anteroom_core::seat::{
    Ask, Attachment, Change, Claim, PartRef, Parting, Reservation, ReserveRefusal, Reserved, Rival,
    RoomSize, WaitRefusal, Waiting,
};
use uuid::Uuid;

use super::ops::{Op, Pick, Secret, Twist};
use super::{Answer, Verb};

/// What the users of a history know, from the answers so far.
#[derive(Default)]
pub(super) struct Known {
    minted: u128,
    tickets: Vec<(UserId, Reservation)>,
    parts: Vec<(PartRef, ResumeHash)>,
    /// Confirmed, and neither settled nor aborted.
    pub(super) entries: Vec<(UserId, SessionId)>,
    /// What was told to stand in the way of a user's other login.
    rivals: Vec<(UserId, Rival)>,
    /// Every stream that was ever attached.
    streams: Vec<(UserId, StreamId)>,
}

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

fn taken<T: Copy>(all: &mut Vec<T>, pick: Pick) -> Option<T> {
    let last = all.len().checked_sub(1)?;
    Some(all.remove(last - pick % all.len()))
}

impl Known {
    pub(super) fn new() -> Self {
        Self { minted: 1_000, ..Self::default() }
    }

    /// Every session that was ever confirmed.
    pub(super) fn sessions(&self) -> usize {
        self.parts.len()
    }

    /// How many streams were ever attached.
    pub(super) fn streams(&self) -> usize {
        self.streams.len()
    }

    fn stream_of(&self, user: UserId, pick: Pick) -> Option<StreamId> {
        let mine = self.streams.iter().filter(|(who, _)| *who == user);
        picked(&mine.map(|(_, stream)| *stream).collect::<Vec<_>>(), pick)
    }

    /// The call that is meant; `None` when nothing of its kind is known yet.
    pub(super) fn resolve(&mut self, op: &Op) -> Option<Verb> {
        Some(match *op {
            Op::Reserve { user, login, staff, resume, over } => {
                Verb::Reserve(self.ask((user, login, over), staff, resume))
            }
            Op::Party { ref users, staff, over } => {
                let party = users.iter().map(|who| self.ask((*who, 0, over), staff, Secret::None));
                Verb::ReserveParty(party.collect())
            }
            Op::Connecting { ticket, twist } => {
                let (user, it) = picked(&self.tickets, ticket)?;
                let nonce = if matches!(twist, Twist::Nonce) { Nonce([0; 16]) } else { it.nonce };
                Verb::Connecting(user, it.generation, nonce)
            }
            Op::Confirm { ticket, twist, resume, node } => {
                Verb::Confirm(self.claim(ticket, twist, resume, node)?)
            }
            Op::Settle { entry } => {
                let (user, session) = taken(&mut self.entries, entry)?;
                Verb::Settle(user, session)
            }
            Op::Abort { entry } => {
                let (user, session) = taken(&mut self.entries, entry)?;
                Verb::Abort(user, session)
            }
            Op::Wait { user, login, staff, over } => {
                Verb::Wait(self.ask((user, login, over), staff, Secret::None))
            }
            Op::StopWaiting { user: who } => Verb::StopWaiting(user(who)),
            Op::Attach { user: who, node, again } => {
                let stream = again.and_then(|pick| self.stream_of(user(who), pick));
                let new = || StreamId { owner: owner(node), n: self.streams.len() as u64 };
                Verb::StreamAttached(user(who), stream.unwrap_or_else(new))
            }
            Op::StreamLost { stream } => {
                let (user, stream) = picked(&self.streams, stream)?;
                Verb::StreamLost(user, stream)
            }
            _ => self.resolve_leaving(op)?,
        })
    }

    fn resolve_leaving(&self, op: &Op) -> Option<Verb> {
        Some(match *op {
            Op::Cancel { user: who } => Verb::Cancel(user(who)),
            Op::Withdraw { ticket, twist } => {
                let (who, mut it) = picked(&self.tickets, ticket)?;
                match twist {
                    Twist::Generation => it.generation.n += 1,
                    Twist::Login => it.login = LoginId(Uuid::nil()),
                    Twist::None | Twist::Nonce | Twist::Owner | Twist::User => {}
                }
                Verb::Withdraw(who, it.generation, it.login)
            }
            Op::Heard { session } => {
                let (part, _) = picked(&self.parts, session)?;
                Verb::Heard(part.user, part.session)
            }
            Op::Close { session, twist, clean } => {
                let (mut part, _) = picked(&self.parts, session)?;
                match twist {
                    Twist::Generation => part.generation.n += 1,
                    Twist::Owner => part.owner.incarnation += 1,
                    Twist::User => part.user = user(0),
                    Twist::None | Twist::Nonce | Twist::Login => {}
                }
                Verb::Close(part, if clean { Parting::Clean } else { Parting::Unclean })
            }
            Op::MoveOut { session } => {
                let (part, _) = picked(&self.parts, session)?;
                Verb::MoveOut(part.user, part.generation)
            }
            Op::Fence { node } => Verb::Fence(owner(node)),
            Op::Supersede { user: who, old, new } => {
                Verb::Supersede(user(who), login(who, old), login(who, new))
            }
            Op::Revoke { user: who, login: of } => Verb::RevokeLogin(user(who), login(who, of)),
            Op::Remove { user: who } => Verb::Remove(user(who)),
            Op::CloseRoom => Verb::CloseRoom,
            Op::SetCapacity { capacity, staff_seats } => {
                Verb::SetCapacity(RoomSize { capacity, staff_seats })
            }
            _ => Verb::Expire,
        })
    }

    /// Keeps what the answer and the journal of a step make known.
    pub(super) fn learn(&mut self, verb: &Verb, answer: &Answer, journal: &[Change]) {
        let ticket = |it: &Reserved| (it.user, it.reservation);
        match (verb, answer) {
            (_, Answer::Reserved(Ok(it)) | Answer::Waiting(Ok(Waiting::Reserved(it)))) => {
                self.tickets.push(ticket(it));
            }
            (_, Answer::Party(Ok(all))) => self.tickets.extend(all.iter().map(ticket)),
            (Verb::Confirm(claim), Answer::Confirmed(Ok(_))) => {
                let &Claim { user, session, generation, owner, .. } = claim;
                self.parts.push((PartRef { user, session, generation, owner }, claim.new_resume));
                self.entries.push((user, session));
            }
            (Verb::Reserve(ask), Answer::Reserved(Err(ReserveRefusal::Contested(rival))))
            | (Verb::Wait(ask), Answer::Waiting(Err(WaitRefusal::Contested(rival)))) => {
                self.rivals.push((ask.user, *rival));
            }
            (Verb::StreamAttached(user, stream), Answer::Attached(Attachment::Attached)) => {
                self.streams.push((*user, *stream));
            }
            _ => {}
        }
        for change in journal {
            if let Change::Offered { user, reservation } = *change {
                self.tickets.push((user, reservation));
            }
        }
    }

    fn mint(&mut self) -> u128 {
        self.minted += 1;
        self.minted
    }

    fn secret(&self, secret: Secret) -> Option<ResumeHash> {
        match secret {
            Secret::None => None,
            Secret::Unknown => Some(ResumeHash([255; 32])),
            Secret::Of(pick) => picked(&self.parts, pick).map(|(_, resume)| resume),
        }
    }

    /// By whom: the user, the login, and whether what stood in its way last is named.
    fn ask(&mut self, by: (u8, u8, bool), is_staff: bool, resume: Secret) -> Ask {
        let (who, of, names) = by;
        let nonce = Nonce(self.mint().to_be_bytes());
        let resume = self.secret(resume);
        let (user, login) = (user(who), login(who, of));
        let told = self.rivals.iter().rev().find(|(whose, _)| *whose == user);
        let over = told.filter(|_| names).map(|(_, rival)| *rival);
        Ask { user, login, nonce, is_staff, resume, over }
    }

    fn claim(&mut self, ticket: Pick, twist: Twist, resume: Secret, node: u8) -> Option<Claim> {
        let (who, it) = picked(&self.tickets, ticket)?;
        let (session, secret) = (self.mint(), self.mint());
        let mut new_resume = [0; 32];
        new_resume[..16].copy_from_slice(&secret.to_be_bytes());
        let mut claim = Claim {
            user: who,
            generation: it.generation,
            nonce: it.nonce,
            login: it.login,
            session: SessionId(Uuid::from_u128(session)),
            owner: owner(node),
            new_resume: ResumeHash(new_resume),
            presented: self.secret(resume),
        };
        match twist {
            Twist::Nonce => claim.nonce = Nonce([0; 16]),
            Twist::Login => claim.login = LoginId(Uuid::nil()),
            Twist::Generation => claim.generation.n += 1,
            Twist::User => claim.user = user(0),
            Twist::Owner | Twist::None => {}
        }
        Some(claim)
    }
}
