//! `cargo xtask contract`: asks a server everything that its own document says may be asked, and much that it
//! says may not, and judges each answer by that document.
//!
//! Schemathesis (from PyPI, pinned, in a virtual environment below `target`) makes the requests, once as a user
//! and once as an administrator, of a server process with a private data directory.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::build::{Profile, built, target};
use crate::cluster::{Kept, Place, keeper};
use crate::python::environment;
use crate::run::{done, say};

const READY: &str = "listening on ";
const PASSWORD: &str = "correct horse battery";
const ADMINISTRATION: &str = "Administration";
/// The same requests each time; `--long` draws others.
const SEED: &str = "1";

/// How much is asked.
#[derive(Args, Debug)]
pub(crate) struct Wanted {
    /// Many more requests, other ones each time.
    #[arg(long)]
    long: bool,
    /// A server that is built already; otherwise one is built.
    #[arg(long, value_name = "PROGRAM")]
    server: Option<PathBuf>,
}

/// Runs the checks. Whether everything was as the document has it.
///
/// # Errors
/// Something cannot be installed, does not build or does not come up.
pub(crate) fn run(root: &Path, wanted: &Wanted) -> anyhow::Result<bool> {
    let server = match &wanted.server {
        Some(server) => server.canonicalize().with_context(|| server.display().to_string())?,
        // As a part of the workspace: the very build that the tests made.
        None => {
            built(root, Profile::Debug, &["--workspace", "--bin", "anteroom"])?.join("anteroom")
        }
    };
    let home = target(root).join("contract");
    std::fs::create_dir_all(&home)?;
    let required = root.join("xtask/contract/requirements.txt");
    let python = environment(&home.join("venv"), &required)?;
    let mut place = Place::new("contract")?;
    let data = place.path.join("data");
    for (name, role) in [("somebody", "user"), ("overseer", "admin")] {
        add(&server, &data, name, role)?;
    }
    let log = home.join("server.log");
    let (_kept, base) = start(&server, &data, &log, &mut place)?;
    say(&format!("the server is at {base}, its log in {}", log.display()));
    let document = home.join("openapi.json");
    fetch(&python, &format!("{base}/openapi.json"), &document)?;
    let is_valid = valid(&python, &document)?;
    let mut is_good = is_valid;
    for (name, which) in [("somebody", "--exclude-tag"), ("overseer", "--include-tag")] {
        say(&format!("\n== as {name}"));
        let mut checks = checks(root, &python, &document, &base);
        checks.env("CONTRACT_USER", name);
        if wanted.long {
            checks.args(["--max-examples", "200"]);
        } else {
            checks.args([which, ADMINISTRATION, "--max-examples", "12", "--seed", SEED]);
        }
        is_good &= checks.status().context("schemathesis")?.success();
    }
    Ok(is_good)
}

fn checks(root: &Path, python: &Path, document: &Path, base: &str) -> Command {
    let config = root.join("xtask/contract/schemathesis.toml");
    let mut checks = Command::new(python.with_file_name("st"));
    checks.current_dir(root.join("xtask/contract"));
    checks.arg("--config-file").arg(config).arg("run").arg(document).args(["--url", base]);
    checks.args(["--phases", "examples,coverage,fuzzing,stateful", "--continue-on-failure"]);
    checks.args(["--request-timeout", "10", "--generation-database", "none", "--no-color"]);
    checks.env("CONTRACT_SERVER", base).env("CONTRACT_PASSWORD", PASSWORD);
    checks.env("PYTHONPATH", root.join("xtask/contract")).env("PYTHONDONTWRITEBYTECODE", "1");
    checks
}

/// Makes an account by the server's own command.
fn add(server: &Path, data: &Path, name: &str, role: &str) -> anyhow::Result<()> {
    let command = |arguments: &[&str]| {
        let mut command = Command::new(server);
        command.arg("--data-dir").arg(data).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let mut adding = command(&["user", "add", name]).spawn()?;
    adding.stdin.take().context("no stdin")?.write_all(PASSWORD.as_bytes())?;
    ensure!(adding.wait()?.success(), "{name} cannot be added");
    if role != "user" {
        done(&mut command(&["user", "role", name, "user", role]))?;
    }
    Ok(())
}

fn start(
    server: &Path,
    data: &Path,
    log: &Path,
    place: &mut Place,
) -> anyhow::Result<(Kept, String)> {
    let mut command = keeper("TERM", server);
    // In a directory of its own it finds no configuration file of somebody else's.
    command.current_dir(&place.path).stderr(File::create(log)?);
    command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
    command.env("ANTEROOM_LIMITS__ENABLED", "false").env("ANTEROOM_AUTH__GUESTS", "true");
    // Each run logs in several times over.
    command.env("ANTEROOM_AUTH__LOGINS_PER_USER", "16");
    let (kept, ready) = Kept::start(command, |line| line.starts_with(READY))
        .with_context(|| format!("the server: see {}", log.display()))?;
    place.holds(&kept)?;
    Ok((kept, ready.trim_start_matches(READY).to_owned()))
}

fn fetch(python: &Path, url: &str, to: &Path) -> anyhow::Result<()> {
    let code = "import sys, urllib.request as r; open(sys.argv[2], 'wb').write(r.urlopen(sys.argv[1]).read())";
    done(Command::new(python).args(["-c", code, url]).arg(to)).context("the document")
}

/// Whether the document is OpenAPI at all.
fn valid(python: &Path, document: &Path) -> anyhow::Result<bool> {
    let mut validator = Command::new(python.with_file_name("openapi-spec-validator"));
    Ok(validator.arg(document).status().context("openapi-spec-validator")?.success())
}
