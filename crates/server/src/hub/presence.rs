//! Who came and went, told in bulk.
//!
//! A change only marks its room. One task looks at the marked rooms, at most every
//! [`COALESCE`] and the less often the more sit there ([`rest_of`]), and tells the difference between who
//! was announced last and who sits there now. So bursts collapse into one write for each member, and two
//! changes that raced each other can never be told in the wrong order: what is told is always the state,
//! never the event.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anteroom_core::ids::{RoomId, UserId};
use anteroom_core::mutants::{self, Mutant};
use anteroom_core::time::Millis;
use anteroom_protocol::frame::{Presence as PresenceFrame, ServerFrame};
use anteroom_protocol::room::{LobbyRoom, MemberUser, RoomState, Seats, Visibility};
use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;

use super::passing::Passing;
use super::{Hub, encode, frees};
use crate::admission::Admission;
use crate::cluster::{Bus, News};
use crate::rooms::{RoomInfo, Rooms};
use crate::storage::Storage;
use crate::view;

/// Changes of one room within this span are told together.
const COALESCE: Duration = Duration::from_millis(25);
/// What each member of a room adds to the span until the room may be told again: however many sit there,
/// all that come and go cost it a thousand writes a second.
const REST_PER_MEMBER: Duration = Duration::from_millis(1);
/// No room waits longer.
const REST_MAX: Duration = Duration::from_secs(1);
/// In rooms with more people than this only counts are told.
pub(super) const NAMED_MAX: usize = 250;
/// Lobby events a slow watcher may lag behind before it has to start over.
const LOBBY_BACKLOG: usize = 1_024;

#[derive(Debug, Default)]
struct State {
    marked: HashSet<RoomId>,
    /// When a room that was told just now may be told again.
    rests: HashMap<RoomId, Instant>,
    /// Those of them that other nodes have not heard of.
    untold: HashSet<RoomId>,
    /// Whom each room was told about.
    announced: HashMap<RoomId, HashSet<UserId>>,
    /// Whom a `welcome` listed before the room was told about them: if they are gone when it would be, whoever
    /// read that list has to hear it.
    listed: HashMap<RoomId, HashSet<UserId>>,
    /// The seats each room was told about, and when the first that is kept goes back.
    seats: HashMap<RoomId, (Seats, Option<Millis>)>,
    /// The names of those who sit somewhere.
    names: HashMap<RoomId, HashMap<UserId, Arc<str>>>,
}

/// What tells of other nodes, and of those who sit there.
#[derive(Clone, Copy)]
pub(crate) struct Among<'a> {
    pub(crate) bus: &'a dyn Bus,
    pub(crate) storage: &'a dyn Storage,
}

/// The marks, and what was told last. The mutex is a leaf.
#[derive(Debug)]
pub(crate) struct Presence {
    state: Mutex<State>,
    wake: Notify,
    lobby: broadcast::Sender<Arc<LobbyRoom>>,
    /// What has no longer a life than a stay.
    pub(crate) passing: Passing,
}

impl State {
    /// The marked rooms that may be told now, and when the first of the others may.
    fn take(&mut self, now: Instant) -> (Vec<RoomId>, Option<Instant>) {
        self.rests.retain(|_, until| *until > now);
        let due = self.marked.extract_if(|room| !self.rests.contains_key(room)).collect();
        let next = self.marked.iter().filter_map(|room| self.rests.get(room)).min().copied();
        (due, next)
    }
}

/// How long a room with so many sessions rests after it was told.
fn rest_of(sessions: usize) -> Duration {
    let sessions = u32::try_from(sessions).unwrap_or(u32::MAX);
    REST_PER_MEMBER.saturating_mul(sessions).clamp(COALESCE, REST_MAX)
}

impl Default for Presence {
    fn default() -> Self {
        let lobby = broadcast::channel(LOBBY_BACKLOG).0;
        Self { state: Mutex::default(), wake: Notify::new(), lobby, passing: Passing::default() }
    }
}

impl Presence {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something about this room's seats, people or state may have changed.
    pub(crate) fn mark(&self, room: RoomId) {
        self.lock().untold.insert(room);
        self.mark_here(room);
    }

    /// The same, and the other nodes know.
    pub(crate) fn mark_here(&self, room: RoomId) {
        if self.lock().marked.insert(room) {
            self.wake.notify_one();
        }
    }

    /// Tells the other nodes in which rooms to look.
    fn tell_others(&self, bus: &dyn Bus) {
        let untold = std::mem::take(&mut self.lock().untold);
        if bus.is_shared() && !untold.is_empty() {
            bus.tell(News::Seats { rooms: untold.into_iter().map(|room| room.0).collect() });
        }
    }

    /// Reads the names of those who came in by another node.
    pub(crate) async fn learn_names(
        &self,
        hub: &Hub,
        room: RoomId,
        people: &[UserId],
        among: &Among<'_>,
    ) {
        if !among.bus.is_shared() {
            return;
        }
        for user in people {
            if self.name_of(hub, room, *user).is_empty()
                && let Ok(Some(record)) = among.storage.user(*user).await
            {
                self.name(room, *user, &record.display_name.into());
            }
        }
    }

    /// The name under which a user entered; told with the next presence.
    pub(crate) fn name(&self, room: RoomId, user: UserId, name: &Arc<str>) {
        self.lock().names.entry(room).or_default().insert(user, Arc::clone(name));
    }

    /// The name is not needed: the entry it was noted for came to nothing.
    pub(crate) fn forget_name(&self, room: RoomId, user: UserId) {
        let mut state = self.lock();
        if let Some(names) = state.names.get_mut(&room) {
            names.remove(&user);
            if names.is_empty() {
                state.names.remove(&room);
            }
        }
    }

    /// The name of somebody who sits in the room: noted at the entry, or else a live session's.
    pub(crate) fn name_of(&self, hub: &Hub, room: RoomId, user: UserId) -> String {
        let noted = self.lock().names.get(&room).and_then(|names| names.get(&user)).cloned();
        let name = noted.or_else(|| {
            let session = hub.of_user(user).into_iter().find(|session| session.room == room)?;
            Some(Arc::clone(&session.name))
        });
        name.map_or_else(String::new, |name| name.to_string())
    }

    /// A `welcome` lists these.
    pub(crate) fn list(&self, room: RoomId, users: impl Iterator<Item = UserId>) {
        let mut state = self.lock();
        let State { announced, listed, .. } = &mut *state;
        let announced = announced.get(&room);
        let mut untold = users
            .filter(|user| announced.is_none_or(|announced| !announced.contains(user)))
            .peekable();
        if untold.peek().is_some() {
            listed.entry(room).or_default().extend(untold);
        }
    }

    /// Seats as they were just read, and when the first that is kept goes back, if that was told already.
    pub(crate) fn with_countdown(&self, room: RoomId, seats: Seats, now: Millis) -> Seats {
        match self.lock().seats.get(&room) {
            Some((known, at)) if *known == seats => frees::told(seats, *at, now),
            _ => seats,
        }
    }

    /// Live changes of public rooms.
    pub(crate) fn watch_lobby(&self) -> broadcast::Receiver<Arc<LobbyRoom>> {
        self.lobby.subscribe()
    }

    /// Tells what was marked, for ever.
    pub(crate) async fn run(
        &self,
        hub: &Hub,
        rooms: &Rooms,
        admission: &dyn Admission,
        among: Among<'_>,
    ) {
        let mut pace = tokio::time::interval(COALESCE);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut rested = None;
        loop {
            match rested {
                None => self.wake.notified().await,
                // A mark comes first, or the end of a rest.
                Some(at) => drop(tokio::time::timeout_at(at, self.wake.notified()).await),
            }
            pace.tick().await;
            self.tell_others(among.bus);
            let (due, next) = self.lock().take(Instant::now());
            rested = next;
            for room in due {
                self.tell(room, (hub, rooms), admission, &among).await;
                let rest = rest_of(hub.count_in_room(room));
                self.lock().rests.insert(room, Instant::now() + rest);
            }
        }
    }

    async fn tell(
        &self,
        room: RoomId,
        (hub, rooms): (&Hub, &Rooms),
        admission: &dyn Admission,
        among: &Among<'_>,
    ) {
        // A seat store that is away is asked again at the next turn.
        let (Ok(seats), Ok(seated)) = (admission.seats(room).await, admission.members(room).await)
        else {
            self.mark_here(room);
            return;
        };
        let Some(seats) = seats.map(view::seats) else {
            self.forget(room);
            return;
        };
        let frees = frees::first(room, &seats, admission).await;
        let told = frees::told(seats, frees, admission.now());
        self.tell_lobby(room, rooms, told);
        let here = seated.iter().map(|member| member.user).collect();
        self.passing.keep(room, &here);
        // Who is still on the way in is nobody's business yet.
        let members: HashSet<UserId> =
            seated.iter().filter(|member| member.settled).map(|member| member.user).collect();
        self.passing.note_size(room, members.len());
        if members.len() <= NAMED_MAX && hub.count_in_room(room) > 0 {
            let people: Vec<UserId> = members.iter().copied().collect();
            self.learn_names(hub, room, &people, among).await;
        }
        let mut news = self.who_came_and_went(room, &members, seats, hub);
        self.keep_names(room, &here);
        if self.lock().seats.insert(room, (seats, frees)) != Some((seats, frees)) {
            news.extend_from_slice(&encode(&ServerFrame::Seats(told)));
        }
        if !news.is_empty() {
            hub.broadcast(room, &news.into());
        }
    }

    /// The frame that tells it; empty where nobody did.
    fn who_came_and_went(
        &self,
        room: RoomId,
        members: &HashSet<UserId>,
        seats: Seats,
        hub: &Hub,
    ) -> Vec<u8> {
        let (joined, left) = self.difference(room, members);
        if joined.is_empty() && left.is_empty() {
            return Vec::new();
        }
        let is_named = members.len() <= NAMED_MAX;
        let named = |user: UserId| MemberUser { id: user.0, name: self.name_of(hub, room, user) };
        let frame = PresenceFrame {
            joined: joined.into_iter().filter(|_| is_named).map(named).collect(),
            left: left.iter().filter(|_| is_named).map(|user| user.0).collect(),
            occupied: seats.occupied,
        };
        encode(&ServerFrame::Presence(frame)).to_vec()
    }

    /// Who came and who went since the room was told last.
    fn difference(&self, room: RoomId, members: &HashSet<UserId>) -> (Vec<UserId>, Vec<UserId>) {
        let mut state = self.lock();
        if mutants::on(Mutant::B16PartingLeavesItsMark) {
            let announced = state.announced.entry(room).or_default();
            let joined = members.difference(announced).copied().collect();
            let left = announced.difference(members).copied().collect();
            announced.extend(members);
            return (joined, left);
        }
        let announced = match members.is_empty() {
            true => state.announced.remove(&room),
            false => state.announced.insert(room, members.clone()),
        };
        let mut known = announced.unwrap_or_default();
        let joined = members.difference(&known).copied().collect();
        known.extend(state.listed.remove(&room).unwrap_or_default());
        (joined, known.difference(members).copied().collect())
    }

    /// Names of those who are not here any more are dropped, whether or not they were ever told of.
    /// One noted just now for somebody on the way in may go too; it is noted again once the entry
    /// holds.
    fn keep_names(&self, room: RoomId, here: &HashSet<UserId>) {
        let mut state = self.lock();
        if let Some(names) = state.names.get_mut(&room) {
            names.retain(|user, _| here.contains(user));
            if names.is_empty() {
                state.names.remove(&room);
            }
        }
    }

    fn forget(&self, room: RoomId) {
        self.passing.forget(room);
        let mut state = self.lock();
        state.announced.remove(&room);
        state.listed.remove(&room);
        state.names.remove(&room);
        state.seats.remove(&room);
        state.rests.remove(&room);
    }

    fn tell_lobby(&self, room: RoomId, rooms: &Rooms, seats: Seats) {
        if let Some(info) = rooms.get(room).filter(|info| is_listed(info)) {
            self.send(lobby_room(&info, Some(seats)));
        }
    }

    /// A room is gone from the lobby: told only of rooms that stood there.
    pub(crate) fn tell_closed(&self, info: &RoomInfo) {
        if is_listed(info) {
            self.send(LobbyRoom { state: RoomState::Closed, ..lobby_room(info, None) });
        }
    }

    fn send(&self, event: LobbyRoom) {
        // Nobody watching is not an error.
        let _ = self.lobby.send(Arc::new(event));
    }
}

/// A room as the lobby shows it.
pub(crate) fn lobby_room(info: &RoomInfo, seats: Option<Seats>) -> LobbyRoom {
    LobbyRoom {
        id: info.id.0,
        name: info.name.clone(),
        has_password: info.password_hash.is_some(),
        seats,
        state: info.state,
    }
}

fn is_listed(info: &RoomInfo) -> bool {
    info.visibility == Visibility::Public && info.state == RoomState::Open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_listed_to_somebody_and_left_untold_is_told_to_have_left() {
        let (presence, room) = (Presence::default(), RoomId(1));
        let user = |n| UserId(uuid::Uuid::from_u128(n));
        let told = |who: &[u128]| {
            let members = who.iter().copied().map(user).collect();
            let (joined, mut left) = presence.difference(room, &members);
            left.sort();
            (joined.len(), left)
        };
        assert_eq!(told(&[1]), (1, vec![]));
        // The second came and was listed to the third; both who listed it and the first are gone by the next turn.
        presence.list(room, [1, 2, 3].map(user).into_iter());
        assert_eq!(told(&[3]), (1, vec![user(1), user(2)]));
        assert_eq!(told(&[3]), (0, vec![]));
        presence.list(room, [3].map(user).into_iter());
        assert!(presence.lock().listed.is_empty(), "who was told about needs no note");
    }

    #[test]
    fn the_more_sit_in_a_room_the_less_often_it_is_told_and_none_keeps_another_waiting() {
        let (mut state, start) = (State::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let (large, small) = (RoomId(1), RoomId(2));
        assert_eq!(
            [0, 20, 300, 10_000].map(rest_of),
            [25, 25, 300, 1_000].map(Duration::from_millis)
        );
        state.rests.insert(large, at(250));
        state.marked.extend([large, small]);
        assert_eq!(state.take(at(0)), (vec![small], Some(at(250))));
        assert_eq!(state.take(at(249)), (vec![], Some(at(250))));
        assert_eq!(state.take(at(250)), (vec![large], None));
        assert!(state.marked.is_empty() && state.rests.is_empty(), "back at the base line");
    }
}
