//! `cargo xtask cluster` as a person uses it: real engines, real nodes, one request through the proxy.

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a front answers to a request for its readiness.
fn readiness(front: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(front)?;
    let ask = format!("GET /readyz HTTP/1.1\r\nHost: {front}\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_cluster_answers_through_its_proxy_and_leaves_nothing_behind() {
    let xtask = Path::new(env!("CARGO_BIN_EXE_xtask"));
    let server = xtask.with_file_name("anteroom");
    if !server.exists() {
        // Whoever tests the whole workspace has built it.
        common::not_run(&format!("the server is not built: {}", server.display()));
        return;
    }
    let mut command = Command::new(xtask);
    command.args(["cluster", "--nodes", "2", "--listen", "127.0.0.1:0", "--server"]).arg(server);
    let mut cluster =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("xtask starts");
    let mut lines = BufReader::new(cluster.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut processes = Vec::new();
    let front = loop {
        let line = lines.next().expect("it comes up");
        if let Some(front) = line.strip_prefix("listening on http://") {
            break front.to_owned();
        }
        let (_, after) = line.split_once("(process ").expect("every line names a process");
        processes.push(after.split([',', ')']).next().unwrap().to_owned());
    };
    assert_eq!(processes.len(), 4, "PostgreSQL, Redis and two nodes");
    for _ in 0..2 {
        let answer = readiness(&front).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let place = std::env::temp_dir().join(format!("anteroom-cluster-{}", cluster.id()));
    assert!(place.is_dir());

    drop(cluster.stdin.take());
    assert!(cluster.wait().unwrap().success());
    let left: Vec<_> = processes.iter().filter(|it| Path::new("/proc").join(it).exists()).collect();
    assert!(left.is_empty(), "still running: {left:?}");
    assert!(!place.exists());
}
