//! Plays one event through a strategy.

use anteroom_core::ids::RoomId;
use anteroom_core::seat::{Attachment, Reserved, Waiting};

use super::draws::Op;
use crate::admission::{Admission, EndedSessions, Journal, WaitError};

/// What came of an event.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The answer in full; sessions in order.
    pub(super) answer: String,
    pub(super) reserved: Vec<(RoomId, Reserved)>,
    pub(super) is_confirmed: bool,
    pub(super) is_attached: bool,
    pub(super) journal: Journal,
}

impl Outcome {
    /// What can be compared: the answer, and what was journalled.
    pub(super) fn told(&self) -> (String, Vec<String>) {
        let mut journal: Vec<String> = self.journal.iter().map(|it| format!("{it:?}")).collect();
        journal.sort();
        (self.answer.clone(), journal)
    }

    fn say(&mut self, answer: impl std::fmt::Debug) {
        self.answer = format!("{answer:?}");
    }

    fn say_ended(&mut self, mut ended: EndedSessions) {
        ended.sort_unstable();
        self.say(ended);
    }

    fn reserved(&mut self, room: RoomId, reserved: impl IntoIterator<Item = Reserved>) {
        self.reserved.extend(reserved.into_iter().map(|it| (room, it)));
    }

    fn waited(&mut self, room: RoomId, waiting: &Result<Waiting, WaitError>) {
        if let Ok(Waiting::Reserved(reserved)) = waiting {
            self.reserved(room, [*reserved]);
        }
        self.say(waiting);
    }
}

pub(super) async fn play(seats: &dyn Admission, op: &Op) -> Outcome {
    let (mut out, mut journal) = (Outcome::default(), Journal::new());
    let journal = &mut journal;
    match op.clone() {
        Op::Reserve(room, ask, address) => {
            let answer = seats.reserve(room, ask, address, journal).await;
            out.reserved(room, answer.iter().copied());
            out.say(answer);
        }
        Op::Party(room, party) => {
            let answer = seats.reserve_party(room, party, journal).await;
            out.reserved(room, answer.iter().flatten().copied());
            out.say(answer);
        }
        Op::Cancel(room, user) => out.say(seats.cancel(room, user, journal).await),
        Op::Withdraw(room, user, it) => out.say(seats.withdraw(room, user, it, journal).await),
        Op::Connecting(ticket) => out.say(seats.connecting(&ticket, journal).await),
        Op::Confirm(room, claim) => {
            let answer = seats.confirm(room, claim, journal).await;
            out.is_confirmed = answer.is_ok();
            out.say(answer);
        }
        Op::Settle(room, user, it) => {
            let answer = seats.settle(room, user, it, journal).await;
            out.say(answer.map(|mut ended| {
                ended.sort_unstable();
                ended
            }));
        }
        Op::Heard(room, user, it) => out.say(seats.heard(room, user, it).await),
        Op::Abort(room, user, it) => out.say(seats.abort(room, user, it, journal).await),
        Op::Close(room, part, how) => out.say(seats.close(room, part, how, journal).await),
        Op::StopWaiting(room, user) => out.say(seats.stop_waiting(room, user, journal).await),
        Op::Wait(room, ask, address) => {
            out.waited(room, &seats.wait(room, ask, address, journal).await);
        }
        Op::Attach(room, user, stream) => {
            let attached = seats.stream_attached(room, user, stream, journal).await;
            out.is_attached = attached == Ok(Attachment::Attached);
            out.say(attached);
        }
        Op::StreamLost(room, user, stream) => {
            out.say(seats.stream_lost(room, user, stream, journal).await);
        }
        Op::Expire(room) => out.say(seats.expire(room, journal).await),
        Op::SetCapacity(room, size) => {
            out.say(seats.set_capacity(room, size, journal).await);
        }
        other => out.say_ended(ending(seats, &other, journal).await),
    }
    out.journal = std::mem::take(journal);
    out
}

async fn ending(seats: &dyn Admission, op: &Op, journal: &mut Journal) -> EndedSessions {
    let ended = match *op {
        Op::Supersede(user, old, new) => seats.supersede(user, old, new, journal).await,
        Op::Revoke(user, login) => seats.revoke_login(user, login, journal).await,
        Op::Remove(room, user) => seats.remove(room, user, journal).await,
        Op::Fence(owner) => seats.fence(owner, journal).await,
        Op::CloseRoom(room) => seats.close_room(room, journal).await,
        _ => unreachable!("no way to end"),
    };
    ended.unwrap()
}
