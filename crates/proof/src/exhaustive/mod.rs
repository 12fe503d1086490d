//! Every history of a small world: the real ledger, and around it clients, nodes and a network that
//! do their worst.
//!
//! A step of a room is made by the real [`anteroom_core::seat::Room`], restored from plain values and
//! taken back to them. The clients reserve, wait, cancel, connect and present resume secrets, fresh
//! and stale. The nodes admit, confirm, settle, abort and close as the server's `entry` does, one
//! call at a time, so that any two entries interleave in every way. Calls and answers are lost,
//! doubled and late; a node dies and starts again, or sleeps through its lease and wakes. Time is
//! whether a deadline has passed: any may pass before any other, which is more than clocks do.
//!
//! What is bounded is in [`Scope`]; within it every state is looked at. Histories beyond it are what
//! [`crate::history`] is for.
//!
//! Read on in `state`, `actions` (what can happen), `events` and `faults` (what it does), `unit` (the calls of
//! the ledger, each judged), `world` (what must hold in each state), `canon`, `run`.

mod actions;
mod canon;
mod events;
mod faults;
mod reached;
mod run;
mod scope;
mod state;
mod unit;
mod world;

pub use run::{Order, Outcome, search};
pub use scope::{HASTY, LONG, SHORT, Scope};
