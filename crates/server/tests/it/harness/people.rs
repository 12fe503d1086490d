//! People who come to a server, and what they do there.

use std::time::Duration;

use anteroom_client::{Account, RoomQuery, Session};
use anteroom_protocol::account::SignUp;
use anteroom_protocol::room::{CreateRoom, RoomCreated, Seats};
use futures_util::future::join_all;
use uuid::Uuid;

use super::server::TestServer;
use super::waiting::{PATIENCE, within};

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery";
/// Guests who come in at once; more would only wait in each other's way.
const ARRIVALS_AT_ONCE: usize = 25;
/// How soon seats are looked at again when the log is silent.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// An account whose user is known, as it is after every sign-in.
pub(crate) trait Known {
    /// The user's id.
    fn id(&self) -> Uuid;
}

impl Known for Account {
    fn id(&self) -> Uuid {
        self.user().expect("signed in here").id
    }
}

/// The founding scenarios call people A and B; an account's name has at least three characters.
pub(crate) fn account_name(short: &str) -> String {
    if short.chars().count() < 3 { format!("user-{short}") } else { short.to_owned() }
}

impl TestServer {
    /// Makes an account and logs it in.
    pub(crate) async fn user(&self, username: &str) -> Account {
        let body = SignUp {
            username: account_name(username),
            password: PASSWORD.into(),
            display_name: Some(username.into()),
            contact_number: None,
        };
        self.client.sign_up(&body).await.unwrap();
        self.login(username).await
    }

    /// Logs in again.
    pub(crate) async fn login(&self, username: &str) -> Account {
        self.client.login(&account_name(username), PASSWORD).await.unwrap()
    }

    /// Somebody without an account.
    pub(crate) async fn guest(&self, name: &str) -> Account {
        self.client.guest(name).await.unwrap()
    }

    /// Many of them.
    pub(crate) async fn guests(&self, count: usize) -> Vec<Account> {
        let mut guests = Vec::with_capacity(count);
        while guests.len() < count {
            let batch = ARRIVALS_AT_ONCE.min(count - guests.len());
            let names: Vec<String> =
                (0..batch).map(|n| format!("guest {}", guests.len() + n)).collect();
            guests.extend(join_all(names.iter().map(|name| self.guest(name))).await);
        }
        guests
    }

    /// A pending room with its creator's reservation.
    pub(crate) async fn pending_room(&self, owner: &Account, capacity: u32) -> RoomCreated {
        let body = CreateRoom { name: "A room".into(), capacity, ..CreateRoom::default() };
        owner.create_room(&body).await.unwrap()
    }

    /// An open room in which its owner sits.
    pub(crate) async fn room(&self, owner: &Account, capacity: u32) -> (i64, Session) {
        let created = self.pending_room(owner, capacity).await;
        let session = owner.confirm(&created.reservation, Default::default()).await.unwrap();
        (created.room.id, session)
    }

    /// Waits until every node lists so many rooms to somebody: what one of several opens the others list a
    /// moment later. Who is led to one after the other sees one list from then on.
    pub(crate) async fn listed(&self, who: &Account, count: usize) {
        for node in self.node_clients() {
            let who = node.with_token(who.token());
            within("rooms that are listed", async {
                while who.rooms(&RoomQuery::default()).await.unwrap().items.len() != count {
                    tokio::task::yield_now().await;
                }
            })
            .await;
        }
    }

    /// An open room in which nobody sits.
    pub(crate) async fn empty_room(&self, owner: &Account, capacity: u32) -> i64 {
        let (room, session) = self.room(owner, capacity).await;
        session.leave().await.unwrap();
        within("an empty room", self.balanced(room)).await;
        assert_eq!(self.seats(room).await.free, capacity);
        room
    }

    /// So many guests enter, one after the other.
    pub(crate) async fn fill(&self, room: i64, count: usize) -> Vec<Session> {
        let mut sessions = Vec::with_capacity(count);
        for guest in self.guests(count).await {
            sessions.push(guest.enter(room).await.unwrap());
        }
        sessions
    }

    /// How the seats of a room stand, as anybody is told who asks.
    pub(crate) async fn seats(&self, room: i64) -> Seats {
        let watcher = self.watcher.get_or_init(|| self.guest("watcher")).await;
        watcher.room(room).await.unwrap().seats
    }

    /// The same, where nobody may be able to tell.
    pub(crate) async fn told_seats(&self, room: i64) -> Option<Seats> {
        let watcher = self.watcher.get_or_init(|| self.guest("watcher")).await;
        Some(watcher.room(room).await.ok()?.seats)
    }

    /// Waits until the seats a room shows and the stays in the journal agree: whoever entered and
    /// was not reported gone is counted, and nobody else. Returns the seats then.
    pub(crate) async fn balanced(&self, room: i64) -> Seats {
        self.seats_when(room, |seats, stays| i64::from(seats.occupied + seats.held) == stays).await
    }

    /// Waits until the seats of a room, and its stays begun and not ended, are as wanted.
    pub(crate) async fn seats_when(
        &self,
        room: i64,
        wanted: impl Fn(&Seats, i64) -> bool,
    ) -> Seats {
        let mut grown = self.grown();
        let mut last = (Seats::default(), 0);
        let waiting = async {
            loop {
                last = (self.seats(room).await, self.open_stays(room));
                if wanted(&last.0, last.1) {
                    return last.0;
                }
                // The journal and the seats are told one after the other; look again at the next
                // line of the log, or soon, in case that line was the one just read.
                let _ = tokio::time::timeout(LOOK_AGAIN, grown.changed()).await;
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(seats) => seats,
            Err(_) => {
                panic!("room {room} has {:?} and {} open stays; {}", last.0, last.1, self.tail())
            }
        }
    }
}
