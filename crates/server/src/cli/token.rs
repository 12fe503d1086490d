//! `anteroom token check`: what a token says and is worth now. Read from standard input, because arguments
//! stand in the list of processes.

use std::process::ExitCode;

use clap::Subcommand;

use super::remote::Remote;
use crate::config::Config;
use crate::http::control::TokenAsked;

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Read a token from standard input and print whose it is; exit with 1 when it opens nothing.
    Check,
}

/// Has the running server judge it.
pub(super) async fn run(config: &Config, command: TokenCommand) -> anyhow::Result<ExitCode> {
    let TokenCommand::Check = command;
    let server = Remote::needed(config).await?;
    let token = std::io::read_to_string(std::io::stdin())?.trim().to_owned();
    let told = server.control("/token", &TokenAsked { token }).await?;
    println!("{}", serde_json::to_string_pretty(&told)?);
    Ok(ExitCode::SUCCESS)
}
