//! `cargo xtask guides`: does what the guides in `docs/` tell people to do, and sees that it comes out as they say.
//!
//! Of a guide, the blocks marked `sh server`, `sh run`, `sh look` and `js run` are typed into one shell, one after the
//! other, in an empty directory, with the program at hand. `server` stays in the background once it listens; `look`
//! is done again until its outcome is there. A block marked `text` right after one of them is what it is to print:
//! `…` stands for anything. Addresses are a guide's own: port 8080 becomes a free one.

mod blocks;
mod script;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::build::{Profile, built};
use crate::count::{NOT_RUN, Tally};
use crate::javascript::{CLIENT_NEEDS, major_of};
use crate::plan::CHART_DIR;
use crate::run::say;
use blocks::Block;

/// Where the guides are, in English; those in Korean have the same names one level below.
const GUIDES: &str = "docs";
/// The longest that a guide may take, in seconds, on a machine that is busy with other things.
const PATIENCE: &str = "120";

/// What is wanted; what is not said is all of it.
#[derive(Args, Debug)]
pub(crate) struct Wanted {
    /// Only this guide, e.g. `five-minutes`.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// A program that is built already; otherwise a release is built, as the guides say.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Guides of another tree: to see that this notices what is wrong.
    #[arg(long, hide = true, value_name = "DIR")]
    root: Option<PathBuf>,
}

/// Does what the guides say. How many do not come out.
///
/// # Errors
/// A guide cannot be read, or the program does not build.
pub(crate) fn run(root: &Path, wanted: &Wanted) -> anyhow::Result<u32> {
    let root = wanted.root.as_deref().unwrap_or(root);
    let server = match &wanted.server {
        Some(server) => server.canonicalize().with_context(|| server.display().to_string())?,
        None => built(root, Profile::Release, &["--package", "anteroom"])?.join("anteroom"),
    };
    let mut sum = Tally::default();
    for (name, text) in guides(root, wanted.only.as_deref())? {
        let blocks = blocks::of(&text);
        if blocks.is_empty() {
            continue;
        }
        let began = Instant::now();
        let (tally, told) = match followed(root, &server, &name, &blocks)? {
            Outcome::Well => (Tally::PASSED, "as it says".to_owned()),
            Outcome::Otherwise(told) => (Tally::FAILED, told),
            Outcome::NotRun(why) => {
                // As every test says it, so that whoever counts their lines counts this one.
                say(&format!("{NOT_RUN}the guide {name}: {why}"));
                (Tally::SKIPPED, "not run".to_owned())
            }
        };
        say(&format!("{name:<14} {:>5.1} s  {told}", began.elapsed().as_secs_f64()));
        sum += tally;
    }
    ensure!(sum.passed + sum.failed + sum.skipped > 0, "no guide has anything to run");
    say(&sum.to_string());
    Ok(sum.failed)
}

/// Every guide by its name, with its text.
fn guides(root: &Path, only: Option<&str>) -> anyhow::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(root.join(GUIDES))? {
        let path = file?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let is_wanted = only.is_none_or(|only| only == name);
        if is_wanted && path.extension().is_some_and(|it| it == "md") {
            found.push((name, std::fs::read_to_string(&path)?));
        }
    }
    found.sort();
    Ok(found)
}

enum Outcome {
    Well,
    /// What came instead.
    Otherwise(String),
    NotRun(String),
}

/// Types everything in, in a directory that is gone afterwards.
fn followed(root: &Path, server: &Path, name: &str, blocks: &[Block]) -> anyhow::Result<Outcome> {
    let place = std::env::temp_dir().join(format!("anteroom-guide-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&place)?;
    let outcome = typed(root, server, &place, blocks);
    std::fs::remove_dir_all(&place)?;
    outcome
}

fn typed(root: &Path, server: &Path, place: &Path, blocks: &[Block]) -> anyhow::Result<Outcome> {
    let path = path(root, server)?;
    for tool in ["curl", "jq", "websocat", "node"] {
        let is_asked = blocks.iter().any(|it| it.uses(tool));
        if is_asked && !runs(tool, &path) {
            return Ok(Outcome::NotRun(format!("there is no {tool} here")));
        }
        if is_asked && tool == "node" && !is_new_enough(&path) {
            return Ok(Outcome::NotRun(format!(
                "the client needs Node {CLIENT_NEEDS}, and here is an older one"
            )));
        }
    }
    // Node finds the client as it does after `npm install ./clients/js`.
    std::fs::create_dir_all(place.join("node_modules"))?;
    let client = place.join("node_modules/anteroom-client");
    std::os::unix::fs::symlink(root.join("clients/js"), client)?;
    let port = crate::cluster::free_port()?;
    script::write(place, blocks, port)?;
    let mine = std::env::vars().filter(|(name, _)| !name.starts_with("ANTEROOM_"));
    let mut shell = Command::new("timeout");
    shell.args([PATIENCE, "bash", script::NAME]).current_dir(place).env_clear().envs(mine);
    shell.env("PATH", path).env("ANTEROOM_SERVER__LISTEN", format!("127.0.0.1:{port}"));
    let out = shell.output()?;
    if out.status.success() {
        return Ok(Outcome::Well);
    }
    let told = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
    Ok(Outcome::Otherwise(format!("not as it says:\n{told}")))
}

/// Whether the client runs in the Node that is there.
fn is_new_enough(path: &str) -> bool {
    let version = Command::new("node").arg("--version").env("PATH", path).output();
    version.is_ok_and(|out| major_of(&String::from_utf8_lossy(&out.stdout)) >= Some(CLIENT_NEEDS))
}

/// The program first, then what the tests have installed for themselves.
fn path(root: &Path, server: &Path) -> anyhow::Result<String> {
    let beside = server.parent().context("a program lies in a directory")?;
    let tools = root.join(CHART_DIR).join(".venv/bin");
    let rest = std::env::var("PATH").unwrap_or_default();
    Ok(format!("{}:{rest}:{}", beside.display(), tools.display()))
}

fn runs(tool: &str, path: &str) -> bool {
    let mut asked = Command::new(tool);
    asked.arg("--version").env("PATH", path).output().is_ok_and(|out| out.status.success())
}
