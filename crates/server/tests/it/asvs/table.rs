//! The table of requirements, and the tests and documents that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The requirements that bear on a server of this kind, chapter by chapter; those of level 3 have a star.
/// 6.3.3 is a decision that is open.
const BEARING: &str = "1.1.1-2 1.2.1-4 1.3.3 1.3.6 1.4.2-3 1.5.2 1.5.3* \
    2.1.1-3 2.2.1-3 2.3.1-4 2.4.1 \
    3.2.1-2 3.3.1-4 3.4.1-6 3.4.8* 3.5.1-3 3.6.1* \
    4.1.1-3 4.1.4* 4.2.1 4.2.3-5* 4.4.1-4 \
    6.1.1 6.2.1-9 6.2.12 6.3.1-2 6.3.3 6.3.4 6.3.8* \
    7.1.1-2 7.2.1-4 7.3.1-2 7.4.1-5 7.5.2 \
    8.1.1-2 8.2.1-3 8.3.1 8.3.2* \
    9.1.1-3 9.2.1-4 \
    11.2.3 11.2.4* 11.4.1-2 11.5.1 12.1.1 12.2.1 12.3.2 \
    13.1.2-3* 13.2.2-3 13.4.1-5 14.2.1 14.3.1-2 \
    15.1.1-2 15.2.1-3 15.3.1-5 15.4.1-4* \
    16.2.1-2 16.2.5 16.3.1-4 16.4.1 16.5.1-3 16.5.4*";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Each number that a row is due for, as it stands there.
fn due() -> Vec<String> {
    let mut due = Vec::new();
    for range in BEARING.split_whitespace() {
        let (range, star) = match range.strip_suffix('*') {
            Some(range) => (range, "*"),
            None => (range, ""),
        };
        let (section, numbers) = range.rsplit_once('.').unwrap();
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        let (first, last): (u32, u32) = (first.parse().unwrap(), last.parse().unwrap());
        due.extend((first..=last).map(|number| format!("{section}.{number}{star}")));
    }
    due
}

struct Row {
    number: String,
    /// What is so here, and what shows it.
    here: String,
    shown: String,
}

fn rows(text: &str) -> Vec<Row> {
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split(" | ").collect();
        let [number, _, here, shown] = cells[..] else { return None };
        let number = number.strip_prefix("| ")?;
        let is_row = number.trim_end_matches('*').split('.').all(|it| it.parse::<u32>().is_ok());
        let shown = shown.trim_end_matches('|').trim();
        let row = || Row { number: number.into(), here: here.into(), shown: shown.into() };
        is_row.then(row)
    });
    rows.collect()
}

/// Where each test may be found: by the names of its file and the directories above.
fn tests(dir: &Path, found: &mut BTreeMap<String, Vec<PathBuf>>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("node_modules") && !path.ends_with("target") {
                tests(&path, found);
            }
            continue;
        }
        let begins = match path.extension().and_then(|it| it.to_str()) {
            Some("rs") => "fn ",
            Some("mjs") => "it('",
            _ => continue,
        };
        let text = std::fs::read_to_string(&path).unwrap();
        for rest in text.split(begins).skip(1) {
            let name = rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap();
            found.entry(name.to_owned()).or_default().push(path.clone());
        }
    }
}

/// Whether a module of that name is in that file: `rates` in `rates.rs`, `answers` in `attacks/answers.rs`.
fn is_in(module: &str, file: &Path) -> bool {
    let name = file.file_name().and_then(|it| it.to_str()).unwrap();
    let dir = file.parent().and_then(Path::file_name).and_then(|it| it.to_str()).unwrap();
    let is_of_dir = matches!(name, "mod.rs" | "tests.rs") && dir == module;
    name == module || name.strip_suffix(".rs") == Some(module) || is_of_dir
}

/// What GitHub calls a heading in an address.
fn anchor(heading: &str) -> String {
    let kept =
        heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// What is wrong with the place that a link names.
fn missing(link: &str) -> Option<String> {
    let (file, section) = link.split_once('#').unwrap_or((link, ""));
    let file = if file.is_empty() { "asvs.md" } else { file };
    let Ok(text) = std::fs::read_to_string(repository().join("docs").join(file)) else {
        return Some(format!("{link}: there is no such document"));
    };
    let mut headings = text.lines().filter(|line| line.starts_with('#'));
    let is_there = headings.any(|line| anchor(line.trim_start_matches('#')) == section);
    (!section.is_empty() && !is_there).then(|| format!("{link}: there is no such section"))
}

#[test]
fn each_requirement_has_a_row_that_says_how_it_stands_and_names_what_is_there() {
    let text = std::fs::read_to_string(repository().join("docs/asvs.md")).unwrap();
    let rows = rows(&text);
    let numbers: Vec<&str> = rows.iter().map(|row| &*row.number).collect();
    assert_eq!(numbers, due(), "each requirement once, in its order");
    // All but the decision that is open.
    let counted = format!("those {} that bear", numbers.len() - 1);
    assert!(text.contains(&counted), "the document does not say {counted:?}");
    let mut found = BTreeMap::new();
    for dir in ["crates", "xtask", "tests"] {
        tests(&repository().join(dir), &mut found);
    }
    let mut wrong = Vec::new();
    for row in &rows {
        let number = &row.number;
        let stands =
            ["Met", "Partly.", "Not met, because ", "Does not apply, because ", "Open decision."];
        if !stands.iter().any(|it| row.here.starts_with(it)) {
            wrong.push(format!("{number} does not say how it stands: {}", row.here));
        }
        if row.shown.is_empty() && (row.here.starts_with("Met") || row.here.starts_with("Partly")) {
            wrong.push(format!("{number} is met by nothing"));
        }
        for name in row.shown.split('`').skip(1).step_by(2) {
            let (module, test) = name.split_once("::").unwrap_or(("", name));
            let files = found.get(test).map(Vec::as_slice).unwrap_or_default();
            if !files.iter().any(|file| is_in(module, file)) {
                wrong.push(format!("{number}: {name} is no test"));
            }
        }
    }
    for link in text.split("](").skip(1) {
        wrong.extend(missing(link.split(')').next().unwrap()));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // The other way round: a test whose name has the number of a requirement stands in its row.
    for name in found.keys().filter(|name| name.starts_with("asvs_")) {
        let numbers: Vec<&str> = name.split('_').skip(1).take(3).collect();
        let number = numbers.join(".");
        let row = rows.iter().find(|row| row.number.trim_end_matches('*') == number);
        let is_named = row.is_some_and(|row| row.shown.contains(&format!("::{name}`")));
        assert!(is_named, "{name} does not stand in the row of {number}");
    }
}

/// What is first told to be missing is what the rows say is missing.
#[test]
fn what_is_not_met_is_told_first() {
    let text = std::fs::read_to_string(repository().join("docs/asvs.md")).unwrap();
    let (first, _) = text.split_once("## Encoding").unwrap();
    for row in rows(&text) {
        let number = row.number.trim_end_matches('*');
        let is_told = first.contains(&format!("| {number} "))
            || first.contains(&format!(", {number} "))
            || first.contains(&format!("| {number}, "));
        let is_missing = row.here.starts_with("Not met")
            || row.here.starts_with("Partly")
            || row.here.starts_with("Open");
        assert_eq!(is_told, is_missing, "{number}");
    }
}
