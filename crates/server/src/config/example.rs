//! `anteroom config example`: every setting with what it means and its default, as a file to begin with.

use std::fmt::Write as _;

use super::section::Described;
use super::{
    Admin, Admission, Auth, Cluster, Config, Heartbeat, Limits, Log, Messages, Rabbitmq, Redis,
    Server, Sessions, StorageSettings, Tls, Traces, is_reloaded,
};

const HEAD: &str = "\
# Settings of Anteroom. Whatever is commented out has the value shown, which is the default.
# The environment stands above this file (`ANTEROOM_` and the path in capitals, `__` between the levels:
# ANTEROOM_ADMISSION__GRACE=5s), and flags above both. With `_FILE` behind a name of the environment the
# value is read from a file. Lengths of time: 300ms, 120s, 10m, 1h, 7d. Sizes: 64KiB, 1MiB.
# `reload` marks what a running server takes over at `anteroom reload` or SIGHUP.
";

/// A configuration file with every key, its explanation and its default, all commented out.
#[must_use]
pub fn example() -> String {
    let defaults = toml::Table::try_from(Config::default()).unwrap_or_default();
    let mut text = HEAD.to_owned();
    for (section, about) in Config::described() {
        let _ = write!(text, "\n# {}\n[{section}]\n", one_line(&about));
        for (key, about) in keys(section) {
            let value = defaults.get(section).and_then(|it| it.get(key));
            let mark = if is_reloaded(&format!("{section}.{key}")) { " (reload)" } else { "" };
            let _ = writeln!(text, "\n# {}{mark}", wrapped(&one_line(&about)));
            let _ =
                writeln!(text, "# {key} = {}", value.map(ToString::to_string).unwrap_or_default());
        }
    }
    text
}

/// The keys of a section with what explains them; none for an unknown one.
fn keys(section: &str) -> Vec<(&'static str, String)> {
    match section {
        "server" => Server::described(),
        "tls" => Tls::described(),
        "storage" => StorageSettings::described(),
        "admission" => Admission::described(),
        "sessions" => Sessions::described(),
        "cluster" => Cluster::described(),
        "redis" => Redis::described(),
        "rabbitmq" => Rabbitmq::described(),
        "auth" => Auth::described(),
        "admin" => Admin::described(),
        "messages" => Messages::described(),
        "heartbeat" => Heartbeat::described(),
        "limits" => Limits::described(),
        "log" => Log::described(),
        "traces" => Traces::described(),
        _ => Vec::new(),
    }
}

fn one_line(about: &str) -> String {
    about.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words over several comment lines where one would be too long.
fn wrapped(words: &str) -> String {
    const COLUMNS: usize = 100;
    let (mut text, mut column) = (String::new(), 0);
    for word in words.split(' ') {
        if column > 0 && column + word.len() > COLUMNS {
            text.push_str("\n# ");
            column = 0;
        } else if column > 0 {
            text.push(' ');
        }
        text.push_str(word);
        column += word.len() + 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, load};

    /// The example with its settings no longer commented out.
    fn in_force() -> String {
        let is_setting = |line: &str| {
            let name = line.split(" = ").next().unwrap_or_default();
            line.contains(" = ")
                && name.chars().all(|c| c.is_ascii_lowercase() || "_0123456789".contains(c))
        };
        let lines = example();
        let lines = lines.lines().map(|line| match line.strip_prefix("# ") {
            Some(setting) if is_setting(setting) => setting,
            _ => line,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn it_names_every_setting_with_its_default_and_its_meaning() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("anteroom.toml");
        std::fs::write(&file, in_force()).unwrap();
        let read: toml::Table = in_force().parse().unwrap();
        assert_eq!(read, toml::Table::try_from(Config::default()).unwrap());
        let config = load(&Overrides { file: Some(file), ..Overrides::default() }).unwrap();
        assert_eq!(config, Config::default());
        for (section, _) in Config::described() {
            for (key, about) in keys(section) {
                assert!(about.trim().len() > 5, "{section}.{key} has no explanation");
            }
        }
    }

    #[test]
    fn a_commented_out_example_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("anteroom.toml");
        std::fs::write(&file, example()).unwrap();
        let config = load(&Overrides { file: Some(file), ..Overrides::default() }).unwrap();
        assert_eq!(config, Config::default());
        let text = example();
        let mut words = text.lines().filter(|line| !line.contains(" = "));
        assert!(words.all(|line| line.chars().count() <= 130), "lines stay readable");
    }
}
