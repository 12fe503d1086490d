//! A RabbitMQ for tests: private, on free ports, gone when the tests are.
//!
//! An Erlang node meets others through a little server of names (epmd); this one has its own of that too.
//! Both are started by a shell that ends them as soon as the tests' end of a pipe is closed, however they
//! end. Starting takes seconds, so a whole program shares one; each test has names of its own there.
//!
//! Whatever takes that long happens beside the test, whose connections and timers go on meanwhile: held up for
//! longer than a server keeps a silent connection, the next request goes into one that is closed.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use tempfile::TempDir;
use tokio::task::spawn_blocking;

/// So many times it is tried to start one: between the look for a free port and its use somebody else may
/// take it.
const TRIES: usize = 3;
/// Ends the broker when nobody is there any more, and removes what it is told to. It has to keep nothing,
/// so it is not asked to stop in order. Its words alone go out: they end when it does.
const KEEPER: &str = r#"gone="$1"; names="$2"; shift 2; exec 3<&0
"$names" </dev/null >/dev/null 2>&1 3<&- & epmd=$!
"$@" </dev/null 2>&1 3<&- & server=$!; exec >&-
cat <&3 >/dev/null
[ -s "$RABBITMQ_PID_FILE" ] && kill -KILL "$(cat "$RABBITMQ_PID_FILE")" 2>/dev/null
kill -KILL $server 2>/dev/null; wait $server
kill -KILL $epmd 2>/dev/null; wait $epmd
[ -n "$gone" ] && rm -rf "$gone""#;
/// Not more than a test needs: no threads that spin, no gigabytes set aside.
const CONFIG: &str = "vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 1MB
raft.wal_max_size_bytes = 33554432
log.file = false
log.console = true
log.console.level = warning
";

/// A broker, and the directory it lives in.
pub(crate) struct Rabbit {
    place: Arc<Place>,
    running: Arc<Mutex<Option<Running>>>,
    names: AtomicU32,
    /// Removed with its owner; one that is shared by a whole program is removed by its keeper.
    _dir: Option<TempDir>,
}

struct Place {
    dir: PathBuf,
    port: u16,
    epmd: u16,
    is_shared: bool,
}

struct Running {
    keeper: Child,
}

impl Rabbit {
    /// The one that all tests of this program share.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: LazyLock<Rabbit> = LazyLock::new(|| Rabbit::begin(true));
        &SHARED
    }

    /// One that a test has for itself, to end it or to have it do harm.
    pub(crate) async fn start() -> Self {
        spawn_blocking(|| Self::begin(false)).await.unwrap()
    }

    fn begin(is_shared: bool) -> Self {
        let started = (0..TRIES).find_map(|_| Self::once(is_shared));
        started.expect("RabbitMQ did not come up (apt-get install rabbitmq-server)")
    }

    fn once(is_shared: bool) -> Option<Self> {
        let memory = Path::new("/dev/shm");
        let at = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let dir = tempfile::Builder::new().prefix("anteroom-mq-").tempdir_in(at).unwrap();
        std::fs::write(dir.path().join("enabled_plugins"), "[].\n").unwrap();
        let (port, epmd) = (free_port(), free_port());
        let config = format!("listeners.tcp.1 = 127.0.0.1:{port}\n{CONFIG}");
        std::fs::write(dir.path().join("rabbitmq.conf"), config).unwrap();
        if let Some((user, group)) = servant() {
            for path in [dir.path(), &dir.path().join("enabled_plugins")] {
                chown(path, Some(user), Some(group)).expect("a directory is given");
            }
        }
        let (path, owned) = match is_shared {
            true => (dir.keep(), None),
            false => (dir.path().to_owned(), Some(dir)),
        };
        let place = Place { dir: path, port, epmd, is_shared };
        let running = Arc::new(Mutex::new(Some(place.run()?)));
        Some(Self { place: Arc::new(place), running, names: AtomicU32::new(0), _dir: owned })
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.place.port
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.place.port)
    }

    /// A prefix that nobody else has.
    pub(crate) fn prefix(&self) -> String {
        format!("t{}.", self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// Ends it without warning.
    pub(crate) async fn kill9(&self) {
        let running = Arc::clone(&self.running);
        // Its keeper ends everything that belongs to it.
        spawn_blocking(move || drop(running.lock().unwrap().take())).await.unwrap();
    }

    /// Starts it again, at the same place and on what it had written.
    pub(crate) async fn start_again(&self) {
        let place = Arc::clone(&self.place);
        let running = spawn_blocking(move || place.run()).await.unwrap();
        *self.running.lock().unwrap() = Some(running.expect("RabbitMQ came up before"));
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        let pid = std::fs::read_to_string(self.place.dir.join("pid")).expect("it runs");
        pid.trim().parse().unwrap()
    }

    /// Has `rabbitmqctl` do something; what it says.
    pub(crate) async fn ctl(&self, words: &[&str]) -> String {
        let mut command = self.place.command("rabbitmqctl");
        command.arg("-q").args(words);
        let said = spawn_blocking(move || command.output()).await.unwrap();
        let said = said.expect("rabbitmqctl runs");
        assert!(said.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    }

    /// Has it write down which quorum queues it has. This version does so half a second late, and one that was
    /// declared a moment before the broker was killed never answers again.
    pub(crate) async fn settle(&self) {
        self.ctl(&["eval", "[ok = dets:sync(It) || It <- dets:all()]."]).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

impl Place {
    /// `None` when it ended before it was ready.
    fn run(&self) -> Option<Running> {
        let mut keeper = self.command("sh");
        keeper.args(["-c", KEEPER, "keeper"]);
        if self.is_shared {
            keeper.arg(&self.dir)
        } else {
            keeper.arg("")
        };
        keeper.arg("epmd").arg(program("rabbitmq-server"));
        keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // Of another life.
        let _ = std::fs::remove_file(self.dir.join("pid"));
        let mut running = Running { keeper: keeper.spawn().expect("a shell") };
        let mut said = BufReader::new(running.keeper.stdout.take().expect("its words")).lines();
        let is_ready =
            said.by_ref().map_while(Result::ok).any(|line| line.contains("completed with"));
        // Read to the end, so that it never waits for a reader.
        std::thread::spawn(move || said.for_each(drop));
        is_ready.then_some(running)
    }

    /// A program run by somebody whom RabbitMQ's own accept, and told where everything is.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program(name));
        command.stdin(Stdio::null()).current_dir("/").env_clear();
        for (name, value) in std::env::vars_os().filter(|(name, _)| name == "PATH") {
            command.env(name, value);
        }
        let (dir, epmd) = (&self.dir, self.epmd.to_string());
        command.env("HOME", dir).env("LANG", "C.UTF-8");
        command.env("ERL_EPMD_PORT", epmd).env("ERL_EPMD_ADDRESS", "127.0.0.1");
        command.env("RABBITMQ_NODENAME", format!("anteroom-{}@localhost", self.port));
        command.env("RABBITMQ_CONF_ENV_FILE", dir.join("none"));
        command.env("RABBITMQ_CONFIG_FILE", dir.join("rabbitmq"));
        command.env("RABBITMQ_ENABLED_PLUGINS_FILE", dir.join("enabled_plugins"));
        command.env("RABBITMQ_MNESIA_BASE", dir.join("mnesia"));
        command.env("RABBITMQ_LOG_BASE", dir.join("log"));
        command.env("RABBITMQ_PID_FILE", dir.join("pid"));
        // Found through epmd, so any free one does.
        command.env("RABBITMQ_DIST_PORT", free_port().to_string());
        let kernel = "-kernel inet_dist_use_interface {127,0,0,1}";
        let quiet = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none";
        command.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", format!("{quiet} {kernel}"));
        if let Some((user, group)) = servant() {
            command.uid(user).gid(group);
        }
        command
    }
}

/// Who runs the broker, where that must not be who runs the tests.
fn servant() -> Option<(u32, u32)> {
    if std::fs::metadata("/proc/self").ok()?.uid() != 0 {
        return None;
    }
    let people = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = people.lines().find(|line| line.split(':').next() == Some("rabbitmq"))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// RabbitMQ's own programs; those on the path change who they are run by.
fn program(name: &str) -> PathBuf {
    let own = Path::new("/usr/lib/rabbitmq/bin").join(name);
    if own.exists() { own } else { name.into() }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
