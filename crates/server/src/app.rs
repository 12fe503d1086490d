//! The wiring: every part is made once, here, and gets what it needs and no more.

mod broker;
mod control;
mod drain;
mod ears;
mod ground;
mod lease;
mod live;
mod loops;
mod parts;
mod watch;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anteroom_core::ids::UserId;
use anteroom_protocol::CloseCode;
use arc_swap::{ArcSwap, Guard};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::{CapacityWatch, TicketKey, Whose};
use crate::alarms::Rings;
use crate::audit::Audit;
use crate::clock::Clock;
use crate::cluster::Heard;
use crate::config::{Config, Overrides};
use crate::entry::{Aftermath, Duties, Entry, LineBoard, Removals};
use crate::http;
use crate::http::rates::Rates;
use crate::http::tls::Tls;
use crate::hub::{Hub, Presence};
use crate::messages::{Delivery, Eraser, History, MessageLog, Pending, Taken};
use crate::metrics::Metrics;
use crate::people::People;
use crate::readiness::Readiness;
use crate::rooms::{RoomService, Rooms, SeatsLife};
use crate::sockjs::Lines;
use crate::storage::SharedStorage;
use crate::sweeper::Deadlines;
use crate::tokens::Tokens;
use crate::traces::Traces;
use crate::windows::Windows;
use crate::ws::Connections;
use broker::{Brokered, Said};
pub(crate) use control::socket_of;
use ground::{Ground, ground, join};
pub(crate) use ground::{data_dir, open_storage, seats_file, sqlite_file, tokens_apart};
use lease::Lease;
use live::{Live, Source};
use watch::Watch;

/// Over which span forged tickets and stale secrets are counted.
const PROOFS_SPAN: Duration = Duration::from_secs(60);
/// Over which span searches are counted.
const SEARCHES_SPAN: Duration = Duration::from_secs(60);
/// Over which span wrong room passwords of one user are counted.
const PASSWORDS_SPAN: Duration = Duration::from_secs(900);

/// What request handlers and connections are given.
pub(crate) struct App {
    pub(crate) clock: Arc<Clock>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) people: People,
    pub(crate) audit: Arc<Audit>,
    pub(crate) readiness: Readiness,
    pub(crate) entry: Arc<Entry>,
    pub(crate) rooms: RoomService,
    pub(crate) history: Arc<History>,
    /// Requests of each address and account.
    pub(crate) rates: Rates,
    /// Searches of each user.
    pub(crate) searches: Windows<UserId>,
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) sockjs: SockJs,
    pub(crate) deadlines: Arc<Deadlines>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) capacity: Arc<CapacityWatch>,
    pub(crate) public_origin: Option<String>,
    /// Whether it speaks TLS itself.
    pub(crate) is_secure: bool,
    live: ArcSwap<Live>,
    /// How long messages are kept.
    keep: tokio::sync::watch::Sender<Duration>,
    source: Source,
    pub(crate) stopping: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

/// What SockJS is given.
pub(crate) struct SockJs {
    pub(crate) is_on: bool,
    pub(crate) lines: Arc<Lines>,
    /// Where the client is that the page for frames loads.
    pub(crate) script: String,
}

impl App {
    /// What a reload may replace, as it is now.
    pub(crate) fn live(&self) -> Guard<Arc<Live>> {
        self.live.load()
    }

    /// Who takes away what people said whose accounts have ended.
    fn eraser(&self) -> Eraser {
        Eraser {
            storage: Arc::clone(&self.entry.storage),
            log: self.connections.log.clone(),
            wake: Arc::clone(&self.people.erases),
        }
    }

    /// Whether the forwarded headers of this peer count.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        self.live().trusted_proxies.iter().any(|network| network.contains(peer))
    }

    /// Whether `origin` is `own` or a configured one.
    pub(crate) fn allows_origin(&self, origin: &str, own: &str) -> bool {
        origin == own || self.live().allowed_origins.iter().any(|allowed| allowed == origin)
    }
}

/// Runs the server on `listener` until `shutdown` resolves, then ends every session with 1012 and
/// closes the store. `ready` is called once requests are answered. A reload reads the configuration from
/// `overrides` again.
///
/// # Errors
/// What keeps the server from starting, in words.
pub async fn run(
    (config, overrides): (Config, Overrides),
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
    ready: impl FnOnce(),
) -> anyhow::Result<()> {
    // Before anything takes long: a hang-up that nobody listens for ends the process.
    let hangups = loops::hangups();
    let address = listener.local_addr()?;
    let admin = watch::admin_listener(&config).await?;
    let tls = Tls::of(&config.tls)?;
    let source = Source::new(&config, overrides, tls.clone());
    let (storage, fatal) = open_storage(&config).await?;
    let stopping = CancellationToken::new();
    // Stops what sessions feed, after they ended.
    let last = CancellationToken::new();
    let tasks = TaskTracker::new();
    let (stop, end, fenced) = (stopping.clone(), last.clone(), CancellationToken::new());
    let ends = Ends { fatal, fenced, stopping: stop, last: end };
    let (app, inlets) = build(&config, Arc::clone(&storage), &ends, &tasks, source).await?;
    let loops = TaskTracker::new();
    loops::spawn(&app, inlets, &loops, &last);
    loops::spawn_hangups(&app, hangups, &loops, &last);
    control::spawn(&app, &config, &loops, &last).await;
    // Nobody outside this machine may read them unless they are given an address of their own.
    let shows_metrics = admin.is_none() && address.ip().is_loopback();
    let router = http::router(&app, shows_metrics);
    // A session that stands still is told why once the silence is over, long before; this is for all others.
    let unread = config.heartbeat.silence.0 * 5;
    http::serve::end_unread(&listener, unread);
    let (max, closed) = (config.server.connections_max, CancellationToken::new());
    let doors = http::serve::accept(listener, router, tls, max, closed.clone(), tasks.clone());
    let accepting = tokio::spawn(doors);
    if let Some(listener) = admin {
        watch::serve_admin(&app, listener, unread)?;
    }
    tracing::info!(event = "server.started", listen = %address, epoch = app.entry.owner.incarnation,
        strategy = config.admission.strategy.as_str(), "the server answers");
    ready();
    let fault = until_over(&app, shutdown, config.server.drain.0, &ends).await;
    if ends.fenced.is_cancelled() {
        app.entry.hub.end_all(CloseCode::Fenced);
    }
    tracing::info!(event = "server.stopping", "the server stops");
    stopping.cancel();
    app.entry.hub.end_all(CloseCode::Restarting);
    if fault.is_none() {
        app.sockjs.lines.told().await;
    }
    closed.cancel();
    accepting.await?;
    tasks.close();
    if tokio::time::timeout(config.server.shutdown_grace.0, tasks.wait()).await.is_err() {
        tracing::warn!(
            event = "server.stopped_hard",
            tasks = tasks.len(),
            "not everything ended in time"
        );
    }
    give_up(&app, &storage).await;
    let traces = app.entry.aftermath.traces.clone();
    drop(app);
    last.cancel();
    loops.close();
    let _ = tokio::time::timeout(Duration::from_secs(2), loops.wait()).await;
    storage.close().await;
    traces.stop().await;
    tracing::info!(event = "server.stopped", "the server has stopped");
    fault.map_or(Ok(()), |fault| Err(anyhow::anyhow!(fault)))
}

/// Waits until the server is to stop; why, if not because it was asked to.
async fn until_over(
    app: &App,
    shutdown: impl Future<Output = ()>,
    drain: Duration,
    ends: &Ends,
) -> Option<&'static str> {
    let out = async {
        shutdown.await;
        if app.entry.aftermath.bus.is_shared() {
            drain::drain(app, drain).await;
        }
    };
    // A store that could not write what it was told to may not be trusted again, and a node that others
    // gave up has nothing left to give.
    tokio::select! {
        () = out => None,
        () = ends.fatal.cancelled() => Some("the database could not be written; see the log"),
        () = ends.fenced.cancelled() => Some("the lease of this node was over; see the log"),
    }
}

/// Leaves nothing behind that somebody else would have to end.
async fn give_up(app: &App, storage: &SharedStorage) {
    let (entry, in_time) = (&app.entry, Duration::from_secs(1));
    match tokio::time::timeout(in_time, entry.give_up()).await {
        // Only now: whoever finds the lease given up does not look for seats.
        Ok(Ok(())) if entry.aftermath.bus.is_shared() => {
            if let Err(error) = storage.give_up_lease(entry.owner).await {
                tracing::warn!(event = "node.not_given_up", %error, "the lease runs out by itself");
            }
        }
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(event = "seat_store.unavailable", %error,
            "the next start ends what this life left"),
        Err(_) => tracing::warn!(
            event = "seat_store.unavailable",
            "the next start ends what this life left"
        ),
    }
}

/// What ends the server, and what ends with it.
struct Ends {
    /// The database can no longer be trusted.
    fatal: CancellationToken,
    /// This node's lease is over.
    fenced: CancellationToken,
    /// The server stops.
    stopping: CancellationToken,
    /// Every session has ended.
    last: CancellationToken,
}

/// What comes in from sessions and from other nodes.
struct Inlets {
    appends: mpsc::Receiver<Taken>,
    /// `None` where nothing goes over RabbitMQ.
    broker: Option<Brokered>,
    /// `None` where messages go straight to the store.
    said: Option<Said>,
    /// `None` where there are no other nodes.
    others: Option<(mpsc::Receiver<Heard>, Arc<Lease>)>,
    /// What is due, where RabbitMQ says so.
    rings: Option<Rings>,
}

async fn entry(
    config: &Config,
    ground: &Ground,
    storage: &SharedStorage,
    tasks: &TaskTracker,
    stopping: &CancellationToken,
) -> anyhow::Result<(Entry, Watch)> {
    let rooms = Arc::new(Rooms::default());
    let owner = ground.owner;
    let whose = Whose { deployment: ground.deployment, owner };
    let seats = parts::strategy(config, ground, whose).await?;
    if !ground.bus.is_shared() {
        let begun = storage.begin_epoch().await?;
        anyhow::ensure!(
            begun == owner.incarnation,
            "another server began on this database meanwhile"
        );
    }
    let (admission, watch) = watch::over(seats, config, storage, &ground.clock);
    let traces = Traces::new(&config.traces, ground.deployment, owner, &watch.metrics)?;
    let hub = Arc::new(Hub::new(Arc::clone(&ground.bus)).traced(traces.clone()));
    let aftermath = Aftermath {
        rooms: Arc::clone(&rooms),
        presence: Arc::new(Presence::default()),
        bus: Arc::clone(&ground.bus),
        line: Arc::new(LineBoard::default()),
        storage: Arc::clone(storage),
        clock: Arc::clone(&ground.clock),
        entry_log: Arc::clone(&watch.entry_log),
        tasks: tasks.clone(),
        alarms: ground.alarms.clone(),
        traces,
    };
    let whom = (Arc::clone(&hub), Arc::clone(&rooms));
    let pending =
        broker::is_queued(config).then(|| Arc::new(Pending::new(Arc::clone(&watch.metrics))));
    let bus = (Arc::clone(&ground.bus), aftermath.traces.clone());
    let delivery = Delivery::new(whom, Arc::clone(storage), bus, pending);
    let entry = Entry {
        delivery: Arc::new(delivery),
        duties: Duties {
            admission: Arc::clone(&admission),
            aftermath: aftermath.clone(),
            hub: Arc::clone(&hub),
            tasks: tasks.clone(),
            stopping: stopping.clone(),
            in_doubt: Arc::default(),
            removals: Removals::default(),
        },
        admission,
        rooms,
        hub,
        storage: Arc::clone(storage),
        tokens: Arc::clone(&ground.tokens),
        passwords: ground.accounts.passwords().clone(),
        clock: Arc::clone(&ground.clock),
        wrong_passwords: Windows::new(None, PASSWORDS_SPAN),
        bad_proofs: Windows::new(None, PROOFS_SPAN),
        ticket_key: TicketKey::new(ground.keys.ticket()),
        deadlines: Arc::clone(&ground.deadlines),
        aftermath,
        owner,
        streams_opened: AtomicU64::new(0),
        draining: stopping.child_token(),
        attach_again: config.admission.waiter_ttl.0 / 2,
    };
    Ok((entry, watch))
}

async fn build(
    config: &Config,
    storage: SharedStorage,
    ends: &Ends,
    tasks: &TaskTracker,
    source: Source,
) -> anyhow::Result<(Arc<App>, Inlets)> {
    let stopping = &ends.stopping;
    let (bus, arriving) = join(config, &ends.last).await?;
    let broker = broker::connect(config, &ends.last).await?;
    let ground = ground(config, &storage, ends, bus).await?;
    let (entry, watch) = entry(config, &ground, &storage, tasks, stopping).await?;
    let entry = Arc::new(entry);
    let audit = parts::audit(config, &storage, &ground.clock);
    let lives = (ground.owner.incarnation, ground.seats_life);
    let rooms = room_service(config, (&entry, &audit), lives);
    rooms.reload().await?;
    let admission = Arc::clone(&entry.admission);
    let delivery = Arc::clone(&entry.delivery);
    let history = Arc::new(History { storage, admission });
    let backlog = config.messages.backlog_max;
    let (mut log, appends) = MessageLog::new(backlog);
    let said = broker::is_queued(config).then(|| log.by_queue(backlog));
    let connections = Arc::new(Connections {
        entry: Arc::clone(&entry),
        history: Arc::clone(&history),
        delivery: Arc::clone(&delivery),
        log,
        metrics: Arc::clone(&watch.metrics),
        clock: Arc::clone(&ground.clock),
        deadlines: Arc::clone(&ground.deadlines),
        stopping: stopping.clone(),
        bounds: ArcSwap::from_pointee(parts::connections(config)),
    });
    let app = App {
        people: People::new(ground.accounts, &ground.tokens, (&entry, &audit)),
        clock: ground.clock,
        audit,
        readiness: parts::readiness(config),
        tokens: ground.tokens,
        entry,
        rooms,
        history,
        rates: Rates::default(),
        searches: Windows::new(None, SEARCHES_SPAN),
        delivery,
        sockjs: SockJs {
            is_on: config.server.sockjs,
            lines: Lines::new(&connections, tasks, config.server.connections_max),
            script: config.server.sockjs_script.clone(),
        },
        connections,
        deadlines: ground.deadlines,
        metrics: watch.metrics,
        capacity: watch.capacity,
        public_origin: parts::origin_of(&config.server.public_url),
        is_secure: source.tls.is_some(),
        live: ArcSwap::from_pointee(Live::of(config)),
        keep: tokio::sync::watch::Sender::new(config.messages.keep.0),
        source,
        stopping: stopping.clone(),
        tasks: tasks.clone(),
    };
    app.bind(&config.limits);
    let others = arriving.zip(ground.lease);
    Ok((Arc::new(app), Inlets { appends, broker, said, others, rings: ground.rings }))
}

fn room_service(
    config: &Config,
    (entry, audit): (&Arc<Entry>, &Arc<Audit>),
    (epoch, seats_life): (u64, SeatsLife),
) -> RoomService {
    RoomService {
        entry: Arc::clone(entry),
        pending_ttl: config.admission.pending_room_ttl.0,
        pending_max: config.limits.bound(config.limits.pending_rooms_per_user),
        epoch: AtomicU64::new(epoch),
        seats_life,
        audit: Arc::clone(audit),
        changes: tokio::sync::Mutex::default(),
    }
}
