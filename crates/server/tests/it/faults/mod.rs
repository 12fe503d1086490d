//! What must hold when something fails: a test for each row of the table in docs/faults.md, named by its
//! number and by what holds. Real processes, real engines, wires that fail, and judges outside.

mod crashes;
mod meeting;
mod messages;
mod network;
mod nodes;
mod postgres;
mod races;
mod redis;

use std::time::Duration;

/// Lets a fault last for a while.
async fn pause(span: Duration) {
    tokio::time::sleep_until(tokio::time::Instant::now() + span).await;
}
