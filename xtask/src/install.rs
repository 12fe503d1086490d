//! Brings what the tests need and a fresh Debian machine lacks.
//!
//! What is there already is left as it is. Debian's own packages first; the only other sources are
//! npm, for the library that drives the browser and the SockJS client, and PyPI, for the engine that renders the
//! chart. Needs root only when a package is missing.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::Options;
use crate::count::Tally;
use crate::javascript::{BROWSER_DIR, SOCKJS_DIR};
use crate::plan::CHART_DIR;
use crate::python::{environment, has_python};
use crate::run::{Counting, Report, say, step};

const NAME: &str = "install";

/// A Debian package and how to see that its purpose is met already.
struct Need {
    package: &'static str,
    is_met: fn() -> bool,
    for_browser_only: bool,
}

const NEEDS: &[Need] = &[
    Need { package: "nodejs", is_met: || runs("node", &["--version"]), for_browser_only: false },
    Need {
        package: "redis-server",
        is_met: || runs("redis-server", &["--version"]),
        for_browser_only: false,
    },
    Need { package: "postgresql", is_met: has_postgresql, for_browser_only: false },
    Need { package: "rabbitmq-server", is_met: has_rabbitmq, for_browser_only: false },
    // The engine of the fuzz targets is built with it.
    Need { package: "g++", is_met: || runs("c++", &["--version"]), for_browser_only: false },
    Need { package: "nginx-light", is_met: || has_proxy("nginx"), for_browser_only: false },
    Need { package: "haproxy", is_met: || has_proxy("haproxy"), for_browser_only: false },
    Need { package: "strace", is_met: || runs("strace", &["--version"]), for_browser_only: false },
    Need {
        package: "prometheus",
        is_met: || runs("promtool", &["--version"]),
        for_browser_only: false,
    },
    Need { package: "python3-venv", is_met: has_python, for_browser_only: false },
    Need { package: "npm", is_met: || runs("npm", &["--version"]), for_browser_only: true },
    Need { package: "chromium", is_met: has_chromium, for_browser_only: true },
    Need { package: "fonts-noto-cjk", is_met: has_korean_font, for_browser_only: true },
];

/// Installs what is missing.
pub(crate) fn run(root: &Path, options: &Options) -> Report {
    let began = Instant::now();
    say(&format!("== {NAME}"));
    for (component, command) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !runs("cargo", &[command, "--version"])
            && !runs("rustup", &["component", "add", component])
        {
            let reason = format!("{component} is missing: rustup component add {component}");
            return Report::broken(NAME, reason);
        }
    }
    if let Err(reason) = packages(options.has_browser()) {
        return Report::broken(NAME, reason);
    }
    let has_npm = runs("npm", &["--version"]);
    // Without a browser npm may be missing; then what needs it says that it was not run.
    let wanted = [(BROWSER_DIR, options.has_browser()), (SOCKJS_DIR, has_npm)];
    for (dir, _) in wanted.into_iter().filter(|(_, is_wanted)| *is_wanted) {
        if let Err(reason) = npm(&root.join(dir)) {
            return Report::broken(NAME, reason);
        }
    }
    // Not every machine has what is ready-made there: then the chart says that it was not run.
    let note = python(&root.join(CHART_DIR)).err();
    Report { name: NAME, tally: Tally::PASSED, took: began.elapsed(), note }
}

fn packages(browser: bool) -> Result<(), String> {
    let missing: Vec<&str> = NEEDS
        .iter()
        .filter(|need| (browser || !need.for_browser_only) && !(need.is_met)())
        .map(|need| need.package)
        .collect();
    if missing.is_empty() {
        say("every package is there");
        return Ok(());
    }
    let names = missing.join(" ");
    if !runs("apt-get", &["--version"]) {
        return Err(format!("no apt-get here; install by hand: {names}"));
    }
    if !is_root() {
        return Err(format!("run as root, or: apt-get install --no-install-recommends {names}"));
    }
    if missing.contains(&"postgresql") {
        // The tests have servers of their own; the machine's own one would run beside them for nothing.
        keep_clusters_off()?;
    }
    let _services_stay_off = ServicesOff::new(&missing)?;
    // A machine whose lists are fresh enough needs no update, and may not be able to make one.
    let install = || {
        let mut install = Command::new("apt-get");
        install.env("DEBIAN_FRONTEND", "noninteractive");
        install.args(["install", "--yes", "--no-install-recommends"]).args(&missing);
        done("apt-get install", install)
    };
    if install() {
        return Ok(());
    }
    let mut update = Command::new("apt-get");
    update.arg("update");
    if done("apt-get update", update) && install() {
        return Ok(());
    }
    Err(format!("apt-get could not install {names}"))
}

/// What the tests in `dir` use, exactly as the lock file has it.
fn npm(dir: &Path) -> Result<(), String> {
    let changed = |path: &str| dir.join(path).metadata().and_then(|file| file.modified()).ok();
    let installed = changed("node_modules/.package-lock.json");
    if installed.is_some() && installed >= changed("package-lock.json") {
        say("every npm package is there");
        return Ok(());
    }
    let mut ci = Command::new("npm");
    ci.current_dir(dir).args(["ci", "--no-audit", "--no-fund"]);
    if done("npm ci", ci) { Ok(()) } else { Err("npm ci failed".into()) }
}

/// What the tests in `dir` use of PyPI, exactly as the list has it.
fn python(dir: &Path) -> Result<(), String> {
    let made = environment(&dir.join(".venv"), &dir.join("requirements.txt"));
    made.map(drop).map_err(|error| format!("{error:#}"))
}

fn done(name: &'static str, command: Command) -> bool {
    step(name, command, Counting::Whole).tally.failed == 0
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|out| out.status.success())
}

/// Its programs are not on the path: several versions can be there.
fn has_postgresql() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions
        .map(|it| it.path().join("bin"))
        .any(|bin| ["initdb", "postgres", "psql"].iter().all(|program| bin.join(program).exists()))
}

/// Tells Debian's package to make no database cluster when it is installed.
fn keep_clusters_off() -> Result<(), String> {
    let dir = Path::new("/etc/postgresql-common/createcluster.d");
    let file = dir.join("anteroom-tests.conf");
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&file, "create_main_cluster = false\n"))
        .map_err(|error| format!("cannot write {}: {error}", file.display()))
}

/// Its programs on the path want to be run by nobody but root and itself.
fn has_rabbitmq() -> bool {
    Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server").exists()
}

/// Debian keeps them where not everybody looks.
fn has_proxy(name: &str) -> bool {
    Path::new("/usr/sbin").join(name).exists() || runs(name, &["-v"])
}

/// Keeps what is installed from being started as a service of the machine, now and when the machine starts again:
/// the tests have servers of their own. By Debian's own means, which are taken away again.
struct ServicesOff {
    /// Ours, to be taken away.
    policy: Option<&'static Path>,
    /// Those that are being installed.
    services: Vec<&'static str>,
}

impl ServicesOff {
    fn new(packages: &[&str]) -> Result<Self, String> {
        // By package and by service: the smaller nginx is a package of its own.
        let services = [
            ("redis-server", "redis-server"),
            ("rabbitmq-server", "rabbitmq-server"),
            ("nginx-light", "nginx"),
            ("haproxy", "haproxy"),
            ("prometheus", "prometheus"),
        ];
        let services = services.into_iter().filter(|(package, _)| packages.contains(package));
        let services = services.map(|(_, service)| service).collect();
        let mut off = Self { policy: None, services };
        if off.services.is_empty() {
            return Ok(off);
        }
        let policy = Path::new("/usr/sbin/policy-rc.d");
        // One that is there says already what may be started here.
        if !policy.exists() {
            let said = std::fs::write(policy, "#!/bin/sh\nexit 101\n").and_then(|()| {
                std::fs::set_permissions(policy, std::fs::Permissions::from_mode(0o755))
            });
            said.map_err(|error| format!("cannot write {}: {error}", policy.display()))?;
            off.policy = Some(policy);
        }
        Ok(off)
    }
}

impl Drop for ServicesOff {
    fn drop(&mut self) {
        if let Some(policy) = self.policy {
            let _ = std::fs::remove_file(policy);
        }
        for service in &self.services {
            // Nothing to do where no services are started at all.
            runs("systemctl", &["disable", "--quiet", service]);
        }
    }
}

fn has_chromium() -> bool {
    std::env::var_os("CHROMIUM").is_some() || Path::new("/usr/bin/chromium").exists()
}

fn has_korean_font() -> bool {
    let listed = Command::new("fc-list").args([":lang=ko", "family"]).output();
    listed.is_ok_and(|out| !out.stdout.is_empty())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|out| out.stdout.trim_ascii() == b"0")
}
