//! The `anteroom` command with a WebSocket at `/echo` that says what it hears: for `cargo xtask conformance`, not for
//! people.

use std::process::ExitCode;

fn main() -> ExitCode {
    anteroom::cli::main()
}
