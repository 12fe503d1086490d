//! 10: messages that the sender cuts as it likes.

use super::{MASK, Scene, comes_back, send};
use crate::harness::raw::{CONTINUED, FIN, TEXT, masked};

#[tokio::test]
async fn a_message_of_65536_bytes_in_frames_of_1300_is_one() {
    let scene = Scene::set().await;
    let mut line = scene.line().await;
    let content = "*".repeat(65_000);
    let mut said = send(&content).into_bytes();
    said.resize(65_536, b' ');
    let count = said.len().div_ceil(1_300);
    for (n, part) in said.chunks(1_300).enumerate() {
        let opcode = if n == 0 { TEXT } else { CONTINUED };
        let last = if n == count - 1 { FIN } else { 0 };
        line.write(&masked(opcode | last, MASK, part)).await;
    }
    comes_back(&mut line, &content).await;
    scene.noticed_nothing().await;
}
