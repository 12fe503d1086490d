//! The strategy against the ledger itself, over random histories of one room.
//!
//! `ANTEROOM_HISTORIES` raises their number, `ANTEROOM_SEED` says from which seed on.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use anteroom_core::ids::RoomId;
use anteroom_core::seat::{
    Change, ConfirmRefusal, Elsewhere, End, Header, PartyRefusal, ReserveRefusal, RoomState, Seats,
    Snapshot, WaitRefusal,
};
use anteroom_core::time::Millis;
use anteroom_proof::history::{
    Answer, Campaign, Fault, Figures, History, Ledger, Subject, Verb, View,
};

use super::ground::Ground;
use crate::admission::conditional::book::Book;
use crate::admission::conditional::scope::Scope;
use crate::admission::{
    Admission, ConfirmError, Journal, PartyError, Refusal, SettleError, Ticket, WaitError,
};
use crate::sweeper::Due;

/// The ledger, which is not told apart from a room without a row once it is gone.
struct Reference(Ledger);

impl Subject for Reference {
    fn act(&mut self, now: Millis, verb: &Verb, journal: &mut Vec<Change>) -> Answer {
        self.0.act(now, verb, journal)
    }

    fn snapshot(&mut self) -> Snapshot {
        let snapshot = self.0.snapshot();
        match snapshot.header.state {
            RoomState::Gone => gone(snapshot.header.id),
            _ => snapshot,
        }
    }

    fn view(&mut self) -> Option<View> {
        self.0.view()
    }
}

fn gone(room: RoomId) -> Snapshot {
    let header = Header { state: RoomState::Gone, ..Header::new(super::spec(room, 1)) };
    Snapshot {
        header,
        slots: vec![],
        line: vec![],
        entering: vec![],
        elsewhere: Elsewhere::default(),
    }
}

/// The strategy.
struct Strategy<'a> {
    ground: &'a Ground<'a>,
    room: RoomId,
    /// As it was read after the last call.
    stands: Option<(Snapshot, Seats)>,
    calls: usize,
}

impl<'a> Strategy<'a> {
    fn new(ground: &'a mut Ground<'_>, history: &History) -> Self {
        ground.begin(history);
        let room = history.spec.id;
        Self { ground, room, stands: ground.look(room), calls: 0 }
    }

    /// A verb that no caller of the strategy can make, or whose answer it does not pass on.
    async fn bare(&self, verb: Verb, journal: &mut Journal) -> Option<Answer> {
        let (room, scope) = (self.room, Scope::of(named(&verb)));
        self.ground
            .it
            .seats
            .decide(journal, async move |book: &mut Book<'_, _>| {
                let verb = verb.clone();
                book.step(room, scope.clone(), |it, step| Ledger::call(it, step, &verb)).await
            })
            .await
            .unwrap()
    }

    async fn call(&self, verb: &Verb, told: &mut Journal) -> Answer {
        let (seats, room) = (&self.ground.it.seats, self.room);
        match verb.clone() {
            Verb::Reserve(_) | Verb::ReserveParty(_) | Verb::Confirm(_) | Verb::Wait(_) => {
                self.arrive(verb, told).await
            }
            Verb::Connecting(user, generation, nonce) => {
                let ticket = Ticket {
                    room,
                    user,
                    generation,
                    login: super::login(0),
                    deadline: Millis(0),
                    nonce,
                };
                Answer::Done(seats.connecting(&ticket, told).await.unwrap())
            }
            Verb::Cancel(user) => Answer::Cancelled(seats.cancel(room, user, told).await.unwrap()),
            Verb::Withdraw(user, generation, login) => {
                let grant = (generation, login);
                Answer::Done(seats.withdraw(room, user, grant, told).await.unwrap())
            }
            Verb::Settle(user, session) => {
                Answer::Settled(seats.settle(room, user, session, told).await.map_err(ended))
            }
            Verb::Abort(..) | Verb::MoveOut(..) => {
                self.bare(verb.clone(), told).await.unwrap_or(Answer::Done(false))
            }
            Verb::Heard(user, session) => {
                seats.heard(room, user, session).await.unwrap();
                Answer::Done(self.stands != self.ground.look(room))
            }
            Verb::Close(part, parting) => {
                Answer::Closed(seats.close(room, part, parting, told).await.unwrap())
            }
            Verb::StreamAttached(user, stream) => {
                let attached = seats.stream_attached(room, user, stream, told).await;
                Answer::Attached(attached.unwrap())
            }
            Verb::StreamLost(user, stream) => {
                seats.stream_lost(room, user, stream, told).await.unwrap();
                Answer::Nothing
            }
            Verb::SetCapacity(size) => {
                Answer::Done(seats.set_capacity(room, size, told).await.unwrap())
            }
            Verb::StopWaiting(user) => {
                Answer::Done(seats.stop_waiting(room, user, told).await.unwrap())
            }
            Verb::Expire => {
                seats.expire(room, told).await.unwrap();
                Answer::Nothing
            }
            other => Answer::Sessions(self.end(other, told).await),
        }
    }

    async fn arrive(&self, verb: &Verb, told: &mut Journal) -> Answer {
        let (seats, room) = (&self.ground.it.seats, self.room);
        match verb.clone() {
            Verb::Reserve(ask) => {
                let reserved = seats.reserve(room, ask, super::address(1), told).await;
                Answer::Reserved(reserved.map_err(|refusal| match refusal {
                    Refusal::Ledger(refusal) => refusal,
                    Refusal::NoRoom => ReserveRefusal::Gone,
                    other => panic!("{other}"),
                }))
            }
            Verb::ReserveParty(party) => {
                let users: Vec<_> = party.iter().map(|ask| ask.user).collect();
                let reserved = seats.reserve_party(room, party, told).await;
                Answer::Party(reserved.map_err(|refusal| match refusal {
                    PartyError::Ledger(refusal) => refusal,
                    PartyError::NoRoom => {
                        let failed = users.into_iter().map(|it| (it, ReserveRefusal::Gone));
                        PartyRefusal { failed: failed.collect() }
                    }
                    other => panic!("{other}"),
                }))
            }
            Verb::Confirm(claim) => {
                let confirmed = seats.confirm(room, claim, told).await;
                Answer::Confirmed(confirmed.map_err(|refusal| match refusal {
                    ConfirmError::Ledger(refusal) => refusal,
                    ConfirmError::NoRoom => ConfirmRefusal::RoomClosed,
                    other => panic!("{other}"),
                }))
            }
            Verb::Wait(ask) => {
                let waiting = seats.wait(room, ask, super::address(2), told).await;
                Answer::Waiting(waiting.map_err(|refusal| match refusal {
                    WaitError::Ledger(refusal) => refusal,
                    WaitError::NoRoom => WaitRefusal::Gone,
                    other => panic!("{other}"),
                }))
            }
            other => panic!("{other:?} is no arrival"),
        }
    }

    async fn end(&self, verb: Verb, told: &mut Journal) -> Vec<anteroom_core::ids::SessionId> {
        let (seats, room) = (&self.ground.it.seats, self.room);
        let ended = match verb {
            Verb::Fence(owner) => seats.fence(owner, told).await,
            Verb::Supersede(user, old, new) => seats.supersede(user, old, new, told).await,
            Verb::RevokeLogin(user, login) => seats.revoke_login(user, login, told).await,
            Verb::Remove(user) => seats.remove(room, user, told).await,
            Verb::CloseRoom => seats.close_room(room, told).await,
            other => panic!("{other:?} ends nothing"),
        };
        ended.unwrap()
    }
}

fn ended(error: SettleError) -> End {
    match error {
        SettleError::Ended(end) => end,
        SettleError::Unavailable(why) => panic!("{why}"),
    }
}

fn named(verb: &Verb) -> anteroom_core::ids::UserId {
    match verb {
        Verb::Abort(user, _) | Verb::MoveOut(user, _) => *user,
        other => panic!("{other:?} is asked of the strategy itself"),
    }
}

/// What the ledger says where there is no room any more, for the few verbs whose callers are told
/// something else then.
fn of_a_room_that_is_gone(verb: &Verb, answer: Answer) -> Answer {
    match verb {
        Verb::Settle(..) => Answer::Settled(Err(End::Fenced)),
        Verb::Abort(..) => Answer::Aborted(Err(End::Fenced)),
        Verb::SetCapacity(size) => Answer::Done(size.is_possible()),
        _ => answer,
    }
}

impl Subject for Strategy<'_> {
    fn act(&mut self, now: Millis, verb: &Verb, journal: &mut Vec<Change>) -> Answer {
        let Ground { runtime, it, .. } = self.ground;
        it.clock.set(now);
        let mut told = Journal::new();
        let was_gone = self.stands.is_none();
        let answer = runtime.block_on(self.call(verb, &mut told));
        assert!(told.iter().all(|(room, _)| *room == self.room));
        // A login that nothing is under names no room, so nothing there was looked at.
        if matches!(verb, Verb::Supersede(..) | Verb::RevokeLogin(..) | Verb::Fence(_)) {
            runtime.block_on(it.seats.expire(self.room, &mut told)).unwrap();
        }
        self.stands = self.ground.look(self.room);
        // Its callers are told the same by the same statements, only on another thread: now and then.
        self.calls += 1;
        if self.calls.is_multiple_of(32) {
            assert_eq!(self.ground.ask(self.room), self.stands);
        }
        journal.extend(told.into_iter().map(|(_, change)| change));
        if was_gone { of_a_room_that_is_gone(verb, answer) } else { answer }
    }

    fn snapshot(&mut self) -> Snapshot {
        self.stands.as_ref().map_or_else(|| gone(self.room), |(snapshot, _)| snapshot.clone())
    }

    fn view(&mut self) -> Option<View> {
        let (_, seats) = self.stands.as_ref()?;
        let next_deadline = self.ground.it.deadlines.at(Due::Room(self.room));
        Some(View { seats: *seats, next_deadline })
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn ledger_and_strategy(ground: &mut Ground<'_>, history: &History) -> Result<Figures, Fault> {
    let mut ledger = Reference(Ledger::new(history.spec, history.terms));
    let mut strategy = Strategy::new(ground, history);
    let figures = history.play(&mut ledger, &mut [("conditional", &mut strategy)])?;
    let fault = |what| {
        let (seed, at, call) = (history.seed, history.events.len(), "the end".to_owned());
        Fault { seed, at, what, call, history: Box::new(history.clone()) }
    };
    ground.end(history.spec.id).map(|()| figures).map_err(fault)
}

#[test]
pub(super) fn the_strategy_and_the_ledger_agree_on_every_history() {
    let count =
        number("ANTEROOM_HISTORIES").unwrap_or(if super::IN_DATABASE.get() { 20 } else { 60 });
    let seed = number("ANTEROOM_SEED").unwrap_or_else(|| RandomState::new().hash_one(()));
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    // With a file nothing waits for a socket, and so a wake-up costs less.
    if super::IN_DATABASE.get() {
        runtime.enable_all()
    } else {
        runtime.enable_time()
    };
    let runtime = runtime.build().unwrap();
    let ground = Cell::new(None);
    let play = |history: &History| {
        // What a failed history left is not the next one's.
        let mut of_this = ground.take().unwrap_or_else(|| Ground::new(&runtime));
        let figures = ledger_and_strategy(&mut of_this, history)?;
        ground.set(Some(of_this));
        Ok(figures)
    };
    let known = Campaign::KNOWN.run(play, |_| {}).unwrap_or_else(|fault| panic!("{fault}"));
    assert!(known.show_everything(), "{known:?}");
    let figures =
        Campaign { seed, count }.run(play, |_| {}).unwrap_or_else(|fault| panic!("{fault}"));
    println!("{figures:?} from seed {seed}");
}
