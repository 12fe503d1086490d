//! SockJS: what clients send is read or refused, and what they are told reads back as what was said.

use anteroom::fuzzing::{sockjs_callback, sockjs_texts, sockjs_told};
use anteroom::ws::frame;

use crate::draw::Draw;

pub fn run(bytes: &[u8]) {
    let whole = String::from_utf8_lossy(bytes).into_owned();
    heard(&whole);
    let mut draw = Draw(bytes);
    let mut said = Vec::new();
    while !draw.0.is_empty() {
        said.push(draw.text_line());
    }
    told(&said);
    if let Some(name) = sockjs_callback(&whole) {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        assert!(name == whole && name.len() <= 64 && name.chars().all(is_word), "{name}");
        assert!(name.matches('.').count() <= 1, "{name}");
    }
}

/// In a body, and over a socket, where more is allowed.
fn heard(sent: &str) {
    let Some(texts) = sockjs_texts(sent, false) else { return };
    assert_eq!(sockjs_texts(sent, true).as_ref(), Some(&texts));
    let again = serde_json::to_string(&texts).expect("texts are JSON");
    assert_eq!(sockjs_texts(&again, false), Some(texts));
}

fn told(said: &[String]) {
    let frames: Vec<u8> = said.iter().flat_map(|text| frame::text(text.as_bytes())).collect();
    let (array, framed) = sockjs_told(&frames);
    assert_eq!(texts_of(&array), said, "the array");
    let mut rest = &framed[..];
    for text in said {
        let payload = frame::payload(rest).expect("a frame for each text");
        let header = rest.len() - payload.len();
        let length = match rest[1] {
            126 => usize::from(u16::from_be_bytes([rest[2], rest[3]])),
            127 => usize::try_from(u64::from_be_bytes(rest[2..10].try_into().expect("eight")))
                .expect("a length"),
            short => usize::from(short),
        };
        assert_eq!(texts_of(&payload[..length]), std::slice::from_ref(text), "a frame of its own");
        rest = &rest[header + length..];
    }
    assert!(rest.is_empty(), "nothing else is said");
}

fn texts_of(array: &[u8]) -> Vec<String> {
    let array = array.strip_prefix(b"a").expect("a frame of messages");
    serde_json::from_slice(array).expect("texts")
}
