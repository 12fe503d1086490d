//! The table of attacks and the tests that it names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The rows of the table: number, and what stands in it.
fn rows() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(repository().join("docs/attacks.md")).unwrap();
    let rows = text.lines().filter_map(|line| {
        let number = line.strip_prefix("| ")?.split(' ').next()?;
        let is_row = number.starts_with('A') && number[1..].parse::<u32>().is_ok();
        is_row.then(|| (number.to_owned(), line.to_owned()))
    });
    rows.collect()
}

/// Every source in which a test may stand.
fn sources(dir: &Path, all: &mut String) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                sources(&path, all);
            }
        } else if path.extension().is_some_and(|it| it == "rs" || it == "mjs") {
            all.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
}

/// Whether a word is the name of a test of some row.
fn is_of_a_row(word: &str) -> bool {
    let mut parts = word.splitn(2, '_');
    let number = parts.next().and_then(|it| it.strip_prefix('a'));
    number.is_some_and(|it| it.len() == 2 && it.parse::<u32>().is_ok()) && parts.next().is_some()
}

#[test]
fn the_table_of_attacks_names_tests_that_exist_and_every_test_stands_in_it() {
    let rows = rows();
    let numbers: Vec<&str> = rows.iter().map(|(number, _)| &**number).collect();
    let due: Vec<String> = (1..=55).map(|n| format!("A{n:02}")).collect();
    assert_eq!(numbers, due, "each row once, in its order");
    let mut all = String::new();
    for dir in ["crates/server/tests/it/attacks", "tests/browser"] {
        sources(&repository().join(dir), &mut all);
    }
    let mut named = BTreeSet::new();
    for (number, row) in &rows {
        let tests: Vec<&str> = words(row).filter(|word| is_of_a_row(word)).collect();
        assert!(!tests.is_empty(), "{number} names no test");
        for test in tests {
            assert!(
                test.starts_with(&number.to_lowercase()),
                "{test} stands in the row of {number}"
            );
            let is_there =
                all.contains(&format!("async fn {test}(")) || all.contains(&format!("'{test}"));
            assert!(is_there, "{test} in docs/attacks.md is no test");
            named.insert(test);
        }
    }
    let tests = all.split("async fn ").skip(1).filter_map(|rest| rest.split('(').next());
    for test in tests.filter(|name| is_of_a_row(name)) {
        assert!(named.contains(test), "{test} does not stand in docs/attacks.md");
    }
}
