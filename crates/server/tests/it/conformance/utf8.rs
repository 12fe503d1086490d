//! 6: texts are UTF-8, and what is not ends the line at the byte that shows it.
//!
//! The sequences are those of Markus Kuhn's stress test, as the suite has them.

use super::{MASK, Scene, closed, comes_back, next, send, stands, text};
use crate::harness::raw::{CONTINUED, FIN, TEXT, masked};

/// Whole texts that are UTF-8, each a group of the suite.
fn valid() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        // 6.5: characters of each length.
        &b"hello$world"[..],
        b"hello\xC2\xA2world",
        b"hello\xE2\x82\xACworld",
        b"hello\xF0\xA4\xAD\xA2world",
        b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5",
        // 6.7, 6.9, 6.11: the first and the last of each length, and what is beside the surrogates.
        b"\x00",
        b"\xC2\x80",
        b"\xE0\xA0\x80",
        b"\xF0\x90\x80\x80",
        b"\x7F",
        b"\xDF\xBF",
        b"\xEF\xBF\xBF",
        b"\xF4\x8F\xBF\xBF",
        b"\xED\x9F\xBF",
        b"\xEE\x80\x80",
        b"\xEF\xBF\xBD",
        // 6.22, 6.23: no characters, and specials.
        b"\xEF\xBF\xBE",
        b"\xEF\xBF\xB9",
        b"\xEF\xBF\xBA",
        b"\xEF\xBF\xBB",
        b"\xEF\xBF\xBC",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    for plane in 1..=16_u32 {
        for last in [0xFFFE, 0xFFFF] {
            all.push(char::from_u32(plane << 16 | last).unwrap().to_string().into_bytes());
        }
    }
    all
}

/// Whole texts that are not.
fn invalid() -> Vec<Vec<u8>> {
    let cut_short: [&[u8]; 10] = [
        b"\xC0",
        b"\xE0\x80",
        b"\xF0\x80\x80",
        b"\xF8\x80\x80\x80",
        b"\xFC\x80\x80\x80\x80",
        b"\xDF",
        b"\xEF\xBF",
        b"\xF7\xBF\xBF",
        b"\xFB\xBF\xBF\xBF",
        b"\xFD\xBF\xBF\xBF\xBF",
    ];
    let mut all: Vec<Vec<u8>> = [
        // 6.3: a surrogate in the middle.
        &b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80edited"[..],
        // 6.8, 6.10, 6.11: beyond what Unicode has.
        b"\xF8\x88\x80\x80\x80",
        b"\xFC\x84\x80\x80\x80\x80",
        b"\xF7\xBF\xBF\xBF",
        b"\xFB\xBF\xBF\xBF\xBF",
        b"\xFD\xBF\xBF\xBF\xBF\xBF",
        b"\xF4\x90\x80\x80",
        // 6.12: continuations of nothing.
        b"\x80",
        b"\xBF",
        b"\x80\xBF",
        b"\x80\xBF\x80",
        b"\x80\xBF\x80\xBF",
        b"\x80\xBF\x80\xBF\x80",
        b"\x80\xBF\x80\xBF\x80\xBF",
        // 6.16: bytes that never are.
        b"\xFE",
        b"\xFF",
        b"\xFE\xFE\xFF\xFF",
        // 6.17, 6.18, 6.19: longer than needed.
        b"\xC0\xAF",
        b"\xE0\x80\xAF",
        b"\xF0\x80\x80\xAF",
        b"\xF8\x80\x80\x80\xAF",
        b"\xFC\x80\x80\x80\x80\xAF",
        b"\xC1\xBF",
        b"\xE0\x9F\xBF",
        b"\xF0\x8F\xBF\xBF",
        b"\xF8\x87\xBF\xBF\xBF",
        b"\xFC\x83\xBF\xBF\xBF\xBF",
        b"\xC0\x80",
        b"\xE0\x80\x80",
        b"\xF0\x80\x80\x80",
        b"\xF8\x80\x80\x80\x80",
        b"\xFC\x80\x80\x80\x80\x80",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    all.push((0x80..0xBF).collect());
    // 6.13: starts without what follows.
    for starts in [0xC0..=0xDF_u8, 0xE0..=0xEF, 0xF0..=0xF7, 0xF8..=0xFB, 0xFC..=0xFD] {
        all.push(starts.flat_map(|start| [start, b' ']).collect());
    }
    // 6.14, 6.15: alone and one behind the other.
    all.extend(cut_short.map(<[u8]>::to_vec));
    all.push(cut_short.concat());
    // 6.20, 6.21: surrogates, alone and in pairs.
    let (high, low) = ([0xA080, 0xADBF, 0xAE80, 0xAFBF], [0xB080, 0xBFBF]);
    let surrogate = |it: u16| [&[0xED][..], &it.to_be_bytes()].concat();
    all.extend(high.into_iter().chain(low).chain([0xBE80]).map(surrogate));
    all.extend(high.into_iter().flat_map(|a| low.map(|b| [surrogate(a), surrogate(b)].concat())));
    all
}

#[tokio::test]
async fn every_text_that_is_utf8_is_a_message() {
    let scene = Scene::set().await;
    let mut line = scene.line().await;
    for bytes in valid() {
        // It is no JSON, which the server can only say who has read it as text.
        line.write(&text(&bytes)).await;
        let error = next(&mut line, "error").await;
        assert_eq!(error["code"], "bad_frame", "{bytes:x?}");
        // And as words in a message, a byte in each frame.
        let word = std::str::from_utf8(&bytes).unwrap();
        if word.chars().any(|c| c < ' ') {
            continue;
        }
        let said = send(word).into_bytes();
        let last = said.len() - 1;
        let frame = |(n, byte): (usize, &u8)| {
            let first = if n == 0 { TEXT } else { CONTINUED } | if n == last { FIN } else { 0 };
            masked(first, MASK, &[*byte])
        };
        line.write(&said.iter().enumerate().flat_map(frame).collect::<Vec<_>>()).await;
        let ack = next(&mut line, "ack").await;
        assert_eq!(ack["client_id"], word);
    }
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn every_text_that_is_not_utf8_ends_the_line() {
    let scene = Scene::set().await;
    for bytes in invalid() {
        assert_eq!(scene.closes(&text(&bytes)).await, 1007, "{bytes:x?}");
    }
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn each_beginning_of_a_text_is_one_where_it_ends_with_a_character_only() {
    let scene = Scene::set().await;
    let whole = "κόσμε";
    for end in 1..=whole.len() {
        let mut line = scene.line().await;
        line.write(&text(&whole.as_bytes()[..end])).await;
        if whole.is_char_boundary(end) {
            assert_eq!(next(&mut line, "error").await["code"], "bad_frame");
        } else {
            assert_eq!(closed(&mut line).await, 1007, "{end} bytes");
        }
    }
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn a_text_is_given_up_at_the_byte_that_cannot_be_one_before_the_rest_comes() {
    let scene = Scene::set().await;
    let good = "κόσμε".as_bytes();
    // U+110000 is shown to be none by its second byte, a surrogate too.
    for wrong in [[0xF4, 0x90], [0xED, 0xA0]] {
        // In frames, in the last of which it becomes clear.
        let mut line = scene.line().await;
        line.write(&masked(TEXT, MASK, &[good, &wrong[..1]].concat())).await;
        line.write(&masked(FIN | crate::harness::raw::PING, MASK, b"")).await;
        line.write(&masked(CONTINUED, MASK, &wrong[1..])).await;
        assert_eq!(closed(&mut line).await, 1007);
        // Within one frame that never becomes whole.
        let frame = text([good, &wrong, b"edited"].concat());
        assert_eq!(scene.closes(&frame[..frame.len() - b"edited".len()]).await, 1007);
    }
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn characters_may_be_cut_anywhere_between_frames() {
    let scene = Scene::set().await;
    let content = "Hello-µ@ßöäüàá-UTF-8!! 한글 😀";
    let mut line = scene.line().await;
    let said = send(content).into_bytes();
    for at in 1..said.len() {
        let (one, two) = said.split_at(at);
        line.write(&[masked(TEXT, MASK, one), masked(FIN | CONTINUED, MASK, two)].concat()).await;
        if at == 1 {
            comes_back(&mut line, content).await;
        }
    }
    for _ in 1..said.len() - 1 {
        next(&mut line, "ack").await;
    }
    stands(&mut line).await;
    scene.noticed_nothing().await;
}
