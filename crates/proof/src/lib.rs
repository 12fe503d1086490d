//! Machines that try to break the entry.
//!
//! [`history`] plays random histories of a room's verbs against any number of subjects and a plain
//! model, and compares them after every step. A subject is whatever can make the ledger's steps:
//! the ledger itself, or a strategy that keeps it elsewhere.
//!
//! [`exhaustive`] visits every state of a small world in which calls are lost, doubled and late and
//! nodes die or sleep, with the ledger itself at its heart.
//!
//! For tests only: nothing the server runs depends on this crate.
#![deny(missing_docs)]

pub mod exhaustive;
pub mod history;
