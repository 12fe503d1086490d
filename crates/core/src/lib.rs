//! The pure domain of Anteroom: who sits where, until when, and who may change it.
//!
//! Nothing here does I/O, knows serde or a runtime, reads a clock or draws a random number: time,
//! nonces and ids are arguments. That is what lets the same code be driven by property tests, by a
//! model checker and by the server. Read in this order: [`ids`], [`time`], [`limits`], then
//! [`seat`] (the ledger of one room, the heart of the product), [`place`] (one user across
//! rooms) and [`registry`] (which live session belongs to whom). [`mutants`] puts known bugs in, for
//! the tests of the tests.
#![deny(missing_docs)]

pub mod ids;
pub mod time;
pub mod limits;
pub mod maps;
pub mod seat;
pub mod place;
pub mod registry;
pub mod mutants;
