//! Tickets and the secrets of sessions: nothing opens but the very text that was given.

use std::sync::LazyLock;

use anteroom::fuzzing::Tickets;
use anteroom::fuzzing::entry::resume_hash;

use crate::draw::{Draw, bent};

static OURS: LazyLock<Tickets> = LazyLock::new(|| Tickets::new(&[1; 32]));
static FOREIGN: LazyLock<Tickets> = LazyLock::new(|| Tickets::new(&[2; 32]));

pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert_eq!(OURS.open(&text), None, "opens: {text}");
    let mut draw = Draw(bytes);
    let (facts, other): ([u8; 80], [u8; 80]) = (draw.array(), draw.array());
    let ticket = OURS.seal(&facts);
    assert_eq!(OURS.open(&ticket), Some(facts));
    assert_eq!(ticket, OURS.seal(&facts), "the same reservation has the same ticket");
    assert_eq!(FOREIGN.open(&ticket), None, "another server's");
    let bent = bent(&ticket, &mut draw);
    assert_eq!(OURS.open(&bent), None, "{bent}");
    // The front of one with the end of another.
    let second = OURS.seal(&other);
    let cut = draw.number() % ticket.len();
    let spliced = format!("{}{}", &ticket[..cut], &second[cut..]);
    if spliced != ticket && spliced != second {
        assert_eq!(OURS.open(&spliced), None, "{spliced}");
    }
    assert_eq!(resume_hash(&bent) == resume_hash(&ticket), bent == ticket);
    let rest = draw.text();
    assert_eq!(resume_hash(&rest) == resume_hash(&text), rest == text);
}
