//! One real server process with a data directory of its own.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use anteroom_client::{Account, Client};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{OnceCell, watch};

use super::disk::SmallDisk;
use super::journal::{Journal, LogEvent};
use super::redis::Redis;
use super::settings::Settings;
use super::waiting::{PATIENCE, within};

const READY: &str = "listening on ";

/// A running server. Dropping it kills the process and fails the test for what no healthy server
/// does: a panic, an unexpected error in the log, a seat returned twice.
pub(crate) struct TestServer {
    process: Process,
    settings: Settings,
    /// What the data lie on, if it is not the disk of everybody. Goes after the process.
    disk: Option<SmallDisk>,
    data_dir: TempDir,
    journal: Arc<Journal>,
    life: u32,
    expected_errors: Mutex<Vec<String>>,
    /// Where its seats are, if nobody else said where. Ends after the process.
    _redis: Option<Redis>,
    pub(super) client: Client,
    pub(super) watcher: OnceCell<Account>,
}

struct Process {
    child: Child,
    /// Becomes true when the process has closed its log, which is when it ends.
    is_over: watch::Receiver<bool>,
    base: String,
}

impl TestServer {
    /// Starts a server with the settings for tests, changed by `change`.
    pub(crate) async fn start(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_on(tempfile::tempdir().expect("a directory for data"), None, change).await
    }

    /// As [`TestServer::start`], with the data on a disk of `mib` MiB. `None`, said loudly, where this
    /// machine does not allow it: then `test` has not been run.
    pub(crate) async fn on_small_disk(
        mib: u32,
        test: &str,
        change: impl FnOnce(&mut Settings),
    ) -> Option<Self> {
        let data_dir = tempfile::tempdir().expect("a directory for data");
        let disk = SmallDisk::mount(data_dir.path(), mib, test)?;
        Some(Self::start_on(data_dir, Some(disk), change).await)
    }

    async fn start_on(
        data_dir: TempDir,
        disk: Option<SmallDisk>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = Settings::for_tests();
        change(&mut settings);
        let redis = settings.lacks_redis().then(Redis::start);
        if let Some(redis) = &redis {
            redis.give_to(&mut settings);
        }
        let journal = Arc::new(Journal::new());
        let process = spawn(&settings, &data_dir, &journal, 1).await;
        let client = Client::new(&process.base).expect("the ready line names an address");
        let expected_errors = Mutex::new(Vec::new());
        let watcher = OnceCell::new();
        Self {
            process,
            settings,
            disk,
            data_dir,
            journal,
            life: 1,
            expected_errors,
            _redis: redis,
            client,
            watcher,
        }
    }

    /// A server as it comes.
    pub(crate) async fn plain() -> Self {
        Self::start(|_| {}).await
    }

    /// Whether seats, reservations and lines outlive the process, as they do with every strategy but
    /// the one in memory.
    pub(crate) fn keeps_seats(&self) -> bool {
        self.settings.strategy() != "semaphore"
    }

    /// What a server says that these settings keep from starting.
    pub(crate) async fn refused_to_start(change: impl FnOnce(&mut Settings)) -> String {
        let mut settings = Settings::for_tests();
        change(&mut settings);
        let data = tempfile::tempdir().expect("a directory for data");
        refused(&settings, data.path()).await
    }

    /// Ends the process without warning, as a power cut would.
    pub(crate) async fn kill9(&mut self) {
        self.process.child.kill().expect("the process can be killed");
        self.exited().await;
    }

    /// Asks the process to stop.
    pub(crate) fn ask_to_stop(&self) {
        self.signal("TERM");
    }

    /// Lets the process do nothing, until [`TestServer::wakes`].
    pub(crate) fn sleeps(&self) {
        self.signal("STOP");
    }

    pub(crate) fn wakes(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().expect("a shell");
        assert!(status.success(), "the process can be signalled");
    }

    /// Waits for the end of the process.
    pub(crate) async fn exited(&mut self) -> ExitStatus {
        let is_over = self.process.is_over.wait_for(|is_over| *is_over);
        within("the end of the process", is_over).await.expect("its log is read to the end");
        self.process.child.wait().expect("the process has ended")
    }

    /// Asks the process to stop, and waits until it has.
    pub(crate) async fn stop(&mut self) {
        self.ask_to_stop();
        assert!(self.exited().await.success(), "{}", self.tail());
    }

    /// A copy of the data directory as it is now.
    pub(crate) fn copied_data(&self) -> TempDir {
        let copy = tempfile::tempdir().expect("a directory for a copy");
        copy_files(self.data_dir.path(), copy.path());
        copy
    }

    /// Puts the files of such a copy in the place of those that are there.
    pub(crate) fn put_data(&self, copy: &TempDir) {
        for entry in std::fs::read_dir(self.data_dir.path()).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
        copy_files(copy.path(), self.data_dir.path());
    }

    /// What the server says that cannot start on its data.
    pub(crate) async fn refuses_to_restart(&self) -> String {
        refused(&self.settings, self.data_dir.path()).await
    }

    /// Starts the process anew on the same data. The address changes, tokens stay good.
    pub(crate) async fn restart(&mut self) {
        self.life += 1;
        self.process = spawn(&self.settings, &self.data_dir, &self.journal, self.life).await;
        self.client = Client::new(&self.process.base).expect("the ready line names an address");
        self.watcher = OnceCell::new();
    }

    /// Nobody signed in.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Such as `http://127.0.0.1:40123`.
    pub(crate) fn base(&self) -> &str {
        &self.process.base
    }

    /// The number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Where the database lives.
    pub(crate) fn data_dir(&self) -> &std::path::Path {
        self.data_dir.path()
    }

    /// The disk of its own under the data.
    pub(crate) fn disk(&self) -> &SmallDisk {
        self.disk.as_ref().expect("started on a small disk")
    }

    /// This event may be logged at error level: the test causes it.
    pub(crate) fn expect_error(&self, event: &str) {
        self.expected_errors.lock().unwrap().push(event.to_owned());
    }

    /// The journal's length: a mark for [`TestServer::event_since`].
    pub(crate) fn mark(&self) -> usize {
        self.journal.len()
    }

    /// Waits for the first event of that name with those fields.
    pub(crate) async fn event(&self, name: &str, fields: Value) -> LogEvent {
        self.events(1, name, fields).await.remove(0)
    }

    /// As [`TestServer::event`], after a mark.
    pub(crate) async fn event_since(&self, mark: usize, name: &str, fields: Value) -> LogEvent {
        self.journal.wait(mark, name, &fields, 1).await.remove(0)
    }

    /// Waits until there are `count` such events.
    pub(crate) async fn events(&self, count: usize, name: &str, fields: Value) -> Vec<LogEvent> {
        self.journal.wait(0, name, &fields, count).await
    }

    /// Such events so far.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "fields are written where they are asked for"
    )]
    pub(crate) fn logged(&self, name: &str, fields: Value) -> Vec<LogEvent> {
        self.journal.matching(0, name, &fields)
    }

    /// Whether the log has this text somewhere.
    pub(crate) fn log_has(&self, text: &str) -> bool {
        self.journal.has(text)
    }

    /// Stays begun and not ended in a room, by the journal of this life.
    pub(super) fn open_stays(&self, room: i64) -> i64 {
        self.journal.open_stays(self.life, room)
    }

    pub(super) fn grown(&self) -> watch::Receiver<usize> {
        self.journal.watch()
    }

    pub(super) fn tail(&self) -> String {
        self.journal.tail()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.process.child.kill();
        let _ = self.process.child.wait();
        if std::thread::panicking() {
            return;
        }
        let expected = self.expected_errors.lock().unwrap().clone();
        let alarms = self.journal.alarms(&expected);
        assert!(alarms.is_empty(), "the server raised an alarm:\n{}", alarms.join("\n"));
        let twice = self.journal.returned_twice();
        assert!(twice.is_empty(), "seats were returned twice:\n{}", twice.join("\n"));
    }
}

fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Starts a server that must not start; what it says.
async fn refused(settings: &Settings, data: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anteroom"));
    settings.give_to(&mut command);
    command.current_dir(data).env("ANTEROOM_SERVER__DATA_DIR", data);
    command.stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    let output = output.expect("the server starts");
    assert!(!output.status.success(), "it started after all");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn spawn(settings: &Settings, data: &TempDir, journal: &Arc<Journal>, life: u32) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anteroom"));
    settings.give_to(&mut command);
    // Its own directory, so that it finds no configuration file of somebody else's.
    command.current_dir(data.path()).env("ANTEROOM_SERVER__DATA_DIR", data.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the server starts");
    let (over, is_over) = watch::channel(false);
    let stderr = child.stderr.take().expect("stderr is piped");
    let log = Arc::clone(journal);
    std::thread::spawn(move || {
        each_line(stderr, |line| log.add(life, line));
        over.send_replace(true);
    });
    let ready = ready_line(child.stdout.take().expect("stdout is piped"));
    let line = tokio::task::spawn_blocking(move || ready.recv_timeout(PATIENCE)).await.unwrap();
    let Ok(line) = line else {
        let _ = child.kill();
        panic!("the server never said that it listens; {}", journal.tail())
    };
    let base = line.strip_prefix(READY).map(str::to_owned);
    let base = base.unwrap_or_else(|| panic!("instead of the ready line came {line:?}"));
    Process { child, is_over, base }
}

/// The first line on stdout. The rest is read too, so that the process never blocks on it.
fn ready_line(stdout: impl Read + Send + 'static) -> Receiver<String> {
    let (first, ready) = channel();
    std::thread::spawn(move || {
        each_line(stdout, |line| {
            // Only the first one has somebody who waits for it.
            let _ = first.send(line.to_owned());
        });
    });
    ready
}

fn each_line(stream: impl Read, mut take: impl FnMut(&str)) {
    let mut lines = BufReader::new(stream);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        take(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
}
