//! What looks on: metrics, the watch over capacities, the entry log, and where they are read.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::App;
use crate::admission::{Admission, CapacityWatch, Measured};
use crate::clock::Clock;
use crate::config::Config;
use crate::entry_log::{EntryLog, Kept};
use crate::http;
use crate::metrics::Metrics;
use crate::storage::SharedStorage;

/// Connections to the listener for administration at once.
const ADMIN_CONNECTIONS: usize = 64;

/// Everything that looks on.
pub(super) struct Watch {
    pub(super) metrics: Arc<Metrics>,
    pub(super) capacity: Arc<CapacityWatch>,
    pub(super) entry_log: Arc<EntryLog>,
}

/// Puts the watch beside a strategy, which is asked through it from now on.
pub(super) fn over(
    seats: Arc<dyn Admission>,
    config: &Config,
    storage: &SharedStorage,
    clock: &Arc<Clock>,
) -> (Arc<dyn Admission>, Watch) {
    let settings = &config.admission;
    let metrics = Arc::new(Metrics::new(seats.name()));
    let capacity = Arc::new(CapacityWatch::new(Arc::clone(&seats), Arc::clone(&metrics)));
    let kept = Kept {
        in_memory: settings.entry_log,
        stored: settings.entry_log_rows,
        reservation_max: settings.reservation_ttl.0.max(settings.offer_ttl.0),
    };
    let log = EntryLog::new(kept, Arc::clone(storage), Arc::clone(clock), Arc::clone(&metrics));
    let admission = Measured::new(seats, Arc::clone(&metrics), Arc::clone(&capacity));
    (Arc::new(admission), Watch { metrics, capacity, entry_log: Arc::new(log) })
}

/// Runs what it does in the background until `last`.
pub(super) fn spawn(app: &App, loops: &TaskTracker, last: &CancellationToken) {
    let capacity = Arc::clone(&app.capacity);
    loops.spawn(last.clone().run_until_cancelled_owned(async move { capacity.run().await }));
    let (log, last) = (Arc::clone(&app.entry.aftermath.entry_log), last.clone());
    loops.spawn(async move { log.run(last).await });
}

/// The listener for metrics and administration, where one is asked for.
pub(super) async fn admin_listener(config: &Config) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = config.server.admin_address()? else { return Ok(None) };
    let listener = TcpListener::bind(address).await;
    listener.map(Some).with_context(|| format!("cannot listen on {address}"))
}

/// Answers on that listener until the server stops; whoever reads nothing of an answer for `unread` is cut off.
pub(super) fn serve_admin(
    app: &Arc<App>,
    listener: TcpListener,
    unread: Duration,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    http::serve::end_unread(&listener, unread);
    let (router, tasks) = (http::admin_router(app), app.tasks.clone());
    let stopping = app.stopping.clone();
    let accepting = http::serve::accept(
        listener,
        router,
        app.source.tls.clone(),
        ADMIN_CONNECTIONS,
        stopping,
        tasks,
    );
    app.tasks.spawn(accepting);
    tracing::info!(event = "server.admin", listen = %address,
        "metrics and administration are answered apart");
    Ok(())
}
