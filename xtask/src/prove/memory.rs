//! What has been shown, kept for exactly the tree in which it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::shards::Figures;

/// The file, below the root.
const FILE: &str = "target/prove.json";

#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    tree: String,
    shown: BTreeMap<String, Figures>,
}

/// The shards that held.
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
        Self { file, kept: kept.unwrap_or(Kept { tree, shown: BTreeMap::new() }) }
    }

    pub(super) fn figures(&self, shard: &str) -> Option<&Figures> {
        self.kept.shown.get(shard)
    }

    /// Keeps one, at once: an interrupted run loses nothing.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn keep(&mut self, shard: &str, figures: Figures) -> anyhow::Result<()> {
        self.kept.shown.insert(shard.to_owned(), figures);
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
    fn what_was_shown_is_remembered_for_its_tree_and_for_no_other() {
        let dir = std::env::temp_dir().join(format!("prove-{}", std::process::id()));
        let file = dir.join("prove.json");
        let open = |tree: &str, fresh| Memory::of(file.clone(), tree.into(), fresh);
        let figures = Figures { histories: 7, ..Figures::default() };
        open("a", false).keep("one", figures).unwrap();
        assert_eq!(open("a", false).figures("one"), Some(&figures));
        for other in [open("b", false), open("a", true), open("", false)] {
            assert_eq!(other.figures("one"), None);
        }
        std::fs::remove_dir_all(dir).unwrap();
    }
}
