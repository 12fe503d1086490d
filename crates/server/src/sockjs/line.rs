//! One session over HTTP as those see it who carry it: the responses that take from it, the requests that
//! add to it, and the task that keeps it.
//!
//! At most one response is attached. The mutex is a leaf: nothing is locked while it is held, and no
//! await happens under it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Digest, SHA256, digest};
use tokio::time::Instant;

use crate::hub::Link;
use crate::hub::outbox::{Bell, Outbox};
use crate::ws::Turned;

/// What was sent and not yet obeyed costs so much, however small the largest frame. Whoever sends more
/// waits for nothing: it is refused.
const UNHEARD_COST: usize = 512 << 10;
/// So many of the largest frames may wait at least.
const UNHEARD_FRAMES: usize = 4;
/// How long a session lives without a response that takes what it is told.
pub(super) const AWAY_MAX: Duration = Duration::from_secs(5);
/// So many bytes a second even a slow line carries. What was handed over is with the system long before it
/// is with the client, and nobody is told when that is.
const READ_BYTES_PER_S: u64 = 4 << 10;
/// What a text costs beside its bytes: where it is kept, and what keeps it there. An empty one is not free.
const TEXT_COST: usize = size_of::<String>() + 8;

/// Closes the connection under a response that nobody reads.
pub(crate) type Cut = Arc<dyn Fn() + Send + Sync>;

/// One session over HTTP.
pub(crate) struct Line {
    /// Of the ticket that opened it. The session's name is short enough to be guessed; this is not.
    ticket: Digest,
    pub(super) bell: Arc<Bell>,
    /// Where what it is told waits, from when its ticket was judged.
    judged: OnceLock<Judged>,
    inner: Mutex<Inner>,
    /// The most that [`Inner::unheard`] may cost.
    unheard_cost_max: usize,
    /// How long a client may be silent.
    silence: Duration,
}

/// What became of the ticket.
pub(super) enum Judged {
    In(Link),
    Out(Turned),
}

struct Inner {
    /// Whether `o` was said.
    is_greeted: bool,
    receiver: Receiving,
    /// A response broke with something in it: what, nobody knows.
    has_lost: bool,
    /// What was sent was larger than may be.
    is_too_large: bool,
    unheard: VecDeque<String>,
    unheard_cost: usize,
    /// Nobody obeys any more.
    is_deaf: bool,
    /// Its last words were taken, or nobody is there to take them.
    is_told: bool,
    /// It is over, and whoever is still attached ends.
    is_gone: bool,
}

enum Receiving {
    Attached(Option<Cut>),
    /// None is; one has to be by then.
    Away(Instant),
}

/// What its keeper learns.
pub(super) enum Heard {
    /// The client said this.
    Text(String),
    /// The client sent more than may be.
    TooLarge,
    /// What was on its way to the client is lost.
    Lost,
    /// Something has changed that is looked up elsewhere.
    Called,
}

/// Why a response is not attached.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unattached {
    /// Another is, or is about to be.
    Busy,
    /// The session is over, and its last words are no longer kept.
    Gone,
    /// There are as many sessions as may be.
    Full,
}

/// Why nothing was taken of what was sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Untaken {
    /// There is no room for it now.
    Full,
    /// There never is.
    TooMuch,
}

impl Line {
    /// The session that `ticket` opens, whose client may say frames of so many bytes, and be silent for
    /// so long.
    pub(super) fn new(ticket: &str, frame_bytes: usize, silence: Duration) -> Self {
        let inner = Inner {
            is_greeted: false,
            receiver: Receiving::Away(Instant::now() + AWAY_MAX),
            has_lost: false,
            is_too_large: false,
            unheard: VecDeque::new(),
            unheard_cost: 0,
            is_deaf: false,
            is_told: false,
            is_gone: false,
        };
        let frames = frame_bytes.saturating_add(TEXT_COST).saturating_mul(UNHEARD_FRAMES);
        Self {
            ticket: digest(&SHA256, ticket.as_bytes()),
            bell: Arc::default(),
            judged: OnceLock::new(),
            inner: Mutex::new(inner),
            unheard_cost_max: UNHEARD_COST.max(frames),
            silence,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this ticket opened it. Takes the same time for any other.
    pub(super) fn is_of(&self, ticket: &str) -> bool {
        let presented = digest(&SHA256, ticket.as_bytes());
        verify_slices_are_equal(self.ticket.as_ref(), presented.as_ref()).is_ok()
    }

    /// Notes what became of the ticket; whoever is attached is told.
    pub(super) fn judged(&self, judged: Judged) {
        let _ = self.judged.set(judged);
        self.bell.receiver.notify_one();
    }

    /// The session, once it was let in.
    pub(crate) fn session(&self) -> Option<&Link> {
        match self.judged.get() {
            Some(Judged::In(session)) => Some(session),
            Some(Judged::Out(_)) | None => None,
        }
    }

    pub(super) fn outbox(&self) -> Option<&Outbox> {
        self.judged.get().map(|judged| match judged {
            Judged::In(session) => &session.outbox,
            Judged::Out(turned) => turned.outbox(),
        })
    }

    /// Whether something is lost on the way, behind which nothing may be told: whoever was let in comes
    /// back for it. What whoever was not let in is told stands alone.
    pub(super) fn is_broken(&self) -> bool {
        !matches!(self.judged.get(), Some(Judged::Out(_))) && self.lock().has_lost
    }

    /// Attaches a response.
    ///
    /// # Errors
    /// Another is attached, or it is too late.
    pub(super) fn attach(&self, cut: Option<Cut>) -> Result<(), Unattached> {
        let mut inner = self.lock();
        if inner.is_gone {
            return Err(Unattached::Gone);
        }
        if matches!(inner.receiver, Receiving::Attached(_)) {
            return Err(Unattached::Busy);
        }
        inner.receiver = Receiving::Attached(cut);
        Ok(())
    }

    /// The response is over, into which so many bytes were written. `has_lost`: it broke, with something
    /// in it.
    pub(super) fn detach(&self, written: usize, has_lost: bool) {
        let until = Instant::now() + away_max(written, self.silence);
        let mut inner = self.lock();
        inner.receiver = Receiving::Away(until);
        inner.has_lost |= has_lost;
        drop(inner);
        self.bell.keeper.notify_one();
    }

    /// True once: `o` is to be said.
    pub(super) fn greets(&self) -> bool {
        !std::mem::replace(&mut self.lock().is_greeted, true)
    }

    /// No response has come by then: what is told now is lost. Nothing changes when one has.
    pub(super) fn is_missed(&self, by: Instant) {
        let mut inner = self.lock();
        inner.has_lost |= matches!(inner.receiver, Receiving::Away(until) if until == by);
    }

    /// The last words are on their way, or nobody is there for them.
    pub(super) fn told(&self) {
        self.lock().is_told = true;
        self.bell.keeper.notify_one();
    }

    /// Whether whoever wanted to know that it is over has been told.
    pub(super) fn is_told(&self) -> bool {
        let inner = self.lock();
        inner.is_told && matches!(inner.receiver, Receiving::Away(_))
    }

    /// Whether no response is attached.
    pub(super) fn is_away(&self) -> bool {
        self.away_until().is_some()
    }

    /// By when a response has to be attached, where none is.
    pub(super) fn away_until(&self) -> Option<Instant> {
        match self.lock().receiver {
            Receiving::Attached(_) => None,
            Receiving::Away(until) => Some(until),
        }
    }

    /// Takes what the client said. In a session that is over nobody listens any more.
    ///
    /// # Errors
    /// It is more than is taken; nothing of it was.
    pub(crate) fn say(&self, texts: Vec<String>) -> Result<(), Untaken> {
        let cost = texts.iter().map(|text| cost(text)).sum::<usize>();
        if cost > self.unheard_cost_max {
            return Err(Untaken::TooMuch);
        }
        let is_over = self.outbox().is_some_and(Outbox::is_over);
        let mut inner = self.lock();
        if is_over || inner.is_deaf {
            return Ok(());
        }
        if inner.unheard_cost + cost > self.unheard_cost_max {
            return Err(Untaken::Full);
        }
        inner.unheard_cost += cost;
        inner.unheard.extend(texts);
        drop(inner);
        self.bell.keeper.notify_one();
        Ok(())
    }

    /// Nobody obeys any more: what was said and what will be is nobody's to keep.
    pub(super) fn hears_no_more(&self) {
        let mut inner = self.lock();
        inner.is_deaf = true;
        inner.unheard_cost = 0;
        inner.unheard = VecDeque::new();
    }

    /// The client sent more than may be.
    pub(crate) fn say_too_much(&self) {
        self.lock().is_too_large = true;
        self.bell.keeper.notify_one();
    }

    /// What the keeper has to see to next.
    pub(super) fn poll_heard(&self, cx: &Context<'_>) -> Poll<Heard> {
        let is_called = self.bell.keeper.poll(cx).is_ready();
        let mut inner = self.lock();
        if let Some(text) = inner.unheard.pop_front() {
            inner.unheard_cost -= cost(&text);
            if inner.unheard.is_empty() {
                inner.unheard = VecDeque::new();
            }
            // Called again at once: there may be more.
            self.bell.keeper.notify_one();
            return Poll::Ready(Heard::Text(text));
        }
        if inner.is_too_large {
            return Poll::Ready(Heard::TooLarge);
        }
        // What was taken before is obeyed: who said goodbye and hung up has left.
        if inner.has_lost {
            return Poll::Ready(Heard::Lost);
        }
        if is_called { Poll::Ready(Heard::Called) } else { Poll::Pending }
    }

    /// Whether a response that is attached has nothing to wait for any more.
    pub(super) fn is_gone(&self) -> bool {
        self.lock().is_gone
    }

    /// It is over: a response that is attached ends.
    pub(super) fn goes(&self) {
        self.lock().is_gone = true;
        self.bell.receiver.notify_one();
    }

    /// Ends the connection under a response whose client does not read it, if there is one.
    pub(super) fn cut(&self) -> bool {
        let cut = match &mut self.lock().receiver {
            Receiving::Attached(cut) => cut.take(),
            Receiving::Away(_) => None,
        };
        cut.is_some_and(|cut| {
            cut();
            true
        })
    }
}

/// How long a client may be without a response after one of so many bytes: it may still be reading that.
fn away_max(written: usize, silence: Duration) -> Duration {
    let reading = Duration::from_millis(written as u64 * 1_000 / READ_BYTES_PER_S);
    (AWAY_MAX + reading).min(silence.max(AWAY_MAX))
}

/// What it costs to keep a text.
fn cost(text: &str) -> usize {
    text.len() + TEXT_COST
}

#[cfg(test)]
pub(super) mod tests {
    use std::task::Waker;

    use super::*;

    const FRAME_BYTES: usize = 64 << 10;
    const SILENCE: Duration = Duration::from_secs(60);

    pub(crate) fn line() -> Line {
        Line::new("a ticket", FRAME_BYTES, SILENCE)
    }

    /// What the keeper learns now.
    fn heard(line: &Line) -> Option<Heard> {
        match line.poll_heard(&Context::from_waker(Waker::noop())) {
            Poll::Ready(heard) => Some(heard),
            Poll::Pending => None,
        }
    }

    #[test]
    fn texts_without_a_letter_are_not_free() {
        let line = line();
        let of = |count| vec![String::new(); count];
        assert_eq!(line.say(of(87_000)), Err(Untaken::TooMuch));
        line.say(of(10_000)).unwrap();
        assert_eq!(line.say(of(10_000)), Err(Untaken::Full), "the first are not obeyed yet");
        for _ in 0..10_000 {
            assert!(matches!(heard(&line), Some(Heard::Text(_))));
        }
        line.say(of(10_000)).unwrap();
    }

    #[test]
    fn four_of_the_largest_frames_find_room_however_large_they_are() {
        const LARGE: usize = 1 << 20;
        let line = Line::new("a ticket", LARGE, SILENCE);
        for _ in 0..4 {
            line.say(vec!["x".repeat(LARGE)]).unwrap();
        }
        assert_eq!(line.say(vec!["x".into()]), Err(Untaken::Full));
        assert_eq!(line.say(vec!["x".repeat(LARGE); 5]), Err(Untaken::TooMuch));
    }

    #[test]
    fn what_was_said_before_the_line_broke_is_obeyed() {
        let line = line();
        line.attach(None).unwrap();
        line.say(vec!["leave".into()]).unwrap();
        line.detach(1, true);
        assert!(matches!(heard(&line), Some(Heard::Text(text)) if text == "leave"));
        assert!(matches!(heard(&line), Some(Heard::Lost)));
    }

    #[test]
    fn who_was_given_much_has_the_time_to_read_it() {
        let seconds = |written| away_max(written, SILENCE).as_secs();
        assert_eq!(seconds(0), 5);
        assert_eq!(seconds(4 << 10), 6);
        assert_eq!(seconds(128 << 10), 37);
        assert_eq!(seconds(10 << 20), 60, "never longer than a client may be silent");
        assert_eq!(away_max(1 << 20, Duration::from_secs(2)), AWAY_MAX);
    }

    #[test]
    fn who_comes_too_late_is_not_told_that_another_is_there() {
        let line = line();
        line.attach(None).unwrap();
        assert_eq!(line.attach(None), Err(Unattached::Busy));
        line.goes();
        assert_eq!(line.attach(None), Err(Unattached::Gone));
    }

    #[test]
    fn a_session_that_is_over_keeps_nothing_of_what_was_said() {
        let line = line();
        line.say(vec!["before".into()]).unwrap();
        line.hears_no_more();
        line.say(vec!["after".into()]).unwrap();
        let inner = line.lock();
        assert_eq!((inner.unheard.len(), inner.unheard.capacity(), inner.unheard_cost), (0, 0, 0));
    }
}
