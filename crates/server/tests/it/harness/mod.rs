//! What every module of these tests stands on.

mod database;
mod journal;
mod people;
mod server;
mod settings;
mod waiting;
mod web;

pub(crate) use people::{Known, PASSWORD};
pub(crate) use server::TestServer;
pub(crate) use waiting::{alive, ended, next_message, refused, within};
pub(crate) use web::{Answer, Browser, encode};
