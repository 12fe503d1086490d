//! Which steps there are, in which order, and the summary at the end.

use std::path::Path;
use std::process::Command;

use crate::Options;
use crate::advisories;
use crate::build::{Profile, build_server, cargo, target};
use crate::count::{self, Tally};
use crate::fuzz;
use crate::install;
use crate::javascript;
use crate::python::has_python;
use crate::run::{Counting, Report, processors, say, step, summary};

/// The tests of real servers that hold with any seat strategy: those in which people come and go.
const ENTRY_TESTS: &[&str] = &[
    "scn_entry",
    "races",
    "refresh",
    "entering",
    "countdown",
    "leaving",
    "last_words",
    "waitlist",
    "waitlist_ends",
    "line_order",
    "windows",
    "guards",
    "party",
    "policies",
    "durability",
];
/// The same, and what people do in rooms, where the server is several nodes over PostgreSQL and Redis.
const NODE_TESTS: &[&str] = &[
    "accounts",
    "tokens",
    "rooms",
    "room_settings",
    "staff_seats",
    "chat",
    "history",
    "changes",
    "passing",
    "direct",
];
/// How many.
const NODES: &str = "3";
/// What else people do in rooms, over whatever carries their sessions.
const TRANSPORT_TESTS: &[&str] = &["bad_frames"];
/// What carries sessions where it is no plain WebSocket: its name, and whether all of these tests are
/// for it, or only those of entry.
const TRANSPORTS: &[(&str, &str, bool)] = &[
    ("xhr-streaming", "xhr-streaming", true),
    ("xhr-polling", "xhr-polling", true),
    ("eventsource", "eventsource", false),
    ("sockjs websocket", "sockjs-websocket", false),
];
/// So many tests at once for each processor: half of the time they wait, for a store, a deadline or one another.
const TESTS_AT_ONCE: usize = 2;
/// The same where they mostly wait for a deadline of a client that is away.
const WAITING_TESTS: usize = 3;
/// The tests of entry in which something has to end by its deadline.
const DEADLINE_TESTS: &[&str] =
    &["scn_entry", "refresh", "leaving", "waitlist", "waitlist_ends", "line_order", "windows"];
/// The tests of several nodes that hold with any bus.
const BUS_TESTS: &[&str] = &["nodes", "nodes_apart", "nodes_gaps", "nodes_storm", "nodes_spans"];
/// Where the tests of the chart live, and what they use.
pub(crate) const CHART_DIR: &str = "tests/packaging";

/// Runs every step, prints the summary, and returns how many outcomes failed.
pub(crate) fn run_all(root: &Path, options: &Options, with_deny: bool) -> anyhow::Result<u32> {
    let mut reports = Vec::new();
    if options.installs() {
        reports.push(install::run(root, options));
    }
    if options.filter.is_none() {
        reports.push(step("format", cargo(root, &["fmt", "--all", "--check"]), Counting::Whole));
        let fuzz = ["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"];
        reports.push(step("format of fuzz", cargo(root, &fuzz), Counting::Whole));
        reports.push(step("lints", clippy(root), Counting::Whole));
        reports.push(step("lints of the echo", clippy_of_echo(root), Counting::Whole));
    }
    reports.push(step("cargo test", cargo_test(root, options), summary(count::cargo, options)));
    reports.push(step("schedules", schedules(root, options), summary(count::cargo, options)));
    // The default strategy had them with all the others.
    reports.push(entry_tests(root, "entry, conditional", "conditional", options));
    reports.push(entry_tests(root, "entry, redis", "redis", options));
    reports.push(deadline_tests(root, options));
    reports.push(node_tests(root, options));
    reports.push(bus_tests(root, options));
    for (name, transport, is_all) in TRANSPORTS {
        reports.push(transport_tests(root, (name, transport, *is_all), options));
    }
    reports.push(fuzz::report(root, options));
    reports.push(experiment(root, options));
    reports.push(contract(root, options));
    reports.push(javascript::client_tests(root, options)?);
    reports.push(javascript::sockjs_tests(root, options)?);
    reports.push(chart_tests(root, options));
    reports.push(image(root, options));
    reports.extend(javascript::browser_tests(root, options, NODES)?);
    if options.filter.is_none() && !options.quick {
        reports.extend(advisories::reports(root));
    }
    if with_deny {
        reports.push(deny(root));
    }
    Ok(summarise(&reports, options))
}

fn clippy(root: &Path) -> Command {
    cargo(root, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

/// What the conformance suite speaks to is in no build of the workspace.
fn clippy_of_echo(root: &Path) -> Command {
    let echo = ["clippy", "-p", "anteroom", "--bin", "anteroom-echo", "--features", "echo"];
    let mut command = cargo(root, &echo);
    command.args(["--", "-D", "warnings"]);
    command
}

fn cargo_test(root: &Path, options: &Options) -> Command {
    let mut command = cargo(root, &["test", "--workspace", "--no-fail-fast"]);
    at_once(&mut command, TESTS_AT_ONCE);
    if let Some(filter) = &options.filter {
        command.args(["--", filter]);
    }
    command
}

/// What is shared between threads, under many orders of its locks: a build of its own.
fn schedules(root: &Path, options: &Options) -> Command {
    let mut command = cargo(root, &["test", "-p", "anteroom", "--features", "schedules", "--lib"]);
    command.args(["--", options.filter.as_deref().unwrap_or("::schedules::")]);
    command
}

/// People coming and going on real servers that decide in another way.
fn entry_tests(root: &Path, name: &'static str, strategy: &str, options: &Options) -> Report {
    if options.filter.is_some() {
        return Report::not_run(name, format!("by hand: SEAT_STRATEGY={strategy} cargo test …"));
    }
    let mut command = server_tests(root, ENTRY_TESTS);
    command.env("SEAT_STRATEGY", strategy);
    step(name, command, summary(count::cargo, options))
}

/// People whose deadlines wait elsewhere.
fn deadline_tests(root: &Path, options: &Options) -> Report {
    const NAME: &str = "deadlines, rabbitmq";
    if options.filter.is_some() {
        return Report::not_run(NAME, "by hand: SEAT_DEADLINES=rabbitmq cargo test …");
    }
    let mut command = server_tests(root, DEADLINE_TESTS);
    command.env("SEAT_DEADLINES", "rabbitmq");
    step(NAME, command, summary(count::cargo, options))
}

/// The same people on three nodes, each of whose connections goes to another.
fn node_tests(root: &Path, options: &Options) -> Report {
    const NAME: &str = "three nodes";
    if options.filter.is_some() {
        return Report::not_run(NAME, format!("by hand: NODES={NODES} cargo test …"));
    }
    let mut command = server_tests(root, &[ENTRY_TESTS, NODE_TESTS].concat());
    command.env("NODES", NODES);
    step(NAME, command, summary(count::cargo, options))
}

/// The same people without a WebSocket, or with frames in its frames.
fn transport_tests(
    root: &Path,
    (name, transport, is_all): (&'static str, &str, bool),
    options: &Options,
) -> Report {
    if options.filter.is_some() {
        return Report::not_run(name, format!("by hand: TRANSPORT={transport} cargo test …"));
    }
    let in_rooms = if is_all { [NODE_TESTS, TRANSPORT_TESTS].concat() } else { Vec::new() };
    let mut command = server_tests(root, &[ENTRY_TESTS, &in_rooms].concat());
    at_once(&mut command, WAITING_TESTS);
    command.env("TRANSPORT", transport);
    step(name, command, summary(count::cargo, options))
}

/// Some modules of the tests of real servers.
fn server_tests(root: &Path, modules: &[&str]) -> Command {
    // As a part of the workspace: the very build that the tests made.
    let mut command = cargo(root, &["test", "--workspace", "--test", "it", "--no-fail-fast", "--"]);
    command.args(modules.iter().map(|it| format!("{it}::")));
    at_once(&mut command, TESTS_AT_ONCE);
    command
}

/// So many tests at once for each processor, where whoever runs them does not say how many.
fn at_once(command: &mut Command, each: usize) {
    const THREADS: &str = "RUST_TEST_THREADS";
    if std::env::var_os(THREADS).is_none() {
        command.env(THREADS, (processors() * each).to_string());
    }
}

/// Several nodes that meet elsewhere: the default bus had them with all the others.
fn bus_tests(root: &Path, options: &Options) -> Report {
    const NAME: &str = "nodes, rabbitmq";
    if options.filter.is_some() {
        return Report::not_run(NAME, "by hand: NODES_BUS=rabbitmq cargo test …");
    }
    let mut command = server_tests(root, BUS_TESTS);
    command.env("NODES_BUS", "rabbitmq");
    step(NAME, command, summary(count::cargo, options))
}

/// The experiment in small: the baseline without a lock is caught, and nobody else.
fn experiment(root: &Path, options: &Options) -> Report {
    const NAME: &str = "experiment";
    if options.filter.is_some() {
        return Report::not_run(NAME, "by hand: cargo xtask experiment --quick");
    }
    let mut command = cargo(root, &["run", "--quiet", "--package", "xtask", "--", "experiment"]);
    command.args(["--check", "--out", "out/experiment-check"]);
    step(NAME, command, Counting::Whole)
}

/// The server against its own document.
fn contract(root: &Path, options: &Options) -> Report {
    const NAME: &str = "contract";
    if options.filter.is_some() {
        return Report::not_run(NAME, "by hand: cargo xtask contract");
    }
    if !has_python() {
        return Report::not_run(NAME, "python3-venv is not installed");
    }
    let command = cargo(root, &["run", "--quiet", "--package", "xtask", "--", "contract"]);
    step(NAME, command, summary(count::schemathesis, options))
}

/// The chart, by Helm's own engine, held against Kubernetes' schemas and against the program.
fn chart_tests(root: &Path, options: &Options) -> Report {
    const NAME: &str = "chart";
    let dir = root.join(CHART_DIR);
    let python = dir.join(".venv/bin/python");
    if options.filter.is_some() || !python.exists() {
        return Report::not_run(NAME, format!("by hand: {CHART_DIR}/chart.py says how"));
    }
    let built = step("build for the chart", build_server(root), Counting::Whole);
    if built.tally.failed > 0 {
        return Report::broken(NAME, "the server does not build");
    }
    let mut command = Command::new(python);
    command.arg(dir.join("chart.py")).env("ANTEROOM_BIN", target(root).join("debug/anteroom"));
    step(NAME, command, summary(count::node, options))
}

/// The image of a program that is built already, where there is a container engine.
fn image(root: &Path, options: &Options) -> Report {
    const NAME: &str = "image";
    if options.filter.is_some() || !options.installs() {
        return Report::not_run(NAME, "by hand: packaging/try-image.sh");
    }
    let mut command = Command::new("packaging/try-image.sh");
    command.current_dir(root).arg(Profile::Debug.dir(root));
    step(NAME, command, Counting::Whole)
}

fn deny(root: &Path) -> Report {
    const NAME: &str = "dependency rules";
    let there = cargo(root, &["deny", "--version"]).output().is_ok_and(|out| out.status.success());
    if !there {
        return Report::not_run(NAME, "cargo-deny is not installed (cargo install cargo-deny)");
    }
    step(NAME, cargo(root, &["deny", "check", "bans", "licenses", "sources"]), Counting::Whole)
}

fn summarise(reports: &[Report], options: &Options) -> u32 {
    say("\n== summary");
    let mut sum = Tally::default();
    for report in reports {
        let seconds = report.took.as_secs_f64();
        let note = report.note.as_deref().unwrap_or_default();
        let line = format!("{:<18} {seconds:>7.1} s  {}  {note}", report.name, report.tally);
        say(line.trim_end());
        sum += report.tally;
    }
    if options.filter.is_some() && sum.passed + sum.failed == 0 {
        say("no test has that in its name");
        sum += Tally::FAILED;
    }
    say(&sum.to_string());
    sum.failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_that_is_named_is_a_module_of_tests() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/server/tests/it");
        let all = [ENTRY_TESTS, DEADLINE_TESTS, NODE_TESTS, BUS_TESTS, TRANSPORT_TESTS];
        for name in all.concat() {
            let text = std::fs::read_to_string(dir.join(format!("{name}.rs"))).unwrap();
            assert!(text.contains("::test]") || text.contains("::test("), "{name}");
        }
    }

    /// The runner looks for the name anywhere: `traces::` has `races::` in it.
    #[test]
    fn no_module_of_tests_is_taken_for_another_that_is_named() {
        let main = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/server/tests/it/main.rs");
        let main = std::fs::read_to_string(main).unwrap();
        let modules = main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
        let named = [ENTRY_TESTS, DEADLINE_TESTS, NODE_TESTS, BUS_TESTS, TRANSPORT_TESTS].concat();
        for module in modules {
            let others = named.iter().filter(|name| **name != module);
            let taken: Vec<_> = others.filter(|name| module.ends_with(**name)).collect();
            assert!(taken.is_empty(), "{module} is run with {taken:?}");
        }
    }

    #[test]
    fn a_filter_that_matches_nothing_fails() {
        let options = Options { filter: Some("nonsense".into()), ..Options::default() };
        let reports = [Report::not_run("browser", "left out as asked")];
        assert_eq!(summarise(&reports, &options), 1);
        assert_eq!(summarise(&reports, &Options::default()), 0);
    }
}
