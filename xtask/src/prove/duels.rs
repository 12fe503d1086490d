//! A real server, with a private store, under the lab.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

use super::shards::{Built, answered};

/// What the ready line of the server begins with.
const READY: &str = "listening on ";

/// Starts a server with `strategy` and runs the lab against it. Answers whether every check held.
///
/// # Errors
/// A process cannot be started.
pub(super) fn against(built: &Built, strategy: &str, lab: &[&str]) -> anyhow::Result<bool> {
    let dir = Dir::new()?;
    let store = (strategy == "redis").then(|| redis(&dir.0)).transpose()?;
    let mut command = Command::new(built.program("anteroom"));
    command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.0.join("data"));
    let strategy = format!("admission.strategy={strategy}");
    for setting in [strategy.as_str(), "limits.enabled=false", "admission.reservation_ttl=60m"] {
        command.args(["--set", setting]);
    }
    if let Some((_, url)) = &store {
        command.args(["--set", &format!("redis.url={url}")]);
    }
    let log = std::fs::File::create(dir.0.join("log"))?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    let mut server = Ended(command.spawn().context("the server")?);
    let stdout = server.0.stdout.take().context("the server's words")?;
    let ready = BufReader::new(stdout)
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.split_once(READY).map(|(_, url)| url.trim().to_owned()));
    let Some(url) = ready else { bail!("the server never said that it listens") };
    let mut command = Command::new(built.program("anteroom-lab"));
    command.args(lab).args(["--url", &url, "--server-pid", &server.0.id().to_string()]);
    Ok(answered(&mut command)?.is_some())
}

/// A private Redis on a free port, and its address.
fn redis(dir: &Path) -> anyhow::Result<(Ended, String)> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--appendonly", "no", "--daemonize", "no", "--dir"]).arg(dir);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Ended(command.spawn().context("redis-server")?);
    let stdout = server.0.stdout.take().context("the words of redis-server")?;
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let is_ready = lines.any(|line| line.contains("Ready to accept connections"));
    anyhow::ensure!(is_ready, "redis-server did not come up");
    Ok((server, format!("redis://127.0.0.1:{port}/")))
}

/// A process that ends with its owner.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A directory that goes with its owner.
struct Dir(PathBuf);

impl Dir {
    fn new() -> anyhow::Result<Self> {
        let unique = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_nanos();
        let path = std::env::temp_dir().join(format!("anteroom-prove-{unique}"));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
