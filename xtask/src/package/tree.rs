//! The files of the package as they will lie on a machine, each with its mode.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::done;

/// Settings that an administrator changes, and an upgrade leaves alone.
pub(super) const KEPT: [&str; 2] = ["/etc/anteroom/anteroom.toml", "/etc/default/anteroom"];

/// Shells, and where Debian looks for their completions.
const SHELLS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/anteroom"),
    ("zsh", "usr/share/zsh/vendor-completions/_anteroom"),
    ("fish", "usr/share/fish/vendor_completions.d/anteroom.fish"),
];

/// A directory that stands for the root of a machine.
pub(super) struct Tree(PathBuf);

impl Tree {
    /// Empty, whatever was there.
    pub(super) fn new(place: PathBuf) -> anyhow::Result<Self> {
        if place.exists() {
            std::fs::remove_dir_all(&place)?;
        }
        std::fs::create_dir_all(&place)?;
        Ok(Self(place))
    }

    pub(super) fn place(&self) -> &Path {
        &self.0
    }

    pub(super) fn remove(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_dir_all(&self.0)?)
    }

    /// Where a file lies; the directories above it are made, whatever the umask is.
    fn at(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.0.join(name);
        let mut above = path.parent().context("a file lies in a directory")?;
        std::fs::create_dir_all(above)?;
        while above.starts_with(&self.0) {
            std::fs::set_permissions(above, std::fs::Permissions::from_mode(0o755))?;
            above = above.parent().context("below the root")?;
        }
        Ok(path)
    }

    pub(super) fn write(&self, name: &str, text: &str, mode: u32) -> anyhow::Result<()> {
        let path = self.at(name)?;
        std::fs::write(&path, text)?;
        Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?)
    }

    pub(super) fn copy(&self, from: &Path, name: &str, mode: u32) -> anyhow::Result<()> {
        let path = self.at(name)?;
        std::fs::copy(from, &path).with_context(|| from.display().to_string())?;
        Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?)
    }

    /// All files of a directory with that ending, not those below it.
    pub(super) fn copy_all(&self, from: &Path, ending: &str, to: &str) -> anyhow::Result<()> {
        for file in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
            let path = file?.path();
            if path.extension().is_some_and(|it| it == ending) {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                self.copy(&path, &format!("{to}/{name}"), 0o644)?;
            }
        }
        Ok(())
    }

    /// As Debian wants what is long and seldom read; without a date, so that it is always the same.
    pub(super) fn pack(&self, name: &str) -> anyhow::Result<()> {
        done(Command::new("gzip").args(["--best", "--no-name", "--force"]).arg(self.0.join(name)))
    }

    /// Every file, by its name from the root.
    pub(super) fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let (mut found, mut dirs) = (Vec::new(), vec![self.0.clone()]);
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir)? {
                let path = entry?.path();
                if path.is_dir() {
                    dirs.push(path);
                } else {
                    found.push(path.strip_prefix(&self.0)?.to_owned());
                }
            }
        }
        found.sort();
        Ok(found)
    }
}

/// The program, its settings, its unit, its manual and its completions.
pub(super) fn fill(staged: &Tree, root: &Path, binary: &Path) -> anyhow::Result<()> {
    staged.copy(binary, "usr/bin/anteroom", 0o755)?;
    done(Command::new("strip").arg("--strip-unneeded").arg(staged.0.join("usr/bin/anteroom")))?;
    let packaging = root.join("packaging");
    let unit = packaging.join("systemd/anteroom.service");
    staged.copy(&unit, "usr/lib/systemd/system/anteroom.service", 0o644)?;
    staged.copy(&packaging.join("debian/anteroom.toml"), "etc/anteroom/anteroom.toml", 0o644)?;
    // Passwords of databases stand there; systemd reads it as root.
    staged.copy(&packaging.join("systemd/anteroom.default"), "etc/default/anteroom", 0o600)?;
    let overrides = packaging.join("debian/lintian-overrides");
    staged.copy(&overrides, "usr/share/lintian/overrides/anteroom", 0o644)?;
    for (shell, name) in SHELLS {
        staged.write(name, &asked(binary, &["completions", shell])?, 0o644)?;
    }
    staged.write("usr/share/man/man1/anteroom.1", &asked(binary, &["man"])?, 0o644)?;
    staged.pack("usr/share/man/man1/anteroom.1")?;
    Ok(())
}

/// What the program says about itself.
fn asked(binary: &Path, question: &[&str]) -> anyhow::Result<String> {
    let out = Command::new(binary).args(question).env_clear().output()?;
    anyhow::ensure!(
        out.status.success(),
        "this program does not know `anteroom {}`",
        question.join(" ")
    );
    Ok(String::from_utf8(out.stdout)?)
}
