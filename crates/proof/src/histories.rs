//! Random histories, as many as wanted.

use anteroom_proof::history::model::Model;
use anteroom_proof::history::{Campaign, Figures, Ledger};
use serde_json::json;

use crate::report::{self, Progress};

/// Plays the ledger against the plain model, reports, and answers whether everything held.
pub(crate) fn run(seed: u64, count: u64) -> bool {
    let mut progress = Progress::new();
    let campaign = Campaign { seed, count };
    let played = campaign.run(
        |history| {
            let mut ledger = Ledger::new(history.spec, history.terms);
            let mut model = Model::new(history.spec, history.terms);
            history.play(&mut ledger, &mut [("the model", &mut model)])
        },
        |sum| {
            progress.now_and_then(|seconds| {
                let Figures { histories, calls, .. } = sum;
                format!("{histories} of {count} histories, {calls} calls, {seconds:.0} s")
            });
        },
    );
    let seconds = progress.seconds();
    match played {
        Ok(sum) => {
            report::answer(&json!({
                "machine": "histories", "holds": true, "seed": seed, "seconds": seconds,
                "histories": sum.histories, "calls": sum.calls, "refused": sum.refused,
                "first": sum.first, "refreshed": sum.refreshed, "taken_over": sum.taken_over,
                "held": sum.held, "expired": sum.expired, "offered": sum.offered,
                "returned": sum.returned,
            }));
            true
        }
        Err(fault) => {
            report::note(&fault.to_string());
            report::answer(&json!({
                "machine": "histories", "holds": false, "seed": fault.seed, "seconds": seconds,
                "what": fault.what, "call": fault.call, "events": fault.history.events.len(),
            }));
            false
        }
    }
}
