//! What each section holds, key by key: its kind, its default, and the sentence that explains it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::section::section;
use super::{Network, Size, Span, Strategy};

/// The SockJS client as its authors published it, with its digest.
const SOCKJS_SCRIPT: &str = "https://cdn.jsdelivr.net/npm/sockjs-client@1.6.1/dist/sockjs.min.js\
     #sha384-svdnwiXBL+Js+yUneJSRFy24NgGiOfDM/vkQl/vCeVrcbYD6yW8EwPr1FnxTEZsR";

section! {
    /// `server.*`
    Server {
        /// Address and port; port 0 picks a free one.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)),
        /// Where the embedded database and the generated secret live.
        data_dir: PathBuf = PathBuf::from("./data"),
        /// How people reach this server from outside, e.g. `https://chat.example.org`. Empty: as the
        /// `Host` header of each request says.
        public_url: String = String::new(),
        /// Other origins that may use the API and open WebSockets.
        allowed_origins: Vec<String> = Vec::new(),
        /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` count: addresses, and networks such as
        /// `10.0.0.0/8`. Whoever can connect from there says who asks.
        trusted_proxies: Vec<Network> = Vec::new(),
        /// Address and port of a second listener for metrics and administration. Empty: there is none,
        /// and metrics are on the main one while that is loopback.
        admin_listen: String = String::new(),
        /// Connections open at once; more wait in the kernel's queue.
        connections_max: usize = 65_536,
        /// Whether clients without WebSocket are served over SockJS, at `/sockjs`.
        sockjs: bool = true,
        /// Where the SockJS client is that pages of other sites get in a frame; behind `#` its digest, as
        /// browsers check it. Only clients that have neither WebSocket nor cross-site requests load it.
        sockjs_script: String = SOCKJS_SCRIPT.to_owned(),
        /// With several nodes: over which time a node that stops sends its sessions away.
        drain: Span = Span(Duration::from_secs(5)),
        /// How long sessions may take to end when the server stops.
        shutdown_grace: Span = Span(Duration::from_secs(10)),
    }
}

section! {
    /// `tls.*`
    Tls {
        /// PEM file with the certificate and those that lead from it to a known authority. Empty: no TLS.
        /// Read again on reload, as the key is.
        certificate: String = String::new(),
        /// PEM file with its private key.
        key: String = String::new(),
    }
}

section! {
    /// `storage.*`
    StorageSettings {
        /// Empty: SQLite in the data directory. `sqlite:PATH`: SQLite there.
        /// `postgres://user:password@host:port/database`: PostgreSQL.
        url: String = String::new(),
        /// Connections to PostgreSQL at once.
        connections: usize = 8,
        /// How long one call to PostgreSQL may take before the answer is `unavailable`.
        timeout: Span = Span(Duration::from_secs(5)),
    }
}

/// What says that a deadline of a room has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadlinePath {
    /// Each server itself.
    #[default]
    Local,
    /// RabbitMQ; each server itself 2 s later.
    Rabbitmq,
}

section! {
    /// `admission.*`
    Admission {
        /// How a reservation is decided.
        strategy: Strategy = Strategy::Semaphore,
        /// What says that a deadline has come; whether anything is due is decided where the seats are.
        deadlines: DeadlinePath = DeadlinePath::Local,
        /// How long a reserved seat waits for its connection.
        reservation_ttl: Span = Span(Duration::from_secs(120)),
        /// The same for a seat offered to somebody in line.
        offer_ttl: Span = Span(Duration::from_secs(30)),
        /// How long a seat is kept after an unclean close; 0 gives it back at once.
        grace: Span = Span(Duration::from_secs(10)),
        /// How long a new room waits for its first entry.
        pending_room_ttl: Span = Span(Duration::from_secs(120)),
        /// How long a waiter without a stream keeps the place.
        waiter_ttl: Span = Span(Duration::from_secs(30)),
        /// Open reservations one user may hold over all rooms.
        reservations_per_user: usize = 3,
        /// Lines of the entry log that are kept in memory.
        entry_log: usize = 10_000,
        /// Lines of the entry log that are kept in the store; 0 keeps none there.
        entry_log_rows: usize = 100_000,
    }
}

/// How many sessions a user may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionPolicy {
    /// One in all.
    #[default]
    One,
    /// One in each room.
    OnePerRoom,
    /// `sessions.max_per_user` in each room; they share one seat.
    Many,
}

/// Who wins when there is one session too many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// The newcomer; the oldest session ends.
    #[default]
    ReplaceOld,
    /// Who sits there; the newcomer is refused until that session has ended.
    RefuseNew,
}

section! {
    /// `sessions.*`
    Sessions {
        /// How many sessions a user may have.
        policy: SessionPolicy = SessionPolicy::One,
        /// With `many`: how many in one room.
        max_per_user: usize = 5,
        /// Who wins when there is one session too many.
        arrivals: Arrivals = Arrivals::ReplaceOld,
    }
}

/// Where the nodes of a cluster meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bus {
    /// There is one node.
    #[default]
    Local,
    /// Redis.
    Redis,
    /// RabbitMQ.
    Rabbitmq,
}

section! {
    /// `cluster.*`
    Cluster {
        /// Where the nodes of a cluster meet; `local` is one node alone.
        bus: Bus = Bus::Local,
        /// Which of the nodes this is, from 1; no two that run at once have the same number.
        node: u32 = 0,
        /// How long a node may be silent; then the others give its seats back.
        lease: Span = Span(Duration::from_secs(15)),
    }
}

section! {
    /// `redis.*`
    Redis {
        /// `redis://[user:password@]host:port/db`; needed by the strategy `redis`.
        url: String = String::new(),
        /// In front of every key. One database's own: where another's seats are, the start is refused.
        prefix: String = "anteroom:".to_owned(),
        /// How long one call may take before the answer is `unavailable`.
        timeout: Span = Span(Duration::from_secs(2)),
    }
}

section! {
    /// `rabbitmq.*`
    Rabbitmq {
        /// `amqp://[user:password@]host:port/vhost`; needed by whatever goes over RabbitMQ.
        url: String = String::new(),
        /// In front of every name there. One deployment's own.
        prefix: String = "anteroom.".to_owned(),
        /// How long one call may take.
        timeout: Span = Span(Duration::from_secs(2)),
        /// Whether what happens is told to other services, through the topic exchange `events`.
        events: bool = false,
    }
}

section! {
    /// `auth.*`
    Auth {
        /// Signs tokens and tickets; at least 32 characters. Empty: generated into the data directory.
        secret: String = String::new(),
        /// How long a token works unless refreshed.
        token_ttl: Span = Span(Duration::from_secs(30 * 60)),
        /// How long a login may be renewed; then one logs in again. 0 for ever.
        login_life: Span = Span(Duration::from_secs(30 * 86_400)),
        /// Whether people may enter with only a name.
        guests: bool = true,
        /// Logins of one user at once; a newer one supersedes the oldest.
        logins_per_user: usize = 1,
        /// How long a new account lives; 0 for ever.
        account_life: Span = Span(Duration::ZERO),
        /// How long a password lives; 0 for ever.
        credentials_life: Span = Span(Duration::ZERO),
        /// Passwords hashed at once; 0 takes the number of processors.
        hashing_max: usize = 0,
    }
}

section! {
    /// `admin.*`
    Admin {
        /// Lines of the audit trail that are kept of administrators, moderators and the command line; as
        /// many again of room owners and of what was refused to others.
        audit_kept: usize = 50_000,
    }
}

/// How messages come to the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pipeline {
    /// The sender's node stores them.
    #[default]
    Direct,
    /// Through queues on RabbitMQ, each of which one node takes from.
    Queued,
}

section! {
    /// `messages.*`
    Messages {
        /// Characters in one message.
        content_chars_max: usize = 4_000,
        /// Messages taken and not yet stored; beyond it senders are told `unavailable`.
        backlog_max: usize = 8_192,
        /// How long messages are kept, at least an hour; 0 for ever. Older ones are taken away for good.
        keep: Span = Span(Duration::ZERO),
        /// How messages come to the store: `direct`, or `queued` over RabbitMQ.
        pipeline: Pipeline = Pipeline::Direct,
        /// With `queued`: how many queues the rooms share. The same on every node.
        shards: u32 = 8,
    }
}

section! {
    /// `heartbeat.*`
    Heartbeat {
        /// Silence after which the server asks whether the peer is there.
        ping: Span = Span(Duration::from_secs(25)),
        /// Silence after which it takes the peer for gone.
        silence: Span = Span(Duration::from_secs(60)),
    }
}

section! {
    /// `limits.*`
    Limits {
        /// Off only for load tests; does not switch off `admission.*`.
        enabled: bool = true,
        /// Bytes in one inbound frame or message.
        frame_bytes: Size = Size(64 << 10),
        /// Bytes in one request body.
        body_bytes: Size = Size(64 << 10),
        /// Bytes queued for one session before it counts as a slow consumer.
        outbound_bytes: Size = Size(1 << 20),
        /// Frames that are none of the contract's, in 60 s, before 4400.
        bad_frames: usize = 20,
        /// Frames of one session in 10 s before 4529.
        frames_per_10s: usize = 300,
        /// Requests to the API from one address in 10 s.
        requests_per_address: usize = 1_000,
        /// Requests of one account in 10 s.
        requests_per_account: usize = 300,
        /// How often one account may ask for a seat or a place in the line of one room in 60 s.
        attempts_per_room: usize = 60,
        /// Open reservations from one address.
        reservations_per_address: usize = 20,
        /// Failed sign-ins per account and per address in 15 minutes.
        login_failures: usize = 5,
        /// Wrong passwords of one user for one room in 15 minutes.
        room_password_failures: usize = 5,
        /// Forged tickets from one address, and dead tickets and stale resume secrets of one user, in 60 s.
        bad_proofs: usize = 60,
        /// Accounts and guests made from one address in 10 minutes.
        signups_per_address: usize = 60,
        /// Searches of one user in 60 s.
        searches_per_user: usize = 60,
        /// How often one user may ask for all that is stored of them, in an hour.
        exports_per_user: usize = 4,
        /// Rooms one user may have in the creation queue.
        pending_rooms_per_user: usize = 3,
    }
}

section! {
    /// `traces.*`
    Traces {
        /// Where an OpenTelemetry collector takes spans: OTLP over HTTP, e.g. `http://127.0.0.1:4318`, which
        /// is also the port where none is named. Empty: nothing is traced. Variables named `OTEL_*` are not
        /// read.
        endpoint: String = String::new(),
        /// Which share of entries, requests and messages is recorded, from 0 to 1. A request whose caller
        /// sends a `traceparent` is recorded as that says.
        sample: f64 = 1.0,
        /// What the server is called there (`service.name`).
        service: String = "anteroom".to_owned(),
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

section! {
    /// `log.*`
    Log {
        /// `error`, `warn`, `info`, `debug`, `trace`, or a filter like `info,anteroom=debug`.
        level: String = "info".to_owned(),
        /// How the lines look.
        format: LogFormat = LogFormat::Auto,
    }
}

impl StorageSettings {
    /// Whether PostgreSQL is asked for.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        ["postgres://", "postgresql://"].iter().any(|scheme| self.url.starts_with(scheme))
    }
}

impl Limits {
    /// A bound, where bounds are on.
    #[must_use]
    pub fn bound(&self, max: usize) -> Option<usize> {
        self.enabled.then_some(max)
    }
}

impl Server {
    /// Where metrics and administration listen apart; `None` when they do not.
    ///
    /// # Errors
    /// Not an address and a port.
    pub fn admin_address(&self) -> Result<Option<SocketAddr>, std::net::AddrParseError> {
        let text = self.admin_listen.trim();
        if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
    }
}
