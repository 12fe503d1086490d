//! Brokers that say nothing, or take nothing.

use std::process::Command;
use std::time::Instant;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::*;

fn signal(rabbit: &Rabbit, name: &str) {
    let kill = format!("kill -{name} {}", rabbit.pid());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    // It stands still once each of its threads does.
    while name == "STOP" && !stands_still(rabbit.pid()) {
        std::thread::yield_now();
    }
}

fn stands_still(pid: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads.flatten().all(|thread| {
        // One that is gone does nothing more.
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
    })
}

#[tokio::test]
async fn attempts_at_a_silent_broker_end_in_time_and_leave_nothing_behind() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("amqp://{}", listener.local_addr().unwrap());
    let timeout = config::Span(Duration::from_millis(200));
    let settings = config::Rabbitmq { url, timeout, ..config::Rabbitmq::default() };
    let broker = Broker::new(&settings).unwrap();
    let began = Instant::now();
    let (link, _stop) = started(&broker, Topology::of(&broker)).await;
    assert!(began.elapsed() < PATIENCE / 10 && !link.is_up());
    for _ in 0..5 {
        let ended = async {
            let (mut attempt, _) = listener.accept().await.unwrap();
            // The thread behind an attempt ends when its socket does.
            attempt.read_to_end(&mut Vec::new()).await
        };
        let said = tokio::time::timeout(PATIENCE / 10, ended).await.expect("it is given up");
        assert_eq!(said.unwrap(), b"AMQP\0\0\x09\x01".len());
    }
}

#[tokio::test]
async fn what_is_not_confirmed_in_time_is_unknown_and_the_line_begins_anew() {
    let rabbit = Rabbit::start().await;
    let broker = broker_at(rabbit.url(), "t.");
    let (link, _stop) = started(&broker, said_and_heard(&broker)).await;
    let [one, two] = ["one", "two"].map(|text| lasting(&broker, "word", text));
    signal(&rabbit, "STOP");
    let began = Instant::now();
    let outcomes = link.publish(&[one.clone(), two]).await.unwrap();
    assert_eq!(outcomes, [Outcome::Unknown, Outcome::Unknown]);
    assert!(began.elapsed() < TIMEOUT * 5);
    assert!(!link.is_up(), "a line with outcomes outstanding is not used again");
    signal(&rabbit, "CONT");
    after(&link, 1).await;
    assert_eq!(say(&link, &one).await.unwrap(), Outcome::Confirmed);
}

#[tokio::test]
async fn a_broker_without_memory_refuses_in_time_and_takes_again_when_it_has_some() {
    let rabbit = Rabbit::start().await;
    let broker = broker_at(rabbit.url(), "t.");
    let (link, _stop) = started(&broker, said_and_heard(&broker)).await;
    let one = lasting(&broker, "word", "one");
    rabbit.ctl(&["set_vm_memory_high_watermark", "0"]).await;
    let mut refused = 0;
    while refused < 3 {
        let began = Instant::now();
        match say(&link, &one).await {
            Ok(outcome) => assert_eq!(outcome, Outcome::Unknown),
            Err(_) => refused += 1,
        }
        assert!(began.elapsed() < TIMEOUT * 5);
        tokio::task::yield_now().await;
    }
    rabbit.ctl(&["set_vm_memory_high_watermark", "absolute", "1GB"]).await;
    let taken = async {
        while say(&link, &one).await != Ok(Outcome::Confirmed) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, taken).await.expect("it takes again");
}
