//! A line to Redis that a test can cut or hold: bytes are passed on until it says otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PASS: u8 = 0;
/// Requests reach Redis, and the line is cut when the answer comes.
const LOSE_ANSWERS: u8 = 1;

/// A listening relay.
pub(super) struct Relay {
    port: u16,
    mode: Arc<AtomicU8>,
}

impl Relay {
    pub(super) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let mode = Arc::new(AtomicU8::new(PASS));
        let of_lines = Arc::clone(&mode);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                tokio::spawn(pass(client, server, Arc::clone(&of_lines)));
            }
        });
        Self { port: own, mode }
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// The answer to the next request is lost, and the line with it.
    pub(super) fn lose_next_answer(&self) {
        self.mode.store(LOSE_ANSWERS, Ordering::SeqCst);
    }
}

async fn pass(client: TcpStream, server: TcpStream, mode: Arc<AtomicU8>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let there = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
    });
    let mut bytes = [0; 64 << 10];
    while let Ok(n @ 1..) = from_server.read(&mut bytes).await {
        let lost = mode.compare_exchange(LOSE_ANSWERS, PASS, Ordering::SeqCst, Ordering::SeqCst);
        if lost.is_ok() || to_client.write_all(&bytes[..n]).await.is_err() {
            break;
        }
    }
    there.abort();
}
