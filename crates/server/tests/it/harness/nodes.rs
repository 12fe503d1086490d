//! Several nodes of one deployment: real processes over one PostgreSQL and one Redis.

use anteroom_client::Account;

use super::postgres::Postgres;
use super::redis::Redis;
use super::server::TestServer;
use super::settings::Settings;

/// Nodes that belong together. They end before what they stand on.
pub(crate) struct Nodes {
    pub(crate) nodes: Vec<TestServer>,
    pub(crate) redis: Redis,
    url: String,
}

impl Nodes {
    /// Starts so many, with the settings for tests changed by `change`.
    pub(crate) async fn start(count: u32, change: impl Fn(&mut Settings)) -> Self {
        let (redis, url) = (Redis::start(), Postgres::shared().database());
        let mut nodes = Self { nodes: Vec::new(), redis, url };
        for _ in 0..count {
            nodes.add(&change).await;
        }
        nodes
    }

    /// One more.
    pub(crate) async fn add(&mut self, change: impl Fn(&mut Settings)) {
        let number = self.nodes.len() + 1;
        let node = self.redis.server(|settings| {
            settings
                .set("cluster.bus", "redis")
                .set("cluster.node", number)
                .set("auth.guests", true)
                .set("auth.secret", "one secret that every node of this test knows")
                .set("storage.url", &self.url);
            change(settings);
        });
        self.nodes.push(node.await);
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
