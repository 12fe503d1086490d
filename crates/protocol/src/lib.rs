//! The wire contract of Anteroom, version 1, as types: request and answer bodies, WebSocket frames,
//! stable codes and close codes. Server, client and load generator share them, so a name changes in
//! one place or not at all.
//!
//! Nothing here decides anything: no limits are enforced, no state is kept. JSON is `snake_case`;
//! times are RFC 3339 UTC with milliseconds ([`Timestamp`]); durations end in `_ms`.
#![deny(missing_docs)]

pub mod account;
pub mod attempt;
pub mod audit;
pub mod close;
pub mod code;
pub mod entry;
pub mod export;
pub mod frame;
pub mod message;
pub mod page;
pub mod problem;
pub mod room;
pub mod time;

pub use close::CloseCode;
pub use code::Code;
pub use problem::{FieldProblem, Problem};
pub use time::Timestamp;

/// The subprotocol name a client may offer on the WebSocket.
pub const SUBPROTOCOL: &str = "anteroom.v1";
/// Where the versioned API lives.
pub const API_BASE: &str = "/api/v1";
