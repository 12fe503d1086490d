//! What stands in front of several nodes: each connection goes to the next one, without affinity.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::process::Process;

/// A balancer. Goes with the test's runtime.
pub(super) struct Front {
    nodes: watch::Sender<Vec<SocketAddr>>,
    /// Its own address, such as `http://127.0.0.1:40123`.
    pub(super) base: String,
}

impl Front {
    /// One in front of these.
    pub(super) async fn before(processes: &[Process]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (nodes, those) = watch::channel(addresses(processes));
        tokio::spawn(async move {
            let mut turn = 0;
            while let Ok((client, _)) = listener.accept().await {
                let mut in_turn = those.borrow().clone();
                let first = turn % in_turn.len();
                in_turn.rotate_left(first);
                turn += 1;
                tokio::spawn(pass(client, in_turn));
            }
        });
        Self { nodes, base }
    }

    /// From now on these are behind it.
    pub(super) fn stands_before(&self, processes: &[Process]) {
        self.nodes.send_replace(addresses(processes));
    }
}

fn addresses(processes: &[Process]) -> Vec<SocketAddr> {
    let address = |it: &Process| it.base.trim_start_matches("http://").parse().unwrap();
    processes.iter().map(address).collect()
}

/// Passes everything on to the first that answers; a line that breaks on one side breaks on both.
async fn pass(mut client: TcpStream, nodes: Vec<SocketAddr>) {
    for node in nodes {
        let Ok(mut server) = TcpStream::connect(node).await else { continue };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let _ = copy_bidirectional(&mut client, &mut server).await;
        return;
    }
}
