//! Anteroom: a real-time chat server whose rooms keep their capacity.
//!
//! [`run`] is the whole server: the caller binds the listener and decides when to stop. Read on in
//! [`app`] (what is made of what), then follow an entry: `http/reservations.rs`, `entry/reserve.rs`,
//! `http/upgrade.rs`, `ws/connection.rs`, `entry/confirm.rs`; and a message: `ws/handlers.rs`,
//! `messages/log.rs`, `hub/mod.rs`, `hub/outbox.rs`.

mod chat;
pub mod cli;
pub mod config;
pub mod storage;
pub mod telemetry;

pub mod accounts;
mod admission;
mod alarms;
mod app;
mod audit;
pub mod clock;
pub mod documents;
mod cluster;
mod edge;
mod entry;
mod entry_log;
mod events;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod http;
mod hub;
mod messages;
mod metrics;
mod mutants;
mod pace;
mod pages;
mod people;
mod rabbit;
mod readiness;
mod redis_line;
mod rooms;
pub mod search;
mod socket;
mod sockjs;
mod sessions;
mod sweeper;
mod sync;
pub mod tokens;
mod traces;
mod view;
mod windows;
pub mod ws;

pub use app::run;
