//! A node beside others: it keeps its lease, and ends what nodes left whose lease ran out.
//!
//! Two fences stand behind a lease that is over: the store takes nothing more of that life, and so does
//! the seat store. So a node that was only asleep can do no harm when it wakes; it finds out with its next
//! renewal, tells its sessions and stops.

use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::Owner;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::App;
use crate::cluster::Bus;
use crate::rooms::SeatsLife;
use crate::storage::SharedStorage;

/// Of each lease, after which part it is renewed.
const RENEWED_AFTER: u32 = 3;
/// How often overdue leases are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// The lease of this node's life.
pub(super) struct Lease {
    storage: SharedStorage,
    bus: Arc<dyn Bus>,
    owner: Owner,
    span: Duration,
    /// When the last renewal that was answered was asked for: from then on the lease runs.
    renewed: watch::Sender<Instant>,
    /// Cancelled when the lease is lost.
    fenced: CancellationToken,
    /// The life of the seats that the lease was taken in.
    began_in: u64,
    /// The one that is to be, as the last renewal told.
    told_life: watch::Sender<u64>,
}

impl Lease {
    /// Takes the lease, and renews it from then on until it is lost or `until`.
    ///
    /// # Errors
    /// The store is away, or a later life of this node has begun.
    pub(super) async fn take(
        (storage, bus): (SharedStorage, Arc<dyn Bus>),
        owner: Owner,
        span: Duration,
        (fenced, until): (CancellationToken, CancellationToken),
    ) -> anyhow::Result<Arc<Self>> {
        let renewed = watch::Sender::new(Instant::now());
        let Some(began_in) = storage.take_lease(owner, span).await? else {
            anyhow::bail!("a later life of node {} has begun meanwhile", owner.node);
        };
        let told_life = watch::Sender::new(began_in);
        let lease =
            Arc::new(Self { storage, bus, owner, span, renewed, fenced, began_in, told_life });
        // Not the start of the rest: that may take longer than a lease.
        tokio::spawn(until.run_until_cancelled_owned(Arc::clone(&lease).keep()));
        Ok(lease)
    }

    /// The life of the seats that this node is in from its beginning: of one that began since, it has yet to
    /// end what it had of before.
    pub(super) fn seats_life(&self) -> SeatsLife {
        SeatsLife::new(self.began_in, self.told_life.subscribe())
    }

    async fn keep(self: Arc<Self>) {
        let mut turns = interval(self.span / RENEWED_AFTER);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            let asked = Instant::now();
            match self.storage.renew_lease(self.owner, self.span).await {
                Ok(Some(life)) => {
                    self.renewed.send_replace(asked);
                    self.told_life.send_replace(life);
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(event = "node.not_renewed", %error, "the lease is not renewed");
                    if self.is_cut_off() {
                        break;
                    }
                }
            }
        }
        tracing::error!(
            event = "node.fenced",
            node = self.owner.node,
            "others may have given this node's seats away; its sessions end and it stops"
        );
        self.fenced.cancel();
    }

    /// Whether the others may fence this node with the next turn while it hears nothing of it.
    fn is_cut_off(&self) -> bool {
        let next = self.renewed.borrow().elapsed() + self.span / RENEWED_AFTER;
        next >= self.span && !self.bus.is_up()
    }
}

/// Ends what nodes left whose lease ran out.
pub(super) async fn sweep_always(app: Arc<App>, lease: Arc<Lease>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let renewed = lease.renewed.subscribe();
    // Since when every lease of this node followed the one before in time. Nobody is fenced by a node that
    // was cut off or stood still itself a moment ago: so may the others have been, and they need time to
    // say that they live.
    let mut steady_since = Instant::now();
    let mut last_look = Instant::now();
    // What is longer was no ordinary turn.
    let long = (lease.span / 2).max(LOOK * 3 / 2);
    loop {
        looks.tick().await;
        let now = Instant::now();
        if renewed.borrow().elapsed() > long || now.duration_since(last_look) > long {
            steady_since = now;
        }
        last_look = now;
        if steady_since.elapsed() >= lease.span {
            sweep(&app).await;
        }
    }
}

/// Ends what nodes left whose lease is over.
async fn sweep(app: &App) {
    let entry = &app.entry;
    let overdue = match entry.storage.fence_overdue().await {
        Ok(overdue) => overdue,
        Err(error) => {
            tracing::debug!(event = "node.not_swept", %error, "looked for later");
            return;
        }
    };
    for owner in overdue.into_iter().filter(|owner| *owner != entry.owner) {
        let swept = async {
            entry.fence(owner).await?;
            entry.storage.swept(owner).await?;
            Ok::<_, crate::entry::EntryError>(())
        };
        match swept.await {
            Ok(()) => tracing::warn!(
                event = "node.swept",
                node = owner.node,
                incarnation = owner.incarnation,
                "a node was silent for longer than its lease; its seats are held, then free"
            ),
            Err(error) => tracing::warn!(event = "node.not_swept", node = owner.node, %error,
                "a node's seats are given back as soon as the seat store answers"),
        }
    }
}
