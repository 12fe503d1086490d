//! The alerts as Prometheus itself reads them. Which metrics they may speak of is in the server's tests.

mod common;

use std::path::Path;
use std::process::Command;

#[test]
fn prometheus_takes_the_alerts_and_tells_what_they_are_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let promtool = || Command::new("promtool");
    if promtool().arg("--version").output().is_err() {
        common::not_run("promtool is not there (Debian: prometheus)");
        return;
    }
    for (what, file) in [
        (["check", "rules"], "docs/grafana/alerts.yaml"),
        (["test", "rules"], "tests/packaging/alerts.test.yaml"),
    ] {
        let out = promtool().args(what).arg(root.join(file)).output().unwrap();
        let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
        assert!(out.status.success(), "{said}");
    }
}
