//! The model as a subject: verbs in, plain values out.

use anteroom_core::ids::SessionId;
use anteroom_core::ids::UserId;
use anteroom_core::seat::{
    Change, Elsewhere, EntryImage, Header, Held, Part, Sitting, SlotImage, Snapshot,
};
use anteroom_core::time::Millis;

use super::{Model, Row};
use crate::history::{Answer, Subject, Verb, View};

impl Subject for Model {
    fn act(&mut self, now: Millis, verb: &Verb, journal: &mut Vec<Change>) -> Answer {
        self.now = now;
        let answer = match verb {
            Verb::Reserve(ask) => Answer::Reserved(self.reserve(ask)),
            Verb::ReserveParty(party) => Answer::Party(self.reserve_party(party)),
            Verb::Connecting(user, generation, nonce) => {
                Answer::Done(self.connecting(*user, *generation, *nonce))
            }
            Verb::Cancel(user) => Answer::Cancelled(self.cancel(*user)),
            Verb::Withdraw(user, generation, login) => {
                Answer::Done(self.withdraw(*user, *generation, *login))
            }
            Verb::Confirm(claim) => Answer::Confirmed(self.confirm(claim)),
            Verb::Settle(_, session) => Answer::Settled(self.settle_entry(*session)),
            Verb::Abort(_, session) => Answer::Aborted(self.abort(*session)),
            Verb::Heard(user, session) => Answer::Done(self.heard(*user, *session)),
            Verb::Close(part, parting) => Answer::Closed(self.close(part, *parting)),
            Verb::MoveOut(user, generation) => Answer::Done(self.move_out(*user, *generation)),
            Verb::Fence(owner) => Answer::Sessions(self.fence(*owner)),
            Verb::Supersede(user, old, new) => Answer::Sessions(self.supersede(*user, *old, *new)),
            Verb::RevokeLogin(user, login) => Answer::Sessions(self.revoke_login(*user, *login)),
            Verb::Remove(user) => Answer::Sessions(self.remove(*user)),
            Verb::CloseRoom => Answer::Sessions(self.close_room()),
            Verb::SetCapacity(size) => Answer::Done(self.set_capacity(*size)),
            Verb::Wait(ask) => Answer::Waiting(self.wait(ask)),
            Verb::StopWaiting(user) => Answer::Done(self.stop_waiting(*user)),
            Verb::StreamAttached(user, stream) => {
                Answer::Attached(self.stream_attached(*user, *stream))
            }
            Verb::StreamLost(user, stream) => {
                self.stream_lost(*user, *stream);
                Answer::Nothing
            }
            Verb::Expire => {
                self.expire();
                Answer::Nothing
            }
        };
        journal.append(&mut self.journal);
        answer
    }

    fn snapshot(&mut self) -> Snapshot {
        let slots = self.seats.iter().map(|seat| SlotImage {
            user: seat.user,
            class: seat.class,
            reservation: self.reservation(seat.user),
            sitting: self.sitting(seat.user, None),
            stay: seat.stay,
        });
        let entering = self.entering.iter().map(|&(session, user, owner, ended)| EntryImage {
            session,
            user,
            owner,
            ended,
        });
        let mut snapshot = Snapshot {
            header: self.header(),
            slots: slots.collect(),
            line: self.line.clone(),
            entering: entering.collect(),
            elsewhere: Elsewhere::default(),
        };
        snapshot.sort();
        snapshot
    }

    fn view(&mut self) -> Option<View> {
        Some(View { seats: self.seats(), next_deadline: self.next_deadline() })
    }
}

impl Model {
    fn header(&self) -> Header {
        Header {
            next: self.drawn,
            next_place: self.places,
            state: self.state,
            was_used: self.used,
            pending_until: self.spec.pending_until,
            capacity: self.spec.capacity,
            ..Header::new(self.spec)
        }
    }

    /// What of a user's rows is covered by `cover`, with all that lies below.
    fn sitting(&self, user: UserId, cover: Option<SessionId>) -> Sitting {
        let here = |row: &&Row| row.user == user && row.covered_by == cover;
        let rows = || self.rows.iter().filter(here);
        let live = rows().filter_map(|row| {
            let session = row.session?;
            Some(Part {
                session,
                generation: row.generation,
                login: row.login,
                owner: row.owner,
                resume: row.resume,
                former: row.former.map(Box::new),
                replaced: (!row.settled).then(|| Box::new(self.sitting(user, Some(session)))),
            })
        });
        let held = rows().find_map(|row| {
            let Row { generation, login, resume, former, .. } = *row;
            Some(Box::new(Held { generation, login, resume, former, deadline: row.until? }))
        });
        Sitting { live: live.collect(), held }
    }
}
