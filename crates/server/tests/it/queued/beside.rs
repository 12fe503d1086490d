//! What the queue costs, beside storing directly. Prints figures; wants a quiet machine.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::Stand;
use crate::harness::{Nodes, Rabbit, shown, within};
use crate::talk::Talk;

const NODES: usize = 3;
const ROOMS: usize = 8;
const EACH: usize = 200;
const ONE_BY_ONE: usize = 200;

/// Processor time that a process has had.
fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn cpu_of(nodes: &Nodes) -> Duration {
    nodes.nodes.iter().map(|node| cpu(node.pid())).sum()
}

async fn measured(name: &str, nodes: &Nodes) {
    let places: Vec<usize> = (0..NODES).collect();
    let mut talk = Talk::between(nodes, &places).await;
    talk.go(20, async {}).await;
    let mut took = Vec::new();
    // Of whoever sits on a node that does not store what is queued.
    let last = talk.sessions().last().unwrap();
    for n in 0..ONE_BY_ONE {
        let asked = Instant::now();
        within("an ack", last.send_as(format!("alone-{n}"), "word")).await.unwrap();
        took.push(asked.elapsed());
    }
    took.sort_unstable();
    let (median, late) = (took[ONE_BY_ONE / 2], took[ONE_BY_ONE * 99 / 100]);

    let mut rooms = Vec::new();
    for _ in 0..ROOMS {
        rooms.push(Talk::between(nodes, &places).await);
    }
    let (begun, before) = (Instant::now(), cpu_of(nodes));
    join_all(rooms.iter_mut().map(|room| room.go(EACH, async {}))).await;
    let (took, used) = (begun.elapsed(), cpu_of(nodes) - before);
    let count = (ROOMS * NODES * EACH) as u32;
    shown(&format!(
        "{name}: one at a time {median:?} (99 of 100 within {late:?}); {count} messages of {} people in \
         {ROOMS} rooms: {:.0}/s, {:?} of the nodes' processors each",
        ROOMS * NODES,
        f64::from(count) / took.as_secs_f64(),
        used / count,
    ));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures; wants a quiet machine"]
async fn the_queue_beside_storing_directly() {
    let rabbit = Rabbit::shared();
    for _ in 0..3 {
        measured("direct", &Nodes::start(NODES as u32, |_| {}).await).await;
        measured("queued", &Stand::on(rabbit, NODES as u32).await.nodes).await;
    }
}
