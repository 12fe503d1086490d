//! A private PostgreSQL, Redis and RabbitMQ, from Debian's packages.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use super::kept::{Kept, Place, keeper};

/// Runs the broker and what it finds others by, and ends both when it is asked to.
const RABBITMQ_RUNS: &str = r#"epmd >/dev/null 2>&1 & names=$!
"$0" & server=$!
trap 'kill "$(cat "$RABBITMQ_PID_FILE")" 2>/dev/null || kill $server' TERM
while kill -0 $server 2>/dev/null; do wait $server; done
kill $names"#;
const RABBITMQ_SETTINGS: &str = "disk_free_limit.absolute = 1MB
log.file = false
log.console = true
log.console.level = warning
";

/// A running engine and its address.
pub(crate) struct Engine {
    pub(crate) url: String,
    pub(crate) kept: Kept,
}

/// Starts PostgreSQL on an empty database.
///
/// # Errors
/// It is not installed, or does not come up.
pub(crate) fn postgres(place: &mut Place) -> anyhow::Result<Engine> {
    let dir = place.path.join("postgres");
    std::fs::create_dir(&dir)?;
    let servant = servant("postgres").or_else(|| servant("nobody"));
    if let Some((user, group)) = servant {
        chown(&dir, Some(user), Some(group))?;
    }
    let run_by = |command: &mut Command| {
        command.current_dir("/");
        if let Some((user, group)) = servant {
            command.uid(user).gid(group);
        }
    };
    let mut initdb = Command::new(program("initdb"));
    initdb.args(["--no-sync", "--auth=trust", "--username=anteroom", "--encoding=UTF8"]);
    initdb.args(["--no-locale", "--pgdata"]).arg(dir.join("data"));
    run_by(&mut initdb);
    let made = initdb
        .stdin(Stdio::null())
        .output()
        .context("initdb (apt-get install --no-install-recommends postgresql)")?;
    ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    let port = free_port()?;
    // Its words come on stderr, and one of them is that it is ready.
    let mut server = keeper("INT", Path::new("sh"));
    server.args(["-c", r#"exec "$0" "$@" 2>&1"#]).arg(program("postgres"));
    server.arg("-D").arg(dir.join("data")).args(["-p", &port.to_string()]);
    for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"]
    {
        server.args(["-c", setting]);
    }
    run_by(&mut server);
    let (kept, _) = Kept::start(server, |line| line.contains("ready to accept connections"))
        .context("PostgreSQL")?;
    place.holds(&kept)?;
    Ok(Engine { url: format!("postgres://anteroom@127.0.0.1:{port}/postgres"), kept })
}

/// Starts Redis, which keeps nothing on disk.
///
/// # Errors
/// It is not installed, or does not come up.
pub(crate) fn redis(place: &mut Place) -> anyhow::Result<Engine> {
    let port = free_port()?;
    let mut server = keeper("TERM", Path::new("redis-server"));
    server.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    server.args(["--appendonly", "no", "--dir"]).arg(&place.path);
    let (kept, _) = Kept::start(server, |line| line.contains("Ready to accept"))
        .context("Redis (apt-get install --no-install-recommends redis-server)")?;
    place.holds(&kept)?;
    Ok(Engine { url: format!("redis://127.0.0.1:{port}/"), kept })
}

/// Starts RabbitMQ, with the server of names that Erlang wants beside it.
///
/// # Errors
/// It is not installed, or does not come up.
pub(super) fn rabbitmq(place: &mut Place) -> anyhow::Result<Engine> {
    let dir = place.path.join("rabbitmq");
    std::fs::create_dir(&dir)?;
    let (port, settings) = (free_port()?, dir.join("rabbitmq.conf"));
    let plugins = dir.join("enabled_plugins");
    std::fs::write(&settings, format!("listeners.tcp.1 = 127.0.0.1:{port}\n{RABBITMQ_SETTINGS}"))?;
    std::fs::write(&plugins, "[].\n")?;
    let mut server = keeper("TERM", Path::new("sh"));
    server.args(["-c", RABBITMQ_RUNS, "/usr/lib/rabbitmq/bin/rabbitmq-server"]);
    server.current_dir("/").env("HOME", &dir).stderr(Stdio::null());
    server.env("ERL_EPMD_PORT", free_port()?.to_string()).env("ERL_EPMD_ADDRESS", "127.0.0.1");
    server.env("RABBITMQ_NODENAME", format!("anteroom-{port}@localhost"));
    server.env("RABBITMQ_DIST_PORT", free_port()?.to_string());
    let loopback = "-kernel inet_dist_use_interface {127,0,0,1}";
    server.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", loopback);
    for (name, file) in [
        ("CONF_ENV_FILE", "none"),
        ("CONFIG_FILE", "rabbitmq"),
        ("ENABLED_PLUGINS_FILE", "enabled_plugins"),
        ("MNESIA_BASE", "mnesia"),
        ("LOG_BASE", "log"),
        ("PID_FILE", "pid"),
    ] {
        server.env(format!("RABBITMQ_{name}"), dir.join(file));
    }
    if let Some((user, group)) = servant("rabbitmq") {
        for path in [&dir, &plugins] {
            chown(path, Some(user), Some(group))?;
        }
        server.uid(user).gid(group);
    }
    let (kept, _) = Kept::start(server, |line| line.contains("completed with"))
        .context("RabbitMQ (apt-get install --no-install-recommends rabbitmq-server)")?;
    place.holds(&kept)?;
    Ok(Engine { url: format!("amqp://guest:guest@127.0.0.1:{port}/%2f"), kept })
}

/// Free a moment ago: nobody else here takes ports by number.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Somebody to run an engine that refuses to be run by root; where nobody has to, `None`.
fn servant(name: &str) -> Option<(u32, u32)> {
    if std::fs::metadata("/proc/self").ok()?.uid() != 0 {
        return None;
    }
    let people = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = people.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Where the newest PostgreSQL's programs are; nowhere in particular where they are on the path.
pub(crate) fn postgres_programs() -> Option<PathBuf> {
    let dir = program("createdb").parent()?.to_owned();
    (!dir.as_os_str().is_empty()).then_some(dir)
}

/// The newest one that is installed.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|it| it.path().join("bin").join(name)).filter(|it| it.exists());
    found.max().unwrap_or_else(|| name.into())
}
