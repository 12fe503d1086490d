//! Lets go of what is older than messages are kept.
//!
//! One task looks through all rooms, now and then and whenever the setting changes. It takes a few rows away
//! at a time and then lets everybody else write for longer than that took, so that a year's messages going at
//! once is felt by nobody. A node that stops in the middle leaves nothing half done; several nodes that look at
//! once share the work.

use std::time::Duration;

use anteroom_core::ids::RoomId;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::{Clock, millis};
use crate::storage::{SharedStorage, Stored};

/// From the end of one look through all rooms to the next.
const EVERY: Duration = Duration::from_secs(60);
/// Messages and changes in one transaction: some milliseconds of the writer.
const STEP: usize = 256;
/// Rooms looked at in one read.
const ROOMS: usize = 500;
/// So many times as long as a step took nothing is taken away after it.
const REST: u32 = 4;

/// Takes away what is older than `keep`, whatever that is at the time; 0 keeps everything.
pub(crate) async fn forget_old(
    storage: SharedStorage,
    clock: &Clock,
    mut keep: watch::Receiver<Duration>,
) {
    loop {
        let span = *keep.borrow_and_update();
        if !span.is_zero() {
            let before = clock.wall().saturating_sub(millis(span));
            match look(&storage, before, &keep).await {
                Ok((0, _)) => {}
                Ok((rows, rooms)) => tracing::info!(
                    event = "messages.forgotten",
                    rows,
                    rooms,
                    "messages older than messages.keep were taken away"
                ),
                Err(error) => tracing::warn!(event = "messages.not_forgotten", %error,
                    "old messages are taken away later"),
            }
        }
        let next = (!span.is_zero()).then(|| Instant::now() + EVERY);
        let is_over = match next {
            Some(next) => matches!(tokio::time::timeout_at(next, keep.changed()).await, Ok(Err(_))),
            None => keep.changed().await.is_err(),
        };
        if is_over {
            return;
        }
    }
}

/// Looks through all rooms once, until the setting changes. Answers how much went, of how many rooms.
async fn look(
    storage: &SharedStorage,
    before: i64,
    keep: &watch::Receiver<Duration>,
) -> Stored<(usize, usize)> {
    let (mut rows, mut rooms) = (0, 0);
    let mut after = Some(RoomId(0));
    while let Some(behind) = after {
        let (some, next) = storage.rooms_to_forget(before, behind, ROOMS).await?;
        for room in some {
            let mut of_room = 0;
            loop {
                // The owner is gone, or keeps them for another time now.
                if keep.has_changed().unwrap_or(true) {
                    return Ok((rows, rooms));
                }
                let began = Instant::now();
                let went = storage.forget(room, before, STEP).await?;
                of_room += went;
                rows += went;
                tokio::time::sleep_until(Instant::now() + began.elapsed() * REST).await;
                if went < STEP {
                    break;
                }
            }
            rooms += usize::from(of_room > 0);
        }
        after = next;
    }
    Ok((rows, rooms))
}
