//! The ledger itself as a subject.

use anteroom_core::seat::{Change, Room, RoomSpec, Snapshot, Step, Terms};
use anteroom_core::time::Millis;

use super::{Answer, Subject, Verb, View};

/// The ledger of `anteroom-core` under fixed terms. It asserts its own invariants after each step,
/// and goes on with a room that was taken to plain values and back.
pub struct Ledger {
    room: Room,
    terms: Terms,
}

impl Ledger {
    /// A room nobody has a seat in.
    #[must_use]
    pub fn new(spec: RoomSpec, terms: Terms) -> Self {
        Self { room: Room::new(spec), terms }
    }

    /// One verb, one call: what any subject that has a [`Room`] at hand does with a verb.
    pub fn call(room: &mut Room, step: &mut Step<'_>, verb: &Verb) -> Answer {
        match verb {
            Verb::Reserve(ask) => Answer::Reserved(room.reserve(step, ask)),
            Verb::ReserveParty(party) => Answer::Party(room.reserve_party(step, party)),
            Verb::Connecting(user, generation, nonce) => {
                Answer::Done(room.connecting(step, *user, *generation, *nonce))
            }
            Verb::Cancel(user) => Answer::Cancelled(room.cancel(step, *user)),
            Verb::Withdraw(user, generation, login) => {
                Answer::Done(room.withdraw(step, *user, *generation, *login))
            }
            Verb::Confirm(claim) => Answer::Confirmed(room.confirm(step, claim)),
            Verb::Settle(_, session) => Answer::Settled(room.settle_entry(step, *session)),
            Verb::Abort(_, session) => Answer::Aborted(room.abort(step, *session)),
            Verb::Heard(user, session) => Answer::Done(room.heard(*user, *session)),
            Verb::Close(part, parting) => Answer::Closed(room.close(step, part, *parting)),
            Verb::MoveOut(user, generation) => {
                Answer::Done(room.move_out(step, *user, *generation))
            }
            Verb::Fence(owner) => Answer::Sessions(room.fence(step, *owner)),
            Verb::Supersede(user, old, new) => {
                Answer::Sessions(room.supersede(step, *user, *old, *new))
            }
            Verb::RevokeLogin(user, login) => {
                Answer::Sessions(room.revoke_login(step, *user, *login))
            }
            Verb::Remove(user) => Answer::Sessions(room.remove(step, *user)),
            Verb::CloseRoom => Answer::Sessions(room.close_room(step)),
            Verb::SetCapacity(size) => Answer::Done(room.set_capacity(step, *size).is_ok()),
            Verb::Wait(ask) => Answer::Waiting(room.wait(step, ask)),
            Verb::StopWaiting(user) => Answer::Done(room.stop_waiting(step, *user)),
            Verb::StreamAttached(user, stream) => {
                Answer::Attached(room.stream_attached(step, *user, *stream))
            }
            Verb::StreamLost(user, stream) => {
                room.stream_lost(step, *user, *stream);
                Answer::Nothing
            }
            Verb::Expire => {
                room.expire(step);
                Answer::Nothing
            }
        }
    }
}

impl Subject for Ledger {
    fn act(&mut self, now: Millis, verb: &Verb, journal: &mut Vec<Change>) -> Answer {
        let answer = Self::call(&mut self.room, &mut Step::new(now, &self.terms, journal), verb);
        self.room.check();
        let snapshot = self.room.snapshot();
        self.room = Room::restore(snapshot.clone());
        self.room.check();
        assert_eq!(self.room.snapshot(), snapshot, "a snapshot holds all there is of a room");
        answer
    }

    fn snapshot(&mut self) -> Snapshot {
        self.room.snapshot()
    }

    fn view(&mut self) -> Option<View> {
        let (seats, next_deadline) = (self.room.seats(), self.room.next_deadline());
        Some(View { seats, next_deadline })
    }
}
