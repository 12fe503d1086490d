//! The ledger of one room against a plain model of it, over random histories.
//!
//! `PROPTEST_CASES` raises the number of histories, `ANTEROOM_SEED` says from which seed on; without
//! it every run draws others.

use std::hash::{BuildHasher, RandomState};

use anteroom_core::seat::{Change, Snapshot};
use anteroom_core::time::Millis;
use anteroom_proof::history::model::Model;
use anteroom_proof::history::{
    Answer, Campaign, EVENTS_MIN, Fault, Figures, History, Ledger, Subject, Verb,
};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn ledger_and_model(history: &History) -> Result<Figures, Fault> {
    let mut ledger = Ledger::new(history.spec, history.terms);
    let mut model = Model::new(history.spec, history.terms);
    history.play(&mut ledger, &mut [("the model", &mut model)])
}

#[test]
fn the_ledger_and_the_plain_model_agree_on_every_history() {
    let count = 2 * number("PROPTEST_CASES").unwrap_or(256);
    let seed = number("ANTEROOM_SEED").unwrap_or_else(|| RandomState::new().hash_one(()));
    let play = |campaign: Campaign| {
        campaign.run(ledger_and_model, |_| {}).unwrap_or_else(|fault| panic!("{fault}"))
    };
    let known = play(Campaign::KNOWN);
    assert!(known.show_everything(), "search for other seeds: {known:?}");
    let figures = play(Campaign { seed, count });
    assert_eq!((figures.histories, figures.returned), (count, figures.first));
}

#[test]
fn a_seed_draws_one_history_and_another_seed_another() {
    let drawn = |seed| format!("{:?}", History::from_seed(seed).events);
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
    assert!((0..50).all(|seed| History::from_seed(seed).events.len() >= EVENTS_MIN));
}

#[test]
fn four_bytes_stand_for_one_event_whatever_they_are() {
    let shown = |bytes: &[u8]| {
        let events = History::from_bytes(bytes).events;
        events.iter().map(|it| format!("{it:?}")).collect::<Vec<_>>()
    };
    let bytes: Vec<u8> = (0..=255).collect();
    let (one, mut other) = (shown(&bytes), bytes.clone());
    assert_eq!((one.len(), &one), (63, &shown(&bytes)));
    other[4..8].fill(0xFF);
    let mut other = shown(&other);
    assert_ne!(one[0], other[0]);
    other[0].clone_from(&one[0]);
    assert_eq!(one, other, "only that one");
    for bytes in [&b""[..], b"\0", &bytes, &[0; 64], &[0xFF; 2_000]] {
        ledger_and_model(&History::from_bytes(bytes)).unwrap_or_else(|fault| panic!("{fault}"));
    }
}

/// Like the ledger, but forgets to tell that a seat is held.
struct Mute(Ledger);

impl Subject for Mute {
    fn act(&mut self, now: Millis, verb: &Verb, journal: &mut Vec<Change>) -> Answer {
        let answer = self.0.act(now, verb, journal);
        journal.retain(|change| !matches!(change, Change::Held { .. }));
        answer
    }

    fn snapshot(&mut self) -> Snapshot {
        self.0.snapshot()
    }
}

#[test]
fn a_fault_names_its_seed_and_comes_with_the_shortest_history_that_shows_it() {
    let play = |history: &History| {
        let mut ledger = Ledger::new(history.spec, history.terms);
        let mut mute = Mute(Ledger::new(history.spec, history.terms));
        history.play(&mut ledger, &mut [("the mute", &mut mute)])
    };
    let fault = Campaign { seed: 1, count: 50 }.run(play, |_| {}).unwrap_err();
    assert!(fault.what.contains("the mute journals"), "{fault}");
    // Reserve, confirm, settle, close: nothing less holds a seat.
    assert!(fault.history.events.len() <= 4, "{fault}");
    assert!(play(&History::from_seed(fault.seed)).is_err(), "the seed fails again");
}
