//! A storm on one room: many people come by every node in turn, stay a while and go in one way or another,
//! and every socket is watched from outside.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anteroom_client::{Account, Client, Error, Event, Session};
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::harness::check::{Since, Stay, Verdict, capacity};
use crate::harness::told::word_of;
use crate::harness::{PATIENCE, shown, within};

/// What somebody sees who watches all sockets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Sessions that were welcomed and whose end was not seen, by node.
    pub(crate) live: BTreeMap<usize, usize>,
    pub(crate) entered: usize,
    /// What those were told who did not come in, and how often.
    pub(crate) refusals: BTreeMap<String, usize>,
}

impl Seen {
    pub(crate) fn live(&self) -> usize {
        self.live.values().sum()
    }

    /// Of them, those on one node.
    pub(crate) fn live_on(&self, node: usize) -> usize {
        self.live.get(&node).copied().unwrap_or_default()
    }

    /// All seats, but for those that are being given on.
    pub(crate) fn is_full(&self, seats: usize) -> bool {
        self.live() >= seats * 9 / 10
    }
}

/// Counts, and knows where the nodes are at the moment.
pub(crate) struct Storm {
    pub(crate) room: i64,
    pub(crate) seats: usize,
    /// How many come; the more, the longer they stay, so that the room fills.
    people: usize,
    since: Since,
    stays: Mutex<Vec<Stay>>,
    seen: watch::Sender<Seen>,
    doors: Mutex<Vec<Client>>,
    /// Nobody stays or waits any longer.
    over: CancellationToken,
    /// What each is doing who has not gone home, for whoever waits for them in vain.
    doing: Mutex<BTreeMap<usize, String>>,
}

impl Storm {
    /// On a room with so many seats, by these doors.
    pub(crate) fn on((room, seats): (i64, usize), people: usize, doors: Vec<Client>) -> Arc<Self> {
        Arc::new(Self {
            room,
            seats,
            people,
            since: Since::now(),
            stays: Mutex::default(),
            seen: watch::Sender::default(),
            doors: Mutex::new(doors),
            over: CancellationToken::new(),
            doing: Mutex::default(),
        })
    }

    /// The node is somewhere else now.
    pub(crate) fn moved(&self, node: usize, to: Client) {
        self.doors.lock().unwrap()[node] = to;
    }

    /// Waits until what is seen is as wanted.
    pub(crate) async fn seen(&self, what: &str, wanted: impl FnMut(&Seen) -> bool) -> Seen {
        let mut seen = self.seen.subscribe();
        within(what, seen.wait_for(wanted)).await.unwrap().clone()
    }

    /// How many have come in.
    pub(crate) fn entered(&self) -> usize {
        self.seen.borrow().entered
    }

    /// Waits until the room is full.
    pub(crate) async fn fills(&self) -> Seen {
        self.seen("a full room", |seen| seen.is_full(self.seats)).await
    }

    /// Waits until so many more have come in than had.
    pub(crate) async fn goes_on(&self, more: usize) {
        let now = self.seen.borrow().entered;
        self.seen("more who come in", |seen| seen.entered > now + more).await;
    }

    /// Lets all people come and go while `faults` happen; what was seen.
    pub(crate) async fn rages(
        self: &Arc<Self>,
        people: &[Account],
        faults: impl Future<Output = ()>,
    ) -> Seen {
        let visits: Vec<_> = people
            .iter()
            .enumerate()
            .map(|(who, account)| {
                let (storm, token) = (Arc::clone(self), account.token());
                tokio::spawn(async move { storm.visits(who, &token).await })
            })
            .collect();
        faults.await;
        self.over.cancel();
        let Ok(visits) = timeout(PATIENCE, join_all(visits)).await else {
            panic!("not everybody goes home: {:?}", self.doing.lock().unwrap());
        };
        for visit in visits {
            visit.unwrap();
        }
        let seen = self.seen.borrow().clone();
        shown(&format!("{seen:?}"));
        assert_eq!(seen.live(), 0);
        seen
    }

    /// Whether there were never more inside than the room holds; the most that there were.
    pub(crate) fn was_never_overfull(&self) -> Verdict<usize> {
        capacity(&self.stays.lock().unwrap(), self.seats)
    }

    /// Comes by each node in turn, stays a while and goes in one way or another, until it is over.
    async fn visits(&self, who: usize, token: &str) {
        for visit in who.. {
            if self.over.is_cancelled() {
                self.doing.lock().unwrap().remove(&who);
                return;
            }
            let (node, door) = {
                let doors = self.doors.lock().unwrap();
                (visit % doors.len(), doors[visit % doors.len()].clone())
            };
            let account = door.with_token(token);
            let came = Instant::now();
            self.does(who, format!("enters by node {node}"));
            let entry = account.enter(self.room).await;
            // On a busy machine everything takes longer: who stays no longer than it takes to come in, or
            // knocks again at once, would keep the room from ever being full.
            let slowly = came.elapsed() * 5;
            match entry {
                Ok(session) => {
                    let from = self.welcomed(node);
                    self.does(who, format!("is seated on node {node}"));
                    let gone = |until| self.gone(node, Stay { who, from, until });
                    self.stays(session, visit, slowly, gone).await;
                }
                Err(error) => {
                    self.refused(&error);
                    let knocks = Duration::from_millis(500 + (who as u64 * 53) % 1_000);
                    self.does(who, format!("waits after node {node}: {error}"));
                    self.lasts(Instant::now() + knocks.max(slowly), pending::<()>()).await;
                }
            }
        }
    }

    async fn stays(
        &self,
        mut session: Session,
        visit: usize,
        at_least: Duration,
        gone: impl FnOnce(u64),
    ) {
        let people = self.people as u64;
        let stay = Duration::from_millis(people * 4 + (visit as u64 * 37) % (people * 6));
        let until = Instant::now() + stay.max(at_least);
        let ended =
            async { while !matches!(session.next().await, None | Some(Event::Closed(_))) {} };
        let has_ended = self.lasts(until, ended).await;
        // Before the server can know of it: a seat that is given back may be taken at once.
        gone(self.since.at());
        match visit % 3 {
            _ if has_ended => {}
            // A node that was killed cannot answer.
            0 | 1 => drop(session.leave().await),
            _ => session.abort(),
        }
    }

    /// Whether that came before the time was over, or all of it.
    async fn lasts(&self, until: Instant, what: impl Future<Output = ()>) -> bool {
        let what = self.over.run_until_cancelled(what);
        timeout_at(until, what).await.is_ok_and(|ended| ended.is_some())
    }

    fn does(&self, who: usize, what: String) {
        self.doing.lock().unwrap().insert(who, what);
    }

    fn welcomed(&self, node: usize) -> u64 {
        let at = self.since.at();
        self.seen.send_modify(|seen| {
            *seen.live.entry(node).or_default() += 1;
            seen.entered += 1;
        });
        at
    }

    fn gone(&self, node: usize, stay: Stay) {
        self.stays.lock().unwrap().push(stay);
        self.seen.send_modify(|seen| *seen.live.get_mut(&node).expect("came by it") -= 1);
    }

    fn refused(&self, error: &Error) {
        let word = word_of(error);
        self.seen.send_modify(|seen| *seen.refusals.entry(word).or_default() += 1);
    }
}
