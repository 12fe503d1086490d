//! What the kernel tells of a process: processor time, memory, and how many files it may open.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Serialize;

/// Processor time of a process so far, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Cpu {
    pub(crate) user_s: f64,
    pub(crate) system_s: f64,
}

impl Cpu {
    /// Of the process `pid`, or of this one (`None`). The kernel counts in ticks, mostly of 10 ms.
    pub(crate) fn of(pid: Option<u32>) -> Result<Self> {
        let text = read(pid, "stat")?;
        let (user, system) = ticks(&text).context("unreadable /proc stat")?;
        let per_second = ticks_per_second();
        Ok(Self { user_s: user as f64 / per_second, system_s: system as f64 / per_second })
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { user_s: self.user_s - earlier.user_s, system_s: self.system_s - earlier.system_s }
    }

    pub(crate) fn total_s(self) -> f64 {
        self.user_s + self.system_s
    }
}

/// Resident memory of a process in KiB: the most it ever had, and now.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Memory {
    pub(crate) peak_kib: u64,
    pub(crate) now_kib: u64,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let text = read(Some(pid), "status")?;
        let field = |name| kib(&text, name).with_context(|| format!("no {name} of {pid}"));
        Ok(Self { peak_kib: field("VmHWM:")?, now_kib: field("VmRSS:")? })
    }
}

/// Fails in words when this process, or the server, may not open `sockets` more files.
pub(crate) fn enough_files(sockets: usize, server: Option<u32>) -> Result<()> {
    const SPARE: u64 = 64;
    let needed = sockets as u64 + SPARE;
    for (who, pid) in [("this process", None), ("the server", server)] {
        if who == "the server" && pid.is_none() {
            continue;
        }
        let limit = open_files(&read(pid, "limits")?).context("unreadable /proc limits")?;
        if limit < needed {
            bail!(
                "{who} may open {limit} files and {needed} are needed; \
                 raise the limit first (`ulimit -n {needed}` in the shell that starts it)"
            );
        }
    }
    Ok(())
}

fn read(pid: Option<u32>, file: &str) -> Result<String> {
    let path = match pid {
        Some(pid) => format!("/proc/{pid}/{file}"),
        None => format!("/proc/self/{file}"),
    };
    fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
}

/// `utime` and `stime`. The command may hold blanks and brackets, so fields count from its end.
fn ticks(stat: &str) -> Option<(u64, u64)> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn ticks_per_second() -> f64 {
    let asked = Command::new("getconf").arg("CLK_TCK").output().ok();
    let told = asked.and_then(|output| String::from_utf8(output.stdout).ok());
    told.and_then(|text| text.trim().parse().ok()).unwrap_or(100.0)
}

fn kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// The soft limit on open files.
fn open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let soft = line.split_whitespace().next()?;
    if soft == "unlimited" { Some(u64::MAX) } else { soft.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_a_command_with_brackets() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 123 45 0 0 20 0 9 0 1 2 3";
        assert_eq!(ticks(stat), Some((123, 45)));
    }

    #[test]
    fn the_soft_limit_counts() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(open_files(limits), Some(1024));
    }

    #[test]
    fn too_few_files_are_told_with_the_number_needed() {
        let error = enough_files(1 << 40, None).unwrap_err().to_string();
        assert!(error.contains("1099511627840"), "{error}");
    }

    #[test]
    fn this_process_can_be_read() {
        assert!(Cpu::of(None).unwrap().total_s() >= 0.0);
        let memory = Memory::of(std::process::id()).unwrap();
        assert!(memory.peak_kib >= memory.now_kib && memory.now_kib > 0);
    }
}
