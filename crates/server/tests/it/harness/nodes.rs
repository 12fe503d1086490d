//! Several nodes of one deployment: real processes over one PostgreSQL, and a bus.

use anteroom_client::Account;

use super::postgres::Postgres;
use super::rabbit::Rabbit;
use super::redis::Redis;
use super::server::TestServer;
use super::settings::Settings;

/// Nodes that belong together. They end before what they stand on.
pub(crate) struct Nodes {
    pub(crate) nodes: Vec<TestServer>,
    pub(crate) redis: Redis,
    bus: Bus,
    url: String,
}

/// Where the nodes meet.
enum Bus {
    /// Where their seats are.
    Redis,
    /// A RabbitMQ that others use too, under this prefix.
    Rabbit(&'static Rabbit, String),
}

impl Bus {
    /// The one that `NODES_BUS` names: what holds, holds with any of them.
    fn for_tests() -> Self {
        match std::env::var("NODES_BUS").as_deref() {
            Ok("rabbitmq") => {
                let rabbit = Rabbit::shared();
                Self::Rabbit(rabbit, rabbit.prefix())
            }
            Ok("redis") | Err(_) => Self::Redis,
            Ok(other) => panic!("NODES_BUS={other} is neither redis nor rabbitmq"),
        }
    }

    fn give_to(&self, settings: &mut Settings) {
        match self {
            Self::Redis => settings.set("cluster.bus", "redis"),
            Self::Rabbit(rabbit, prefix) => meet_at(settings, rabbit, prefix),
        };
    }
}

impl Nodes {
    /// Starts so many, with the settings for tests changed by `change`.
    pub(crate) async fn start(count: u32, change: impl Fn(&mut Settings)) -> Self {
        let (redis, url) = (Redis::start(), Postgres::shared().database());
        let mut nodes = Self { nodes: Vec::new(), redis, bus: Bus::for_tests(), url };
        for _ in 0..count {
            nodes.add(&change).await;
        }
        nodes
    }

    /// One more.
    pub(crate) async fn add(&mut self, change: impl Fn(&mut Settings)) {
        let number = self.nodes.len() + 1;
        let (bus, url) = (&self.bus, &self.url);
        let node = self.redis.server(|settings| {
            bus.give_to(settings);
            one_of_many(settings, number, url);
            change(settings);
        });
        self.nodes.push(node.await);
    }

    /// The port of the server that carries what they tell each other.
    pub(crate) fn bus_port(&self) -> u16 {
        match &self.bus {
            Bus::Redis => self.redis.port(),
            Bus::Rabbit(rabbit, _) => rabbit.port(),
        }
    }

    /// The setting that says where that is, and its value for a server at this address.
    pub(crate) fn bus_at(&self, address: std::net::SocketAddr) -> (&'static str, String) {
        match &self.bus {
            Bus::Redis => ("redis", format!("redis://{address}/")),
            Bus::Rabbit(..) => ("rabbitmq", format!("amqp://{address}/")),
        }
    }

    /// What the database says to this, without decoration.
    pub(crate) fn stored(&self, sql: &str) -> String {
        Postgres::shared().say(&self.url, sql)
    }

    /// The same person, asking another node with the same token.
    pub(crate) fn at(&self, node: usize, who: &Account) -> Account {
        self.nodes[node].client().with_token(who.token())
    }
}

/// Settings of the node of this number of a deployment with that database.
pub(crate) fn one_of_many(settings: &mut Settings, number: usize, url: &str) {
    settings
        .set("cluster.node", number)
        .set("auth.guests", true)
        .set("auth.secret", "one secret that every node of this test knows")
        .set("storage.url", url);
}

/// Settings of a node that meets the others there.
pub(crate) fn meet_at<'a>(
    settings: &'a mut Settings,
    rabbit: &Rabbit,
    prefix: &str,
) -> &'a mut Settings {
    settings
        .set("cluster.bus", "rabbitmq")
        .set("rabbitmq.url", rabbit.url())
        .set("rabbitmq.prefix", prefix)
}
