//! The command line: `anteroom` alone serves.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to its terminal")]

mod backup;
mod files;
mod own;
mod probe;
mod remote;
mod room;
mod smoke;
mod token;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use tokio::net::TcpListener;

use remote::Remote;

use crate::app::open_storage;
use crate::chat::{self, ChatCommand};
use crate::config::{self, Changes, Config, Log, Overrides, load};
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
    /// Have the running server read its settings again, as SIGHUP does.
    Reload,
    /// Bring the store to what this version needs, and stop. Serving does so too.
    Migrate,
    /// Accounts: through the running server, or on the store itself.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Copy the database and the generated secret into a new directory, also while the server runs.
    Backup {
        /// The directory to make.
        to: PathBuf,
    },
    /// Put a backup in the place of what is there; without one, do only what has to follow where PostgreSQL was put
    /// back by its own tools. No server may be running. Every login ends.
    Restore {
        /// The directory that `backup` made.
        from: Option<PathBuf>,
    },
    /// Rooms of the running server.
    #[command(subcommand)]
    Room(room::RoomCommand),
    /// Tokens of the running server.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Be in a room, here in the terminal; --help says how.
    Chat(ChatCommand),
    /// Exit with 0 when the server that the configuration describes is ready.
    Healthcheck,
    /// Start a server apart, enter, chat, stop, and say what was done.
    Smoke,
    /// Print the contract as programs read it, in JSON.
    Document {
        /// Which half of it.
        kind: own::Document,
    },
    /// Print what makes a shell complete the commands and flags of this one.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Print the manual page, in roff.
    Man,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print every setting in force, secrets hidden.
    Print,
    /// Say whether the configuration can be used.
    Check,
    /// Print a file with every setting, its meaning and its default.
    Example,
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
    // Read where they are needed: whoever is a guest of a server somewhere has none.
    let asked = || overrides(&cli.settings);
    let loaded = || anyhow::Ok(load(&asked()?)?);
    let begun = || {
        let config = loaded()?;
        anyhow::Ok((quietly(&config)?, config))
    };
    match cli.command {
        None | Some(Command::Serve) => serve(loaded()?, asked()?),
        Some(Command::Chat(command)) => Ok(chat::run(&command)?),
        Some(Command::Config(ConfigCommand::Print)) => own::print(&loaded()?.to_toml()),
        Some(Command::Config(ConfigCommand::Check)) => {
            loaded()?;
            own::print("the configuration is usable\n")
        }
        Some(Command::Config(ConfigCommand::Example)) => own::print(&config::example()),
        Some(Command::Document { kind }) => own::print(&own::document(kind)),
        Some(Command::Completions { shell }) => own::print(&own::completions(shell)?),
        Some(Command::Man) => own::print(&own::manual()?),
        Some(Command::User(command)) => {
            let (runtime, config) = begun()?;
            runtime.block_on(user::run(&config, command))
        }
        Some(Command::Room(command)) => {
            let (runtime, config) = begun()?;
            runtime.block_on(room::run(&config, command))
        }
        Some(Command::Token(command)) => {
            let (runtime, config) = begun()?;
            runtime.block_on(token::run(&config, command))
        }
        Some(Command::Reload) => {
            let (runtime, config) = begun()?;
            runtime.block_on(reload(&config))
        }
        Some(Command::Migrate) => {
            let (runtime, config) = begun()?;
            runtime.block_on(migrate(&config))
        }
        Some(Command::Backup { to }) => backup::backup(&loaded()?, &to),
        Some(Command::Restore { from }) => {
            let (runtime, config) = begun()?;
            runtime.block_on(backup::restore(&config, from.as_deref()))
        }
        Some(Command::Smoke) => quietly(&Config::default())?.block_on(smoke::smoke()),
        Some(Command::Healthcheck) => {
            let (runtime, config) = begun()?;
            runtime.block_on(probe::healthcheck(&config))
        }
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

/// For a command that speaks for itself: only what is wrong is logged.
fn quietly(config: &Config) -> anyhow::Result<tokio::runtime::Runtime> {
    telemetry::init(&Log { level: "warn".to_owned(), ..config.log.clone() })?;
    Ok(runtime()?)
}

async fn reload(config: &Config) -> anyhow::Result<ExitCode> {
    let server = Remote::needed(config).await?;
    let told = server.control("/reload", &serde_json::json!({})).await?;
    let Changes { taken, waiting } = serde_json::from_value(told)?;
    for key in &taken {
        println!("taken over: {key}");
    }
    for key in &waiting {
        println!("needs a restart: {key}");
    }
    if taken.is_empty() && waiting.is_empty() {
        println!("nothing has changed");
    }
    Ok(ExitCode::SUCCESS)
}

async fn migrate(config: &Config) -> anyhow::Result<ExitCode> {
    let (storage, _) = open_storage(config).await?;
    storage.close().await;
    println!("the store is as this version needs it");
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

fn serve(config: Config, overrides: Overrides) -> anyhow::Result<ExitCode> {
    telemetry::init(&config.log)?;
    files::allow(config.server.connections_max);
    if let Some((key, why)) = config.weak_secret() {
        tracing::warn!(
            event = "config.weak_secret",
            key,
            why,
            "good enough for this machine alone; beyond loopback the start is refused"
        );
    }
    runtime()?.block_on(async {
        let listener = TcpListener::bind(config.server.listen).await.map_err(|error| {
            anyhow::anyhow!("cannot listen on {}: {error}", config.server.listen)
        })?;
        let address = listener.local_addr()?;
        let scheme = if config.tls.certificate.is_empty() { "http" } else { "https" };
        let ready = || println!("listening on {scheme}://{address}");
        run((config, overrides), listener, stop_signal()?, ready).await
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
