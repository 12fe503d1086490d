//! Query strings, numbers in paths, times, cookies and forwarded addresses: read, or refused in words.

use std::net::{IpAddr, Ipv4Addr};

use anteroom::fuzzing::http;

use crate::draw::Draw;

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

pub fn run(bytes: &[u8]) {
    let mut draw = Draw(bytes);
    let kind = draw.byte();
    let text = String::from_utf8_lossy(draw.0);
    if let Err(problem) = http::query(kind, &text) {
        assert_eq!(problem.status, 400, "{problem:?}");
        assert!(serde_json::from_slice::<serde_json::Value>(&problem.body).is_ok(), "{problem:?}");
    }
    if let Some(number) = http::room_number(&text) {
        assert!(number > 0 && number.to_string() == text, "a room has one address: {text}");
    }
    if let Some((at, shown)) = http::time(&text) {
        let (again, shown_again) = http::time(&shown).expect("what is written is read");
        // Years that four digits cannot say are cut where they are written.
        let kept = at.clamp(0, 253_402_300_799_999);
        assert_eq!((again, shown_again), (kept, shown));
    }
    let (first, second) = (draw.line(), draw.line());
    if let Some(token) = http::token(first, second) {
        let came = String::from_utf8_lossy(&[first, b" ", second].concat()).into_owned();
        assert!(came.contains(&token), "{token}");
    }
    // Only what a proxy of ours says counts.
    assert_eq!(http::counted(PEER, &[first, second], &[PROXY]), Some(PEER));
    assert!(http::counted(PROXY, &[first, second], &[PROXY]).is_some());
}
