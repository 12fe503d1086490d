//! One program for all targets; which one is said by `ANTEROOM_FUZZ`. What it is given otherwise is libFuzzer's:
//! `cargo xtask fuzz` calls it, and says how to do so by hand.
//!
//! A target is given bytes and panics where something does not hold.
#![no_main]

mod draw;
mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("ANTEROOM_FUZZ").unwrap_or_default();
    let found = targets::ALL.iter().find(|(known, _)| *known == name);
    let known: Vec<_> = targets::ALL.iter().map(|(known, _)| *known).collect();
    found.unwrap_or_else(|| panic!("ANTEROOM_FUZZ is one of {known:?}")).1
});

fuzz_target!(|bytes: &[u8]| TARGET(bytes));
