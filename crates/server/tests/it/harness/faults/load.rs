//! The load that most rows put on: people who talk in one room and a storm on another, and every judge at
//! the end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::harness::check::Logs;

use super::{Ground, Round, Saying, Storm, Talk};

/// Places in the room of the storm.
pub(crate) const SEATS: usize = 8;
/// People who want them.
const PEOPLE: usize = 24;
/// Within so long a free seat is given again when the faults are over: a lease, what is looked at twice in
/// its time, and a busy machine.
const BOUND: Duration = Duration::from_secs(15);

/// What goes on while things fail.
pub(crate) struct Load {
    pub(crate) talk: Talk,
    pub(crate) storm: Arc<Storm>,
}

impl Load {
    /// Waits until people are heard and let in again.
    pub(crate) async fn goes_on(&self) {
        self.talk.goes_on(20).await;
        self.storm.goes_on(SEATS).await;
    }
}

/// Lets `faults` happen under load, and judges everything afterwards.
pub(crate) async fn under_load(
    ground: &mut Ground,
    round: &mut Round,
    logs: Logs,
    faults: impl AsyncFnOnce(&mut Ground, &mut Round, &Load),
) {
    let talk = Talk::begins(ground, round, Saying::SMALL).await;
    let room = ground.room(SEATS).await;
    let people = ground.people(PEOPLE).await;
    let storm = Storm::on((room, SEATS), people.len(), ground.all_doors());
    let load = Load { talk, storm };
    let raging = async {
        load.storm.fills().await;
        faults(ground, round, &load).await;
        load.goes_on().await;
    };
    let seen = load.storm.rages(&people, raging).await;
    round.counts().reserved(seen.entered);
    round.check("K-cap", load.storm.was_never_overfull());
    ground.leaks_nothing(round, room, SEATS).await;
    load.talk.ends(ground, round).await;
    ground.lives(round, room, BOUND).await;
    ground.leaks_nothing(round, room, SEATS).await;
    ground.once(round, logs);
    ground.rooms(round, &BTreeSet::new());
}
