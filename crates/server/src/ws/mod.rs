//! The WebSocket side: bytes to frames, frames to events, and the connection's one task.
//!
//! [`decode`] and [`frame`] are pure; what is still to be written is in [`crate::hub::outbox`]; [`connection`] is
//! the connection's task, and [`reading`] how it reads and waits; [`passage`] is how any session is let in and departs;
//! [`handlers`] are what frames do. Sessions and seats are known here only through [`crate::entry`] and
//! [`crate::hub`].

mod connection;
pub mod decode;
#[cfg(feature = "echo")]
mod echo;
pub mod frame;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod handlers;
pub mod handshake;
mod heartbeat;
mod passage;
mod reading;
mod welcome;

pub(crate) use decode::Violation;
#[cfg(feature = "echo")]
pub(crate) use echo::Echo;
pub(crate) use handlers::Conversation;
pub(crate) use passage::{Bounds, Connect, Connections, Departure, Presented, Turned};
