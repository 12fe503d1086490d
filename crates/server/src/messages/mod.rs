//! Messages: how they become durable, and how they are read again.

mod history;
mod log;

pub(crate) use history::{History, HistoryError};
pub(crate) use log::{Append, MessageLog, run};
