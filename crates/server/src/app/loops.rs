//! The tasks that run as long as the server does.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::lease::{self, Lease};
use super::{App, Inlets, ears, watch};
use crate::cluster::Heard;
use crate::hub::Among;
use crate::messages::{self, Indexer, Told};
use crate::sweeper::Due;

/// Listens for SIGHUP from now on.
pub(super) fn hangups() -> Option<Signal> {
    let hangups = signal(SignalKind::hangup());
    hangups
        .inspect_err(|error| {
            tracing::warn!(event = "config.no_hangups", %error,
                "SIGHUP cannot be heard; `anteroom reload` works all the same");
        })
        .ok()
}

/// Reads the settings again whenever the process was told so.
pub(super) fn spawn_hangups(
    app: &Arc<App>,
    hangups: Option<Signal>,
    loops: &TaskTracker,
    last: &CancellationToken,
) {
    let Some(mut hangups) = hangups else { return };
    let app = Arc::clone(app);
    loops.spawn(last.clone().run_until_cancelled_owned(async move {
        while hangups.recv().await.is_some() {
            // What it came to is in the log.
            let _ = app.reload().await;
        }
    }));
}

/// Starts all of them; `last` ends those that do not end with their inlet.
pub(super) fn spawn(
    app: &Arc<App>,
    Inlets { appends, broker, said, others, rings }: Inlets,
    loops: &TaskTracker,
    last: &CancellationToken,
) {
    let entry = Arc::clone(&app.entry);
    let storage = Arc::clone(&entry.storage);
    let indexer = Arc::new(Indexer::default());
    let (index_of, behind) = (Arc::clone(&indexer), Arc::clone(&storage));
    loops.spawn(last.clone().run_until_cancelled_owned(async move {
        index_of.run(&behind).await;
    }));
    // Ends by itself when the last session, and with it the last entrance, is gone.
    let queue = broker.and_then(|broker| broker.spawn(app, said, (loops, last)));
    let out = Told::new(Arc::clone(&app.delivery), indexer, queue);
    loops.spawn(messages::run(appends, storage, out));
    spawn_nodes(app, others, loops, last);
    let presence = Arc::clone(&entry.aftermath.presence);
    loops.spawn(last.clone().run_until_cancelled_owned(async move {
        let among = Among { bus: &*entry.aftermath.bus, storage: &*entry.storage };
        presence.run(&entry.hub, &entry.rooms, entry.admission.as_ref(), among).await;
    }));
    let (entry, clock) = (Arc::clone(&app.entry), Arc::clone(&app.clock));
    loops.spawn(last.clone().run_until_cancelled_owned(async move {
        let (rooms, bus) = (&entry.rooms, &*entry.aftermath.bus);
        entry.aftermath.presence.passing.run(&entry.hub, (rooms, bus), &clock).await;
    }));
    let (entry, line) = (Arc::clone(&app.entry), Arc::clone(&app.entry.aftermath.line));
    loops.spawn(last.clone().run_until_cancelled_owned(async move {
        line.run(entry.admission.as_ref(), &entry.clock).await;
    }));
    let all = Arc::clone(app);
    loops.spawn(last.clone().run_until_cancelled_owned(async move {
        all.rooms.keep_built().await;
    }));
    let (storage, clock) = (Arc::clone(&app.entry.storage), Arc::clone(&app.clock));
    let keep = app.keep.subscribe();
    loops.spawn(last.clone().run_until_cancelled_owned(async move {
        messages::forget_old(storage, &clock, keep).await;
    }));
    let (eraser, clock) = (app.eraser(), Arc::clone(&app.clock));
    loops.spawn(last.clone().run_until_cancelled_owned(async move { eraser.run(&clock).await }));
    watch::spawn(app, loops, last);
    if let Some(rings) = rings {
        let entry = Arc::clone(&app.entry);
        loops.spawn(last.clone().run_until_cancelled_owned(rings.answer(move |room| {
            let entry = Arc::clone(&entry);
            async move { entry.expire(room).await }
        })));
    }
    let (entry, connections) = (Arc::clone(&app.entry), Arc::clone(&app.connections));
    let (deadlines, clock) = (Arc::clone(&app.deadlines), Arc::clone(&app.clock));
    let tasks = app.tasks.clone();
    loops.spawn(last.clone().run_until_cancelled_owned(async move {
        loop {
            for due in deadlines.next(&clock).await {
                match due {
                    // A seat store that is slow about one room keeps nothing else waiting.
                    Due::Room(room) => {
                        let entry = Arc::clone(&entry);
                        tasks.spawn(async move { entry.expire(room).await });
                    }
                    // Asks the store about the login: one that is slow keeps nobody else waiting.
                    Due::Session(session) => {
                        let connections = Arc::clone(&connections);
                        tasks.spawn(async move { connections.due(session).await });
                    }
                }
            }
        }
    }));
}

/// What a node beside others does.
fn spawn_nodes(
    app: &Arc<App>,
    others: Option<(mpsc::Receiver<Heard>, Arc<Lease>)>,
    loops: &TaskTracker,
    last: &CancellationToken,
) {
    let Some((arriving, lease)) = others else { return };
    let sweeping = lease::sweep_always(Arc::clone(app), lease);
    loops.spawn(last.clone().run_until_cancelled_owned(sweeping));
    let all = Arc::clone(app);
    loops.spawn(last.clone().run_until_cancelled_owned(ears::listen(all, arriving)));
    loops.spawn(last.clone().run_until_cancelled_owned(ears::compare(Arc::clone(app))));
    loops.spawn(last.clone().run_until_cancelled_owned(ears::watch_deadlines(Arc::clone(app))));
    let delivery = Arc::clone(&app.delivery);
    loops.spawn(last.clone().run_until_cancelled_owned(async move { delivery.repair().await }));
}
