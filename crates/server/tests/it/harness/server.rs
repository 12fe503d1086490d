//! One real server with a data directory of its own: a process, or, where the tests are run against several
//! nodes ([`Settings::for_tests`]), so many of them behind one address. What a test says of a server it then
//! says of all of them.

use std::path::Path;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use anteroom_client::{Account, Client};
use futures_util::future::join_all;
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::sync::{OnceCell, watch};

use super::carried::client;
use super::database::Facts;
use super::disk::SmallDisk;
use super::front::Front;
use super::journal::{Journal, LogEvent};
use super::postgres::Postgres;
use super::process::{Process, refused};
use super::redis::Redis;
use super::settings::Settings;

/// A running server. Dropping it kills the process and fails the test for what no healthy server
/// does: a panic, an unexpected error in the log, a seat returned twice.
pub(crate) struct TestServer {
    /// The process; the first one comes first.
    processes: Vec<Process>,
    /// What stands in front of several.
    front: Option<Front>,
    pub(super) settings: Settings,
    /// What the data lie on, if it is not the disk of everybody. Goes after the process.
    disk: Option<SmallDisk>,
    data_dir: TempDir,
    journal: Arc<Journal>,
    life: u32,
    expected_errors: Mutex<Vec<String>>,
    /// Its seat store goes back in time: a return that was undone may be seen again.
    may_repeat: AtomicBool,
    /// Where its seats are, if nobody else said where. Ends after the process.
    _redis: Option<Redis>,
    pub(super) client: Client,
    pub(super) watcher: OnceCell<Account>,
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
        if settings.nodes() > 1 && settings.get("storage.url").is_none() {
            settings.set("storage.url", Postgres::shared().database());
        }
        let redis = settings.lacks_redis().then(Redis::start);
        if let Some(redis) = &redis {
            redis.is_known_to(&mut settings);
        }
        let journal = Arc::new(Journal::new());
        let processes = spawn(&settings, data_dir.path(), &journal, 1).await;
        let processes = processes.unwrap_or_else(|said| panic!("{said}"));
        let front = if processes.len() > 1 { Some(Front::before(&processes).await) } else { None };
        let base = front.as_ref().map_or(&processes[0].base, |front| &front.base);
        let client = client(base);
        Self {
            processes,
            front,
            settings,
            disk,
            data_dir,
            journal,
            life: 1,
            expected_errors: Mutex::default(),
            may_repeat: AtomicBool::new(false),
            _redis: redis,
            client,
            watcher: OnceCell::new(),
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
        self.processes.iter_mut().for_each(Process::kill);
        self.exited().await;
    }

    /// Asks the process to stop.
    pub(crate) fn ask_to_stop(&self) {
        self.signal("TERM");
    }

    /// Tells the process that its settings may have changed.
    pub(crate) fn hang_up(&self) {
        self.signal("HUP");
    }

    /// Lets the process do nothing, until [`TestServer::wakes`].
    pub(crate) fn sleeps(&self) {
        self.signal("STOP");
    }

    pub(crate) fn wakes(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        self.processes.iter().for_each(|it| it.signal(name));
    }

    /// Whether it has found, in this life, that others gave it up: it ends for that.
    pub(crate) fn has_fenced_itself(&self) -> bool {
        let fenced = self.journal.matching(0, "node.fenced", &Value::Object(Map::new()));
        fenced.iter().any(|event| event.life == self.life)
    }

    /// Waits for the end of the process; of several, of all: then it is the status of one that failed,
    /// if one did.
    pub(crate) async fn exited(&mut self) -> ExitStatus {
        let ends = join_all(self.processes.iter_mut().map(Process::exited)).await;
        let failed = ends.iter().find(|it| !it.success());
        *failed.unwrap_or(&ends[0])
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

    /// The program that the next life is of.
    pub(crate) fn next_runs(&mut self, program: &Path) {
        self.settings.run(program);
    }

    /// Starts the process anew on the same data. The address changes, tokens stay good.
    pub(crate) async fn restart(&mut self) {
        if let Err(said) = self.tries_to_restart().await {
            panic!("{said}")
        }
    }

    /// The same, where what it stands on may be away: what one says that does not start.
    pub(crate) async fn tries_to_restart(&mut self) -> Result<(), String> {
        self.life += 1;
        self.processes =
            spawn(&self.settings, self.data_dir.path(), &self.journal, self.life).await?;
        if let Some(front) = &self.front {
            front.stands_before(&self.processes);
        }
        self.client = client(self.base());
        self.watcher = OnceCell::new();
        Ok(())
    }

    /// Each process on its own, past whatever stands in front of them.
    pub(super) fn node_clients(&self) -> Vec<Client> {
        self.processes.iter().map(|it| client(&it.base)).collect()
    }

    /// Whether it is several nodes.
    pub(crate) fn is_several(&self) -> bool {
        self.processes.len() > 1
    }

    /// Nobody signed in.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Such as `http://127.0.0.1:40123`.
    pub(crate) fn base(&self) -> &str {
        self.front.as_ref().map_or(&self.processes[0].base, |front| &front.base)
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        let port = self.base().rsplit(':').next().and_then(|port| port.parse().ok());
        port.expect("the ready line names a port")
    }

    /// The number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.processes[0].pid()
    }

    /// Where its facts are, of those places that tests look into.
    pub(super) fn facts(&self) -> Facts {
        match self.settings.get("storage.url") {
            Some(url) if self.settings.nodes() > 1 => Facts::Postgres(url.to_owned()),
            _ => Facts::Sqlite(self.data_dir.path().join("anteroom.db")),
        }
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

    /// A seat may be returned twice: the test takes the seat store back to an earlier instant.
    pub(crate) fn expect_repeats(&self) {
        self.may_repeat.store(true, Ordering::Relaxed);
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

    /// The lines of the log that have this text somewhere.
    pub(crate) fn lines_with(&self, text: &str) -> Vec<String> {
        self.journal.lines_with(text)
    }

    /// Stays begun and not ended in a room, by the journal of this life.
    pub(super) fn open_stays(&self, room: i64) -> i64 {
        self.journal.open_stays(self.life, room)
    }

    pub(super) fn grown(&self) -> watch::Receiver<usize> {
        self.journal.watch()
    }

    pub(crate) fn tail(&self) -> String {
        self.journal.tail()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.processes.clear();
        if std::thread::panicking() {
            return;
        }
        if let Facts::Postgres(url) = self.facts() {
            Postgres::shared().drop_database(&url);
        }
        let expected = self.expected_errors.lock().unwrap().clone();
        let alarms = self.journal.alarms(&expected);
        assert!(alarms.is_empty(), "the server raised an alarm:\n{}", alarms.join("\n"));
        let twice = self.journal.returned_twice();
        let may_repeat = self.may_repeat.load(Ordering::Relaxed);
        assert!(twice.is_empty() || may_repeat, "seats were returned twice:\n{}", twice.join("\n"));
    }
}

fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        // The socket for commands is no data.
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Starts the process that these settings mean, or so many, one after the other, as people do.
async fn spawn(
    settings: &Settings,
    data: &Path,
    journal: &Arc<Journal>,
    life: u32,
) -> Result<Vec<Process>, String> {
    let mut processes = Vec::new();
    for number in 1..=settings.nodes() {
        let own = settings.of_node(number);
        processes.push(Process::spawn(&own, data, journal, life).await?);
    }
    Ok(processes)
}
