//! 4: opcodes that nobody has defined.

use super::{MASK, Scene, send, text};
use crate::harness::raw::{FIN, masked};

#[tokio::test]
async fn an_opcode_that_is_reserved_ends_the_line_with_and_without_payload() {
    let scene = Scene::set().await;
    for opcode in (0x3..=0x7).chain(0xB..=0xF) {
        for payload in [&b""[..], b"reserved opcode payload"] {
            let bytes = masked(FIN | opcode, MASK, payload);
            assert_eq!(scene.closes(&bytes).await, 1002, "{opcode:x} {payload:?}");
        }
    }
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn what_came_before_it_is_obeyed_and_what_comes_behind_it_is_not() {
    let mut scene = Scene::set().await;
    for opcode in [0x5, 0xD] {
        let words = ["before", "behind"].map(|it| format!("{it} {opcode:x}"));
        let reserved = masked(FIN | opcode, MASK, b"");
        let bytes = [text(send(&words[0])), reserved, text(send(&words[1]))].concat();
        assert_eq!(scene.closes(&bytes).await, 1002);
        assert_eq!(scene.stored(words.each_ref().map(String::as_str)).await, [1, 0]);
    }
    scene.noticed_nothing().await;
}
