//! What the fuzz targets (`fuzz/` in the repository) call that nobody outside this crate may otherwise; there
//! with the feature `fuzzing` only. Thin: each hands bytes to the very code that requests and frames go
//! through. What must hold is asserted by the targets.

use anteroom_core::ids::{Generation, LoginId, Nonce, RoomId, UserId};
use anteroom_core::time::Millis;
use anteroom_protocol::message::{APPLICATION_JSON, TEXT_PLAIN};
use uuid::Uuid;

pub use crate::admission::fuzzing as seats;
pub use crate::cluster::fuzzing as nodes;
pub use crate::entry::fuzzing as entry;
pub use crate::http::fuzzing as http;
pub use crate::tokens::fuzzing as tokens;
pub use crate::ws::fuzzing as ws;

use crate::admission::{Ticket, TicketKey};
use crate::sockjs::Callback;
use crate::sockjs::frame as sockjs;

/// What a ticket says, in this order: room 8, user 16, epoch 8, n 8, login 16, deadline 8, nonce 16.
pub type Facts = [u8; 80];

/// A key for tickets.
pub struct Tickets(TicketKey);

impl Tickets {
    /// A key from 32 bytes.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(TicketKey::new(secret))
    }

    /// The ticket of these facts.
    #[must_use]
    pub fn seal(&self, facts: &Facts) -> String {
        self.0.seal(&Ticket {
            room: RoomId(i64::from_be_bytes(part(facts, 0))),
            user: UserId(Uuid::from_bytes(part(facts, 8))),
            generation: Generation {
                epoch: u64::from_be_bytes(part(facts, 24)),
                n: u64::from_be_bytes(part(facts, 32)),
            },
            login: LoginId(Uuid::from_bytes(part(facts, 40))),
            deadline: Millis(u64::from_be_bytes(part(facts, 56))),
            nonce: Nonce(part(facts, 64)),
        })
    }

    /// The facts of a ticket; `None` where it is none.
    #[must_use]
    pub fn open(&self, text: &str) -> Option<Facts> {
        let ticket = self.0.open(text).ok()?;
        let parts: [&[u8]; 7] = [
            &ticket.room.0.to_be_bytes(),
            ticket.user.0.as_bytes(),
            &ticket.generation.epoch.to_be_bytes(),
            &ticket.generation.n.to_be_bytes(),
            ticket.login.0.as_bytes(),
            &ticket.deadline.0.to_be_bytes(),
            &ticket.nonce.0,
        ];
        parts.concat().try_into().ok()
    }
}

fn part<const N: usize>(facts: &Facts, at: usize) -> [u8; N] {
    std::array::from_fn(|n| facts[at + n])
}

/// Whether a message may be said, as text or as JSON.
#[must_use]
pub fn is_content(text: &str, is_json: bool, chars_max: usize) -> bool {
    let kind = if is_json { APPLICATION_JSON } else { TEXT_PLAIN };
    crate::messages::check_content(text, Some(kind), chars_max).is_ok()
}

/// What a SockJS client says in a body or over a socket; `None` where it is broken.
#[must_use]
pub fn sockjs_texts(sent: &str, is_socket: bool) -> Option<Vec<String>> {
    if is_socket { sockjs::socket_texts(sent) } else { sockjs::texts(sent) }.ok()
}

/// The array in which a SockJS client is told frames, and the same frames over a socket.
#[must_use]
pub fn sockjs_told(frames: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (sockjs::joined(&[sockjs::pieces(frames)]), sockjs::framed(frames).to_vec())
}

/// The name of the function that a page wants to be called, where it is one.
#[must_use]
pub fn sockjs_callback(name: &str) -> Option<String> {
    Callback::new(Some(name)).ok().map(|it| it.as_str().to_owned())
}
