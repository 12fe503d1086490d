//! What the advisory lists say of what we depend on: RustSec of the crates, npm's of the packages that tests use.
//!
//! Both lists are elsewhere and change without us. Where one cannot be had nothing is known, which is said loudly
//! and counts as not run. What is known offline stands in `deny.toml` and is a test of the server's.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::build::cargo;
use crate::count::{NOT_RUN, Tally};
use crate::javascript::{BROWSER_DIR, SOCKJS_DIR};
use crate::run::{Report, say};

const CRATES: &str = "advisories, crates";
const PACKAGES: &str = "advisories, npm";

/// What a list says.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It was asked, and has nothing on us.
    Clean,
    /// These.
    Found(Vec<String>),
    /// It could not be asked.
    NotRun(String),
}

/// Both lists.
pub(crate) fn reports(root: &Path) -> [Report; 2] {
    [report(CRATES, || of_crates(root)), report(PACKAGES, || of_packages(root))]
}

fn report(name: &'static str, ask: impl FnOnce() -> Verdict) -> Report {
    say(&format!("\n== {name}"));
    let began = Instant::now();
    let (tally, note) = match ask() {
        Verdict::Clean => (Tally::PASSED, None),
        Verdict::Found(found) => {
            found.iter().for_each(|it| say(it));
            (Tally::FAILED, Some(format!("{} advisories", found.len())))
        }
        Verdict::NotRun(why) => {
            say(&format!("{NOT_RUN}{name}: {why}"));
            return Report::not_run(name, why);
        }
    };
    Report { name, tally, took: began.elapsed(), note }
}

fn of_crates(root: &Path) -> Verdict {
    let there = |tool: &str| matches!(asked(cargo(root, &[tool, "--version"])), Ok(out) if out.status.success());
    if there("audit") {
        return match asked(cargo(root, &["audit", "--json"])) {
            Ok(out) => of_cargo_audit(&out.stdout, &out.stderr),
            Err(error) => Verdict::NotRun(error.to_string()),
        };
    }
    if !there("deny") {
        let why = "neither cargo-audit nor cargo-deny is installed (cargo install cargo-audit)";
        return Verdict::NotRun(why.into());
    }
    // Apart from the check, so that a list that cannot be had is not taken for one that has us.
    match asked(cargo(root, &["deny", "fetch", "db"])) {
        Ok(out) if out.status.success() => {}
        Ok(out) => return Verdict::NotRun(last_line(&out.stderr)),
        Err(error) => return Verdict::NotRun(error.to_string()),
    }
    match asked(cargo(root, &["deny", "--offline", "check", "advisories"])) {
        Ok(out) if out.status.success() => Verdict::Clean,
        Ok(out) => Verdict::Found(vec![String::from_utf8_lossy(&out.stderr).into_owned()]),
        Err(error) => Verdict::NotRun(error.to_string()),
    }
}

/// `cargo audit` says as much by its status when the list cannot be had as when it has us on it; only its answer
/// tells the two apart.
fn of_cargo_audit(answer: &[u8], said: &[u8]) -> Verdict {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
        return Verdict::NotRun(last_line(said));
    };
    let Some(list) = answer["vulnerabilities"]["list"].as_array() else {
        return Verdict::NotRun("cargo audit answered something else".into());
    };
    let found = list.iter().map(|it| {
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        let (package, advisory) = (&it["package"], &it["advisory"]);
        let (name, version) = (text(&package["name"]), text(&package["version"]));
        format!("{name} {version}: {} {}", text(&advisory["id"]), text(&advisory["title"]))
    });
    verdict(found.collect())
}

fn of_packages(root: &Path) -> Verdict {
    let mut found = Vec::new();
    for dir in [BROWSER_DIR, SOCKJS_DIR] {
        let mut npm = Command::new("npm");
        npm.current_dir(root.join(dir)).args(["audit", "--package-lock-only", "--json"]);
        match asked(npm).map(|out| of_npm(&out.stdout)) {
            Ok(Verdict::Clean) => {}
            Ok(Verdict::Found(more)) => found.extend(more.iter().map(|it| format!("{dir}: {it}"))),
            Ok(not_run) => return not_run,
            Err(error) => return Verdict::NotRun(format!("npm: {error}")),
        }
    }
    verdict(found)
}

fn of_npm(answer: &[u8]) -> Verdict {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    match answer["vulnerabilities"].as_object() {
        Some(listed) => verdict(
            listed
                .iter()
                .map(|(name, it)| format!("{name}: {}", it["severity"].as_str().unwrap_or("?")))
                .collect(),
        ),
        None => {
            let told = answer["message"].as_str().or_else(|| answer["error"]["summary"].as_str());
            Verdict::NotRun(format!("npm audit: {}", told.unwrap_or("no answer")))
        }
    }
}

fn verdict(found: Vec<String>) -> Verdict {
    if found.is_empty() { Verdict::Clean } else { Verdict::Found(found) }
}

fn asked(mut command: Command) -> std::io::Result<Output> {
    command.stdin(Stdio::null()).output()
}

fn last_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.next_back().unwrap_or("no answer").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advisory_on_us_fails_and_a_list_without_one_passes() {
        let clean = br#"{"database":{},"vulnerabilities":{"found":false,"count":0,"list":[]}}"#;
        assert_eq!(of_cargo_audit(clean, b""), Verdict::Clean);
        let found =
            br#"{"vulnerabilities":{"list":[{"advisory":{"id":"RUSTSEC-2025-0023","title":"x"},
            "package":{"name":"tokio","version":"1.0.0"}}]}}"#;
        let told = vec!["tokio 1.0.0: RUSTSEC-2025-0023 x".to_owned()];
        assert_eq!(of_cargo_audit(found, b""), Verdict::Found(told));
        assert_eq!(of_npm(br#"{"auditReportVersion":2,"vulnerabilities":{}}"#), Verdict::Clean);
        let found = br#"{"vulnerabilities":{"ws":{"name":"ws","severity":"high"}}}"#;
        assert_eq!(of_npm(found), Verdict::Found(vec!["ws: high".into()]));
    }

    #[test]
    fn a_list_that_cannot_be_had_never_passes() {
        let said = b"    Fetching advisory database\nerror: couldn't fetch it\n\n";
        let not_run = Verdict::NotRun("error: couldn't fetch it".into());
        assert_eq!(of_cargo_audit(b"", said), not_run);
        assert!(matches!(of_cargo_audit(b"{}", b""), Verdict::NotRun(_)));
        for answer in [
            &b""[..],
            b"{}",
            br#"{"message":"405 Method Not Allowed","method":"POST"}"#,
            br#"{"error":{"code":"ENOAUDIT","summary":"endpoint returned an error"}}"#,
        ] {
            assert!(matches!(of_npm(answer), Verdict::NotRun(_)), "{answer:?}");
        }
        let counted = report("x", || Verdict::NotRun("away".into()));
        assert_eq!(counted.tally, Tally::SKIPPED);
        assert_eq!(report("x", || Verdict::Found(vec!["y".into()])).tally, Tally::FAILED);
    }
}
