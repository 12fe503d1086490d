//! The `anteroom` command with the baselines of the experiment: for `cargo xtask experiment`, not for people.

use std::process::ExitCode;

fn main() -> ExitCode {
    anteroom::cli::main()
}
