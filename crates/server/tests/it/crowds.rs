//! Rooms in which some read nothing, some next to nothing, some break the line and some flood: the
//! others get everything, once and in order.

use std::time::{Duration, Instant};

use anteroom_client::{Account, Session};
use anteroom_protocol::CloseCode;
use anteroom_protocol::entry::Reserve;
use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::watch;

use crate::harness::raw::{self, Raw, seq_of};
use crate::harness::{Known as _, TestServer, alive, resident_kib, within};

const HEALTHY: usize = 178;
const DRIBBLERS: usize = 20;
/// Messages of twelve kilobytes: the kernel keeps some megabytes for each reader before a server can
/// tell that it does not read.
const MESSAGES: i64 = 320;
/// What readers that do not read may cost in memory, in KiB, all of them together.
const GROWTH_MAX: u64 = 48 << 10;

async fn enter(who: &Account, room: i64, receive_buffer: u32) -> Raw {
    let reservation = who.reserve(room, &Reserve::default()).await.unwrap();
    Raw::open(&reservation, receive_buffer).await
}

/// Reads every message up to the last, which must come once and in order.
async fn hear(mut line: Raw) -> Result<(), String> {
    let mut due = 1;
    while due <= MESSAGES {
        match line.next().await {
            Some((raw::TEXT, payload)) => match seq_of(&payload) {
                Some(seq) if seq == due => due += 1,
                Some(seq) => return Err(format!("{seq} where {due} was due")),
                None => {}
            },
            Some((raw::PING, payload)) => {
                line.write(&raw::frame(raw::PONG, true, &payload)).await;
            }
            Some(_) => {}
            None => return Err(format!("the line ended before {due}")),
        }
    }
    Ok(())
}

/// Reads a byte for each message that was said, to its own end or that of the talk.
async fn dribble(mut line: Raw, mut said: watch::Receiver<i64>) {
    while said.changed().await.is_ok() && line.read_a_byte().await {}
}

async fn talk(writer: &mut Session, said: watch::Sender<i64>) {
    let long = "한".repeat(4_000);
    for n in 1..=MESSAGES {
        let ack = within("an ack", writer.send(long.as_str())).await.unwrap();
        assert_eq!(ack.seq, n);
        said.send_replace(n);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f45_who_stalls_dribbles_or_resets_costs_the_rest_of_the_room_nothing() {
    let server = TestServer::start(|cfg| {
        cfg.set("limits.outbound_bytes", "64KiB").set("admission.grace", "200ms");
    })
    .await;
    let capacity = u32::try_from(HEALTHY + DRIBBLERS + 3).unwrap();
    let (room, mut writer) = server.room(&server.user("owner").await, capacity).await;
    let guests = server.guests(HEALTHY + DRIBBLERS + 2).await;
    let mut lines = Vec::with_capacity(guests.len());
    for some in guests.chunks(25) {
        lines.extend(join_all(some.iter().map(|guest| enter(guest, room, 16 << 10))).await);
    }
    // The last two are the one that stalls and the one that resets its line.
    let (_resetting, _stalled) = (lines.pop().unwrap(), lines.pop().unwrap());
    let resetting = guests.last().unwrap();
    let (said, told) = watch::channel(0);
    for slow in lines.split_off(HEALTHY) {
        tokio::spawn(dribble(slow, told.clone()));
    }
    let hearing: Vec<_> = lines.into_iter().map(|line| tokio::spawn(hear(line))).collect();
    let memory = resident_kib(server.pid());

    let reset_on = async {
        let mut told = told.clone();
        while told.changed().await.is_ok() {
            resetting.enter(room).await.unwrap().reset();
        }
    };
    tokio::join!(talk(&mut writer, said), reset_on);
    let heard = within("the healthy", join_all(hearing)).await;
    let faults: Vec<String> = heard.into_iter().filter_map(|it| it.unwrap().err()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    let cut = json!({ "room": room, "code": CloseCode::SlowConsumer.status() });
    let slow: Vec<_> = guests[HEALTHY..].iter().take(DRIBBLERS + 1).map(|it| it.id()).collect();
    for event in server.events(slow.len(), "session.closed", cut).await {
        assert!(slow.iter().any(|user| user.to_string() == event.text("user")), "{event}");
    }
    let grown = resident_kib(server.pid()).saturating_sub(memory);
    assert!(grown < GROWTH_MAX, "{grown} KiB more");
    alive(&mut writer).await;
    server.seats_when(room, |seats, stays| seats.occupied == 1 && stays == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_ten_thousand_messages_a_second_is_ended_and_nobody_else_notices() {
    const FLOODS: usize = 5;
    const FRAMES: usize = 10_000;
    const ALLOWED: i64 = 300;
    let server = TestServer::start(|cfg| {
        cfg.set("limits.enabled", true).set("admission.grace", "0s");
    })
    .await;
    let (room, mut other) = server.room(&server.user("owner").await, 3).await;
    let flooder = server.guest("flooder").await;
    let frames: Vec<u8> = (0..FRAMES)
        .flat_map(|n| {
            let say = json!({ "type": "send", "client_id": n.to_string(), "content": "flood" });
            raw::frame(raw::TEXT, true, say.to_string().as_bytes())
        })
        .collect();
    let memory = resident_kib(server.pid());
    let flood = async {
        for _ in 0..FLOODS {
            let mut line = enter(&flooder, room, 256 << 10).await;
            // The server may hang up while this is still being written.
            line.write(&frames).await;
            let code = line.close_code().await;
            assert!([CloseCode::RateLimited.status(), 1006].contains(&code), "{code}");
        }
    };
    let talk = async {
        let mut worst = Duration::ZERO;
        for _ in 0..50 {
            let asked = Instant::now();
            alive(&mut other).await;
            worst = worst.max(asked.elapsed());
        }
        worst
    };
    let ((), worst) = tokio::join!(flood, talk);
    assert!(worst < Duration::from_secs(2), "an ack took {worst:?}");
    let cut = json!({ "user": flooder.id(), "code": CloseCode::RateLimited.status() });
    server.events(FLOODS, "session.closed", cut).await;
    let stored = server.rows("messages WHERE sender_id = ?1", &[&flooder.id()]);
    assert!(stored <= ALLOWED, "{stored} stored; each flood says the same under the same ids");
    let grown = resident_kib(server.pid()).saturating_sub(memory);
    assert!(grown < GROWTH_MAX, "{grown} KiB more");
    alive(&mut other).await;
}
