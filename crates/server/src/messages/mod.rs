//! Messages: how they become durable, and how they are read again.

mod change;
mod content;
mod delivery;
mod erasing;
mod history;
mod indexer;
mod keeping;
mod log;
mod queued;
mod told;

pub(crate) use content::check as check_content;
pub(crate) use delivery::Delivery;
pub(crate) use erasing::Eraser;
pub(crate) use history::{History, HistoryError};
pub(crate) use indexer::Indexer;
pub(crate) use keeping::forget_old;
pub(crate) use log::{Append, MessageLog, Taken, Wish, run};
pub(crate) use queued::{Pending, Pipeline, REPORTS, Reporter, Taker, listen, queue_of};
pub(crate) use told::{Queue, Told};
