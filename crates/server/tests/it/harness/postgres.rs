//! A PostgreSQL server for tests: private, on a free port, gone when the tests are.
//!
//! It keeps every promise of a server on a disk; its directory is in memory where there is room, so that
//! keeping them takes no time. It is started by a shell that ends it as soon as the tests' end of a pipe is
//! closed, however they end.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};

use tempfile::TempDir;

/// So many ports are tried.
const PORTS_TRIED: usize = 5;
/// Free memory, in KiB, that a directory in memory needs.
const ROOM_NEEDED: u64 = 1 << 20;
/// Ends the server when nobody is there any more, and removes what it is told to.
const KEEPER: &str = r#"gone="$1"; shift; exec 3<&0
"$@" </dev/null 2>&1 & server=$!
echo "server $server"; exec >&-
cat <&3 >/dev/null
kill -INT $server 2>/dev/null; wait $server
[ -n "$gone" ] && rm -rf "$gone""#;

/// A server, and the directory it lives in.
pub(crate) struct Postgres {
    dir: PathBuf,
    port: u16,
    running: Mutex<Option<Running>>,
    databases: AtomicU32,
    /// Removed with its owner; one that is shared by a whole program is removed by its keeper.
    _dir: Option<TempDir>,
}

struct Running {
    keeper: Child,
    server: u32,
}

impl Postgres {
    /// The one that all tests of this program share.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: LazyLock<Postgres> = LazyLock::new(|| Postgres::begin(true));
        &SHARED
    }

    /// One that a test has for itself.
    pub(crate) fn start() -> Self {
        Self::begin(false)
    }

    fn begin(is_shared: bool) -> Self {
        let place =
            if has_room(Path::new("/dev/shm")) { "/dev/shm".into() } else { std::env::temp_dir() };
        let dir = tempfile::Builder::new().prefix("anteroom-pg-").tempdir_in(place);
        let dir = dir.expect("a directory for PostgreSQL");
        if let Some((user, group)) = servant() {
            std::os::unix::fs::chown(dir.path(), Some(user), Some(group))
                .expect("a directory is given");
        }
        let mut initdb = command(&program("initdb"));
        initdb.args(["--no-sync", "--auth=trust", "--username=anteroom", "--encoding=UTF8"]);
        initdb.args(["--no-locale", "--wal-segsize=1", "--pgdata"]).arg(dir.path().join("data"));
        let made = initdb.output().expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let (path, owned) = match is_shared {
            true => (dir.keep(), None),
            false => (dir.path().to_owned(), Some(dir)),
        };
        // Between the look for a free port and its use somebody else may take it.
        let mut tries = (0..PORTS_TRIED).map(|_| {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            Some((port, run(&path, port, is_shared)?))
        });
        let (port, running) = tries.find_map(|it| it).expect("PostgreSQL did not come up");
        let (running, databases) = (Mutex::new(Some(running)), AtomicU32::new(0));
        Self { dir: path, port, running, databases, _dir: owned }
    }

    /// Makes an empty database; its address.
    pub(crate) fn database(&self) -> String {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.tell("postgres", &format!("CREATE DATABASE {name}"));
        format!("postgres://anteroom@127.0.0.1:{}/{name}", self.port)
    }

    /// Drops a database that [`Postgres::database`] made, and whoever is connected to it.
    pub(crate) fn drop_database(&self, url: &str) {
        let name = url.rsplit('/').next().unwrap_or_default();
        self.tell("postgres", &format!("DROP DATABASE {name} WITH (FORCE)"));
    }

    /// Runs SQL in the database of that address; what it answers, without decoration.
    pub(crate) fn say(&self, url: &str, sql: &str) -> String {
        self.tell(url.rsplit('/').next().unwrap_or_default(), sql)
    }

    /// Somebody who talks to it.
    pub(crate) fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new(program("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"]);
        psql.args(["-U", "anteroom", "-p", &self.port.to_string(), "-d", database]);
        psql
    }

    fn tell(&self, database: &str, sql: &str) -> String {
        let mut psql = self.psql(database);
        psql.args(["-c", sql]);
        // What a test says is done also where the server is set to take nothing.
        psql.env("PGOPTIONS", "-c default_transaction_read_only=off");
        let said = psql.stdin(Stdio::null()).output().expect("psql runs");
        assert!(said.status.success(), "{sql}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    }

    /// Ends the server, which cuts every connection and finishes nothing.
    pub(crate) fn stop(&self) {
        if let Some(running) = self.running.lock().unwrap().take() {
            signal("QUIT", running.server);
        }
    }

    /// Starts it again on what it has written.
    pub(crate) fn start_again(&self) {
        let running = run(&self.dir, self.port, false).expect("PostgreSQL came up before");
        *self.running.lock().unwrap() = Some(running);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// `None` when it ended before it was ready.
fn run(dir: &Path, port: u16, is_shared: bool) -> Option<Running> {
    let mut keeper = command(Path::new("sh"));
    keeper.args(["-c", KEEPER, "keeper"]);
    if is_shared {
        keeper.arg(dir)
    } else {
        keeper.arg("")
    };
    keeper.arg(program("postgres")).arg("-D").arg(dir.join("data"));
    keeper.args(["-p", &port.to_string()]);
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=200",
        "shared_buffers=32MB",
        "max_wal_size=64MB",
        "min_wal_size=8MB",
        "deadlock_timeout=200ms",
    ] {
        keeper.args(["-c", setting]);
    }
    keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = Running { keeper: keeper.spawn().expect("a shell"), server: 0 };
    let mut said = BufReader::new(running.keeper.stdout.take().expect("its words")).lines();
    let server: u32 = said.next()?.ok()?.strip_prefix("server ")?.parse().ok()?;
    running.server = server;
    let is_ready = said.by_ref().map_while(Result::ok).any(|line| {
        let is_over = line.contains("database system is shut down") || line.contains("FATAL:");
        assert!(!line.contains("PANIC"), "{line}");
        line.contains("ready to accept connections") || is_over
    });
    if !is_ready || !Path::new(&format!("/proc/{server}")).exists() {
        return None;
    }
    // Read to the end, so that it never waits for a reader.
    std::thread::spawn(move || said.for_each(drop));
    Some(running)
}

/// A program run by somebody whom the server's programs accept: they refuse root.
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).current_dir("/");
    if let Some((user, group)) = servant() {
        command.uid(user).gid(group);
    }
    command
}

/// Who runs the server, where that must not be who runs the tests.
fn servant() -> Option<(u32, u32)> {
    if std::fs::metadata("/proc/self").ok()?.uid() != 0 {
        return None;
    }
    let people = std::fs::read_to_string("/etc/passwd").ok()?;
    let of = |name: &str| {
        let line = people.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    of("postgres").or_else(|| of("nobody"))
}

/// The newest one that is installed.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        versions.map(|it| it.path().join("bin").join(name)).filter(|it| it.exists()).collect();
    found.sort();
    found.pop().unwrap_or_else(|| name.into())
}

fn has_room(dir: &Path) -> bool {
    let Ok(df) = Command::new("df").args(["-Pk"]).arg(dir).output() else { return false };
    let told = String::from_utf8_lossy(&df.stdout).into_owned();
    let free = told.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    free.is_some_and(|free: u64| free >= ROOM_NEEDED)
}

fn signal(name: &str, pid: u32) {
    // One that has ended already is as good.
    let _ = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).output();
}
