//! A node beside others: it keeps its lease, and ends what nodes left whose lease ran out.
//!
//! Two fences stand behind a lease that is over: the store takes nothing more of that life, and so does
//! the seat store. So a node that was only asleep can do no harm when it wakes; it finds out with its next
//! renewal, tells its sessions and stops.

use std::sync::Arc;
use std::time::Duration;

use anteroom_protocol::CloseCode;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::App;

/// Of each lease, after which part it is renewed.
const RENEWED_AFTER: u32 = 3;
/// How often overdue leases are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// Renews the lease of this node until it is lost; then `lost` is cancelled.
pub(super) async fn keep(app: Arc<App>, span: Duration, lost: CancellationToken) {
    let entry = &app.entry;
    let mut turns = interval(span / RENEWED_AFTER);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Since when every renewal was answered. Nobody is fenced by a node that was cut off itself a moment
    // ago: the others may have been cut off as well, and need time to say that they live.
    let mut steady_since = Instant::now();
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = turns.tick() => match entry.storage.renew_lease(entry.owner, span).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(event = "node.not_renewed", %error, "the lease is not renewed");
                    steady_since = Instant::now();
                }
            },
            _ = looks.tick() => {
                if steady_since.elapsed() >= span {
                    sweep(&app).await;
                }
            }
        }
    }
    tracing::error!(
        event = "node.fenced",
        node = entry.owner.node,
        "the lease of this node ran out and others gave its seats away; its sessions end and it stops"
    );
    entry.hub.end_all(CloseCode::Fenced);
    lost.cancel();
}

/// Ends what nodes left whose lease is over.
async fn sweep(app: &App) {
    let entry = &app.entry;
    let overdue = match entry.storage.fence_overdue().await {
        Ok(overdue) => overdue,
        Err(error) => {
            tracing::debug!(event = "node.not_swept", %error, "looked for later");
            return;
        }
    };
    for owner in overdue.into_iter().filter(|owner| *owner != entry.owner) {
        let swept = async {
            entry.fence(owner).await?;
            entry.storage.swept(owner).await?;
            Ok::<_, crate::entry::EntryError>(())
        };
        match swept.await {
            Ok(()) => tracing::warn!(
                event = "node.swept",
                node = owner.node,
                incarnation = owner.incarnation,
                "a node was silent for longer than its lease; its seats are held, then free"
            ),
            Err(error) => tracing::warn!(event = "node.not_swept", node = owner.node, %error,
                "a node's seats are given back as soon as the seat store answers"),
        }
    }
}
