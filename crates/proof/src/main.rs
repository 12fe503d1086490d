//! Runs the machines of this crate for as long as somebody likes.
//!
//! Progress goes to stderr, one line every few seconds; the last line on stdout is one JSON object
//! with the figures. The exit status is 1 when something did not hold, and 2 when it could not run.

mod args;
mod histories;
mod model;
mod report;

use std::process::ExitCode;

use crate::args::{Command, USAGE};

/// The exit status when nothing was run.
const NOT_RUN: u8 = 2;

fn main() -> ExitCode {
    let command = match Command::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(why) => {
            report::note(&format!("anteroom-proof: {why}\n{USAGE}"));
            return ExitCode::from(NOT_RUN);
        }
    };
    let holds = match command {
        Command::Histories { seed, count } => histories::run(seed, count),
        Command::Model(run) => match model::run(&run) {
            Ok(holds) => holds,
            Err(why) => {
                report::note(&format!("anteroom-proof: {why}"));
                return ExitCode::from(NOT_RUN);
            }
        },
    };
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
