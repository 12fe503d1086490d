//! Log lines: text on a terminal, one JSON object a line otherwise, always on standard error. Each
//! event carries `event`, a dotted name that programs may rely on; the sentence beside it may change.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Log, LogFormat};
use crate::rabbit::LIBRARY;

/// Starts logging for this process. Later calls change nothing.
///
/// # Errors
/// A filter that cannot be read.
pub fn init(log: &Log) -> anyhow::Result<()> {
    let mut filter = EnvFilter::try_new(&log.level)?;
    if !log.level.contains(LIBRARY) {
        // What it calls errors is a line that broke, which is told once and by us.
        filter = filter.add_directive(format!("{LIBRARY}=off").parse()?);
    }
    let is_json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second server in one process (as in tests) shares the first one's logging.
    let _ = if is_json {
        builder.json().flatten_event(true).with_current_span(false).finish().try_init()
    } else {
        builder.with_ansi(std::io::stderr().is_terminal()).finish().try_init()
    };
    Ok(())
}
