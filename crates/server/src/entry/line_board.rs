//! Who watches which line from here, and what they are told.
//!
//! A stream subscribes first and looks at the ledger second, so whatever happens in between reaches
//! it. What ends a wait (an offer, the loss of the place) is called out at once, to the streams of
//! that one user; a call says *look again*, and the stream tells what it then finds, so a call that
//! comes late harms nobody. Positions are told in bulk: one task walks a line that has moved, at a
//! pace that [`super::line_flow`] sets, and tells those whose position is another than before. So a
//! freed seat costs one message, however many wait.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anteroom_core::ids::{LoginId, RoomId, UserId};
use anteroom_core::seat::{Reservation, WaiterEnd};
use anteroom_core::time::Millis;
use anteroom_protocol::Code;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::line_flow::{FRONT, Flow, Pace, Walk};
use crate::admission::Admission;
use crate::clock::Clock;

/// After so many positions the walk lets others run.
const TOLD_AT_ONCE: usize = 256;

/// A position as a walk found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// From 1.
    pub(super) position: usize,
    pub(super) estimated_wait_ms: Option<u64>,
}

/// Why a stream is to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// A seat was offered.
    Offered(Reservation),
    /// The place in the line went.
    Gone(WaiterEnd),
    /// Two walks in a row did not find the user in the line.
    Missed,
    /// The stream ends with this code, whatever the ledger says.
    End(Code),
}

/// The latest for one stream. What is not read in time is overwritten, so nothing piles up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct News {
    pub(super) found: Option<Found>,
    pub(super) call: Option<Call>,
}

struct Watcher {
    id: u64,
    login: LoginId,
    news: watch::Sender<News>,
    /// The last walk did not find the user either.
    was_missed: bool,
}

impl Watcher {
    fn call(&self, call: Call) {
        self.news.send_modify(|news| match (news.call, call) {
            (Some(Call::End(_)), _) | (Some(_), Call::Missed) => {}
            _ => news.call = Some(call),
        });
    }
}

struct Line {
    watchers: HashMap<UserId, Vec<Watcher>>,
    pace: Pace,
    flow: Flow,
}

#[derive(Default)]
struct Board {
    lines: HashMap<RoomId, Line>,
    /// When each line is walked next.
    due: BTreeSet<(Millis, RoomId)>,
    last: u64,
}

impl Board {
    /// Changes a line that is watched, and when it is due.
    fn alter<T>(&mut self, room: RoomId, change: impl FnOnce(&mut Line) -> T) -> Option<T> {
        let line = self.lines.get_mut(&room)?;
        self.due.remove(&(line.pace.due(), room));
        let answer = change(line);
        if line.watchers.is_empty() {
            self.lines.remove(&room);
        } else {
            self.due.insert((line.pace.due(), room));
        }
        Some(answer)
    }
}

/// The streams of this node. The mutex is a leaf.
#[derive(Default)]
pub(crate) struct LineBoard {
    board: Mutex<Board>,
    sooner: Notify,
}

/// One stream's place on the board; dropping it takes the stream off.
pub(super) struct Subscription {
    board: Arc<LineBoard>,
    room: RoomId,
    user: UserId,
    id: u64,
    news: watch::Receiver<News>,
}

impl Subscription {
    /// Waits for news. After the board is gone it waits for ever.
    pub(super) async fn next(&mut self) -> News {
        match self.news.changed().await {
            Ok(()) => *self.news.borrow_and_update(),
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let (id, user) = (self.id, self.user);
        self.board.lock().alter(self.room, |line| {
            if let Some(watchers) = line.watchers.get_mut(&user) {
                watchers.retain(|watcher| watcher.id != id);
                if watchers.is_empty() {
                    line.watchers.remove(&user);
                }
            }
        });
    }
}

impl LineBoard {
    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this stream is told of everything that happens to the user's place.
    pub(super) fn subscribe(
        self: &Arc<Self>,
        room: RoomId,
        user: UserId,
        login: LoginId,
        now: Millis,
    ) -> Subscription {
        let (sender, news) = watch::channel(News::default());
        let mut board = self.lock();
        board.last += 1;
        let id = board.last;
        let watcher = Watcher { id, login, news: sender, was_missed: false };
        board.lines.entry(room).or_insert_with(|| Line {
            watchers: HashMap::new(),
            pace: Pace::starting(now),
            flow: Flow::default(),
        });
        board.alter(room, |line| line.watchers.entry(user).or_default().push(watcher));
        drop(board);
        self.sooner.notify_one();
        Subscription { board: Arc::clone(self), room, user, id, news }
    }

    /// A seat was offered to the user, who was the head of the line.
    pub(super) fn offered(&self, room: RoomId, user: UserId, it: Reservation, now: Millis) {
        self.moved(room, user, Call::Offered(it), |flow| flow.offered(now));
    }

    /// The user left the line without a seat.
    pub(crate) fn gone(&self, room: RoomId, user: UserId, cause: WaiterEnd, now: Millis) {
        self.moved(room, user, Call::Gone(cause), |flow| flow.left(now));
    }

    /// Something became of the user's wait on another node: its streams here look for themselves.
    pub(crate) fn look_again(&self, room: RoomId, user: UserId) {
        self.moved(room, user, Call::Missed, |_| {});
    }

    fn moved(&self, room: RoomId, user: UserId, call: Call, note: impl FnOnce(&mut Flow)) {
        self.lock().alter(room, |line| {
            note(&mut line.flow);
            line.pace.moved();
            line.watchers.get(&user).into_iter().flatten().for_each(|it| it.call(call));
        });
        self.sooner.notify_one();
    }

    /// Ends the streams that stand under a login, whatever the ledger says.
    pub(crate) fn end_login(&self, user: UserId, login: LoginId, code: Code) {
        for line in self.lock().lines.values() {
            let watchers = line.watchers.get(&user).into_iter().flatten();
            watchers.filter(|it| it.login == login).for_each(|it| it.call(Call::End(code)));
        }
    }

    /// Ends a user's streams in a room, whatever the ledger says.
    pub(crate) fn end_user_in(&self, room: RoomId, user: UserId, code: Code) {
        let board = self.lock();
        let watchers = board.lines.get(&room).and_then(|line| line.watchers.get(&user));
        watchers.into_iter().flatten().for_each(|it| it.call(Call::End(code)));
    }

    /// Ends every stream of a room, whatever the ledger says.
    pub(crate) fn end_room(&self, room: RoomId, code: Code) {
        let board = self.lock();
        let watchers = board.lines.get(&room).map(|line| line.watchers.values().flatten());
        watchers.into_iter().flatten().for_each(|it| it.call(Call::End(code)));
    }

    /// How long the waiter at a position of a line may have to wait, in milliseconds.
    pub(super) fn estimate(&self, room: RoomId, position: usize, now: Millis) -> Option<u64> {
        let board = self.lock();
        let line = board.lines.get(&room)?;
        line.flow.estimate(position, line.pace.length(), now)
    }

    /// Tells positions, for ever.
    pub(crate) async fn run(&self, admission: &dyn Admission, clock: &Clock) {
        loop {
            let first = self.lock().due.first().copied();
            match first {
                None => self.sooner.notified().await,
                Some((at, room)) if at <= clock.now() => self.walk(room, admission, clock).await,
                Some((at, _)) => {
                    let until = Instant::now() + at.since(clock.now());
                    let _ = tokio::time::timeout_at(until, self.sooner.notified()).await;
                }
            }
        }
    }

    /// Tells a line as a whole, whatever its pace.
    #[cfg(test)]
    pub(super) async fn walk_now(&self, room: RoomId, admission: &dyn Admission, clock: &Clock) {
        self.lock().alter(room, |line| line.pace = Pace::starting(Millis(0)));
        self.walk(room, admission, clock).await;
    }

    /// How many lines are watched.
    #[cfg(test)]
    pub(super) fn watched(&self) -> usize {
        let board = self.lock();
        assert_eq!(board.lines.len(), board.due.len(), "each line is due once");
        board.lines.len()
    }

    async fn walk(&self, room: RoomId, admission: &dyn Admission, clock: &Clock) {
        let walk = self.lock().alter(room, |line| line.pace.begin(clock.now()));
        let line = match walk {
            None => return,
            Some(Walk::Front) => admission.line_front(room, FRONT).await,
            Some(Walk::Whole) => admission.line(room).await,
        };
        // A seat store that is away is asked again at the next turn.
        let Ok(line) = line else { return };
        let told = match walk {
            Some(Walk::Whole) => self.whole(room, &line, clock.now()),
            _ => self.positions(room, &line, clock.now()),
        };
        // Told without the lock: waking the streams takes longer than finding them.
        for (n, (news, found)) in told.iter().enumerate() {
            news.send_if_modified(|news| {
                let is_new = news.found.map(|it| it.position) != Some(found.position);
                if is_new {
                    news.found = Some(*found);
                }
                is_new
            });
            if n % TOLD_AT_ONCE == TOLD_AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Who of a line, or of its front, watches from here, and where they stand.
    fn positions(
        &self,
        room: RoomId,
        users: &[UserId],
        now: Millis,
    ) -> Vec<(watch::Sender<News>, Found)> {
        let board = self.lock();
        let Some(line) = board.lines.get(&room) else { return Vec::new() };
        let places = users.iter().enumerate().flat_map(|(ahead, user)| {
            let position = ahead + 1;
            let watchers = line.watchers.get(user).into_iter().flatten();
            watchers.map(move |watcher| (&watcher.news, position))
        });
        let length = line.pace.length();
        // Most stand where they stood; they are not worth an estimate.
        let moved = places.filter(|(news, position)| {
            news.borrow().found.map(|it| it.position) != Some(*position)
        });
        let told = moved.map(|(news, position)| {
            let estimated_wait_ms = line.flow.estimate(position, length, now);
            (news.clone(), Found { position, estimated_wait_ms })
        });
        told.collect()
    }

    /// The same for a whole line; those who watch it and were not in it at the last walk either are
    /// told to look again. One walk may come between the step that ended a wait and the call that says
    /// why, and would have them say less than is known.
    fn whole(
        &self,
        room: RoomId,
        users: &[UserId],
        now: Millis,
    ) -> Vec<(watch::Sender<News>, Found)> {
        self.lock().alter(room, |line| {
            line.pace.measured(users.len());
            let here: std::collections::HashSet<&UserId> = users.iter().collect();
            for (user, watchers) in &mut line.watchers {
                let is_missed = !here.contains(user);
                for watcher in watchers {
                    if is_missed && watcher.was_missed {
                        watcher.call(Call::Missed);
                    }
                    watcher.was_missed = is_missed;
                }
            }
        });
        self.positions(room, users, now)
    }
}
