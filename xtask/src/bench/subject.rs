//! Starts the server or the floor on one core and the lab on another, and ends what was started.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use serde::Serialize;

use crate::build::Profile;

use super::alone;
use super::deployment::Deployment;
use super::figures::Findings;

/// What the ready line of either begins with.
const READY: &str = "listening on ";
/// The core of what is measured, and the one of who measures.
const SERVER_CORE: &str = "0";
const LAB_CORE: &str = "1";

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Subject {
    Server,
    /// One write per member and message.
    FloorSingle,
    /// One write per member for the messages that wait together.
    FloorBatched,
    /// A deployment of one node.
    OneNode,
    /// The same of two.
    TwoNodes,
}

impl Subject {
    /// Of how many nodes it is, if it is a deployment.
    fn nodes(self) -> Option<u32> {
        match self {
            Self::Server | Self::FloorSingle | Self::FloorBatched => None,
            Self::OneNode => Some(1),
            Self::TwoNodes => Some(2),
        }
    }
}

/// Where the programs lie, and where they may write.
pub(super) struct Programs {
    root: PathBuf,
    dir: PathBuf,
    out: PathBuf,
}

impl Programs {
    pub(super) fn below(root: &Path, out: &Path) -> Self {
        Self { root: root.to_owned(), dir: Profile::Release.dir(root), out: out.to_owned() }
    }

    /// Starts `subject` with an empty store, lets the lab loose on it, and answers the report.
    ///
    /// # Errors
    /// Something cannot be started, or a check of the lab did not hold.
    pub(super) fn run(
        &self,
        subject: Subject,
        frame_bytes: u32,
        lab: &[&str],
    ) -> anyhow::Result<Findings> {
        let mut command = pinned(LAB_CORE, &self.dir.join("anteroom-lab"));
        command.args(lab);
        if let Some(nodes) = subject.nodes() {
            let (server, logs) = (self.dir.join("anteroom"), self.out.join("nodes"));
            let deployment =
                Deployment::start(nodes, &server, &logs, |program| pinned(SERVER_CORE, program))?;
            deployment.tell(&mut command);
            return self.told(subject, command);
        }
        let data = Data::empty(self.out.join("data"))?;
        let mut running = self.start(subject, frame_bytes, &data)?;
        command.args(["--url", &running.url]);
        command.args(["--server-pid", &running.process.id().to_string()]);
        if subject != Subject::Server {
            command.arg("--floor");
        }
        let told = self.told(subject, command);
        running.end()?;
        told
    }

    /// Lets the lab loose, and reads its report.
    fn told(&self, subject: Subject, mut lab: Command) -> anyhow::Result<Findings> {
        let report = self.out.join("report.json");
        lab.arg("--json").arg(&report).stdin(Stdio::null());
        let told = lab.output().context("the lab (is taskset there?)")?;
        ensure!(
            told.status.success(),
            "the lab against {subject:?}: {}{}",
            String::from_utf8_lossy(&told.stdout),
            String::from_utf8_lossy(&told.stderr)
        );
        Ok(Findings(serde_json::from_slice(&std::fs::read(&report)?)?))
    }

    /// Starts the server on an empty store and answers how long it took to be ready, and its size.
    ///
    /// # Errors
    /// It does not come up.
    pub(super) fn start_up(&self) -> anyhow::Result<Findings> {
        let data = Data::empty(self.out.join("data"))?;
        let began = Instant::now();
        let _running = self.start(Subject::Server, 0, &data)?;
        let ready_ms = began.elapsed().as_secs_f64() * 1e3;
        let program_mb = alone::size_mb(&self.dir.join("anteroom"))?;
        let figures = serde_json::json!({ "ready": ready_ms, "program": program_mb });
        Ok(Findings(serde_json::json!({ "figures": figures })))
    }

    /// The store's own measurement.
    ///
    /// # Errors
    /// As [`alone::storage`].
    pub(super) fn storage(&self) -> anyhow::Result<Findings> {
        alone::storage(&self.root, &self.out)
    }

    fn start(&self, subject: Subject, frame_bytes: u32, data: &Data) -> anyhow::Result<Running> {
        let mut command = match subject {
            Subject::Server => {
                let mut command = pinned(SERVER_CORE, &self.dir.join("anteroom"));
                command.args(["--listen", "127.0.0.1:0", "--set", "limits.enabled=false"]);
                command.arg("--data-dir").arg(&data.0);
                command
            }
            Subject::FloorSingle | Subject::FloorBatched => {
                let mode = if subject == Subject::FloorSingle { "single" } else { "batched" };
                let mut command = pinned(SERVER_CORE, &self.dir.join("anteroom-lab"));
                command.args(["floor", "--mode", mode, "--frame-bytes", &frame_bytes.to_string()]);
                command
            }
            Subject::OneNode | Subject::TwoNodes => bail!("a deployment is no single program"),
        };
        let log = File::create(self.out.join("subject.log"))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut process = command.spawn().context("taskset (of util-linux)")?;
        let stdout = process.stdout.take();
        let mut running = Running { process, url: String::new() };
        let lines = BufReader::new(stdout.context("no stdout")?).lines();
        let ready = lines
            .map_while(Result::ok)
            .find_map(|line| line.split_once(READY).map(|(_, url)| url.trim().to_owned()));
        let Some(url) = ready else { bail!("{subject:?} never said that it listens") };
        running.url = url;
        Ok(running)
    }
}

/// A program on one core only. taskset becomes the program, so its process id is the program's.
fn pinned(core: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", core]).arg(program);
    command
}

/// A process that ends with its owner.
struct Running {
    process: Child,
    url: String,
}

impl Running {
    /// Fails when it has ended before: a bench of a server that died is none.
    fn end(&mut self) -> anyhow::Result<()> {
        match self.process.try_wait()? {
            Some(status) => bail!("what was measured ended by itself: {status}"),
            None => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A store on the disk of the repository (a temporary directory may be memory), gone afterwards.
struct Data(PathBuf);

impl Data {
    fn empty(path: PathBuf) -> anyhow::Result<Self> {
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
