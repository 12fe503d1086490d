//! 3: no extension was agreed on, so no reserved bit may be set.

use super::{MASK, Scene, send, text};
use crate::harness::raw::{BINARY, CLOSE, FIN, PING, PONG, TEXT, masked};

#[tokio::test]
async fn a_reserved_bit_on_any_frame_ends_the_line() {
    let scene = Scene::set().await;
    for bits in 1..8 {
        let opcode = [TEXT, BINARY, PING, PONG, CLOSE][bits % 5];
        let bytes = masked(FIN | (bits << 4) as u8 | opcode, MASK, b"");
        assert_eq!(scene.closes(&bytes).await, 1002, "bits {bits:03b} on {opcode:x}");
    }
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn what_came_before_it_is_obeyed_and_what_comes_behind_it_is_not() {
    let mut scene = Scene::set().await;
    let marked = masked(FIN | 0x40 | TEXT, MASK, send("marked").as_bytes());
    let bytes = [text(send("before")), marked, text(send("behind it"))].concat();
    assert_eq!(scene.closes(&bytes).await, 1002);
    assert_eq!(scene.stored(["before", "marked", "behind it"]).await, [1, 0, 0]);
    scene.noticed_nothing().await;
}

/// A compressed message is one with a reserved bit, where nobody agreed on compression.
#[tokio::test]
async fn a_compressed_message_ends_the_line() {
    let scene = Scene::set().await;
    let deflated = [0xAA, 0x56, 0x4A, 0x2D, 0x2E, 0x4E, 0x05, 0x00];
    assert_eq!(scene.closes(&masked(FIN | 0x40 | TEXT, MASK, &deflated)).await, 1002);
    scene.noticed_nothing().await;
}
