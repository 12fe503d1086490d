//! Nodes of one deployment, with a wire of its own from each to Redis and to PostgreSQL, and one from the
//! people to each.

mod logs;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anteroom_client::{Account, Client};
use serde_json::json;

use super::Round;
use crate::harness::carried::client;
use crate::harness::check::{AtRest, leak, rooms};
use crate::harness::{Postgres, Rabbit, Redis, Relay, Settings, TestServer, alive, shown, within};

/// A node that says nothing for so long is fenced.
pub(crate) const LEASE: Duration = Duration::from_secs(4);
/// How long a seat is kept after an unclean end.
const GRACE: Duration = Duration::from_millis(500);
/// How long an answer of Redis is waited for: short, for it is what most rows make fail.
const REDIS_TIMEOUT: Duration = Duration::from_millis(1_200);
/// The same for PostgreSQL. Nobody who signs in on a busy machine is refused for it.
const STORE_TIMEOUT: Duration = Duration::from_millis(2_500);
/// Beyond so long what ended has leaked: the deadline of a reservation, a lease, and a busy machine.
const REST: Duration = Duration::from_secs(25);
/// How soon is looked again.
const LOOK: Duration = Duration::from_millis(100);
/// What a healthy node may log as an error when what it stands on fails.
const EXPECTED: &[&str] = &[
    "node.fenced",
    "node.not_renewed",
    "seat_store.lost",
    "seat_store.rebuild_failed",
    "store.failed",
    "store.given_up",
    "entry.failed",
    "room.without_seats",
];

/// What a row needs.
pub(crate) struct Wanted {
    nodes: usize,
    owns_postgres: bool,
    over_rabbit: bool,
    is_alone: bool,
    program: Option<PathBuf>,
    redis: Vec<&'static str>,
    settings: Vec<(&'static str, String)>,
}

impl Wanted {
    pub(crate) fn nodes(nodes: usize) -> Self {
        let (redis, settings) = (Vec::new(), Vec::new());
        let (owns_postgres, over_rabbit, is_alone, program) = (false, false, false, None);
        Self { nodes, owns_postgres, over_rabbit, is_alone, program, redis, settings }
    }

    /// One server as it comes: facts in SQLite, seats in memory.
    pub(crate) fn alone() -> Self {
        Self { is_alone: true, ..Self::nodes(1) }
    }

    /// Every node begins as this program.
    pub(crate) fn runs(self, program: &Path) -> Self {
        Self { program: Some(program.to_owned()), ..self }
    }

    fn give_to(&self, settings: &mut Settings) {
        if let Some(program) = &self.program {
            settings.run(program);
        }
        for (key, value) in &self.settings {
            settings.set(key, value);
        }
    }

    /// Messages go through queues on a RabbitMQ that no other test stands on.
    pub(crate) fn over_rabbit(mut self) -> Self {
        self.over_rabbit = true;
        self
    }

    /// A PostgreSQL that no other test stands on: one to be stopped, or set otherwise.
    pub(crate) fn own_postgres(mut self) -> Self {
        self.owns_postgres = true;
        self
    }

    /// Redis is started with these words.
    pub(crate) fn redis(mut self, words: &[&'static str]) -> Self {
        self.redis = words.to_vec();
        self
    }

    /// Every node has this setting.
    #[expect(clippy::needless_pass_by_value, reason = "values are written where they are set")]
    pub(crate) fn set(mut self, key: &'static str, value: impl ToString) -> Self {
        self.settings.push((key, value.to_string()));
        self
    }
}

/// What a round happens on. The nodes end before what they stand on.
pub(crate) struct Ground {
    pub(crate) nodes: Vec<TestServer>,
    pub(crate) redis: Redis,
    pub(crate) rabbit: Option<Rabbit>,
    own_postgres: Option<Postgres>,
    url: String,
    pub(crate) to_redis: Vec<Relay>,
    pub(crate) to_postgres: Vec<Relay>,
    pub(crate) doors: Vec<Relay>,
}

impl Ground {
    /// Starts everything; nothing fails yet.
    pub(crate) async fn start(round: &mut Round, wanted: Wanted) -> Self {
        let own_postgres = wanted.owns_postgres.then(Postgres::start);
        let url = match wanted.is_alone {
            true => String::new(),
            false => own_postgres.as_ref().unwrap_or_else(|| Postgres::shared()).database(),
        };
        let redis = Redis::start_with(&wanted.redis);
        let (nodes, doors) = (Vec::new(), Vec::new());
        let (to_redis, to_postgres) = (Vec::new(), Vec::new());
        let rabbit = match wanted.over_rabbit {
            true => Some(Rabbit::start().await),
            false => None,
        };
        let mut ground =
            Self { nodes, redis, rabbit, own_postgres, url, to_redis, to_postgres, doors };
        for _ in 0..wanted.nodes {
            match wanted.is_alone {
                true => ground.add_alone(round, &wanted).await,
                false => ground.add(round, &wanted).await,
            }
        }
        if let Some(rabbit) = &ground.rabbit {
            // It may be killed at once.
            rabbit.settle().await;
        }
        ground
    }

    async fn add_alone(&mut self, round: &mut Round, wanted: &Wanted) {
        let node = TestServer::start(|settings: &mut Settings| {
            settings.set("auth.guests", true);
            settings.set("admission.reservation_ttl", "4s").set("admission.grace", millis(GRACE));
            wanted.give_to(settings);
        });
        self.stands(round, node.await).await;
    }

    async fn stands(&mut self, round: &mut Round, node: TestServer) {
        EXPECTED.iter().for_each(|event| node.expect_error(event));
        self.doors.push(Relay::seeded(node.port(), round.dice.split()).await);
        self.nodes.push(node);
    }

    async fn add(&mut self, round: &mut Round, wanted: &Wanted) {
        let to_redis = Relay::seeded(self.redis.port(), round.dice.split()).await;
        let port = port_of(&self.url);
        let to_postgres = Relay::seeded(port, round.dice.split()).await;
        let url =
            self.url.replace(&format!(":{port}/"), &format!(":{}/", to_postgres.address().port()));
        let number = self.nodes.len() + 1;
        let node = TestServer::start(|settings: &mut Settings| {
            settings
                .set("cluster.bus", "redis")
                .set("cluster.node", number)
                .set("cluster.lease", millis(LEASE))
                .set("auth.guests", true)
                .set("auth.secret", "one secret that every node of this test knows")
                .set("storage.url", url)
                .set("storage.timeout", millis(STORE_TIMEOUT))
                .set("redis.url", format!("redis://{}/", to_redis.address()))
                .set("redis.timeout", millis(REDIS_TIMEOUT))
                .set("admission.strategy", "redis")
                .set("admission.reservation_ttl", "4s")
                .set("admission.grace", millis(GRACE));
            if let Some(rabbit) = &self.rabbit {
                settings.set("messages.pipeline", "queued").set("rabbitmq.url", rabbit.url());
            }
            wanted.give_to(settings);
        })
        .await;
        self.to_redis.push(to_redis);
        self.to_postgres.push(to_postgres);
        self.stands(round, node).await;
    }

    /// Who asks that node, through its door.
    pub(crate) fn door(&self, node: usize) -> Client {
        client(&format!("http://{}", self.doors[node].address()))
    }

    pub(crate) fn all_doors(&self) -> Vec<Client> {
        (0..self.nodes.len()).map(|node| self.door(node)).collect()
    }

    /// The same person at another door.
    pub(crate) fn at(&self, node: usize, who: &Account) -> Account {
        self.door(node).with_token(who.token())
    }

    /// The node ends without warning, and begins again under its number.
    pub(crate) async fn kill_and_restart(&mut self, node: usize) {
        self.nodes[node].kill9().await;
        self.restart(node).await;
    }

    /// A node that has ended begins again, behind the same door. As whoever keeps it running does, it is
    /// started again where what it stands on is away.
    pub(crate) async fn restart(&mut self, node: usize) {
        let until = Instant::now() + REST;
        while let Err(said) = self.nodes[node].tries_to_restart().await {
            assert!(Instant::now() < until, "{said}");
            let why = said.lines().last().unwrap_or_default();
            shown(&format!("node {node} does not start: {why}"));
        }
        self.door_turns(node);
    }

    /// The node's door leads to where it is now.
    pub(crate) fn door_turns(&self, node: usize) {
        self.doors[node].turn_to(self.nodes[node].port());
    }

    /// Nodes that found that others had given them up have stopped, or do so about now; they begin again.
    pub(crate) async fn restart_who_stopped(&mut self) {
        for node in 0..self.nodes.len() {
            if self.nodes[node].has_fenced_itself() {
                self.nodes[node].exited().await;
                self.restart(node).await;
            }
        }
    }

    /// Whether it is one server that stands on nothing else.
    pub(crate) fn is_alone(&self) -> bool {
        self.url.is_empty()
    }

    /// The PostgreSQL of this round.
    pub(crate) fn postgres(&self) -> &Postgres {
        self.own_postgres.as_ref().unwrap_or_else(|| Postgres::shared())
    }

    /// What the database says, not over a wire.
    pub(crate) fn say(&self, sql: &str) -> String {
        match self.is_alone() {
            true => self.nodes[0].database_says(sql),
            false => self.postgres().say(&self.url, sql),
        }
    }

    /// Begins to say something to the database, and does not wait for the answer.
    pub(crate) fn begin_to_say(&self, sql: &str) -> Child {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-d", &self.url, "-c", sql]);
        psql.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        psql.spawn().expect("psql is installed")
    }

    /// Ends every backend that serves a node, in the midst of whatever it does.
    pub(crate) fn ends_backends(&self) {
        self.say(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
    }

    /// So many who only hold a connection.
    pub(crate) fn hogs(&self, count: usize) -> Vec<Child> {
        (0..count).map(|_| self.begin_to_say("SELECT pg_sleep(60)")).collect()
    }

    /// A room in which nobody sits.
    pub(crate) async fn room(&self, capacity: usize) -> i64 {
        let node = &self.nodes[0];
        let owner = node.guest("owner").await;
        node.empty_room(&owner, u32::try_from(capacity).unwrap()).await
    }

    /// So many guests, of all nodes in turn.
    pub(crate) async fn people(&self, count: usize) -> Vec<Account> {
        let mut people = Vec::with_capacity(count);
        for node in &self.nodes {
            people.extend(node.guests(count.div_ceil(self.nodes.len())).await);
        }
        people
    }

    /// Waits until nothing is left of anybody in the room: on every node, in Redis and in PostgreSQL.
    /// Everybody has gone.
    pub(crate) async fn leaks_nothing(&self, round: &mut Round, room: i64, capacity: usize) {
        let capacity = u32::try_from(capacity).unwrap();
        let until = Instant::now() + REST;
        let mut verdict = leak(&self.at_rest(room, capacity).await);
        while verdict.is_err() && Instant::now() < until {
            tokio::time::sleep_until(tokio::time::Instant::now() + LOOK).await;
            verdict = leak(&self.at_rest(room, capacity).await);
        }
        round.check("K-leak", verdict);
    }

    async fn at_rest(&self, room: i64, capacity: u32) -> Vec<AtRest> {
        let open =
            format!("SELECT count(*) FROM memberships WHERE room_id = {room} AND left_at IS NULL");
        let open_stays = self.say(&open).parse().unwrap();
        let kept = match self.is_alone() {
            true => 0,
            false => {
                ["slots", "line", "entering"].iter().map(|it| self.kept_in_redis(room, it)).sum()
            }
        };
        let mut rest = Vec::new();
        for node in &self.nodes {
            // A node that cannot tell is not at rest.
            let free = node.told_seats(room).await.map_or(0, |seats| seats.free);
            rest.push(AtRest { capacity, free, kept, open_stays });
        }
        rest
    }

    fn kept_in_redis(&self, room: i64, what: &str) -> usize {
        let verb = if what == "line" { "ZCARD" } else { "HLEN" };
        let said = self.redis.say(&format!("{verb} anteroom:room:{room}:{what}"));
        said.trim_start_matches(':').parse().unwrap_or_else(|_| panic!("{said}"))
    }

    /// Sees that no room is written down that nobody entered. Those whose first entry was under way when
    /// a node ended are `perhaps`.
    pub(crate) fn rooms(&self, round: &mut Round, perhaps: &BTreeSet<i64>) {
        let written = self.say("SELECT id FROM rooms");
        let written = written.lines().map(|id| id.parse().unwrap()).collect();
        let opened = self.nodes.iter().flat_map(|node| node.logged("room.opened", json!({})));
        let entered = opened.map(|event| event.text("room").parse().unwrap()).collect();
        round.check("K-room", rooms(&written, &entered, perhaps));
    }

    /// Somebody new comes in by every node within `bound`, and speaks.
    pub(crate) async fn lives(&self, round: &mut Round, room: i64, bound: Duration) {
        for node in 0..self.nodes.len() {
            let began = Instant::now();
            let mut session = within("a probe that joins", async {
                loop {
                    let Ok(guest) = self.door(node).guest("probe").await else {
                        tokio::task::yield_now().await;
                        continue;
                    };
                    if let Ok(session) = guest.enter(room).await {
                        return session;
                    }
                }
            })
            .await;
            alive(&mut session).await;
            let took = began.elapsed();
            round.holds("K-live", took <= bound, format!("node {node} let nobody in for {took:?}"));
            session.leave().await.unwrap();
        }
    }
}

/// Where the server of that address listens.
fn port_of(url: &str) -> u16 {
    let port = url.rsplit(':').next().and_then(|rest| rest.split('/').next()?.parse().ok());
    port.expect("the address of a database names a port")
}

fn millis(span: Duration) -> String {
    format!("{}ms", span.as_millis())
}
