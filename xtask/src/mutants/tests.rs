//! The choice of mutants, and that the table of public bugs says what there is.

use std::path::PathBuf;

use super::*;

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn the_parts_are_the_whole_and_share_nothing() {
    let part = |k| Which { shard: Some((k, 3)), ..Which::default() }.mutants();
    let mut all: Vec<Mutant> = (1..=3).flat_map(part).collect();
    all.sort_by_key(|mutant| mutant.name());
    let mut whole = Mutant::ALL.to_vec();
    whole.sort_by_key(|mutant| mutant.name());
    assert_eq!(all, whole);
    assert!(shard("0/3").is_err() && shard("4/3").is_err() && shard("x").is_err());
    assert_eq!(shard("3/3"), Ok((3, 3)));
}

#[test]
fn the_table_of_public_bugs_names_every_mutant_and_no_other() {
    let table = std::fs::read_to_string(repository().join("docs/bugs.md")).unwrap();
    let words = table.split(|c: char| !c.is_alphanumeric());
    let named: std::collections::HashSet<&str> = words
        .filter(|word| {
            let mut chars = word.chars();
            let digits = chars.next() == Some('B') && chars.by_ref().take(2).all(char::is_numeric);
            digits && chars.next().is_some()
        })
        .collect();
    for mutant in Mutant::ALL {
        assert!(named.contains(mutant.name()), "{mutant:?} has no place in docs/bugs.md");
    }
    for name in named {
        assert!(Mutant::named(name).is_some(), "{name} in docs/bugs.md is no mutant");
    }
}

#[test]
fn the_table_of_public_bugs_names_tests_that_exist() {
    let table = std::fs::read_to_string(repository().join("docs/bugs.md")).unwrap();
    let mut sources = String::new();
    for dir in ["crates", "clients/js/test", "tests/browser"] {
        read_below(&repository().join(dir), &mut sources);
    }
    // `bug_b` alone is how to run them all.
    let is_test = |word: &&str| {
        (word.starts_with("bug_") || word.starts_with("behaviour_")) && *word != "bug_b"
    };
    let words = table.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let named: Vec<&str> = words.filter(is_test).collect();
    assert!(named.len() > 40, "{}", named.len());
    for name in named {
        assert!(sources.contains(&format!("fn {name}(")), "{name} in docs/bugs.md is no test");
    }
}

fn read_below(dir: &std::path::Path, all: &mut String) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "node_modules") {
                read_below(&path, all);
            }
        } else if path.extension().is_some_and(|it| it == "rs") {
            all.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
