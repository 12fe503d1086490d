//! The arrows of the house: which crate and which module may know which other. What is deliberately
//! absent is written down here, because code cannot show it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The names of what a crate depends on to run (not to be built or tested).
fn dependencies(name: &str) -> BTreeSet<String> {
    let path = crates().join(name).join("Cargo.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let listed = manifest.get("dependencies").and_then(|it| it.as_table());
    listed.map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

/// The Rust files at a path of the server's source: a module's file, its directory, or both.
fn module(name: &str) -> Vec<PathBuf> {
    let src = crates().join("server/src");
    let mut files = rust_files(&src.join(name));
    files.extend(Some(src.join(format!("{name}.rs"))).filter(|file| file.is_file()));
    files
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
    files
}

/// The file without what is only said about code.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

/// Whether `code` names `path` as a whole, and not as a part of a longer name.
fn names(code: &str, path: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(path).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + path.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[track_caller]
fn must_not_name(files: &[PathBuf], forbidden: &[&str]) {
    for file in files {
        let code = code(file);
        for path in forbidden {
            assert!(!names(&code, path), "{} knows {path}", file.display());
        }
    }
}

#[test]
fn core_depends_on_nothing_of_ours_and_on_no_runtime_or_wire() {
    let known = dependencies("core");
    for name in &known {
        let is_forbidden = name.starts_with("anteroom")
            || name.starts_with("tokio")
            || name.starts_with("serde")
            || ["axum", "hyper", "rusqlite", "tracing", "futures-util", "time"].contains(&&**name);
        assert!(!is_forbidden, "core depends on {name}");
    }
    let files = rust_files(&crates().join("core/src"));
    assert!(files.len() > 5, "the files are found");
    must_not_name(
        &files,
        &["async", "Instant::now", "SystemTime", "std::fs", "std::net", "println"],
    );
}

#[test]
fn the_wire_knows_neither_the_domain_nor_a_server() {
    let known = dependencies("protocol");
    let ours: Vec<_> = known.iter().filter(|name| name.starts_with("anteroom")).collect();
    assert!(ours.is_empty(), "protocol depends on {ours:?}");
    for name in ["tokio", "axum", "hyper", "rusqlite"] {
        assert!(!known.contains(name), "protocol depends on {name}");
    }
    must_not_name(&rust_files(&crates().join("protocol/src")), &["async"]);
}

#[test]
fn clients_know_the_contract_only() {
    for name in ["client", "lab"] {
        let known = dependencies(name);
        for forbidden in ["anteroom", "anteroom-core"] {
            let is_baseline = name == "lab" && forbidden == "anteroom-core";
            assert!(is_baseline || !known.contains(forbidden), "{name} depends on {forbidden}");
        }
    }
    assert!(!dependencies("client").contains("anteroom-lab"));
    assert!(!dependencies("server").contains("anteroom-lab"));
}

#[test]
fn the_terminal_client_is_a_client_like_any_other_and_the_rest_of_the_program_knows_no_client() {
    let src = crates().join("server/src");
    let chat = module("chat");
    assert!(!chat.is_empty(), "the files are found");
    let others = std::fs::read_dir(&src).unwrap().map(|entry| entry.unwrap().path());
    let others = others.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    let others: Vec<String> = others.map(|name| format!("crate::{name}")).collect();
    must_not_name(&chat, &others.iter().map(String::as_str).collect::<Vec<_>>());
    must_not_name(&chat, &["use crate", "anteroom_core", "axum", "hyper", "rusqlite"]);
    let mut files = rust_files(&src);
    // Commands speak to a server as its operator does; `smoke` is two people and a server.
    files.retain(|file| !file.starts_with(src.join("chat")) && !file.starts_with(src.join("cli")));
    must_not_name(&files, &["anteroom_client", "reqwest", "tokio_tungstenite"]);
}

#[test]
fn the_proof_knows_the_domain_only_and_nothing_that_runs_knows_the_proof() {
    let known = dependencies("proof");
    let ours: Vec<_> = known.iter().filter(|name| name.starts_with("anteroom")).collect();
    assert_eq!(ours, ["anteroom-core"], "what the proof depends on of ours");
    for name in ["tokio", "axum", "hyper", "rusqlite"] {
        assert!(!known.contains(name), "the proof depends on {name}");
    }
    for name in ["core", "protocol", "server", "client", "lab"] {
        assert!(!dependencies(name).contains("anteroom-proof"), "{name} depends on the proof");
    }
}

#[test]
fn storage_knows_neither_http_nor_sockets_nor_pages() {
    let files = module("storage");
    assert!(!files.is_empty(), "the files are found");
    must_not_name(
        &files,
        &["axum", "hyper", "askama", "crate::http", "crate::ws", "crate::pages", "crate::sockjs"],
    );
}

#[test]
fn only_storage_and_the_driver_of_the_seat_strategy_know_the_database() {
    let src = crates().join("server/src");
    let drivers = src.join("admission/conditional");
    let allowed = [src.join("storage"), drivers.join("sqlite"), drivers.join("postgres")];
    let mut files = rust_files(&src);
    files.retain(|file| !allowed.iter().any(|it| file.starts_with(it)));
    must_not_name(&files, &["rusqlite", "tokio_postgres", "deadpool_postgres"]);
}

#[test]
fn only_the_line_to_rabbitmq_knows_its_library_and_it_knows_nothing_of_what_is_said() {
    let src = crates().join("server/src");
    let mut files = rust_files(&src);
    files.retain(|file| !file.starts_with(src.join("rabbit")));
    must_not_name(&files, &["lapin"]);
    let files = module("rabbit");
    assert!(!files.is_empty(), "the files are found");
    let others =
        ["admission", "app", "cluster", "entry", "http", "hub", "messages", "storage", "ws"];
    let others = others.map(|name| format!("crate::{name}"));
    must_not_name(&files, &others.each_ref().map(String::as_str));
}

#[test]
fn pages_know_words_and_views_and_nothing_that_acts() {
    must_not_name(
        &module("pages"),
        &["axum", "hyper", "tokio", "crate::http", "crate::ws", "crate::storage", "crate::app"],
    );
}

#[test]
fn the_domain_of_the_server_knows_no_status() {
    for name in ["admission", "messages", "rooms", "accounts", "tokens"] {
        must_not_name(&module(name), &["axum", "hyper", "StatusCode", "crate::http", "crate::ws"]);
    }
}

#[test]
fn names_are_found_whole() {
    assert!(names("use rusqlite::Connection;", "rusqlite"));
    assert!(!names("use my_rusqlite_like;", "rusqlite"));
    assert!(!names("let asynchronous = 1;", "async"));
    assert!(names("pub async fn x() {}", "async"));
}
