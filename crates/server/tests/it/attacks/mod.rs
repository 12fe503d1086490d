//! Attacks and bad input, A01 to A55: what is tried and what is seen stands in `docs/attacks.md`, and each
//! test has its row's number in its name. Where it could matter what stands in front of the server, the same
//! bytes are sent to it straight, through nginx and through HAProxy.
//!
//! After each of them somebody who was not there enters and talks, nothing of seats and sessions is left over,
//! and the process uses what it used before.

mod answers;
mod bytes;
mod capacity;
mod claims;
mod documented;
mod forged;
mod frames;
mod guesses;
mod handshake;
mod headers;
mod requests;
mod routes;
mod silence;
mod sites;
mod smuggling;
mod stores;
mod texts;

use std::collections::HashMap;

use anteroom_client::{Account, Session};
use futures_util::future::join_all;
use serde_json::Value;

use crate::harness::check::{AtRest, Resources, leak, resources};
use crate::harness::{Proxy, Settings, TestServer, alive, within};

/// How many seats the scene's room has, of which the owner takes one.
const CAPACITY: u32 = 6;

/// A server with a room in which its owner sits, and how everything stood before the attack.
struct Scene {
    server: TestServer,
    owner: Account,
    room: i64,
    session: Session,
    chief: Account,
    stood: Value,
    used: Resources,
}

impl Scene {
    async fn set() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let server = TestServer::start(|cfg| {
            // Proxies stand before some of them, and what ends uncleanly shall be gone soon.
            cfg.set("server.trusted_proxies", "127.0.0.1").set("admission.grace", "300ms");
            // Who sits there is not listened to while others attack.
            cfg.set("heartbeat.ping", "5m").set("heartbeat.silence", "10m");
            change(cfg);
        })
        .await;
        let chief = server.administrator().await;
        let owner = server.user("owner").await;
        let (room, session) = server.room(&owner, CAPACITY).await;
        // As many passwords at once as there ever are, and a visit: what is needed for them stays.
        join_all((0..4).map(|n| warm_up(&server, room, n))).await;
        server.seats(room).await;
        let stood = server.standing(&chief).await;
        let used = Resources::of(server.pid());
        Self { server, owner, room, session, chief, stood, used }
    }

    /// Somebody new enters and talks, who was there still does, and nothing was left behind.
    async fn ends_well(mut self) {
        self.server.comes_to_rest(&self.chief, &self.stood).await;
        let probe = self.server.guest("probe").await;
        let mut inside = probe.enter(self.room).await.unwrap();
        alive(&mut inside).await;
        alive(&mut self.session).await;
        within("a leave", inside.leave()).await.unwrap();
        self.server.comes_to_rest(&self.chief, &self.stood).await;
        let seats = self.server.seats(self.room).await;
        // Ends are written down behind the answer.
        within("the ends of stays", async {
            while self.server.open_memberships(self.room) != 1 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let without_owner = AtRest {
            capacity: CAPACITY - 1,
            free: seats.free,
            kept: (seats.reserved + seats.held + seats.waiting) as usize,
            open_stays: 0,
        };
        leak(&[without_owner]).unwrap();
        resources(self.used, Resources::of(self.server.pid())).unwrap();
    }
}

/// A way to the server.
struct Way {
    name: &'static str,
    port: u16,
    proxy: Option<Proxy>,
}

impl Way {
    /// Straight, through nginx, and through HAProxy.
    async fn all(server: &TestServer) -> [Self; 3] {
        let (nginx, haproxy) = tokio::join!(Proxy::nginx(server), Proxy::haproxy(server));
        [
            Self { name: "straight", port: server.port(), proxy: None },
            Self { name: "nginx", port: nginx.port(), proxy: Some(nginx) },
            Self { name: "haproxy", port: haproxy.port(), proxy: Some(haproxy) },
        ]
    }

    fn is_straight(&self) -> bool {
        self.proxy.is_none()
    }

    /// What the proxy on the way has written down.
    fn log(&self) -> String {
        self.proxy.as_ref().map(Proxy::log).unwrap_or_default()
    }
}

/// Signs up and looks in, as people do.
async fn warm_up(server: &TestServer, room: i64, n: usize) {
    let early = server.user(&format!("early-{n}")).await;
    early.enter(room).await.unwrap().leave().await.unwrap();
}

/// Counts answers by status.
fn by_status(statuses: impl IntoIterator<Item = u16>) -> HashMap<u16, usize> {
    let mut counts = HashMap::new();
    statuses.into_iter().for_each(|status| *counts.entry(status).or_default() += 1);
    counts
}
