//! What a wire waits for, and the one line that it stops there.

use tokio::sync::watch;

use super::Way;

/// Where a line is stopped. The words pass in their order, on one line.
pub(crate) enum Catch {
    /// With the request, before the server has it.
    Request(Vec<&'static str>),
    /// With the answer to it: the server has done it, and whoever asked does not know.
    Answer(Vec<&'static str>),
    /// With what the server says by itself.
    Word(Vec<&'static str>),
}

impl Catch {
    fn way(&self) -> Way {
        match self {
            Self::Request(_) | Self::Answer(_) => Way::Up,
            Self::Word(_) => Way::Down,
        }
    }

    fn words(&mut self) -> &mut Vec<&'static str> {
        match self {
            Self::Request(words) | Self::Answer(words) | Self::Word(words) => words,
        }
    }
}

pub(super) struct Trap {
    catch: Catch,
    /// The line on which the first of several words came.
    line: Option<usize>,
    is_sprung: watch::Sender<bool>,
}

impl Trap {
    pub(super) fn new(catch: Catch) -> (Self, watch::Receiver<bool>) {
        let (is_sprung, sprung) = watch::channel(false);
        (Self { catch, line: None, is_sprung }, sprung)
    }

    /// Looks at what is about to pass on a line.
    pub(super) fn sees(&mut self, way: Way, line: usize, bytes: &[u8]) {
        let is_elsewhere = self.line.is_some_and(|it| it != line);
        if *self.is_sprung.borrow() || way != self.catch.way() || is_elsewhere {
            return;
        }
        let mut rest = bytes;
        while let Some(word) = self.catch.words().first() {
            let Some(at) = position(rest, word.as_bytes()) else { return };
            rest = &rest[at + word.len()..];
            self.line = Some(line);
            self.catch.words().remove(0);
        }
        self.is_sprung.send_replace(true);
    }

    /// Whether nothing may pass there.
    pub(super) fn stops(&self, way: Way, line: usize) -> bool {
        let passes_request = matches!(self.catch, Catch::Answer(_)) && way == Way::Up;
        *self.is_sprung.borrow() && self.line == Some(line) && !passes_request
    }
}

fn position(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.windows(word.len()).position(|some| some == word)
}

#[test]
fn a_trap_springs_when_its_words_have_passed_in_order_on_one_line() {
    let (mut trap, sprung) = Trap::new(Catch::Request(vec!["insert", "commit"]));
    trap.sees(Way::Up, 1, b"commit");
    trap.sees(Way::Down, 1, b"insert commit");
    assert!(!*sprung.borrow());
    trap.sees(Way::Up, 1, b"an insert of mine");
    trap.sees(Way::Up, 2, b"commit");
    assert!(!*sprung.borrow(), "another line");
    trap.sees(Way::Up, 1, b"commit");
    assert!(*sprung.borrow() && trap.stops(Way::Up, 1) && trap.stops(Way::Down, 1));
    assert!(!trap.stops(Way::Up, 2), "only that line stands");
}

#[test]
fn a_trap_for_an_answer_lets_the_request_pass() {
    let (mut trap, _) = Trap::new(Catch::Answer(vec!["commit"]));
    trap.sees(Way::Up, 1, b"commit");
    assert!(!trap.stops(Way::Up, 1) && trap.stops(Way::Down, 1));
}
