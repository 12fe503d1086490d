//! 1: frames of every size, whole and in pieces.

use super::{MASK, Scene, comes_back, id_of, next, send, stands, text};
use crate::harness::raw::{BINARY, FIN, Raw, TEXT, masked};

/// A message whose frame carries exactly so many bytes, and what it says.
fn sized(bytes: usize) -> (String, String) {
    let content = |len: usize| "*".repeat(len);
    // The id's digits depend on the content's.
    (0..=bytes)
        .rev()
        .map(|len| (send(&content(len)), content(len)))
        .find(|(frame, _)| frame.len() <= bytes)
        .map(|(mut frame, content)| {
            frame.push_str(&" ".repeat(bytes - frame.len()));
            (frame, content)
        })
        .unwrap()
}

async fn in_pieces(line: &mut Raw, bytes: &[u8], size: usize) {
    for piece in bytes.chunks(size) {
        assert!(line.write(piece).await);
    }
}

#[tokio::test]
async fn text_messages_of_every_header_size_come_back_whole_and_in_pieces() {
    let scene = Scene::set().await;
    let mut line = scene.line().await;
    for bytes in [125, 126, 127, 128, 65_535, 65_536] {
        let (frame, content) = sized(bytes);
        assert_eq!(frame.len(), bytes);
        line.write(&text(&frame)).await;
        // The second time the same words are a repetition, which is acknowledged and told to nobody.
        comes_back(&mut line, &content).await;
        let piece = if bytes < 1_000 { 1 } else { 997 };
        in_pieces(&mut line, &text(&frame), piece).await;
        let ack = next(&mut line, "ack").await;
        assert_eq!(ack["client_id"], id_of(&content), "{bytes} bytes");
    }
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn an_empty_text_is_a_message_that_is_none_of_the_contract() {
    let scene = Scene::set().await;
    let mut line = scene.line().await;
    line.write(&text("")).await;
    assert_eq!(next(&mut line, "error").await["code"], "bad_frame");
    stands(&mut line).await;
    scene.noticed_nothing().await;
}

/// As documented: text frames only.
#[tokio::test]
async fn a_binary_message_of_any_size_is_answered_with_an_error_and_the_line_stands() {
    let scene = Scene::set().await;
    let mut line = scene.line().await;
    for bytes in [0, 125, 126, 127, 128, 65_535, 65_536] {
        line.write(&masked(FIN | BINARY, MASK, &vec![0xFE; bytes])).await;
        let error = next(&mut line, "error").await;
        assert_eq!(error["code"], "bad_frame", "{bytes} bytes: {error}");
        stands(&mut line).await;
    }
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn any_mask_is_undone_and_a_frame_without_one_ends_the_line() {
    let scene = Scene::set().await;
    let mut line = scene.line().await;
    for (n, mask) in [[0; 4], [0xFF; 4], [0x80, 0, 0, 1], *b"mask"].into_iter().enumerate() {
        // Of lengths that are no multiple of the mask's.
        let content = "한".repeat(n + 1);
        line.write(&masked(FIN | TEXT, mask, send(&content).as_bytes())).await;
        comes_back(&mut line, &content).await;
    }
    drop(line);
    assert_eq!(scene.closes(&[FIN | TEXT, 2, b'{', b'}']).await, 1002);
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn a_length_that_is_not_written_in_its_shortest_form_ends_the_line() {
    let scene = Scene::set().await;
    for length in [
        &[0x80 | 126, 0, 5][..],
        &[0x80 | 126, 0, 125],
        &[0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 5],
        &[0x80 | 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
        // The top bit.
        &[0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 5],
    ] {
        let bytes = [&[FIN | TEXT][..], length, &MASK].concat();
        assert_eq!(scene.closes(&bytes).await, 1002, "{length:?}");
    }
    scene.noticed_nothing().await;
}
