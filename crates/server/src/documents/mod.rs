//! The contract for machines and, rendered from the same, for people.
//!
//! [`openapi`] tells of requests and answers, [`asyncapi`] of frames, streams and events. Both are made of the
//! types of `anteroom-protocol` and of the list of endpoints that the router is made of, so neither can say
//! what the server does not do. Read in this order: [`endpoint`], [`schemas`], `openapi.rs`, `asyncapi`.

mod asyncapi;
pub(crate) mod endpoint;
mod openapi;
pub(crate) mod reference;
mod schemas;

pub use asyncapi::asyncapi;
pub use openapi::openapi;

/// The version of the wire contract.
const VERSION: &str = "1.0.0";
