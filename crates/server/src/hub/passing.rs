//! What passes: who types, and how far everybody has read. Kept with the stay, never stored.
//!
//! A frame only notes what it says, in a step that costs the same however many sit in the room. One task
//! tells each room what was noted, at most every [`COALESCE`] and in one write for each member: of a user
//! the newest mark, and that they type at most once in [`TYPING_EVERY_MS`]. In rooms where presence names
//! nobody, nothing of this is told; marks are kept there too.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anteroom_core::ids::{RoomId, UserId};
use anteroom_core::time::Millis;
use anteroom_protocol::frame::ServerFrame;
use bytes::Bytes;
use tokio::sync::Notify;

use super::form::Shared;
use super::presence::NAMED_MAX;
use super::{Hub, encode};
use crate::clock::Clock;
use crate::cluster::{self, Bus};
use crate::rooms::Rooms;

/// What is noted within this span is told together.
const COALESCE: Duration = Duration::from_millis(250);
/// That somebody types is told once in so many milliseconds.
const TYPING_EVERY_MS: u64 = 2_000;

/// Marks told to other nodes in one piece.
const MARKS_TOGETHER: usize = 512;

#[derive(Debug, Default)]
struct Room {
    /// How far each has read.
    read: HashMap<UserId, i64>,
    /// Whose mark moved since the room was told.
    moved: HashSet<UserId>,
    /// When it was last noted that somebody types.
    typed: HashMap<UserId, Millis>,
    /// Who began to type since the room was told.
    typing: HashSet<UserId>,
}

/// What one room is told.
#[derive(Debug, Default, PartialEq, Eq)]
struct News {
    typing: HashSet<UserId>,
    read: Vec<(UserId, i64)>,
}

impl News {
    /// For the other nodes.
    fn abroad(&self, room: RoomId) -> cluster::News {
        cluster::News::Passing {
            room: room.0,
            typing: self.typing.iter().map(|user| user.0).collect(),
            read: self.read.iter().map(|(user, seq)| (user.0, *seq)).collect(),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    rooms: HashMap<RoomId, Room>,
    marked: HashSet<RoomId>,
    /// Rooms in which more people sit than are named, wherever their sessions are.
    large: HashSet<RoomId>,
}

/// What was noted and what was told. The mutex is a leaf.
#[derive(Debug, Default)]
pub(crate) struct Passing {
    state: Mutex<State>,
    wake: Notify,
}

impl Passing {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody types.
    pub(crate) fn typing(&self, hub: &Hub, room: RoomId, user: UserId, now: Millis) {
        if self.is_large(hub, room) {
            return;
        }
        let mut state = self.lock();
        let there = state.rooms.entry(room).or_default();
        let noted = there.typed.get(&user);
        if noted.is_some_and(|at| now.0 < at.0.saturating_add(TYPING_EVERY_MS)) {
            return;
        }
        there.typed.insert(user, now);
        there.typing.insert(user);
        self.mark(state, room);
    }

    /// Somebody has read up to `seq`; a mark never goes back.
    pub(crate) fn read(&self, room: RoomId, user: UserId, seq: i64) {
        let mut state = self.lock();
        let there = state.rooms.entry(room).or_default();
        let mark = there.read.entry(user).or_default();
        if seq <= *mark {
            return;
        }
        *mark = seq;
        there.moved.insert(user);
        self.mark(state, room);
    }

    /// How far somebody has read.
    pub(crate) fn mark_of(&self, room: RoomId, user: UserId) -> Option<i64> {
        self.lock().rooms.get(&room)?.read.get(&user).copied()
    }

    fn mark(&self, mut state: MutexGuard<'_, State>, room: RoomId) {
        let is_first = state.marked.insert(room);
        drop(state);
        if is_first {
            self.wake.notify_one();
        }
    }

    /// Forgets those whose stay is over.
    pub(super) fn keep(&self, room: RoomId, here: &HashSet<UserId>) {
        let mut state = self.lock();
        let Some(there) = state.rooms.get_mut(&room) else { return };
        there.read.retain(|user, _| here.contains(user));
        there.moved.retain(|user| here.contains(user));
        there.typed.retain(|user, _| here.contains(user));
        there.typing.retain(|user| here.contains(user));
        if there.read.is_empty() && there.typed.is_empty() {
            state.rooms.remove(&room);
        }
    }

    /// The room is gone.
    pub(super) fn forget(&self, room: RoomId) {
        let mut state = self.lock();
        state.rooms.remove(&room);
        state.large.remove(&room);
    }

    /// Whether more people sit in the room than are named, as the seats have it.
    pub(super) fn note_size(&self, room: RoomId, people: usize) {
        let mut state = self.lock();
        if people > NAMED_MAX {
            state.large.insert(room)
        } else {
            state.large.remove(&room)
        };
    }

    /// Whether so many sit there that nobody is named.
    fn is_large(&self, hub: &Hub, room: RoomId) -> bool {
        hub.count_in_room(room) > NAMED_MAX || self.lock().large.contains(&room)
    }

    /// What another node was told, for the members on this one.
    pub(crate) fn heard(
        &self,
        hub: &Hub,
        room: RoomId,
        typing: HashSet<UserId>,
        read: Vec<(UserId, i64)>,
    ) {
        // Of a room without members here nobody is told, and nothing is kept.
        if hub.count_in_room(room) == 0 {
            return;
        }
        let mut state = self.lock();
        let there = state.rooms.entry(room).or_default();
        let is_newer = |(user, seq): &(UserId, i64)| {
            let mark = there.read.entry(*user).or_default();
            let is_newer = *seq > *mark;
            *mark = (*mark).max(*seq);
            is_newer
        };
        let read = read.into_iter().filter(is_newer).collect();
        drop(state);
        if !self.is_large(hub, room) {
            tell(hub, room, &News { typing, read });
        }
    }

    /// Tells the other nodes every mark that is kept here of a room, also of those whose line broke.
    pub(crate) fn tell_marks(&self, room: RoomId, bus: &dyn Bus) {
        let marks: Vec<(UserId, i64)> = match self.lock().rooms.get(&room) {
            Some(there) => there.read.iter().map(|(user, seq)| (*user, *seq)).collect(),
            None => return,
        };
        for some in marks.chunks(MARKS_TOGETHER) {
            bus.tell(News { typing: HashSet::new(), read: some.to_vec() }.abroad(room));
        }
    }

    /// Tells what is noted, for ever.
    pub(crate) async fn run(&self, hub: &Hub, (rooms, bus): (&Rooms, &dyn Bus), clock: &Clock) {
        let mut pace = tokio::time::interval(COALESCE);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.wake.notified().await;
            pace.tick().await;
            for (room, news) in self.take(clock.now()) {
                if rooms.get(room).is_none() {
                    // Its end may have been told before the last of its frames was noted.
                    self.forget(room);
                    continue;
                }
                bus.tell(news.abroad(room));
                if !self.is_large(hub, room) {
                    tell(hub, room, &news);
                }
            }
        }
    }

    /// What every marked room is to be told. Who types no more is forgotten on the way.
    fn take(&self, now: Millis) -> Vec<(RoomId, News)> {
        let mut state = self.lock();
        let marked = std::mem::take(&mut state.marked);
        let mut all = Vec::with_capacity(marked.len());
        for room in marked {
            let Some(there) = state.rooms.get_mut(&room) else { continue };
            there.typed.retain(|_, at| now.0 < at.0.saturating_add(TYPING_EVERY_MS));
            let moved = std::mem::take(&mut there.moved);
            let mark = |user: UserId| Some((user, *there.read.get(&user)?));
            let read = moved.into_iter().filter_map(mark).collect();
            all.push((room, News { typing: std::mem::take(&mut there.typing), read }));
        }
        all
    }
}

/// One write for each member. Nobody is told that they type themselves; of marks also those who set
/// them are told, for their other windows.
fn tell(hub: &Hub, room: RoomId, news: &News) {
    let typing: Vec<(UserId, Bytes)> = news
        .typing
        .iter()
        .map(|user| (*user, encode(&ServerFrame::Typing { user_id: user.0 })))
        .collect();
    let mut marks = Vec::new();
    for (user, seq) in &news.read {
        marks.extend_from_slice(&encode(&ServerFrame::Read { user_id: user.0, seq: *seq }));
    }
    let but = |reader: Option<UserId>| -> Bytes {
        let others = typing.iter().filter(|(user, _)| Some(*user) != reader);
        let mut frames: Vec<u8> = others.flat_map(|(_, frame)| frame.iter().copied()).collect();
        frames.extend_from_slice(&marks);
        frames.into()
    };
    let for_most = Shared::new(but(None));
    for session in hub.in_room(room) {
        if news.typing.contains(&session.user) {
            session.push(but(Some(session.user)));
        } else {
            session.push_shared(&for_most);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ROOM: RoomId = RoomId(101);

    fn user(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    fn here(users: &[UserId]) -> HashSet<UserId> {
        users.iter().copied().collect()
    }

    #[test]
    fn a_flood_of_typing_is_told_once_in_its_span() {
        let (hub, passing) = (Hub::default(), Passing::default());
        let mut told = 0;
        for ms in 0..10_000 {
            passing.typing(&hub, ROOM, user(1), Millis(ms));
            told += passing.take(Millis(ms)).iter().filter(|it| !it.1.typing.is_empty()).count();
        }
        assert_eq!(told, 5);
        passing.typing(&hub, ROOM, user(2), Millis(9_999));
        assert_eq!(passing.take(Millis(9_999))[0].1.typing, here(&[user(2)]), "each has a pace");
    }

    #[test]
    fn of_marks_the_newest_is_told_and_none_goes_back() {
        let passing = Passing::default();
        for seq in [3, 9, 5, 9] {
            passing.read(ROOM, user(1), seq);
        }
        let news = News { read: vec![(user(1), 9)], ..News::default() };
        assert_eq!(passing.take(Millis(0)), [(ROOM, news)]);
        passing.read(ROOM, user(1), 8);
        assert_eq!(passing.take(Millis(0)), [], "nothing moved");
        assert_eq!(passing.mark_of(ROOM, user(1)), Some(9));
    }

    #[test]
    fn what_was_noted_of_a_stay_goes_with_it() {
        let (hub, passing) = (Hub::default(), Passing::default());
        for n in 0..3 {
            passing.read(ROOM, user(n), 1);
            passing.typing(&hub, ROOM, user(n), Millis(0));
        }
        passing.keep(ROOM, &here(&[user(0)]));
        assert_eq!(passing.mark_of(ROOM, user(1)), None);
        let told = passing.take(Millis(0)).remove(0).1;
        assert_eq!((told.typing, told.read), (here(&[user(0)]), vec![(user(0), 1)]));
        passing.keep(ROOM, &here(&[]));
        assert!(passing.lock().rooms.is_empty(), "back at the base line");
        passing.read(ROOM, user(1), 1);
        passing.forget(ROOM);
        assert!(passing.lock().rooms.is_empty() && passing.take(Millis(0)).is_empty());
    }

    #[tokio::test]
    async fn what_is_noted_of_a_room_that_is_gone_is_forgotten() {
        let (hub, passing, clock) = (Hub::default(), Passing::default(), Clock::new());
        passing.forget(ROOM);
        passing.typing(&hub, ROOM, user(1), Millis(0));
        passing.read(ROOM, user(1), 1);
        let rooms = Rooms::default();
        let looking = async {
            while !passing.lock().rooms.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        let told = async {
            tokio::select! {
                () = passing.run(&hub, (&rooms, &crate::cluster::Local), &clock) => unreachable!("it runs for ever"),
                () = looking => {}
            }
        };
        tokio::time::timeout(Duration::from_secs(10), told).await.expect("forgotten");
    }
}
