//! What waits to be told to the other nodes: bounded, and nobody waits for a place. Whether something could
//! not be told is remembered until the others know ([`super::News::Silence`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

/// Things that wait; more are dropped, and made up for.
const QUEUE: usize = 8_192;
/// What is told in one go.
pub(super) const TOGETHER: usize = 256;

/// Where things to tell are put.
pub(super) struct Telling<T> {
    queue: mpsc::Sender<T>,
    was_silent: Arc<AtomicBool>,
}

/// Where they are taken from.
pub(super) struct Waiting<T> {
    queue: mpsc::Receiver<T>,
    was_silent: Arc<AtomicBool>,
}

impl<T> Telling<T> {
    pub(super) fn new() -> (Self, Waiting<T>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let was_silent = Arc::new(AtomicBool::new(false));
        let waiting = Waiting { queue: receiver, was_silent: Arc::clone(&was_silent) };
        (Self { queue: sender, was_silent }, waiting)
    }

    /// To be told, if there is a place.
    pub(super) fn tell(&self, it: T) {
        if self.queue.try_send(it).is_err() {
            self.was_silent.store(true, Ordering::Release);
        }
    }
}

impl<T> Waiting<T> {
    /// Waits for what is to be told next; where something could not be told, that is said first. False when
    /// nothing will come any more.
    pub(super) async fn next(&mut self, batch: &mut Vec<T>, silence: impl FnOnce() -> T) -> bool {
        if self.was_silent.swap(false, Ordering::AcqRel) {
            batch.push(silence());
        }
        !batch.is_empty() || self.queue.recv_many(batch, TOGETHER).await > 0
    }

    /// Something could not be told.
    pub(super) fn was_silent(&self) {
        self.was_silent.store(true, Ordering::Release);
    }
}
