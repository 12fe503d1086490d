//! What those who sit in a large room are told while many come and go.

use std::time::{Duration, Instant};

use anteroom_protocol::entry::Reserve;
use futures_util::future::join_all;
use serde_json::Value;

use crate::harness::raw::{self, Raw};
use crate::harness::{TestServer, alive, within};

/// Above this many only counts are told; each makes the room rest a millisecond longer before it is told again.
const MEMBERS: usize = 300;
const REST: Duration = Duration::from_millis(300);
const VISITORS: usize = 50;
const VISITS: usize = 6;
/// A write tells who came and went, and the seats.
const FRAMES_PER_WRITE: u128 = 2;

/// What one member was told of the others: how many frames up to a message, and, however much later it
/// is told, that so many sit there.
async fn told(line: &mut Raw, sitting: usize) -> u128 {
    let (mut frames, mut last, mut is_over) = (0, 0, false);
    while !is_over || last != sitting {
        let (opcode, payload) = line.next().await.expect("the line stands");
        let frame: Value = match opcode {
            raw::TEXT => serde_json::from_slice(&payload).unwrap(),
            _ => continue,
        };
        match frame["type"].as_str() {
            Some("presence" | "seats") => {
                frames += u128::from(!is_over);
                last = usize::try_from(frame["occupied"].as_u64().unwrap()).unwrap();
                assert!(frame["joined"].as_array().is_none_or(Vec::is_empty), "counts only");
            }
            Some("message") => is_over = true,
            _ => {}
        }
    }
    frames
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_comings_and_goings_costs_those_who_sit_a_few_frames_a_second() {
    let server = TestServer::plain().await;
    let capacity = u32::try_from(MEMBERS + 1 + VISITORS).unwrap();
    let (room, mut owner) = server.room(&server.user("owner").await, capacity).await;
    let guests = server.guests(MEMBERS + VISITORS).await;
    let (members, visitors) = guests.split_at(MEMBERS);
    let mut lines = Vec::with_capacity(MEMBERS);
    for some in members.chunks(25) {
        let entering = some.iter().map(async |guest| {
            let reservation = guest.reserve(room, &Reserve::default()).await.unwrap();
            Raw::open(&reservation, 64 << 10).await
        });
        lines.extend(join_all(entering).await);
    }
    let mut observer = lines.pop().unwrap();
    alive(&mut owner).await;
    within("what was told of the arrivals", told(&mut observer, MEMBERS + 1)).await;

    let start = Instant::now();
    let storm = visitors.iter().map(async |visitor| {
        for _ in 0..VISITS {
            visitor.enter(room).await.unwrap().leave().await.unwrap();
        }
    });
    within("the storm", join_all(storm)).await;
    let lasted = start.elapsed();
    alive(&mut owner).await;
    let frames = within("the truth in the end", told(&mut observer, MEMBERS + 1)).await;
    let most = FRAMES_PER_WRITE * (lasted.as_millis() / REST.as_millis() + 3);
    assert!(frames <= most, "{frames} frames in {lasted:?}, where {most} would do");
    assert!(frames > 0, "and something");
}
