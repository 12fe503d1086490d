//! Any verbs in any order on one room's seats: the ledger answers as a plain model of it does, and what it
//! promises holds after each.

use anteroom_proof::history::model::Model;
use anteroom_proof::history::{History, Ledger};

pub fn run(bytes: &[u8]) {
    let history = History::from_bytes(bytes);
    let mut ledger = Ledger::new(history.spec, history.terms);
    let mut model = Model::new(history.spec, history.terms);
    if let Err(fault) = history.play(&mut ledger, &mut [("the model", &mut model)]) {
        panic!("{fault}");
    }
}
