//! `cargo xtask cluster`: a deployment of several nodes on this machine, for trying.
//!
//! A private PostgreSQL and Redis from Debian's packages (or RabbitMQ, if asked for), the nodes, and in front of
//! them a proxy that spreads connections in turn. Everything ends with it, and only the nodes' logs stay
//! (`out/cluster`, if nothing else is said).

pub(crate) mod engines;
mod kept;
mod nodes;
mod proxy;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

pub(crate) use self::engines::free_port;
pub(crate) use self::kept::{Kept, Place, keeper};
use self::nodes::{Common, Node};
use crate::build::{Profile, built};
use crate::run::say;

/// Where the nodes meet.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Bus {
    Redis,
    Rabbitmq,
}

/// What is to be started.
#[derive(Args, Debug)]
pub(crate) struct Wanted {
    /// How many nodes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=32))]
    nodes: u32,
    /// Where the nodes meet. With `rabbitmq` the seats are in PostgreSQL, and there is no Redis.
    #[arg(long, value_enum, default_value = "redis")]
    bus: Bus,
    /// Where the proxy listens.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// End by itself after so many seconds.
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
    /// A server that is built already; otherwise a release is built.
    #[arg(long, value_name = "PROGRAM")]
    server: Option<PathBuf>,
    /// Where the nodes' logs go.
    #[arg(long, value_name = "DIR", default_value = "out/cluster")]
    logs: PathBuf,
    /// A setting for every node, as the server's own --set.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

/// Starts everything, and ends it in its order on Ctrl-C, at the end of standard input, or in time.
///
/// # Errors
/// Something is not installed or does not come up.
pub(crate) fn run(root: &Path, wanted: Wanted) -> anyhow::Result<()> {
    let server = match wanted.server {
        Some(server) => server.canonicalize().with_context(|| server.display().to_string())?,
        None => built(root, Profile::Release, &["--package", "anteroom"])?.join("anteroom"),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind(wanted.listen));
    let listener = listener.with_context(|| wanted.listen.to_string())?;
    let logs = root.join(wanted.logs);
    std::fs::create_dir_all(&logs)?;

    // Dropped in the opposite order: the nodes first, then what they stand on, the directory last.
    let mut place = Place::new("cluster")?;
    let postgres = engines::postgres(&mut place)?;
    say(&format!("PostgreSQL  {}  (process {})", postgres.url, postgres.kept.pid));
    let (name, meets) = match wanted.bus {
        Bus::Redis => ("Redis", engines::redis(&mut place)?),
        Bus::Rabbitmq => ("RabbitMQ", engines::rabbitmq(&mut place)?),
    };
    say(&format!("{name}  {}  (process {})", meets.url, meets.kept.pid));
    let common = Common {
        server,
        postgres: postgres.url.clone(),
        bus: wanted.bus,
        bus_url: meets.url.clone(),
        secret: nodes::secret()?,
        settings: wanted.settings,
    };
    let mut running: Vec<Node> = Vec::new();
    for number in 1..=wanted.nodes {
        let node = nodes::start(number, &common, &mut place, &logs)?;
        let (address, pid, log) = (node.address, node.kept.pid, node.log.display());
        say(&format!("node {number}  http://{address}  (process {pid}, log {log})"));
        running.push(node);
    }
    let addresses = running.iter().map(|node| node.address).collect();
    say(&format!("listening on http://{}", listener.local_addr()?));
    runtime.block_on(async {
        tokio::select! {
            () = proxy::spread(listener, addresses) => {}
            () = over(wanted.seconds.map(Duration::from_secs)) => {}
        }
    });
    say("stopping");
    // With the proxy's connections: a node waits for who is connected to it.
    runtime.shutdown_background();
    Ok(())
}

/// Returns on Ctrl-C, at the end of standard input, or after `life`.
async fn over(life: Option<Duration>) {
    let (closed, stdin_is_closed) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop(closed);
    });
    let asked = async {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = stdin_is_closed => {}
        }
    };
    match life {
        // Over in time is as good as asked.
        Some(life) => drop(timeout(life, asked).await),
        None => asked.await,
    }
}
