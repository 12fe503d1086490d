//! What a run leaves behind: a page for people, tables for programs, and the run itself.

mod csv;
mod page;
mod plots;
mod sections;
mod sections_trouble;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::data::{FORMAT, Run};

/// Writes `report.html`, `cells.csv`, `summary.csv` and `run.json` into a directory.
///
/// # Errors
/// They cannot be written.
pub(crate) fn write(run: &Run, dir: &Path) -> Result<()> {
    fs::create_dir_all(dir)?;
    fs::write(dir.join("report.html"), page::whole(run))?;
    fs::write(dir.join("cells.csv"), csv::cells(run))?;
    fs::write(dir.join("summary.csv"), csv::summary(run))?;
    // A line for each cell, so that two runs can be compared by eye.
    let whole = serde_json::to_string(&Run { cells: Vec::new(), ..run.clone() })?;
    let cells: Vec<_> = run.cells.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    let cells = format!("\"cells\":[\n{}\n]", cells.join(",\n"));
    fs::write(dir.join("run.json"), whole.replacen("\"cells\":[]", &cells, 1) + "\n")?;
    Ok(())
}

/// Reads a run that was written before.
///
/// # Errors
/// There is none, or it is of another format.
pub(crate) fn read(dir: &Path) -> Result<Run> {
    let path = dir.join("run.json");
    let text = fs::read(&path).with_context(|| path.display().to_string())?;
    let run: Run = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
    anyhow::ensure!(
        run.format == FORMAT,
        "{}: format {} is not {FORMAT}",
        path.display(),
        run.format
    );
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::run;

    #[test]
    fn a_run_is_read_as_it_was_written() {
        let dir = std::env::temp_dir().join(format!("anteroom-lab-report-{}", std::process::id()));
        write(&run(3), &dir).unwrap();
        let again = read(&dir).unwrap();
        assert_eq!(again.cells.len(), run(3).cells.len());
        assert_eq!(again.plan, run(3).plan);
        for name in ["report.html", "cells.csv", "summary.csv"] {
            assert!(fs::metadata(dir.join(name)).unwrap().len() > 1_000, "{name}");
        }
        fs::remove_dir_all(&dir).unwrap();
    }
}
