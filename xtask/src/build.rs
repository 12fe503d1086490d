//! Cargo, what it builds and where that lies.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::run::done;

/// Cargo, in the repository's root.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root).args(arguments);
    command
}

/// Where cargo puts what it builds.
pub(crate) fn target(root: &Path) -> PathBuf {
    // Cargo runs in the root, and one that is whole stays so.
    root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// What a build is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Profile {
    /// As the tests have it.
    Debug,
    /// As people have it.
    Release,
}

impl Profile {
    /// The directory that its programs lie in.
    pub(crate) fn dir(self, root: &Path) -> PathBuf {
        target(root).join(match self {
            Self::Debug => "debug",
            Self::Release => "release",
        })
    }
}

/// Builds what `which` names; the directory that it lies in.
///
/// # Errors
/// It does not build.
pub(crate) fn built(root: &Path, profile: Profile, which: &[&str]) -> anyhow::Result<PathBuf> {
    let mut build = cargo(root, &["build", "--locked"]);
    build.args((profile == Profile::Release).then_some("--release")).args(which);
    done(&mut build).with_context(|| format!("{} does not build", which.join(" ")))?;
    Ok(profile.dir(root))
}

/// As a part of the workspace: the same features, and so the very build that the tests made.
pub(crate) fn build_server(root: &Path) -> Command {
    cargo(root, &["build", "--workspace", "--bin", "anteroom", "--bin", "xtask"])
}
