//! What keeps an older program at work beside a newer one: a newer schema only adds, and every statement of an
//! older release still means something on it. Judged by what the engines themselves say of a schema.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Adds what is missing in the record of the newest version, instead of failing.
const WRITE: &str = "RECORDED_STATEMENTS";
/// Between two statements of a record.
const BETWEEN: &str = "\n;;\n";

/// A rule that narrows what may be written: of which table, over which columns, in the engine's words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    pub(crate) table: String,
    pub(crate) columns: Vec<String>,
    pub(crate) words: String,
}

/// A schema as its engine tells it.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    /// Of each table's column its type, and whether a row has to name it.
    pub(crate) columns: BTreeMap<(String, String), (String, bool)>,
    pub(crate) rules: BTreeSet<Rule>,
}

impl Catalogue {
    fn has_table(&self, table: &str) -> bool {
        self.columns.keys().any(|(it, _)| it == table)
    }

    /// What a program that knows `self` could stumble over in `newer`. Nothing, where it only adds.
    pub(crate) fn narrowed_in(&self, newer: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (at, (kind, is_required)) in &self.columns {
            match newer.columns.get(at) {
                None => found.push(format!("{}.{} is gone", at.0, at.1)),
                Some((now, _)) if now != kind => {
                    found.push(format!("{}.{} was {kind} and is {now}", at.0, at.1));
                }
                Some((_, true)) if !is_required => {
                    found.push(format!("{}.{} has to be named now", at.0, at.1));
                }
                Some(_) => {}
            }
        }
        let is_new = |at: &(String, String)| !self.columns.contains_key(at);
        for (at, (_, is_required)) in newer.columns.iter().filter(|it| is_new(it.0)) {
            if *is_required && self.has_table(&at.0) {
                found.push(format!("{}.{} is new and has to be named", at.0, at.1));
            }
        }
        for rule in newer.rules.difference(&self.rules) {
            let of_old = rule.columns.iter().any(|it| !is_new(&(rule.table.clone(), it.clone())));
            if self.has_table(&rule.table) && (of_old || rule.columns.is_empty()) {
                found.push(format!("{}: a new rule, {}", rule.table, rule.words));
            }
        }
        found
    }
}

fn records(store: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/recorded").join(store)
}

/// The statements of every recorded version from `oldest` on, each with its version.
pub(crate) fn recorded(store: &str, oldest: usize) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(records(store)).unwrap() {
        let path = entry.unwrap().path();
        let version: usize = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let statements = text.split(BETWEEN).map(str::trim).filter(|it| !it.is_empty());
        all.extend(statements.map(|it| (version, it.to_owned())).filter(|_| version >= oldest));
    }
    assert!(!all.is_empty(), "{store}: nothing is recorded");
    all
}

/// Sees that the record of that version has every statement of this program.
pub(crate) fn records_all(store: &str, version: usize, statements: &[(&str, &str)]) {
    let path = records(store).join(format!("{version:04}.sql"));
    let mut text = std::fs::read_to_string(&path).unwrap_or_default();
    let known: BTreeSet<String> = text.split(BETWEEN).map(|it| it.trim().to_owned()).collect();
    let missing: Vec<_> = statements.iter().filter(|it| !known.contains(it.1.trim())).collect();
    if std::env::var(WRITE).is_ok_and(|it| it == "write") {
        missing.iter().for_each(|(_, sql)| text += &format!("{}{BETWEEN}", sql.trim()));
        std::fs::create_dir_all(records(store)).unwrap();
        std::fs::write(path, text).unwrap();
        return;
    }
    let names: Vec<&str> = missing.iter().map(|it| it.0).collect();
    assert!(names.is_empty(), "{store}: not recorded ({WRITE}=write does it): {names:?}");
}
