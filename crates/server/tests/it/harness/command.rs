//! The program as a command beside a server.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::server::TestServer;
use super::settings::Settings;

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) is_success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it speaks UTF-8");
        Self {
            is_success: output.status.success(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl TestServer {
    /// Runs a command on this server's data directory, with its settings.
    pub(crate) async fn command(&self, arguments: &[&str]) -> Said {
        self.command_told("", arguments).await
    }

    /// The same with something on standard input.
    pub(crate) async fn command_told(&self, input: &str, arguments: &[&str]) -> Said {
        done(&self.settings, self.data_dir(), input, arguments).await
    }
}

/// Runs a command on a data directory, with something on standard input and no settings.
pub(crate) async fn command_on(data_dir: &Path, input: &str, arguments: &[&str]) -> Said {
    done(&Settings::default(), data_dir, input, arguments).await
}

async fn done(settings: &Settings, data_dir: &Path, input: &str, arguments: &[&str]) -> Said {
    let mut command = Command::new(settings.program());
    settings.give_to(&mut command);
    command.arg("--data-dir").arg(data_dir).args(arguments);
    // Where nobody has left settings.
    command.current_dir(data_dir.ancestors().find(|it| it.is_dir()).unwrap());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that reads nothing may have ended already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await;
    output.unwrap().unwrap().into()
}
