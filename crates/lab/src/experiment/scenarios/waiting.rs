//! Hundreds wait for a full room; each freed seat goes to the head of the line.

use anyhow::{Context as _, Result};

use super::Stage;
use crate::args::{Common, Line};
use crate::experiment::data::Cell;
use crate::line;

const SEATS: usize = 8;
const WAITERS: usize = 150;
const FREED: usize = 50;
const PER_SECOND: f64 = 125.0;

/// The scenario `line` of the lab, with people of its own.
pub(crate) fn run(stage: &mut Stage) -> Result<Cell> {
    let mut draft = stage.draft("line");
    let node = stage.deployment.addresses().first().copied().context("no node")?;
    let args = Line {
        common: Common {
            url: format!("http://{node}"),
            server_pid: None,
            concurrency: 16,
            json: None,
        },
        capacity: SEATS,
        waiters: WAITERS,
        leave: 0,
        vanish: 0,
        freed: FREED,
        rate: PER_SECOND,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let line = || runtime.block_on(line::run(&args));
    let (report, _) = draft.measured(&stage.deployment, line, |_| FREED as u64)?;
    let told = report.latency_of("freed to offered").context("nobody was told")?;
    draft.figure("told_p50_ms", told.p50_ms);
    draft.figure("told_p99_ms", told.p99_ms);
    for check in report.broken() {
        draft.cell().faults.history += 1;
        draft.evidence(format!("{}: {}", check.name, check.found));
    }
    draft.finish()
}
