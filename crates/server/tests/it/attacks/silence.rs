//! Peers that keep a connection and say nothing, or say it slowly.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::{Scene, Way};
use crate::harness::{TestServer, alive, not_run, resident_kib, within};

/// Sockets that send nothing.
const SILENT: usize = 10_000;
/// The most that a head may take, and a body; what a busy machine needs beside it.
const HEAD: Duration = Duration::from_secs(10);
const BODY: Duration = Duration::from_secs(15);
const MARGIN: Duration = Duration::from_secs(15);

/// As many open files as may be; how many.
fn raised_files() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |most| most as usize)
}

async fn connected(port: u16) -> TcpStream {
    within("a connection", TcpStream::connect((Ipv4Addr::LOCALHOST, port))).await.unwrap()
}

/// Reads to the end, while one byte of these is written each second; how long that took.
async fn drips(port: u16, start: &[u8], drip: &[u8]) -> Duration {
    let stream = connected(port).await;
    let began = Instant::now();
    let (mut reading, mut writing) = stream.into_split();
    let dripping = async {
        writing.write_all(start).await.ok();
        let mut each = tokio::time::interval(Duration::from_secs(1));
        for byte in drip.iter().cycle() {
            each.tick().await;
            if writing.write_all(&[*byte]).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut read = Vec::new();
    within("the end of a slow connection", async {
        tokio::select! {
            _ = reading.read_to_end(&mut read) => {}
            () = dripping => {}
        }
    })
    .await;
    began.elapsed()
}

#[tokio::test]
async fn a08_ten_thousand_silent_sockets_and_slow_ones_are_shut_and_keep_nobody_out() {
    const NAME: &str = "a08_ten_thousand_silent_sockets_and_slow_ones_are_shut_and_keep_nobody_out";
    if raised_files() < SILENT + 2_000 {
        return not_run(NAME, "fewer files may be open here than it needs");
    }
    let mut scene = Scene::set().await;
    let ways = Way::all(&scene.server).await;
    let began = Instant::now();
    let mut silent = Vec::with_capacity(SILENT);
    for way in &ways {
        // The proxies have limits of their own, which are theirs to keep.
        let count = if way.is_straight() { SILENT } else { 200 };
        for _ in 0..count {
            silent.push(connected(way.port).await);
        }
    }
    let all_there = began.elapsed();
    let shut = join_all(silent.iter_mut().map(|stream| async {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }));
    let body = "POST /api/v1/sessions/guest HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                Content-Length: 5000\r\n\r\n";
    let slow = join_all(ways.iter().flat_map(|way| {
        [
            (way, "a slow head", drips(way.port, b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"a"), HEAD),
            (way, "a slow first line", drips(way.port, b"", b"GET /aaaaaaaaaaaaaaaaaa"), HEAD),
        ]
        .map(async |(way, what, slow, most)| (way.name, what, slow.await, most))
    }));
    let slow_bodies = join_all(ways.iter().map(async |way| {
        (way.name, "a slow body", drips(way.port, body.as_bytes(), b" ").await, BODY)
    }));
    // Meanwhile there is a place for who has something to say.
    let talking = async {
        for n in 0..10 {
            let guest = scene.server.guest(&format!("guest {n}")).await;
            let mut session = guest.enter(scene.room).await.unwrap();
            alive(&mut session).await;
            session.leave().await.unwrap();
            alive(&mut scene.session).await;
        }
    };
    let (_, slow, slow_bodies, ()) =
        within("the ends of all", async { tokio::join!(shut, slow, slow_bodies, talking) }).await;
    let took = began.elapsed();
    assert!(took < all_there + HEAD.max(BODY) + MARGIN, "{took:?} until the last was shut");
    for (way, what, took, most) in slow.into_iter().chain(slow_bodies) {
        assert!(took < most + MARGIN, "{way}, {what}: {took:?}");
    }
    drop(silent);
    // What the allocator keeps of so many connections, for the next so many.
    let grown = resident_kib(scene.server.pid()).saturating_sub(scene.used.resident_kib);
    assert!(grown < 20 * SILENT as u64, "{grown} KiB for {SILENT} connections that are gone");
    scene.used.resident_kib += grown;
    scene.ends_well().await;
}

/// Who asks for much and takes none of the answers: slow reading, at its slowest.
#[tokio::test]
async fn a08_a_connection_whose_answers_nobody_takes_is_ended() {
    let server = TestServer::start(|cfg| {
        cfg.set("heartbeat.ping", "500ms").set("heartbeat.silence", "1s");
    })
    .await;
    let room = server.empty_room(&server.user("owner").await, 2).await;
    let lines = || std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count();
    let before = lines();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let address = (Ipv4Addr::LOCALHOST, server.port()).into();
    let mut stream = socket.connect(address).await.unwrap();
    let asked = "GET /assets/room.js HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100_000);
    let mut is_stuck = false;
    // Taken as long as anything fits between the two; then neither goes on.
    for packet in asked.as_bytes().chunks(64 << 10) {
        let write = tokio::time::timeout(Duration::from_secs(1), stream.write_all(packet)).await;
        if write.is_err() {
            is_stuck = true;
            break;
        }
    }
    assert!(is_stuck, "the server reads on and on");
    let mut each = tokio::time::interval(Duration::from_millis(100));
    within("the end of a connection that nobody reads", async {
        while lines() > before {
            each.tick().await;
        }
    })
    .await;
    drop(stream);
    let mut session = server.guest("probe").await.enter(room).await.unwrap();
    alive(&mut session).await;
}
