//! What tests share that let many rounds race.

use anteroom_client::Account;
use anteroom_protocol::entry::{Reservation, Reserve};

/// How often another ticket is asked for before there is none.
const ASKED_MAX: usize = 200;

/// Lets other tasks run for a while whose length differs from round to round.
pub(crate) async fn stagger(round: usize) {
    for _ in 0..(round * 37) % 64 {
        tokio::task::yield_now().await;
    }
}

/// A reservation with another ticket than `first`: that one was used, and this is the next.
pub(crate) async fn next_reservation(
    account: &Account,
    room: i64,
    first: &str,
) -> Option<Reservation> {
    for _ in 0..ASKED_MAX {
        match account.reserve(room, &Reserve::default()).await {
            Ok(next) if next.ticket != first => return Some(next),
            _ => tokio::task::yield_now().await,
        }
    }
    None
}
