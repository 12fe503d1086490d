//! The run itself, a line for each cell: short, and a difference between two runs names the cells.

use std::io::{self, Write};

use anyhow::Result;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::experiment::data::Run;

/// The run as JSON.
///
/// # Errors
/// It holds what JSON cannot say.
pub(crate) fn run(run: &Run) -> Result<String> {
    let Run { format, machine, plan, subjects, scenarios, cells } = run;
    Ok(format!(
        "{{\n\"format\":{format},\n\"machine\":{},\n\"plan\":{},\n\"subjects\":{},\n\"scenarios\":{},\n\"cells\":{}\n}}\n",
        line(machine)?,
        line(plan)?,
        lines(subjects)?,
        lines(scenarios)?,
        lines(cells)?
    ))
}

fn lines(all: &[impl Serialize]) -> Result<String> {
    let lines = all.iter().map(line).collect::<Result<Vec<_>, _>>()?;
    Ok(format!("[\n{}\n]", lines.join(",\n")))
}

fn line(value: &impl Serialize) -> Result<String> {
    let mut line = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut line, Rounded))?;
    Ok(String::from_utf8(line)?)
}

/// Seven digits of a fraction: more than any clock here tells, and few enough to be read back as they were
/// written.
struct Rounded;

impl Formatter for Rounded {
    fn write_f64<W: Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let short = format!("{value:.6e}").parse().unwrap_or(value);
        write!(writer, "{short}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::fixture;

    #[test]
    fn every_cell_is_a_line_and_nothing_is_lost() {
        let before = fixture::run();
        let text = run(&before).unwrap();
        let after: Run = serde_json::from_str(&text).unwrap();
        assert!(run(&after).unwrap() == text, "not read back as it was written");
        let (one, other) = (&before.cells[3], &after.cells[3]);
        assert_eq!(
            (&one.scenario, one.counts, one.faults),
            (&other.scenario, other.counts, other.faults)
        );
        let (one, other) = (one.figures["saturation"], other.figures["saturation"]);
        assert!((one / other - 1.0).abs() < 1e-6, "{one} {other}");
        let cells = text.lines().filter(|line| line.starts_with("{\"subject\":")).count();
        assert_eq!(cells, before.cells.len());
    }
}
