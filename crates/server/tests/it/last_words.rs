//! However the end of a session races with its beginning, the peer is told in words and with the
//! code: never a bare end of the line. Hundreds of rounds, over the three moments that matter.

use anteroom_client::{Account, Session};
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::ClientFrame;
use futures_util::SinkExt as _;
use futures_util::future::join_all;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::harness::{Known as _, TestServer, Wire, ended, next_reservation, stagger, within};

/// When an end is asked for.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Together with the connection.
    AtOnce,
    /// When its ticket was seen.
    Connecting,
    /// When the entry is a fact and `welcome` is next.
    Confirmed,
}

impl Moment {
    fn of(round: usize) -> Self {
        [Self::AtOnce, Self::Connecting, Self::Confirmed][round % 3]
    }

    async fn come(self, server: &TestServer, mark: usize, user: Uuid) {
        let name = match self {
            Self::AtOnce => return,
            Self::Connecting => "entry.connecting",
            Self::Confirmed => "entry.confirmed",
        };
        server.event_since(mark, name, json!({ "user": user })).await;
    }
}

/// Connects, and has the end come at `moment`; what is wrong with the last words.
async fn ends_in_words(
    server: &TestServer,
    room: i64,
    who: &Account,
    moment: Moment,
    end: impl Future<Output = ()>,
) -> Option<String> {
    let reservation = who.reserve(room, &Reserve::default()).await.unwrap();
    let mark = server.mark();
    let wire = Wire::open(&reservation).await;
    let ending = async {
        moment.come(server, mark, who.id()).await;
        end.await;
    };
    let (heard, ()) = tokio::join!(wire.until_end(), ending);
    heard.last_words().err()
}

#[tokio::test]
async fn bug_a_kick_that_races_with_welcome_is_told_in_words() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.grace", "0s");
    })
    .await;
    let chief = server.administrator().await;
    let owner = server.user("owner").await;
    let (room, _owner) = server.room(&owner, 20).await;
    let guests = server.guests(8).await;
    let base = server.standing(&chief).await;
    let one = async |n: usize, who: &Account| {
        let mut wrong = Vec::new();
        for round in n..n + 27 {
            let kick = async {
                stagger(round).await;
                owner.remove_member(room, who.id()).await.unwrap();
            };
            wrong.extend(ends_in_words(&server, room, who, Moment::of(round), kick).await);
        }
        wrong
    };
    let racing = join_all(guests.iter().enumerate().map(|(n, who)| one(n, who)));
    let wrong: Vec<String> = within("all rounds", racing).await.concat();
    assert!(wrong.is_empty(), "{} of 216: {}", wrong.len(), wrong[0]);
    server.comes_to_rest(&chief, &base).await;
}

#[tokio::test]
async fn bug_a_logout_that_races_with_welcome_is_told_in_words() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.grace", "0s");
    })
    .await;
    let chief = server.administrator().await;
    let (room, _owner) = server.room(&server.user("owner").await, 60).await;
    let base = server.standing(&chief).await;
    let one = async |lane: usize| {
        let mut wrong = Vec::new();
        for round in lane..lane + 26 {
            let who = server.guest("passing").await;
            let out = async {
                stagger(round).await;
                who.logout().await.unwrap();
            };
            wrong.extend(ends_in_words(&server, room, &who, Moment::of(round), out).await);
        }
        wrong
    };
    let wrong: Vec<String> = within("all rounds", join_all((0..8).map(one))).await.concat();
    assert!(wrong.is_empty(), "{} of 208: {}", wrong.len(), wrong[0]);
    server.comes_to_rest(&chief, &base).await;
}

#[tokio::test]
async fn bug_a_takeover_that_races_with_welcome_is_told_in_words() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.grace", "0s");
    })
    .await;
    let chief = server.administrator().await;
    let (room, _owner) = server.room(&server.user("owner").await, 20).await;
    let guests = server.guests(8).await;
    let base = server.standing(&chief).await;
    let one = async |n: usize, who: &Account| {
        let mut wrong = Vec::new();
        for round in n..n + 26 {
            let ticket = who.reserve(room, &Reserve::default()).await.unwrap().ticket;
            let takeover = async {
                stagger(round).await;
                let next = next_reservation(who, room, &ticket).await.expect("another ticket");
                let mut wire = Wire::open(&next).await;
                assert!(wire.welcomed().await, "the newest is let in");
            };
            wrong.extend(ends_in_words(&server, room, who, Moment::of(round), takeover).await);
        }
        wrong
    };
    let racing = join_all(guests.iter().enumerate().map(|(n, who)| one(n, who)));
    let wrong: Vec<String> = within("all rounds", racing).await.concat();
    assert!(wrong.is_empty(), "{} of 208: {}", wrong.len(), wrong[0]);
    server.comes_to_rest(&chief, &base).await;
}

/// Says something that is not answered, or not at length; whether the line took it.
async fn stir(session: &mut Session) -> bool {
    match session.socket_mut() {
        Some(socket) => socket.send(Message::Pong(Default::default())).await.is_ok(),
        None => session.send_frame(&ClientFrame::Ping { nonce: None }).await.is_ok(),
    }
}

/// Keeps the connection's task awake until `over` is done: it may look up at any moment.
async fn restless_until<T>(session: &mut Session, over: impl Future<Output = T>) -> T {
    tokio::pin!(over);
    loop {
        tokio::select! {
            biased;
            done = &mut over => return done,
            sent = stir(session) => {
                // Past its end the line may be gone already; what was said is read afterwards.
                if !sent {
                    return over.await;
                }
            }
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn bug_a_kick_in_the_midst_of_frames_is_told_in_words() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.grace", "0s");
    })
    .await;
    let chief = server.administrator().await;
    let owner = server.user("owner").await;
    let (room, _owner) = server.room(&owner, 20).await;
    let guests = server.guests(4).await;
    let base = server.standing(&chief).await;
    let one = async |who: &Account| {
        let mut wrong = Vec::new();
        for _ in 0..60 {
            let mut session = who.enter(room).await.unwrap();
            let kick = owner.remove_member(room, who.id());
            restless_until(&mut session, kick).await.unwrap();
            let (words, closed) = ended(&mut session).await;
            if (words.map(|words| words.code), closed.code) != (Some(Code::Removed), 4450) {
                wrong.push(format!("{closed:?}"));
            }
        }
        wrong
    };
    let racing = join_all(guests.iter().map(one));
    let wrong: Vec<String> = within("all rounds", racing).await.concat();
    assert!(wrong.is_empty(), "{} of 240: {}", wrong.len(), wrong[0]);
    server.comes_to_rest(&chief, &base).await;
}
