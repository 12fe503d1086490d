//! 7: how a connection is closed.

use super::{MASK, Scene, closed, comes_back, send, text};
use crate::harness::raw::{CLOSE, CONTINUED, FIN, PING, TEXT, masked};

fn close(payload: &[u8]) -> Vec<u8> {
    masked(FIN | CLOSE, MASK, payload)
}

fn close_with(code: u16, reason: &[u8]) -> Vec<u8> {
    close(&[&code.to_be_bytes(), reason].concat())
}

#[tokio::test]
async fn what_was_said_before_a_close_is_obeyed_and_what_comes_behind_it_is_not() {
    let mut scene = Scene::set().await;
    let mut line = scene.line().await;
    line.write(&text(send("before"))).await;
    comes_back(&mut line, "before").await;
    let behind = [close_with(1000, b""), text(send("behind")), masked(FIN | PING, MASK, b"")];
    line.write(&behind.concat()).await;
    assert_eq!(closed(&mut line).await, 1000);
    // A second close, and a message that was begun before.
    let twice = [close_with(1000, b""), close_with(1001, b"")];
    assert_eq!(scene.closes(&twice.concat()).await, 1000);
    let said = send("cut in two").into_bytes();
    let (one, two) = said.split_at(9);
    let begun =
        [masked(TEXT, MASK, one), close_with(1000, b""), masked(FIN | CONTINUED, MASK, two)];
    assert_eq!(scene.closes(&begun.concat()).await, 1000);
    assert_eq!(scene.stored(["before", "behind", "cut in two"]).await, [1, 0, 0]);
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn a_close_is_answered_with_its_own_code_or_without_one() {
    let scene = Scene::set().await;
    assert_eq!(scene.closes(&close(b"")).await, 1005);
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        assert_eq!(scene.closes(&close_with(code, b"")).await, code);
    }
    assert_eq!(scene.closes(&close_with(1000, "안녕히".as_bytes())).await, 1000);
    assert_eq!(scene.closes(&close_with(1000, &[b'*'; 123])).await, 1000);
    scene.noticed_nothing().await;
}

#[tokio::test]
async fn a_close_that_is_none_is_a_breach_of_the_protocol() {
    let scene = Scene::set().await;
    assert_eq!(scene.closes(&close(b"\x03")).await, 1002, "half a code");
    assert_eq!(scene.closes(&close_with(1000, &[b'*'; 124])).await, 1002, "126 bytes");
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        assert_eq!(scene.closes(&close_with(code, b"")).await, 1002, "{code}");
    }
    let reason = b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80edited";
    assert_eq!(scene.closes(&close_with(1000, reason)).await, 1007, "no text");
    scene.noticed_nothing().await;
}

/// As the contract has it: who closes with 1000 has left, whoever closes otherwise may come back.
#[tokio::test]
async fn a_close_with_1000_is_a_leave_and_any_other_is_not() {
    let scene = Scene::set().await;
    for (bytes, is_clean) in
        [(close_with(1000, b""), true), (close_with(1001, b""), false), (close(b""), false)]
    {
        let mark = scene.server.mark();
        scene.closes(&bytes).await;
        let fields = serde_json::json!({ "clean": is_clean });
        scene.server.event_since(mark, "session.closed", fields).await;
    }
    scene.noticed_nothing().await;
}
