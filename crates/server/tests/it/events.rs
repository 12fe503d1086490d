//! What happens on a server is told to other services: everything, at least once, and in each room's order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anteroom_client::Session;
use anteroom_protocol::Code;
use lapin::options::{
    BasicAckOptions, BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use serde_json::{Value, json};

use crate::harness::{Nodes, PATIENCE, Rabbit, Settings, TestServer, shown, within};
use crate::talk::Talk;

/// Another service, which wants to know everything.
struct Service {
    url: String,
    exchange: String,
    /// Its place on the broker; `None` before it has looked.
    channel: Option<Channel>,
    heard: Vec<Heard>,
}

/// An event as it arrived.
#[derive(Clone, Debug)]
struct Heard {
    key: String,
    id: String,
    told: Value,
}

const QUEUE: &str = "a-service";

impl Service {
    /// Its queue is there from now on.
    async fn begin(rabbit: &Rabbit, prefix: &str) -> Self {
        let exchange = format!("{prefix}events");
        let mut service = Self { url: rabbit.url(), exchange, channel: None, heard: Vec::new() };
        service.look().await.unwrap();
        service
    }

    /// Takes what is there. What it could not acknowledge comes again.
    async fn look(&mut self) -> lapin::Result<()> {
        let channel = match &self.channel {
            Some(channel) => channel.clone(),
            None => self.channel.insert(self.connect().await?).clone(),
        };
        let queue = self.queue();
        while let Some(got) =
            channel.basic_get(queue.as_str().into(), BasicGetOptions::default()).await?
        {
            let event = got.delivery;
            self.heard.push(Heard {
                key: event.routing_key.to_string(),
                id: event.properties.message_id().as_ref().unwrap().to_string(),
                told: serde_json::from_slice(&event.data).unwrap(),
            });
            channel.basic_ack(event.delivery_tag, BasicAckOptions::default()).await?;
        }
        Ok(())
    }

    fn queue(&self) -> String {
        format!("{}.{QUEUE}", self.exchange)
    }

    async fn connect(&self) -> lapin::Result<Channel> {
        let connection = Connection::connect(&self.url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        let lasts = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let (exchange, queue, none) = (&*self.exchange, self.queue(), FieldTable::default());
        channel.exchange_declare(exchange.into(), ExchangeKind::Topic, lasts, none.clone()).await?;
        let lasts = QueueDeclareOptions { durable: true, ..Default::default() };
        channel.queue_declare(queue.as_str().into(), lasts, none.clone()).await?;
        let bind = QueueBindOptions::default();
        channel.queue_bind(queue.as_str().into(), exchange.into(), "#".into(), bind, none).await?;
        Ok(channel)
    }

    /// Looks until what it heard is enough.
    async fn until(&mut self, what: &str, is_enough: impl Fn(&[Heard]) -> bool) {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        let looking = async {
            loop {
                looks.tick().await;
                if self.look().await.is_err() {
                    self.channel = None;
                }
                if is_enough(&self.heard) {
                    return;
                }
            }
        };
        if tokio::time::timeout(PATIENCE, looking).await.is_err() {
            let keys: Vec<_> = self.heard.iter().map(|it| &it.key).collect();
            panic!("never heard {what}: {keys:#?}");
        }
    }

    /// The numbers of the messages of a room that it heard of, as they came.
    fn seqs(&self, room: i64) -> Vec<i64> {
        seqs(&self.heard, room)
    }

    fn assert_each_once(&self) {
        let ids: BTreeSet<_> = self.heard.iter().map(|it| &it.id).collect();
        assert_eq!(ids.len(), self.heard.len(), "something came twice");
    }
}

fn seqs(heard: &[Heard], room: i64) -> Vec<i64> {
    let key = format!("room.{room}.message.created");
    let of_room = heard.iter().filter(|it| it.key == key);
    of_room.map(|it| it.told["data"]["seq"].as_i64().unwrap()).collect()
}

fn tells(settings: &mut Settings, rabbit: &Rabbit, prefix: &str) {
    settings
        .set("rabbitmq.events", true)
        .set("rabbitmq.url", rabbit.url())
        .set("rabbitmq.prefix", prefix);
}

async fn say(session: &mut Session, count: usize) {
    for n in 0..count {
        within("an ack", session.send(format!("{n}"))).await.unwrap();
    }
}

#[tokio::test]
async fn a_service_hears_everything_of_a_journey_once_and_in_order() {
    let (rabbit, prefix) = (Rabbit::shared(), Rabbit::shared().prefix());
    let mut service = Service::begin(rabbit, &prefix).await;
    let server = TestServer::start(|settings| tells(settings, rabbit, &prefix)).await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 10).await;
    let guest = server.guest("guest").await;
    let guest_session = guest.enter(room).await.unwrap();
    let said = within("an ack", session.send("hello")).await.unwrap();
    within("an edit", session.edit(said.id, "hello you")).await.unwrap();
    within("a delete", session.delete(said.id)).await.unwrap();
    guest_session.leave().await.unwrap();
    owner.close_room(room).await.unwrap();
    owner.logout().await.unwrap();
    let out = owner.me().await.unwrap_err();
    assert_eq!(out.code(), Some(Code::Unauthenticated));

    service
        .until("the logout", |heard| heard.iter().any(|it| it.key.ends_with("login.ended")))
        .await;
    service.assert_each_once();
    let of_room = format!("room.{room}.");
    let keys: Vec<&str> =
        service.heard.iter().filter_map(|it| it.key.strip_prefix(&of_room)).collect();
    let expected = [
        "opened",
        "member.entered",
        "member.entered",
        "message.created",
        "message.edited",
        "message.deleted",
        "member.left",
        "member.left",
        "closed",
    ];
    assert_eq!(keys, expected);
    for Heard { key, id, told } in &service.heard {
        assert_eq!((&told["v"], &told["id"]), (&json!(1), &json!(id)), "{key}: {told}");
    }
    let metrics = server.metrics().await;
    let published = metrics.value(r#"anteroom_events_published_total{outcome="confirmed"}"#);
    assert_eq!(published, service.heard.len() as f64);
}

#[tokio::test]
async fn two_nodes_tell_each_thing_once_and_one_goes_on_alone() {
    let (rabbit, prefix) = (Rabbit::shared(), Rabbit::shared().prefix());
    let mut service = Service::begin(rabbit, &prefix).await;
    let mut nodes = Nodes::start(2, |settings| tells(settings, rabbit, &prefix)).await;
    let owner = nodes.nodes[1].user("owner").await;
    let (room, mut here) = nodes.nodes[1].room(&owner, 10).await;
    let mut there = nodes.nodes[0].guest("guest").await.enter(room).await.unwrap();
    tokio::join!(say(&mut here, 100), say(&mut there, 100));
    service.until("all of it", |heard| seqs(heard, room).len() >= 200).await;
    service.assert_each_once();
    assert_eq!(service.seqs(room), (1..=200).collect::<Vec<_>>());

    // Whichever had the turn: the other one goes on.
    nodes.nodes[0].kill9().await;
    say(&mut here, 20).await;
    let last = |heard: &[Heard]| seqs(heard, room).contains(&220);
    service.until("what came after", last).await;
    let told: BTreeSet<i64> = service.seqs(room).into_iter().collect();
    assert_eq!(told, (1..=220).collect());
}

#[tokio::test]
async fn nothing_is_lost_while_the_broker_is_killed_and_comes_back() {
    let rabbit = Rabbit::start().await;
    let mut service = Service::begin(&rabbit, "t.").await;
    let nodes = Nodes::start(2, |settings| tells(settings, &rabbit, "t.")).await;
    let mut talk = Talk::between(&nodes, &[0, 1]).await;
    let room = talk.room();
    let some = talk.answered(100);
    talk.go(150, async {
        some.await;
        rabbit.kill9().await;
    })
    .await;
    // Chat went on without it, and what happened meanwhile waits.
    assert_eq!(nodes.stored("SELECT count(*) > 0 FROM events"), "t");
    rabbit.start_again().await;
    service
        .until("all of it", |heard| {
            let told: BTreeSet<i64> = seqs(heard, room).into_iter().collect();
            told == (1..=300).collect()
        })
        .await;
    talk.check(&nodes).await;
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for Heard { id, .. } in &service.heard {
        *times.entry(id).or_default() += 1;
    }
    shown(&format!("{} events, {} of them twice", times.len(), service.heard.len() - times.len()));
    within("an empty outbox", async {
        while nodes.stored("SELECT count(*) FROM events") != "0" {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // Told by the one service or not: under one id there is one thing.
    let mut of_id: BTreeMap<&str, &Value> = BTreeMap::new();
    for Heard { id, told, .. } in &service.heard {
        assert_eq!(*of_id.entry(id).or_insert(told), told);
    }
}
