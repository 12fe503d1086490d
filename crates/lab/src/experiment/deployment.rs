//! A server with one strategy, or several of them, as processes of their own on their own core.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::procfs::{self, running_ns};

/// What the ready line begins with.
const READY: &str = "listening on http://";
/// How often a node that was killed is started again before it is given up.
const STARTS: usize = 3;

/// Where everything is.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    pub(crate) server: PathBuf,
    /// Address and process of a Redis that is the lab's alone.
    pub(crate) redis: Option<(String, u32)>,
    /// Address and process of a PostgreSQL that is the lab's alone.
    pub(crate) postgres: Option<(String, u32)>,
    /// Where its programs are.
    pub(crate) postgres_programs: PathBuf,
    /// Cores for the servers and stores, as taskset takes them; everywhere when empty.
    pub(crate) cores: String,
    /// Where databases and logs may lie.
    pub(crate) scratch: PathBuf,
}

/// How one deployment is set up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    pub(crate) reservation: Duration,
    pub(crate) grace: Duration,
    /// Keeps the original's log in this directory.
    pub(crate) rules: Option<PathBuf>,
}

/// What a subject is started as.
#[derive(Clone, Copy)]
struct Shape {
    strategy: &'static str,
    nodes: usize,
    on_redis: bool,
    on_postgres: bool,
}

fn shape(subject: &str) -> Result<Shape> {
    let alone = |strategy| Shape { strategy, nodes: 1, on_redis: false, on_postgres: false };
    Ok(match subject {
        "unlocked" => alone("baseline_unlocked"),
        "global-lock" => alone("baseline_global_lock"),
        "global-lock-fair" => alone("baseline_global_lock_fair"),
        "room-lock" => alone("baseline_room_lock"),
        "room-lock-fair" => alone("baseline_room_lock_fair"),
        "semaphore" => alone("semaphore"),
        "conditional-sqlite" => alone("conditional"),
        "conditional-postgresql" => Shape { on_postgres: true, ..alone("conditional") },
        "redis-1" => Shape { on_redis: true, ..alone("redis") },
        "redis-3" => Shape { strategy: "redis", nodes: 3, on_redis: true, on_postgres: true },
        other => bail!("no subject {other}"),
    })
}

/// Whether a subject needs Redis, or PostgreSQL, to be there.
///
/// # Errors
/// There is no such subject.
pub(crate) fn needs(subject: &str) -> Result<(bool, bool)> {
    let shape = shape(subject)?;
    Ok((shape.on_redis, shape.on_postgres))
}

/// Running servers. They end with it, and with this process.
pub(crate) struct Deployment {
    nodes: Vec<Node>,
    ground: Ground,
    database: Option<String>,
    place: PathBuf,
    shape: Shape,
}

struct Node {
    process: Child,
    address: SocketAddr,
    number: usize,
}

/// Processor time so far in nanoseconds, by process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) server: u64,
    pub(crate) redis: u64,
    pub(crate) postgres: u64,
    pub(crate) lab: u64,
}

impl Deployment {
    /// Starts a subject on empty stores, under a name of its own.
    ///
    /// # Errors
    /// It does not come up; its log says why.
    pub(crate) fn start(ground: &Ground, subject: &str, name: &str, setup: &Setup) -> Result<Self> {
        let shape = shape(subject)?;
        let place = ground.scratch.join(name);
        std::fs::create_dir_all(&place).with_context(|| place.display().to_string())?;
        let mut it =
            Self { nodes: Vec::new(), ground: ground.clone(), database: None, place, shape };
        if shape.on_postgres {
            it.database = Some(create_database(ground, name)?);
        }
        if let Some(dir) = &setup.rules {
            std::fs::create_dir_all(dir)?;
        }
        it.write_settings(name, setup)?;
        for number in 0..shape.nodes {
            let node = it.start_node(number, "127.0.0.1:0", setup)?;
            it.nodes.push(node);
        }
        Ok(it)
    }

    fn write_settings(&self, name: &str, setup: &Setup) -> Result<()> {
        let ms = |span: Duration| format!("{}ms", span.as_millis());
        let mut text = String::new();
        let mut set = |section: &str, rows: &[(&str, String)]| {
            text.push_str(&format!("[{section}]\n"));
            for (key, value) in rows {
                text.push_str(&format!("{key} = {value}\n"));
            }
        };
        let quoted = |text: &str| format!("\"{text}\"");
        set(
            "admission",
            &[
                ("strategy", quoted(self.shape.strategy)),
                ("reservation_ttl", quoted(&ms(setup.reservation))),
                ("grace", quoted(&ms(setup.grace))),
                ("reservations_per_user", "1000".to_owned()),
            ],
        );
        set("limits", &[("enabled", "false".to_owned())]);
        let secret = "for one run of the experiment, behind the loopback address";
        set("auth", &[("guests", "true".to_owned()), ("secret", quoted(secret))]);
        if let Some((url, _)) = self.ground.redis.as_ref().filter(|_| self.shape.on_redis) {
            let prefix = quoted(&format!("{name}:"));
            set("redis", &[("url", quoted(url)), ("prefix", prefix), ("timeout", quoted("1s"))]);
        }
        if let Some(url) = self.database_url() {
            set("storage", &[("url", quoted(&url)), ("timeout", quoted("1s"))]);
        }
        std::fs::write(self.place.join("anteroom.toml"), text)?;
        Ok(())
    }

    fn database_url(&self) -> Option<String> {
        let (url, _) = self.ground.postgres.as_ref()?;
        let (server, _) = url.rsplit_once('/')?;
        Some(format!("{server}/{}", self.database.as_ref()?))
    }

    fn start_node(&self, number: usize, listen: &str, setup: &Setup) -> Result<Node> {
        let data = self.place.join(format!("data-{number}"));
        std::fs::create_dir_all(&data)?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.place.join(format!("node-{number}.log")))?;
        let mut command = leashed(&self.ground.cores, &self.ground.server);
        command.args(["--listen", listen, "--config"]).arg(self.place.join("anteroom.toml"));
        command.arg("--data-dir").arg(&data).current_dir(&data);
        command.env("ANTEROOM_LOG__LEVEL", "warn");
        if self.shape.nodes > 1 {
            command.env("ANTEROOM_CLUSTER__BUS", "redis");
            command.env("ANTEROOM_CLUSTER__NODE", (number + 1).to_string());
        }
        if let Some(dir) = &setup.rules {
            command.env("ANTEROOM_RULES_LOG", dir);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut process = command.spawn().context("setpriv and taskset (of util-linux)")?;
        let stdout = process.stdout.take().context("no stdout")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix(READY).map(|address| address.trim().to_owned()));
        let Some(address) = ready else {
            let _ = process.kill();
            let _ = process.wait();
            bail!("a server did not come up: see {}", self.place.display());
        };
        // Read to the end, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Node { process, address: address.parse()?, number })
    }

    pub(crate) fn addresses(&self) -> Arc<[SocketAddr]> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    /// Processor time so far of the servers, their stores, and this process.
    ///
    /// # Errors
    /// One of them is gone.
    pub(crate) fn spent(&self) -> Result<Spent> {
        let of_servers = self.nodes.iter().map(|node| running_ns(node.process.id()));
        let store = |store: &Option<(String, u32)>, used: bool| match store {
            Some((_, pid)) if used => procfs::running_ns_of_tree(*pid),
            _ => Ok(0),
        };
        Ok(Spent {
            server: of_servers.sum::<Result<u64>>()?,
            redis: store(&self.ground.redis, self.shape.on_redis)?,
            postgres: store(&self.ground.postgres, self.shape.on_postgres)?,
            lab: procfs::own_ns(),
        })
    }

    /// Kills the first node as nothing else does.
    ///
    /// # Errors
    /// It is gone already.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let node = self.nodes.first_mut().context("no node")?;
        node.process.kill()?;
        node.process.wait()?;
        Ok(())
    }

    /// Starts the node that was killed again, at the same address and on the same data.
    ///
    /// # Errors
    /// It does not come up.
    pub(crate) fn revive(&mut self, setup: &Setup) -> Result<()> {
        let node = self.nodes.first().context("no node")?;
        let (number, listen) = (node.number, node.address.to_string());
        let mut last = None;
        for _ in 0..STARTS {
            match self.start_node(number, &listen, setup) {
                Ok(node) => {
                    self.nodes[0] = node;
                    return Ok(());
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no start")?)
    }

    /// The processes of the store that keeps the seats, if that is one of its own.
    ///
    /// # Errors
    /// It is gone.
    pub(crate) fn seat_store(&self) -> Result<Vec<u32>> {
        let store = match self.shape.strategy {
            "redis" => self.ground.redis.as_ref(),
            "conditional" if self.shape.on_postgres => self.ground.postgres.as_ref(),
            _ => None,
        };
        store.map_or(Ok(Vec::new()), |(_, pid)| procfs::tree(*pid))
    }

    /// Asks every node to end, and waits until it has.
    ///
    /// # Errors
    /// One has ended by itself before, or does not end well.
    pub(crate) fn stop(mut self) -> Result<()> {
        for node in &mut self.nodes {
            if let Some(status) = node.process.try_wait()? {
                bail!("a server ended by itself: {status}; see {}", self.place.display());
            }
            signal(node.process.id(), Signal::TERM)?;
        }
        for node in &mut self.nodes {
            let status = node.process.wait()?;
            ensure!(status.success(), "a server ended with {status}; see {}", self.place.display());
        }
        self.nodes.clear();
        Ok(())
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // It may have ended by itself.
            let _ = node.process.kill();
            let _ = node.process.wait();
        }
        for number in 0..self.shape.nodes {
            let _ = std::fs::remove_dir_all(self.place.join(format!("data-{number}")));
        }
        if let Some((name, (url, _))) = self.database.as_ref().zip(self.ground.postgres.as_ref()) {
            let mut drop = Command::new(self.ground.postgres_programs.join("dropdb"));
            drop.args(["--if-exists", "--force", "--maintenance-db", url, name]);
            let _ = drop.stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}

/// Stops processes where they stand, or lets them go on.
///
/// # Errors
/// They are not ours.
pub(crate) fn halt(processes: &[u32], stands: bool) -> Result<()> {
    let what = if stands { Signal::STOP } else { Signal::CONT };
    processes.iter().try_for_each(|&pid| signal(pid, what))
}

fn signal(pid: u32, what: Signal) -> Result<()> {
    let pid = Pid::from_raw(i32::try_from(pid)?).context("no process")?;
    Ok(kill_process(pid, what)?)
}

/// A program on some cores that ends when this process does, however that ends.
fn leashed(cores: &str, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if !cores.is_empty() {
        command.args(["taskset", "-c", cores]);
    }
    command.arg(program);
    command
}

fn create_database(ground: &Ground, name: &str) -> Result<String> {
    let (url, _) = ground.postgres.as_ref().context("there is no PostgreSQL")?;
    let name = name.replace('-', "_");
    let mut create = Command::new(ground.postgres_programs.join("createdb"));
    create.args(["--maintenance-db", url, &name]).stdin(Stdio::null());
    let done = create.output().context("createdb (of PostgreSQL)")?;
    ensure!(done.status.success(), "createdb: {}", String::from_utf8_lossy(&done.stderr));
    Ok(name)
}
