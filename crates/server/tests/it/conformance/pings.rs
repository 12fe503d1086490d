//! 2: pings are answered with what they carry; pongs that nobody asked for disturb nobody.

use bytes::Bytes;

use super::{MASK, Scene, closed, stands, text};
use crate::harness::raw::{FIN, PING, PONG, Raw, masked};
use crate::harness::within;

async fn pong(line: &mut Raw) -> Bytes {
    within("a pong", async {
        loop {
            let (opcode, payload) = line.next().await.expect("the line stands");
            if opcode == PONG {
                return payload;
            }
        }
    })
    .await
}

fn ping(payload: &[u8]) -> Vec<u8> {
    masked(FIN | PING, MASK, payload)
}

#[tokio::test]
async fn a_ping_is_answered_with_what_it_carries() {
    let scene = Scene::set().await;
    let mut line = scene.line().await;
    let binary = [0x00, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0x00, 0xFF];
    for payload in [&b""[..], b"Hello, world!", &binary, &[0xFE; 125]] {
        line.write(&ping(payload)).await;
        assert_eq!(pong(&mut line).await, payload);
        // And one byte at a time.
        for byte in ping(payload) {
            line.write(&[byte]).await;
        }
        assert_eq!(pong(&mut line).await, payload);
    }
    stands(&mut line).await;
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn a_ping_with_more_than_125_bytes_ends_the_line() {
    let scene = Scene::set().await;
    assert_eq!(scene.closes(&ping(&[0xFE; 126])).await, 1002);
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn a_pong_that_nobody_asked_for_is_passed_over() {
    let scene = Scene::set().await;
    let mut line = scene.line().await;
    line.write(&masked(FIN | PONG, MASK, b"")).await;
    line.write(&masked(FIN | PONG, MASK, b"unsolicited")).await;
    line.write(&ping(b"ping payload")).await;
    assert_eq!(pong(&mut line).await, &b"ping payload"[..]);
    stands(&mut line).await;
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn ten_pings_at_once_are_answered_in_their_order() {
    let scene = Scene::set().await;
    let mut line = scene.line().await;
    let payloads: Vec<String> = (0..10).map(|n| format!("payload-{n}")).collect();
    let pings: Vec<u8> = payloads.iter().flat_map(|it| ping(it.as_bytes())).collect();
    line.write(&pings).await;
    for payload in &payloads {
        assert_eq!(pong(&mut line).await, payload.as_bytes());
    }
    for byte in pings {
        line.write(&[byte]).await;
    }
    for payload in &payloads {
        assert_eq!(pong(&mut line).await, payload.as_bytes());
    }
    stands(&mut line).await;
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn a_ping_behind_a_close_is_not_answered() {
    let scene = Scene::set().await;
    let mut line = scene.line().await;
    let close = masked(FIN | crate::harness::raw::CLOSE, MASK, &1000_u16.to_be_bytes());
    line.write(&[close, ping(b"late"), text(r#"{"type":"ping"}"#)].concat()).await;
    // Whatever follows the close would be seen there.
    assert_eq!(closed(&mut line).await, 1000);
    scene.noticed_nothing().await;
}
