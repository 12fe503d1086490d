//! A line to Redis that a test can cut, hold, slow down or turn elsewhere. It knows where a reply
//! ends, and passes everything on until it is told otherwise.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

/// What happens to the bytes.
#[derive(Clone, Default)]
struct Rules {
    /// Where new lines lead to; lines that lead elsewhere are cut.
    to: u16,
    /// Answers stay here.
    is_held: bool,
    /// Every answer takes at least the first, and up to the second on top.
    delay: Option<(Duration, Duration)>,
    /// Every request is delivered twice; the second answer is kept from the caller.
    is_doubled: bool,
}

/// Things that happen once.
#[derive(Default)]
struct Once {
    /// The answer to the next request is lost, and the line with it.
    loses_answer: bool,
    /// The next request does not arrive; this is answered.
    answer: Option<String>,
}

struct Shared {
    rules: watch::Sender<Rules>,
    once: Mutex<Once>,
    lines: Mutex<usize>,
    answers: Mutex<usize>,
    /// The last request that came.
    last: Mutex<Vec<u8>>,
}

/// A listening relay.
pub(super) struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

impl Relay {
    pub(super) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let rules = watch::Sender::new(Rules { to: port, ..Rules::default() });
        let (once, lines, answers, last) = Default::default();
        let shared = Arc::new(Shared { rules, once, lines, answers, last });
        let of_lines = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                *of_lines.lines.lock().unwrap() += 1;
                let to = of_lines.rules.borrow().to;
                // A server that is not there: the line is cut at once.
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else { continue };
                let line = Passing { client, server, to, back: Vec::new(), due: VecDeque::new() };
                tokio::spawn(line.run(Arc::clone(&of_lines)));
            }
        });
        Self { port: own, shared }
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// The answer to the next request is lost, and the line with it.
    pub(super) fn lose_next_answer(&self) {
        self.shared.once.lock().unwrap().loses_answer = true;
    }

    /// The next request does not arrive; `words` are the answer, as Redis would refuse.
    pub(super) fn answer_next(&self, words: &str) {
        self.shared.once.lock().unwrap().answer = Some(format!("-{words}\r\n"));
    }

    /// Answers are held back, or let go.
    pub(super) fn hold(&self, is_held: bool) {
        self.shared.rules.send_modify(|rules| rules.is_held = is_held);
    }

    /// Every answer takes this long, and up to `jitter` longer.
    pub(super) fn slow_down(&self, least: Duration, jitter: Duration) {
        self.shared.rules.send_modify(|rules| rules.delay = Some((least, jitter)));
    }

    /// Every request is delivered twice.
    pub(super) fn double(&self) {
        self.shared.rules.send_modify(|rules| rules.is_doubled = true);
    }

    /// Leads to another server; every line there is was cut.
    pub(super) fn turn_to(&self, port: u16) {
        self.shared.rules.send_modify(|rules| rules.to = port);
    }

    /// How many lines were opened so far.
    pub(super) fn lines(&self) -> usize {
        *self.shared.lines.lock().unwrap()
    }

    /// How many answers came from the server so far.
    pub(super) fn answers(&self) -> usize {
        *self.shared.answers.lock().unwrap()
    }

    /// The last request, as it came.
    pub(super) fn last_request(&self) -> Vec<u8> {
        self.shared.last.lock().unwrap().clone()
    }
}

struct Passing {
    client: TcpStream,
    server: TcpStream,
    to: u16,
    /// Bytes of a reply that is not complete.
    back: Vec<u8>,
    /// Replies, and when they are handed on; `None` for one that nobody gets.
    due: VecDeque<(Instant, Option<Vec<u8>>)>,
}

impl Passing {
    async fn run(mut self, shared: Arc<Shared>) {
        let (mut there, mut here) = (vec![0; 64 << 10], vec![0; 64 << 10]);
        let mut rules = shared.rules.subscribe();
        // Of each doubled request: the first answer counts, the second does not.
        let mut counts = VecDeque::new();
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        loop {
            let now = rules.borrow_and_update().clone();
            if now.to != self.to {
                return;
            }
            let next = self.due.front().filter(|_| !now.is_held).map(|(at, _)| *at);
            tokio::select! {
                _ = rules.changed() => {}
                () = reached(next) => {
                    let Some((_, Some(reply))) = self.due.pop_front() else { continue };
                    if self.client.write_all(&reply).await.is_err() { return }
                }
                read = self.client.read(&mut there) => {
                    let Ok(n @ 1..) = read else { return };
                    *shared.last.lock().unwrap() = there[..n].to_vec();
                    let said = shared.once.lock().unwrap().answer.take();
                    if let Some(said) = said {
                        self.due.push_back((Instant::now(), Some(said.into_bytes())));
                        continue;
                    }
                    let times = if now.is_doubled { 2 } else { 1 };
                    for _ in 0..times {
                        if self.server.write_all(&there[..n]).await.is_err() { return }
                    }
                    if now.is_doubled { counts.extend([true, false]) }
                }
                read = self.server.read(&mut here) => {
                    let Ok(n @ 1..) = read else { return };
                    self.back.extend_from_slice(&here[..n]);
                    while let Some(end) = end_of_reply(&self.back) {
                        *shared.answers.lock().unwrap() += 1;
                        if std::mem::take(&mut shared.once.lock().unwrap().loses_answer) { return }
                        let reply: Vec<u8> = self.back.drain(..end).collect();
                        let is_kept = counts.pop_front().unwrap_or(true);
                        let at = Instant::now() + wait_of(now.delay, &mut random);
                        let at = self.due.back().map_or(at, |(last, _)| at.max(*last));
                        self.due.push_back((at, is_kept.then_some(reply)));
                    }
                }
            }
        }
    }
}

fn wait_of(delay: Option<(Duration, Duration)>, random: &mut u64) -> Duration {
    let Some((least, jitter)) = delay else { return Duration::ZERO };
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    let share = u32::try_from(*random % 1_000).unwrap();
    least + jitter * share / 1_000
}

/// The delay is what a test is about, so this waits for the time and for nothing else.
async fn reached(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Where the first reply ends: a line, or a text that says how long it is.
fn end_of_reply(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|two| two == b"\r\n")? + 2;
    if bytes[0] != b'$' {
        return Some(line);
    }
    let length = std::str::from_utf8(&bytes[1..line - 2]).unwrap().parse::<usize>();
    let end = line + length.map_or(0, |length| length + 2);
    (bytes.len() >= end).then_some(end)
}
