//! Random histories: the same verbs for everyone, the same answers from everyone.
//!
//! A [`History`] is drawn from a seed and nothing else, so a seed that fails is a failure that can
//! be had again. [`History::play`] resolves its operations one by one into [`Verb`]s (which ticket,
//! which session: that depends on the answers so far), hands each to a reference and to the
//! subjects, and compares answers, journals and snapshots. The properties that need no model are
//! asserted of the reference.
//!
//! Read on in `ops` (what is drawn), `verb` (what is called), `resolve` (from one to the other),
//! `player` and `invariants` (what must hold), `ledger` and `model` (two subjects).

mod invariants;
mod ledger;
pub mod model;
mod ops;
mod play;
mod player;
mod resolve;
mod shrink;
mod verb;

pub use ledger::Ledger;
pub use ops::{EVENTS_MIN, Timed};
pub use play::{Campaign, Fault, Figures, History, Named};
pub use verb::{Answer, Subject, Verb, View};
