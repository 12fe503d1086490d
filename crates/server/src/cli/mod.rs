//! The command line: `anteroom` alone serves.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to its terminal")]

mod files;
mod probe;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tokio::net::TcpListener;

use crate::chat::{self, ChatCommand};
use crate::config::{Config, Log, Overrides, load};
use crate::{run, telemetry};

/// A real-time chat server whose rooms keep their capacity.
#[derive(Debug, Parser)]
#[command(name = "anteroom", version, about)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct Settings {
    /// Read settings from FILE instead of `anteroom.toml`.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port to listen on; port 0 picks a free one.
    #[arg(long, global = true, value_name = "ADDR")]
    listen: Option<String>,
    /// Where the embedded database and the generated secret live.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// Any setting, e.g. `--set admission.grace=5s`.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve (what `anteroom` alone does).
    Serve,
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Accounts, on the store itself.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Be in a room, here in the terminal; --help says how.
    Chat(ChatCommand),
    /// Exit with 0 when the server that the configuration describes is ready.
    Healthcheck,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print every setting in force, secrets hidden.
    Print,
    /// Say whether the configuration can be used.
    Check,
}

/// Runs the command given by the process' arguments.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("anteroom: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    // Whoever is a guest of a server somewhere has no settings of one.
    if let Some(Command::Chat(command)) = &cli.command {
        return Ok(chat::run(command)?);
    }
    let config = load(&overrides(&cli.settings)?)?;
    match cli.command {
        Some(Command::Chat(command)) => Ok(chat::run(&command)?),
        None | Some(Command::Serve) => serve(config),
        Some(Command::Config(ConfigCommand::Print)) => {
            print!("{}", config.to_toml());
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Config(ConfigCommand::Check)) => {
            println!("the configuration is usable");
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::User(command)) => {
            telemetry::init(&Log { level: "warn".to_owned(), ..config.log.clone() })?;
            runtime()?.block_on(user::run(&config, command))
        }
        Some(Command::Healthcheck) => Ok(probe::healthcheck(config.server.listen)),
    }
}

fn overrides(settings: &Settings) -> anyhow::Result<Overrides> {
    let mut flags = Vec::new();
    if let Some(listen) = &settings.listen {
        flags.push(("server.listen".to_owned(), listen.clone()));
    }
    if let Some(dir) = &settings.data_dir {
        flags.push(("server.data_dir".to_owned(), dir.clone()));
    }
    for setting in &settings.set {
        let (key, value) = setting
            .split_once('=')
            .ok_or_else(|| anyhow::anyhow!("--set takes KEY=VALUE, not `{setting}`"))?;
        flags.push((key.to_owned(), value.to_owned()));
    }
    Ok(Overrides { file: settings.config.clone(), environment: std::env::vars().collect(), flags })
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

fn serve(config: Config) -> anyhow::Result<ExitCode> {
    telemetry::init(&config.log)?;
    files::allow(config.server.connections_max);
    runtime()?.block_on(async {
        let listener = TcpListener::bind(config.server.listen).await.map_err(|error| {
            anyhow::anyhow!("cannot listen on {}: {error}", config.server.listen)
        })?;
        let address = listener.local_addr()?;
        run(config, listener, stop_signal()?, || println!("listening on http://{address}")).await
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Resolves at Ctrl-C or a polite request to stop. Heard from the call on, not from the first poll: whoever
/// reads the ready line may ask at once.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
