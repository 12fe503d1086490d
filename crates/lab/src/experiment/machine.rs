//! Where a run was measured, as far as it matters to who reads the figures. No name of a host.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::data::Machine;
use super::deployment::Ground;

/// Looks around. What cannot be told is left empty.
pub(crate) fn look(ground: &Ground) -> Machine {
    let system = rustix::system::uname();
    let release = system.release().to_string_lossy().into_owned();
    // Whoever built it says nothing about what it does.
    let release = release.split('-').next().unwrap_or_default();
    // All there are, and not only those that this process may use.
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = text.lines().filter(|line| line.starts_with("processor")).count();
    let whole = |cores: &str| match cores {
        "" => "servers and stores wherever the kernel put them; the lab likewise".to_owned(),
        cores => {
            format!("servers and stores on core {cores}; the lab on another where there is one")
        }
    };
    Machine {
        processor: field("/proc/cpuinfo", "model name"),
        cores,
        memory_mib: field("/proc/meminfo", "MemTotal")
            .split_whitespace()
            .next()
            .and_then(|kib| kib.parse::<u64>().ok())
            .map_or(0, |kib| kib / 1024),
        kernel: format!("{} {release}", system.sysname().to_string_lossy()),
        programs: programs(ground),
        file_system: file_system(&ground.scratch),
        pinning: whole(&ground.cores),
    }
}

fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_once(':')).map_or_else(String::new, |(_, it)| it.trim().into())
}

fn programs(ground: &Ground) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut ask = |name: &str, program: &Path| {
        let told = Command::new(program).arg("--version").output();
        let text = told.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
        if let Some(line) = text.ok().as_deref().and_then(|text| text.lines().next()) {
            all.insert(name.to_owned(), line.trim().to_owned());
        }
    };
    ask("server", &ground.server);
    if ground.redis.is_some() {
        ask("redis", Path::new("redis-server"));
    }
    if ground.postgres.is_some() {
        ask("postgresql", &ground.postgres_programs.join("postgres"));
    }
    all
}

/// The kind of the file system that a path lies on: the longest mount point above it.
fn file_system(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let above = mounts.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (at, kind) = (words.next()?, words.next()?);
        path.starts_with(at).then(|| (at.len(), kind.to_owned()))
    });
    above.max().map_or_else(String::new, |(_, kind)| kind)
}
