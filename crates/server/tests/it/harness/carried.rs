//! What carries the sessions of these tests: a WebSocket, or what `TRANSPORT` names. What holds for one
//! holds for any.

use anteroom_client::{Client, Transport};

use super::not_run;

/// What the tests are to be run over.
pub(crate) fn transport() -> Transport {
    std::env::var("TRANSPORT").map_or_else(
        |_| Transport::default(),
        |name| name.parse().unwrap_or_else(|error| panic!("TRANSPORT: {error}")),
    )
}

/// A client whose sessions are carried so.
pub(super) fn client(base: &str) -> Client {
    Client::new(base).expect("the address of a server").with_transport(transport())
}

/// Whether sessions are requests and answers; then a test of what only a WebSocket has is not run, which
/// is said.
pub(crate) fn lacks_websocket(test: &str, why: &str) -> bool {
    let lacks = !transport().is_websocket();
    if lacks {
        not_run(test, &format!("over {}: {why}", transport()));
    }
    lacks
}
