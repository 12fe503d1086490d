//! The server's system calls, watched or made to fail from outside.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use super::not_run;
use super::server::TestServer;

/// strace on a running server. Lets go of it when dropped.
pub(crate) struct Strace {
    child: Child,
}

impl Strace {
    /// Attaches to every thread of the server. `None`, said loudly, where this machine does not
    /// allow it: then `test` has not been run.
    pub(crate) fn attach(server: &TestServer, test: &str, options: &[&str]) -> Option<Self> {
        let mut command = Command::new("strace");
        command.args(["-f", "-p", &server.pid().to_string()]).args(options);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let Ok(mut child) = command.spawn() else {
            not_run(test, "strace is not installed (cargo xtask install)");
            return None;
        };
        let mut said = BufReader::new(child.stderr.take().expect("its words")).lines();
        let first = said.next().and_then(Result::ok).unwrap_or_default();
        if !first.contains("attached") {
            child.wait().expect("it has ended");
            not_run(test, &first);
            return None;
        }
        // What it says later must not fill the pipe.
        std::thread::spawn(move || said.for_each(drop));
        Some(Self { child })
    }

    /// Waits until the server has ended, and strace with it: all that it saw is written then.
    pub(crate) fn finish(mut self) {
        self.child.wait().expect("it ends with the server");
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // It may have ended with the server.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
