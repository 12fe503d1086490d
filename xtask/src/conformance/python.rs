//! The Python that the suite needs, and the suite in a directory of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::run::say;

/// Where a Python 2.7 may be said to be.
const VARIABLE: &str = "PYTHON27";
/// The suite and everything it needs, to the version.
const REQUIREMENTS: &str = include_str!("requirements.txt");
/// Whether a program is a Python 2.7 that can install.
const PROBE: &str = "import sys, pip; sys.exit(sys.version_info[:2] != (2, 7))";
/// What a virtual environment would do: some packages say in files where they are.
const RUNNER: &str = "import os, site, sys\n\
    site.addsitedir(os.environ['PYTHONPATH'])\n\
    sys.argv[0] = 'wstest'\n\
    from autobahntestsuite.wstest import run\n\
    run()";

/// The suite, ready to run.
pub(super) struct Suite {
    python: PathBuf,
    packages: PathBuf,
}

impl Suite {
    /// Finds a Python and installs the suite in `dir`, unless it is there.
    ///
    /// # Errors
    /// Why it cannot be run here.
    pub(super) fn ready(asked: Option<&Path>, dir: &Path) -> anyhow::Result<Self> {
        let python = found(asked)?;
        say(&format!("Python 2.7: {}", python.display()));
        let suite = Self { python, packages: dir.join("python") };
        suite.install(dir)?;
        Ok(suite)
    }

    fn install(&self, dir: &Path) -> anyhow::Result<()> {
        let stamp = dir.join("python.installed");
        if std::fs::read_to_string(&stamp).is_ok_and(|there| there == REQUIREMENTS) {
            return Ok(());
        }
        say("installing the suite");
        // What another list has left there would be in the way.
        let _ = std::fs::remove_file(&stamp);
        let _ = std::fs::remove_dir_all(&self.packages);
        let list = dir.join("requirements.txt");
        std::fs::write(&list, REQUIREMENTS).with_context(|| list.display().to_string())?;
        let mut pip = Command::new(&self.python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        pip.arg("--target").arg(&self.packages).arg("--requirement").arg(&list);
        let done = pip.status().context("pip")?;
        anyhow::ensure!(done.success(), "pip could not install the suite");
        std::fs::write(&stamp, REQUIREMENTS).with_context(|| stamp.display().to_string())
    }

    /// The suite's command, in `dir`.
    pub(super) fn command(&self, dir: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.python);
        command.current_dir(dir).env("PYTHONPATH", &self.packages);
        // It says itself that nobody mends this Python any more.
        command.args(["-W", "ignore", "-c", RUNNER]).args(arguments);
        command
    }
}

fn found(asked: Option<&Path>) -> anyhow::Result<PathBuf> {
    let told = asked.map(Path::to_owned).or_else(|| std::env::var_os(VARIABLE).map(PathBuf::from));
    if let Some(told) = told {
        anyhow::ensure!(is_one(&told), "{} is no Python 2.7 with pip", told.display());
        return Ok(told);
    }
    let candidates = std::iter::once(PathBuf::from("python2.7")).chain(of_pyenv());
    match candidates.into_iter().find(|it| is_one(it)) {
        Some(python) => Ok(python),
        None => bail!(
            "there is no Python 2.7 with pip, neither on the path nor among pyenv's versions \
             (pyenv install 2.7.18; or say where: --python, {VARIABLE})"
        ),
    }
}

fn is_one(program: &Path) -> bool {
    Command::new(program).args(["-c", PROBE]).output().is_ok_and(|out| out.status.success())
}

/// What pyenv has built, whichever of it is on the path.
fn of_pyenv() -> Vec<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv"));
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(home);
    let versions = root.and_then(|root| std::fs::read_dir(root.join("versions")).ok());
    let mut found: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .flatten()
        .filter(|it| it.file_name().to_string_lossy().starts_with("2.7"))
        .map(|it| it.path().join("bin/python"))
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_pinned() {
        let lines = REQUIREMENTS.lines().filter(|line| !line.starts_with('#'));
        for line in lines {
            assert!(
                line.split_once("==").is_some_and(|(name, version)| {
                    !name.is_empty() && version.starts_with(|c: char| c.is_ascii_digit())
                }),
                "{line}"
            );
        }
    }

    #[test]
    fn a_program_that_is_none_is_refused_by_name() {
        let refused = found(Some(Path::new("/bin/false"))).unwrap_err().to_string();
        assert!(refused.contains("/bin/false"), "{refused}");
    }
}
