//! One process of the server: started, signalled, waited for.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use tokio::sync::watch;

use super::journal::Journal;
use super::settings::Settings;
use super::waiting::{PATIENCE, within};

const READY: &str = "listening on ";

/// A running process. Killed with its owner.
pub(super) struct Process {
    child: Child,
    /// Becomes true when the process has closed its log, which is when it ends.
    is_over: watch::Receiver<bool>,
    pub(super) base: String,
}

impl Process {
    /// Starts one and waits until it says where it listens.
    ///
    /// # Errors
    /// It ended before: the end of its log.
    pub(super) async fn spawn(
        settings: &Settings,
        data: &Path,
        journal: &Arc<Journal>,
        life: u32,
    ) -> Result<Self, String> {
        let mut command = Command::new(settings.program());
        settings.give_to(&mut command);
        // Its own directory, so that it finds no configuration file of somebody else's.
        command.current_dir(data).env("ANTEROOM_SERVER__DATA_DIR", data);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let (over, mut is_over) = watch::channel(false);
        let stderr = child.stderr.take().expect("stderr is piped");
        let log = Arc::clone(journal);
        std::thread::spawn(move || {
            each_line(stderr, |line| log.add(life, line));
            over.send_replace(true);
        });
        let ready = ready_line(child.stdout.take().expect("stdout is piped"));
        let line = tokio::task::spawn_blocking(move || ready.recv_timeout(PATIENCE)).await.unwrap();
        let Ok(line) = line else {
            let _ = (child.kill(), child.wait());
            // Its last words are why.
            let _ = is_over.wait_for(|is_over| *is_over).await;
            return Err(format!("the server never said that it listens; {}", journal.tail()));
        };
        let base = line.strip_prefix(READY).map(str::to_owned);
        let base = base.unwrap_or_else(|| panic!("instead of the ready line came {line:?}"));
        Ok(Self { child, is_over, base })
    }

    /// Its number.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without warning.
    pub(super) fn kill(&mut self) {
        self.child.kill().expect("the process can be killed");
    }

    pub(super) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().expect("a shell");
        assert!(status.success(), "the process can be signalled");
    }

    /// Waits for its end.
    pub(super) async fn exited(&mut self) -> ExitStatus {
        let is_over = self.is_over.wait_for(|is_over| *is_over);
        within("the end of the process", is_over).await.expect("its log is read to the end");
        self.child.wait().expect("the process has ended")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a server that must not start; what it says.
pub(super) async fn refused(settings: &Settings, data: &Path) -> String {
    let mut command = Command::new(settings.program());
    settings.give_to(&mut command);
    command.current_dir(data).env("ANTEROOM_SERVER__DATA_DIR", data);
    command.stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    let output = output.expect("the server starts");
    assert!(!output.status.success(), "it started after all");
    String::from_utf8_lossy(&output.stderr).into_owned()
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

/// Resident memory in KiB, as the kernel tells.
pub(crate) fn resident_kib(pid: u32) -> u64 {
    resident_kib_of_living(pid).expect("its memory")
}

/// The same; `None` for a process that has ended.
pub(crate) fn resident_kib_of_living(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse().unwrap())
}
