//! What the kernel tells of a process: processor time, memory, and how many files it may open.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
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

    /// Of the process `pid` and everything it has started.
    pub(crate) fn of_tree(pid: u32) -> Result<Self> {
        let own = Self::of(Some(pid))?;
        let of_children: Self =
            children(pid)?.into_iter().map(Self::of_tree).sum::<Result<Self>>()?;
        Ok([own, of_children].into_iter().sum())
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { user_s: self.user_s - earlier.user_s, system_s: self.system_s - earlier.system_s }
    }

    pub(crate) fn total_s(self) -> f64 {
        self.user_s + self.system_s
    }
}

/// Processor time of a process so far in nanoseconds, over the threads it has now. Finer than [`Cpu`], for
/// stretches of a few milliseconds; where the kernel does not tell, ticks have to do.
pub(crate) fn running_ns(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in
        fs::read_dir(format!("/proc/{pid}/task")).with_context(|| format!("process {pid}"))?
    {
        // A thread may have ended since it was listed.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        sum += text.split_whitespace().next().and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
    }
    match sum {
        0 => Ok((Cpu::of(Some(pid))?.total_s() * 1e9) as u64),
        sum => Ok(sum),
    }
}

/// The same of this process, threads that have ended included.
pub(crate) fn own_ns() -> u64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec.unsigned_abs() * 1_000_000_000 + spent.tv_nsec.unsigned_abs()
}

/// The same of a process and everything it has started.
pub(crate) fn running_ns_of_tree(pid: u32) -> Result<u64> {
    // A process may have ended since it was listed.
    Ok(tree(pid)?.into_iter().filter_map(|pid| running_ns(pid).ok()).sum())
}

/// A process and everything it has started.
pub(crate) fn tree(pid: u32) -> Result<Vec<u32>> {
    let mut found = vec![pid];
    for child in children(pid)? {
        found.extend(tree(child).unwrap_or_default());
    }
    Ok(found)
}

impl std::iter::Sum for Cpu {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self { user_s: 0.0, system_s: 0.0 }, |sum, it| Self {
            user_s: sum.user_s + it.user_s,
            system_s: sum.system_s + it.system_s,
        })
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

/// What a process and everything it started occupy by themselves: memory that is shared counts in
/// parts. And how many descriptors they hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Footprint {
    pub(crate) pss_kib: u64,
    pub(crate) descriptors: u64,
}

impl Footprint {
    pub(crate) fn of_tree(pid: u32) -> Result<Self> {
        let pss = kib(&read(Some(pid), "smaps_rollup")?, "Pss:").context("no Pss")?;
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"))?.count() as u64;
        let mut sum = Self { pss_kib: pss, descriptors };
        for child in children(pid)? {
            let of_child = Self::of_tree(child)?;
            sum.pss_kib += of_child.pss_kib;
            sum.descriptors += of_child.descriptors;
        }
        Ok(sum)
    }
}

/// Fails in words when this process, or the server, may not open `sockets` more files. This one's
/// limit is raised first, as far as it may be.
pub(crate) fn enough_files(sockets: usize, server: Option<u32>) -> Result<()> {
    const SPARE: u64 = 64;
    let needed = sockets as u64 + SPARE;
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        .context("raising the limit on open files")?;
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

/// The processes that the threads of `pid` have started.
fn children(pid: u32) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may have ended since it was listed, and its children are another's then.
        let text = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
        found.extend(text.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    Ok(found)
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
        let footprint = Footprint::of_tree(std::process::id()).unwrap();
        assert!(footprint.pss_kib > 0 && footprint.descriptors > 2, "{footprint:?}");
    }
}
