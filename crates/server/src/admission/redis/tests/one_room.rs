//! One room: the scripts against the ledger of the domain, over random histories.

use std::cell::RefCell;
use std::sync::atomic::Ordering;

use anteroom_core::ids::{Generation, RoomId, SessionId, UserId};
use anteroom_core::seat::{Change, End, Room, Seats, Snapshot, Step, Terms};
use anteroom_core::time::Millis;
use anteroom_proof::history::{
    Answer, Campaign, Fault, Figures, History, Ledger, Subject, Verb, View,
};
use futures_util::future::{join, join_all};
use serde_json::json;
use tokio::runtime::Runtime;

use super::ground::Ground;
use super::{histories_to_play, unbounded};
use crate::admission::redis::reply::Reply;
use crate::admission::redis::scripts::Verb as Script;
use crate::admission::redis::verbs;
use crate::admission::{
    Admission, ConfirmError, Journal, PartyError, Refusal, SettleError, Ticket, WaitError,
};

/// Milliseconds of these days: sums must be as exact as in use.
const START: Millis = Millis(1_763_700_000_000);

/// One room of the strategy, as a subject of histories.
struct Subjected<'a> {
    runtime: &'a Runtime,
    ground: &'a Ground,
    room: RoomId,
    terms: Terms,
    /// As it was read after the last call.
    stands: Option<(Snapshot, Seats)>,
    /// How often anything else was asked.
    turn: usize,
    /// What histories go on with once the store has forgotten the room.
    gone: Option<Room>,
}

impl Subjected<'_> {
    /// One call, and the room after it. What is asked together goes down the line in that order, in
    /// one go: a look sees what the call in front of it left.
    async fn call_and_read(
        &self,
        verb: &Verb,
        before: &Snapshot,
        journal: &mut Journal,
    ) -> (Answer, Option<(Snapshot, Seats)>) {
        match verb {
            // Not one call on the strategy's line.
            Verb::MoveOut(..) | Verb::Supersede(..) | Verb::RevokeLogin(..) => {
                (self.call(verb, before, journal).await, self.ground.look(self.room).await)
            }
            _ => join(self.call(verb, before, journal), self.ground.look(self.room)).await,
        }
    }

    async fn call(&self, verb: &Verb, before: &Snapshot, journal: &mut Journal) -> Answer {
        let (seats, room) = (&self.ground.redis, self.room);
        match verb.clone() {
            Verb::Reserve(ask) => {
                let answer = seats.reserve(room, ask, None, journal).await;
                Answer::Reserved(answer.map_err(|refusal| match refusal {
                    Refusal::Ledger(refusal) => refusal,
                    other => panic!("{other}"),
                }))
            }
            Verb::ReserveParty(party) => {
                let answer = seats.reserve_party(room, party, journal).await;
                Answer::Party(answer.map_err(|refusal| match refusal {
                    PartyError::Ledger(refusal) => refusal,
                    other => panic!("{other}"),
                }))
            }
            Verb::Connecting(user, generation, nonce) => {
                let (login, deadline) = (anteroom_core::ids::LoginId(user.0), START);
                let ticket = Ticket { room, user, generation, login, deadline, nonce };
                Answer::Done(seats.connecting(&ticket, journal).await.unwrap())
            }
            Verb::Confirm(claim) => {
                let answer = seats.confirm(room, claim, journal).await;
                Answer::Confirmed(answer.map_err(|refusal| match refusal {
                    ConfirmError::Ledger(refusal) => refusal,
                    other => panic!("{other}"),
                }))
            }
            Verb::Settle(user, session) => {
                let answer = seats.settle(room, user, session, journal).await;
                Answer::Settled(answer.map_err(|refusal| match refusal {
                    SettleError::Ended(end) => end,
                    other => panic!("{other}"),
                }))
            }
            Verb::Abort(user, session) => {
                seats.abort(room, user, session, journal).await.unwrap();
                // The strategy does not tell why there was nothing left to undo.
                Answer::Aborted(why_ended(before, session))
            }
            Verb::Wait(ask) => {
                let answer = seats.wait(room, ask, None, journal).await;
                Answer::Waiting(answer.map_err(|refusal| match refusal {
                    WaitError::Ledger(refusal) => refusal,
                    other => panic!("{other}"),
                }))
            }
            other => self.call_plain(other, before, journal).await,
        }
    }

    async fn call_plain(&self, verb: Verb, before: &Snapshot, journal: &mut Journal) -> Answer {
        let (seats, room) = (&self.ground.redis, self.room);
        match verb {
            Verb::Cancel(user) => {
                Answer::Cancelled(seats.cancel(room, user, journal).await.unwrap())
            }
            Verb::Withdraw(user, generation, login) => {
                let grant = (generation, login);
                Answer::Done(seats.withdraw(room, user, grant, journal).await.unwrap())
            }
            Verb::Heard(user, session) => {
                seats.heard(room, user, session).await.unwrap();
                // Nor does it tell whether there was something to forget.
                Answer::Done(had_former(before, user, session))
            }
            Verb::Close(part, how) => {
                Answer::Closed(seats.close(room, part, how, journal).await.unwrap())
            }
            Verb::MoveOut(user, generation) => {
                Answer::Done(self.move_out(user, generation, journal).await)
            }
            Verb::Fence(owner) => Answer::Sessions(seats.fence(owner, journal).await.unwrap()),
            Verb::Supersede(user, old, new) => {
                // It visits the rooms of the user only; what is due elsewhere waits for its turn.
                seats.expire(room, journal).await.unwrap();
                Answer::Sessions(seats.supersede(user, old, new, journal).await.unwrap())
            }
            Verb::RevokeLogin(user, login) => {
                seats.expire(room, journal).await.unwrap();
                Answer::Sessions(seats.revoke_login(user, login, journal).await.unwrap())
            }
            Verb::Remove(user) => {
                Answer::Sessions(seats.remove(room, user, journal).await.unwrap())
            }
            Verb::CloseRoom => Answer::Sessions(seats.close_room(room, journal).await.unwrap()),
            Verb::SetCapacity(size) => {
                Answer::Done(seats.set_capacity(room, size, journal).await.unwrap())
            }
            Verb::StopWaiting(user) => {
                Answer::Done(seats.stop_waiting(room, user, journal).await.unwrap())
            }
            Verb::StreamAttached(user, stream) => {
                let attached = seats.stream_attached(room, user, stream, journal).await;
                Answer::Attached(attached.unwrap())
            }
            Verb::StreamLost(user, stream) => {
                seats.stream_lost(room, user, stream, journal).await.unwrap();
                Answer::Nothing
            }
            Verb::Expire => {
                seats.expire(room, journal).await.unwrap();
                Answer::Nothing
            }
            other => unreachable!("{other:?} was called before"),
        }
    }

    /// A part of `settle` under the policy `one`, by itself.
    async fn move_out(&self, user: UserId, generation: Generation, journal: &mut Journal) -> bool {
        const MOVE_OUT: &str = "local room = rooms.open(ask.room)
            seats.expire(room)
            local moved = seats.end_parts(room, ask.user, 'moved', function(part)
              return same(part.generation, ask.generation)
            end)
            seats.finish(room)
            follow.step(room)
            return answer.give({ yes = moved })";
        let text = Script::Expire.text().replace(include_str!("../lua/expire.lua"), MOVE_OUT);
        let redis = &self.ground.redis;
        let seen = redis.book.seen(None).unwrap();
        let mut ask = verbs::of(self.room, user);
        ask["generation"] = json!((generation.epoch, generation.n));
        let call = redis.call(&seen, &seen.run, redis.now());
        let words = ["EVAL", &text, "1", &redis.prefix, &call, &ask.to_string()];
        let reply: String = self.ground.run(&words).await;
        let reply: Reply = serde_json::from_str(&reply).unwrap();
        assert!(reply.refused.is_none(), "{:?}", reply.refused);
        redis.follow(reply, (&seen, &seen.run), Some(journal)).yes
    }

    /// Asks something else about the room and about everybody there. Which of the questions it is goes
    /// round with `turn`: those about one person are all read from one script's answer, and a
    /// campaign has turns enough for each of them.
    async fn hold_questions(&self, now: Millis, snapshot: &Snapshot, turn: usize) {
        let room = Room::restore(snapshot.clone());
        let line = room.waiters().map(|waiter| waiter.user);
        let users = room.slots().map(|(user, _)| user).chain(line).enumerate();
        let of_one = |(at, user)| self.hold_question_of(now, &room, (user, turn + at));
        join(self.hold_question_of_all(&room, turn), join_all(users.map(of_one))).await;
    }

    async fn hold_question_of_all(&self, room: &Room, turn: usize) {
        let (seats, id) = (&self.ground.redis, self.room);
        let line: Vec<_> = room.waiters().map(|waiter| waiter.user).collect();
        match turn % 6 {
            0 => {
                let mut members: Vec<_> = room.members().collect();
                members.sort_by_key(|member| (member.since, member.user));
                assert_eq!(seats.members(id).await, Ok(members));
            }
            1 => assert_eq!(seats.line(id).await, Ok(line)),
            2 => {
                let front = line.into_iter().take(2).collect();
                assert_eq!(seats.line_front(id, 2).await, Ok(front));
            }
            3 => assert_eq!(seats.entries_under_way().await, Ok(room.entries_under_way())),
            4 => assert_eq!(seats.seats(id).await, Ok(Some(room.seats()))),
            _ => assert_eq!(seats.snapshot(id).await, Ok(Some(room.snapshot()))),
        }
    }

    async fn hold_question_of(&self, now: Millis, room: &Room, (user, turn): (UserId, usize)) {
        let (seats, id) = (&self.ground.redis, self.room);
        match turn % 4 {
            0 => assert_eq!(seats.position(id, user).await, Ok(room.position(user))),
            1 => assert_eq!(seats.standing(id, user).await, Ok(room.standing(user, now))),
            2 => assert_eq!(seats.is_seated(id, user).await, Ok(room.is_seated(user))),
            _ => {
                let stay = room.slot(user).and_then(|slot| slot.stay()).map(|stay| stay.entered);
                assert_eq!(seats.stay(id, user).await, Ok(stay));
            }
        }
    }
}

fn why_ended(before: &Snapshot, session: SessionId) -> Result<(), End> {
    let entry = before.entering.iter().find(|entry| entry.session == session);
    entry.ok_or(End::Fenced)?.ended.map_or(Ok(()), Err)
}

fn had_former(before: &Snapshot, user: UserId, session: SessionId) -> bool {
    Room::restore(before.clone()).heard(user, session)
}

impl Subject for Subjected<'_> {
    fn act(&mut self, now: Millis, verb: &Verb, journal: &mut Vec<Change>) -> Answer {
        self.ground.redis.reading.store(now.0, Ordering::Relaxed);
        if let Some(room) = &mut self.gone {
            return Ledger::call(room, &mut Step::new(now, &self.terms, journal), verb);
        }
        let (before, _) = self.stands.take().unwrap();
        let mut told = Journal::new();
        let called = self.call_and_read(verb, &before, &mut told);
        let (answer, after) = self.runtime.block_on(called);
        journal.extend(told.into_iter().map(|(_, change)| change));
        match &after {
            // Of a room that has not changed since, nothing else is to be learnt.
            Some((after, _)) if after.header.next.is_multiple_of(4) && *after != before => {
                self.turn += 1;
                self.runtime.block_on(self.hold_questions(now, after, self.turn));
            }
            Some(_) => {}
            None => {
                let mut room = Room::restore(before);
                Ledger::call(&mut room, &mut Step::new(now, &self.terms, &mut Vec::new()), verb);
                self.gone = Some(room);
            }
        }
        self.stands = after;
        answer
    }

    fn snapshot(&mut self) -> Snapshot {
        match (&self.gone, &self.stands) {
            (Some(room), _) => room.snapshot(),
            (None, stands) => stands.clone().unwrap().0,
        }
    }

    fn view(&mut self) -> Option<View> {
        let (_, seats) = self.stands.as_ref()?;
        let next_deadline = self.ground.redis.told.lock().unwrap()[&self.room];
        Some(View { seats: *seats, next_deadline })
    }
}

fn play(runtime: &Runtime, ground: &mut Ground, history: &History) -> Result<Figures, Fault> {
    let history = history.clone().starting_at(START);
    let (terms, room) = (history.terms, history.spec.id);
    runtime.block_on(async {
        ground.begin(&terms, unbounded(), START).await;
        ground.redis.add_room(history.spec).await.unwrap();
    });
    let mut subject = Subjected { runtime, ground, room, terms, stands: None, turn: 0, gone: None };
    subject.stands = runtime.block_on(ground.look(room));
    let mut ledger = Ledger::new(history.spec, terms);
    let figures = history.play(&mut ledger, &mut [("the scripts", &mut subject)])?;
    // Everybody has gone by now; so does the room.
    let left = runtime.block_on(async {
        ground.redis.close_room(room, &mut Journal::new()).await.unwrap();
        ground.end().await
    });
    let fault = |what| {
        let (seed, at, call) = (history.seed, history.events.len(), "the end".to_owned());
        Fault { seed, at, what, call, history: Box::new(history.clone()) }
    };
    left.map(|()| figures).map_err(fault)
}

#[test]
fn the_scripts_and_the_ledger_agree_on_every_history() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ground = RefCell::new(runtime.block_on(Ground::new(unbounded())));
    let (seed, count) = histories_to_play(24);
    let play_all = |campaign: Campaign| {
        let play = |history: &History| play(&runtime, &mut ground.borrow_mut(), history);
        campaign.run(play, |_| {}).unwrap_or_else(|fault| panic!("{fault}"))
    };
    let known = play_all(Campaign::KNOWN);
    assert!(known.show_everything(), "{known:?}");
    println!("{:?}", play_all(Campaign { seed, count }));
}
