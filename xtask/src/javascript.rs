//! The tests that Node runs: the client, the published SockJS client, the pages in a browser.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::Options;
use crate::build::{build_server, target};
use crate::count;
use crate::run::{Counting, Report, processors, step, summary};

/// Where the browser tests live.
pub(crate) const BROWSER_DIR: &str = "tests/browser";
/// Where the tests with the published SockJS client live.
pub(crate) const SOCKJS_DIR: &str = "tests/sockjs";
/// Where the browser client lives.
const CLIENT_DIR: &str = "clients/js";
/// The oldest Node that the client is for (`engines` of its package).
pub(crate) const CLIENT_NEEDS: u32 = 20;

/// Which Node is there.
fn major() -> Option<u32> {
    let out = Command::new("node").arg("--version").output().ok()?;
    major_of(&String::from_utf8_lossy(&out.stdout))
}

/// Of what `node --version` prints.
pub(crate) fn major_of(printed: &str) -> Option<u32> {
    printed.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// The client without a browser.
///
/// # Errors
/// The tests cannot be found.
pub(crate) fn client_tests(root: &Path, options: &Options) -> anyhow::Result<Report> {
    const NAME: &str = "browser client";
    let files = test_files(&root.join(CLIENT_DIR))?;
    if files.is_empty() {
        return Ok(Report::not_run(NAME, format!("{CLIENT_DIR} has no *.test.js or *.test.mjs")));
    }
    Ok(step(NAME, node_test(root, &files, options), summary(count::node, options)))
}

/// The SockJS client as it is published, against a real server.
///
/// # Errors
/// The tests cannot be found.
pub(crate) fn sockjs_tests(root: &Path, options: &Options) -> anyhow::Result<Report> {
    const NAME: &str = "sockjs client";
    if !root.join(SOCKJS_DIR).join("node_modules/sockjs-client").is_dir() {
        return Ok(Report::not_run(NAME, format!("by hand: npm ci in {SOCKJS_DIR}")));
    }
    let files = test_files(&root.join(SOCKJS_DIR))?;
    let built = step("build for sockjs", build_server(root), Counting::Whole);
    if built.tally.failed > 0 {
        return Ok(Report::broken(NAME, "the server does not build"));
    }
    let mut command = node_test(root, &files, options);
    command.env("ANTEROOM_BIN", target(root).join("debug/anteroom"));
    Ok(step(NAME, command, summary(count::node, options)))
}

/// The pages in a real browser: on one server, and on so many nodes.
///
/// # Errors
/// The tests cannot be found.
pub(crate) fn browser_tests(
    root: &Path,
    options: &Options,
    nodes: &str,
) -> anyhow::Result<Vec<Report>> {
    const NAME: &str = "browser";
    const ON_NODES: &str = "browser, 3 nodes";
    if !options.has_browser() {
        return Ok(vec![Report::not_run(NAME, "left out as asked")]);
    }
    let files = test_files(&root.join(BROWSER_DIR))?;
    let built = step("build for the browser", build_server(root), Counting::Whole);
    if built.tally.failed > 0 {
        return Ok(vec![Report::broken(NAME, "the server does not build")]);
    }
    let target = target(root);
    let on = |nodes: &str, pictures: &str| {
        let mut command = node_test(root, &files, options);
        command.env("NODES", nodes).env("ANTEROOM_XTASK", target.join("debug/xtask"));
        command.env("ANTEROOM_BIN", target.join("debug/anteroom"));
        command.env("ANTEROOM_SCREENSHOTS", root.join(pictures));
        command
    };
    let count = summary(count::node, options);
    Ok(vec![
        step(NAME, on("1", "out/screenshots"), count),
        step(ON_NODES, on(nodes, "out/screenshots-nodes"), count),
    ])
}

fn node_test(root: &Path, files: &[PathBuf], options: &Options) -> Command {
    let mut command = Command::new("node");
    command.current_dir(root).args(["--test", "--test-reporter=spec"]);
    command.arg(format!("--test-concurrency={}", processors()));
    // What Debian 12 brings. The client is for newer ones, and of all that it needs this alone is missing.
    command.args((major() < Some(CLIENT_NEEDS)).then_some("--experimental-global-webcrypto"));
    if let Some(filter) = &options.filter {
        command.arg(format!("--test-name-pattern={filter}"));
    }
    command.args(files);
    command
}

/// The test files below `dir`, sorted. Named one by one, because what `node --test` makes of a
/// directory differs between its versions.
fn test_files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if !dir.is_dir() {
        return Ok(found);
    }
    let entries = std::fs::read_dir(dir).with_context(|| dir.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "node_modules" {
            found.extend(test_files(&path)?);
        } else if name.ends_with(".test.js") || name.ends_with(".test.mjs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_as_node_prints_it() {
        assert_eq!(major_of("v18.20.4\n"), Some(18));
        assert_eq!(major_of("bash: node: not found"), None);
    }

    #[test]
    fn the_package_says_which_node_it_needs() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/js/package.json");
        let package = std::fs::read_to_string(package).unwrap();
        assert!(package.contains(&format!("\"node\": \">={CLIENT_NEEDS}\"")), "{package}");
    }
}
