//! compose.yaml is not run here; that the program takes the settings in it is seen with the program.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

/// A file of the repository's root.
fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The values that `.env.example` proposes.
fn proposed() -> BTreeMap<String, String> {
    let text = file(".env.example");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|it| it.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
}

/// `${NAME:?why}` becomes the value of that name.
fn filled_in(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut parts = text.split("${");
    let mut whole = parts.next().unwrap().to_owned();
    for part in parts {
        let (asked, rest) = part.split_once('}').expect("it is closed");
        let name = asked.split(":?").next().unwrap();
        whole.push_str(values.get(name).unwrap_or_else(|| panic!("{name} is not proposed")));
        whole.push_str(rest);
    }
    whole
}

/// The settings of the nodes, in the order of the file.
fn settings() -> Vec<(String, String)> {
    let (compose, values) = (file("compose.yaml"), proposed());
    let mut found = Vec::new();
    for line in compose.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let Some(at) = line.find("ANTEROOM_").filter(|at| !line[..*at].contains("${")) else {
            continue;
        };
        let (name, value) = line[at..].split_once(": ").expect("a name and a value");
        let value = value.trim_end_matches([' ', '}']).trim_matches('"');
        found.push((name.to_owned(), filled_in(value, &values)));
    }
    found
}

fn check(settings: &[(String, String)]) -> Output {
    let empty = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_anteroom"));
    program.args(["config", "check"]).current_dir(empty.path());
    program.env_clear().envs(settings.iter().cloned()).output().unwrap()
}

#[test]
fn every_node_of_the_composition_has_settings_that_the_program_takes() {
    let settings = settings();
    let (numbers, common): (Vec<_>, Vec<_>) =
        settings.into_iter().partition(|(name, _)| name == "ANTEROOM_CLUSTER__NODE");
    let said: Vec<_> = numbers.iter().map(|(_, number)| number.as_str()).collect();
    assert_eq!(said, ["1", "2", "3"]);
    assert!(common.len() > 5, "{common:?}");
    for number in numbers {
        let mut node = common.clone();
        node.push(number);
        let checked = check(&node);
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
    // What `.env.example` proposes is no secret: beyond loopback it has to be replaced.
    let mut outside = common.clone();
    outside.extend([
        ("ANTEROOM_CLUSTER__NODE".to_owned(), "1".to_owned()),
        ("ANTEROOM_SERVER__LISTEN".to_owned(), "0.0.0.0:8080".to_owned()),
    ]);
    let refused = check(&outside);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("openssl rand"), "{refused:?}");
    let replaced = outside.into_iter().map(|(name, value)| {
        (name, value.replace("change-me", "8f0c1d2e7b6a59483f2e1d0c9b8a7061"))
    });
    let taken = check(&replaced.collect::<Vec<_>>());
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    // Without a number it is refused: so these are settings of a cluster, and they were read.
    let refused = check(&common);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cluster.node"));
}

/// One service of `compose.single.yaml`, with the values that are in force where nobody says others.
#[test]
fn the_single_node_of_the_other_composition_has_settings_that_the_program_takes() {
    let compose = file("compose.single.yaml");
    let lines = compose.lines().map(str::trim).filter(|line| line.starts_with("ANTEROOM_"));
    let settings: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").expect("a name and a value");
            let value = value.trim_matches('"');
            let value = match value.strip_prefix("${") {
                Some(asked) => asked.trim_end_matches('}').split_once(":-").expect("a default").1,
                None => value,
            };
            (name.to_owned(), value.to_owned())
        })
        .collect();
    assert!(settings.len() >= 3, "{settings:?}");
    let checked = check(&settings);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    // What is in the volume is what the image's program writes to.
    let image = file("Dockerfile");
    assert!(image.contains("ANTEROOM_SERVER__DATA_DIR=/var/lib/anteroom"));
    assert!(compose.contains("volumes: [\"data:/var/lib/anteroom\"]"));
}

/// Both images run the program in the same way.
#[test]
fn the_image_of_a_finished_program_differs_from_the_other_only_in_where_it_comes_from() {
    let run = |name: &str| {
        let text = file(name);
        let (_, after) = text.rsplit_once("USER anteroom").expect("nobody runs as root");
        after.to_owned()
    };
    assert_eq!(run("Dockerfile"), run("packaging/Dockerfile.binary"));
}
