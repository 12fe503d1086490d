//! A piece of wire between a store and its server, which can be cut at a commit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Passes everything on, until it is told to lose the answer of the next commit.
pub(crate) struct Wire {
    address: SocketAddr,
    loses: Arc<AtomicBool>,
}

impl Wire {
    /// A wire to the server of this address.
    pub(crate) async fn to(url: &str) -> (Self, String) {
        let host = url.split('@').nth(1).and_then(|it| it.split('/').next()).unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let loses = Arc::new(AtomicBool::new(false));
        let (loses_one, server) = (Arc::clone(&loses), host.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(pass(client, server, Arc::clone(&loses_one)));
            }
        });
        let wire = Self { address, loses };
        let through = url.replace(&host, &wire.address.to_string());
        (wire, through)
    }

    /// The next commit arrives, and its answer does not.
    pub(crate) fn lose_next_commit(&self) {
        self.loses.store(true, Ordering::SeqCst);
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, loses: Arc<AtomicBool>) {
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let count = read.unwrap_or(0);
                let has_commit = up[..count].windows(6).any(|six| six == b"COMMIT");
                if count == 0 || server.write_all(&up[..count]).await.is_err() {
                    return;
                }
                if has_commit && loses.swap(false, Ordering::SeqCst) {
                    // The answer is there, so it is done; and nobody hears of it.
                    let _ = server.read(&mut down).await;
                    return;
                }
            }
            read = server.read(&mut down) => {
                let count = read.unwrap_or(0);
                if count == 0 || client.write_all(&down[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}
