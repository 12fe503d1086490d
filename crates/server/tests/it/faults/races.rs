//! Steps of one person that meet: reloads, second tabs, logins elsewhere.

use std::time::Duration;

use anteroom_client::ConfirmOptions;
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use futures_util::future::join_all;

use super::pause;
use crate::harness::check::{Accepted, Logs, Since, one};
use crate::harness::faults::{Ground, Round, Wanted};
use crate::harness::{Wires, alive, ended, refused};

#[tokio::test]
async fn f58_a_refresh_in_a_full_room_keeps_the_seat_in_either_order() {
    const ROUNDS: usize = 8;
    let mut round = Round::begin("F58");
    let ground = Ground::start(&mut round, Wanted::nodes(2)).await;
    let room = ground.room(2).await;
    let mut other = ground.nodes[0].guest("other").await.enter(room).await.unwrap();
    let (guest, late) = (ground.nodes[0].guest("guest").await, ground.nodes[1].guest("late").await);
    let mut session = guest.enter(room).await.unwrap();
    let (since, mut welcomes, mut accepted) = (Since::now(), vec![0], Vec::new());
    for n in 0..ROUNDS {
        let me = ground.at(round.dice.at(2), &guest);
        let resume = Some(session.welcome().resume.clone());
        let is_closed_first = round.dice.below(2) == 0;
        let mut old = Some(session);
        if is_closed_first {
            old.take().expect("there").close(1001).await.unwrap();
        }
        let ask = Reserve { resume: resume.clone(), ..Reserve::default() };
        let reservation = me.reserve(room, &ask).await.unwrap();
        round.counts().reserved(1);
        refused(late.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
        let options = ConfirmOptions { resume, ..ConfirmOptions::default() };
        session = me.confirm(&reservation, options).await.unwrap();
        welcomes.push(since.at());
        round.injected();
        if let Some(mut old) = old {
            pause(round.dice.between(0, 20)).await;
            let invoked = since.at();
            if old.send("I was here first").await.is_ok() {
                accepted.push(Accepted { session: n, invoked });
            }
            let code = ended(&mut old).await.1.code;
            round.holds("K-one", code == 4409, format!("the former session was told {code}"));
        }
        refused(late.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
        alive(&mut session).await;
    }
    round.check("K-one", one(&welcomes, &accepted));
    alive(&mut other).await;
    for session in [session, other] {
        session.leave().await.unwrap();
    }
    ground.leaks_nothing(&mut round, room, 2).await;
    ground.once(&mut round, Logs::Whole);
}

#[tokio::test]
async fn f59_of_two_tabs_with_one_ticket_on_two_nodes_one_is_let_in() {
    const ROUNDS: usize = 12;
    let mut round = Round::begin("F59");
    let ground = Ground::start(&mut round, Wanted::nodes(2)).await;
    let room = ground.room(1).await;
    for _ in 0..ROUNDS {
        let guest = ground.nodes[round.dice.at(2)].guest("guest").await;
        let ticket = guest.reserve(room, &Reserve::default()).await.unwrap().ticket;
        round.counts().reserved(1);
        let late = round.dice.between(0, 3);
        let opens = |node: usize, late: Duration| {
            let (door, ticket) = (ground.door(node), ticket.clone());
            async move {
                pause(late).await;
                door.confirm_ticket(&ticket, ConfirmOptions::default()).await
            }
        };
        let (a, b) = tokio::join!(opens(0, Duration::ZERO), opens(1, late));
        round.injected();
        let codes: Vec<_> = [&a, &b].iter().filter_map(|it| it.as_ref().err()?.status()).collect();
        round.holds("K-once", codes == [4403], format!("refused with {codes:?}"));
        for session in [a, b].into_iter().flatten() {
            session.leave().await.unwrap();
        }
    }
    ground.leaks_nothing(&mut round, room, 1).await;
    ground.once(&mut round, Logs::Whole);
}

#[tokio::test]
async fn f60_of_many_arrivals_of_one_person_at_once_one_is_left_in_one_seat() {
    const AT_ONCE: usize = 18;
    let mut round = Round::begin("F60");
    let ground = Ground::start(&mut round, Wanted::nodes(3)).await;
    let room = ground.room(3).await;
    for _ in 0..2 {
        let guest = ground.nodes[0].guest("guest").await;
        let arrivals = (0..AT_ONCE).map(|n| {
            let (me, late) = (ground.at(n % 3, &guest), round.dice.between(0, 40));
            async move {
                pause(late).await;
                me.enter(room).await
            }
        });
        let arrived = join_all(arrivals).await;
        round.injected();
        let mut sessions: Vec<_> = arrived.into_iter().flatten().collect();
        round.counts().reserved(sessions.len());
        let endings = sessions.iter_mut().map(|session| async move {
            let said = session.send("am I the one?").await;
            (said.is_ok(), session)
        });
        let mut left = Vec::new();
        for (is_live, session) in join_all(endings).await {
            match is_live {
                true => left.push(session),
                false => {
                    let code = ended(session).await.1.code;
                    round.holds("K-one", code == 4409, format!("told {code}"));
                }
            }
        }
        // Who was heard a moment ago may have been replaced since.
        let mut live = 0;
        for session in left {
            live += usize::from(session.send("and still?").await.is_ok());
        }
        round.holds("K-one", live == 1, format!("{live} sessions are left"));
        let seats = ground.nodes[0].seats(room).await;
        round.holds("K-cap", seats.occupied == 1, format!("{seats:?}"));
        guest.logout().await.unwrap();
        ground.leaks_nothing(&mut round, room, 3).await;
    }
    ground.once(&mut round, Logs::Whole);
}

#[tokio::test]
async fn f61_at_the_deadline_either_the_entry_or_the_end_wins() {
    const TTL_MS: u64 = 400;
    const ROUNDS: usize = 10;
    let mut round = Round::begin("F61");
    let wanted = Wanted::nodes(2).set("admission.reservation_ttl", format!("{TTL_MS}ms"));
    let ground = Ground::start(&mut round, wanted).await;
    let room = ground.room(ROUNDS).await;
    let people = ground.people(ROUNDS).await;
    let tries = people.iter().take(ROUNDS).enumerate().map(|(n, one)| {
        let (there, late) = (ground.at(n % 2, one), round.dice.between(0, 30));
        let here = ground.at((n + 1) % 2, one);
        async move {
            let reserved = here.reserve(room, &Reserve::default()).await.unwrap();
            let left = Duration::from_millis(reserved.expires_in_ms.saturating_sub(20));
            pause(left + late).await;
            let client = there.client();
            client.confirm_ticket(&reserved.ticket, ConfirmOptions::default()).await
        }
    });
    let (mut inside, mut outside) = (Vec::new(), 0);
    for tried in join_all(tries).await {
        round.injected();
        round.counts().reserved(1);
        match tried {
            Ok(session) => inside.push(session),
            Err(error) => {
                let status = error.status();
                let is_late = matches!(status, Some(4403 | 4408));
                round.holds("K-once", is_late, format!("{error}"));
                outside += 1;
            }
        }
    }
    crate::harness::shown(&format!("{} came in, {outside} were late", inside.len()));
    for session in &mut inside {
        alive(session).await;
    }
    let seats = ground.nodes[0].seats(room).await;
    let is_right = seats.occupied as usize == inside.len();
    round.holds("K-once", is_right, format!("{} inside, {seats:?}", inside.len()));
    for session in inside {
        session.leave().await.unwrap();
    }
    ground.leaks_nothing(&mut round, room, ROUNDS).await;
    ground.once(&mut round, Logs::Whole);
}

#[tokio::test]
async fn f65_a_message_whose_acknowledgement_was_lost_is_there_once_under_one_number() {
    let mut round = Round::begin("F65");
    let ground = Ground::start(&mut round, Wanted::nodes(2)).await;
    let room = ground.room(3).await;
    let mut hears = ground.nodes[1].guest("hears").await.enter(room).await.unwrap();
    let guest = ground.nodes[0].guest("guest").await;
    for n in 0..5_i64 {
        let mut session = ground.at(0, &guest).enter(room).await.unwrap();
        alive(&mut session).await;
        let before = crate::harness::next_message(&mut hears).await.seq;
        ground.doors[0].one_way(crate::harness::Way::Down, Wires::Hold);
        round.injected();
        let say = anteroom_protocol::frame::ClientFrame::Send(anteroom_protocol::frame::Send {
            client_id: format!("lost-{n}"),
            content: "once".into(),
            content_type: None,
            reply_to: None,
        });
        let saying = async {
            // Where it is a request, its answer is held too.
            session.send_frame(&say).await.unwrap();
            std::future::pending().await
        };
        let stored = tokio::select! {
            stored = crate::harness::next_message(&mut hears) => stored,
            never = saying => never,
        };
        pause(round.dice.between(0, 50)).await;
        // Its acknowledgement is on its way for ever; somebody else's socket says it again.
        let mut newer = ground.at(1, &guest).enter(room).await.unwrap();
        let again = newer.send_as(format!("lost-{n}"), "once").await.unwrap();
        round.counts().acknowledged(1);
        let is_one = again.seq == stored.seq && again.id == stored.id && stored.seq == before + 1;
        round.holds("K-msg", is_one, format!("{stored:?} is acknowledged as {again:?}"));
        drop(session);
        ground.doors[0].now(Wires::Cut);
        ground.doors[0].now(Wires::Pass);
    }
    let copies = ground.say("SELECT count(*) FROM messages WHERE client_id LIKE 'lost-%'");
    round.holds("K-msg", copies == "5", format!("{copies} copies of 5"));
}
