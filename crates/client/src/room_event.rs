//! How to join a room for good, and what is told of it afterwards.

use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::{Ack, Change, FrameError, ServerFrame, Welcome};
use anteroom_protocol::message::Message;

use crate::backoff::Backoff;
use crate::error::Error;
use crate::session::Closed;
use crate::transport::Transport;

/// How to join.
#[derive(Clone, Debug, Default)]
pub struct JoinOptions {
    /// Password and key of the room, and a `resume` secret kept from an earlier life.
    pub reserve: Reserve,
    /// The last `seq` seen in an earlier life; from now on when absent.
    pub since: Option<i64>,
    /// The spans of the back-off.
    pub backoff: Backoff,
    /// What carries the sessions, the first and those after it; the client's when absent.
    pub transport: Option<Transport>,
}

/// What happens in a joined room.
#[derive(Debug)]
pub enum RoomEvent {
    /// A session stands: the first one, or one after [`RoomEvent::Away`].
    Entered(Box<Welcome>),
    /// Something was said.
    Message(Message),
    /// A message has new words.
    Edited(Change),
    /// A message is gone.
    Deleted(Change),
    /// What was sent is durable.
    Acked(Ack),
    /// What was sent under this `client_id` was refused and will not be sent again.
    Rejected(FrameError),
    /// Numbers between the two, both exclusive, that history no longer shows by themselves: edits
    /// and deletes, whose result shows in the messages they are about. Who keeps older messages
    /// reads those again.
    Missed {
        /// The last number handed out.
        after: i64,
        /// The number that comes next.
        before: i64,
    },
    /// Any frame without a place in the sequence.
    Other(ServerFrame),
    /// The line is lost; a return is on its way.
    Away(Closed),
    /// The end: the contract says to stay away, or no attempt succeeded. Then only `None`.
    Over(Error),
}
