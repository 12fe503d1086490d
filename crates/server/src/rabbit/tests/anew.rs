//! Lines that break, and what comes after.

use super::*;

#[tokio::test]
async fn after_kill_9_the_line_begins_anew_with_everything_that_lasts() {
    let rabbit = Rabbit::start().await;
    let broker = broker_at(rabbit.url(), "t.");
    let (link, _stop) = started(&broker, said_and_heard(&broker)).await;
    let [one, two] = ["one", "two"].map(|text| lasting(&broker, "word", text));
    assert_eq!(say(&link, &one).await.unwrap(), Outcome::Confirmed);
    let mut consumer = link.consume("heard", 10).await.unwrap();
    let first = next(&mut consumer).await.unwrap();
    rabbit.settle().await;
    rabbit.kill9().await;
    assert_eq!(next(&mut consumer).await, None, "the line is gone");
    assert!(!link.is_up());
    let asked = std::time::Instant::now();
    assert!(say(&link, &two).await.is_err() && link.consume("heard", 1).await.is_err());
    assert!(asked.elapsed() < TIMEOUT / 2, "nobody waits for a line");
    rabbit.start_again().await;
    after(&link, 1).await;
    assert!(consumer.ack(first.tag).await.is_err(), "a tag is of its own line");
    // A channel that was not told to confirm would not say so.
    repeated_until_confirmed(&link, two).await;
    let mut consumer = link.consume("heard", 10).await.unwrap();
    let again = next(&mut consumer).await.unwrap();
    assert_eq!((&again.body[..], again.is_repeated), (&b"one"[..], true));
    assert_eq!(next(&mut consumer).await.unwrap().body, "two");
}

#[tokio::test]
async fn a_broker_that_is_away_at_the_start_is_used_when_it_comes() {
    let rabbit = Rabbit::start().await;
    let broker = broker_at(rabbit.url(), "t.");
    rabbit.kill9().await;
    let (link, _stop) = started(&broker, said_and_heard(&broker)).await;
    assert!(!link.is_up());
    rabbit.start_again().await;
    after(&link, 0).await;
    let outcome = say(&link, &lasting(&broker, "word", "one")).await.unwrap();
    assert_eq!(outcome, Outcome::Confirmed);
}

#[tokio::test]
async fn what_was_deleted_on_the_broker_comes_back_with_the_next_line() {
    let broker = place();
    let (link, _stop) = started(&broker, said_and_heard(&broker)).await;
    let mut consumer = link.consume("heard", 10).await.unwrap();
    Rabbit::shared().ctl(&["delete_queue", &broker.name("heard")]).await;
    assert_eq!(next(&mut consumer).await, None, "its queue is gone");
    let number = after(&link, 1).await;
    let one = lasting(&broker, "word", "one");
    assert_eq!(say(&link, &one).await.unwrap(), Outcome::Confirmed);
    let (other, _stop) = started(&broker, Topology::of(&broker)).await;
    other.delete_exchange("said").await;
    let outcome = say(&link, &one).await.unwrap();
    assert_eq!(outcome, Outcome::Unknown, "there is no such exchange");
    after(&link, number).await;
    assert_eq!(say(&link, &one).await.unwrap(), Outcome::Confirmed);
}

#[tokio::test]
async fn connections_that_the_broker_ends_are_made_anew() {
    let rabbit = Rabbit::start().await;
    let broker = broker_at(rabbit.url(), "t.");
    let (link, _stop) = started(&broker, said_and_heard(&broker)).await;
    for number in 1..4 {
        rabbit.ctl(&["close_all_connections", "a test"]).await;
        assert!(after(&link, number).await > number);
        let outcome = say(&link, &lasting(&broker, "word", "one")).await.unwrap();
        assert_eq!(outcome, Outcome::Confirmed);
    }
}

/// As whoever publishes what must not be lost. A queue that was only just read back from disk has no
/// leader yet, and confirms nothing before it has.
async fn repeated_until_confirmed(link: &Link, message: Message) {
    let confirmed = async {
        while say(link, &message).await != Ok(Outcome::Confirmed) {
            after(link, 0).await;
        }
    };
    timeout(PATIENCE, confirmed).await.expect("it is confirmed");
}

impl Link {
    /// As an operator would.
    async fn delete_exchange(&self, name: &str) {
        let Line::Open(open) = self.lines().borrow().clone() else { panic!("no line") };
        let name = self.broker().name(name);
        open.control.exchange_delete(name.into(), Default::default()).await.unwrap();
    }
}
