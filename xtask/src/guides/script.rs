//! A guide as one script for a shell that stops at the first thing that does not come out.

use std::fmt::Write as _;
use std::path::Path;

use super::blocks::{Block, Way};

/// Its name in the directory where it runs.
pub(super) const NAME: &str = "guide.bash";

/// The address that guides speak of.
const ADDRESS: &str = "127.0.0.1:8080";

/// What every guide's script begins with. `at` is the line of the guide that is being done.
const BEGIN: &str = r#"set -euo pipefail
at=0
# What a block prints is kept apart, also when it ends in the middle.
exec 9>&1
ended() {
    status=$?
    exec >&9
    jobs=$(jobs -p)
    [ -z "$jobs" ] || kill $jobs 2>/dev/null || true
    if [ $status -ne 0 ]; then
        echo "line $at: status $status; it printed:"
        cat "printed.$at" 2>/dev/null || true
        echo "and was to print:"
        cat "wanted.$at" 2>/dev/null || true
    fi
    wait
    exit $status
}
trap ended EXIT
is_as_wanted() { [ ! -e "pattern.$at" ] || [[ "$(cat "printed.$at")" == $(cat "pattern.$at") ]]; }
"#;

/// Writes the script and what it needs into a directory.
pub(super) fn write(place: &Path, blocks: &[Block], port: u16) -> anyhow::Result<()> {
    let own = format!("127.0.0.1:{port}");
    let mut script = BEGIN.to_owned();
    for block in blocks {
        let line = block.line;
        let text = block.text.replace(ADDRESS, &own);
        if let Some(printed) = &block.printed {
            let printed = printed.replace(ADDRESS, &own);
            std::fs::write(place.join(format!("pattern.{line}")), pattern(&printed))?;
            std::fs::write(place.join(format!("wanted.{line}")), printed + "\n")?;
        }
        writeln!(script, "at={line}")?;
        let out = format!(">printed.{line} 2>&1");
        match block.way {
            // One command, so that what is ended at the end is the server itself.
            Way::Server => write!(
                script,
                "{{\nexec {text}\n}} {out} &\n\
                 until grep -q '^listening on ' printed.{line}; do kill -0 $!; sleep 0.05; done\n"
            )?,
            Way::Run => writeln!(script, "{{\n{text}\n}} {out}")?,
            Way::Look => write!(
                script,
                "for try in {{1..100}}; do\nif {{\n{text}\n}} {out} && is_as_wanted; then break; fi\n\
                 sleep 0.05\ndone\n"
            )?,
            Way::Node => {
                std::fs::write(place.join(format!("block{line}.mjs")), text)?;
                writeln!(script, "node block{line}.mjs {out}")?;
            }
        }
        writeln!(script, "is_as_wanted")?;
    }
    std::fs::write(place.join(NAME), script)?;
    Ok(())
}

/// What is to be printed as the shell compares it: with `…` for anything, and anything between two lines.
fn pattern(printed: &str) -> String {
    let mut pattern = "*".to_owned();
    for line in printed.lines() {
        for c in line.trim().chars() {
            match c {
                '…' => pattern.push('*'),
                c if c.is_alphanumeric() => pattern.push(c),
                c => pattern.extend(['\\', c]),
            }
        }
        pattern.push('*');
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_for_anything_is_a_pattern() {
        assert_eq!(pattern("{\"a\": [1]} …\n  b*"), "*\\{\\\"a\\\"\\:\\ \\[1\\]\\}\\ **b\\**");
    }
}
