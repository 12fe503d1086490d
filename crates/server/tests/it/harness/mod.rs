//! What every module of these tests stands on.

mod database;
mod entries;
mod journal;
pub(crate) mod line;
mod people;
mod redis;
mod rest;
mod rounds;
mod server;
mod settings;
mod strace;
mod waiting;
mod web;
mod wire;

pub(crate) use entries::Metrics;
pub(crate) use journal::LogEvent;
pub(crate) use people::{Known, PASSWORD};
pub(crate) use redis::Redis;
pub(crate) use rounds::{next_reservation, stagger};
pub(crate) use server::TestServer;
pub(crate) use strace::Strace;
pub(crate) use waiting::{alive, ended, next_message, refused, within};
pub(crate) use web::{Answer, Browser, encode};
pub(crate) use wire::Wire;
