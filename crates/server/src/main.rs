//! The `anteroom` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    anteroom::cli::main()
}
