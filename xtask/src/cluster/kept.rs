//! Processes that end with this one, however it ends.
//!
//! Each is started by a shell that ends it as soon as our end of a pipe is closed: nothing stays behind even
//! after `kill -9`. The shells are process groups of their own, so that Ctrl-C reaches only this process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

/// Ends what it started, by the signal it is told, when nobody is there any more. Again and again: who has
/// only just started may not hear the first one, and who was stopped hears nothing. After half a minute it is
/// not asked any more.
const KEEPER: &str = r#"signal="$1"; shift; exec 3<&0
"$@" </dev/null 3<&- & it=$!
echo "process $it"; exec >&-
cat <&3 >/dev/null
tries=0; while kill -"$signal" $it 2>/dev/null; do
kill -CONT $it 2>/dev/null; sleep 0.1
tries=$((tries + 1)); [ $tries -lt 300 ] || kill -KILL $it; done"#;
/// Removes a directory when neither we nor the processes it was told of are there any more.
const SWEEPER: &str = r#"for it in $(cat); do while kill -0 "$it" 2>/dev/null; do sleep 0.1; done; done
rm -rf "$1""#;

/// A running process. Dropping it asks it to end, and waits until it has.
pub(crate) struct Kept {
    keeper: Child,
    pub(crate) pid: u32,
}

impl Kept {
    /// Starts a program by its keeper ([`keeper`]), and answers with the first line it prints that
    /// `is_ready` accepts.
    ///
    /// # Errors
    /// It cannot be started, or ended before it was ready.
    pub(crate) fn start(
        mut keeper: Command,
        is_ready: impl Fn(&str) -> bool,
    ) -> anyhow::Result<(Self, String)> {
        keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut keeper = keeper.spawn().context("sh")?;
        let mut lines = BufReader::new(keeper.stdout.take().context("no stdout")?).lines();
        let mut kept = Self { keeper, pid: 0 };
        let first = lines.next().context("the keeper said nothing")??;
        kept.pid = first.strip_prefix("process ").context("no process")?.parse()?;
        let Some(ready) = lines.by_ref().map_while(Result::ok).find(|line| is_ready(line)) else {
            bail!("it ended before it was ready");
        };
        // Read to the end, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Ok((kept, ready))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// The keeper of a program, which is to be ended by `signal`. What it is given besides (arguments, an
/// environment, a user) is the program's.
pub(crate) fn keeper(signal: &str, program: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", KEEPER, "keeper", signal]).arg(program);
    command
}

/// A directory that goes when everything that stands in it has ended.
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    sweeper: Child,
}

impl Place {
    /// Makes one for this process and purpose.
    ///
    /// # Errors
    /// There is one, or it cannot be made.
    pub(crate) fn new(purpose: &str) -> anyhow::Result<Self> {
        let name = format!("anteroom-{purpose}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).with_context(|| path.display().to_string())?;
        let mut sweeper = Command::new("sh");
        sweeper.args(["-c", SWEEPER, "sweeper"]).arg(&path).stdin(Stdio::piped()).process_group(0);
        let sweeper = sweeper.spawn().context("sh")?;
        Ok(Self { path, sweeper })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory stays as long as this process runs.
    ///
    /// # Errors
    /// Whoever would remove it is gone.
    pub(crate) fn holds(&mut self, kept: &Kept) -> anyhow::Result<()> {
        let told = self.sweeper.stdin.as_mut().context("no pipe")?;
        writeln!(told, "{}", kept.pid).context("the sweeper is gone")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.sweeper.stdin.take());
        let _ = self.sweeper.wait();
    }
}
