//! The way out of a node that others take over from: nobody comes in any more, and those who are there are
//! sent away one after the other, so that the others are not asked by all at once.

use std::time::Duration;

use anteroom_protocol::CloseCode;
use tokio::time::{MissedTickBehavior, interval};

use super::App;

/// Between one group that is sent away and the next.
const STEP: Duration = Duration::from_millis(50);

/// Refuses whoever wants to enter, and ends the sessions evenly over `span`, or sooner when none are left.
pub(super) async fn drain(app: &App, span: Duration) {
    app.entry.draining.cancel();
    let mut left = span.as_millis().div_ceil(STEP.as_millis());
    tracing::info!(
        event = "server.draining",
        span_ms = span.as_millis() as u64,
        "nobody enters by this node any more; its sessions are sent to the others"
    );
    let mut steps = interval(STEP);
    steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while left > 0 {
        steps.tick().await;
        // Looked at anew each time: somebody may have been on the way in.
        let mut there = app.entry.hub.all();
        there.retain(|session| session.ending().is_none());
        if there.is_empty() {
            return;
        }
        let share = there.len().div_ceil(usize::try_from(left).unwrap_or(usize::MAX));
        there.iter().take(share).for_each(|session| session.end(CloseCode::Restarting));
        left -= 1;
    }
}
