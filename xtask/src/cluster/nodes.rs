//! Nodes of one deployment.

use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Bus;
use super::kept::{Kept, Place, keeper};

const READY: &str = "listening on http://";

/// What all nodes are told alike.
pub(super) struct Common {
    pub(super) server: PathBuf,
    pub(super) postgres: String,
    pub(super) bus: Bus,
    pub(super) bus_url: String,
    pub(super) secret: String,
    /// `KEY=VALUE`, as the server's own `--set`.
    pub(super) settings: Vec<String>,
}

/// A node that listens.
pub(super) struct Node {
    pub(super) address: SocketAddr,
    pub(super) log: PathBuf,
    pub(super) kept: Kept,
}

/// Starts the node of this number on a free port, with its log in a file below `logs`.
///
/// # Errors
/// It does not come up; its log says why.
pub(super) fn start(
    number: u32,
    common: &Common,
    place: &mut Place,
    logs: &Path,
) -> anyhow::Result<Node> {
    // Its own directory, so that it finds no configuration file of somebody else's.
    let data = place.path.join(format!("node-{number}"));
    std::fs::create_dir(&data)?;
    let log = logs.join(format!("node-{number}.log"));
    let mut server = keeper("TERM", &common.server);
    server.current_dir(&data).stderr(File::create(&log)?);
    server.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(&data);
    for setting in &common.settings {
        server.args(["--set", setting]);
    }
    let (bus, strategy, url) = match common.bus {
        Bus::Redis => ("redis", "redis", "ANTEROOM_REDIS__URL"),
        Bus::Rabbitmq => ("rabbitmq", "conditional", "ANTEROOM_RABBITMQ__URL"),
    };
    server
        .env("ANTEROOM_CLUSTER__BUS", bus)
        .env("ANTEROOM_CLUSTER__NODE", number.to_string())
        .env("ANTEROOM_ADMISSION__STRATEGY", strategy)
        .env(url, &common.bus_url)
        .env("ANTEROOM_STORAGE__URL", &common.postgres)
        .env("ANTEROOM_AUTH__SECRET", &common.secret)
        .env("ANTEROOM_AUTH__GUESTS", "true");
    let (kept, ready) = Kept::start(server, |line| line.starts_with(READY))
        .with_context(|| format!("node {number}: see {}", log.display()))?;
    place.holds(&kept)?;
    let address = ready.trim_start_matches(READY).parse().context(ready.clone())?;
    Ok(Node { address, log, kept })
}

/// A secret for this deployment.
///
/// # Errors
/// There is no source of random numbers.
pub(super) fn secret() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
