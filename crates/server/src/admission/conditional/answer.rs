//! How a decision reaches whoever asked for it.

use std::sync::Arc;

use anteroom_core::ids::RoomId;
use anteroom_core::time::Millis;
use tokio::sync::oneshot;

use super::Aftercare;
use super::transaction::Fault;
use crate::admission::{Decided, Journal};

/// What a verb decided.
pub(super) struct Decision<R> {
    pub(super) answer: R,
    pub(super) journal: Journal,
    pub(super) deadlines: Vec<(RoomId, Option<Millis>)>,
}

/// Logs what must not happen.
pub(super) fn report(fault: &Fault) {
    match fault {
        Fault::Store(_) => {}
        Fault::NoPlace(room) => {
            tracing::error!(event = "admission.capacity_violation", room = room.0, %fault,
                "the ledger gave a place that is not there; nothing was given");
        }
        Fault::Broken(_) => {
            tracing::error!(event = "admission.seats_broken", %fault,
                "the seat store holds something else than the ledger believes");
        }
    }
}

/// Waits for an answer. If whoever asked goes away, what was decided is still followed up.
pub(super) struct Asked<R> {
    pub(super) receiver: oneshot::Receiver<Decided<(R, Journal)>>,
    pub(super) care: Arc<dyn Aftercare>,
}

impl<R> Drop for Asked<R> {
    fn drop(&mut self) {
        self.receiver.close();
        if let Ok(Ok((_, journal))) = self.receiver.try_recv() {
            self.care.adopt(journal);
        }
    }
}
