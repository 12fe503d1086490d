//! What earlier runs found, kept for exactly the tree in which they found it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anteroom_core::mutants::Mutant;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::Verdict;

/// The file, below the root.
const FILE: &str = "target/mutants.json";

#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// The tree's hash; empty for a tree that has none.
    tree: String,
    verdicts: BTreeMap<String, Verdict>,
}

/// Verdicts so far.
#[derive(Debug)]
pub(super) struct Memory {
    file: PathBuf,
    kept: Kept,
}

impl Memory {
    /// What is remembered of the tree as it stands; nothing with `fresh`.
    ///
    /// # Errors
    /// Git cannot tell.
    pub(super) fn open(root: &Path, fresh: bool) -> anyhow::Result<Self> {
        Ok(Self::of(root.join(FILE), crate::tree::hash(root)?, fresh))
    }

    fn of(file: PathBuf, tree: String, fresh: bool) -> Self {
        let kept = std::fs::read(&file).ok();
        let kept: Option<Kept> = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let kept = kept.filter(|kept| kept.tree == tree && !tree.is_empty() && !fresh);
        Self { file, kept: kept.unwrap_or(Kept { tree, verdicts: BTreeMap::new() }) }
    }

    pub(super) fn verdict(&self, mutant: Mutant) -> Option<&Verdict> {
        self.kept.verdicts.get(mutant.name())
    }

    /// Keeps one, at once: an interrupted run loses nothing.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn keep(&mut self, mutant: Mutant, verdict: Verdict) -> anyhow::Result<()> {
        self.kept.verdicts.insert(mutant.name().to_owned(), verdict);
        let json = serde_json::to_vec_pretty(&self.kept)?;
        if let Some(dir) = self.file.parent() {
            std::fs::create_dir_all(dir)?;
        }
        std::fs::write(&self.file, json).with_context(|| self.file.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_remembered_for_its_tree_and_for_no_other() {
        let dir = std::env::temp_dir().join(format!("mutants-{}", std::process::id()));
        let file = dir.join("mutants.json");
        let open = |tree: &str, fresh| Memory::of(file.clone(), tree.into(), fresh);
        let mutant = Mutant::ALL[0];
        let verdict = Verdict { killed_by: None, words: "it hung".into(), millis: 7 };
        open("a", false).keep(mutant, verdict.clone()).unwrap();
        assert_eq!(open("a", false).verdict(mutant), Some(&verdict));
        for other in [open("b", false), open("a", true), open("", false)] {
            assert_eq!(other.verdict(mutant), None);
        }
        std::fs::remove_dir_all(dir).unwrap();
    }
}
