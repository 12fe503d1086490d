//! Fills rooms: signs guests in, makes the rooms, and walks everyone in, over several threads that
//! block. None of it is measured unless a scenario says so.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, bail};

use crate::engine::check::number_after;
use crate::engine::http::{Http, Seated, take_seat, text_after};

/// Threads that walk members in: enough for their commits to be grouped.
const LANES: usize = 32;

/// A full set of rooms.
pub(crate) struct Crowd {
    /// Members in the order of their rooms: `members` of the first, then of the second, ….
    pub(crate) seated: Vec<Seated>,
}

/// Walks `count` guests into a room, of whom `before` came before them.
pub(crate) fn enter(
    server: SocketAddr,
    room: i64,
    before: usize,
    count: usize,
) -> Result<Vec<Seated>> {
    side_by_side(
        count,
        || Http::new(server),
        |http, n| {
            let token = guest(http, before + n)?;
            take_seat(server, &reserve(http, room, &token)?)
        },
    )
}

/// Signs a guest in and answers the token.
pub(crate) fn guest(http: &mut Http, number: usize) -> Result<String> {
    let body = format!(r#"{{"display_name":"Guest {number}"}}"#);
    let (status, answer) = http.post("/sessions/guest", "", &body)?;
    if status != 200 {
        bail!("guest refused: {status} {}", String::from_utf8_lossy(answer));
    }
    text_after(answer, "token")
}

/// Makes a room, enters it so that it is open, and answers its number, with its maker inside.
pub(crate) fn room(server: SocketAddr, capacity: usize, maker: usize) -> Result<(i64, Seated)> {
    let mut http = Http::new(server)?;
    let token = guest(&mut http, maker)?;
    let body = format!(r#"{{"name":"Bench","capacity":{capacity}}}"#);
    let (status, answer) = http.post("/rooms", &token, &body)?;
    if status != 201 {
        bail!("room refused: {status} {}", String::from_utf8_lossy(answer));
    }
    let id = number_after(answer, b"\"id\":").context("a room without a number")?;
    let ticket = text_after(answer, "ticket")?;
    Ok((id, take_seat(server, &ticket)?))
}

/// Step 1 for the holder of `token`: the ticket.
pub(crate) fn reserve(http: &mut Http, room: i64, token: &str) -> Result<String> {
    let (status, answer) = http.post(&format!("/rooms/{room}/reservations"), token, "{}")?;
    if !matches!(status, 200 | 201) {
        bail!("reservation refused: {status} {}", String::from_utf8_lossy(answer));
    }
    text_after(answer, "ticket")
}

impl Crowd {
    /// Fills `rooms` rooms with `members` each, who sit on the nodes in turn; the makers on the first.
    pub(crate) fn gather(nodes: &[SocketAddr], rooms: usize, members: usize) -> Result<Self> {
        let server = *nodes.first().context("no server")?;
        let makers = side_by_side(rooms, || Ok(()), |(), n| room(server, members, n))?;
        let (numbers, mut makers): (Vec<i64>, Vec<Seated>) = makers.into_iter().unzip();
        let others = members - 1;
        let lane = || Http::new(server);
        let others_seated = side_by_side(rooms * others, lane, |http, n| {
            let token = guest(http, rooms + n)?;
            // Whoever comes first after the maker sits on another node.
            let node = nodes[(n % others + 1) % nodes.len()];
            take_seat(node, &reserve(http, numbers[n / others], &token)?)
        })?;
        let mut others_seated = others_seated.into_iter();
        let mut seated = Vec::with_capacity(rooms * members);
        for maker in makers.drain(..) {
            seated.push(maker);
            seated.extend(others_seated.by_ref().take(others));
        }
        Ok(Self { seated })
    }
}

/// Does `count` things on several threads, each with a `lane` of its own; the answers in order.
fn side_by_side<L, T: Send>(
    count: usize,
    lane: impl Fn() -> Result<L> + Sync,
    one: impl Fn(&mut L, usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let parts = on_lanes(LANES.min(count), |_| {
        let (mut lane, mut done) = (lane()?, Vec::new());
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= count {
                return Ok(done);
            }
            done.push((n, one(&mut lane, n)?));
        }
    })?;
    let mut done: Vec<(usize, T)> = parts.into_iter().flatten().collect();
    done.sort_unstable_by_key(|(n, _)| *n);
    Ok(done.into_iter().map(|(_, answer)| answer).collect())
}

/// Runs `work` on as many threads as there are lanes; the answers in their order.
pub(crate) fn on_lanes<T: Send>(
    lanes: usize,
    work: impl Fn(usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let work = &work;
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|lane| scope.spawn(move || work(lane))).collect();
        let joined = lanes.into_iter().map(|lane| match lane.join() {
            Ok(outcome) => outcome,
            Err(_) => bail!("a lane panicked"),
        });
        joined.collect()
    })
}
