//! The WebSocket protocol (RFC 6455), server side.
//!
//! `handshake` decides whether a request may become a WebSocket, `decode` turns received bytes into
//! events, `frame` turns answers into bytes. All three are pure: they read no socket, no clock and
//! no configuration, so tests and fuzzers drive them with nothing but bytes.

pub mod decode;
pub mod frame;
pub mod handshake;
