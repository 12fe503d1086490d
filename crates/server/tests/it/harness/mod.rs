//! What every module of these tests stands on.

pub(crate) mod across;
mod authority;
mod carried;
pub(crate) mod contract;
pub(crate) mod check;
mod collector;
mod command;
mod database;
pub(crate) mod dice;
mod disk;
mod entries;
pub(crate) mod faults;
mod front;
pub(crate) mod http;
mod journal;
pub(crate) mod line;
mod nodes;
mod people;
mod postgres;
mod process;
mod proxies;
mod rabbit;
pub(crate) mod raw;
mod redis;
mod relay;
mod rest;
mod rounds;
mod server;
mod settings;
pub(crate) mod sockjs;
mod strace;
pub(crate) mod terminal;
pub(crate) mod told;
pub(crate) mod transcript;
mod waiting;
mod web;
mod wire;

use std::io::Write as _;

use anteroom_client::tls::plain_http;

pub(crate) use authority::Authority;
pub(crate) use carried::{lacks_websocket, transport};
pub(crate) use collector::{Collector, Seen};
pub(crate) use command::command_on;
pub(crate) use entries::Metrics;
pub(crate) use journal::{LogEvent, now_ms};
pub(crate) use nodes::{Nodes, meet_at, one_of_many};
pub(crate) use people::{Known, PASSWORD};
pub(crate) use postgres::Postgres;
pub(crate) use process::{resident_kib, resident_kib_of_living};
pub(crate) use proxies::Proxy;
pub(crate) use rabbit::Rabbit;
pub(crate) use redis::Redis;
pub(crate) use relay::{Catch, Relay, Way, Wires};
pub(crate) use rounds::{next_reservation, stagger};
pub(crate) use server::TestServer;
pub(crate) use settings::{PROGRAM, Settings};
pub(crate) use strace::Strace;
pub(crate) use waiting::{PATIENCE, alive, ended, next_message, refused, within};
pub(crate) use web::{Answer, Browser, encode};
pub(crate) use wire::Wire;

/// A client for plain HTTP.
pub(crate) fn http_client() -> reqwest::Client {
    plain_http().expect("a builder").build().expect("an HTTP client")
}

/// Says loudly that this machine does not allow a test, which has therefore not been run.
pub(crate) fn not_run(test: &str, why: &str) {
    // Not by a macro, whose words are kept from whoever runs the tests.
    writeln!(std::io::stderr(), "\nNOT RUN: {test}: {why}\n").expect("stderr");
}

/// Says what a test measured, to whoever runs it with `--nocapture`.
#[expect(
    clippy::print_stdout,
    reason = "by the macro, whose words are kept unless they are asked for"
)]
pub(crate) fn shown(what: &str) {
    println!("{what}");
}
