//! A Redis of its own for one test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use super::server::TestServer;
use super::settings::Settings;

/// So many ports are tried.
const PORTS_TRIED: usize = 5;

/// A private Redis server on a free port. Ends with its owner.
pub(crate) struct Redis {
    child: Child,
    port: u16,
    words: Vec<String>,
    dir: tempfile::TempDir,
}

impl Redis {
    /// Starts one that keeps nothing on disk.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more words on its command line, which have the last word.
    pub(crate) fn start_with(words: &[&str]) -> Self {
        let words: Vec<String> = words.iter().map(|it| (*it).to_owned()).collect();
        // Between the look for a free port and its use somebody else may take it.
        let mut tries = (0..PORTS_TRIED).map(|_| {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            Self::on(port, &words)
        });
        tries.find_map(|redis| redis).expect("redis-server did not come up")
    }

    fn on(port: u16, words: &[String]) -> Option<Self> {
        Self::begin(port, words, tempfile::tempdir().expect("a directory for Redis"))
    }

    /// `None` when it ended before it was ready.
    fn begin(port: u16, words: &[String], dir: tempfile::TempDir) -> Option<Self> {
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--appendonly", "no", "--dir"]).arg(dir.path()).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("redis-server is installed");
        let said = BufReader::new(child.stdout.take().expect("its words"));
        let ready = said.lines().map_while(Result::ok).any(|line| line.contains("Ready to accept"));
        let redis = Self { child, port, words: words.to_vec(), dir };
        ready.then_some(redis)
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends it without warning, and starts one that knows nothing in its place.
    pub(crate) fn restart(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        *self = Self::on(self.port, &self.words).expect("it came up there before");
    }

    /// Ends it without warning, and starts it again on what it has written.
    pub(crate) fn restart_on_its_data(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let empty = tempfile::tempdir().expect("a directory");
        let dir = std::mem::replace(&mut self.dir, empty);
        *self = Self::begin(self.port, &self.words, dir).expect("it came up there before");
    }

    /// Settings of a server that keeps its seats there.
    pub(crate) fn give_to<'a>(&self, settings: &'a mut Settings) -> &'a mut Settings {
        self.is_known_to(settings).set("admission.strategy", "redis")
    }

    /// Settings of a server that has it for whatever needs one.
    pub(crate) fn is_known_to<'a>(&self, settings: &'a mut Settings) -> &'a mut Settings {
        settings.set("redis.url", format!("redis://127.0.0.1:{}/", self.port))
    }

    /// A server that keeps its seats there.
    pub(crate) async fn server(&self, change: impl FnOnce(&mut Settings)) -> TestServer {
        TestServer::start(|settings| change(self.give_to(settings))).await
    }

    /// Says something to it and answers the first line of what comes back.
    pub(crate) fn say(&self, words: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(format!("{words}\r\nQUIT\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    /// The names of all keys.
    pub(crate) fn keys(&self) -> Vec<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(b"KEYS *\r\nQUIT\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        // Each key follows a line with its length.
        let lines: Vec<&str> = answer.split("\r\n").collect();
        let named = lines.windows(2).filter(|pair| pair[0].starts_with('$'));
        named.map(|pair| pair[1].to_owned()).collect()
    }

    /// What `SAVE` has written.
    pub(crate) fn dump(&self) -> Vec<u8> {
        std::fs::read(self.dir.path().join("dump.rdb")).expect("it was told to save")
    }

    /// Lets it answer nobody, until [`Redis::wakes`].
    pub(crate) fn sleeps(&self) {
        self.signal("STOP");
    }

    pub(crate) fn wakes(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
