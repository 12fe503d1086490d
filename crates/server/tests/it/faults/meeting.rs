//! Steps of different people, or of a proxy, that meet: ends against entries, retries against themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use anteroom_client::{Account, Error, Session};
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::room::{ChangeRoom, CreateRoom, Lifetime};
use futures_util::future::join_all;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::pause;
use super::redis::RESERVES;
use crate::harness::check::{Logs, Revoked, Since, revoked};
use crate::harness::faults::{Ground, Round, SEATS, Wanted};
use crate::harness::{Catch, Known as _, ended, within};

/// What the request of a confirm has in it, on its way to Redis.
pub(super) const CONFIRMS: &str = "\"new_resume\"";
/// So soon sockets close whose login ended, in microseconds.
const CLOSES_WITHIN: u64 = 2_000_000;

#[tokio::test]
async fn f07_clients_that_vanish_in_the_midst_of_a_step_keep_no_seat() {
    const ROUNDS: usize = 40;
    let mut round = Round::begin("F07");
    let wanted = Wanted::nodes(2).set("admission.reservation_ttl", "1s");
    let ground = Ground::start(&mut round, wanted).await;
    let room = ground.room(SEATS).await;
    let people = ground.people(SEATS).await;
    for n in 0..ROUNDS {
        let node = round.dice.at(2);
        let me = ground.at(node, &people[n % SEATS]);
        let port = ground.nodes[node].port();
        let steps = round.dice.below(3);
        let request = match steps {
            0 => reserves(&me, room, port),
            _ => match me.reserve(room, &Reserve::default()).await {
                Ok(reservation) => {
                    round.counts().reserved(1);
                    enters(&reservation.ticket, port, steps == 2)
                }
                Err(_) => continue,
            },
        };
        let mut line = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // All of it, or a part, and gone after a moment in which anything may have begun.
        let part =
            if round.dice.below(4) == 0 { round.dice.at(request.len()) } else { request.len() };
        line.write_all(&request[..part]).await.unwrap();
        pause(Duration::from_micros(round.dice.below(12_000))).await;
        if round.dice.below(2) == 0 {
            let _ = line.set_zero_linger();
        }
        drop(line);
        round.injected();
    }
    ground.leaks_nothing(&mut round, room, SEATS).await;
    ground.once(&mut round, Logs::Whole);
}

fn reserves(me: &Account, room: i64, port: u16) -> Vec<u8> {
    let token = me.token();
    format!(
        "POST /api/v1/rooms/{room}/reservations HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
    )
    .into_bytes()
}

/// The upgrade, and with `speaks` a message and a leave right behind it.
fn enters(ticket: &str, port: u16, speaks: bool) -> Vec<u8> {
    let mut bytes = format!(
        "GET /ws?ticket={ticket} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \
         dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {}\r\n\r\n",
        anteroom_protocol::SUBPROTOCOL
    )
    .into_bytes();
    if speaks {
        let says = br#"{"type":"send","client_id":"x","content":"hello"}"#;
        bytes.extend(crate::harness::raw::frame(crate::harness::raw::TEXT, true, says));
        let leaves = br#"{"type":"leave"}"#;
        bytes.extend(crate::harness::raw::frame(crate::harness::raw::TEXT, true, leaves));
    }
    bytes
}

/// What ends somebody's stay, or their way in.
#[derive(Clone, Copy, Debug)]
enum End {
    Logout,
    Ban,
    Smaller,
    Closed,
}

#[tokio::test]
async fn f62_a_confirm_and_what_forbids_it_come_in_one_order_or_the_other() {
    let mut round = Round::begin("F62");
    let ground = Ground::start(&mut round, Wanted::nodes(2)).await;
    let mut ends = [End::Logout, End::Ban, End::Smaller, End::Closed];
    round.dice.shuffle(&mut ends);
    for end in ends {
        let owner = ground.nodes[0].guest("owner").await;
        let room = ground.nodes[0].empty_room(&owner, 2).await;
        let guest = ground.nodes[1].guest("guest").await;
        let ticket = guest.reserve(room, &Reserve::default()).await.unwrap();
        round.counts().reserved(1);
        let words = vec![CONFIRMS];
        let catch =
            if round.dice.below(2) == 0 { Catch::Request(words) } else { Catch::Answer(words) };
        let wire = &ground.to_redis[1];
        let stopped = wire.stop_at(catch);
        let enters = guest.confirm(&ticket, Default::default());
        let meets = async {
            stopped.await;
            let ended = ground.ends(end, (&owner, &guest), room).await;
            round.injected();
            wire.let_go();
            ended
        };
        let since = Since::now();
        let (entered, ()) = tokio::join!(enters, meets);
        let login = gone(&since, end, entered).await;
        round.check("K-rev", revoked(&login, CLOSES_WITHIN));
        let is_open = |seats: &anteroom_protocol::room::Seats, _| seats.reserved == 0;
        if !matches!(end, End::Closed) {
            let seats = ground.nodes[0].seats_when(room, is_open).await;
            let most = if matches!(end, End::Smaller) { 1 } else { 0 };
            round.holds("K-cap", seats.occupied <= most, format!("{end:?}: {seats:?}"));
        }
    }
    ground.once(&mut round, Logs::Cut);
}

/// Sees the session end that came in, unless it may stay; when it did.
async fn gone(since: &Since, end: End, entered: Result<Session, Error>) -> Revoked {
    let acknowledged = since.at();
    let mut login = Revoked { acknowledged, ..Revoked::default() };
    if let (Ok(mut session), false) = (entered, matches!(end, End::Smaller)) {
        ended(&mut session).await;
        login.closed.push(since.at());
    }
    login
}

impl Ground {
    /// Ends it by the first node, while the second one is kept from its store.
    async fn ends(&self, end: End, (owner, guest): (&Account, &Account), room: i64) {
        let (owner, me) = (self.at(0, owner), self.at(0, guest));
        match end {
            End::Logout => me.logout().await.unwrap(),
            End::Ban => owner.ban_member(room, guest.id()).await.unwrap(),
            End::Closed => owner.close_room(room).await.unwrap(),
            End::Smaller => {
                let smaller = ChangeRoom { capacity: Some(1), ..ChangeRoom::default() };
                owner.change_room(room, &smaller).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn f63_a_reservation_meets_the_last_leave_and_the_rooms_end() {
    const ROUNDS: usize = 10;
    let mut round = Round::begin("F63");
    let ground = Ground::start(&mut round, Wanted::nodes(2)).await;
    let mut perhaps = BTreeSet::new();
    let (owner, guest) =
        (ground.nodes[0].guest("owner").await, ground.nodes[1].guest("guest").await);
    for _ in 0..ROUNDS {
        let lifetime = Lifetime::UntilEmpty;
        let body =
            CreateRoom { name: "A room".into(), capacity: 2, lifetime, ..CreateRoom::default() };
        let created = owner.create_room(&body).await.unwrap();
        let room = created.room.id;
        let sits = owner.confirm(&created.reservation, Default::default()).await.unwrap();
        round.counts().reserved(1);
        perhaps.insert(room);
        let there = ground.at(round.dice.at(2), &guest);
        let (early, late, close) =
            (round.dice.between(0, 8), round.dice.between(0, 8), round.dice.below(2) == 0);
        let leaves = async {
            pause(early).await;
            match close {
                true => drop(owner.close_room(room).await),
                false => drop(sits.leave().await),
            }
        };
        let comes = async {
            pause(late).await;
            there.enter(room).await
        };
        let ((), entered) = tokio::join!(leaves, comes);
        round.injected();
        match entered {
            Ok(session) if !close => drop(session.leave().await),
            Ok(mut session) => drop(ended(&mut session).await),
            Err(error) => {
                let is_said = matches!(error.status(), Some(404 | 410 | 4404 | 4410 | 4403));
                round.holds("K-room", is_said, format!("{error}"));
            }
        }
        let again = there.reserve(room, &Reserve::default()).await;
        let again = again.expect_err("the room has ended");
        let is_gone = matches!(again.status(), Some(404 | 410));
        round.holds("K-room", is_gone, format!("a zombie: {again}"));
    }
    let open = ground.say("SELECT count(*) FROM rooms WHERE closed_at IS NULL");
    round.holds("K-room", open == "0", format!("{open} rooms are open"));
    ground.rooms(&mut round, &perhaps);
    ground.once(&mut round, Logs::Whole);
}

#[tokio::test]
async fn f64_a_reservation_under_way_dies_with_its_login() {
    let mut round = Round::begin("F64");
    let ground = Ground::start(&mut round, Wanted::nodes(2)).await;
    let room = ground.room(2).await;
    for _ in 0..4 {
        let guest = ground.nodes[0].guest("guest").await;
        let words = vec![RESERVES];
        let catch =
            if round.dice.below(2) == 0 { Catch::Request(words) } else { Catch::Answer(words) };
        let stopped = ground.to_redis[1].stop_at(catch);
        let me = ground.at(1, &guest);
        let logs_out = async {
            stopped.await;
            ground.at(0, &guest).logout().await.unwrap();
            round.injected();
            ground.to_redis[1].let_go();
        };
        let ask = Reserve::default();
        let (reserved, ()) = tokio::join!(me.reserve(room, &ask), logs_out);
        if let Ok(reservation) = reserved {
            round.counts().reserved(1);
            let opened = me.confirm(&reservation, Default::default()).await;
            round.holds("K-rev", opened.is_err(), "the ticket of an ended login opens the room");
        }
        ground.leaks_nothing(&mut round, room, 2).await;
    }
    ground.once(&mut round, Logs::Whole);
}

#[tokio::test]
async fn f51_a_freed_seat_goes_to_one_of_many_and_is_not_lost() {
    const HERD: usize = 30;
    let mut round = Round::begin("F51");
    let ground = Ground::start(&mut round, Wanted::nodes(3)).await;
    let room = ground.room(1).await;
    let mut sits = ground.nodes[0].guest("sits").await.enter(room).await.unwrap();
    let herd = ground.people(HERD).await;
    for _ in 0..4 {
        let all: Vec<Account> =
            herd.iter().take(HERD).map(|one| ground.at(round.dice.at(3), one)).collect();
        let leaves = sits.leave();
        let asks = all.iter().map(|one| async move {
            for _ in 0..200 {
                if let Ok(session) = one.enter(room).await {
                    return Some(session);
                }
            }
            None
        });
        let first = futures_util::future::select_all(asks.map(Box::pin));
        let (left, (winner, _, losers)) = tokio::join!(leaves, within("somebody who wins", first));
        left.unwrap();
        drop(losers);
        round.injected();
        round.counts().reserved(1);
        sits = winner.expect("somebody wins");
        let seats = ground.nodes[1].seats(room).await;
        let most = seats.occupied + seats.held + seats.reserved;
        round.holds("K-cap", most == 1, format!("{seats:?}"));
    }
    sits.leave().await.unwrap();
    ground.leaks_nothing(&mut round, room, 1).await;
    ground.once(&mut round, Logs::Whole);
}

#[tokio::test]
async fn f52_a_request_that_a_proxy_repeats_is_one_reservation() {
    let mut round = Round::begin("F52");
    let ground = Ground::start(&mut round, Wanted::nodes(3)).await;
    let room = ground.room(SEATS).await;
    for one in ground.people(SEATS).await.iter().take(SEATS) {
        let times = 2 + round.dice.at(4);
        let ask = Reserve::default();
        let doors: Vec<Account> = (0..times).map(|_| ground.at(round.dice.at(3), one)).collect();
        let asked = join_all(doors.iter().map(|me| me.reserve(room, &ask))).await;
        round.injected();
        let tickets: BTreeSet<String> = asked.into_iter().map(|it| it.unwrap().ticket).collect();
        round.counts().reserved(tickets.len());
        round.holds("K-once", tickets.len() == 1, format!("{} tickets", tickets.len()));
    }
    let seats = ground.nodes[1].seats(room).await;
    round.holds("K-once", seats.reserved as usize == SEATS, format!("{seats:?}"));
    ground.leaks_nothing(&mut round, room, SEATS).await;
    ground.once(&mut round, Logs::Whole);
}
