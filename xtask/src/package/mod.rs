//! `cargo xtask package`: a Debian package from a program that is built already, or built now.
//!
//! `dpkg-deb` alone makes it: every Debian has that, owners and modes are said in one place ([`tree`]), and the
//! same program can be packed that was tested. What is in the package besides lies in `packaging/`; completions
//! and the manual are asked of the program itself, so that they are of the same release.

mod control;
mod tree;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};

use crate::build::{Profile, built};
use crate::run::{done, say};
use tree::Tree;

/// What `dpkg-deb` is told to pack with.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Packing {
    /// Small, and takes a while.
    Xz,
    /// For a look at the result.
    None,
}

/// What is wanted; what is not said is as a release has it.
#[derive(Args, Debug)]
pub(crate) struct Wanted {
    /// A program that is built already; otherwise a release is built.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Where the package goes.
    #[arg(long, value_name = "DIR", default_value = "out/package")]
    out: PathBuf,
    /// How it is packed.
    #[arg(long, value_enum, default_value = "xz")]
    packing: Packing,
    /// Who answers for it.
    #[arg(long, value_name = "NAME <ADDRESS>", default_value = control::MAINTAINER)]
    maintainer: String,
}

/// Makes the package and says where it is.
///
/// # Errors
/// Something does not build, or `dpkg-deb`, `gzip` or `strip` is not there.
pub(crate) fn run(root: &Path, wanted: &Wanted) -> anyhow::Result<()> {
    let binary = match &wanted.binary {
        Some(binary) => binary.canonicalize().with_context(|| binary.display().to_string())?,
        None => built(root, Profile::Release, &["--package", "anteroom"])?.join("anteroom"),
    };
    let out = root.join(&wanted.out);
    std::fs::create_dir_all(&out)?;
    let made_at = changed_at(root);
    let staged = Tree::new(out.join("tree"))?;
    tree::fill(&staged, root, &binary)?;
    documents(&staged, root, &wanted.maintainer, &made_at)?;
    let architecture = told("dpkg", &["--print-architecture"])?;
    control::write(&staged, root, &wanted.maintainer, &architecture)?;
    let package = out.join(format!("anteroom_{}_{architecture}.deb", control::version()));
    let mut pack = Command::new("dpkg-deb");
    // The same tree gives the same package, byte for byte.
    pack.env("SOURCE_DATE_EPOCH", &made_at).arg("--root-owner-group");
    pack.arg(match wanted.packing {
        Packing::Xz => "-Zxz",
        Packing::None => "-Znone",
    });
    pack.arg("--build").arg(staged.place()).arg(&package).stdout(std::process::Stdio::null());
    done(&mut pack)?;
    staged.remove()?;
    say(&package.display().to_string());
    Ok(())
}

/// What people read, beside the manual.
fn documents(staged: &Tree, root: &Path, maintainer: &str, at: &str) -> anyhow::Result<()> {
    const DOC: &str = "usr/share/doc/anteroom";
    staged.copy(&root.join("packaging/debian/copyright"), &format!("{DOC}/copyright"), 0o644)?;
    staged.copy(&root.join("CHANGELOG.md"), &format!("{DOC}/changelog"), 0o644)?;
    staged.pack(&format!("{DOC}/changelog"))?;
    let date = told("date", &["--utc", "--rfc-email", "--date", &format!("@{at}")])?;
    let entry = control::changelog(maintainer, &date);
    staged.write(&format!("{DOC}/changelog.Debian"), &entry, 0o644)?;
    staged.pack(&format!("{DOC}/changelog.Debian"))?;
    staged.copy_all(&root.join("docs"), "md", DOC)?;
    staged.copy_all(&root.join("docs/ko"), "md", &format!("{DOC}/ko"))?;
    // Where the guides' own links lead.
    let caddy = root.join("docs/compose/Caddyfile");
    staged.copy(&caddy, &format!("{DOC}/compose/Caddyfile"), 0o644)?;
    for (dir, ending) in [
        ("grafana", "json"),
        ("grafana", "yaml"),
        ("proxies", "cfg"),
        ("proxies", "conf"),
        ("transcripts", "jsonl"),
    ] {
        staged.copy_all(&root.join("docs").join(dir), ending, &format!("{DOC}/{dir}"))?;
    }
    let secret = root.join("packaging/systemd/secret.conf");
    staged.copy(&secret, &format!("{DOC}/examples/secret.conf"), 0o644)
}

/// When the sources were last changed, in seconds: what every file in the package is dated.
fn changed_at(root: &Path) -> String {
    let mut log = Command::new("git");
    log.current_dir(root).args(["log", "-1", "--format=%ct"]);
    let out = log.output().ok().filter(|out| out.status.success());
    // Sources without a history have no date of their own.
    out.map_or_else(|| "0".to_owned(), |it| String::from_utf8_lossy(&it.stdout).trim().to_owned())
}

/// What a program says when it goes well.
fn told(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let out = Command::new(program).args(arguments).output().context(program.to_owned())?;
    ensure!(out.status.success(), "{program}: {}", String::from_utf8_lossy(&out.stderr));
    Ok(String::from_utf8(out.stdout)?.trim().to_owned())
}
