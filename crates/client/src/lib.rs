//! A client of the Anteroom contract: sign in, reserve a seat, confirm it over WebSocket or SockJS, talk, and
//! come back after a broken line.
//!
//! Two levels. [`Client`], [`Account`] and [`Session`] do exactly one step per call and hide nothing,
//! so a test can stop between any two of them. [`JoinedRoom`] stands on top and keeps the contract's
//! promises for a program that only wants to be in a room: it reconnects as the close code says,
//! resends what was not acknowledged, and hands out messages by `seq` without gap or double.
//!
//! Read in this order: [`error`], [`http`], [`account`], [`waiting`], [`transport`], [`confirm`],
//! [`session`], then [`backoff`]
//! and [`order`] (pure rules), `reconnect` and [`joined`].
#![deny(missing_docs)]

pub mod account;
pub mod backoff;
pub mod confirm;
pub mod error;
mod heartbeat;
pub mod http;
pub mod joined;
mod line;
pub mod order;
mod reconnect;
mod room_event;
pub mod session;
mod socket;
mod sockjs;
mod sse;
pub mod tls;
pub mod transport;
pub mod waiting;

pub use account::{Account, HistoryFrom, RoomQuery};
pub use confirm::ConfirmOptions;
pub use error::{Distrust, Error, Refusal, Result};
pub use http::Client;
pub use joined::{JoinOptions, JoinedRoom, RoomEvent};
pub use session::{Closed, Event, RawEvent, Session};
pub use tls::Trust;
pub use transport::Transport;
pub use waiting::{Awaited, LineEvent, LineStream, SeatWait};

/// The wire types, so that a user of this crate needs no second dependency.
pub use anteroom_protocol as protocol;
