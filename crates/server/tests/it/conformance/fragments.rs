//! 5: messages in several frames, with others between them.

use super::{MASK, Scene, comes_back, next, send, stands, text};
use crate::harness::raw::{BINARY, CONTINUED, FIN, PING, PONG, TEXT, masked};

/// A text cut at these places into frames of one message.
fn cut(text: &str, at: &[usize]) -> Vec<Vec<u8>> {
    let ends = at.iter().copied().chain([text.len()]);
    let starts = [0].into_iter().chain(at.iter().copied());
    starts
        .zip(ends)
        .enumerate()
        .map(|(n, (start, end))| {
            let opcode = if n == 0 { TEXT } else { CONTINUED };
            let last = if n == at.len() { FIN } else { 0 };
            masked(opcode | last, MASK, &text.as_bytes()[start..end])
        })
        .collect()
}

#[tokio::test]
async fn fragments_are_one_message_however_it_is_cut_and_written() {
    let scene = Scene::set().await;
    let mut line = scene.line().await;
    for (content, at) in [
        ("in two", &[10][..]),
        ("in many parts", &[1, 2, 3, 20, 30]),
        ("with empty ones", &[0, 0, 7, 7]),
    ] {
        line.write(&cut(&send(content), at).concat()).await;
        comes_back(&mut line, content).await;
    }
    for byte in cut(&send("a byte at a time"), &[5, 9]).concat() {
        line.write(&[byte]).await;
    }
    comes_back(&mut line, "a byte at a time").await;
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn control_frames_between_fragments_are_answered_at_once() {
    let scene = Scene::set().await;
    let mut line = scene.line().await;
    let parts = cut(&send("with pings"), &[10, 20]);
    let ping = masked(FIN | PING, MASK, b"between");
    line.write(&[&parts[0][..], &ping].concat()).await;
    // Before the message is whole.
    let pong = async {
        loop {
            if let (PONG, payload) = line.next().await.expect("the line stands") {
                return payload;
            }
        }
    };
    assert_eq!(crate::harness::within("a pong", pong).await, &b"between"[..]);
    let pong = masked(FIN | PONG, MASK, b"");
    line.write(&[&parts[1][..], &pong, &ping, &parts[2]].concat()).await;
    comes_back(&mut line, "with pings").await;
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn a_control_frame_in_fragments_ends_the_line() {
    let scene = Scene::set().await;
    for opcode in [PING, PONG, crate::harness::raw::CLOSE] {
        let parts = [masked(opcode, MASK, b"fra"), masked(FIN | CONTINUED, MASK, b"gment")];
        assert_eq!(scene.closes(&parts.concat()).await, 1002, "{opcode:x}");
    }
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn a_continuation_of_nothing_ends_the_line() {
    let mut scene = Scene::set().await;
    for first in [CONTINUED, FIN | CONTINUED] {
        let frames = [masked(first, MASK, b"{}"), text(send("behind it"))];
        assert_eq!(scene.closes(&frames.concat()).await, 1002);
    }
    // Also behind a message that is over.
    let mut frames = cut(&send("whole"), &[4]);
    frames.push(masked(CONTINUED, MASK, b"more"));
    assert_eq!(scene.closes(&frames.concat()).await, 1002);
    assert_eq!(scene.stored(["behind it", "whole"]).await, [0, 1]);
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn a_message_that_begins_within_another_ends_the_line() {
    let scene = Scene::set().await;
    for second in [FIN | TEXT, TEXT, FIN | BINARY, BINARY] {
        let frames = [masked(TEXT, MASK, b"{"), masked(second, MASK, b"}")];
        assert_eq!(scene.closes(&frames.concat()).await, 1002, "{second:x}");
    }
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn two_messages_in_fragments_one_behind_the_other_are_two() {
    let scene = Scene::set().await;
    let mut line = scene.line().await;
    let ping = masked(FIN | PING, MASK, b"");
    let frames = [cut(&send("first of two"), &[8, 9]), vec![ping], cut(&send("the second"), &[1])];
    line.write(&frames.concat().concat()).await;
    comes_back(&mut line, "first of two").await;
    comes_back(&mut line, "the second").await;
    // A binary one too is one message, and answered once.
    let binary = [masked(BINARY, MASK, b"\0"), masked(FIN | CONTINUED, MASK, b"\xFF")];
    line.write(&binary.concat()).await;
    assert_eq!(next(&mut line, "error").await["code"], "bad_frame");
    stands(&mut line).await;
    scene.noticed_nothing().await;
}
