//! Versions of dependencies below which a weakness is known: what `deny.toml` forbids is not in `Cargo.lock`. Asked
//! without a network; the advisory lists themselves are asked by `cargo deny check advisories`.

use std::path::Path;

use toml::Table;

fn read(name: &str) -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

/// The numbers of a version; what stands behind a hyphen or a plus does not matter here.
fn version(text: &str) -> Vec<u64> {
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    numbers.split('.').map(|it| it.parse().expect("a number")).collect()
}

/// Whether a version is below another that may be shorter: 10.2 is below 10.3.0.
fn is_below(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (version(one), version(other));
    one.resize(3, 0);
    other.resize(3, 0);
    one < other
}

/// What is forbidden and locked all the same.
fn found(deny: &Table, lock: &Table) -> Vec<String> {
    let rules = deny["bans"]["deny"].as_array().unwrap();
    let mut found = Vec::new();
    for package in lock["package"].as_array().unwrap() {
        let (name, locked) =
            (package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
        for rule in rules {
            let is_meant = match rule["crate"].as_str().unwrap().split_once("@<") {
                Some((rule, floor)) => rule == name && is_below(locked, floor),
                None => rule["crate"].as_str() == Some(name),
            };
            if is_meant {
                found.push(format!("{name} {locked}: {}", rule["reason"].as_str().unwrap()));
            }
        }
    }
    found
}

#[test]
fn no_dependency_has_a_version_that_is_known_to_be_weak() {
    let deny = read("deny.toml");
    assert_eq!(found(&deny, &read("Cargo.lock")), Vec::<String>::new());
    assert!(deny["bans"]["deny"].as_array().unwrap().len() > 10);
}

#[test]
fn asvs_15_1_2_every_crate_is_of_the_one_registry_and_pinned_by_its_digest() {
    const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
    let lock = read("Cargo.lock");
    let packages = lock["package"].as_array().unwrap();
    let (ours, others): (Vec<_>, Vec<_>) =
        packages.iter().partition(|package| package.get("source").is_none());
    for package in &others {
        assert_eq!(package["source"].as_str(), Some(REGISTRY), "{package}");
        assert_eq!(package["checksum"].as_str().map(str::len), Some(64), "{package}");
    }
    assert!(others.len() > 100, "{}", others.len());
    for package in ours {
        let name = package["name"].as_str().unwrap();
        assert!(name == "xtask" || name.starts_with("anteroom"), "{name} comes from nowhere");
    }
}

#[test]
fn a_weak_version_would_be_found() {
    let deny = read("deny.toml");
    let lock = |name: &str, version: &str| -> Table {
        format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n").parse().unwrap()
    };
    for (name, weak, good) in [
        ("jsonwebtoken", "10.2.9", "10.3.0"),
        ("time", "0.3.46", "0.3.100"),
        ("h2", "0.3.99", "1.0.0"),
    ] {
        assert_eq!(found(&deny, &lock(name, weak)).len(), 1, "{name}");
        assert_eq!(found(&deny, &lock(name, good)).len(), 0, "{name}");
    }
    assert_eq!(found(&deny, &lock("rsa", "0.9.8")).len(), 1, "whatever its version");
}
