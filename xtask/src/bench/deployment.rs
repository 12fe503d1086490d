//! A deployment of several nodes, started by `cargo xtask cluster`, and the lab let loose on it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

/// What the lab has to know of it.
pub(super) struct Deployment {
    cluster: Child,
    /// The nodes' addresses, and their process ids.
    nodes: Vec<(String, String)>,
    /// The process id of what they talk over.
    bus: String,
}

impl Deployment {
    /// Starts so many nodes of `server`, with what `pinned` puts in front of a program.
    ///
    /// # Errors
    /// It does not come up; its own words say why.
    pub(super) fn start(
        nodes: u32,
        server: &Path,
        logs: &Path,
        pinned: impl Fn(&Path) -> Command,
    ) -> anyhow::Result<Self> {
        let mut command = pinned(&std::env::current_exe()?);
        command.args(["cluster", "--listen", "127.0.0.1:0", "--set", "limits.enabled=false"]);
        command.args(["--nodes", &nodes.to_string()]).arg("--server").arg(server);
        command.arg("--logs").arg(logs);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut cluster = command.spawn().context("taskset (of util-linux)")?;
        let told = cluster.stdout.take().context("no stdout")?;
        let mut it = Self { cluster, nodes: Vec::new(), bus: String::new() };
        for line in BufReader::new(told).lines().map_while(Result::ok) {
            let mut words = line.split_whitespace();
            match (words.next(), process(&line)) {
                (Some("node"), Some(pid)) => {
                    it.nodes.push((words.nth(1).unwrap_or_default().to_owned(), pid));
                }
                (Some("Redis"), Some(pid)) => it.bus = pid,
                (Some("listening"), _) => return Ok(it),
                _ => {}
            }
        }
        anyhow::bail!("the nodes did not come up")
    }

    /// What the lab is told of it: where members sit, and whose processor time counts.
    pub(super) fn tell(&self, lab: &mut Command) {
        let mut nodes = self.nodes.iter();
        if let Some((url, pid)) = nodes.next() {
            lab.args(["--url", url, "--server-pid", pid]);
        }
        for (url, pid) in nodes {
            lab.args(["--node", url, "--pid", pid]);
        }
        lab.args(["--pid", &self.bus]);
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        drop(self.cluster.stdin.take());
        let _ = self.cluster.wait();
    }
}

/// The number in `… (process 4711, …)`.
fn process(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("(process ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::process;

    #[test]
    fn the_process_is_read_from_the_line_that_names_it() {
        let line = "node 1  http://127.0.0.1:4000  (process 4711, log out/node-1.log)";
        assert_eq!(process(line).as_deref(), Some("4711"));
        assert_eq!(process("Redis  redis://x  (process 12)").as_deref(), Some("12"));
        assert_eq!(process("listening on http://127.0.0.1:1"), None);
    }
}
