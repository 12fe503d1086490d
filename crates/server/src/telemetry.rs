//! Log lines: text on a terminal, one JSON object a line otherwise, always on standard error. Each
//! event carries `event`, a dotted name that programs may rely on; the sentence beside it may change. A JSON
//! line that was written while something was traced says which trace, as `trace_id`.

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Log, LogFormat};
use crate::rabbit::LIBRARY;
use crate::traces;

/// Replaces what is written, once logging has started.
type SetLevel = Box<dyn Fn(EnvFilter) -> anyhow::Result<()> + Send + Sync>;
static LEVEL: OnceLock<SetLevel> = OnceLock::new();

/// Starts logging for this process. Later calls change nothing.
///
/// # Errors
/// A filter that cannot be read.
pub fn init(log: &Log) -> anyhow::Result<()> {
    let filter = filter(log)?;
    let is_json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second server in one process (as in tests) shares the first one's logging.
    let _ = if is_json {
        let builder = builder.json().flatten_event(true).with_current_span(false);
        let builder = builder.map_event_format(Traced);
        let builder = builder.with_filter_reloading();
        let handle = builder.reload_handle();
        builder.finish().try_init().map(|()| LEVEL.set(Box::new(move |it| Ok(handle.reload(it)?))))
    } else {
        let builder = builder.with_ansi(std::io::stderr().is_terminal()).with_filter_reloading();
        let handle = builder.reload_handle();
        builder.finish().try_init().map(|()| LEVEL.set(Box::new(move |it| Ok(handle.reload(it)?))))
    };
    Ok(())
}

/// From now on the lines of this level are written.
///
/// # Errors
/// A filter that cannot be read.
pub fn set_level(log: &Log) -> anyhow::Result<()> {
    let filter = filter(log)?;
    LEVEL.get().map_or(Ok(()), |set| set(filter))
}

/// A form of one JSON object a line, and with it the trace that the line belongs to.
struct Traced<F>(F);

impl<S, N, F> FormatEvent<S, N> for Traced<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let Some(trace) = traces::trace_here() else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        match line.trim_end().strip_suffix('}') {
            Some(object) => writeln!(writer, "{object},\"trace_id\":\"{trace}\"}}"),
            None => writer.write_str(&line),
        }
    }
}

fn filter(log: &Log) -> anyhow::Result<EnvFilter> {
    let mut filter = EnvFilter::try_new(&log.level)?;
    if !log.level.contains(LIBRARY) {
        // What it calls errors is a line that broke, which is told once and by us.
        filter = filter.add_directive(format!("{LIBRARY}=off").parse()?);
    }
    Ok(filter)
}
