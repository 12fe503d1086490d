//! Figures that need no load: the store beside a bare loop of inserts, the start, the program's size.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::figures::Findings;

/// The test that measures the store; it prints one line for each size of batch.
const STORE: &str = "append_beside_a_bare_loop_of_inserts";

/// Runs the store's own measurement, on the disk that holds `out`: rows appended per second, in
/// percent of what one thread inserts that does nothing else, by size of batch.
///
/// # Errors
/// It does not build, or prints something else.
pub(super) fn storage(root: &Path, out: &Path) -> anyhow::Result<Findings> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root).env("TMPDIR", out);
    command.args(["test", "--release", "-p", "anteroom", "--lib", "--"]);
    let told = command.args(["--ignored", "--nocapture", STORE]).output()?;
    let text = String::from_utf8_lossy(&told.stdout);
    ensure!(told.status.success(), "{text}{}", String::from_utf8_lossy(&told.stderr));
    let mut figures = serde_json::Map::new();
    for line in text.lines() {
        if let Some((size, percent)) = share(line) {
            figures.insert(format!("append, batch of {size}"), json!(percent));
        }
    }
    ensure!(!figures.is_empty(), "no figures in: {text}");
    Ok(Findings(json!({ "figures": figures })))
}

/// Reads `batch  64: append … rows/s, bare loop … rows/s, ratio 86 %`.
fn share(line: &str) -> Option<(u32, f64)> {
    let (_, rest) = line.split_once("batch")?;
    let (size, rest) = rest.split_once(':')?;
    let (_, ratio) = rest.rsplit_once("ratio")?;
    let percent = ratio.trim().strip_suffix('%')?;
    Some((size.trim().parse().ok()?, percent.trim().parse().ok()?))
}

/// The size of the program in MB.
pub(super) fn size_mb(program: &Path) -> anyhow::Result<f64> {
    let size = program.metadata().with_context(|| format!("{}", program.display()))?.len();
    Ok(size as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn the_share_is_read_from_the_line_the_test_prints() {
        let line = "batch  64: append    12345 rows/s, bare loop    14000 rows/s, ratio 88 %";
        assert_eq!(share(line), Some((64, 88.0)));
        assert_eq!(share("test result: ok. 1 passed"), None);
    }
}
