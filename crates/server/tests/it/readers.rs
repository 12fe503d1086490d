//! Connections as the server bears them: how many there are, and those who do not read.

use anteroom_client::ConfirmOptions;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::{ClientFrame, Replay, Send, ServerFrame};
use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Known as _, TestServer, alive, within};

/// As long as a message may be: twelve kilobytes.
fn long(n: usize) -> ClientFrame {
    let content = "한".repeat(4_000);
    ClientFrame::Send(Send {
        client_id: format!("long {n}"),
        content,
        content_type: None,
        reply_to: None,
    })
}

/// Asks on a connection of its own, and keeps it open.
async fn ask(address: &str) -> TcpStream {
    let mut line = TcpStream::connect(address).await.unwrap();
    line.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    line.read_exact(&mut [0; 12]).await.unwrap();
    line
}

#[tokio::test]
async fn a_websocket_is_one_of_the_connections_that_may_be_open() {
    const CONNECTIONS: usize = 20;
    let server = TestServer::start(|cfg| {
        cfg.set("server.connections_max", CONNECTIONS);
    })
    .await;
    let (room, mut owner) = server.room(&server.user("owner").await, 20).await;
    let mut sessions = Vec::new();
    for n in 0..14 {
        // One after the other, over one connection: it is the sockets that take the places.
        sessions.push(server.guest(&format!("guest {n}")).await.enter(room).await.unwrap());
    }
    let address = server.base().trim_start_matches("http://").to_owned();
    // With 15 sockets and at least one connection for all the rest, five do not find a place.
    let asked = tokio::spawn(async move { join_all((0..5).map(|_| ask(&address))).await });
    for _ in 0..100 {
        // Each takes longer than an answer to whoever has a place.
        alive(&mut owner).await;
    }
    assert!(!asked.is_finished(), "more connections were open than may be");
    drop(sessions);
    within("an answer to all", asked).await.unwrap();
}

#[tokio::test]
async fn a_reader_that_stands_still_is_cut_however_much_it_says() {
    let server = TestServer::start(|cfg| {
        cfg.set("heartbeat.ping", "500ms").set("heartbeat.silence", "2s");
        // Above what is said here, so that it is not the bound that cuts.
        cfg.set("limits.outbound_bytes", "64MiB");
    })
    .await;
    let (room, mut writer) = server.room(&server.user("owner").await, 3).await;
    let still = server.guest("still").await;
    let reservation = still.reserve(room, &Reserve::default()).await.unwrap();
    let options = ConfirmOptions { receive_buffer: Some(16 << 10), ..Default::default() };
    let mut reader = still.confirm(&reservation, options).await.unwrap();
    for n in 0..800 {
        writer.send_frame(&long(n)).await.unwrap();
        if n % 50 == 0 {
            alive(&mut writer).await;
        }
        if n % 10 == 0 {
            // It is heard, or it would be dropped for its silence where this takes long.
            let _ = reader.send_frame(&ClientFrame::Typing {}).await;
        }
    }
    let cut = json!({ "user": still.id(), "code": 4508 });
    let talking = async {
        while server.logged("session.closed", cut.clone()).is_empty() {
            alive(&mut writer).await;
            // It is heard, and reads nothing; at the end its line is cut.
            let _ = reader.send_frame(&ClientFrame::Typing {}).await;
        }
    };
    within("the cut of a reader that stands still", talking).await;
}

#[tokio::test]
async fn a_replay_is_bounded_in_bytes_and_keeps_the_newest() {
    const MESSAGES: usize = 900;
    const BYTES_MAX: usize = 8 << 20;
    let server = TestServer::plain().await;
    let (room, mut writer) = server.room(&server.user("owner").await, 3).await;
    for n in 0..MESSAGES {
        writer.send_frame(&long(n)).await.unwrap();
        if n % 50 == 0 {
            alive(&mut writer).await;
        }
    }
    alive(&mut writer).await;
    let late = server.guest("late").await;
    let reservation = late.reserve(room, &Reserve::default()).await.unwrap();
    let options = ConfirmOptions { since: Some(0), ..Default::default() };
    let mut reader = late.confirm(&reservation, options).await.unwrap();
    let last = reader.welcome().last_seq;
    assert!(last < 1_000, "fewer than a replay may have");
    assert_eq!(reader.welcome().replay, Some(Replay::Truncated));
    let message = |frame: &ServerFrame| match frame {
        ServerFrame::Message(message) => Some((message.seq, message.content.len())),
        _ => None,
    };
    let (mut bytes, mut seqs) = (0, Vec::new());
    while seqs.last() != Some(&last) {
        let (seq, length) = within("the replay", reader.wait_for(message)).await.unwrap();
        bytes += length;
        seqs.push(seq);
    }
    assert!(bytes <= BYTES_MAX, "{bytes} bytes of text alone");
    assert!(bytes > BYTES_MAX * 9 / 10, "no more is left out than must be: {bytes}");
    assert_eq!(seqs, (seqs[0]..=last).collect::<Vec<_>>(), "the newest, without a hole");
    alive(&mut reader).await;
}
