//! What the program says of itself, whatever its settings are.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, ValueEnum};
use clap_complete::Shell;

use super::Cli;
use crate::documents;

/// A half of the contract.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Document {
    /// Requests and answers.
    Openapi,
    /// Frames and events.
    Asyncapi,
}

/// Says it. A reader that has read enough is an error like any other, and no panic.
pub(super) fn print(text: &str) -> anyhow::Result<ExitCode> {
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// In JSON.
pub(super) fn document(kind: Document) -> String {
    let document = match kind {
        Document::Openapi => documents::openapi(),
        Document::Asyncapi => documents::asyncapi(),
    };
    format!("{document:#}\n")
}

/// What makes a shell complete commands and flags.
pub(super) fn completions(shell: Shell) -> anyhow::Result<String> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "anteroom", &mut text);
    Ok(String::from_utf8(text)?)
}

/// One page for the program and its commands, in roff.
pub(super) fn manual() -> anyhow::Result<String> {
    let mut program = Cli::command();
    program.build();
    let mut text = Vec::new();
    clap_mangen::Man::new(program.clone()).render(&mut text)?;
    for command in program.get_subcommands().filter(|it| it.get_name() != "help") {
        let name = format!("anteroom {}", command.get_name());
        let page = clap_mangen::Man::new(command.clone().display_name(name));
        writeln!(text, ".SH \"ANTEROOM {}\"", command.get_name().to_uppercase())?;
        page.render_description_section(&mut text)?;
        page.render_options_section(&mut text)?;
        if command.has_subcommands() {
            page.render_subcommands_section(&mut text)?;
        }
    }
    Ok(String::from_utf8(text)?)
}
