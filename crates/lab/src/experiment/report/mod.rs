//! What is handed out of a run: one page to read, and its numbers as CSV and JSON.

mod csv;
mod json;
mod look;
mod page;
mod plot;
mod sections;
mod text;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use self::look::Looks;
use super::data::{FORMAT, Run};
use super::summary::Summary;

/// What every part of the page is drawn from.
pub(crate) struct View<'a> {
    pub(crate) run: &'a Run,
    pub(crate) summary: Summary<'a>,
    pub(crate) looks: Looks<'a>,
}

impl<'a> View<'a> {
    pub(crate) fn new(run: &'a Run) -> Self {
        Self { run, summary: Summary::new(run), looks: Looks::of(&run.subjects) }
    }
}

/// Writes `report.html`, `cells.csv`, `summary.csv` and `run.json` into a directory, which is made if need be.
///
/// # Errors
/// The directory cannot be written to.
pub(crate) fn write(run: &Run, dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    let put = |name: &str, text: String| {
        let path = dir.join(name);
        fs::write(&path, text).with_context(|| path.display().to_string())
    };
    // The run first: all else is drawn from what is written there, and can be again.
    let text = json::run(run)?;
    let run = serde_json::from_str(&text)?;
    put("run.json", text)?;
    put("cells.csv", csv::cells(&run))?;
    put("summary.csv", csv::summary(&Summary::new(&run)))?;
    put("report.html", page::page(&View::new(&run)))
}

/// Writes everything anew from the `run.json` of a directory.
///
/// # Errors
/// There is none, or it was written by a version whose runs are of another form.
pub(crate) fn redraw(dir: &Path) -> Result<()> {
    write(&read(dir)?, dir)
}

/// The run that was written into a directory.
///
/// # Errors
/// As [`redraw`].
pub(crate) fn read(dir: &Path) -> Result<Run> {
    #[derive(serde::Deserialize)]
    struct Form {
        format: u32,
    }
    let path = dir.join("run.json");
    let text = fs::read(&path).with_context(|| path.display().to_string())?;
    let Form { format } =
        serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
    ensure!(format == FORMAT, "{}: of format {format}, not {FORMAT}", path.display());
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::fixture;

    #[test]
    fn what_was_written_is_drawn_again_from_the_run_alone() {
        let dir = std::env::temp_dir().join(format!("anteroom-lab-report-{}", std::process::id()));
        write(&fixture::run(), &dir).unwrap();
        let names = ["report.html", "cells.csv", "summary.csv", "run.json"];
        let read = || names.map(|name| fs::read_to_string(dir.join(name)).unwrap());
        let before = read();
        for name in &names[..3] {
            fs::remove_file(dir.join(name)).unwrap();
        }
        redraw(&dir).unwrap();
        assert!(read() == before, "another report");
        let other = before[3].replacen(&format!("\"format\":{FORMAT}"), "\"format\":999", 1);
        fs::write(dir.join("run.json"), other).unwrap();
        let error = redraw(&dir).unwrap_err().to_string();
        assert!(error.contains("999"), "{error}");
        fs::remove_dir_all(&dir).unwrap();
    }
}
