//! Which state of the sources this is.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

/// The hash of the committed tree; empty when there are changes beside it, for then nothing that is
/// found is worth remembering.
///
/// # Errors
/// Git cannot tell.
pub(crate) fn hash(root: &Path) -> anyhow::Result<String> {
    let git = |arguments: &[&str]| -> anyhow::Result<String> {
        let out = Command::new("git").current_dir(root).args(arguments).output().context("git")?;
        anyhow::ensure!(out.status.success(), "git: {}", String::from_utf8_lossy(&out.stderr));
        Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
    };
    let is_clean = git(&["status", "--porcelain"])?.is_empty();
    if is_clean { git(&["rev-parse", "HEAD^{tree}"]) } else { Ok(String::new()) }
}
