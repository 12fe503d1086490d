//! A call of the ledger with everything it needs, and whatever makes such calls.

use anteroom_core::ids::{Generation, LoginId, Nonce, Owner, SessionId, StreamId, UserId};
use anteroom_core::seat::{
    Ask, Attachment, Change, Claim, Closed, ConfirmRefusal, Confirmed, End, PartRef, Parting,
    PartyRefusal, ReserveRefusal, Reserved, RoomSize, Seats, Snapshot, WaitRefusal, Waiting,
};
use anteroom_core::time::Millis;

/// One verb of [`anteroom_core::seat::Room`], with its arguments.
#[derive(Clone, PartialEq, Debug)]
pub enum Verb {
    /// `Room::reserve`
    Reserve(Ask),
    /// `Room::reserve_party`
    ReserveParty(Vec<Ask>),
    /// `Room::connecting`
    Connecting(UserId, Generation, Nonce),
    /// `Room::cancel`
    Cancel(UserId),
    /// `Room::withdraw`
    Withdraw(UserId, Generation, LoginId),
    /// `Room::confirm`
    Confirm(Claim),
    /// `Room::settle_entry`, and whose session it is
    Settle(UserId, SessionId),
    /// `Room::abort`, and whose session it is
    Abort(UserId, SessionId),
    /// `Room::heard`
    Heard(UserId, SessionId),
    /// `Room::close`
    Close(PartRef, Parting),
    /// `Room::move_out`
    MoveOut(UserId, Generation),
    /// `Room::fence`
    Fence(Owner),
    /// `Room::supersede`: the user, the old login, the new one
    Supersede(UserId, LoginId, LoginId),
    /// `Room::revoke_login`
    RevokeLogin(UserId, LoginId),
    /// `Room::remove`
    Remove(UserId),
    /// `Room::close_room`
    CloseRoom,
    /// `Room::set_capacity`
    SetCapacity(RoomSize),
    /// `Room::wait`
    Wait(Ask),
    /// `Room::stop_waiting`
    StopWaiting(UserId),
    /// `Room::stream_attached`
    StreamAttached(UserId, StreamId),
    /// `Room::stream_lost`
    StreamLost(UserId, StreamId),
    /// `Room::expire`
    Expire,
}

/// What a [`Verb`] answers.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// Of [`Verb::Reserve`].
    Reserved(Result<Reserved, ReserveRefusal>),
    /// Of [`Verb::ReserveParty`].
    Party(Result<Vec<Reserved>, PartyRefusal>),
    /// Of [`Verb::Cancel`].
    Cancelled(Option<Generation>),
    /// Of [`Verb::Confirm`].
    Confirmed(Result<Confirmed, ConfirmRefusal>),
    /// Of [`Verb::Settle`].
    Settled(Result<Vec<SessionId>, End>),
    /// Of [`Verb::Abort`].
    Aborted(Result<(), End>),
    /// Of [`Verb::Close`].
    Closed(Closed),
    /// The sessions to close: of fence, supersede, revoke, remove and close room.
    Sessions(Vec<SessionId>),
    /// Of [`Verb::Wait`].
    Waiting(Result<Waiting, WaitRefusal>),
    /// Of [`Verb::StreamAttached`].
    Attached(Attachment),
    /// Whether it had an effect: of connecting, withdraw, heard, move out, set capacity and stop
    /// waiting.
    Done(bool),
    /// Of verbs that answer nothing.
    Nothing,
}

impl Answer {
    /// Whether the step was refused, or found nothing to act on: then nothing may have changed but
    /// what was due.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Reserved(answer) => answer.is_err(),
            Self::Party(answer) => answer.is_err(),
            Self::Confirmed(answer) => answer.is_err(),
            Self::Waiting(answer) => answer.is_err(),
            Self::Cancelled(answer) => answer.is_none(),
            Self::Attached(answer) => *answer != Attachment::Attached,
            Self::Closed(answer) => *answer == Closed::Stale,
            Self::Done(done) => !done,
            Self::Settled(_) | Self::Aborted(_) | Self::Sessions(_) | Self::Nothing => false,
        }
    }
}

/// What a subject shows beside its snapshot, where it computes that by other means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    /// As `Room::seats`.
    pub seats: Seats,
    /// As `Room::next_deadline`.
    pub next_deadline: Option<Millis>,
}

/// Whatever makes the steps of one room's ledger.
pub trait Subject {
    /// Makes one step at `now`, never earlier than that of the step before it. What happened is
    /// pushed to `journal`; its order within one step is free.
    fn act(&mut self, now: Millis, verb: &Verb, journal: &mut Vec<Change>) -> Answer;

    /// The room as it stands, complete and in order.
    fn snapshot(&mut self) -> Snapshot;

    /// What it shows beside that; `None` where a strategy shows nothing of its own.
    fn view(&mut self) -> Option<View> {
        None
    }
}
