//! A real nginx and a real HAProxy in front of a server: private, on free ports, gone with their owner.
//!
//! Each runs on the configuration that `docs/proxies` recommends, in which nothing is changed but places,
//! ports and what the machine of a test may not allow: what holds here holds for who follows it.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::server::TestServer;
use super::waiting::within;

/// So many times it is tried to start one: between the look for a free port and its use somebody else may
/// take it.
const TRIES: usize = 3;
/// `nobody`, where a test runs as root.
const NOBODY: u32 = 65_534;

/// A proxy that passes on to one server.
pub(crate) struct Proxy {
    child: Child,
    port: u16,
    dir: TempDir,
}

impl Proxy {
    /// nginx before this server, which has to trust 127.0.0.1.
    pub(crate) async fn nginx(server: &TestServer) -> Self {
        Self::start("nginx", |dir, port| {
            let inside = dir.display();
            let mut http = "http {\n".to_owned();
            for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
                http += &format!("    {kind}_temp_path {inside}/{kind};\n");
            }
            let text = with(
                include_str!("../../../../../docs/proxies/nginx.conf"),
                &[
                    ("listen 80;", &format!("listen 127.0.0.1:{port};")),
                    ("server 127.0.0.1:8080;", &format!("server 127.0.0.1:{};", server.port())),
                    ("user www-data;", ""),
                    ("worker_connections 16384;", "worker_connections 4096;"),
                    ("/run/nginx.pid", &format!("{inside}/nginx.pid")),
                    ("/var/log/nginx/access.log", &format!("{inside}/access.log")),
                    ("/var/log/nginx/error.log", &format!("{inside}/error.log")),
                    ("http {\n", &http),
                ],
            );
            std::fs::write(dir.join("nginx.conf"), text).unwrap();
            let mut command = program("nginx");
            command.arg("-p").arg(dir).arg("-c").arg(dir.join("nginx.conf"));
            command.arg("-e").arg(dir.join("early.log"));
            command.args(["-g", "daemon off; master_process off;"]);
            command
        })
        .await
    }

    /// HAProxy before this server, which has to trust 127.0.0.1.
    pub(crate) async fn haproxy(server: &TestServer) -> Self {
        Self::start("haproxy", |dir, port| {
            let text = with(
                include_str!("../../../../../docs/proxies/haproxy.cfg"),
                &[
                    ("bind :80\n", &format!("bind 127.0.0.1:{port}\n")),
                    ("127.0.0.1:8080", &format!("127.0.0.1:{}", server.port())),
                    ("maxconn 16384", "maxconn 2000"),
                ],
            );
            std::fs::write(dir.join("haproxy.cfg"), text).unwrap();
            let mut command = program("haproxy");
            command.arg("-db").arg("-f").arg(dir.join("haproxy.cfg"));
            command
        })
        .await
    }

    async fn start(name: &str, prepare: impl Fn(&Path, u16) -> Command) -> Self {
        for _ in 0..TRIES {
            let dir = tempfile::Builder::new().prefix("anteroom-proxy-").tempdir().unwrap();
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut command = prepare(dir.path(), port);
            if rustix::process::geteuid().is_root() {
                chown(dir.path(), Some(NOBODY), Some(NOBODY)).expect("a directory is given");
                command.uid(NOBODY).gid(NOBODY);
            }
            let said = File::create(dir.path().join("said.log")).unwrap();
            command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
            let child = command.spawn();
            let child = child.unwrap_or_else(|it| panic!("{name} (apt-get install {name}): {it}"));
            let mut proxy = Self { child, port, dir };
            if within("a proxy", proxy.answers()).await {
                return proxy;
            }
            super::shown(&proxy.log());
        }
        panic!("{name} did not come up")
    }

    /// Whether it takes connections; false when it has ended instead.
    async fn answers(&mut self) -> bool {
        loop {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_ok() {
                return true;
            }
            if self.child.try_wait().expect("a child").is_some() {
                return false;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Everything it has written down so far.
    pub(crate) fn log(&self) -> String {
        let files = std::fs::read_dir(self.dir.path()).unwrap().map(|file| file.unwrap().path());
        let logs = files.filter(|path| path.extension().is_some_and(|it| it == "log"));
        logs.map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned())
            .collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Debian keeps them where only root looks.
fn program(name: &str) -> Command {
    let there = Path::new("/usr/sbin").join(name);
    if there.exists() { Command::new(there) } else { Command::new(name) }
}

/// The text with some of its words replaced, each of which must stand in it once.
fn with(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from:?} stands once in the configuration");
        text.replace(from, to)
    })
}
