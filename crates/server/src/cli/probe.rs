//! `anteroom healthcheck`: asks a running server whether it is ready, for containers without curl.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use super::remote::Remote;
use crate::config::Config;

const PATIENCE: Duration = Duration::from_secs(3);

/// 0 when the server is ready, 1 otherwise; the reason goes to standard error. Asked over the socket in the data
/// directory where there is one, since that works whatever it listens on, else over plain HTTP.
pub(super) async fn healthcheck(config: &Config) -> anyhow::Result<ExitCode> {
    let Some(server) = Remote::reach(config).await? else {
        return Ok(over_tcp(config.server.listen));
    };
    server.ready().await.context("not ready")?;
    println!("ready");
    Ok(ExitCode::SUCCESS)
}

fn over_tcp(listen: SocketAddr) -> ExitCode {
    match ask(reachable(listen)) {
        Ok(status) if status.contains(" 200 ") => {
            println!("ready");
            ExitCode::SUCCESS
        }
        Ok(status) => {
            eprintln!("not ready: {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("not reachable at {listen}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A server that listens on every address is asked on the loopback one.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        ip if ip.is_unspecified() => {
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listen.port())
        }
        _ => listen,
    }
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
