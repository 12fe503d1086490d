//! A Redis server of a test's own.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use redis::aio::MultiplexedConnection;
use tempfile::TempDir;

/// The file, in the server's own directory, through which it answers as well.
const SOCKET: &str = "redis.sock";

/// A running server; killed when dropped.
pub(crate) struct Store {
    child: Child,
    port: u16,
    dir: TempDir,
    options: Vec<String>,
}

impl Store {
    /// An empty one that keeps nothing on disk.
    pub(crate) fn start() -> Self {
        Self::with(&["--save", "", "--appendonly", "no"])
    }

    /// One with these options.
    pub(crate) fn with(options: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options: Vec<String> = options.iter().map(|it| (*it).to_owned()).collect();
        loop {
            // Another process may take the port before Redis does: then the next one.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(child) = spawn(&dir, port, &options, READY) {
                return Self { child, port, dir, options };
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// The same server without the network in between: for tests that ask it much.
    pub(crate) fn socket_url(&self) -> String {
        format!("redis+unix://{}", self.dir.path().join(SOCKET).display())
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends the process without a word and starts it again on the same files.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.child = spawn(&self.dir, self.port, &self.options, READY).unwrap();
    }

    /// The same, but it takes its time to read its files: until `key-load-delay` is set to 0.
    pub(crate) fn restart_loading(&mut self) {
        self.stop();
        let slowly =
            ["--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024"];
        let options: Vec<String> =
            self.options.iter().cloned().chain(slowly.map(str::to_owned)).collect();
        self.child = spawn(&self.dir, self.port, &options, "Loading RDB").unwrap();
    }

    pub(crate) fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Stops the process in its tracks, or lets it go on.
    pub(crate) fn stall(&self, stalled: bool) {
        let signal = if stalled { "-STOP" } else { "-CONT" };
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    pub(crate) async fn connection(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// Runs one command.
    pub(crate) async fn command<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut self.connection().await).await.unwrap()
    }

    /// Every key, in order.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.command(&["KEYS", "*"]).await;
        keys.sort();
        keys
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const READY: &str = "Ready to accept connections";

/// Starts it and returns when it has said `said`.
fn spawn(dir: &TempDir, port: u16, options: &[String], said: &str) -> Option<Child> {
    let mut child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"])
        .arg(dir.path())
        .arg("--unixsocket")
        .arg(dir.path().join(SOCKET))
        .args(options)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stdout.take().unwrap()).lines();
    if log.by_ref().any(|line| line.unwrap().contains(said)) {
        // What it says later must not fill the pipe.
        std::thread::spawn(move || log.for_each(drop));
        return Some(child);
    }
    child.wait().unwrap();
    None
}
