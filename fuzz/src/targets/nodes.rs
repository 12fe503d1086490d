//! What nodes and stores hand each other: read, and then the same when written anew; or known to be unreadable.

use anteroom::fuzzing::{nodes, seats};

pub fn run(bytes: &[u8]) {
    let _ = nodes::is_news(bytes);
    if let Some(again) = nodes::frames(bytes) {
        assert_eq!(again, bytes, "one way to write each batch");
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(sitting) = seats::sitting(text) {
        assert_eq!(seats::sitting(&sitting), Some(sitting.clone()), "{text}");
    }
    if let Some(streams) = seats::streams(text) {
        assert_eq!(seats::streams(&streams), Some(streams.clone()), "{text}");
    }
}
