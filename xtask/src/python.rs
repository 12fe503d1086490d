//! What comes from PyPI, in environments of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::run::done;

/// Whether Python is there with what makes environments.
pub(crate) fn has_python() -> bool {
    let mut ask = Command::new("python3");
    ask.args(["-c", "import venv, ensurepip"]);
    ask.output().is_ok_and(|out| out.status.success())
}

/// The interpreter of the environment at `venv`, with exactly what `required` lists; made anew where that changed.
///
/// # Errors
/// There is no Python that makes environments, or pip cannot install.
pub(crate) fn environment(venv: &Path, required: &Path) -> anyhow::Result<PathBuf> {
    let wanted =
        std::fs::read_to_string(required).with_context(|| required.display().to_string())?;
    // Beside it: an environment that is made anew is empty first.
    let note = venv.with_extension("installed");
    let python = venv.join("bin/python");
    if std::fs::read_to_string(&note).is_ok_and(|had| had == wanted) && python.exists() {
        return Ok(python);
    }
    if let Some(parent) = venv.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut make = Command::new("python3");
    done(make.args(["-m", "venv", "--clear"]).arg(venv))
        .context("python3 -m venv (apt-get install python3-venv)")?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    // What would have to be built is not what was pinned.
    install.args(["--only-binary", ":all:", "--requirement"]).arg(required);
    done(&mut install).context("pip install")?;
    std::fs::write(&note, wanted)?;
    Ok(python)
}
