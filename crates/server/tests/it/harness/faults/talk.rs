//! People who sit in rooms and talk, whatever happens: what was not acknowledged is said again under the
//! same number, and who lost the line comes back by another door with the last number they heard.

mod member;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anteroom_client::Client;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Counts, Ground, Round};
use crate::harness::check::{Heard, Said, Since, Stored, messages};
use crate::harness::shown;
use member::Member;

/// How much is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saying {
    pub(crate) rooms: usize,
    /// In each room.
    pub(crate) members: usize,
    /// By each of them at most; fewer when [`Talk::ends`] is called first.
    pub(crate) each: usize,
    /// Sent without waiting for the acknowledgement of the first of them.
    pub(crate) window: usize,
    /// After so many things heard a member goes and comes back of their own accord; never with 0.
    pub(crate) stays: usize,
    /// Waited before each thing said.
    pub(crate) pace: Duration,
}

impl Saying {
    /// A few people who talk until they are told to stop.
    pub(crate) const SMALL: Self = Self {
        rooms: 1,
        members: 4,
        each: usize::MAX,
        window: 2,
        stays: 120,
        pace: Duration::ZERO,
    };
}

/// What all members know.
struct Shared {
    since: Since,
    doors: Vec<Client>,
    counts: Arc<Counts>,
    saying: Saying,
    is_over: AtomicBool,
    acked: watch::Sender<usize>,
    /// How many have nothing more to say.
    quiet: watch::Sender<usize>,
    /// The last number of each room, once all are quiet.
    last: watch::Sender<Option<BTreeMap<i64, i64>>>,
}

/// A conversation that is going on.
pub(crate) struct Talk {
    shared: Arc<Shared>,
    rooms: Vec<i64>,
    members: Vec<JoinHandle<Member>>,
}

/// What a member knows at the end.
struct Known {
    room: i64,
    said: Vec<Said>,
    heard: Heard,
}

impl Talk {
    /// Lets people sit down and begin.
    pub(crate) async fn begins(ground: &Ground, round: &mut Round, saying: Saying) -> Self {
        let (acked, quiet, last) = Default::default();
        let shared = Arc::new(Shared {
            since: Since::now(),
            doors: ground.all_doors(),
            counts: round.counts(),
            saying,
            is_over: AtomicBool::new(false),
            acked,
            quiet,
            last,
        });
        let (mut rooms, mut members) = (Vec::new(), Vec::new());
        for _ in 0..saying.rooms {
            let room = ground.room(saying.members).await;
            let people = ground.people(saying.members).await;
            for account in people.into_iter().take(saying.members) {
                let who = members.len();
                let member = Member::new(who, room, account, Arc::clone(&shared));
                members.push(tokio::spawn(member.takes_part()));
            }
            rooms.push(room);
        }
        Self { shared, rooms, members }
    }

    /// How many messages have been acknowledged.
    pub(crate) fn acked(&self) -> usize {
        *self.shared.acked.borrow()
    }

    /// Waits until so many more have been acknowledged than there were.
    pub(crate) async fn goes_on(&self, more: usize) {
        let wanted = self.acked() + more;
        let mut acked = self.shared.acked.subscribe();
        let waiting = acked.wait_for(|it| *it >= wanted);
        crate::harness::within("messages that are acknowledged", waiting).await.unwrap();
    }

    /// Waits until everything has been said that was to be.
    pub(crate) async fn said(&self) {
        let mut quiet = self.shared.quiet.subscribe();
        quiet.wait_for(|it| *it == self.members.len()).await.unwrap();
    }

    /// Lets everybody finish and hear everything, and judges all of it. The faults are over.
    pub(crate) async fn ends(self, ground: &Ground, round: &mut Round) -> usize {
        self.shared.is_over.store(true, Ordering::Relaxed);
        crate::harness::within("the last acknowledgements", self.said()).await;
        let last = ground.say(match ground.is_alone() {
            true => "SELECT room_id, last_seq FROM last_seqs",
            false => "SELECT id, last_seq FROM rooms",
        });
        let last = last.lines().map(|line| {
            let (room, seq) = line.split_once('|').expect("two columns");
            (room.parse().unwrap(), seq.parse().unwrap())
        });
        self.shared.last.send_replace(Some(last.collect()));
        let ended = crate::harness::within("everybody who hears it all", join_all(self.members));
        let known: Vec<Known> = ended.await.into_iter().map(|it| it.unwrap().known()).collect();
        let mut acked = 0;
        for room in &self.rooms {
            acked += judged(ground, round, (*room, &known));
        }
        shown(&format!(
            "{round}: {acked} acknowledged messages are stored once and were heard once"
        ));
        acked
    }
}

/// Judges one room; how many of its messages were acknowledged.
fn judged(ground: &Ground, round: &mut Round, (room, known): (i64, &[Known])) -> usize {
    let sql = format!("SELECT seq, client_id FROM messages WHERE room_id = {room} ORDER BY seq");
    let stored: Vec<Stored> = ground
        .say(&sql)
        .lines()
        .map(|line| {
            let (seq, client_id) = line.split_once('|').expect("two columns");
            let (sender, n) = numbers(client_id).expect("said here");
            Stored { seq: seq.parse().unwrap(), sender, n }
        })
        .collect();
    let nothing: &[Said] = &[];
    let is_here = |it: &&Known| it.room == room;
    let said: Vec<&[Said]> =
        known.iter().map(|it| if it.room == room { &it.said } else { nothing }).collect();
    let heard: Vec<Heard> = known.iter().filter(is_here).map(|it| it.heard).collect();
    let verdict = messages(&stored, &said, &heard);
    round.check("K-msg", verdict)
}

/// A sender and the sender's own number of a message, as its `client_id` has them.
fn numbers(client_id: &str) -> Option<(usize, usize)> {
    let (sender, n) = client_id.split_once('-')?;
    Some((sender.parse().ok()?, n.parse().ok()?))
}
