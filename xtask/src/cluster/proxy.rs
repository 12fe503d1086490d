//! Spreads connections over the nodes in turn. Without affinity: any node must do.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};

/// Before connections are accepted again, when there were no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts until it is dropped.
pub(super) async fn spread(listener: TcpListener, nodes: Vec<SocketAddr>) {
    let mut turn = 0;
    loop {
        let Ok((client, _)) = listener.accept().await else {
            sleep_until(Instant::now() + PAUSE).await;
            continue;
        };
        let mut in_turn = nodes.clone();
        in_turn.rotate_left(turn % nodes.len());
        turn += 1;
        tokio::spawn(pass(client, in_turn));
    }
}

/// Passes everything on to the first that answers.
async fn pass(mut client: TcpStream, nodes: Vec<SocketAddr>) {
    for node in nodes {
        let Ok(mut server) = TcpStream::connect(node).await else { continue };
        // Small frames go out at once, as they would without the proxy.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        // A line that breaks on one side is dropped on both.
        let _ = copy_bidirectional(&mut client, &mut server).await;
        return;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// A node that says its name to everybody.
    async fn node(name: u8) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                client.write_all(&[name]).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn connections_are_spread_in_turn_and_a_node_that_is_away_is_passed_over() {
        let away = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let nodes = vec![node(b'a').await, away, node(b'c').await];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let front = listener.local_addr().unwrap();
        tokio::spawn(spread(listener, nodes));
        let mut met = Vec::new();
        for _ in 0..6 {
            met.push(TcpStream::connect(front).await.unwrap().read_u8().await.unwrap());
        }
        assert_eq!(met, b"accacc");
    }
}
