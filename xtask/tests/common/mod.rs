//! What the tests of `cargo xtask` share.
#![expect(clippy::unwrap_used, reason = "what helps tests may stop one")]

use std::io::Write as _;

/// Says loudly that this machine does not allow a test, which has therefore not been run. `cargo xtask test` counts
/// these lines, and takes as many off those that passed.
pub(crate) fn not_run(why: &str) {
    // Not by a macro, whose words are kept from whoever runs the tests.
    let mut stderr = std::io::stderr();
    writeln!(stderr, "\nNOT RUN: {why}\n").unwrap();
}
