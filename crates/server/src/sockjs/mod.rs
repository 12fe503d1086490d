//! SockJS: the same sessions for clients that have no WebSocket, over whatever HTTP they have.
//!
//! [`frame`], [`quote`], [`callback`] and [`transport`] are pure; the first is known to [`crate::hub`] too,
//! which keeps what it makes. A session is a [`line`]: the responses attached to it one after the other
//! ([`receiver`]) take from its outbox, and its one task ([`keeper`]) does what a WebSocket's does. Its keeper
//! has it under its name ([`names`]), and with the keeper it goes. How a ticket is judged, what frames do and
//! how a session departs is in [`crate::ws`], and is the same.

mod callback;
pub(crate) mod frame;
mod keeper;
mod line;
mod lines;
mod names;
mod quote;
mod receiver;
mod transport;

pub(crate) use callback::{Callback, NoCallback};
pub(crate) use line::{Cut, Unattached, Untaken};
pub(crate) use lines::{Found, Lines};
pub(crate) use transport::Transport;
