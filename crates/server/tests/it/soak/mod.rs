//! `cargo xtask soak`: people come, talk and go for many minutes while nodes and stores are stopped, killed
//! and started again at random, and every promise is judged from outside, all the time and at the end.
//!
//! The people who talk ([`Talk`]), the storm ([`Storm`]) and the
//! judges ([`crate::harness::check`]) are those of the other tests. New here are those who do what people do beside
//! that ([`wanderers`]), what goes wrong when ([`trouble`]), and the samples with their table ([`samples`]).

mod flat;
mod samples;
mod trouble;
mod upgrade;
mod wanderers;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;

use crate::harness::check::Logs;
use crate::harness::faults::{Ground, Round, Saying, Storm, Talk, Wanted};
use crate::harness::told::is_documented;
use crate::harness::{TestServer, refused, shown};
use samples::Samples;
use trouble::Trouble;
use wanderers::{Tried, Wanderers};

/// How long it goes on, in seconds.
const SECONDS: &str = "SOAK_SECONDS";
/// Places in the room of the storm, and people who want them.
const SEATS: usize = 12;
const CROWD: usize = 36;
/// Places in the room of those who wander, and how many they are.
const PLACES: usize = 4;
const WANDERERS: usize = 8;
/// People talk without hurry: it is the number of minutes that is to be large.
const TALK: Saying = Saying {
    rooms: 2,
    members: 5,
    window: 2,
    stays: 150,
    pace: Duration::from_millis(120),
    ..Saying::SMALL
};
/// A lease that a busy machine does not end by itself.
const LEASE: &str = "8s";
/// In so long one process is left to live for long enough to judge what it uses.
const LONG: Duration = Duration::from_secs(15 * 60);
/// Within so long somebody new is let in by every node when all is over.
const BOUND: Duration = Duration::from_secs(40);

fn span() -> Duration {
    let seconds = std::env::var(SECONDS).map_or(60, |text| text.parse().expect("seconds"));
    Duration::from_secs(seconds)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes: cargo xtask soak"]
async fn single() {
    let mut round = Round::begin("soak single");
    let wanted = Wanted::alone().set("auth.token_ttl", "4h");
    let ground = Ground::start(&mut round, wanted).await;
    goes_on(ground, round).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes: cargo xtask soak"]
async fn cluster() {
    let mut round = Round::begin("soak cluster");
    let wanted = Wanted::nodes(3).own_postgres().over_rabbit();
    let wanted = wanted.set("auth.token_ttl", "4h").set("cluster.lease", LEASE);
    let ground = Ground::start(&mut round, wanted).await;
    goes_on(ground, round).await;
}

/// The load, the trouble, the samples, and every judge.
async fn goes_on(mut ground: Ground, mut round: Round) {
    if !ground.is_alone() {
        // Redis is emptied: what it forgot may be told again.
        ground.nodes.iter().for_each(TestServer::expect_repeats);
    }
    let talk = Talk::begins(&ground, &mut round, TALK).await;
    let (stormy, wandered) = (ground.room(SEATS).await, ground.room(PLACES).await);
    let crowd = ground.people(CROWD).await;
    let storm = Storm::on((stormy, SEATS), CROWD, ground.all_doors());
    let wanderers = Wanderers::new(wandered, ground.all_doors());
    let mut samples = Samples::new(&ground, &[(stormy, SEATS), (wandered, PLACES)]).await;
    let mut trouble = Trouble::new(round.dice.split(), span());
    let wandering: Vec<_> = (0..WANDERERS)
        .map(|who| tokio::spawn(Arc::clone(&wanderers).wanders(who, round.dice.split())))
        .collect();
    let raging = async {
        while !trouble.is_over() {
            trouble.next(&mut ground, &round, &mut samples, (&talk, &storm, &wanderers)).await;
        }
        wanderers.are_over();
    };
    let seen = storm.rages(&crowd, raging).await;
    for one in wandering {
        one.await.expect("somebody who wanders");
    }
    round.counts().reserved(seen.entered);
    shown(&samples.table());
    shown(&format!("refused in the storm: {:?}", seen.refusals));
    let strange = seen.refusals.keys().find(|word| !is_documented(word));
    round.holds("answers", strange.is_none(), format!("nothing explains {strange:?}"));
    shown(&format!("answers to those who wander: {:?}", wanderers.answers()));
    shown(&format!("trouble: {}", trouble.counts()));
    judge(&ground, &mut round, (talk, &storm, &wanderers, &samples, &trouble)).await;
}

async fn judge(
    ground: &Ground,
    round: &mut Round,
    (talk, storm, wanderers, samples, trouble): (Talk, &Storm, &Wanderers, &Samples, &Trouble),
) {
    round.check("K-cap", storm.was_never_overfull());
    round.check("K-cap", wanderers.were_never_too_many(PLACES));
    round.check("K-cap", samples.were_never_overfull());
    let tried = round.check("K-one", wanderers.were_right());
    shown(&format!("tried by those who wander: {tried:?}"));
    let never = Tried::ALL.iter().find(|it| !tried.contains_key(it));
    round.holds("K-one", never.is_none() || span() < LONG, format!("never tried: {never:?}"));
    round.check("answers", wanderers.were_told_what_is_documented());
    ground.leaks_nothing(round, storm.room, SEATS).await;
    ground.leaks_nothing(round, wanderers.room, PLACES).await;
    gives_every_seat_again(ground, round, storm.room).await;
    talk.ends(ground, round).await;
    ground.lives(round, storm.room, BOUND).await;
    ground.leaks_nothing(round, storm.room, SEATS).await;
    let judged = match ground.is_alone() {
        true => ground.once(round, Logs::Cut),
        false => ground.once_between(round, trouble.losses()),
    };
    round.holds("K-once", judged > 0, "no grant was judged");
    shown(&format!("judged to have happened once: {judged}"));
    ground.rooms(round, &BTreeSet::new());
    let lives = round.check("K-res", samples.are_flat());
    lives.iter().for_each(|life| shown(life));
    if lives.is_empty() {
        round.holds("K-res", span() < LONG, "no process lived for long enough to judge its memory");
        shown("what processes use was not judged: none lived for long enough");
    }
    round.holds("K-res", samples.rest_at_the_end(ground), "keys are left in Redis");
}

/// With nobody there, nobody is told that the room is full before it is.
async fn gives_every_seat_again(ground: &Ground, round: &mut Round, room: i64) {
    let people = ground.people(SEATS + 3).await;
    let mut sits = Vec::new();
    for (n, account) in people[..SEATS].iter().enumerate() {
        let entered = ground.at(n % ground.nodes.len(), account).enter(room).await;
        let told = entered.as_ref().err().map(ToString::to_string).unwrap_or_default();
        round.holds("K-free", entered.is_ok(), format!("{n} of {SEATS} sit there: {told}"));
        sits.push(entered.unwrap());
    }
    let late = ground.at(0, &people[SEATS]).reserve(room, &Reserve::default()).await;
    refused(late, 409, Code::RoomFull);
    for session in sits {
        session.leave().await.unwrap();
    }
    ground.leaks_nothing(round, room, SEATS).await;
}
