//! `cargo xtask package` as a person uses it: the package is made of the program that was tested, unpacked, looked
//! at, and its program run with its settings. That it installs, runs as a service's user and is purged without a
//! trace is tried in a system of its own by `packaging/debian/try.sh`, by hand: that takes some minutes and a mirror.
#![expect(clippy::unwrap_used, reason = "what helps tests may stop one")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::not_run;

const XTASK: &str = env!("CARGO_BIN_EXE_xtask");

/// Goes when it is no longer looked at.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let place = std::env::temp_dir().join(format!("anteroom-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        Self(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// What a program says, where it is there at all.
fn told(program: &str, arguments: &[&str]) -> Option<Output> {
    Command::new(program).args(arguments).env("LC_ALL", "C").output().ok()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A file of the package: who may do what, and whose it is.
fn listed(package: &str) -> BTreeMap<String, (String, String)> {
    let list = text(&told("dpkg-deb", &["--contents", package]).unwrap());
    let rows = list.lines().map(|line| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        (cells[5].to_owned(), (cells[0].to_owned(), cells[1].to_owned()))
    });
    rows.collect()
}

/// Makes it in a directory; `None` where that cannot be tried here.
fn made(place: &Path) -> Option<String> {
    let server = Path::new(XTASK).with_file_name("anteroom");
    if !server.exists() {
        // Whoever tests the whole workspace has built it.
        not_run(&format!("the server is not built: {}", server.display()));
        return None;
    }
    if told("dpkg-deb", &["--version"]).is_none() {
        not_run("there is no dpkg-deb here");
        return None;
    }
    let mut make = Command::new(XTASK);
    make.args(["package", "--packing", "none", "--binary"]).arg(server).arg("--out").arg(place);
    let said = text(&make.output().unwrap());
    Some(said.lines().last().unwrap().to_owned())
}

#[test]
fn the_package_has_what_a_machine_needs_with_the_right_owners_and_modes_and_its_program_runs() {
    let place = Place::new("package");
    let Some(package) = made(&place.0) else { return };
    let files = listed(&package);
    let wanted = [
        ("./usr/bin/anteroom", "-rwxr-xr-x"),
        ("./usr/lib/systemd/system/anteroom.service", "-rw-r--r--"),
        ("./etc/anteroom/anteroom.toml", "-rw-r--r--"),
        ("./etc/default/anteroom", "-rw-------"),
        ("./usr/share/doc/anteroom/copyright", "-rw-r--r--"),
        ("./usr/share/doc/anteroom/changelog.gz", "-rw-r--r--"),
        ("./usr/share/doc/anteroom/changelog.Debian.gz", "-rw-r--r--"),
        ("./usr/share/doc/anteroom/install.md", "-rw-r--r--"),
        ("./usr/share/doc/anteroom/ko/install.md", "-rw-r--r--"),
        ("./usr/share/doc/anteroom/examples/secret.conf", "-rw-r--r--"),
        ("./usr/share/doc/anteroom/grafana/alerts.yaml", "-rw-r--r--"),
        ("./usr/share/man/man1/anteroom.1.gz", "-rw-r--r--"),
        ("./usr/share/bash-completion/completions/anteroom", "-rw-r--r--"),
        ("./usr/share/zsh/vendor-completions/_anteroom", "-rw-r--r--"),
        ("./usr/share/fish/vendor_completions.d/anteroom.fish", "-rw-r--r--"),
    ];
    for (name, mode) in wanted {
        assert_eq!(files.get(name).map(|it| it.0.as_str()), Some(mode), "{name}");
    }
    for (name, (mode, owner)) in &files {
        assert_eq!(owner, "root/root", "{name}");
        assert!(!mode.contains('s') && mode.as_bytes()[8] == b'-', "{name} is {mode}");
    }
    let root = place.0.join("root");
    text(&told("dpkg-deb", &["-R", &package, root.to_str().unwrap()]).unwrap());
    let kept = std::fs::read_to_string(root.join("DEBIAN/conffiles")).unwrap();
    assert_eq!(kept, "/etc/anteroom/anteroom.toml\n/etc/default/anteroom\n");
    for script in ["postinst", "prerm", "postrm"] {
        let script = root.join("DEBIAN").join(script);
        text(&told("sh", &["-n", script.to_str().unwrap()]).unwrap());
    }
    let mut sums = Command::new("md5sum");
    sums.args(["--check", "--quiet", "DEBIAN/md5sums"]).current_dir(&root);
    text(&sums.output().unwrap());
    let program = root.join("usr/bin/anteroom");
    let settings = root.join("etc/anteroom/anteroom.toml");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.env_clear().current_dir(&root).arg("--config").arg(&settings);
        text(&command.args(arguments).output().unwrap())
    };
    assert_eq!(run(&["--version"]).trim(), concat!("anteroom ", env!("CARGO_PKG_VERSION")));
    let shown = run(&["config", "print"]);
    assert!(shown.contains("data_dir = \"/var/lib/anteroom\""), "{shown}");
    // No secret that others know: it is made by the first start, on the machine.
    assert!(shown.contains("secret = \"\""), "{shown}");
}

#[test]
fn the_unit_is_understood_and_leaves_the_service_little_to_harm() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/systemd/anteroom.service");
    if told("systemd-analyze", &["--version"]).is_none() {
        not_run("there is no systemd-analyze here");
        return;
    }
    let place = Place::new("unit");
    let copy = place.0.join("anteroom.service");
    // Where the program is on this machine is not what is looked at.
    let written = std::fs::read_to_string(unit).unwrap();
    std::fs::write(&copy, written.replace("/usr/bin/anteroom", "/bin/true")).unwrap();
    let copy = copy.to_str().unwrap();
    let verified = told("systemd-analyze", &["verify", "--man=no", copy]).unwrap();
    text(&verified);
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(!said.contains("anteroom.service"), "{said}");

    // In tenths; 100 is a service without any of it.
    let limit = ["security", "--offline=true", "--threshold=15", copy];
    let looked = told("systemd-analyze", &limit).unwrap();
    let level = String::from_utf8_lossy(&looked.stdout).into_owned();
    assert!(looked.status.success(), "{level}");
}

/// The names in a set of system calls, as systemd has it.
fn calls(set: &str, into: &mut Vec<String>) {
    let listed = text(&told("systemd-analyze", &["syscall-filter", "--no-pager", set]).unwrap());
    for name in listed.lines().skip(1).map(str::trim).filter(|it| !it.starts_with('#')) {
        if name.starts_with('@') { calls(name, into) } else { into.push(name.to_owned()) }
    }
}

/// A way to start something as a user that is nobody, with the program at hand: root's own SQLite does more.
fn as_a_service(server: &Path, place: &Path) -> Command {
    const NOBODY: u32 = 65_534;
    std::fs::copy(server, place.join("anteroom")).unwrap();
    let is_root = text(&told("id", &["-u"]).unwrap()).trim() == "0";
    let mut start = Command::new(if is_root { "setpriv" } else { "env" });
    if is_root {
        std::os::unix::fs::chown(place, Some(NOBODY), Some(NOBODY)).unwrap();
        start.args(["--reuid", "nobody", "--clear-groups", "--regid"]).arg(NOBODY.to_string());
    }
    let mine = std::env::vars().filter(|(name, _)| !name.starts_with("ANTEROOM_"));
    start.env_clear().envs(mine).current_dir(place);
    start
}

/// What a unit's filters come to, one after the other.
fn allowed(unit: &str) -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for line in unit.lines().filter_map(|it| it.strip_prefix("SystemCallFilter=")) {
        let (sets, is_taken_away) = match line.strip_prefix('~') {
            Some(sets) => (sets, true),
            None => (line, false),
        };
        let mut named = Vec::new();
        sets.split(' ').for_each(|set| calls(set, &mut named));
        if is_taken_away {
            allowed.retain(|it| !named.contains(it));
        } else {
            allowed.extend(named);
        }
    }
    allowed
}

#[test]
fn the_server_gets_by_with_the_system_calls_that_the_unit_allows() {
    let server = Path::new(XTASK).with_file_name("anteroom");
    let is_there = |program: &str, flag: &str| told(program, &[flag]).is_some();
    if !server.exists() || !is_there("strace", "-V") || !is_there("systemd-analyze", "--version") {
        not_run("the server, strace or systemd-analyze is not there");
        return;
    }
    let allowed = allowed(include_str!("../../packaging/systemd/anteroom.service"));
    let place = Place::new("calls");
    let trace = place.0.join("trace");
    let mut traced = as_a_service(&server, &place.0);
    traced.args(["strace", "-f", "-qq", "-o"]).arg(&trace).arg("./anteroom");
    traced.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut traced = traced.spawn().unwrap();
    let mut line = String::new();
    let mut said = std::io::BufReader::new(traced.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    let front = line.trim().strip_prefix("listening on http://").expect("it comes up");
    for path in ["/", "/readyz", "/metrics"] {
        let mut stream = std::net::TcpStream::connect(front).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {front}\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    // The tracer passes nothing on: the server itself is told.
    let told_by = std::fs::read_to_string(&trace).unwrap();
    let first = told_by.split_whitespace().next().unwrap();
    text(&told("kill", &["-TERM", first]).unwrap());
    assert!(traced.wait().unwrap().success());

    let whole = std::fs::read_to_string(&trace).unwrap();
    let mut made = BTreeSet::new();
    for line in whole.lines().filter_map(|it| it.split_once(' ')) {
        let call = line.1.trim_start();
        let name: String =
            call.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect();
        // MemoryDenyWriteExecute: no memory that is or becomes executable may be writable.
        let is_code = call.contains("PROT_EXEC");
        let is_refused = is_code && (name == "mprotect" || call.contains("PROT_WRITE"));
        assert!(!is_refused, "{call}");
        if call[name.len()..].starts_with('(') {
            made.insert(name);
        }
    }
    assert!(made.len() > 20, "{made:?}");
    let refused: Vec<_> = made.difference(&allowed).collect();
    assert!(refused.is_empty(), "{refused:?}");
}
