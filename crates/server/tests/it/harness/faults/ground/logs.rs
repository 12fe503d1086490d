//! What the logs of all nodes together say of each grant.

use serde_json::json;

use super::Ground;
use crate::harness::check::{Grant, Logs, Span, Step, Verdict, once, once_between};
use crate::harness::faults::Round;
use crate::harness::shown;

impl Ground {
    /// Reads the logs of all nodes together.
    pub(crate) fn once(&self, round: &mut Round, logs: Logs) -> usize {
        let steps: Vec<_> =
            self.steps().into_iter().map(|(grant, step, _)| (grant, step)).collect();
        self.judged_once(round, once(&steps, logs))
    }

    /// The same where Redis was emptied in these spans; how many grants stood over none of them.
    pub(crate) fn once_between(&self, round: &mut Round, losses: &[Span]) -> usize {
        self.judged_once(round, once_between(&self.steps(), losses))
    }

    fn judged_once(&self, round: &mut Round, verdict: Verdict<usize>) -> usize {
        if let Err(found) = &verdict {
            self.shows_events_of(found);
        }
        round.check("K-once", verdict)
    }

    /// What all nodes logged of grants, and when.
    fn steps(&self) -> Vec<(Grant, Step, i64)> {
        let mut steps = Vec::new();
        for node in &self.nodes {
            for name in
                ["entry.confirmed", "reservation.expired", "reservation.cancelled", "seat.returned"]
            {
                steps.extend(node.logged(name, json!({})).iter().map(|event| {
                    let [room, user, generation] =
                        ["room", "user", "generation"].map(|field| event.text(field));
                    let step = match name {
                        "entry.confirmed" => {
                            Step::Entered { is_first: event.text("entry") == "first" }
                        }
                        "seat.returned" => Step::Returned { first: event.text("entered") },
                        _ => Step::Lapsed,
                    };
                    (Grant { room, user, generation }, step, event.at_ms())
                }));
            }
        }
        steps
    }

    /// Every line of the logs that has the grant or the user in it that a judge named.
    fn shows_events_of(&self, found: &str) {
        let user = found.split("user: \"").nth(1).and_then(|rest| rest.split('"').next());
        for (n, node) in self.nodes.iter().enumerate() {
            let lines = node.lines_with(user.unwrap_or("no user is named"));
            lines.iter().for_each(|line| shown(&format!("node {n}: {line}")));
            node.lines_with("seat_store.")
                .iter()
                .for_each(|line| shown(&format!("node {n}: {line}")));
        }
    }
}
