//! Step 1 for several users at once, asked by a service account: seats for all of them or for none.
//!
//! A game server that has made up a match, a class that starts together. The tickets are the users'
//! own, each bound to a login that its user has at this moment, so the service can hand them out
//! and cannot use them. Who is not logged in stands in the way of the party.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anteroom_core::ids::{LoginId, RoomId, UserId};
use anteroom_core::seat::{Ask, PartyRefusal, ReserveRefusal, Reserved};
use anteroom_protocol::Code;
use anteroom_protocol::account::Role;
use anteroom_protocol::entry::{PartyFailure, Reservation, Reserve};
use uuid::Uuid;

use super::duty::Duty;
use super::reserve::{CONTESTS_MAX, Course, new_nonce};
use super::{Entry, EntryError};
use crate::admission::{Journal, PartyError, Refusal};
use crate::rooms::RoomInfo;
use crate::tokens::Identity;
use crate::traces;

/// The most users of one party.
const PARTY_MAX: usize = 100;

impl Entry {
    /// Reserves seats for `users`. The answers stand in their order.
    ///
    /// # Errors
    /// [`EntryError::Party`] names everybody who stood in the way; no seat is counted then.
    pub(crate) async fn reserve_party(
        &self,
        service: &Identity,
        room: RoomId,
        users: Vec<Uuid>,
        ask: &Reserve,
    ) -> Result<Vec<(UserId, Reservation)>, EntryError> {
        let count = users.len();
        let mut course = Course::default();
        traces::attribute(traces::key::ROOM, room.0);
        let answer = self.try_reserve_party(service, room, users, ask, &mut course).await;
        traces::outcome(answer.as_ref().map_or_else(|it| it.code().as_str(), |_| "reserved"));
        if let Err(error) = &answer
            && !course.is_told
        {
            self.party_refused(service, room, error, course.decision);
        }
        match &answer {
            Ok(reserved) => {
                for (user, reservation) in reserved {
                    tracing::info!(event = "entry.reserved", room = room.0, %user,
                        generation = reservation.seat.generation, party = count,
                        takeover = reservation.seat.takeover, by = %service.user,
                        "a seat was reserved for one of a party");
                }
            }
            Err(error) => tracing::info!(event = "entry.refused", room = room.0,
                user = %service.user, party = count, code = error.code().as_str(),
                step = "reserve", %error, "a party was refused"),
        }
        answer
    }

    async fn try_reserve_party(
        &self,
        service: &Identity,
        room: RoomId,
        users: Vec<Uuid>,
        ask: &Reserve,
        course: &mut Course,
    ) -> Result<Vec<(UserId, Reservation)>, EntryError> {
        let first = traces::began();
        if !service.has(Role::Service) {
            return Err(EntryError::Forbidden);
        }
        self.takes_people()?;
        let users: Vec<UserId> = users.into_iter().map(UserId).collect();
        let different: HashSet<UserId> = users.iter().copied().collect();
        if users.is_empty() || users.len() > PARTY_MAX || different.len() != users.len() {
            return Err(EntryError::BadParty);
        }
        let info = self.visible(service, room, ask.key.as_deref()).await?;
        self.check_password(service, &info, ask).await?;
        let party = self.party(&info, &users).await?;
        let logins: Vec<LoginId> = party.iter().map(|ask| ask.login).collect();
        let mut journal = Journal::new();
        let began = Instant::now();
        let asked = self.grant_party(room, party, &mut journal);
        let granted = traces::part("anteroom.seat.reserve", asked).await;
        let took = began.elapsed();
        course.decision = Some(took);
        self.aftermath.apply(journal);
        let reserved = match granted? {
            Ok(reserved) => reserved,
            Err(PartyError::Ledger(PartyRefusal { failed })) => {
                let failed = failed.into_iter();
                let failed = failed.filter_map(|(user, refusal)| failure(user, refusal));
                return Err(EntryError::Party(failed.collect()));
            }
            Err(PartyError::NoRoom) => return Err(self.refused(room, Refusal::NoRoom).await),
            Err(PartyError::Unavailable(error)) => {
                self.duties.doubt(room);
                return Err(error.into());
            }
        };
        for one in &reserved {
            traces::granted((room, one.reservation.generation), first, one.fresh);
            self.aftermath.entry_log.granted(room, one, took);
        }
        if let Err(error) = self.recheck_party(room, &users, &logins).await {
            course.is_told = reserved.iter().any(|one| one.fresh);
            self.withdraw_party(room, &reserved, error.code()).await;
            return Err(error);
        }
        Ok(reserved.iter().map(|one| (one.user, self.shown(room, one))).collect())
    }

    /// The ledger's step. What other logins of the party have there is asked for by its name, once
    /// those that ask were seen to live after it.
    async fn grant_party(
        &self,
        room: RoomId,
        mut party: Vec<Ask>,
        journal: &mut Journal,
    ) -> Result<Result<Vec<Reserved>, PartyError>, EntryError> {
        for _ in 0..CONTESTS_MAX {
            let answer = self.admission.reserve_party(room, party.clone(), journal).await;
            let Err(PartyError::Ledger(PartyRefusal { failed })) = &answer else {
                return Ok(answer);
            };
            if failed.iter().any(|(user, refusal)| failure(*user, *refusal).is_some()) {
                return Ok(answer);
            }
            for (user, refusal) in failed {
                let asks = party.iter_mut().find(|ask| ask.user == *user);
                let (Some(ask), ReserveRefusal::Contested(rival)) = (asks, refusal) else {
                    continue;
                };
                if !self.login_lives(ask.user, ask.login).await? {
                    let code = Code::Unauthenticated;
                    return Err(EntryError::Party(vec![PartyFailure { user_id: user.0, code }]));
                }
                ask.over = Some(*rival);
            }
        }
        Err(EntryError::Busy)
    }

    /// Lines for the entry log: one for each who stood in the way, or one for who asked.
    fn party_refused(
        &self,
        service: &Identity,
        room: RoomId,
        error: &EntryError,
        took: Option<Duration>,
    ) {
        let log = &self.aftermath.entry_log;
        let EntryError::Party(failed) = error else {
            return log.refused(room, service.user, error.code(), took);
        };
        // Of a user that does not exist there is nothing to tell.
        for one in failed.iter().filter(|one| one.code != Code::NotFound) {
            log.refused(room, UserId(one.user_id), one.code, took);
        }
    }

    /// What the ledger is asked, if nobody stands in the way before it.
    async fn party(&self, info: &RoomInfo, users: &[UserId]) -> Result<Vec<Ask>, EntryError> {
        let mut party = Vec::with_capacity(users.len());
        let mut failed = Vec::new();
        for &user in users {
            match self.member_of_party(info, user).await? {
                Ok(ask) => party.push(ask),
                Err(code) => failed.push(PartyFailure { user_id: user.0, code }),
            }
        }
        if failed.is_empty() { Ok(party) } else { Err(EntryError::Party(failed)) }
    }

    async fn member_of_party(
        &self,
        info: &RoomInfo,
        user: UserId,
    ) -> Result<Result<Ask, Code>, EntryError> {
        let Some(record) = self.storage.user(user).await? else { return Ok(Err(Code::NotFound)) };
        if self.storage.is_banned(info.id, user).await? {
            return Ok(Err(Code::Banned));
        }
        self.duties.removals.door_is_open(info.id, user)?;
        let mut newest = None;
        for login in self.storage.logins(user).await?.into_iter().rev() {
            if newest.is_none() && self.login_lives(user, login.id).await? {
                newest = Some(login.id);
            }
        }
        let Some(login) = newest else { return Ok(Err(Code::Unauthenticated)) };
        let is_staff = user == info.owner
            || [Role::Moderator, Role::Admin].iter().any(|role| record.roles.contains(role));
        Ok(Ok(Ask { user, login, nonce: new_nonce()?, is_staff, resume: None, over: None }))
    }

    /// Logins may have ended, and bans come, while the ledger decided.
    async fn recheck_party(
        &self,
        room: RoomId,
        users: &[UserId],
        logins: &[LoginId],
    ) -> Result<(), EntryError> {
        let mut failed = Vec::new();
        for (&user, &login) in users.iter().zip(logins) {
            if !self.login_lives(user, login).await? {
                failed.push(PartyFailure { user_id: user.0, code: Code::Unauthenticated });
            } else if self.storage.is_banned(room, user).await? {
                failed.push(PartyFailure { user_id: user.0, code: Code::Banned });
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(EntryError::Party(failed)) }
    }

    /// Takes back what this request was granted, and nothing that stood before.
    async fn withdraw_party(&self, room: RoomId, reserved: &[Reserved], code: Code) {
        for one in reserved.iter().filter(|one| one.fresh) {
            self.aftermath.entry_log.refused_after_all(room, one, code);
            let grant = (one.reservation.generation, one.reservation.login);
            self.duties.perform(Duty::Withdraw { room, user: one.user, grant }).await;
        }
    }
}

/// `None`: another login of the user stands in the way, which the ledger can be asked about again.
fn failure(user: UserId, refusal: ReserveRefusal) -> Option<PartyFailure> {
    let code = match refusal {
        ReserveRefusal::RoomFull => Code::RoomFull,
        ReserveRefusal::Closed | ReserveRefusal::Gone => Code::RoomClosed,
        ReserveRefusal::Replaced => Code::Replaced,
        ReserveRefusal::AlreadySeated => Code::AlreadySeated,
        ReserveRefusal::Contested(_) => return None,
    };
    Some(PartyFailure { user_id: user.0, code })
}
