//! All targets by name.

mod bodies;
mod client_frames;
mod config;
mod content;
mod frames;
mod handshake;
mod ledger;
mod names;
mod nodes;
mod queries;
mod sockjs;
mod tickets;
mod tokens;

/// A target and its name, which is that of its corpus.
pub type Target = (&'static str, fn(&[u8]));

pub const ALL: &[Target] = &[
    ("bodies", bodies::run),
    ("client_frames", client_frames::run),
    ("config", config::run),
    ("content", content::run),
    ("frames", frames::run),
    ("handshake", handshake::run),
    ("ledger", ledger::run),
    ("names", names::run),
    ("nodes", nodes::run),
    ("queries", queries::run),
    ("sockjs", sockjs::run),
    ("tickets", tickets::run),
    ("tokens", tokens::run),
];
