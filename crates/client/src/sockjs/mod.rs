//! A session over HTTP: SockJS from the client's side.
//!
//! [`frame`] is pure. [`receiver`] is the one task of a session: it asks for what there is, again and
//! again, as a browser's client does by itself. [`line`] is what a session reads and writes.

pub(crate) mod frame;
mod line;
mod receiver;

pub(crate) use line::HttpLine;
