//! The line against a real RabbitMQ.

mod anew;
#[path = "../../tests/it/harness/rabbit.rs"]
pub(crate) mod server;
mod silence;

use std::slice;
use std::time::Duration;

use bytes::Bytes;
use lapin::ExchangeKind;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::server::Rabbit;
use super::link::Line;
use super::topology::Argument;
use super::*;
use crate::config;

/// How long is waited for what must come.
const PATIENCE: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(2);

fn broker_at(url: String, prefix: &str) -> Broker {
    let timeout = config::Span(TIMEOUT);
    Broker::new(&config::Rabbitmq {
        url,
        prefix: prefix.to_owned(),
        timeout,
        ..config::Rabbitmq::default()
    })
    .unwrap()
}

/// A place of its own on the shared broker.
pub(crate) fn place() -> Broker {
    let rabbit = Rabbit::shared();
    broker_at(rabbit.url(), &rabbit.prefix())
}

/// An exchange `said` with a queue `heard` for everything under the key `word`.
fn said_and_heard(broker: &Broker) -> Topology {
    let lasting = [("x-queue-type", Argument::Text("quorum".to_owned()))];
    Topology::of(broker)
        .exchange("said", ExchangeKind::Direct)
        .queue("heard", Life::Durable, &lasting)
        .binding("heard", "said", "word")
}

async fn started(broker: &Broker, topology: Topology) -> (Link, DropGuard) {
    let stop = CancellationToken::new();
    let link = Link::start(broker, topology, stop.clone()).await.unwrap();
    (link, stop.drop_guard())
}

/// Waits for a line with a higher number.
async fn after(link: &Link, number: u64) -> u64 {
    let mut lines = link.lines();
    let comes = lines.wait_for(|line| line.number().is_some_and(|it| it > number));
    let line = timeout(PATIENCE, comes).await.expect("a new line").expect("it is kept");
    line.number().unwrap()
}

async fn next(consumer: &mut Consumer) -> Option<Delivery> {
    timeout(PATIENCE, consumer.next()).await.expect("something comes, or the line goes")
}

fn lasting(broker: &Broker, key: &str, text: &str) -> Message {
    Message::lasting(&broker.name("said"), key, Bytes::copy_from_slice(text.as_bytes()), text)
}

/// Publishes one thing.
async fn say(link: &Link, message: &Message) -> Result<Outcome, Away> {
    link.publish(slice::from_ref(message)).await.map(|mut outcomes| outcomes.remove(0))
}

#[tokio::test]
async fn what_is_published_is_confirmed_and_comes_out_until_it_is_acknowledged() {
    let broker = place();
    let (link, _stop) = started(&broker, said_and_heard(&broker)).await;
    let [one, two, lost] = [("word", "one"), ("word", "two"), ("nobody", "lost")]
        .map(|(key, text)| lasting(&broker, key, text));
    let unwanted = lasting(&broker, "nobody", "unwanted").for_whoever_listens();
    let outcomes = link.publish(&[one, lost, two, unwanted]).await.unwrap();
    assert!(
        matches!(&outcomes[1], Outcome::Returned(why) if why.contains("NO_ROUTE")),
        "{outcomes:?}"
    );
    assert_eq!([&outcomes[0], &outcomes[2], &outcomes[3]], [&Outcome::Confirmed; 3]);
    let mut consumer = link.consume("heard", 10).await.unwrap();
    let (first, second) = (next(&mut consumer).await.unwrap(), next(&mut consumer).await.unwrap());
    assert_eq!((&first.body[..], &second.body[..]), (&b"one"[..], &b"two"[..]));
    assert_eq!((first.id.as_deref(), &*first.key, first.is_repeated), (Some("one"), "word", false));
    drop(consumer);
    let mut consumer = link.consume("heard", 10).await.unwrap();
    let (again, last) = (next(&mut consumer).await.unwrap(), next(&mut consumer).await.unwrap());
    assert_eq!((&again.body[..], again.is_repeated), (&b"one"[..], true));
    consumer.ack_up_to(last.tag).await.unwrap();
    drop(consumer);
    let text = "three";
    link.publish(&[lasting(&broker, "word", text)]).await.unwrap();
    let mut other = link.consume("heard", 10).await.unwrap();
    assert_eq!(next(&mut other).await.unwrap().body, text, "what was acknowledged is gone");
}

#[tokio::test]
async fn more_than_was_asked_for_waits_in_the_broker() {
    let broker = place();
    let (link, _stop) = started(&broker, said_and_heard(&broker)).await;
    let all: Vec<_> = (0..5).map(|n| lasting(&broker, "word", &n.to_string())).collect();
    link.publish(&all).await.unwrap();
    let mut few = link.consume("heard", 2).await.unwrap();
    let second = (next(&mut few).await.unwrap(), next(&mut few).await.unwrap()).1;
    let mut rest = link.consume("heard", 10).await.unwrap();
    for n in 2..5 {
        assert_eq!(next(&mut rest).await.unwrap().body, n.to_string());
    }
    few.ack_up_to(second.tag).await.unwrap();
}

#[tokio::test]
async fn a_key_is_heard_from_its_binding_until_its_unbinding() {
    let broker = place();
    let topology = Topology::of(&broker).exchange("said", ExchangeKind::Direct);
    let (link, _stop) = started(&broker, topology.queue("own", Life::Exclusive, &[])).await;
    let mut consumer = link.consume("own", 10).await.unwrap();
    link.bind("own", "said", "7").await.unwrap();
    link.bind("own", "said", "8").await.unwrap();
    link.unbind("own", "said", "7").await.unwrap();
    let said = ["7", "8"].map(|key| Message::passing(&broker.name("said"), key, Bytes::new()));
    assert_eq!(link.publish(&said).await.unwrap(), [Outcome::Confirmed, Outcome::Confirmed]);
    assert_eq!(next(&mut consumer).await.unwrap().key, "8");
}

#[tokio::test]
async fn what_stands_there_and_differs_is_named_and_refuses_the_start() {
    let broker = place();
    let (_link, _stop) = started(&broker, said_and_heard(&broker).events()).await;
    let shorter = [
        ("x-queue-type", Argument::Text("quorum".to_owned())),
        ("x-max-length", Argument::Number(5)),
    ];
    let other_queue = Topology::of(&broker).queue("heard", Life::Durable, &shorter);
    let other_exchange = Topology::of(&broker).exchange("events", ExchangeKind::Fanout);
    for (topology, name, why) in
        [(other_queue, "heard", "x-max-length"), (other_exchange, "events", "type")]
    {
        let refused = Link::start(&broker, topology, CancellationToken::new()).await.err().unwrap();
        let words = refused.to_string();
        for part in [&*broker.name(name), why, "rabbitmq.prefix"] {
            assert!(words.contains(part), "{part}: {words}");
        }
    }
}

#[tokio::test]
async fn a_broker_that_does_not_let_us_in_refuses_the_start() {
    let port = Rabbit::shared().port();
    for wrong in ["guest:hush@127.0.0.1:{}/%2f", "guest:guest@127.0.0.1:{}/nowhere"] {
        let url = format!("amqp://{}", wrong.replace("{}", &port.to_string()));
        let broker = broker_at(url, "t.");
        let topology = Topology::of(&broker);
        let refused = Link::start(&broker, topology, CancellationToken::new()).await.err().unwrap();
        assert!(matches!(refused, Unfit::Refused(_)), "{refused}");
        assert!(!refused.to_string().contains("hush"), "{refused}");
    }
}
