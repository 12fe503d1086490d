//! A disk of a few megabytes under a server's data, which a test can fill and empty again.

use std::fs::{File, remove_file};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What one write to the filler brings.
const CHUNK: usize = 64 << 10;

/// A file system in memory, mounted over a directory as long as this lives.
pub(crate) struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// Mounts one of `mib` MiB over `at`. `None`, said loudly, where this machine does not allow it:
    /// then `test` has not been run.
    pub(super) fn mount(at: &Path, mib: u32, test: &str) -> Option<Self> {
        let options = format!("size={mib}m,mode=700");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at);
        match command.output() {
            Ok(output) if output.status.success() => Some(Self { at: at.to_owned() }),
            Ok(output) => {
                super::not_run(test, String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                super::not_run(test, &format!("mount: {error}"));
                None
            }
        }
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }

    /// Takes all the space that is left, to the last byte.
    pub(crate) fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        let mut chunk = vec![0_u8; CHUNK];
        while !chunk.is_empty() {
            match filler.write(&chunk) {
                Ok(0) | Err(_) => chunk.truncate(chunk.len() / 2),
                Ok(_) => {}
            }
        }
    }

    /// Gives that space back.
    pub(crate) fn free(&self) {
        remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What cannot be unmounted is left to whoever cleans the machine: a panic here would hide why.
        let _ = Command::new("umount").arg(&self.at).status();
    }
}
